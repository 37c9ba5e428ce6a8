"""Codes of a configuration that cannot be used."""

from airflow_oidc_auth.messages.message import Message

MESSAGES = {
    "configuration_invalid": Message(
        "Configuration invalid",
        "The sign-in configuration cannot be used.",
        "Run `airflow oidc check`: it lists every problem with its exact place.",
        500,
    ),
}
