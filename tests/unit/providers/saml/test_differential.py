"""Another implementation of SAML judges the same messages.

We accept nothing that it refuses; where it accepts and we refuse, :data:`STRICTER` says why.
"""

from __future__ import annotations

import datetime as dt

import pygamlastan
import pytest
import xmlsec
from lxml import etree
from pygamlastan import crypto, profiles, security

from airflow_oidc_auth.errors import OidcAuthError
from airflow_oidc_auth.providers.saml.names import DS, SAML, q
from airflow_oidc_auth.secret import Secret
from tests.unit.providers.saml.fields import FIELDS
from tests.unit.providers.saml.making import (
    ATTEMPT,
    IDP,
    NOW,
    OWN,
    REQUEST_ID,
    SUBJECT,
    Signing,
    build,
    encrypted,
    form,
    key_pair,
    make_provider,
    make_settings,
)
from tests.unit.providers.saml.wrapping import SHAPES

STRICTER = {
    "saml_version": "SAML Core §2.3.3, §3.2.2: 2.0 and no other",
    "saml_destination": "it takes a Response without Destination that is not signed itself; we take none without",
    "saml_response_issuer": "it looks at the assertion's Issuer only",
    "saml_issue_instant": "SAML Core §1.3.3: times are in UTC",
    "saml_issued_in_future": "it looks at the assertion's IssueInstant only",
    "saml_issued_too_long_ago": "as before",
    "saml_conditions": "SAML Core §2.5.1: an unknown condition makes an assertion unusable; we also demand a window",
    "saml_authn_statement": "an authentication that is still to come",
    "saml_session_expired": "SessionNotOnOrAfter has passed; it leaves that to the application",
    "saml_assertion_malformed": "it takes a NameID with an element inside for an empty one",
    "saml_name_id_empty": "it takes empty names and names of invisible characters",
    "saml_name_id_transient": "what may name an account is for the application to say",
    "saml_name_id_format": "as before",
    "saml_name_id_qualifier": "a name in another party's name space",
    "saml_signature_transform": "SAML Core §5.4.4: only the enveloped and the exclusive transform, in this order",
}


def ours(data):
    """Return the subject, or the code of the refusal."""
    provider = make_provider(make_settings(decryption_key=Secret(key_pair("sp").key)))
    try:
        return provider.complete(ATTEMPT, form(data)).identity.subject, ""
    except OidcAuthError as error:
        return None, error.code


def theirs(data, signed):
    """Return the subject, None if they refuse.

    They demand a signature of the response, or one of the assertion; for us either is enough.
    """
    config = security.SecurityConfig()
    config.clock_skew_seconds, config.max_assertion_age_seconds = 10, 600
    config.require_signed_responses = signed == "response"
    config.require_signed_assertions = not config.require_signed_responses
    keys = crypto.KeysManager()
    keys.add_key_pem(key_pair("sp").key.encode())
    try:
        return profiles.process_response_verified(
            data.decode(),
            crypto.SamlVerifier.from_cert(key_pair().certificate.encode()),
            config,
            OWN.entity_id,
            OWN.acs_url,
            IDP,
            REQUEST_ID,
            now=dt.datetime.fromtimestamp(NOW, dt.timezone.utc),
            replay_cache=security.InMemoryReplayCache(),
            decryptor=crypto.SamlDecryptor(keys),
        ).name_id
    except pygamlastan.SamlError:
        return None


def strip(root):
    for signature in list(root.iter(q(DS, "Signature"))):
        signature.getparent().remove(signature)


def comment(root):
    name = root.find(f".//{q(SAML, 'NameID')}")
    name.text, rest = SUBJECT[:4], SUBJECT[4:]
    name.append(etree.Comment("x"))
    name[0].tail = rest


def promote(root):
    root.find(f".//{q(SAML, 'AttributeValue')}").text = "Admin"


GENUINE = {
    **{f"signed {way}": (build(signed=way), way) for way in ("assertion", "response", "both")},
    **{f"encrypted {way}": (encrypted(way), way) for way in ("assertion", "response", "both")},
    "sha-512": (
        build(signing=Signing(method=xmlsec.Transform.RSA_SHA512, digest=xmlsec.Transform.SHA512)),
        "assertion",
    ),
}
_T = xmlsec.Transform
FORGED = {
    **{
        f"{shape} {way}": (build(signed=way, tamper=tamper), way)
        for shape, tamper in SHAPES.items()
        for way in ("assertion", "response", "both")
    },
    **{
        f"{name} {way}": (build(signed=way, tamper=tamper), way)
        for name, tamper in (("strip", strip), ("comment", comment), ("promote", promote))
        for way in ("assertion", "response")
    },
    "unsigned": (build(signed="none"), "assertion"),
    "foreign key": (build(signing=Signing(keys=key_pair("evil"))), "assertion"),
    "foreign key, genuine certificate": (
        build(signing=Signing(keys=key_pair("evil"), brings=key_pair().base64())),
        "assertion",
    ),
    "rsa-sha1": (build(signing=Signing(method=_T.RSA_SHA1)), "assertion"),
    "sha1": (build(signing=Signing(digest=_T.SHA1)), "assertion"),
    "inclusive": (build(signing=Signing(transforms=(_T.ENVELOPED, _T.C14N))), "assertion"),
    "doctype": (b"<!DOCTYPE r [<!ENTITY x 'y'>]>" + build(), "assertion"),
    "encrypted, unsigned": (encrypted("none"), "assertion"),
    "encrypted for another": (encrypted("assertion", name="other"), "assertion"),
    "rsa 1.5": (encrypted("assertion", transport="RSA_PKCS1"), "assertion"),
}
WRONG = {
    f"{way} {changes}": (build(signed=way, **changes), way)
    for way in ("assertion", "response")
    for changes, _ in FIELDS
}


@pytest.mark.parametrize("name", GENUINE)
def test_both_accept_what_is_genuine(name):
    data, way = GENUINE[name]
    assert ours(data) == (SUBJECT, "")
    assert theirs(data, way) == SUBJECT


@pytest.mark.parametrize("name", {**FORGED, **WRONG})
def test_we_accept_nothing_that_they_refuse_and_say_where_we_are_stricter(name):
    data, way = {**FORGED, **WRONG}[name]
    subject, code = ours(data)
    assert subject is None
    if theirs(data, way) is not None:
        assert code in STRICTER


def test_the_list_says_nothing_that_is_no_longer_true():
    accepted = [data for data, way in (*FORGED.values(), *WRONG.values()) if theirs(data, way) is not None]
    assert {ours(data)[1] for data in accepted} == STRICTER.keys()
