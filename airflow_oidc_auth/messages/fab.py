"""Codes of FAB mode: FAB users, their links and their roles."""

from airflow_oidc_auth.messages.message import Message

MESSAGES = {
    "fab_user_inactive": Message(
        "Account deactivated",
        "Your account in this Airflow is deactivated.",
        "Ask your Airflow administrator to activate it on the page Security, List Users.",
        403,
    ),
    "fab_user_deleted": Message(
        "Account deleted",
        "Your account in this Airflow was deleted.",
        "Ask your Airflow administrator; with `AUTH_USER_REGISTRATION = True` the next sign-in makes a new account.",
        403,
    ),
    "fab_user_unlinked": Message(
        "Account unlinked",
        "Your sign-in no longer belongs to an account in this Airflow.",
        "Ask your Airflow administrator, who can run `airflow oidc link`.",
        403,
    ),
    "fab_registration_closed": Message(
        "No account in this Airflow",
        "You signed in, but you have no account in this Airflow, and it does not make accounts by itself.",
        "Ask your Airflow administrator to run `airflow oidc link`, or to set `AUTH_USER_REGISTRATION = True` in"
        " webserver_config.py.",
        403,
    ),
    "fab_role_missing": Message(
        "No usable role",
        "You signed in, but the roles that your groups give do not exist in this Airflow.",
        "Ask your Airflow administrator to create the roles on the page Security, List Roles, or to name others in"
        " `AUTH_ROLES_MAPPING` or `grants.rules`. Letter case counts.",
        403,
    ),
    "fab_user_conflict": Message(
        "Account could not be made",
        "You signed in, but every name for your new account is taken by another one.",
        "Ask your Airflow administrator to run `airflow oidc link`, or to rename the users whose names end in the"
        " letters shown in the log.",
        409,
    ),
    "fab_user_unknown": Message(
        "No such FAB user",
        "There is no FAB user of that name.",
        "Give the name as `airflow users list` shows it; letter case counts.",
        404,
    ),
    "fab_already_linked": Message(
        "Already linked",
        "The FAB user or the identity is linked already.",
        "Look at `airflow oidc links` and run `airflow oidc unlink` first.",
        409,
    ),
    "fab_not_linked": Message(
        "Not linked",
        "There is no such link.",
        "Look at `airflow oidc links`.",
        404,
    ),
}
