"""How a session keeps an access token: with the time of its end, so that late is not taken for revoked.

An IdP answers 401 for a token that was revoked and for one that has expired, and only the first ends a session. The
stored text is ``<epoch seconds or -> <token>``; nobody but the provider reads it.
"""

from __future__ import annotations

from airflow_oidc_auth.secret import Secret


def hold_access_token(token: Secret, expires_in: int | None, now: float) -> Secret:
    """Return what is stored.

    :param expires_in: seconds from now, or None where the IdP does not tell
    """
    return Secret(f"{'-' if expires_in is None else int(now) + expires_in} {token.reveal()}")


def read_held_token(held: Secret) -> tuple[Secret, int | None]:
    """Return the token and when it expires, epoch seconds or None."""
    until, _, token = held.reveal().partition(" ")
    if not token or not (until == "-" or (until.isascii() and until.isdigit())):
        return held, None
    return Secret(token), None if until == "-" else int(until)
