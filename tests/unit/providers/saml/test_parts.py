"""Parts of a response that are there twice, in a wrong place, of a wrong kind or encrypted by themselves.

All of them are signed: the IdP itself, or whoever made it sign, built the message so.
"""

from __future__ import annotations

import pytest
from lxml import etree

from airflow_oidc_auth.errors import OidcAuthError
from airflow_oidc_auth.providers.saml.names import DS, ENTITY, SAML, SAMLP, STATUS, SUCCESS, q
from tests.unit.providers.saml.making import (
    ATTEMPT,
    IDP,
    SUBJECT,
    Parts,
    build,
    form,
    make_provider,
    make_settings,
    response_xml,
    sign,
)


def signed_after(change, signed="assertion"):
    """Change a response before it is signed."""
    root = etree.fromstring(response_xml(Parts()).encode())
    change(root)
    sign(root.find(q(SAML, "Assertion")) if signed == "assertion" else root)
    return etree.tostring(root)


def refusal(data, **settings):
    with pytest.raises(OidcAuthError) as caught:
        make_provider(make_settings(**settings)).complete(ATTEMPT, form(data))
    return caught.value.code


def sign_in(data):
    return make_provider().complete(ATTEMPT, form(data))


def after(path, xml):
    """Put something behind the first element of that name."""

    def change(root):
        found = next(root.iter(path))
        found.addnext(etree.fromstring(xml))

    return change


def inside(path, xml):
    def change(root):
        next(root.iter(path)).append(etree.fromstring(xml))

    return change


def saml(name, content="", attributes=""):
    return f'<saml:{name} xmlns:saml="{SAML}"{attributes}>{content}</saml:{name}>'


@pytest.mark.parametrize("signed", ["assertion", "response"])
@pytest.mark.parametrize(
    "change",
    [
        after(q(SAML, "NameID"), saml("NameID", "evil")),
        after(q(SAML, "NameID"), saml("BaseID")),
        after(q(SAML, "Subject"), saml("Subject", saml("NameID", "evil"))),
        after(q(SAML, "Conditions"), saml("Conditions")),
        after(q(SAML, "AuthnContext"), saml("AuthnContext")),
        after(q(SAML, "AuthnContextClassRef"), saml("AuthnContextClassRef", "evil")),
        after(q(SAML, "SubjectConfirmationData"), saml("SubjectConfirmationData")),
        after(q(SAML, "AttributeStatement"), saml("Subject", saml("NameID", "evil"))),
        after(q(SAML, "AttributeStatement"), "<x/>"),
        inside(q(SAML, "NameID"), "<x/>"),
        inside(q(SAML, "Audience"), "<x/>"),
        inside(q(SAML, "AttributeStatement"), saml("Attribute")),
        inside(q(SAML, "AudienceRestriction"), "<x/>"),
        lambda root: next(root.iter(q(SAML, "Subject"))).set("ID", "_x") or setattr(
            next(root.iter(q(SAML, "Subject"))), "text", "evil"
        ),
        lambda root: next(root.iter(q(SAML, "SubjectConfirmation"))).attrib.pop("Method"),
    ],
    ids=[
        "two names",
        "a name and a base",
        "two subjects",
        "two conditions",
        "two contexts",
        "two context classes",
        "two confirmation data",
        "a late subject",
        "a foreign statement",
        "an element in the name",
        "an element in the audience",
        "an attribute without name",
        "a foreign audience",
        "text in the subject",
        "a confirmation without method",
    ],
)  # fmt: skip
def test_refuses_a_genuine_assertion_that_is_not_built_as_it_should_be(change, signed):
    assert sign_in(signed_after(lambda root: None, signed)).identity.subject == SUBJECT
    assert refusal(signed_after(change, signed)) == "saml_assertion_malformed"


@pytest.mark.parametrize(
    "change",
    [
        after(q(SAML, "AudienceRestriction"), saml("OneTimeUse")),
        after(q(SAML, "AudienceRestriction"), saml("ProxyRestriction", saml("Audience", "x"), ' Count="0"')),
        after(q(SAML, "Conditions"), saml("Advice", "<x/>")),
        after(q(SAML, "AuthnContextClassRef"), saml("AuthnContextDeclRef", "urn:x")),
        after(q(SAML, "AuthnContextClassRef"), saml("AuthenticatingAuthority", IDP)),
        after(q(SAML, "SubjectConfirmation"), saml("SubjectConfirmation", "", ' Method="urn:x"')),
        lambda root: next(root.iter(q(SAML, "AuthnStatement"))).insert(0, etree.fromstring(saml("SubjectLocality"))),
        lambda root: next(root.iter(q(SAML, "Issuer"))).set("Format", ENTITY),
        lambda root: setattr(next(root.iter(q(SAML, "Subject"))), "tail", "\n  "),
    ],
    ids=["once", "proxy", "advice", "declaration", "authority", "other confirmation", "locality", "entity", "space"],
)
def test_takes_what_the_specification_allows_beyond_the_usual(change):
    """One use is what the replay cache sees to; a restriction of proxies binds those who pass assertions on."""
    assert sign_in(signed_after(change)).identity.subject == SUBJECT


