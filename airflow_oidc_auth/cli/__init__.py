"""``airflow oidc …``: what an administrator asks on the command line.

Owns the commands, their text and JSON output and their exit codes. Entry point:
:func:`~.definition.get_oidc_cli_commands`, which must stay cheap to import because every ``airflow`` command calls it.
Decides nothing itself: each command asks the part that the server asks (configuration, providers, rules, policy), puts
the answers into a report, and the report is printed as text or JSON.
"""
