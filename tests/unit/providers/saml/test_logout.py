"""Logout messages of the IdP: each rule by name, over both bindings."""

from __future__ import annotations

import base64
import zlib
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import xmlsec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from lxml import etree

from airflow_oidc_auth.errors import OidcAuthError
from airflow_oidc_auth.providers.saml.bindings import LogoutMessage, Post, Redirect
from airflow_oidc_auth.providers.saml.names import DS, RSA_SHA256, SAML, SAMLP, STATUS, SUCCESS, q
from airflow_oidc_auth.providers.saml.session import session_key, session_key_prefix
from airflow_oidc_auth.providers.saml.times import write_instant
from airflow_oidc_auth.secret import Secret
from tests.unit.providers.saml.making import (
    ATTEMPT,
    IDP,
    NOW,
    OWN,
    SUBJECT,
    Signing,
    build,
    form,
    key_pair,
    make_provider,
    make_settings,
    sign,
)

REQUEST = "_our-logout-request"
HEAD = {
    "ID": "_idp-message",
    "Version": "2.0",
    "IssueInstant": write_instant(NOW),
    "Destination": OWN.slo_url,
}
NAME = f"<saml:NameID>{SUBJECT}</saml:NameID>"
OK = f'<samlp:Status><samlp:StatusCode Value="{SUCCESS}"/></samlp:Status>'


def message(element, content, issuer=IDP, **changes):
    attributes = {**HEAD, **changes}
    head = "".join(f' {name}="{value}"' for name, value in attributes.items() if value is not None)
    told = f"<saml:Issuer>{issuer}</saml:Issuer>" if issuer is not None else ""
    return (
        f'<samlp:{element} xmlns:samlp="{SAMLP}" xmlns:saml="{SAML}"{head}>{told}{content}</samlp:{element}>'
    ).encode()


def request(content=f"{NAME}<samlp:SessionIndex>_session-1</samlp:SessionIndex>", **changes):
    return message("LogoutRequest", content, **changes)


def response(content=OK, **changes):
    return message("LogoutResponse", content, **{"InResponseTo": REQUEST, **changes})


def by_redirect(
    data, parameter="SAMLRequest", keys=None, algorithm=RSA_SHA256, relay_state="r s", digest=None, more=""
):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = base64.b64encode(packer.compress(data) + packer.flush()).decode()
    query = f"{parameter}={quote(packed, safe='')}&RelayState={quote(relay_state)}&SigAlg={quote(algorithm, safe='')}"
    key = load_pem_private_key((keys or key_pair()).key.encode(), None)
    made = key.sign(query.encode(), padding.PKCS1v15(), digest or hashes.SHA256())
    return as_message(f"{query}&Signature={quote(base64.b64encode(made).decode(), safe='')}{more}")


def as_message(query):
    return LogoutMessage({name: values[0] for name, values in parse_qs(query).items()}, query)


def by_post(data, parameter="SAMLRequest", signing=None, signed=True):
    root = etree.fromstring(data)
    if signed:
        sign(root, signing or Signing())
    return LogoutMessage({parameter: base64.b64encode(etree.tostring(root)).decode(), "RelayState": "r s"})


def provider(**more):
    keys = key_pair("sp")
    return make_provider(make_settings(signing_key=Secret(keys.key), certificate=keys.certificate, **more))


def refusal(sent, **more):
    with pytest.raises(OidcAuthError) as caught:
        provider(**more).answer_logout_request(sent)
    return caught.value.code


BINDINGS = [by_redirect, by_post]


@pytest.mark.parametrize("bring", BINDINGS)
def test_names_the_sessions_that_end_and_answers_by_the_same_binding(bring):
    found = provider().answer_logout_request(bring(request()))
    assert found.session_keys == (session_key(SUBJECT, "_session-1"),)
    assert isinstance(found.answer, Redirect if bring is by_redirect else Post)
    for answer, code in ((found.answer, SUCCESS), (found.failed, f"{STATUS}Responder")):
        root = etree.fromstring(_xml_of(answer))
        assert root.get("InResponseTo") == HEAD["ID"]
        assert root.find(f".//{q(SAMLP, 'StatusCode')}").get("Value") == code


def _xml_of(answer):
    if isinstance(answer, Post):
        assert answer.fields["RelayState"] == "r s"
        return base64.b64decode(answer.fields["SAMLResponse"])
    query = parse_qs(urlsplit(answer.url).query)
    assert query["RelayState"] == ["r s"]
    assert query["SigAlg"] == [RSA_SHA256]
    return zlib.decompress(base64.b64decode(query["SAMLResponse"][0]), -15)


def test_ends_every_session_of_the_name_without_an_index():
    found = provider().answer_logout_request(by_post(request(NAME)))
    assert found.session_keys == ()
    assert session_key(SUBJECT, "anything").startswith(found.session_prefix)
    assert found.session_prefix == session_key_prefix(SUBJECT)


