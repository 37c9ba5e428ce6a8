"""The fake IdP's tokens: honest claims first, then whatever the misbehaviour lays over them."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from airflow_oidc_auth.testing.keys import SigningKeys, at_hash, base64url, encode_segment, sign, sign_hmac
from airflow_oidc_auth.testing.misbehaviour import FOREIGN_ISSUER, Misbehaviour
from airflow_oidc_auth.testing.users import FakeUser


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """What an id_token is made for."""

    issuer: str
    client_id: str
    client_secret: str
    user: FakeUser
    access_token: str
    nonce: str | None
    sid: str
    auth_time: int
    now: int


def shape_groups(groups: tuple[str, ...], shape: str) -> object:
    """Spell groups as one of :data:`~airflow_oidc_auth.testing.misbehaviour.GROUP_SHAPES`."""
    shapes: Mapping[str, object] = {
        "list": list(groups),
        "single": groups[0] if groups else "",
        "csv": ",".join(groups),
        "space": " ".join(groups),
        "json_string": json.dumps(list(groups)),
        "object": dict.fromkeys(groups, True),
        "null": None,
        "number": 1,
        "boolean": True,
        "nested": [list(groups)],
        "mixed": [*groups, 7, None, True, {"name": "object"}, ["list"], ""],
    }
    return shapes[shape]


def profile_claims(user: FakeUser, groups: object) -> dict[str, object]:
    """The claims about the person, as in the id_token and userinfo."""
    return {
        "sub": user.subject,
        "name": user.name,
        "preferred_username": user.username,
        "email": user.email,
        "email_verified": True,
        "groups": groups,
        **user.claims,
    }


def build_id_token(request: TokenRequest, keys: SigningKeys, lie: Misbehaviour, *, with_groups: bool) -> str:
    """Return the signed (or mis-signed) id_token, OIDC Core §2."""
    algorithm = lie.algorithm or keys.algorithm
    claims = _claims(request, lie, algorithm)
    if not with_groups:
        claims.pop("groups", None)
    header = {"typ": "JWT", **lie.id_token_header}
    return sign_or_lie(header, _overlay(claims, request, lie), request, keys, lie)


def build_access_token(request: TokenRequest, keys: SigningKeys, lie: Misbehaviour) -> str:
    """Return a JWT access token that carries groups, RFC 9068, for a client that may read it."""
    claims = {
        "iss": request.issuer,
        "sub": request.user.subject,
        "aud": request.client_id,
        "client_id": request.client_id,
        "exp": request.now + 600,
        "iat": request.now,
        "jti": secrets.token_urlsafe(12),
        "groups": shape_groups(request.user.groups, lie.groups_shape),
        **request.user.claims,
    }
    algorithm = lie.algorithm or keys.algorithm
    key = keys.key_for(algorithm)
    return sign({"alg": algorithm, "typ": "at+jwt", "kid": key.kid}, claims, key)


def _claims(request: TokenRequest, lie: Misbehaviour, algorithm: str) -> dict[str, object]:
    hashed = "another-access-token" if lie.wrong_at_hash else request.access_token
    claims: dict[str, object] = {
        "iss": request.issuer,
        "aud": request.client_id,
        "exp": request.now + 600,
        "iat": request.now,
        "auth_time": request.auth_time,
        "sid": request.sid,
        "at_hash": at_hash(hashed, algorithm),
        **profile_claims(request.user, shape_groups(request.user.groups, lie.groups_shape)),
    }
    if request.nonce is not None:
        claims["nonce"] = request.nonce
    return claims


def _overlay(claims: dict[str, object], request: TokenRequest, lie: Misbehaviour) -> dict[str, object]:
    for name, offset in lie.id_token_offsets.items():
        claims[name] = request.now + offset
    claims.update({name: fill_in(value, request) for name, value in lie.id_token_claims.items()})
    return {name: value for name, value in claims.items() if name not in lie.omit_id_token_claims}


def fill_in(value: object, request: TokenRequest) -> object:
    """Replace ``{issuer}`` and ``{client_id}`` in texts, lists and keys."""
    if isinstance(value, str):
        return value.replace("{issuer}", request.issuer).replace("{client_id}", request.client_id)
    if isinstance(value, list):
        return [fill_in(item, request) for item in value]
    if isinstance(value, Mapping):
        return {str(fill_in(key, request)): fill_in(item, request) for key, item in value.items()}
    return value


def sign_or_lie(
    header: Mapping[str, object], claims: dict[str, object], request: TokenRequest, keys: SigningKeys, lie: Misbehaviour
) -> str:
    """Sign as one of :data:`~airflow_oidc_auth.testing.misbehaviour.SIGNATURES`.

    :param header: laid over the honest one
    """
    algorithm = lie.algorithm or keys.algorithm
    key = keys.key_for(algorithm)
    header = {"alg": algorithm, "kid": key.kid, **header}
    hmac_header = {**header, "alg": "HS256"}
    ways: Mapping[str, Callable[[], str]] = {
        "valid": lambda: sign(header, claims, key),
        "none": lambda: _unsigned(claims, ""),
        "none_keeping_signature": lambda: _unsigned(claims, base64url(b"signature")),
        # RFC 8725 §2.1: a verifier that trusts the header's alg takes the public key for an HMAC secret.
        "hs256_public_key": lambda: sign_hmac(hmac_header, claims, key.as_pem(private=False)),
        "hs256_client_secret": lambda: sign_hmac(hmac_header, claims, request.client_secret.encode()),
        "unknown_kid": lambda: sign({**header, "kid": "nobody-knows-me"}, claims, key),
        "no_kid": lambda: sign({name: value for name, value in header.items() if name != "kid"}, claims, key),
        "broken": lambda: _flip_signature(sign(header, claims, key)),
        "tampered": lambda: _tamper(sign(header, claims, key), claims),
    }
    way = ways.get(lie.signature)
    return way() if way else _sign_foreign(header, claims, keys, lie.signature)


def _unsigned(claims: dict[str, object], signature: str) -> str:
    return f"{encode_segment({'alg': 'none', 'typ': 'JWT'})}.{encode_segment(claims)}.{signature}"


def _tamper(token: str, claims: dict[str, object]) -> str:
    head, _, signature = token.split(".")
    return f"{head}.{encode_segment({**claims, 'groups': ['airflow-admins'], 'sub': 'root'})}.{signature}"


def _sign_foreign(header: Mapping[str, object], claims: dict[str, object], keys: SigningKeys, how: str) -> str:
    foreign = keys.foreign_key()
    if how == "embedded_key":
        header = {**header, "kid": foreign.kid, "jwk": foreign.as_dict(private=False)}
    if how == "remote_key":
        header = {**header, "kid": foreign.kid, "jku": f"{FOREIGN_ISSUER}/keys"}
    return sign({**header, "alg": "RS256"}, claims, foreign)


def _flip_signature(token: str) -> str:
    head, payload, signature = token.split(".")
    middle = len(signature) // 2
    other = "A" if signature[middle] != "A" else "B"
    return f"{head}.{payload}.{signature[:middle]}{other}{signature[middle + 1 :]}"
