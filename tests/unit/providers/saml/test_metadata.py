"""The IdP's metadata: what is believed, for how long, and how its certificates roll over."""

from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_oidc_auth.errors import OidcAuthError, ProtocolViolation, ProviderError
from airflow_oidc_auth.providers.saml.bindings import POST, REDIRECT
from airflow_oidc_auth.providers.saml.certificates import read_certificate
from airflow_oidc_auth.providers.saml.metadata import fetch_idp_metadata, parse_idp_metadata
from airflow_oidc_auth.providers.saml.provider import SamlProvider
from airflow_oidc_auth.providers.saml.settings import SamlSettings
from airflow_oidc_auth.providers.saml.times import write_instant
from tests.unit.providers.saml.making import (
    ATTEMPT,
    IDP,
    NOW,
    OWN,
    SUBJECT,
    FixedTransport,
    MemoryReplayCache,
    Parts,
    Signing,
    build,
    form,
    idp_metadata,
    key_pair,
    make_provider,
    make_settings,
)

MD = "urn:oasis:names:tc:SAML:2.0:metadata"


def refusal(data, **settings):
    with pytest.raises(ProviderError) as caught:
        parse_idp_metadata(data, make_settings(**settings), NOW)
    return caught.value.code


def fingerprint(keys):
    return read_certificate(keys.certificate).fingerprint


def test_reads_addresses_and_certificates():
    found = parse_idp_metadata(idp_metadata(key_pair(), key_pair("next")), make_settings(), NOW)
    assert [each.fingerprint for each in found.certificates] == [fingerprint(key_pair()), fingerprint(key_pair("next"))]
    assert found.sign_on == {REDIRECT: "https://idp.example/sso/redirect", POST: "https://idp.example/sso/post"}
    assert found.logout == found.logout_response


def replaced(old, new, data=None):
    data = data or idp_metadata()
    assert old in data
    return data.replace(old, new)


@pytest.mark.parametrize(
    "data, code",
    [
        (b"", "saml_metadata_malformed"),
        (b"<html/>", "saml_metadata_entity"),
        (b"<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>" + idp_metadata(), "saml_metadata_malformed"),
        (b'<?xml version="1.0" encoding="UTF-16"?>' + idp_metadata(), "saml_metadata_malformed"),
        (b"<a>" * 100 + b"</a>" * 100, "saml_metadata_malformed"),
        (idp_metadata(entity_id="https://evil.example"), "saml_metadata_entity"),
        (idp_metadata(entity_id=f"{IDP}/"), "saml_metadata_entity"),
        (replaced(b"IDPSSODescriptor", b"SPSSODescriptor"), "saml_metadata_malformed"),
        (replaced(b"SAML:2.0:protocol", b"SAML:1.1:protocol"), "saml_metadata_malformed"),
        (replaced(b"SingleSignOnService", b"Other"), "saml_metadata_malformed"),
        (replaced(b'use="signing"', b'use="encryption"'), "saml_certificate_unusable"),
        (idp_metadata(key_pair("small", "weak")), "saml_certificate_unusable"),
        (replaced(b"X509Certificate>MII", b"X509Certificate>AAA"), "saml_certificate_unusable"),
        (replaced(b"https://idp.example/sso", b"http://idp.example/sso"), "provider_url_insecure"),
        (replaced(b"https://idp.example/sso", b"javascript:alert(1)//"), "provider_url_insecure"),
        (replaced(b"https://idp.example/slo", b"http://idp.example/slo"), "provider_url_insecure"),
    ],
)
def test_refuses_metadata_that_is_not_usable(data, code):
    assert refusal(data) == code


def test_finds_its_own_idp_among_those_of_a_federation():
    other = idp_metadata(key_pair("evil"), entity_id="https://other.example").decode()
    data = f'<md:EntitiesDescriptor xmlns:md="{MD}">{other}{idp_metadata().decode()}</md:EntitiesDescriptor>'.encode()
    found = parse_idp_metadata(data, make_settings(), NOW)
    assert [each.fingerprint for each in found.certificates] == [fingerprint(key_pair())]
    twice = data.replace(b"https://other.example", IDP.encode())
    assert refusal(twice) == "saml_metadata_entity"


def test_believes_pinned_certificates_only():
    data = idp_metadata(key_pair(), key_pair("evil"))
    found = parse_idp_metadata(data, make_settings(fingerprints=(fingerprint(key_pair()),)), NOW)
    assert [each.fingerprint for each in found.certificates] == [fingerprint(key_pair())]
    assert refusal(idp_metadata(key_pair("evil")), fingerprints=(fingerprint(key_pair()),)) == (
        "saml_certificate_unusable"
    )


def test_leaves_out_keys_on_small_curves():
    found = parse_idp_metadata(idp_metadata(key_pair(), key_pair("small", "weak ec")), make_settings(), NOW)
    assert len(found.certificates) == 1
    assert "fewer than 256 bits" in found.skipped[0]


def test_believes_an_expired_certificate_as_long_as_the_metadata_names_it():
    """SAML Metadata Interoperability §2.6.1: a certificate carries a key. `airflow oidc check` says that it expired."""
    expired = key_pair("expired", not_after=NOW - 86400)
    provider = make_provider(metadata=idp_metadata(expired))
    data = build(signing=Signing(keys=expired))
    assert provider.complete(ATTEMPT, form(data)).identity.subject == SUBJECT
    levels = {each.check: each.level for each in provider.diagnose()}
    assert levels["certificate"] == "error"


