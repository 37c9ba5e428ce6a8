"""The answer of the token endpoint and the id_token in it, from JOSE header to Grant."""

from __future__ import annotations

from functools import cache

from airflow_oidc_auth.errors import OidcAuthError
from airflow_oidc_auth.providers.oidc import OidcProvider
from airflow_oidc_auth.providers.presets import preset
from tests.fuzz.believed import follow
from tests.fuzz.jws import KID, WORDS, check_common, check_forgery, send
from tests.unit.providers.bearer.tokens import Documents
from tests.unit.providers.making import CLIENT, NONCE, NOW, STATE, Clock, make_attempt, make_claims, make_settings, sign

__all__ = ["WORDS", "run"]
LEEWAY = make_settings().leeway


@cache
def genuine() -> str:
    """Return an id_token that is believed."""
    return sign(make_claims(groups=["data"]), "ES256", header={"kid": KID})


@cache
def _rig() -> tuple[OidcProvider, Documents]:
    documents = Documents()
    settings = make_settings()
    return OidcProvider(settings, preset("oidc"), documents, Clock(), spawn=lambda work: work()), documents


def run(data: bytes) -> None:
    """Sign in with the id_token that these bytes stand for."""
    provider, documents = _rig()
    sent = send(data, genuine())
    documents.answer = lambda _: {"access_token": "an-access-token", "token_type": "Bearer", "id_token": sent.text}
    try:
        found = provider.complete(make_attempt(), {"code": "a-code", "state": STATE})
    except OidcAuthError:
        return
    follow(found.identity)
    if check_forgery(sent, genuine()):
        return
    claims = check_common(sent, CLIENT, NOW, LEEWAY)
    assert claims.get("nonce") == NONCE
    assert claims.get("azp", CLIENT) == CLIENT
    assert found.identity.subject == claims["sub"]
    assert not found.identity.groups or "groups" in claims
