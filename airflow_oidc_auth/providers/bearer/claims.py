"""What an access token must say before anybody believes it (RFC 9068 §4, and the vendors' ways to say it). Sans-IO.

Each check is one function and one code; :func:`check_access_token` runs all of them, always.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeGuard

from airflow_oidc_auth.errors import TokenRefused
from airflow_oidc_auth.providers.bearer.actors import read_actors
from airflow_oidc_auth.providers.bearer.shapes import NO_ACCESS, TokenShape
from airflow_oidc_auth.providers.id_token import check_subject, check_times, shown
from airflow_oidc_auth.providers.settings import ApiSettings

Claims = Mapping[str, object]
MAX_TEXT = 255
_CLIENT_CLAIMS = ("client_id", "azp", "cid", "appid")
_THUMBPRINT = 43
_TEXT = frozenset({str})


class AccessClaims(NamedTuple):
    """What was read of an access token that is to be believed; times in epoch seconds."""

    subject: str
    issued_at: int
    expires: int
    token_id: str | None
    client_id: str | None
    actors: tuple[str, ...]
    jkt: str | None
    scopes: frozenset[str]


def check_access_token(claims: Claims, api: ApiSettings, shape: TokenShape, now: float, leeway: int) -> AccessClaims:
    """Run every check of the claims; the issuer's and the type's come before.

    :raises TokenRefused: one code per check, see the module's functions
    :raises ProtocolViolation: as :mod:`~airflow_oidc_auth.providers.id_token` names what is wrong
    """
    check_kind(claims, shape)
    client_id = read_client(claims)
    check_audience(claims, api.audiences, shape, client_id)
    issued, expires = check_times(claims, now, leeway)
    check_lifetime(issued, expires, api.max_lifetime)
    return AccessClaims(
        subject=read_subject(claims, api.subject_claim, client_id),
        issued_at=int(issued),
        expires=int(expires),
        token_id=read_text(claims, "jti"),
        client_id=client_id,
        actors=read_actors(claims),
        jkt=read_binding(claims),
        scopes=check_scopes(claims, api.required_scopes),
    )


def check_type(typ: object, accepted: tuple[str, ...]) -> None:
    """``typ`` of the header is one that the provider's access tokens have (RFC 9068 §4, RFC 8725 §3.11)."""
    said = typ.lower().removeprefix("application/") if isinstance(typ, str) else ""
    if (typ is None or isinstance(typ, str)) and said in accepted:
        return
    raise TokenRefused("token_type", f"typ is {shown(typ)}", evidence={"typ": shown(typ), "accepted": accepted})


def check_kind(claims: Claims, shape: TokenShape) -> None:
    """It is an access token, and no id_token, refresh token or logout token of the same issuer."""
    if not claims.keys().isdisjoint(shape.marks):
        raise _no_access_token(f"there is {', '.join(sorted(claims.keys() & shape.marks))}")
    for name, foreign in NO_ACCESS.items():
        if name in claims and str(claims[name]).lower() in foreign:
            raise _no_access_token(f"{name} is {shown(claims[name])}")
    for name, values in shape.values.items():
        said = claims.get(name)
        if not isinstance(said, str) or said not in values:
            raise _no_access_token(f"{name} is {shown(said)}")
    if shape.one_of and not any(name in claims for name in shape.one_of):
        raise _no_access_token(f"none of {', '.join(shape.one_of)} is there")


def check_audience(claims: Claims, audiences: tuple[str, ...], shape: TokenShape, client_id: str | None) -> None:
    """``aud`` names us, to the letter; nothing else stands in for it but where the vendor has none at all."""
    aud = claims["aud"] if "aud" in claims else claims.get(shape.audience_claim or "aud")
    named = [aud] if isinstance(aud, str) else aud
    if not isinstance(named, list) or not _all_texts(named):
        raise TokenRefused("token_audience", "aud is neither a text nor a list of texts")
    ours = [one for one in named if one in audiences]
    if not ours:
        raise TokenRefused(
            "token_audience", f"aud is {shown(aud)}, and not {' or '.join(audiences)}", evidence={"aud": shown(aud)}
        )
    if shape.audience_is_no_client and all(one == client_id for one in ours):
        raise _no_access_token("its audience is the client that it was issued to")


def check_lifetime(issued: float, expires: float, longest: int) -> None:
    """The token does not live longer than we would let one of ours live."""
    if expires - issued > longest:
        evidence = {"seconds": expires - issued, "longest": longest}
        raise TokenRefused("token_lifetime", f"it lives {expires - issued:.0f} s", evidence=evidence)


def check_scopes(claims: Claims, required: tuple[str, ...]) -> frozenset[str]:
    """Every required scope was granted: ``scope`` (RFC 9068 §2.2.3), ``scp`` at Okta and Entra; a text or a list."""
    granted = read_scopes(claims)
    if missing := [scope for scope in required if scope not in granted]:
        raise TokenRefused("token_scope", f"lacks {', '.join(missing)}", evidence={"missing": tuple(missing)})
    return granted


def read_scopes(claims: Claims) -> frozenset[str]:
    """Return what was granted."""
    scopes: set[str] = set()
    for name in ("scope", "scp"):
        if name in claims:
            scopes.update(_scopes(claims, name))
    scopes.discard("")
    return frozenset(scopes)


def _scopes(claims: Claims, name: str) -> Sequence[str]:
    value = claims.get(name)
    if value is None:
        return ()
    scopes = value.split(" ") if isinstance(value, str) else value
    if not isinstance(scopes, list) or not _all_texts(scopes):
        raise TokenRefused("token_claim", f"{name} is neither a text nor a list of texts", evidence={"claim": name})
    return scopes


def _all_texts(values: list[object]) -> TypeGuard[list[str]]:
    return _TEXT.issuperset(map(type, values))


def read_subject(claims: Claims, claim: str, client_id: str | None) -> str:
    """Return who it is, by the configured claim.

    Where that is not ``sub``, a client acting for itself has none: then, and only then, its ``sub`` is the client.
    """
    if claim != "sub" and claim not in claims and client_id is not None and claims.get("sub") == client_id:
        return check_subject(claims)
    return check_subject(claims if claim == "sub" else {"sub": claims.get(claim)})


def read_client(claims: Claims) -> str | None:
    """Return the client that it was issued to, under the first of the names that vendors have for it."""
    for name in _CLIENT_CLAIMS:
        if name in claims:
            return read_text(claims, name)
    return None


def read_binding(claims: Claims) -> str | None:
    """Return ``cnf.jkt`` (RFC 9449 §6.1).

    Any other confirmation (a client's certificate, RFC 8705) cannot be checked here: to overlook it would make a
    bearer token of one that a thief cannot use.
    """
    if "cnf" not in claims:
        return None
    confirmation = claims["cnf"]
    jkt = confirmation.get("jkt") if isinstance(confirmation, dict) and confirmation.keys() == {"jkt"} else None
    if not isinstance(jkt, str) or len(jkt) != _THUMBPRINT:
        raise TokenRefused("token_binding", f"cnf is {shown(confirmation)}")
    return jkt


def read_text(claims: Claims, name: str) -> str | None:
    """Return a claim that is a text or not there."""
    value = claims.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT or not value.isprintable():
        raise TokenRefused("token_claim", f"{name} is no text of 1 to {MAX_TEXT} characters", evidence={"claim": name})
    return value


def _no_access_token(detail: str) -> TokenRefused:
    return TokenRefused("token_is_no_access_token", detail)
