"""Codes of the sessions page and of break-glass."""

from airflow_oidc_auth.messages.message import Message

_ANOTHER = "On a host with database access, make another one: `airflow oidc break-glass`."

MESSAGES = {
    "session_not_found": Message(
        "No such session",
        "There is no session here that you could end: it has ended already, or it is not yours.",
        "Go back to the list of sessions.",
        404,
        "user",
    ),
    "break_glass_disabled": Message(
        "Break-glass is switched off",
        "This Airflow lets nobody in by a break-glass link.",
        "Sign in at the identity provider. `sessions.break_glass` is off in the configuration.",
        403,
    ),
    "break_glass_unknown": Message(
        "Link refused",
        "This is no break-glass link of this Airflow.",
        f"Copy the whole address. {_ANOTHER}",
        403,
    ),
    "break_glass_used": Message(
        "This link was used already",
        "A break-glass link lets somebody in once.",
        "If it was not you, end that session at once: it is on the sessions page and in"
        f" `airflow oidc sessions list --provider break-glass`. {_ANOTHER}",
        403,
    ),
    "break_glass_expired": Message(
        "This link is too old",
        "A break-glass link can be opened for ten minutes.",
        _ANOTHER,
        403,
    ),
}