def test_takes_a_type_that_is_declared_with_the_value():
    """The prefix in `xsi:type` is no name that canonicalisation would see."""
    data = build(attributes={"groups": ("a",)})
    assert b'xsi:type="xs:string"' in data
    assert sign_in(data).identity.groups == {"a"}


def test_refuses_an_assertion_inside_the_advice():
    assertion = '<saml:Assertion ID="_x"/>'
    advice = after(q(SAML, "Conditions"), saml("Advice", assertion))
    assert refusal(signed_after(advice)) == "saml_assertion_misplaced"


@pytest.mark.parametrize("kind", ["EncryptedAssertion", "Assertion"])
def test_refuses_a_second_assertion_beside_the_genuine_one(kind):
    def add(root):
        root.append(etree.fromstring(saml(kind)))

    assert refusal(build(tamper=add)) == "saml_assertion_count"
    assert refusal(build(signed="response", tamper=add)) == "saml_assertion_count"


# ------------------------------------------------------------------------------------- encrypted by themselves
def test_says_that_it_does_not_read_an_encrypted_name():
    def encrypted(root):
        name = next(root.iter(q(SAML, "NameID")))
        name.getparent().replace(name, etree.fromstring(saml("EncryptedID")))

    assert refusal(signed_after(encrypted)) == "saml_part_encrypted"


def test_does_not_take_attributes_that_it_cannot_read_for_absent():
    """A rule may ask that somebody is *not* in a group."""
    data = signed_after(inside(q(SAML, "AttributeStatement"), saml("EncryptedAttribute")))
    assert refusal(data) == "saml_part_encrypted"


# ------------------------------------------------------------------------------------------------------ Issuer
@pytest.mark.parametrize("place, code", [(0, "saml_response_issuer"), (1, "saml_assertion_issuer")])
def test_refuses_an_issuer_that_is_no_entity(place, code):
    def email(root):
        list(root.iter(q(SAML, "Issuer")))[place].set(
            "Format", "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
        )

    assert refusal(signed_after(email, "response")) == code


def test_refuses_two_issuers_of_the_response():
    assert refusal(signed_after(after(q(SAML, "Issuer"), saml("Issuer", IDP)), "response")) == "saml_response_issuer"


# ------------------------------------------------------------------------------------------------------ Status
def status(xml):
    def change(root):
        old = root.find(q(SAMLP, "Status"))
        for each in reversed(etree.fromstring(f'<x xmlns:samlp="{SAMLP}">{xml}</x>')):
            old.addnext(each)
        root.remove(old)

    return change


_OK, _BAD = (f'<samlp:StatusCode Value="{value}"/>' for value in (SUCCESS, f"{STATUS}Requester"))


@pytest.mark.parametrize(
    "xml",
    [
        "",
        "<samlp:Status/>",
        f"<samlp:Status>{_OK}</samlp:Status><samlp:Status>{_BAD}</samlp:Status>",
        f"<samlp:Status>{_OK}{_BAD}</samlp:Status>",
        f"<samlp:Status><samlp:StatusDetail>{_OK}</samlp:StatusDetail></samlp:Status>",
        f"<samlp:Extensions><samlp:Status>{_OK}</samlp:Status></samlp:Extensions>",
        f'<samlp:Status><samlp:StatusCode Value="{SUCCESS.upper()}"/></samlp:Status>',
        "<samlp:Status><samlp:StatusCode/></samlp:Status>",
    ],
    ids=["none", "empty", "two", "two codes", "in the detail", "elsewhere", "upper case", "no value"],
)
def test_refuses_everything_but_one_status_of_success(xml):
    assert sign_in(signed_after(status(f"<samlp:Status>{_OK}</samlp:Status>"), "response"))
    assert refusal(signed_after(status(xml), "response")) == "saml_status"


# ----------------------------------------------------------------------------------------------------- Signature
@pytest.mark.parametrize("name", ["Reference", "SignedInfo", "SignatureValue", "DigestMethod", "SignatureMethod"])
def test_refuses_a_signature_with_a_part_twice(name):
    def twice(root):
        part = next(root.iter(f"{{*}}{name}"))
        part.addnext(etree.fromstring(etree.tostring(part, with_tail=False)))

    assert refusal(build(tamper=twice)).startswith(("saml_signature_", "saml_algorithm"))


def test_refuses_a_truncated_hmac():
    """Only the first bits of a key's output would be compared."""

    def truncate(root):
        etree.SubElement(next(root.iter("{*}SignatureMethod")), q(DS, "HMACOutputLength")).text = "1"

    assert refusal(build(tamper=truncate)) == "saml_signature_invalid"
