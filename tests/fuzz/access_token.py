"""Access tokens at the REST API: whose they are, whether they are good, and for whom. The first byte picks a vendor."""

from __future__ import annotations

from functools import cache

from airflow_oidc_auth.errors import OidcAuthError
from tests.fuzz.believed import follow
from tests.fuzz.jws import WORDS as COMMON
from tests.fuzz.jws import check_common, check_forgery, send
from tests.unit.providers.bearer.tokens import API, Rig, access_token, settings_of
from tests.unit.providers.making import ISSUER, NOW

VENDORS = ("oidc", "keycloak", "auth0", "okta", "entra", "cognito", "cloudfoundry")
LARGEST = 8192
WORDS = (*COMMON, '"token_use":', '"cid":', '"scp":', '"appid":', '"realm_access":', '"hasgroups":', '"tid":')


@cache
def _rig(vendor: str) -> Rig:
    issuers = {"entra": "https://login.microsoftonline.com/0f4d0c5e-0000-4000-8000-000000000001/v2.0"}
    return Rig(settings_of(vendor, issuers.get(vendor, ISSUER)))


@cache
def genuine() -> str:
    """Return an access token that is believed."""
    return access_token("ES256")


def run(data: bytes) -> None:
    """Call the API with the token that these bytes stand for."""
    vendor = VENDORS[data[0] % len(VENDORS)] if data[:1].isdigit() else VENDORS[0]
    rig = _rig(vendor)
    sent = send(data[1:] if data[:1].isdigit() else data, genuine())
    try:
        rig.issuers.of_token(sent.text)
        found = rig.issuer.verify(sent.text)
    except OidcAuthError:
        return
    assert rig.issuer.verify_known(sent.text) == found
    follow(found.identity)
    if check_forgery(sent, genuine()) or vendor != "oidc":
        return
    claims = check_common(sent, API, NOW, rig.settings.leeway)
    assert "nonce" not in claims
    assert found.identity.subject == claims["sub"]
