"""How the fake IdP lies: explicit switches, one value per attack, and a catalogue of named attacks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

SIGNATURES = (
    "valid",
    "none",  # alg none with an empty signature
    "none_keeping_signature",  # alg none, but bytes where the signature belongs
    "hs256_public_key",  # HMAC keyed with our public key's PEM: algorithm confusion
    "hs256_client_secret",
    "broken",  # one bit of the signature flipped
    "tampered",  # claims changed after signing
    "foreign_key",  # our kid, somebody else's key
    "embedded_key",  # somebody else's key, offered in the header as jwk
    "remote_key",  # somebody else's key, offered in the header as jku
    "unknown_kid",
    "no_kid",
)
FAULTS = (
    "redirect",  # 302 to another host
    "error_500",
    "error_503",
    "error_429",
    "slow",  # answers after Misbehaviour.slow_seconds
    "hang_up",  # closes the connection without an answer
    "malformed_json",
    "json_array",
    "not_json",  # HTML with status 200, as captive portals do
    "empty",
    "huge",  # 8 MiB of JSON
    "invalid_grant",  # RFC 6749 §5.2
    "invalid_client",
    "unauthorized",  # 401 as of a token that was revoked, RFC 6750 §3.1
    "forbidden",  # 403 as of a scope that is missing
    "answer_lost",  # everything is done, and the connection is closed before the answer
)
GROUP_SHAPES = (
    "list",
    "single",
    "csv",
    "space",
    "json_string",
    "object",
    "null",
    "number",
    "boolean",
    "nested",
    "mixed",  # a list of everything
)
ENDPOINTS = ("discovery", "jwks", "authorize", "par", "token", "userinfo", "introspect", "end_session")


@dataclass(frozen=True, slots=True)
class Misbehaviour:
    """Everything that may be wrong at once; the default is an honest IdP.

    :param id_token_claims: laid over the id_token's claims before signing (``{"iss": …}``, ``{"sub": 7}``)
    :param omit_id_token_claims: left out of the id_token
    :param id_token_offsets: claim → seconds from now (``{"exp": -3600}``)
    :param id_token_header: laid over the JOSE header
    :param signature: one of :data:`SIGNATURES`
    :param algorithm: sign with this algorithm instead of the IdP's (``RS512``, ``ES256``, …)
    :param wrong_at_hash: ``at_hash`` of another access token
    :param omit_from_token_response: members left out (``id_token``, ``access_token``, ``token_type``)
    :param token_response: laid over the token response
    :param userinfo_claims: laid over userinfo (``{"sub": "somebody-else"}``)
    :param omit_userinfo_claims: left out of userinfo
    :param discovery: laid over the discovery document; None removes a member
    :param iss_parameter: RFC 9207: ``send``, ``omit`` or a foreign issuer to send
    :param authorization_error: answer the authorization request with this error
    :param authorization_response: laid over the callback's parameters; None removes one
    :param faults: endpoint (:data:`ENDPOINTS`) → one of :data:`FAULTS`
    :param keys_without_kid: the key set tells no key ids
    :param extra_keys: this many further RSA keys in the key set, before ours
    :param extra_mac_key: a ``kty: oct`` key in the key set (Cloud Foundry UAA's ``MAC``)
    :param extra_strange_key: a key of an unknown ``kty`` and a malformed one in the key set
    :param groups_shape: one of :data:`GROUP_SHAPES`
    :param rotate: a refresh gives a new refresh token, and using the old one again revokes the grant
    :param nonce_in_refresh: a refreshed id_token repeats the sign-in's nonce
    :param introspection: laid over the introspection answer
    :param logout_token_claims: laid over logout tokens; None removes a claim
    :param logout_token_offsets: claim → seconds from now
    :param logout_token_header: laid over the logout token's header; None removes a member
    """

    id_token_claims: Mapping[str, object] = field(default_factory=dict)
    omit_id_token_claims: tuple[str, ...] = ()
    id_token_offsets: Mapping[str, int] = field(default_factory=dict)
    id_token_header: Mapping[str, object] = field(default_factory=dict)
    signature: str = "valid"
    algorithm: str | None = None
    wrong_at_hash: bool = False
    omit_from_token_response: tuple[str, ...] = ()
    token_response: Mapping[str, object] = field(default_factory=dict)
    userinfo_claims: Mapping[str, object] = field(default_factory=dict)
    omit_userinfo_claims: tuple[str, ...] = ()
    discovery: Mapping[str, object] = field(default_factory=dict)
    iss_parameter: str = "send"
    authorization_error: str | None = None
    authorization_response: Mapping[str, str | None] = field(default_factory=dict)
    faults: Mapping[str, str] = field(default_factory=dict)
    slow_seconds: float = 3.0
    keys_without_kid: bool = False
    extra_keys: int = 0
    extra_mac_key: bool = False
    extra_strange_key: bool = False
    groups_shape: str = "list"
    rotate: bool = True
    nonce_in_refresh: bool = False
    introspection: Mapping[str, object] = field(default_factory=dict)
    logout_token_claims: Mapping[str, object] = field(default_factory=dict)
    logout_token_offsets: Mapping[str, int] = field(default_factory=dict)
    logout_token_header: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _refuse_unknown("signature", [self.signature], SIGNATURES)
        _refuse_unknown("fault", self.faults.values(), FAULTS)
        _refuse_unknown("endpoint", self.faults, ENDPOINTS)
        _refuse_unknown("groups_shape", [self.groups_shape], GROUP_SHAPES)


def _refuse_unknown(what: str, values: Iterable[str], known: tuple[str, ...]) -> None:
    # A switch with a typing mistake would make a test pass without its attack.
    for value in values:
        if value not in known:
            raise ValueError(f"unknown {what} {value!r}; known: {', '.join(known)}")


DOWN = Misbehaviour(faults=dict.fromkeys(ENDPOINTS, "hang_up"))
"""An IdP that is gone: every connection ends without an answer."""

FOREIGN_ISSUER = "https://idp.attacker.example"

ATTACKS: Mapping[str, Misbehaviour] = MappingProxyType(
    {
        "id_token of a foreign issuer": Misbehaviour(id_token_claims={"iss": FOREIGN_ISSUER}),
        "id_token whose issuer has a further slash": Misbehaviour(id_token_claims={"iss": "{issuer}/"}),
        "id_token without issuer": Misbehaviour(omit_id_token_claims=("iss",)),
        "id_token for another client": Misbehaviour(id_token_claims={"aud": "another-client"}),
        "id_token for a list of other clients": Misbehaviour(id_token_claims={"aud": ["one", "two"]}),
        "id_token with foreign aud and our azp": Misbehaviour(
            id_token_claims={"aud": "another-client", "azp": "{client_id}"}
        ),
        "id_token with empty aud": Misbehaviour(id_token_claims={"aud": []}),
        "id_token with aud of a wrong type": Misbehaviour(id_token_claims={"aud": {"{client_id}": True}}),
        "id_token without aud": Misbehaviour(omit_id_token_claims=("aud",)),
        "id_token with foreign azp": Misbehaviour(id_token_claims={"azp": "another-client"}),
        "id_token with foreign nonce": Misbehaviour(id_token_claims={"nonce": "replayed"}),
        "id_token without nonce": Misbehaviour(omit_id_token_claims=("nonce",)),
        "id_token expired": Misbehaviour(id_token_offsets={"exp": -3600}),
        "id_token without exp": Misbehaviour(omit_id_token_claims=("exp",)),
        "id_token with exp as text": Misbehaviour(id_token_claims={"exp": "9999999999"}),
        "id_token issued in the future": Misbehaviour(id_token_offsets={"iat": 3600}),
        "id_token without iat": Misbehaviour(omit_id_token_claims=("iat",)),
        "id_token not yet valid": Misbehaviour(id_token_offsets={"nbf": 3600}),
        "id_token without sub": Misbehaviour(omit_id_token_claims=("sub",)),
        "id_token with empty sub": Misbehaviour(id_token_claims={"sub": ""}),
        "id_token with a number as sub": Misbehaviour(id_token_claims={"sub": 7}),
        "id_token with a list as sub": Misbehaviour(id_token_claims={"sub": ["5d3a-0001"]}),
        "id_token with alg none": Misbehaviour(signature="none"),
        "id_token with alg none that keeps a signature": Misbehaviour(signature="none_keeping_signature"),
        "id_token signed HS256 with the public key": Misbehaviour(signature="hs256_public_key"),
        "id_token signed HS256 with the client secret": Misbehaviour(signature="hs256_client_secret"),
        "id_token with a broken signature": Misbehaviour(signature="broken"),
        "id_token tampered with after signing": Misbehaviour(signature="tampered"),
        "id_token signed by a foreign key": Misbehaviour(signature="foreign_key"),
        "id_token that brings its own key": Misbehaviour(signature="embedded_key"),
        "id_token that points at a key": Misbehaviour(signature="remote_key"),
        "id_token with an unknown kid": Misbehaviour(signature="unknown_kid"),
        "id_token with an unknown critical header": Misbehaviour(id_token_header={"crit": ["exotic"], "exotic": 1}),
        "at_hash of another access token": Misbehaviour(wrong_at_hash=True),
        "token response without id_token": Misbehaviour(omit_from_token_response=("id_token",)),
        "id_token that is no string": Misbehaviour(token_response={"id_token": {"sub": "5d3a-0001"}}),
        "id_token that is no JWT": Misbehaviour(token_response={"id_token": "a.b"}),
        "userinfo of another subject": Misbehaviour(userinfo_claims={"sub": "somebody-else"}),
        "userinfo without subject": Misbehaviour(omit_userinfo_claims=("sub",)),
        "discovery of a foreign issuer": Misbehaviour(discovery={"issuer": FOREIGN_ISSUER}),
        "discovery with a token endpoint on plain http": Misbehaviour(
            discovery={"token_endpoint": "http://idp.attacker.example/token"}
        ),
        "discovery without token endpoint": Misbehaviour(discovery={"token_endpoint": None}),
        "discovery without jwks_uri": Misbehaviour(discovery={"jwks_uri": None}),
        "answer without the promised iss": Misbehaviour(iss_parameter="omit"),
        "answer with a foreign iss": Misbehaviour(iss_parameter=FOREIGN_ISSUER),
        "answer with a foreign state": Misbehaviour(authorization_response={"state": "forged"}),
        "answer without state": Misbehaviour(authorization_response={"state": None}),
        "answer without code": Misbehaviour(authorization_response={"code": None}),
        "answer with a made-up code": Misbehaviour(authorization_response={"code": "guessed"}),
        "token endpoint redirects": Misbehaviour(faults={"token": "redirect"}),
        "token endpoint fails": Misbehaviour(faults={"token": "error_500"}),
        "token endpoint hangs up": Misbehaviour(faults={"token": "hang_up"}),
        "token endpoint answers malformed JSON": Misbehaviour(faults={"token": "malformed_json"}),
        "token endpoint answers a JSON list": Misbehaviour(faults={"token": "json_array"}),
        "token endpoint answers HTML": Misbehaviour(faults={"token": "not_json"}),
        "token endpoint answers nothing": Misbehaviour(faults={"token": "empty"}),
        "token endpoint answers without end": Misbehaviour(faults={"token": "huge"}),
        "token endpoint refuses the code": Misbehaviour(faults={"token": "invalid_grant"}),
        "token endpoint refuses the client": Misbehaviour(faults={"token": "invalid_client"}),
        "token endpoint's answer is lost": Misbehaviour(faults={"token": "answer_lost"}),
        "userinfo refuses the token": Misbehaviour(faults={"userinfo": "unauthorized"}),
        "userinfo forbids the token": Misbehaviour(faults={"userinfo": "forbidden"}),
        "keys fail": Misbehaviour(faults={"jwks": "error_500"}),
        "keys are malformed": Misbehaviour(faults={"jwks": "malformed_json"}),
        "discovery fails": Misbehaviour(faults={"discovery": "error_503"}),
        "discovery redirects": Misbehaviour(faults={"discovery": "redirect"}),
    }
)
"""Sign-ins that must not succeed, by name; text values may hold ``{issuer}`` and ``{client_id}``."""

ODD_BUT_HONEST: Mapping[str, Misbehaviour] = MappingProxyType(
    {
        "aud is a list": Misbehaviour(id_token_claims={"aud": ["{client_id}"]}),
        "azp is us": Misbehaviour(id_token_claims={"azp": "{client_id}"}),
        "several audiences and azp": Misbehaviour(
            id_token_claims={"aud": ["{client_id}", "another"], "azp": "{client_id}"}
        ),
        "auth_time is a float": Misbehaviour(id_token_claims={"auth_time": 1700000000.25}),
        "no kid anywhere": Misbehaviour(signature="no_kid", keys_without_kid=True),
        "several keys without kid": Misbehaviour(signature="no_kid", keys_without_kid=True, extra_keys=2),
        "no at_hash": Misbehaviour(omit_id_token_claims=("at_hash",)),
        "a MAC key in the key set": Misbehaviour(extra_mac_key=True),
        "strange keys in the key set": Misbehaviour(extra_strange_key=True),
        "RS512": Misbehaviour(algorithm="RS512"),
        "PS256": Misbehaviour(algorithm="PS256"),
        "ES256": Misbehaviour(algorithm="ES256"),
        "no iss parameter and none promised": Misbehaviour(
            iss_parameter="omit", discovery={"authorization_response_iss_parameter_supported": None}
        ),
        "clock a little ahead": Misbehaviour(id_token_offsets={"iat": 20}),
        "advertises none and HS256": Misbehaviour(
            discovery={"id_token_signing_alg_values_supported": ["none", "HS256", "RS256"]}
        ),
    }
)
"""Shapes of real servers that must work."""