# --------------------------------------------------------------------------------------------------------- validity
PAST, SOON = write_instant(NOW), write_instant(NOW + 600)


def limited(place, until):
    data = f'<md:EntitiesDescriptor xmlns:md="{MD}">{idp_metadata().decode()}</md:EntitiesDescriptor>'
    assert f"<md:{place}" in data
    return data.replace(f"<md:{place}", f'<md:{place} validUntil="{until}"', 1).encode()


@pytest.mark.parametrize("place", ["EntitiesDescriptor", "EntityDescriptor", "IDPSSODescriptor"])
def test_refuses_metadata_that_is_no_longer_valid_wherever_it_says_so(place):
    assert parse_idp_metadata(limited(place, SOON), make_settings(), NOW).valid_until == NOW + 600
    assert refusal(limited(place, PAST)) == "saml_metadata_expired"
    assert refusal(limited(place, "whenever")) == "saml_metadata_expired"


class Clock:
    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now


def running(transport, **settings):
    clock = Clock()
    provider = SamlProvider(
        make_settings(**settings),
        OWN,
        transport,
        replay=MemoryReplayCache(),
        clock=clock,
        spawn=lambda work: work(),
    )
    return provider, clock


def test_does_not_use_metadata_after_its_end_that_could_not_be_refreshed():
    transport = FixedTransport(limited("EntityDescriptor", SOON))
    provider, clock = running(transport)
    assert provider.complete(ATTEMPT, form(build(assertion_id="_1")))
    transport.status, clock.now = 500, NOW + 601
    ends = write_instant(NOW + 900)
    late = {
        "response_instant": write_instant(NOW + 601),
        "not_on_or_after": ends,
        "confirmation_not_on_or_after": ends,
    }
    with pytest.raises(ProviderError) as caught:
        provider.complete(ATTEMPT, form(build(assertion_id="_2", **late)))
    assert caught.value.code == "saml_metadata_expired"
    transport.status, transport.body, clock.now = 200, idp_metadata(), NOW + 700
    with pytest.raises(ProviderError):
        provider.begin(ATTEMPT)  # asks behind the back of this sign-in, for the next one
    assert provider.complete(ATTEMPT, form(build(assertion_id="_3", **late)))


# --------------------------------------------------------------------------------------------------------- roll-over
def test_takes_a_new_certificate_without_a_restart_and_asks_for_it_once_a_minute_only():
    transport = FixedTransport(idp_metadata())
    provider, clock = running(transport)
    provider.warm_up()
    new = Signing(keys=key_pair("next"))
    for _ in range(5):
        with pytest.raises(ProtocolViolation) as caught:
            provider.complete(ATTEMPT, form(build(signing=new)))
        assert caught.value.code == "saml_signature_key_unknown"
    assert transport.fetched == 2
    transport.body, clock.now = idp_metadata(key_pair(), key_pair("next")), NOW + 61
    with pytest.raises(ProtocolViolation):
        provider.complete(ATTEMPT, form(build(signing=new)))
    assert provider.complete(ATTEMPT, form(build(signing=new, assertion_id="_1")))
    assert provider.complete(ATTEMPT, form(build(assertion_id="_2")))


def test_forgets_a_certificate_that_the_metadata_no_longer_has_within_the_hour():
    transport = FixedTransport(idp_metadata(key_pair(), key_pair("next")))
    provider, clock = running(transport)
    provider.warm_up()
    transport.body, clock.now = idp_metadata(key_pair("next")), NOW + 3601
    provider.begin(ATTEMPT)
    later = write_instant(clock.now)
    ends = write_instant(clock.now + 300)
    parts = Parts(response_instant=later, not_on_or_after=ends, confirmation_not_on_or_after=ends)
    with pytest.raises(ProtocolViolation) as caught:
        provider.complete(ATTEMPT, form(build(parts)))
    assert caught.value.code == "saml_signature_key_unknown"
    assert provider.complete(ATTEMPT, form(build(parts, signing=Signing(keys=key_pair("next")))))


@pytest.mark.parametrize(
    "body", [b"", idp_metadata(entity_id="https://evil.example"), idp_metadata(key_pair("w", "weak"))]
)
def test_keeps_what_it_has_when_a_refresh_brings_nothing_usable(body):
    transport = FixedTransport(idp_metadata())
    provider, clock = running(transport)
    provider.warm_up()
    transport.body, clock.now = body, NOW + 200
    provider._refetch()
    assert provider.complete(ATTEMPT, form(build(response_instant=write_instant(NOW + 200))))


def test_reads_a_file_and_says_when_it_cannot(tmp_path):
    path = tmp_path / "idp.xml"
    settings = replace(make_settings(), saml=SamlSettings(metadata_file=str(path)))
    asked = FixedTransport(b"")
    with pytest.raises(ProviderError) as caught:
        fetch_idp_metadata(settings, asked, lambda: NOW)
    assert caught.value.code == "saml_metadata_unreadable"
    path.write_bytes(idp_metadata())
    assert fetch_idp_metadata(settings, asked, lambda: NOW).entity_id == IDP
    assert asked.fetched == 0


def test_says_what_the_server_answered():
    with pytest.raises(OidcAuthError) as caught:
        fetch_idp_metadata(make_settings(), FixedTransport(b"", 404), lambda: NOW)
    assert caught.value.code == "saml_metadata_malformed"
    assert "404" in caught.value.detail
