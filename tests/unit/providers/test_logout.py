from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from airflow_oidc_auth.errors import ProviderError
from airflow_oidc_auth.providers.logout import logout_url
from airflow_oidc_auth.providers.presets import preset
from airflow_oidc_auth.providers.presets.preset import LogoutRequest
from airflow_oidc_auth.providers.settings import ProviderSettings
from airflow_oidc_auth.secret import Secret
from tests.unit.providers.making import CLIENT, ISSUER, make_metadata, make_settings

BACK = "https://airflow.example/auth/logout"
METADATA = make_metadata(end_session_endpoint=f"{ISSUER}/end?x=1")


def test_sends_the_hint_the_client_and_the_way_back() -> None:
    url = logout_url(make_settings(), preset("oidc"), METADATA, Secret("a.b.c"), BACK)
    assert url is not None
    query = parse_qs(urlsplit(url).query)
    assert query == {
        "x": ["1"],
        "id_token_hint": ["a.b.c"],
        "client_id": [CLIENT],
        "post_logout_redirect_uri": [BACK],
    }


def test_a_hint_that_makes_the_address_too_long_is_left_out() -> None:
    url = logout_url(make_settings(), preset("oidc"), METADATA, Secret("a" * 8000), BACK)
    assert url is not None
    assert "id_token_hint" not in url


def test_there_is_none_without_endpoint_discovery_or_wish() -> None:
    assert logout_url(make_settings(), preset("oidc"), None, None, BACK) is None
    assert logout_url(make_settings(), preset("oidc"), make_metadata(), None, BACK) is None
    assert logout_url(make_settings(logout="none"), preset("oidc"), METADATA, None, BACK) is None


@pytest.mark.parametrize("hint", [None, Secret("a.b.c")])
def test_never_fails(hint: Secret | None) -> None:
    def broken(settings: ProviderSettings, request: LogoutRequest) -> str | None:
        raise ProviderError("provider_failing")

    assert logout_url(make_settings(), replace(preset("oidc"), logout_url=broken), METADATA, hint, BACK) is None
