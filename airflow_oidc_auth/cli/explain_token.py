"""Claims of an access token: what the REST API would say of it besides the rules, were it genuine and fresh."""

from __future__ import annotations

import dataclasses

from airflow_oidc_auth.cli.claims_file import Claims, ReadClaims
from airflow_oidc_auth.errors import TokenRefused
from airflow_oidc_auth.providers.bearer.actors import read_actors
from airflow_oidc_auth.providers.bearer.claims import (
    check_audience,
    check_kind,
    check_scopes,
    read_client,
    read_subject,
)
from airflow_oidc_auth.providers.bearer.shapes import token_shape
from airflow_oidc_auth.providers.presets import preset
from airflow_oidc_auth.providers.settings import ApiSettings, ProviderSettings


def is_access_token(settings: ProviderSettings, claims: Claims) -> bool:
    """Tell whether claims are of a token for the API: always at a workload issuer, else by their audience."""
    if settings.api is None or not settings.signs_in:
        return settings.api is not None
    aud = claims.get("aud")
    named = aud if isinstance(aud, list) else [aud]
    return any(one in settings.api.audiences for one in named)


def as_access_token(settings: ProviderSettings, api: ApiSettings, found: ReadClaims, claims: Claims) -> ReadClaims:
    """Return the identity as the API sees it: with who acts for it, and without a sign-in of its own.

    What the API refuses whatever the rules say becomes the refusal. Signature, type and times are not in a file.
    """
    try:
        client_id = read_client(claims)
        subject = read_subject(claims, api.subject_claim, client_id)
        actors = read_actors(claims)
    except TokenRefused as error:
        return _refused(found, error)
    identity = dataclasses.replace(
        found.identity, subject=subject, actors=actors, client_id=client_id, authentication=None
    )
    found = dataclasses.replace(found, identity=identity, for_api=True)
    shape = token_shape(settings.preset)
    try:
        check_kind(claims, shape)
        check_audience(claims, api.audiences, shape, client_id)
        check_scopes(claims, api.required_scopes)
    except TokenRefused as error:
        return _refused(found, error)
    problem = preset(settings.preset).check_token(claims)
    return _refused(found, TokenRefused("token_is_no_access_token", problem)) if problem else found


def _refused(found: ReadClaims, error: TokenRefused) -> ReadClaims:
    text = found.refusal or f"{error.message.text}\n{error.detail}\n{error.hint}"
    code = found.code if found.refusal else error.code
    return dataclasses.replace(found, refusal=text, code=code, for_api=True)
