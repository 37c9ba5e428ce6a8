"""Signing in to an Airflow from a terminal, with nothing but its address.

Owns: asking an Airflow which identity providers its terminals use, the device grant (RFC 8628) and the loopback
redirect (RFC 8252) with a public client, the exchange for an Airflow token, and the places where airflowctl and we
keep tokens. Entry points: :func:`.signing_in.sign_in`, :func:`.renewal.fresh_token`, :func:`.signing_out.sign_out`.
Must not know: the metadata database, the server's configuration, FastAPI.

Whatever an Airflow or an identity provider sends is a stranger's text: addresses are judged before anything is sent
to them (:mod:`.addresses`), and nothing reaches the terminal unprinted by :func:`airflow_oidc_auth.cli.text.printable`.
"""
