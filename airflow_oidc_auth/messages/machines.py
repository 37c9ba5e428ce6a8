"""Codes of what programs bring: access tokens, proofs of possession, requests for tokens."""

from airflow_oidc_auth.messages.message import Message

_CLOCK = "Compare the clocks of Airflow and the identity provider (`airflow oidc check`); `leeway` is the tolerance."
_NEW = "Ask your identity provider for a new access token."


def _token(text: str, hint: str = _NEW) -> Message:
    return Message("Access token not accepted", text, hint, 401, "user")


def _proof(text: str, hint: str = "Make a new proof for each request, as RFC 9449 describes.") -> Message:
    return Message("DPoP proof not accepted", text, hint, 401, "user")


def told_to_program(code: str) -> str:
    """Return the code that a program is told for a decision's: a sign-in's texts speak to a person at a browser."""
    return _OF_DECISIONS.get(code, code)


_OF_DECISIONS = {
    "no_matching_rule": "token_no_role",
    "requirement_not_met": "token_requirement",
    "step_up_needed": "token_step_up",
}

MESSAGES = {
    "token_malformed": _token("The access token is not valid."),
    "token_too_large": _token("The access token is larger than any should be.", "Let the token hold fewer claims."),
    "token_algorithm": _token(
        "The access token is signed with an algorithm that is not accepted.",
        "Set `algorithms` of the provider, or the signing algorithm of access tokens at the identity provider.",
    ),
    "token_key_unknown": _token(
        "The access token is signed with a key that the identity provider does not publish.",
        "Try again in a minute if keys were just changed; else check `jwks_file` or the key set of the provider.",
    ),
    "token_signature": _token("The signature of the access token is not valid."),
    "token_issuer": _token("The access token comes from another issuer."),
    "token_audience": _token(
        "The access token is meant for another application.",
        "Ask for a token for this Airflow: its administrator finds the audience in `airflow oidc check`.",
    ),
    "token_expired": _token("The access token is too old."),
    "token_not_yet_valid": _token("The access token is not valid yet.", _CLOCK),
    "token_lifetime": _token(
        "The access token lives longer than is accepted.",
        "Ask for a token of a shorter lifetime, or raise `api.max_lifetime` of the provider.",
    ),
    "token_type": _token(
        "The token does not say that it is an access token.",
        "Let the identity provider type its access tokens `at+jwt` (RFC 9068), or set `api.token_types`.",
    ),
    "token_is_no_access_token": _token(
        "The token is no access token: it looks like an identity, refresh or logout token.",
        "Send the access_token of the identity provider's answer, not its id_token.",
    ),
    "token_age_unknown": _token(
        "The identity provider does not say when the access token was issued.",
        "Let the provider's introspection answer with `iat`: without it nobody can tell whether the token is older "
        "than a revocation of what its owner has.",
    ),
    "token_claim": _token("A claim of the access token is missing or has the wrong type."),
    "token_subject": _token("The access token does not say whose it is."),
    "token_actor": _token("The access token does not say clearly who acts for whom."),
    "token_binding": _token(
        "The access token is bound to something that cannot be checked here.",
        "Ask for a plain bearer token, or for one that is bound by DPoP.",
    ),
    "token_groups_elsewhere": _token(
        "The access token does not hold the groups of its owner, only where to ask for them.",
        "Use app roles, or let the identity provider emit only the groups that are assigned to this application.",
    ),
    "token_not_accepted": _token("The account of the access token belongs to no organisation that is accepted here."),
    "token_inactive": _token("The identity provider says that the access token is not valid, or no longer."),
    "token_scope": Message(
        "Access token lacks a scope",
        "The access token lacks a scope that is needed here.",
        "Ask for a token with every scope in `api.required_scopes` of the provider.",
        403,
        "user",
    ),
    "token_unknown": _token(
        "The token is none that is accepted here: nobody here knows its issuer, or its session has ended.",
        "Ask for a new one where this one came from; `airflow oidc check` names the issuers that are accepted.",
    ),
    "token_no_role": Message(
        "No access for this token",
        "The access token is valid, and no rule gives its owner a role here.",
        "Ask your Airflow administrator for access; `airflow oidc explain` shows what each rule makes of the claims.",
        403,
        "admin",
    ),
    "token_requirement": Message(
        "Requirement not met",
        "The access token is valid, but does not show something that this Airflow asks for.",
        "Ask your Airflow administrator; `airflow oidc explain` shows what each requirement makes of the claims.",
        403,
        "user",
    ),
    "token_step_up": Message(
        "A stronger or fresher sign-in is needed",
        "The roles of this token's owner are for sign-ins of a certain strength or age, which no access token shows.",
        "Sign in with a browser, or let a rule without `needs` give programs their roles.",
        403,
        "user",
    ),
    "token_exchange_needed": Message(
        "Exchange the access token instead",
        "An access token of the identity provider makes no personal tokens.",
        "Exchange it at `/auth/token` (RFC 8693): that keeps who acts for whom, and the key it is bound to.",
        403,
        "user",
    ),
    "token_revoked": _token("The owner's tokens were revoked after this one was issued."),
    "token_repeated": _token(
        "The request has more than one Authorization header.", "Send one; a proxy may have added another."
    ),
    "token_in_address": _token(
        "A token in the address of a request is not accepted.",
        "Send it in the Authorization header. Addresses get into logs: take this token for published.",
    ),
    "token_check_busy": Message(
        "Tokens cannot be checked now",
        "Too many tokens that this server has not seen before are being checked at the identity provider.",
        "Try again in a few seconds; access tokens that are JWTs are mostly checked without asking anybody.",
        503,
        "nobody",
    ),
    "token_issuer_unavailable": Message(
        "Tokens of this issuer cannot be checked now",
        "The identity provider that issued the access token did not answer.",
        "Try again in a moment; `/auth/health` tells how each provider is doing.",
        503,
        "idp",
    ),
    "delegation_refused": Message(
        "Not on behalf of somebody",
        "What this program may do on behalf of its person gives no role here.",
        "Act in your own name, or ask the Airflow administrator about `grants.delegated_roles`.",
        403,
        "admin",
    ),
    "dpop_missing": _proof("The token is bound to a key, and the request proves no possession of it."),
    "dpop_required": _proof(
        "Only tokens that are bound to a key are accepted here.",
        "Ask the token endpoint for one with a DPoP proof; `tokens.require_dpop` is set.",
    ),
    "dpop_scheme": _proof(
        "The token is bound to a key and was sent as a bearer token.", "Send it as `Authorization: DPoP`, with a proof."
    ),
    "dpop_unbound": _proof(
        "The token is not bound to a key and was sent as if it were.", "Send it as `Authorization: Bearer`."
    ),
    "dpop_malformed": _proof("The DPoP proof is not valid, or there is more than one."),
    "dpop_algorithm": _proof("The DPoP proof is signed with an algorithm that is not accepted."),
    "dpop_key": _proof("The key of the DPoP proof cannot be used."),
    "dpop_signature": _proof("The signature of the DPoP proof is not valid."),
    "dpop_method": _proof("The DPoP proof was made for another HTTP method."),
    "dpop_address": _proof(
        "The DPoP proof was made for another address.", "`htu` is the address below `[api] base_url`, without query."
    ),
    "dpop_time": _proof("The DPoP proof is too old or from the future.", _CLOCK),
    "dpop_token": _proof("The DPoP proof was made for another access token."),
    "dpop_other_key": _proof("The DPoP proof is signed with another key than the one the token is bound to."),
    "dpop_replayed": _proof("The DPoP proof was used before."),
    "rate_limited": Message(
        "Too many tries",
        "Too many requests came from your address in a short time.",
        "Wait as long as `Retry-After` says, usually less than a minute. Where many share one address, raise "
        "`rate_limits`; where everybody seems to share one, let the API server trust its proxy.",
        429,
        "user",
    ),
}
