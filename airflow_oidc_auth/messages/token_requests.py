"""Codes of the token endpoint. Programs read them in ``error_description``: ASCII, no double quotes, no backslash."""

from airflow_oidc_auth.messages.message import Message

_CLIENT = "The id and the secret or key must be those of an entry of `tokens.clients`."


def _request(text: str, hint: str, status: int = 400, actor: str = "user") -> Message:
    return Message("No token for this request", text, hint, status, actor)


MESSAGES = {
    "token_request_malformed": _request(
        "The request is not a form that can be read.",
        "Send application/x-www-form-urlencoded with each parameter at most once, below 64 KB.",
    ),
    "token_request_json": _request(
        "There are no user names and passwords here, and requests are forms, not JSON.",
        "Exchange a token of your identity provider (grant_type urn:ietf:params:oauth:grant-type:token-exchange), "
        "or create a token in Airflow's menu.",
    ),
    "token_request_in_address": _request(
        "The address has parameters, which logs on the way keep.",
        "Send everything in the body. If a token or secret was in the address, revoke it.",
    ),
    "grant_type_missing": _request("There is no grant_type.", "The documentation lists the four that are offered."),
    "grant_type_unknown": _request(
        "This grant_type is not offered.",
        "Offered are token-exchange, jwt-bearer and client_credentials; at /auth/token/cli token-exchange alone.",
    ),
    "token_parameter_missing": _request("A parameter is missing.", "/auth/openapi.json describes every field."),
    "token_type_unsupported": _request(
        "This type of token is not supported.",
        "Supported are the types access_token and jwt of urn:ietf:params:oauth:token-type.",
    ),
    "token_id_token": _request(
        "An id_token says who signed in to another application; it is no access token.",
        "Bring the access_token of the identity provider's answer. People at a terminal use `airflow oidc login`.",
    ),
    "token_not_exchangeable": _request(
        "The token is not valid any more, or nobody issued it whose tokens are taken here.",
        "Bring a token of a provider with `api`, or a living token of this Airflow.",
    ),
    "token_used_before": _request("The id_token was brought before.", "Sign in again: each is good for one token."),
    "actor_token_refused": _request(
        "This actor may not act for the owner of the token.",
        "Delegation needs a token of the identity provider as subject_token, and `may_act` must not name another.",
    ),
    "token_scope_malformed": _request(
        "The scope cannot be read.", "It is a list of at most 64 role names; spaces in names are written %20."
    ),
    "token_scope_not_held": _request(
        "A role in scope is not yours to pass on.",
        "Ask for roles that rules give the owner of the token, or leave scope out.",
    ),
    "token_lifetime_malformed": _request("expires_in is no number.", "It is a whole number of seconds from 1."),
    "token_lifetime_too_long": _request(
        "The lifetime that was asked for is longer than is allowed.",
        "Ask for less, or leave expires_in out; the limits are in `tokens`, and a token never outlives the one it is "
        "exchanged for.",
    ),
    "token_label_malformed": _request("The label cannot be kept.", "It is a text of at most 100 printable characters."),
    "token_target_foreign": _request(
        "The token is wanted for something that is not this Airflow.",
        "Leave audience and resource out, or name the address of this Airflow (`[api] base_url`).",
    ),
    "token_password": _request(
        "There are no user names and passwords here.",
        "Write __token__ as user name and, as password, an access token of your identity provider or of this Airflow; "
        "or leave both empty and give client_id and client_secret of a configured client.",
    ),
    "token_client_required": _request("The request does not say which client it comes from.", _CLIENT, 401),
    "token_client_refused": _request("The client could not be authenticated.", _CLIENT, 401),
    "token_client_twice": _request(
        "The request authenticates a client in more than one way, or names two.",
        "Send either an Authorization header, or client_secret, or client_assertion.",
    ),
    "token_client_unproved": _request(
        "The request names a client and does not prove that it comes from it.",
        "Leave client_id out, or authenticate the client.",
        401,
    ),
    "token_client_scheme": _request(
        "This Authorization header is not for the token endpoint.",
        "Bring the token in the form (subject_token); the header is for a client's id and secret (Basic).",
    ),
    "token_client_keys": _request(
        "The keys of the client cannot be read.",
        "Check `jwks_file` of the client on every API server; the log says what is wrong with it.",
        503,
        "admin",
    ),
    "token_to_revoke_missing": _request("There is no token to revoke.", "Send it as the parameter token."),
    "token_cli_provider": _request(
        "There is no provider of that name for terminals.", "Ask GET /auth/token/cli; it needs `cli` in the document."
    ),
}