WRONG = [
    (request(Version="1.1"), "saml_version"),
    (request(Version=None), "saml_version"),
    (request(issuer="https://evil.example"), "saml_response_issuer"),
    (request(issuer=None), "saml_response_issuer"),
    (request(Destination=OWN.acs_url), "saml_destination"),
    (request(Destination=None), "saml_destination"),
    (request(IssueInstant=None), "saml_issue_instant"),
    (request(IssueInstant=write_instant(NOW - 3600)), "saml_issued_too_long_ago"),
    (request(IssueInstant=write_instant(NOW + 3600)), "saml_issued_in_future"),
    (request(NotOnOrAfter=write_instant(NOW - 60)), "saml_expired"),
    (request(NotOnOrAfter="soon"), "saml_expired"),
    (request(""), "saml_name_id_empty"),
    (request("<saml:NameID> </saml:NameID>"), "saml_name_id_empty"),
    (request("<saml:EncryptedID/>"), "saml_part_encrypted"),
    (request(NAME + "<samlp:SessionIndex>x</samlp:SessionIndex>" * 101), "saml_response_malformed"),
    (response(), "saml_response_malformed"),
    (message("AuthnRequest", NAME), "saml_response_malformed"),
]


@pytest.mark.parametrize("bring", BINDINGS)
@pytest.mark.parametrize("data, code", WRONG)
def test_refuses_a_genuine_request_with_one_wrong_or_missing_field(data, code, bring):
    assert provider().answer_logout_request(bring(request()))
    assert refusal(bring(data)) == code


# ------------------------------------------------------------------------------------------------------ signatures
def test_refuses_a_form_that_is_not_signed():
    assert refusal(by_post(request(), signed=False)) == "saml_unsigned"


@pytest.mark.parametrize("missing", ["Signature", "SigAlg", "SAMLRequest"])
def test_refuses_a_query_that_is_not_signed(missing):
    parts = by_redirect(request()).raw_query.split("&")
    query = "&".join(part for part in parts if not part.startswith(f"{missing}="))
    assert refusal(as_message(query)) == "saml_unsigned"


def test_a_signature_inside_the_message_does_not_stand_in_for_the_querys():
    root = etree.fromstring(request())
    sign(root)
    query = by_redirect(etree.tostring(root)).raw_query
    assert refusal(as_message(query.partition("&Signature=")[0])) == "saml_unsigned"


def test_refuses_foreign_keys():
    assert refusal(by_redirect(request(), keys=key_pair("evil"))) == "saml_signature_invalid"
    assert refusal(by_post(request(), signing=Signing(keys=key_pair("evil")))) == "saml_signature_key_unknown"


@pytest.mark.parametrize(
    "algorithm, digest",
    [
        (f"{DS}rsa-sha1", hashes.SHA1()),
        (f"{DS}hmac-sha1", hashes.SHA256()),
        (f"{DS}dsa-sha1", hashes.SHA256()),
        ("", hashes.SHA256()),
    ],
)
def test_refuses_a_weak_algorithm_of_the_query(algorithm, digest):
    assert refusal(by_redirect(request(), algorithm=algorithm, digest=digest)) == "saml_algorithm"


def test_refuses_a_weak_algorithm_of_the_form():
    assert refusal(by_post(request(), signing=Signing(method=xmlsec.Transform.RSA_SHA1))) == "saml_algorithm"


def test_the_algorithm_that_is_named_must_be_the_one_that_was_used():
    named = RSA_SHA256.replace("256", "512")
    assert refusal(by_redirect(request(), algorithm=named)) == "saml_signature_invalid"
    curve = RSA_SHA256.replace("rsa", "ecdsa")
    assert refusal(by_redirect(request(), algorithm=curve)) == "saml_signature_invalid"


@pytest.mark.parametrize("part", ["SAMLRequest", "RelayState", "SigAlg", "Signature"])
def test_refuses_a_query_of_which_a_part_was_changed(part):
    query = by_redirect(request()).raw_query
    other = by_redirect(request(NAME), relay_state="other", algorithm=RSA_SHA256.replace("256", "384")).raw_query
    taken = next(each for each in other.split("&") if each.startswith(f"{part}="))
    changed = "&".join(taken if each.startswith(f"{part}=") else each for each in query.split("&"))
    assert changed != query
    assert refusal(as_message(changed)) == "saml_signature_invalid"


def test_refuses_a_relay_state_that_is_spelt_so_that_the_signature_does_not_cover_it():
    query = by_redirect(request()).raw_query
    smuggled = query.replace("RelayState=r%20s", "%52elayState=evil")
    assert as_message(smuggled).parameters["RelayState"] == "evil"
    assert refusal(as_message(smuggled)) == "saml_signature_invalid"
    left_out = "&".join(each for each in query.split("&") if not each.startswith("RelayState"))
    assert refusal(as_message(f"{left_out}&RelayStat%65=evil")) == "saml_signature_invalid"


@pytest.mark.parametrize("name", ["SAMLRequest", "%53AMLRequest", "RelayState", "SigAlg"])
def test_refuses_a_parameter_that_is_given_twice(name):
    query = by_redirect(request(), more=f"&{name}=x")
    assert refusal(query) == "duplicate_parameter"


