"""The id_token that our own command line brings to get a token of ours. Accepted here and nowhere else.

Its ``aud`` is the public client of the command line, which people use for nothing else, and it is minutes old: an
id_token that was seen in a log or a web page does not open the door.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from airflow_oidc_auth.errors import TokenRefused
from airflow_oidc_auth.identity.authentication import read_authentication
from airflow_oidc_auth.providers.bearer.actors import read_actors
from airflow_oidc_auth.providers.bearer.claims import read_text
from airflow_oidc_auth.providers.bearer.codes import AS_TOKEN_ERRORS
from airflow_oidc_auth.providers.bearer.elsewhere import check_groups_are_here, check_groups_are_in_id_token
from airflow_oidc_auth.providers.bearer.issuer import BearerIssuer
from airflow_oidc_auth.providers.bearer.shapes import NO_IDENTITY
from airflow_oidc_auth.providers.bearer.token import BearerToken
from airflow_oidc_auth.providers.bearer.unverified import parse_bearer
from airflow_oidc_auth.providers.id_token import (
    check_audience,
    check_authorized_party,
    check_subject,
    check_times,
    shown,
)
from airflow_oidc_auth.providers.identity_builder import VerifiedDocuments, build_identity
from airflow_oidc_auth.providers.signed_token import SignedClaims

MAX_AGE = 300
"""Seconds after ``iat``; whoever signs in at a terminal brings the id_token at once."""
_TYPES = ("jwt", "")


def verify_cli_id_token(issuer: BearerIssuer, id_token: str, *, client_id: str) -> BearerToken:
    """Believe the id_token of a sign-in at a terminal. May fetch keys; blocks.

    :param client_id: of the command line at this provider
    :raises TokenRefused: it is not to be believed
    :raises ProviderError: the issuer cannot be asked now
    """
    unverified = parse_bearer(id_token)
    if unverified is None or not client_id:
        raise TokenRefused("token_malformed", "it is no JWT")
    signed = issuer.verify_signed(unverified)
    with AS_TOKEN_ERRORS:
        _check_kind(signed)
        claims = signed.claims
        canonical = issuer.canonical_issuer(claims, issuer.party.transport)
        check_audience(claims, client_id)
        check_authorized_party(claims, client_id)
        issued, expires = _check_age(claims, issuer)
        subject = check_subject(claims)
    return _token(issuer, claims, canonical, subject, client_id, (issued, expires))


def _check_kind(signed: SignedClaims) -> None:
    """An access token of the same client must not pass: many see it."""
    typ = signed.typ
    said = typ.lower().removeprefix("application/") if isinstance(typ, str) else ""
    if said not in _TYPES or not (typ is None or isinstance(typ, str)):
        raise TokenRefused("token_type", f"typ is {shown(typ)}")
    for name, foreign in NO_IDENTITY.items():
        value = signed.claims.get(name)
        if name in signed.claims and (not isinstance(value, str) or value.lower() in foreign):
            raise TokenRefused("token_type", f"{name} is {shown(value)}")
    if "events" in signed.claims:
        raise TokenRefused("token_type", "there are events")


def _check_age(claims: Mapping[str, object], issuer: BearerIssuer) -> tuple[int, int]:
    now, leeway = issuer.party.clock(), issuer.party.settings.leeway
    issued, expires = check_times(claims, now, leeway)
    if now - issued > MAX_AGE + leeway:
        raise TokenRefused("token_expired", f"issued {now - issued:.0f} s ago", evidence={"iat": issued})
    return int(issued), int(expires)


def _token(
    issuer: BearerIssuer,
    claims: Mapping[str, object],
    canonical: str,
    subject: str,
    client_id: str,
    times: tuple[int, int],
) -> BearerToken:
    settings = issuer.party.settings
    check_groups_are_in_id_token(settings)
    check_groups_are_here(settings, claims)
    authentication = read_authentication(claims, issuer.party.clock(), settings.leeway)
    actors = read_actors(claims)
    documents = VerifiedDocuments(canonical, subject, claims)
    identity = build_identity(settings, documents, actors=actors, client_id=client_id)
    return BearerToken(
        provider=issuer.provider,
        identity=replace(identity, authentication=authentication),
        issued_at=times[0],
        expires_at=times[1] + settings.leeway,
        exp=times[1],
        token_id=read_text(claims, "jti"),
        client_id=client_id,
        actors=actors,
    )
