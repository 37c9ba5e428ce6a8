"""Read an assertion from the bytes that were verified. Reading judges nothing; ``checks.py`` does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lxml import etree

from airflow_oidc_auth.errors import ProtocolViolation
from airflow_oidc_auth.providers.saml.names import ENTITY, SAML, UNSPECIFIED, XSI, q
from airflow_oidc_auth.providers.saml.structure import structure_fault
from airflow_oidc_auth.providers.saml.times import read_instant

_MAX_TEXT = 8192
_KNOWN_CONDITIONS = frozenset({"AudienceRestriction", "OneTimeUse", "ProxyRestriction"})


@dataclass(frozen=True, slots=True)
class NameId:
    """SAML Core §2.2.2; an absent format is ``unspecified``."""

    text: str
    format: str = UNSPECIFIED
    name_qualifier: str = ""
    sp_name_qualifier: str = ""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """SubjectConfirmation with its data (SAML Core §2.4.1); None is what was not there or is no time."""

    method: str
    recipient: str | None
    in_response_to: str | None
    not_on_or_after: int | None
    has_not_before: bool


@dataclass(frozen=True, slots=True)
class AuthnStatement:
    """SAML Core §2.7.2."""

    instant: int | None
    session_index: str
    session_not_on_or_after: int | None
    has_session_limit: bool
    context: str


@dataclass(frozen=True, slots=True)
class Assertion:
    """A verified assertion. The IdP said it; whether it is for us and for now is still to be checked.

    :param audiences: of each AudienceRestriction
    :param unknown_conditions: names of conditions that nobody here understands
    """

    id: str
    version: str
    issue_instant: int | None
    issuer: str
    name_id: NameId | None = field(repr=False)
    confirmations: tuple[Confirmation, ...]
    has_conditions: bool
    not_before: int | None
    not_on_or_after: int | None
    audiences: tuple[frozenset[str], ...]
    unknown_conditions: tuple[str, ...]
    statements: tuple[AuthnStatement, ...]
    attributes: Mapping[str, tuple[str, ...]] = field(repr=False)


def read_assertion(element: etree._Element) -> Assertion:
    """Read a verified Assertion element.

    :raises ProtocolViolation: ``saml_assertion_malformed``, ``saml_part_encrypted``, ``saml_assertion_issuer``
    """
    if element.tag != q(SAML, "Assertion"):
        raise ProtocolViolation("saml_assertion_malformed", "is not an Assertion")
    if fault := structure_fault(element):
        raise ProtocolViolation("saml_assertion_malformed", fault)
    _refuse_encrypted_parts(element)
    conditions = element.find(q(SAML, "Conditions"))
    name_id = element.find(f"{q(SAML, 'Subject')}/{q(SAML, 'NameID')}")
    return Assertion(
        id=element.get("ID") or "",
        version=element.get("Version") or "",
        issue_instant=instant(element, "IssueInstant"),
        issuer=read_issuer(element.find(q(SAML, "Issuer")), "saml_assertion_issuer"),
        name_id=None if name_id is None else read_name_id(name_id),
        confirmations=tuple(
            _confirmation(each) for each in element.iterfind(f"{q(SAML, 'Subject')}/{q(SAML, 'SubjectConfirmation')}")
        ),
        has_conditions=conditions is not None,
        not_before=instant(conditions, "NotBefore"),
        not_on_or_after=instant(conditions, "NotOnOrAfter"),
        audiences=tuple(
            frozenset(text_of(each) for each in restriction.iterfind(q(SAML, "Audience")))
            for restriction in (() if conditions is None else conditions.iterfind(q(SAML, "AudienceRestriction")))
        ),
        unknown_conditions=_unknown(conditions),
        statements=tuple(_statement(each) for each in element.iterfind(q(SAML, "AuthnStatement"))),
        attributes=_attributes(element),
    )


def _refuse_encrypted_parts(element: etree._Element) -> None:
    """Groups that we cannot read are not groups that somebody does not have: a rule may ask for their absence."""
    for name in ("EncryptedID", "EncryptedAttribute"):
        if next(element.iter(q(SAML, name)), None) is not None:
            raise ProtocolViolation("saml_part_encrypted", f"the assertion holds an {name}")


def read_issuer(element: etree._Element | None, code: str) -> str:
    """Read an Issuer, which names an entity and nothing else (SAML Profiles §4.1.4.2).

    :param code: of the refusal
    """
    if element is not None and element.get("Format", ENTITY) != ENTITY:
        raise ProtocolViolation(code, f"the Issuer is of format {element.get('Format', '')[:120]!r}")
    return text_of(element)


def read_name_id(element: etree._Element) -> NameId:
    """Read a NameID element."""
    return NameId(
        exact_text_of(element),
        element.get("Format") or UNSPECIFIED,
        element.get("NameQualifier") or "",
        element.get("SPNameQualifier") or "",
    )


def text_of(element: etree._Element | None) -> str:
    """Return the whole text of an element that has no children, without the white space around it.

    :raises ProtocolViolation: as :func:`exact_text_of`
    """
    return "" if element is None else exact_text_of(element).strip(" \t\r\n")


def exact_text_of(element: etree._Element) -> str:
    """Return the whole text of an element that has no children, to the letter.

    For the names of people and groups: to an IdP that keeps the space, ``ada`` and ``ada `` are two people, of whom the
    second chose how to be called.

    :raises ProtocolViolation: ``saml_assertion_malformed``: too long, or not only text
    """
    text = element.text or ""
    if len(element) or len(text) > _MAX_TEXT:
        name = etree.QName(element).localname
        raise ProtocolViolation("saml_assertion_malformed", f"{name} is too long, or holds more than text")
    return text


def instant(element: etree._Element | None, name: str) -> int | None:
    """Return an attribute as epoch seconds, None if it is not there or no time."""
    value = None if element is None else element.get(name)
    return None if value is None else read_instant(value)


def _confirmation(element: etree._Element) -> Confirmation:
    data = element.find(q(SAML, "SubjectConfirmationData"))
    return Confirmation(
        method=element.get("Method") or "",
        recipient=None if data is None else data.get("Recipient"),
        in_response_to=None if data is None else data.get("InResponseTo"),
        not_on_or_after=instant(data, "NotOnOrAfter"),
        has_not_before=data is not None and data.get("NotBefore") is not None,
    )


def _statement(element: etree._Element) -> AuthnStatement:
    return AuthnStatement(
        instant=instant(element, "AuthnInstant"),
        session_index=element.get("SessionIndex") or "",
        session_not_on_or_after=instant(element, "SessionNotOnOrAfter"),
        has_session_limit=element.get("SessionNotOnOrAfter") is not None,
        context=text_of(element.find(f"{q(SAML, 'AuthnContext')}/{q(SAML, 'AuthnContextClassRef')}")),
    )


def _unknown(conditions: etree._Element | None) -> tuple[str, ...]:
    """SAML Core §2.5.1.1: a condition that is not understood makes the assertion neither valid nor usable."""
    names = [] if conditions is None else [etree.QName(each) for each in conditions]
    return tuple(name.localname for name in names if name.namespace != SAML or name.localname not in _KNOWN_CONDITIONS)


def _attributes(element: etree._Element) -> dict[str, tuple[str, ...]]:
    """Return the values by attribute name; a value that is not plain text, or is nil, is left out."""
    found: dict[str, list[str]] = {}
    for attribute in element.iterfind(f"{q(SAML, 'AttributeStatement')}/{q(SAML, 'Attribute')}"):
        values = found.setdefault(attribute.get("Name") or "", [])
        for value in attribute.iterfind(q(SAML, "AttributeValue")):
            if (text := _attribute_text(value)) is not None:
                values.append(text)
    return {name: tuple(values) for name, values in found.items() if name}


def _attribute_text(value: etree._Element) -> str | None:
    if value.get(q(XSI, "nil")) in ("true", "1"):
        return None
    # eduPersonTargetedID wraps its text in a NameID.
    if len(value) == 1 and value[0].tag == q(SAML, "NameID") and not (value.text or "").strip():
        return exact_text_of(value[0])
    return None if len(value) else exact_text_of(value)
