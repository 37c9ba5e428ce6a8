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
        "It was already finished, took too long, or was begun in another browser or at another address.",
        "Start again from the sign-in page. If it keeps happening, allow cookies for this site.",
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
    "attempt_mixed_up": Message(
        "Sign-in answer refused",
        "The answer came to another identity provider's address than the one this sign-in was begun with.",
        "Start again from the sign-in page; if it happens again, tell your Airflow administrator.",
        400,
        "user",
    ),
    "session_not_kept": Message(
        "Signed in, but not recognised",
        "You signed in a moment ago, yet Airflow does not recognise your browser. To avoid going round in circles,"
        " you were not sent to the identity provider again.",
        "Allow cookies for this site and sign in again. Administrators: `[api] base_url` must be the address that"
        " browsers show, and `[api_auth] jwt_secret` the same on every API server.",
        403,
    ),
    "not_signed_in": Message(
        "Not signed in",
        "Sign in to see this page.",
        "Send the session cookie of a signed-in browser.",
        401,
        "user",
    ),
    "duplicate_parameter": Message(
        "Request refused",
        "A parameter was given more than once.",
        "Start again from the sign-in page.",
        400,
        "user",
    ),
    "request_too_large": Message(
        "Request refused",
        "The request is larger than any that this page expects.",
        "Start again from the sign-in page.",
        400,
        "user",
    ),
    "request_malformed": Message(
        "Request refused",
        "The request is not well-formed.",
        "Start again from the sign-in page.",
        400,
        "user",
    ),
    "page_unknown": Message(
        "Page not found",
        "There is no page at this address.",
        "Go to Airflow, or to the sign-in page.",
        404,
        "user",
    ),
    "method_not_allowed": Message(
        "Request refused",
        "This address does not answer that kind of request.",
        "Go to Airflow, or to the sign-in page.",
        405,
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
        "The address to return to does not belong to this Airflow, so you are not sent there.",
        "Sign in and go to the page from there. If the address is right, `[api] base_url` is not the address that"
        " your browser shows.",
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
