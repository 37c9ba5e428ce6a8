from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_oidc_auth.errors import ProviderError
from airflow_oidc_auth.providers.discovery import ProviderMetadata, discovery_url, load_json_file, parse_metadata
from airflow_oidc_auth.providers.presets.preset import standard_discovery_issuer
from tests.unit.providers.making import ISSUER, make_settings

GOOD = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/authorize",
    "token_endpoint": "https://other-host.example/token",
    "jwks_uri": f"{ISSUER}/jwks",
}


def parse(document: object, **settings: Any) -> ProviderMetadata:
    return parse_metadata(document, make_settings(**settings), standard_discovery_issuer)


def test_reads_what_is_used() -> None:
    metadata = parse({**GOOD, "authorization_response_iss_parameter_supported": True, "scopes_supported": ["a", 1]})
    assert (metadata.issuer, metadata.iss_parameter, metadata.par_required) == (ISSUER, True, False)
    assert (metadata.names("scopes_supported"), metadata.names("absent")) == (("a",), None)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"issuer": None}, "discovery_malformed"),
        ({"issuer": 7}, "discovery_malformed"),
        ({"issuer": "https://evil.example"}, "discovery_issuer_mismatch"),
        ({"issuer": ISSUER + "/"}, "discovery_issuer_mismatch"),
        ({"authorization_endpoint": None}, "discovery_malformed"),
        ({"token_endpoint": ["https://idp.example"]}, "discovery_malformed"),
        ({"token_endpoint": "http://idp.example/token"}, "provider_url_insecure"),
        ({"token_endpoint": "http://127.0.0.1/token"}, "provider_url_insecure"),
        ({"token_endpoint": "/token"}, "provider_url_insecure"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "provider_url_insecure"),
        ({"authorization_endpoint": f"{ISSUER}/#fragment"}, "provider_url_insecure"),
        ({"jwks_uri": None}, "discovery_malformed"),
        ({"jwks_uri": "file:///etc/keys"}, "provider_url_insecure"),
        ({"userinfo_endpoint": "http://evil.example/"}, "provider_url_insecure"),
        ({"end_session_endpoint": "javascript:alert(1)"}, "provider_url_insecure"),
        ({"pushed_authorization_request_endpoint": "http://evil.example"}, "provider_url_insecure"),
    ],
)
def test_refuses_a_document_with_the_code_of_its_fault(changes: dict[str, object], code: str) -> None:
    with pytest.raises(ProviderError) as caught:
        parse({**GOOD, **changes})
    assert caught.value.code == code


@pytest.mark.parametrize("document", [None, [], "x", 1])
def test_refuses_what_is_no_document(document: object) -> None:
    with pytest.raises(ProviderError, match="discovery_malformed"):
        parse(document)


def test_the_hint_names_the_setting_and_the_slash() -> None:
    with pytest.raises(ProviderError) as caught:
        parse({**GOOD, "issuer": ISSUER + "/"})
    assert "providers.fake.issuer" in caught.value.hint
    assert "trailing slash" in caught.value.hint


def test_plain_http_serves_a_loopback_issuer_only() -> None:
    local = {name: value.replace(ISSUER, "http://127.0.0.1:9") for name, value in GOOD.items()}
    assert parse(local, issuer="http://127.0.0.1:9").jwks_uri == "http://127.0.0.1:9/jwks"


def test_keys_from_a_file_need_no_address() -> None:
    assert parse({**GOOD, "jwks_uri": None}, jwks_file="keys.json").jwks_uri is None


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        ({"issuer": ISSUER}, f"{ISSUER}/.well-known/openid-configuration"),
        ({"issuer": f"{ISSUER}/"}, f"{ISSUER}/.well-known/openid-configuration"),
        ({"issuer": f"{ISSUER}/oauth/token"}, f"{ISSUER}/oauth/token/.well-known/openid-configuration"),
        ({"discovery_url": "https://x.example/d"}, "https://x.example/d"),
    ],
)
def test_knows_where_the_document_is(settings: dict[str, str], url: str) -> None:
    assert discovery_url(make_settings(**settings)) == url


def test_says_which_file_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ProviderError, match="discovery_file_unreadable"):
        load_json_file(str(tmp_path / "missing.json"), "keys_malformed")
    for content in (b"{", b" " * (1024 * 1024 + 1)):
        (tmp_path / "bad.json").write_bytes(content)
        with pytest.raises(ProviderError, match="keys_malformed"):
            load_json_file(str(tmp_path / "bad.json"), "keys_malformed")
