"""Codes of broken, forged, replayed or late protocol messages."""

from airflow_oidc_auth.messages.message import Message

_AGAIN = "Start again from the sign-in page; if it happens again, tell your Airflow administrator."

MESSAGES = {
    "state_mismatch": Message(
        "Sign-in answer refused", "The answer does not belong to a sign-in begun here.", _AGAIN, 400, "user"
    ),
}
