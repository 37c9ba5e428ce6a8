"""Codes of sessions that follow the IdP: confirming them, and logout tokens."""

from airflow_oidc_auth.messages.message import Message

_LOGOUT_HINT = "Compare the client's back-channel logout settings at the identity provider with the provider here."
_CLOCK = "Compare the clocks of Airflow and the identity provider (`airflow oidc check`); `leeway` is the tolerance."


def _logout(text: str, hint: str = _LOGOUT_HINT) -> Message:
    return Message("Logout message refused", text, hint, 400, "idp")


def _refreshed(text: str) -> Message:
    return Message(
        "Session not confirmed",
        text,
        "The session carries on unconfirmed; compare the client's settings at the identity provider.",
        502,
        "idp",
    )


MESSAGES = {
    "session_refused_by_provider": Message(
        "Session ended by the identity provider",
        "The identity provider no longer vouches for this sign-in.",
        "Sign in again; if that fails, ask the people who run your identity provider.",
        401,
        "user",
    ),
    "confirmation_impossible": Message(
        "Session cannot be confirmed",
        "Nothing is held with which the identity provider could be asked about this session.",
        "Let the identity provider issue refresh tokens to this client; the page of its preset says how.",
        502,
    ),
    "introspection_refused": Message(
        "Introspection refused",
        "The identity provider did not tell whether the token is still valid.",
        "Allow this client to introspect its own tokens (RFC 7662), or let it have refresh tokens.",
        502,
    ),
    "refreshed_issuer": _refreshed("The refreshed identity token comes from another issuer than the first one."),
    "refreshed_subject": _refreshed("The identity provider's answer is about another person."),
    "refreshed_audience": _refreshed("The refreshed identity token leaves out an audience of the first one."),
    "refreshed_nonce": _refreshed("The refreshed identity token carries another nonce than the first one."),
    "refreshed_auth_time": _refreshed("The refreshed identity token has a time of authentication that cannot be."),
    "refreshed_out_of_order": _refreshed("The refreshed identity token is older than the one before it."),
    "logout_token_malformed": _logout("The logout token is not valid."),
    "logout_token_type": _logout("The token is of another type than a logout token."),
    "logout_token_algorithm": _logout(
        "The logout token is signed with an algorithm that is not accepted.",
        "Set `algorithms` of the provider, or the client's signing algorithm at the identity provider.",
    ),
    "logout_token_key_unknown": _logout(
        "The logout token is signed with a key that the identity provider does not publish."
    ),
    "logout_token_signature": _logout("The signature of the logout token is not valid."),
    "logout_token_issuer": _logout("The logout token comes from another issuer."),
    "logout_token_audience": _logout("The logout token is meant for another application."),
    "logout_token_expired": _logout("The logout token is too old.", _CLOCK),
    "logout_token_not_yet_valid": _logout("The logout token is not valid yet.", _CLOCK),
    "logout_token_claim": _logout("A claim of the logout token is missing or has the wrong type."),
    "logout_token_events": _logout("The token does not say that it is about a logout."),
    "logout_token_nonce": _logout("The token has a nonce, which no logout token has."),
    "logout_token_about_nobody": _logout("The logout token names neither a session nor a person."),
    "logout_token_replayed": _logout("The logout token was used before."),
    "logout_token_unsupported": _logout(
        "This provider does not take back-channel logout.",
        "Only OpenID Connect providers send logout tokens.",
    ),
}
