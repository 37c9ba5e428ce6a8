"""Attacks on SAML service providers by the names that the literature and the profiles have for them.

Somorovsky et al., "On Breaking SAML: Be Whoever You Want to Be" (XSW 1 to 8); OASIS "Security and Privacy
Considerations for SAML V2.0"; SAML 2.0 Core, Profiles §4.1.4; OWASP's list for SAML.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from lxml import etree

from airflow_oidc_auth.providers.saml.names import DS, SAML, SAMLP, STATUS, TRANSIENT, q
from tests.contract.conformance.row import ACCEPTED, Row, named
from tests.unit.providers.saml.making import Signing, key_pair
from tests.unit.providers.saml.wrapping import CODES, SHAPES

HERE = "tests/contract/conformance/test_saml.py"
DRIVEN = f"{HERE}::test_a_response_is_judged_as_the_table_says"
ELSEWHERE = "https://other.example/acs"
STRANGER = "https://evil.example"


@dataclass(frozen=True)
class Forgery:
    """How a response differs from an honest one.

    :param parts: what it says otherwise, signed with the rest; a whole number is an instant, in seconds from now
    :param signed: ``assertion``, ``response``, ``both`` or ``none``
    :param tamper: changes the tree after it was signed
    :param text: changes the bytes after that
    """

    parts: Mapping[str, object] = field(default_factory=dict)
    signed: str = "assertion"
    signing: Callable[[], Signing] | None = None
    tamper: Callable[[etree._Element], None] | None = None
    text: Callable[[bytes], bytes] | None = None


FORGERIES: dict[str, Forgery] = {}


def _row(name: str, delivered: str, expected: str, forgery: Forgery) -> Row:
    FORGERIES[name] = forgery
    return Row(name, delivered, expected, tests=(named(name, DRIVEN),))


def _says(name: str, delivered: str, expected: str, **parts: object) -> Row:
    return _row(name, delivered, expected, Forgery(parts))


def _tampered(name: str, delivered: str, expected: str, tamper: Callable[[etree._Element], None]) -> Row:
    return _row(name, delivered, expected, Forgery(tamper=tamper))


def _strip(root: etree._Element) -> None:
    for signature in list(root.iter(q(DS, "Signature"))):
        signature.getparent().remove(signature)


def _promote(root: etree._Element) -> None:
    next(root.iter(q(SAML, "AttributeValue"))).text = "admins-and-more"


def _hmac(root: etree._Element) -> None:
    next(root.iter(q(DS, "SignatureMethod"))).set("Algorithm", f"{DS}hmac-sha1")


def _sha1(root: etree._Element) -> None:
    next(root.iter(q(DS, "SignatureMethod"))).set("Algorithm", f"{DS}rsa-sha1")


def _xslt(root: etree._Element) -> None:
    next(root.iter(q(DS, "Transform"))).set("Algorithm", "http://www.w3.org/TR/1999/REC-xslt-19991116")


def _reference(uri: str) -> Callable[[etree._Element], None]:
    return lambda root: next(root.iter(q(DS, "Reference"))).set("URI", uri)


def _retrieve(root: etree._Element) -> None:
    etree.SubElement(next(root.iter(q(DS, "KeyInfo"))), q(DS, "RetrievalMethod"), URI=f"{STRANGER}/key")


def _twice(root: etree._Element) -> None:
    copy = etree.fromstring(etree.tostring(root.find(q(SAML, "Assertion"))))
    copy.set("ID", "_two")
    root.append(copy)


def _astray(root: etree._Element) -> None:
    extensions = etree.Element(q(SAMLP, "Extensions"))
    extensions.append(etree.fromstring(etree.tostring(next(root.iter(q(DS, "Signature"))), with_tail=False)))
    root.insert(1, extensions)


def _status(*names: str) -> str:
    nested = ""
    for name in reversed(names):
        nested = f'<samlp:StatusCode Value="{STATUS}{name}">{nested}</samlp:StatusCode>'
    return nested


def _doctype(declared: str) -> Forgery:
    return Forgery(text=lambda data: f"<!DOCTYPE r {declared}>".encode() + data)


GENUINE = (
    _row("signed-assertion", "an honest response, its assertion signed", ACCEPTED, Forgery()),
    _row("signed-response", "an honest response, signed as a whole", ACCEPTED, Forgery(signed="response")),
    _row("signed-both", "both signed", ACCEPTED, Forgery(signed="both")),
)
WRAPPING = tuple(
    _row(
        f"{name}-{signed}",
        f"XSW{name[3:]}, the {signed} signed: {shape.__doc__}".rstrip("."),
        CODES[name],
        Forgery(signed=signed, tamper=shape),
    )
    for name, shape in SHAPES.items()
    for signed in ("response", "assertion")
)
SIGNATURES = (
    _row("unsigned", "no signature", "saml_unsigned", Forgery(signed="none")),
    _tampered("signature-exclusion", "the signature taken away", "saml_unsigned", _strip),
    _row(
        "foreign-key",
        "signed by another key, whose certificate it brings",
        "saml_signature_key_unknown",
        Forgery(signing=lambda: Signing(keys=key_pair("evil"))),
    ),
    _row(
        "certificate-faking",
        "signed by another key, under the genuine certificate",
        "saml_signature_invalid",
        Forgery(signing=lambda: Signing(keys=key_pair("evil"), brings=key_pair().base64())),
    ),
    _tampered("changed-after-signing", "a group changed after signing", "saml_signature_invalid", _promote),
    _tampered("algorithm-hmac", "HMAC keyed with the public certificate", "saml_algorithm", _hmac),
    _tampered("algorithm-sha1", "SHA-1", "saml_algorithm", _sha1),
    _tampered("transform-xslt", "a transform that is a program (XSLT)", "saml_signature_transform", _xslt),
    _tampered("reference-empty", "a reference to the whole document", "saml_signature_reference", _reference("")),
    _tampered(
        "reference-ssrf", "a reference to another host", "saml_signature_reference", _reference(f"{STRANGER}/x.xml")
    ),
    _tampered("reference-file", "a reference to a file", "saml_signature_reference", _reference("file:///etc/passwd")),
    _tampered("signature-astray", "a second signature, in `Extensions`", "saml_signature_misplaced", _astray),
    _tampered("key-retrieval", "a key to be fetched", "saml_signature_reference", _retrieve),
    _tampered("two-assertions", "the genuine assertion twice", "saml_assertion_count", _twice),
)
DOCUMENTS = (
    _row(
        "xxe",
        "a document type with an external entity",
        "saml_doctype",
        _doctype('[<!ENTITY x SYSTEM "file:///etc/passwd">]'),
    ),
    _row(
        "billion-laughs",
        "entities of entities",
        "saml_doctype",
        _doctype('[<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]'),
    ),
    _row(
        "comment-truncation",
        "a comment inside the NameID, which signatures do not cover",
        "saml_comment",
        Forgery(
            {"name_id": "ada@example.com.evil.example"},
            text=lambda data: data.replace(b"ada@example.com.evil", b"ada@example.com<!---->.evil"),
        ),
    ),
    _row(
        "deep-document",
        "five thousand elements in each other",
        "saml_too_deep",
        Forgery(text=lambda data: data.replace(b"<saml:Subject>", b"<saml:Subject>" + b"<a>" * 5000 + b"</a>" * 5000)),
    ),
    _row("large-document", "600 kB", "saml_too_large", Forgery(text=lambda data: data + b" " * 600_000)),
)
CONTENT = (
    _says("destination-other", "`Destination` of another service", "saml_destination", destination=ELSEWHERE),
    _says("destination-missing", "no `Destination`", "saml_destination", destination=None),
    _says("recipient-other", "`Recipient` of another service", "saml_recipient", recipient=ELSEWHERE),
    _says("audience-other", "`Audience` of another service", "saml_audience", audience=ELSEWHERE),
    _says("audience-missing", "no audience", "saml_audience", audience=None),
    _says("response-issuer-other", "issuer of the response", "saml_response_issuer", response_issuer=STRANGER),
    _says("assertion-issuer-other", "issuer of the assertion", "saml_assertion_issuer", assertion_issuer=STRANGER),
    _says("assertion-expired", "`NotOnOrAfter` is over", "saml_expired", not_on_or_after=-600),
    _says("not-yet-valid", "`NotBefore` in ten minutes", "saml_not_yet_valid", not_before=600),
    _says(
        "confirmation-expired",
        "the confirmation's `NotOnOrAfter` is over",
        "saml_confirmation_expired",
        confirmation_not_on_or_after=-600,
    ),
    _says("session-expired", "`SessionNotOnOrAfter` is over", "saml_session_expired", session_not_on_or_after=-600),
    _says("issued-long-ago", "`IssueInstant` an hour ago", "saml_issued_too_long_ago", response_instant=-3600),
    _says("issued-in-future", "`IssueInstant` in an hour", "saml_issued_in_future", response_instant=3600),
    _says(
        "in-response-to-other",
        "the answer to another request",
        "saml_in_response_to",
        response_in_response_to="_other",
    ),
    _says(
        "confirmation-of-another-request",
        "the confirmation answers another request",
        "saml_in_response_to",
        confirmation_in_response_to="_other",
    ),
    _says(
        "sender-vouches",
        "a subject confirmation that is not bearer",
        "saml_subject_confirmation",
        confirmation_method="urn:oasis:names:tc:SAML:2.0:cm:sender-vouches",
    ),
    _says("no-conditions", "no conditions", "saml_conditions", conditions=False),
    _says("no-authn-statement", "nobody authenticated", "saml_authn_statement", authn_statement=False),
    _says("transient-name-id", "a NameID that names nobody twice", "saml_name_id_transient", name_id_format=TRANSIENT),
    _says("empty-name-id", "an empty NameID", "saml_name_id_empty", name_id=""),
    _says("saml-1.1", "version 1.1", "saml_version", response_version="1.1"),
    _says("status-failed", "a failure with a signed assertion beside it", "saml_status", status=_status("Requester")),
    _says(
        "status-denied",
        "the identity provider said no",
        "idp_denied",
        status=_status("Responder", "AuthnFailed"),
    ),
)
DELIVERY = tuple(
    Row(name, delivered, expected, tests=(f"{HERE}::{test}",))
    for name, delivered, expected, test in (
        ("replay", "the same response again, with its cookie", "saml_replayed", "test_a_response_is_good_once"),
        (
            "login-csrf",
            "a response that another browser asked for, with its RelayState",
            "attempt_unknown",
            "test_a_response_that_another_browser_asked_for_opens_nothing_in_mine",
        ),
        (
            "login-csrf-own-relay-state",
            "the same with a RelayState of this browser",
            "saml_in_response_to",
            "test_a_response_that_another_browser_asked_for_opens_nothing_in_mine",
        ),
        (
            "unsolicited",
            "a response that nobody asked for",
            "saml_unsolicited",
            "test_a_response_that_nobody_asked_for_opens_nothing",
        ),
        (
            "relay-state-redirect",
            "an address of another host as RelayState",
            "saml_unsolicited",
            "test_a_response_that_nobody_asked_for_opens_nothing",
        ),
    )
)
LOGOUTS = (
    Row(
        "logout-request-unsigned",
        "a LogoutRequest that anybody could write",
        "saml_unsigned",
        tests=(f"{HERE}::test_a_logout_request_that_nobody_signed_ends_nothing",),
    ),
    Row(
        "logout-request-foreign-key",
        "a LogoutRequest signed by another key",
        "saml_signature_invalid",
        tests=(f"{HERE}::test_a_logout_request_that_nobody_signed_ends_nothing",),
    ),
    *(
        Row(f"logout-request-{name}", delivered, code, tests=(f"{HERE}::test_a_logout_request_{about}_ends_nothing",))
        for name, delivered, code, about in (
            (
                "issuer-other",
                "a signed LogoutRequest of another issuer",
                "saml_response_issuer",
                "that_is_not_for_us_now",
            ),
            ("destination-other", "one for another service", "saml_destination", "that_is_not_for_us_now"),
            ("issued-long-ago", "one of an hour ago", "saml_issued_too_long_ago", "that_is_not_for_us_now"),
            ("issued-in-future", "one of an hour ahead", "saml_issued_in_future", "that_is_not_for_us_now"),
            ("expired", "one whose `NotOnOrAfter` is over", "saml_expired", "that_is_not_for_us_now"),
            ("other-person", "a good one, about somebody else", "ends their sessions alone", "about_somebody_else"),
            ("replay", "the same again, after a new sign-in", "saml_replayed", "that_was_brought_before"),
        )
    ),
    Row("artifact-binding", "", absent="responses come by HTTP-POST; nothing is fetched for a browser"),
    Row("soap-logout", "", absent="logout goes through the browser"),
    Row("ecp", "", absent="programs bring access tokens"),
)
TABLES = {
    "Honest responses": GENUINE,
    "Signature wrapping": WRAPPING,
    "Signatures": SIGNATURES,
    "Documents": DOCUMENTS,
    "What the assertion says": CONTENT,
    "Delivery": DELIVERY,
    "Logout and bindings": LOGOUTS,
}
ROWS = tuple(row for rows in TABLES.values() for row in rows)