def test_refuses_another_encoding_of_the_query():
    deflate = "urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE"
    assert provider().answer_logout_request(by_redirect(request(), more=f"&SAMLEncoding={quote(deflate)}"))
    assert refusal(by_redirect(request(), more="&SAMLEncoding=urn%3Ax")) == "saml_encoding"


def test_refuses_a_message_that_grows_without_end():
    """Sent by the IdP's own key here: the limit holds for whoever may sign, too."""
    bomb = request(f"{NAME}{' ' * 5_000_000}")
    sent = by_redirect(bomb)
    assert len(sent.raw_query) < 10_000
    assert refusal(sent) == "saml_too_large"


def test_refuses_a_message_that_ends_too_soon():
    packed = zlib.compress(request(), 9)[2:-4]
    assert zlib.decompress(packed, -15)
    assert refusal(_signed_bytes(packed[:-3])) == "saml_too_large"


def _signed_bytes(packed):
    query = f"SAMLRequest={quote(base64.b64encode(packed).decode(), safe='')}&SigAlg={quote(RSA_SHA256, safe='')}"
    key = load_pem_private_key(key_pair().key.encode(), None)
    made = base64.b64encode(key.sign(query.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()
    return as_message(f"{query}&Signature={quote(made, safe='')}")


def test_a_wrapped_request_names_nobody_else():
    root = etree.fromstring(request())
    sign(root)
    genuine = etree.fromstring(etree.tostring(root))
    evil = etree.fromstring(request("<saml:NameID>somebody-else</saml:NameID>", ID="_evil"))
    evil.insert(1, etree.fromstring(etree.tostring(genuine.find(q(DS, "Signature")), with_tail=False)))
    evil.append(genuine)
    sent = LogoutMessage({"SAMLRequest": base64.b64encode(etree.tostring(evil)).decode()})
    assert refusal(sent) == "saml_signature_reference"


def test_a_sign_in_response_is_no_logout_request():
    sent = LogoutMessage({"SAMLRequest": form(build(signed="response"))["SAMLResponse"]})
    assert refusal(sent) == "saml_response_malformed"


# ------------------------------------------------------------------------------------------------- our own logout
@pytest.mark.parametrize("bring", BINDINGS)
def test_reads_the_answer_to_our_request(bring):
    assert provider().complete_logout(bring(response(), "SAMLResponse"), request_id=REQUEST) is True
    partial = (
        f'<samlp:Status><samlp:StatusCode Value="{SUCCESS}"><samlp:StatusCode Value="{STATUS}PartialLogout"/>'
        "</samlp:StatusCode></samlp:Status>"
    )
    assert provider().complete_logout(bring(response(partial), "SAMLResponse"), request_id=REQUEST) is False


@pytest.mark.parametrize("bring", BINDINGS)
@pytest.mark.parametrize(
    "data, code",
    [
        (response(InResponseTo="_other"), "saml_in_response_to"),
        (response(InResponseTo=None), "saml_in_response_to"),
        (response(issuer="https://evil.example"), "saml_response_issuer"),
        (response(Destination=OWN.acs_url), "saml_destination"),
        (response(""), "saml_status"),
        (response(OK + OK), "saml_status"),
    ],
)
def test_refuses_an_answer_that_is_not_to_our_request(data, code, bring):
    with pytest.raises(OidcAuthError) as caught:
        provider().complete_logout(bring(data, "SAMLResponse"), request_id=REQUEST)
    assert caught.value.code == code


def test_our_request_names_the_session_and_is_signed():
    ours = provider()
    signed_in = ours.complete(ATTEMPT, form(build()))
    begun = ours.begin_logout(signed_in.id_token, request_id=REQUEST, relay_state="state")
    query = parse_qs(urlsplit(begun.url).query)
    root = etree.fromstring(zlib.decompress(base64.b64decode(query["SAMLRequest"][0]), -15))
    assert root.findtext(q(SAML, "NameID")) == SUBJECT
    assert root.findtext(q(SAMLP, "SessionIndex")) == "_session-1"
    assert query["Signature"]


@pytest.mark.parametrize("more", [{"logout": "none"}, {}], ids=["turned off", "no metadata yet"])
def test_leaves_the_idp_out_without_a_word_where_nothing_can_be_sent(more):
    fresh = provider(**more)
    hint = make_provider().complete(ATTEMPT, form(build())).id_token
    assert fresh.begin_logout(hint, request_id=REQUEST, relay_state="s") is None
    fresh.warm_up()
    assert (fresh.begin_logout(hint, request_id=REQUEST, relay_state="s") is None) is bool(more)
    assert make_provider().begin_logout(hint, request_id=REQUEST, relay_state="s") is None
    assert fresh.begin_logout(Secret("[]"), request_id=REQUEST, relay_state="s") is None
    assert fresh.begin_logout(None, request_id=REQUEST, relay_state="s") is None
