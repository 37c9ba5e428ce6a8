"""Codes of the tokens that we issue: when there is none, and why one ends."""

from airflow_oidc_auth.messages.message import Message

MESSAGES = {
    "personal_tokens_disabled": Message(
        "Personal tokens are switched off",
        "In this Airflow nobody makes tokens of their own.",
        "Use an access token of the identity provider, or let `tokens.personal` be true.",
        403,
    ),
    "token_owner_gone": Message(
        "Session has ended",
        "No token was made: the session or token that asked for it has ended.",
        "Sign in again, or get a new token of the identity provider.",
        401,
        "user",
    ),
    "token_owner_unverified": Message(
        "Please sign in again",
        "No token was made: the identity provider has not confirmed you for longer than tokens may live without that.",
        "Sign in again, then make the token. The setting is `tokens.unverified_lifetime`.",
        403,
        "user",
    ),
    "token_owner_break_glass": Message(
        "No tokens in an emergency session",
        "A break-glass session makes no tokens: they would outlive it.",
        "Sign in at the identity provider when it is back.",
        403,
        "user",
    ),
    "token_too_many": Message(
        "Too many tokens",
        "You have 2,000 tokens, and no more can be made until some of them end.",
        "Revoke those that nobody needs (`airflow oidc tokens revoke`); let programs ask for short ones (expires_in).",
        403,
        "user",
    ),
    "token_binding_needed": Message(
        "Only bound tokens are issued",
        "This Airflow issues only tokens that are bound to a key.",
        "Ask the token endpoint for one with a DPoP proof (RFC 9449); `tokens.require_dpop` is set.",
        400,
        "user",
    ),
    "token_not_found": Message(
        "No such token",
        "There is no token here that you could revoke: it has ended already, or it is not yours.",
        "Go back to “My access”, which lists your tokens.",
        404,
        "user",
    ),
    "token_unverified": Message(
        "Token ended",
        "The token's owner was not confirmed by the identity provider for too long.",
        "Sign in and make another one. The setting is `tokens.unverified_lifetime`; a refresh token avoids it.",
        401,
        "user",
    ),
    "token_roles_lost": Message(
        "Token ended",
        "Its owner has lost every role that the token was for.",
        "Ask your administrator for the role, then make another one.",
        401,
        "user",
    ),
}
