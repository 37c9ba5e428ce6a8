"""Codes of an IdP that is unreachable, slow, failing or misconfigured."""

from airflow_oidc_auth.messages.message import Message

_RETRY = "Try again in a moment. People who are signed in carry on."
_CHECK = "Run `airflow oidc check`; it tests the live identity provider."


def _down(title: str, text: str, status: int = 502, hint: str = _RETRY) -> Message:
    return Message(title, text, hint, status, "idp")


def _wrong(title: str, text: str, hint: str = _CHECK) -> Message:
    return Message(title, text, hint, 502, "admin")


MESSAGES = {
    "provider_unreachable": _down("Identity provider unreachable", "The identity provider did not answer."),
    "provider_timeout": _down("Identity provider too slow", "The identity provider did not answer in time.", 504),
    "provider_busy": _down(
        "Too many sign-ins at once", "Too many sign-ins are waiting for the identity provider.", 503
    ),
    "provider_failing": _down("Identity provider failing", "The identity provider answered with an error."),
    "provider_tls": _wrong(
        "Identity provider not trusted",
        "The TLS certificate of the identity provider could not be verified.",
        "Set `http.ca_file` of the provider to your private CA's PEM bundle, or check the host name.",
    ),
    "provider_proxy": _wrong(
        "Outbound proxy failing",
        "The outbound proxy did not let Airflow reach the identity provider.",
        "Check `http.proxy` of the provider, or HTTPS_PROXY and NO_PROXY of the API server.",
    ),
    "provider_redirected": _wrong(
        "Identity provider redirects",
        "The identity provider answered with a redirect, which is never followed.",
        "Check `issuer` and `discovery_url` of the provider: use the address that answers directly.",
    ),
    "provider_answer_too_large": _wrong(
        "Answer too large", "The answer of the identity provider is larger than anything it should send."
    ),
    "provider_answer_malformed": _wrong(
        "Answer not understood", "The identity provider sent an answer that cannot be understood."
    ),
    "provider_url_insecure": _wrong(
        "Address not safe",
        "The identity provider names an address without TLS, so nothing is sent there.",
        "Every endpoint must be https (http only on the loopback of a loopback issuer); check `issuer`.",
    ),
    "discovery_malformed": _wrong(
        "Discovery not usable",
        "The discovery document of the identity provider is incomplete or not valid.",
        "Check `issuer`, or `discovery_url` / `discovery_file` of the provider.",
    ),
    "discovery_issuer_mismatch": _wrong(
        "Issuer differs",
        "The identity provider calls itself by another issuer than the configured one.",
        "Set `issuer` of the provider to exactly what its discovery document says; a trailing slash matters.",
    ),
    "discovery_file_unreadable": _wrong(
        "File not readable",
        "A file that stands in for the identity provider's documents cannot be read.",
        "Check `discovery_file` and `jwks_file` of the provider.",
    ),
    "keys_malformed": _wrong(
        "Keys not usable",
        "The identity provider's key document is not valid.",
        "Check `jwks_file` of the provider, or the `jwks_uri` of its discovery document.",
    ),
    "client_rejected": _wrong(
        "Client refused by the identity provider",
        "The identity provider does not accept this Airflow as a client.",
        "Check `client_id`, `client_secret` and `client_auth` of the provider.",
    ),
    "client_key_unusable": _wrong(
        "Client key not usable",
        "The private key that signs for this Airflow cannot be used.",
        "Set `private_key` of the provider to a PEM key: RSA of 2048 bits or more, EC, or Ed25519.",
    ),
    "authorization_request_refused": _wrong(
        "Sign-in request refused",
        "The identity provider did not accept Airflow's sign-in request.",
        "Compare redirect URI, `scopes` and `authorization_parameters` with the client at the identity provider.",
    ),
    "token_request_refused": _wrong(
        "Token request refused",
        "The identity provider did not accept Airflow's token request.",
        "Compare redirect URI, `scopes` and `client_auth` with the client at the identity provider.",
    ),
    "token_answer_malformed": _wrong(
        "Token answer not understood", "The token answer of the identity provider is incomplete or not valid."
    ),
    "id_token_missing": _wrong(
        "No id_token",
        "The identity provider sent no id_token.",
        "Add `openid` to `scopes` of the provider.",
    ),
    "id_token_encrypted": _wrong(
        "id_token encrypted",
        "The identity provider encrypts its id_token, which is not supported.",
        "Turn id_token encryption off for this client at the identity provider.",
    ),
    "userinfo_refused": _wrong(
        "Userinfo refused",
        "The identity provider did not tell who signed in.",
        "Check `scopes` of the provider, or set `userinfo: never` if the id_token has all claims.",
    ),
    "userinfo_missing": _wrong(
        "No userinfo endpoint",
        "Claims are expected from userinfo, but the identity provider offers no such endpoint.",
        "Set `userinfo: never` and take claims and groups `from: id_token`.",
    ),
    "par_unsupported": _wrong(
        "PAR not offered",
        "Pushed authorization requests are configured, but the identity provider does not offer them.",
        "Set `par: false` for the provider.",
    ),
    "access_token_opaque": _wrong(
        "Access token cannot be read",
        "Groups are expected from the access token, which is not a readable token.",
        "Take the groups `from: id_token` or `from: userinfo`, or make the identity provider issue JWT access tokens.",
    ),
    "groups_unavailable": _down(
        "Groups unavailable",
        "The identity provider could not tell the groups, so nobody is signed in with fewer of them.",
    ),
}
