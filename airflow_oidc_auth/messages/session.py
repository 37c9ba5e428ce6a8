"""Codes of sessions and tokens."""

from airflow_oidc_auth.messages.message import Message

MESSAGES = {
    "session_store_unavailable": Message(
        "Sessions unavailable",
        "Airflow could not store or read the session.",
        "Try again in a moment; the metadata database may be down.",
        503,
    ),
}
