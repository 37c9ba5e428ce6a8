"""Codes of sessions and tokens."""

from airflow_oidc_auth.messages.message import Message

MESSAGES = {
    "session_store_unavailable": Message(
        "Sessions unavailable",
        "Airflow could not store or read the session.",
        "Try again in a moment; the metadata database may be down.",
        503,
    ),
    "session_store_busy": Message(
        "Too many sign-ins at once",
        "Airflow is busy storing and reading sessions.",
        "Try again in a moment; the metadata database may be slow.",
        503,
    ),
    "identity_not_storable": Message(
        "Unusable account",
        "The identity provider sent an account id that Airflow cannot keep.",
        "Ask your administrator to look at `iss` and `sub`: at most 1,024 printable characters each.",
        502,
        "idp",
    ),
    "principal_conflict": Message(
        "Account mix-up prevented",
        "Airflow's record of this account belongs to somebody else, so nobody is signed in.",
        "Tell your Airflow administrator; the row of this principal in table oidc_auth_principal was changed.",
        500,
    ),
}
