"""Codes of an IdP that is unreachable, slow, failing or misconfigured."""

from airflow_oidc_auth.messages.message import Message

MESSAGES = {
    "provider_unreachable": Message(
        "Identity provider unreachable",
        "The identity provider did not answer.",
        "Try again in a moment. People who are signed in carry on.",
        502,
        "idp",
    ),
}
