"""Our metadata as an administrator uploads it: valid by OASIS' schema, signed, and with all that was configured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from lxml import etree
from onelogin.saml2.xml_utils import OneLogin_Saml2_XML

from airflow_oidc_auth.login.journey import RunningProvider
from airflow_oidc_auth.providers.pool import ProviderPool
from airflow_oidc_auth.providers.saml.addresses import service_provider
from airflow_oidc_auth.providers.saml.certificates import read_certificate
from airflow_oidc_auth.providers.saml.provider import SamlProvider
from airflow_oidc_auth.providers.saml.settings import NAME_ID_FORMATS
from airflow_oidc_auth.providers.saml.signature import verify_signature
from airflow_oidc_auth.secret import Secret
from tests.unit.login.rig import BASE_URL
from tests.unit.providers.saml.making import FixedTransport, key_pair, make_settings
from tests.unit.web.rig import LABELS, Browser, open_browser

MD = "{urn:oasis:names:tc:SAML:2.0:metadata}"
OWN_KEY = key_pair("sp")
SIGNED: dict[str, Any] = {"signing_key": Secret(OWN_KEY.key), "certificate": OWN_KEY.certificate}
SECOND = key_pair("decryption")
EC = key_pair("curve", "ec")
CASES = {
    "no key": {},
    "signed": SIGNED,
    "own entity id": {**SIGNED, "client_id": 'urn:air"flow:<&>'},
    "key without certificate": {"signing_key": Secret(OWN_KEY.key)},
    "two keys": {**SIGNED, "decryption_key": Secret(SECOND.key), "decryption_certificate": SECOND.certificate},
    "curve": {"signing_key": Secret(EC.key), "certificate": EC.certificate},
    "formats": {**SIGNED, "name_id_formats": tuple(NAME_ID_FORMATS.values())},
    "attribute": {**SIGNED, "subject_attribute": "number"},
}


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Iterator[Browser]:
    monkeypatch.setitem(LABELS, "corp", "Company SAML")
    with open_browser() as browser:
        yield browser
        browser.rig.providers["corp"].pool.close()


def show(browser: Browser, saml: dict[str, Any]) -> bytes:
    settings = replace(make_settings(**saml), id="corp")
    own = service_provider(BASE_URL, "corp", settings.client_id)
    # The identity provider has nothing to say yet: theirs is often made after ours.
    provider = SamlProvider(settings, own, FixedTransport(b"", 503), replay=None, clock=browser.rig.clock)
    browser.rig.providers["corp"] = RunningProvider(provider, ProviderPool("corp"))
    page = browser.get("/auth/saml/corp/metadata")
    assert (page.status_code, page.headers["content-type"]) == (200, "application/samlmetadata+xml")
    return page.content


@pytest.mark.parametrize("name", CASES)
def test_the_schema_of_oasis_allows_it(browser: Browser, name: str) -> None:
    data = show(browser, CASES[name])
    assert not isinstance(OneLogin_Saml2_XML.validate_xml(data, "saml-schema-metadata-2.0.xsd"), str), data


@pytest.mark.parametrize("name", CASES)
def test_it_says_what_was_configured(browser: Browser, name: str) -> None:
    saml = CASES[name]
    root = etree.fromstring(show(browser, saml))
    role = root.find(f"{MD}SPSSODescriptor")
    has_key = "signing_key" in saml
    assert root.get("entityID") == saml.get("client_id", f"{BASE_URL}/auth/saml/corp/metadata")
    assert role.get("WantAssertionsSigned") == "true"
    assert role.get("AuthnRequestsSigned") == str(has_key).lower()
    assert [
        (each.get("Binding")[-4:], each.get("Location")) for each in role.iter(f"{MD}AssertionConsumerService")
    ] == [("POST", f"{BASE_URL}/auth/saml/corp/acs")]
    logout = {(each.get("Binding")[-4:], each.get("Location")) for each in role.iter(f"{MD}SingleLogoutService")}
    slo = f"{BASE_URL}/auth/saml/corp/slo"
    assert logout == ({("rect", slo), ("POST", slo)} if has_key else set())
    formats = () if "subject_attribute" in saml else saml.get("name_id_formats", (NAME_ID_FORMATS["persistent"],))
    assert tuple(each.text for each in role.iter(f"{MD}NameIDFormat")) == formats


@pytest.mark.parametrize(
    ("name", "uses"),
    [
        ("no key", {}),
        ("signed", {"signing": OWN_KEY, "encryption": OWN_KEY}),
        ("two keys", {"signing": OWN_KEY, "encryption": SECOND}),
        # Nobody can encrypt for a key that only signs.
        ("curve", {"signing": EC}),
    ],
)
def test_it_holds_the_certificates_and_no_key(browser: Browser, name: str, uses: dict[str, Any]) -> None:
    data = show(browser, CASES[name])
    found = {
        each.get("use"): "".join(each.itertext()).strip() for each in etree.fromstring(data).iter(f"{MD}KeyDescriptor")
    }
    assert found == {use: pair.base64() for use, pair in uses.items()}
    assert b"PRIVATE" not in data


@pytest.mark.parametrize(("name", "pair"), [("signed", OWN_KEY), ("curve", EC)])
def test_the_signature_holds_and_the_document_is_the_same_on_every_server(browser: Browser, name: str, pair) -> None:
    data = show(browser, CASES[name])
    assert verify_signature(etree.fromstring(data), [read_certificate(pair.certificate)])
    if name == "signed":
        assert show(browser, CASES[name]) == data


def test_nobody_needs_to_be_signed_in_and_another_provider_has_none(browser: Browser) -> None:
    show(browser, SIGNED)
    assert browser.another().get("/auth/saml/corp/metadata").status_code == 200
    assert browser.get("/auth/saml/okta/metadata").status_code == 404
    assert browser.get("/auth/saml/nobody/metadata").status_code == 404
