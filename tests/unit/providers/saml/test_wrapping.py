"""Signature wrapping, on responses signed in each way."""

from __future__ import annotations

import pytest
from lxml import etree

from airflow_oidc_auth.errors import ProtocolViolation
from airflow_oidc_auth.providers.saml import signature
from airflow_oidc_auth.providers.saml.certificates import read_certificate
from airflow_oidc_auth.providers.saml.names import SAML, SAMLP, q
from airflow_oidc_auth.providers.saml.signature import verify_signature
from tests.unit.providers.saml.making import ATTEMPT, SUBJECT, build, form, key_pair, make_provider
from tests.unit.providers.saml.wrapping import CODES, EVIL, SHAPES, read_naively


@pytest.mark.parametrize("signed", ["response", "assertion", "both"])
@pytest.mark.parametrize("shape", SHAPES)
def test_refuses_a_wrapped_signature(shape, signed):
    assert make_provider().complete(ATTEMPT, form(build(signed=signed))).identity.subject == SUBJECT
    wrapped = build(signed=signed, tamper=SHAPES[shape])
    assert EVIL in read_naively(etree.fromstring(wrapped))  # the attack is delivered
    with pytest.raises(ProtocolViolation) as caught:
        make_provider().complete(ATTEMPT, form(wrapped))
    assert caught.value.code == CODES[shape]


@pytest.mark.parametrize("signed", ["response", "assertion", "both"])
@pytest.mark.parametrize("shape", SHAPES)
def test_what_a_signature_vouches_for_never_holds_the_forgery(shape, signed):
    """The second line: even if every look at the document's shape were gone, only signed bytes are read."""
    certificates = [read_certificate(key_pair().certificate)]
    for element in etree.fromstring(build(signed=signed, tamper=SHAPES[shape])).iter(
        q(SAML, "Assertion"), q(SAMLP, "Response")
    ):
        try:
            data = verify_signature(element, certificates)
        except ProtocolViolation as error:
            assert error.code.startswith(("saml_signature_", "saml_unsigned"))  # noqa: PT017
        else:
            assert EVIL.encode() not in data


@pytest.mark.parametrize("kind", ["Response", "Assertion"])
def test_reads_nothing_whose_digest_is_not_the_signed_one_whatever_the_library_says(kind, monkeypatch):
    """The library may have found another element under the ID than the one that is read here."""
    monkeypatch.setattr(signature, "_verify", lambda *_: None)
    root = etree.fromstring(build(signed="both"))
    element = root if kind == "Response" else root.find(q(SAML, "Assertion"))
    assert SUBJECT.encode() in verify_signature(element, [])
    next(element.iter(q(SAML, "NameID"))).text = EVIL
    with pytest.raises(ProtocolViolation) as caught:
        verify_signature(element, [])
    assert caught.value.code == "saml_signature_invalid"
