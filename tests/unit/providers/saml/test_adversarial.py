"""Every rule by name: the unaltered response is accepted, the altered one is delivered and refused with its code."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest
import xmlsec
from lxml import etree

from airflow_oidc_auth.errors import LoginRefused, OidcAuthError, ProtocolViolation, ProviderError
from airflow_oidc_auth.providers.saml.names import DS, SAML, SAMLP, STATUS, TRANSIENT, XENC, q
from airflow_oidc_auth.providers.saml.settings import NAME_ID_FORMATS
from airflow_oidc_auth.providers.saml.times import write_instant
from airflow_oidc_auth.secret import Secret
from tests.unit.providers.saml.fields import FIELDS
from tests.unit.providers.saml.making import (
    ATTEMPT,
    IDP,
    NOW,
    OWN,
    SUBJECT,
    MemoryReplayCache,
    Signing,
    build,
    encrypted,
    form,
    idp_metadata,
    key_pair,
    make_provider,
    make_settings,
)


def refusal(data, *, provider=None, attempt=ATTEMPT, kind=ProtocolViolation):
    with pytest.raises(OidcAuthError) as caught:
        (provider or make_provider()).complete(attempt, form(data))
    assert isinstance(caught.value, kind)
    return caught.value.code


def accepted(data, *, provider=None, attempt=ATTEMPT):
    return (provider or make_provider()).complete(attempt, form(data)).identity.subject == SUBJECT


@pytest.mark.parametrize("signed", ["assertion", "response"])
@pytest.mark.parametrize(
    "changes, code", FIELDS, ids=lambda value: value if isinstance(value, str) else str(value)[:50]
)
def test_refuses_a_genuine_response_with_one_wrong_or_missing_field(changes, code, signed):
    assert accepted(build(signed=signed))
    assert refusal(build(signed=signed, **changes)) == code


@pytest.mark.parametrize("signed", ["assertion", "response", "both"])
def test_accepts_what_is_within_the_leeway(signed):
    late = {
        "not_before": write_instant(NOW + 10),
        "not_on_or_after": write_instant(NOW - 9),
        "confirmation_not_on_or_after": write_instant(NOW - 9),
        "response_instant": write_instant(NOW + 10),
    }
    assert accepted(build(signed=signed, **late))


def test_accepts_qualifiers_that_name_both_parties():
    assert accepted(build(name_qualifier=IDP, sp_name_qualifier=OWN.entity_id))


@pytest.mark.parametrize("missing", ["response_id", "assertion_id"])
def test_refuses_a_signature_that_names_no_element(missing):
    signed = "response" if missing == "response_id" else "assertion"
    data = build(signed=signed, signing=Signing(uri=""), **{missing: None})
    assert refusal(data) == "saml_signature_reference"


# ------------------------------------------------------------------------------------------------------- signatures
@pytest.mark.parametrize("signed", ["assertion", "response", "both"])
def test_refuses_a_response_whose_signatures_were_stripped(signed):
    def strip(root):
        for signature in list(root.iter(q(DS, "Signature"))):
            signature.getparent().remove(signature)

    assert accepted(build(signed=signed))
    assert refusal(build(signed=signed, tamper=strip)) == "saml_unsigned"


def test_refuses_an_unsigned_response():
    assert refusal(build(signed="none")) == "saml_unsigned"


def test_refuses_an_emptied_signature():
    def empty(root):
        signature = next(root.iter(q(DS, "Signature")))
        for child in list(signature):
            signature.remove(child)

    assert refusal(build(tamper=empty)) == "saml_signature_reference"


@pytest.mark.parametrize("signed", ["assertion", "response", "both"])
def test_refuses_a_foreign_key_that_the_message_brings_along(signed):
    foreign = Signing(keys=key_pair("evil"))
    assert refusal(build(signed=signed, signing=foreign)) == "saml_signature_key_unknown"


@pytest.mark.parametrize("signed", ["assertion", "response", "both"])
def test_refuses_a_foreign_key_under_the_genuine_certificate(signed):
    foreign = Signing(keys=key_pair("evil"), brings=key_pair().base64())
    assert refusal(build(signed=signed, signing=foreign)) == "saml_signature_invalid"


@pytest.mark.parametrize("signed", ["assertion", "response", "both"])
def test_refuses_content_that_was_changed_after_signing(signed):
    def change(root):
        next(root.iter(q(SAML, "AttributeValue"))).text = "Admin"

    assert refusal(build(signed=signed, tamper=change)) == "saml_signature_invalid"


def test_refuses_a_response_signature_that_fails_although_the_assertions_holds():
    def change(root):
        root.set("IssueInstant", write_instant(NOW - 1))

    assert refusal(build(signed="both", tamper=change)) == "saml_signature_invalid"


def test_refuses_a_second_signature():
    def twice(root):
        assertion = root.find(q(SAML, "Assertion"))
        assertion.append(etree.fromstring(etree.tostring(assertion.find(q(DS, "Signature")), with_tail=False)))

    assert refusal(build(tamper=twice)) == "saml_signature_misplaced"


@pytest.mark.parametrize("method", ["RSA_SHA1", "RSA_SHA224"])
def test_refuses_a_weak_signature_algorithm(method):
    assert refusal(build(signing=Signing(method=getattr(xmlsec.Transform, method)))) == "saml_algorithm"


def test_refuses_a_weak_digest():
    assert refusal(build(signing=Signing(digest=xmlsec.Transform.SHA1))) == "saml_algorithm"


def test_refuses_a_signature_keyed_with_the_public_certificate():
    """HMAC over what everybody knows: the algorithm of the message must not choose the kind of the key."""

    def to_hmac(root):
        next(root.iter(q(DS, "SignatureMethod"))).set("Algorithm", f"{DS}hmac-sha1")

    assert refusal(build(tamper=to_hmac)) == "saml_algorithm"


@pytest.mark.parametrize(
    "transforms",
    [
        (xmlsec.Transform.ENVELOPED,),
        (xmlsec.Transform.EXCL_C14N,),
        (xmlsec.Transform.ENVELOPED, xmlsec.Transform.C14N),
        (xmlsec.Transform.ENVELOPED, xmlsec.Transform.EXCL_C14N, xmlsec.Transform.EXCL_C14N),
    ],
    ids=["no c14n", "not enveloped", "inclusive", "three"],
)
def test_refuses_other_transforms(transforms):
    assert refusal(build(signing=Signing(transforms=transforms))) == "saml_signature_transform"


@pytest.mark.parametrize(
    "algorithm", ["http://www.w3.org/TR/1999/REC-xslt-19991116", "http://www.w3.org/TR/1999/REC-xpath-19991116"]
)
def test_refuses_transforms_that_are_programs(algorithm):
    def insert(root):
        transform = next(root.iter(q(DS, "Transform")))
        transform.set("Algorithm", algorithm)

    assert refusal(build(tamper=insert)) == "saml_signature_transform"


@pytest.mark.parametrize("uri", ["", "#_other", "http://evil.example/x.xml", "file:///etc/passwd", "#xpointer(/)"])
def test_refuses_references_to_anything_but_the_element_itself(uri):
    def point(root):
        next(root.iter(q(DS, "Reference"))).set("URI", uri)

    assert refusal(build(tamper=point)) == "saml_signature_reference"


def test_refuses_a_key_that_is_to_be_fetched():
    def fetch(root):
        info = next(root.iter(q(DS, "KeyInfo")))
        etree.SubElement(info, q(DS, "RetrievalMethod"), URI="http://evil.example/key")

    assert refusal(build(tamper=fetch)) == "saml_signature_reference"


def test_demands_a_signed_response_where_configured():
    settings = make_settings(require_signed_response=True)
    assert accepted(build(signed="both"), provider=make_provider(settings))
    assert refusal(build(), provider=make_provider(settings)) == "saml_unsigned"


# -------------------------------------------------------------------------------------------------------------- XML
def _text(data, old, new):
    assert old in data
    return data.replace(old, new, 1)


@pytest.mark.parametrize("signed", ["assertion", "response"])
def test_refuses_a_comment_inside_the_name_id(signed):
    """Signatures do not cover comments: this one still verifies, and cuts the name for a reader of its first text."""
    name = "ada@example.com.evil.example"
    data = build(signed=signed, name_id=name)
    altered = _text(data, name.encode(), b"ada@example.com<!---->.evil.example")
    found = etree.fromstring(altered)
    assert found.find(f".//{q(SAML, 'NameID')}").text == "ada@example.com"
    assert make_provider().complete(ATTEMPT, form(data)).identity.subject == name
    assert refusal(altered) == "saml_comment"


def test_refuses_a_processing_instruction():
    assert refusal(_text(build(), b"<saml:Subject>", b"<saml:Subject><?x y?>")) == "saml_comment"


@pytest.mark.parametrize(
    "doctype",
    [
        b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        b'<!DOCTYPE r SYSTEM "http://evil.example/x.dtd">',
        b'<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;">]>',
        b"<!DOCTYPE r [<!ATTLIST saml:Assertion ID ID #IMPLIED>]>",
    ],
    ids=["xxe", "external dtd", "billion laughs", "attribute list"],
)
def test_refuses_a_document_type_definition(doctype):
    assert refusal(doctype + build()) == "saml_doctype"


def test_refuses_an_entity_reference_without_definition():
    assert refusal(_text(build(), SUBJECT.encode(), b"&x;")) == "saml_response_malformed"


@pytest.mark.parametrize("encoding", ["UTF-16", "UTF-7", "ISO-8859-1"])
def test_refuses_other_encodings(encoding):
    data = f'<?xml version="1.0" encoding="{encoding}"?>'.encode() + build()
    assert refusal(data) in ("saml_encoding", "saml_response_malformed")


def test_refuses_utf_16_with_its_mark():
    assert refusal(build().decode().encode("utf-16")) in ("saml_encoding", "saml_response_malformed")


def test_refuses_a_deep_document_before_a_tree_is_made_of_it():
    deep = b"<a>" * 5000 + b"</a>" * 5000
    assert refusal(_text(build(), b"<saml:Subject>", b"<saml:Subject>" + deep)) == "saml_too_deep"


def test_refuses_a_large_document():
    assert refusal(build() + b" " * 600_000) == "saml_too_large"


def test_refuses_a_document_of_very_many_elements():
    assert refusal(_text(build(), b"<saml:Subject>", b"<saml:Subject>" + b"<a/>" * 30_000)) == "saml_too_large"


@pytest.mark.parametrize("field", ["", "%%%", "PHg+", base64.b64encode(b"<x/>").decode(), "\u00e4"])
def test_refuses_what_is_no_response(field):
    with pytest.raises(ProtocolViolation) as caught:
        make_provider().complete(ATTEMPT, {"SAMLResponse": field})
    assert caught.value.code == "saml_response_malformed"


def test_refuses_a_second_assertion_that_is_genuine_too():
    def twice(root):
        assertion = root.find(q(SAML, "Assertion"))
        copy = etree.fromstring(etree.tostring(assertion))
        copy.set("ID", "_two")
        root.append(copy)

    assert refusal(build(tamper=twice)) == "saml_assertion_count"


def test_refuses_a_response_without_assertion():
    def take(root):
        root.remove(root.find(q(SAML, "Assertion")))

    assert refusal(build(tamper=take)) == "saml_assertion_count"


# --------------------------------------------------------------------------------------------------------- delivery
def test_refuses_a_replayed_assertion_also_inside_a_fresh_response():
    cache = MemoryReplayCache()
    first = build()
    assert accepted(first, provider=make_provider(replay=cache))
    assert refusal(first, provider=make_provider(replay=cache)) == "saml_replayed"
    moved = etree.fromstring(first)
    moved.set("ID", "_fresh")
    assert refusal(etree.tostring(moved), provider=make_provider(replay=cache)) == "saml_replayed"


def test_does_not_use_up_an_assertion_that_is_refused():
    cache = MemoryReplayCache()
    stranger = replace(ATTEMPT, nonce="another-browser")
    assert refusal(build(), provider=make_provider(replay=cache), attempt=stranger) == "saml_in_response_to"
    assert accepted(build(), provider=make_provider(replay=cache))


def test_remembers_an_assertion_until_no_check_would_accept_it():
    cache = MemoryReplayCache()
    assert accepted(build(), provider=make_provider(replay=cache))
    assert min(cache.expires.values()) > NOW + 300 + 10


def test_keeps_no_sign_in_without_a_replay_cache():
    provider = make_provider()
    provider._replay = None
    assert refusal(build(), provider=provider, kind=ProviderError) == "saml_replay_cache_missing"


UNASKED = {"response_in_response_to": None, "confirmation_in_response_to": None}


def test_refuses_an_unsolicited_response_unless_allowed():
    assert refusal(build(**UNASKED), attempt=None) == "saml_unsolicited"
    allowed = make_settings(allow_idp_initiated=True)
    assert accepted(build(**UNASKED), provider=make_provider(allowed), attempt=None)


def test_an_answer_to_somebody_elses_request_is_not_unsolicited():
    allowed = make_provider(make_settings(allow_idp_initiated=True))
    assert refusal(build(), provider=allowed, attempt=None) == "saml_in_response_to"


def test_allowing_unsolicited_responses_does_not_unbind_those_that_were_asked_for():
    allowed = make_provider(make_settings(allow_idp_initiated=True))
    assert refusal(build(**UNASKED), provider=allowed) == "saml_in_response_to"


# ----------------------------------------------------------------------------------------------------------- status
def _status(*names):
    nested = ""
    for name in reversed(names):
        nested = f'<samlp:StatusCode Value="{STATUS}{name}">{nested}</samlp:StatusCode>'
    return nested


@pytest.mark.parametrize(
    "names, kind, code",
    [
        (("Requester",), ProtocolViolation, "saml_status"),
        (("Responder",), ProviderError, "saml_status_responder"),
        (("Responder", "AuthnFailed"), LoginRefused, "idp_denied"),
        (("Requester", "RequestDenied"), LoginRefused, "idp_denied"),
        (("Responder", "NoPassive"), ProtocolViolation, "idp_interaction_required"),
        ((), ProtocolViolation, "saml_status"),
    ],
)
def test_refuses_every_status_but_success(names, kind, code):
    assert refusal(build(status=_status(*names)), kind=kind) == code


def test_a_later_success_does_not_undo_a_failure():
    assert refusal(build(status=_status("Requester", "Success"))) == "saml_status"


# ------------------------------------------------------------------------------------------------ identity, contexts
def test_takes_a_configured_attribute_instead_of_a_transient_name_id():
    provider = make_provider(make_settings(subject_attribute="employee"))
    data = build(name_id_format=TRANSIENT, attributes={"employee": ("4711",)})
    assert provider.complete(ATTEMPT, form(data)).identity.subject == "4711"


@pytest.mark.parametrize("values", [(), ("4711", "4712"), ("",), ("47\u200b11",)])
def test_refuses_a_subject_attribute_that_names_nobody_or_two(values):
    provider = make_provider(make_settings(subject_attribute="employee"))
    assert refusal(build(attributes={"employee": values}), provider=provider) == "saml_subject_attribute"


def test_takes_an_email_name_id_only_where_that_was_chosen():
    chosen = make_settings(name_id_formats=(NAME_ID_FORMATS["email"],))
    assert accepted(build(name_id_format=NAME_ID_FORMATS["email"]), provider=make_provider(chosen))


def test_refuses_another_authentication_than_asked_for():
    context = "https://refeds.org/profile/mfa"
    settings = make_settings(authn_contexts=(context,))
    assert accepted(build(authn_context=context), provider=make_provider(settings))
    assert refusal(build(), provider=make_provider(settings), kind=LoginRefused) == "saml_authn_context"


def test_refuses_an_old_authentication_where_a_new_one_was_asked_for():
    settings = make_settings(force_authn=True)
    assert accepted(build(), provider=make_provider(settings))
    old = build(authn_instant=write_instant(NOW - 3600))
    assert accepted(old)
    assert refusal(old, provider=make_provider(settings)) == "saml_not_asked_again"
    assert refusal(old, attempt=replace(ATTEMPT, other_account=True)) == "saml_not_asked_again"


def test_refuses_fewer_groups_than_there_are():
    settings = make_settings(overage_attribute="groups.link")
    data = build(attributes={"groups.link": ("https://graph.example/1",)})
    assert refusal(data, provider=make_provider(settings), kind=ProviderError) == "groups_unavailable"


# ------------------------------------------------------------------------------------------------------- encryption
CIPHERS = ["AES128", "AES256", "AES128_GCM", "AES256_GCM"]


def decrypting(**more):
    return make_provider(make_settings(decryption_key=Secret(key_pair("sp").key), **more))


@pytest.mark.parametrize("cipher", CIPHERS)
@pytest.mark.parametrize("signed", ["assertion", "response", "both"])
def test_reads_encrypted_assertions(signed, cipher):
    assert accepted(encrypted(signed, cipher=cipher), provider=decrypting(require_encryption=True))


def test_refuses_rsa_1_5_and_old_ciphers():
    assert refusal(encrypted("assertion", transport="RSA_PKCS1"), provider=decrypting()) == "saml_algorithm"


@pytest.mark.parametrize("signed", ["response", "assertion"])
def test_refuses_an_assertion_encrypted_for_somebody_else(signed):
    assert refusal(encrypted(signed, name="other"), provider=decrypting()) == "saml_decryption_failed"


def test_refuses_an_unsigned_assertion_that_anybody_could_encrypt():
    """Our encryption key is public: that something was encrypted for us proves nothing."""
    assert refusal(encrypted("none"), provider=decrypting()) == "saml_decryption_failed"


@pytest.mark.parametrize("cipher", CIPHERS)
def test_tells_no_difference_between_wrong_padding_and_wrong_content(cipher):
    codes = set()
    for position in (0, -1, 20, 40):
        root = etree.fromstring(encrypted("assertion", cipher=cipher))
        value = root.find(f".//{q(XENC, 'EncryptedData')}/{q(XENC, 'CipherData')}/{q(XENC, 'CipherValue')}")
        raw = bytearray(base64.b64decode(value.text))
        raw[position] ^= 1
        value.text = base64.b64encode(raw).decode()
        codes.add(refusal(etree.tostring(root), provider=decrypting()))
    assert codes == {"saml_decryption_failed"}


def test_demands_encryption_where_configured():
    assert refusal(build(), provider=decrypting(require_encryption=True)) == "saml_encryption_required"


def test_says_that_there_is_no_key():
    assert refusal(encrypted("assertion")) == "saml_decryption_failed"


def test_fetches_no_cipher_text():
    root = etree.fromstring(encrypted("assertion"))
    data = root.find(f".//{q(XENC, 'EncryptedData')}/{q(XENC, 'CipherData')}")
    for child in list(data):
        data.remove(child)
    etree.SubElement(data, q(XENC, "CipherReference"), URI="http://evil.example/x")
    assert refusal(etree.tostring(root), provider=decrypting()) == "saml_decryption_failed"


# ------------------------------------------------------------------------------------------------------- what is read
def test_reads_identity_session_and_claims():
    sign_in = make_provider().complete(ATTEMPT, form(build()))
    assert sign_in.identity.issuer == IDP
    assert sign_in.identity.name == "Ada Lovelace"
    assert sign_in.identity.email == "ada@example.com"
    assert sign_in.identity.groups == {"airflow-admins", "staff"}
    assert sign_in.saml.not_on_or_after == NOW + 8 * 3600
    assert sign_in.sid == sign_in.saml.sid
    assert sign_in.auth_time == NOW - 5
    assert SUBJECT not in repr(sign_in.saml)


@pytest.mark.parametrize("prefixes", [None, "xs", "xs xsi saml"])
@pytest.mark.parametrize("signed", ["assertion", "response", "both"])
def test_accepts_inclusive_namespaces(signed, prefixes):
    assert accepted(build(signed=signed, signing=Signing(prefixes=prefixes)))


def test_accepts_elliptic_curves_and_larger_digests():
    keys = key_pair("curve", "ec")
    metadata = idp_metadata(key_pair(), keys)
    signing = Signing(keys=keys, method=xmlsec.Transform.ECDSA_SHA384, digest=xmlsec.Transform.SHA512)
    assert accepted(build(signing=signing), provider=make_provider(metadata=metadata))


def test_text_behind_the_signature_is_signed_too():
    root = etree.fromstring(build(signed="response").replace(b"<samlp:Status>", b"\n\t<samlp:Status>"))
    assert refusal(etree.tostring(root)) == "saml_signature_invalid"
    assert root.tag == q(SAMLP, "Response")
