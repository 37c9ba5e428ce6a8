"""What we send: requests and metadata that another implementation reads, signed so that it verifies them."""

from __future__ import annotations

import base64
import zlib
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from lxml import etree
from pygamlastan import crypto, metadata, xml

from airflow_oidc_auth.errors import ProviderError
from airflow_oidc_auth.providers.saml.bindings import Post, Redirect
from airflow_oidc_auth.providers.saml.certificates import read_certificate
from airflow_oidc_auth.providers.saml.keys import load_signing_key, verify_text
from airflow_oidc_auth.providers.saml.names import ECDSA_SHA256, SAML, SAMLP, q
from airflow_oidc_auth.secret import Secret
from tests.unit.providers.saml.making import (
    ATTEMPT,
    OWN,
    REQUEST_ID,
    idp_metadata,
    key_pair,
    make_provider,
    make_settings,
)

MFA = "https://refeds.org/profile/mfa"


def signing(keys=None, **more):
    keys = keys or key_pair("sp")
    return make_settings(signing_key=Secret(keys.key), certificate=keys.certificate, **more)


def sent_by(begun):
    """Return the request, however it travels."""
    if isinstance(begun, Post):
        assert begun.fields["RelayState"] == ATTEMPT.state
        return base64.b64decode(begun.fields["SAMLRequest"]).decode()
    query = parse_qs(urlsplit(begun.url).query)
    assert query["RelayState"] == [ATTEMPT.state]
    return zlib.decompress(base64.b64decode(query["SAMLRequest"][0]), -15).decode()


@pytest.mark.parametrize("binding, kind", [("redirect", Redirect), ("post", Post)])
@pytest.mark.parametrize("make", [make_settings, signing], ids=["unsigned", "signed"])
def test_begins_by_the_binding_that_was_chosen(binding, kind, make):
    begun = make_provider(make(binding=binding)).begin(ATTEMPT)
    assert isinstance(begun, kind)
    assert begun.url.partition("?")[0] == f"https://idp.example/sso/{binding}"
    read = xml.parse_authn_request(sent_by(begun))
    assert (read.id, read.destination) == (REQUEST_ID, f"https://idp.example/sso/{binding}")
    root = etree.fromstring(sent_by(begun))
    assert root.findtext(q(SAML, "Issuer")) == OWN.entity_id
    assert root.get("AssertionConsumerServiceURL") == OWN.acs_url


def test_another_implementation_verifies_the_signature_of_the_form():
    keys = key_pair("sp")
    data = sent_by(make_provider(signing(binding="post")).begin(ATTEMPT))
    assert crypto.SamlVerifier.from_cert(keys.certificate.encode()).verify_enveloped(data).is_valid()
    other = crypto.SamlVerifier.from_cert(key_pair("evil").certificate.encode())
    assert not other.verify_enveloped(data).is_valid()


@pytest.mark.parametrize("kind", ["rsa", "ec"])
def test_another_implementation_verifies_the_signature_of_the_query(kind):
    keys = key_pair(f"sp {kind}", kind)
    raw = urlsplit(make_provider(signing(keys)).begin(ATTEMPT).url).query
    signed, _, _ = raw.partition("&Signature=")
    values = {name: found[0] for name, found in parse_qs(raw).items()}
    made = base64.b64decode(values["Signature"])
    if kind == "rsa":
        verifier = crypto.SamlVerifier.from_cert(keys.certificate.encode())
        assert verifier.verify_redirect_query(signed.encode(), made, values["SigAlg"])
    certificates = (read_certificate(keys.certificate),)
    assert verify_text(signed, made, values["SigAlg"], certificates)
    for other in (b"", made[:-1], made[:-2], bytes(len(made)), made[::-1]):
        assert not verify_text(signed, other, values["SigAlg"], certificates)
    assert not verify_text(signed + "x", made, values["SigAlg"], certificates)


def test_asks_for_what_was_configured():
    provider = make_provider(make_settings(force_authn=True, authn_contexts=(MFA,)))
    root = etree.fromstring(sent_by(provider.begin(ATTEMPT)))
    assert root.get("ForceAuthn") == "true"
    assert root.findtext(f"{q(SAMLP, 'RequestedAuthnContext')}/{q(SAML, 'AuthnContextClassRef')}") == MFA
    plain = etree.fromstring(sent_by(make_provider().begin(ATTEMPT)))
    assert plain.get("ForceAuthn") is None
    assert plain.find(q(SAMLP, "RequestedAuthnContext")) is None
    again = etree.fromstring(sent_by(make_provider().begin(replace(ATTEMPT, other_account=True))))
    assert again.get("ForceAuthn") == "true"


def test_refuses_to_begin_unsigned_where_the_idp_wants_signatures():
    wanting = idp_metadata(signed_requests=True)
    with pytest.raises(ProviderError) as caught:
        make_provider(metadata=wanting).begin(ATTEMPT)
    assert caught.value.code == "saml_key_unusable"
    assert make_provider(signing(), metadata=wanting).begin(ATTEMPT)


def test_takes_the_other_binding_where_the_idp_has_one_only():
    redirect_only = idp_metadata().replace(b"bindings:HTTP-POST", b"bindings:SOAP")
    begun = make_provider(make_settings(binding="post"), metadata=redirect_only).begin(ATTEMPT)
    assert isinstance(begun, Redirect)


def test_two_attempts_never_share_a_request():
    other = replace(ATTEMPT, nonce="another")
    assert REQUEST_ID not in sent_by(make_provider().begin(other))


# --------------------------------------------------------------------------------------------------- our metadata
def test_another_implementation_reads_and_verifies_our_metadata():
    keys = key_pair("sp")
    data = make_provider(signing()).metadata().decode()
    entity = metadata.parse_entity(data)
    assert entity.entity_id == OWN.entity_id
    assert entity.is_sp()
    (acs,) = entity.assertion_consumer_services()
    assert acs.location == OWN.acs_url
    assert {each.location for each in entity.single_logout_services("sp")} == {OWN.slo_url}
    assert crypto.SamlVerifier.from_cert(keys.certificate.encode()).verify_enveloped(data).is_valid()


def test_our_metadata_is_the_same_on_every_server_and_holds_no_private_key():
    first, second = (make_provider(signing()).metadata() for _ in range(2))
    assert first == second
    assert b"PRIVATE" not in first
    assert key_pair("sp").key.splitlines()[1].encode() not in first


def test_our_metadata_is_given_without_a_key_too():
    entity = metadata.parse_entity(make_provider().metadata().decode())
    assert not entity.has_signature
    assert entity.single_logout_services("sp") == []


# ---------------------------------------------------------------------------------------------------------- our key
def test_refuses_a_certificate_of_another_key():
    with pytest.raises(ProviderError) as caught:
        load_signing_key(Secret(key_pair("sp").key), key_pair("evil").certificate)
    assert caught.value.code == "saml_key_unusable"
    assert key_pair("sp").key not in str(caught.value)


@pytest.mark.parametrize("pem", ["nonsense", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_refuses_what_is_no_key_without_repeating_it(pem):
    with pytest.raises(ProviderError) as caught:
        load_signing_key(Secret(pem), None)
    assert caught.value.code == "saml_key_unusable"
    assert "AAAA" not in str(caught.value)


def test_signs_with_a_curve():
    keys = key_pair("sp ec", "ec")
    found = load_signing_key(Secret(keys.key), keys.certificate)
    assert found is not None
    assert found.algorithm == ECDSA_SHA256
    assert keys.key not in repr(found)
