"""Codes of the sign-in journey: attempts, refusals, our own pages."""

from airflow_oidc_auth.messages.message import Message

MESSAGES = {
    "no_matching_rule": Message(
        "No access yet",
        "You signed in, but none of your groups gives you access to this Airflow.",
        "Ask your Airflow administrator for access, and tell them the reference below.",
        403,
        "user",
    ),
    "requirement_not_met": Message(
        "Sign-in requirement not met",
        "You signed in, but this Airflow asks for something that your sign-in does not show.",
        "Do what the message says, then sign in again.",
        403,
        "user",
    ),
    "attempt_unknown": Message(
        "This sign-in has ended",
        "This sign-in was already finished, took too long, or was begun in another browser.",
        "Start again from the sign-in page.",
        400,
        "user",
    ),
    "attempt_expired": Message(
        "This sign-in took too long",
        "The time to finish this sign-in has passed.",
        "Start again from the sign-in page.",
        400,
        "user",
    ),
    "provider_unknown": Message(
        "Unknown identity provider",
        "No identity provider of that name is configured.",
        "Start again from the sign-in page.",
        404,
        "user",
    ),
    "unsafe_next": Message(
        "Link refused",
        "The address to return to does not belong to this Airflow.",
        "Open Airflow and go to the page from there.",
        400,
        "user",
    ),
    "csrf_failed": Message(
        "Form refused",
        "The form was not sent from a page of this Airflow, or is too old.",
        "Reload the page and try again.",
        403,
        "user",
    ),
    "internal_error": Message(
        "Something went wrong",
        "Airflow could not finish this request.",
        "Try again; if it happens again, tell your Airflow administrator the reference below.",
        500,
    ),
    "audit_unavailable": Message(
        "Sign-in cannot be recorded",
        "Airflow could not write the audit record, so nobody is signed in.",
        "Tell your Airflow administrator; the metadata database may be down.",
        503,
    ),
}
