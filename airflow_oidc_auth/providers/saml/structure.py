"""How an assertion is built (SAML Core §2.3 to §2.7): which elements, in which order, how often.

A reader that finds the first of two may find another one than the IdP meant; so two are refused where one belongs.
"""

from __future__ import annotations

import re

from lxml import etree

from airflow_oidc_auth.providers.saml.names import SAML

_NAME = "(BaseID |NameID |EncryptedID )"
_CONTENT = {
    name: re.compile(content)
    for name, content in {
        "Assertion": "Issuer (Subject )?(Conditions )?(Advice )?"
        "((Statement|AuthnStatement|AuthzDecisionStatement|AttributeStatement) )*",
        "Subject": f"({_NAME}(SubjectConfirmation )*|(SubjectConfirmation )+)",
        "SubjectConfirmation": f"{_NAME}?(SubjectConfirmationData )?",
        "Conditions": "((Condition|AudienceRestriction|OneTimeUse|ProxyRestriction) )*",
        "AudienceRestriction": "(Audience )+",
        "OneTimeUse": "",
        "ProxyRestriction": "(Audience )*",
        "AuthnStatement": "(SubjectLocality )?AuthnContext ",
        "SubjectLocality": "",
        "AuthnContext": "(AuthnContextClassRef )?(AuthnContextDecl |AuthnContextDeclRef )?(AuthenticatingAuthority )*",
        "AttributeStatement": "((Attribute|EncryptedAttribute) )+",
        "Attribute": "(AttributeValue )*",
    }.items()
}
_REQUIRED = {
    "Assertion": ("ID", "Version", "IssueInstant"),
    "SubjectConfirmation": ("Method",),
    "AuthnStatement": ("AuthnInstant",),
    "Attribute": ("Name",),
}
_TEXT = frozenset({
    "Issuer", "NameID", "Audience", "AuthnContextClassRef", "AuthnContextDeclRef", "AuthenticatingAuthority"
})  # fmt: skip
_PREFIX = f"{{{SAML}}}"


def structure_fault(element: etree._Element) -> str:
    """Return what is not built as it should be, or the empty string.

    What nobody here reads, and what an IdP may fill as it likes, is not looked into: Advice, declarations,
    confirmation data, attribute values.

    :param element: an Assertion without its signature
    """
    name = _local_name(element)
    if missing := [each for each in _REQUIRED.get(name, ()) if not element.get(each)]:
        return f"{name} has no {missing[0]}"
    if name in _TEXT:
        return f"{name} holds more than text" if len(element) else ""
    if name not in _CONTENT:
        return ""
    if _has_text(element) or not _CONTENT[name].fullmatch("".join(f"{_local_name(child)} " for child in element)):
        return f"{name} has other content than it may have"
    return next(filter(None, map(structure_fault, element)), "")


def _local_name(element: etree._Element) -> str:
    """Return the name of SAML's own elements; of others one that is allowed nowhere."""
    tag = str(element.tag)
    return tag[len(_PREFIX) :] if tag.startswith(_PREFIX) else "?"


def _has_text(element: etree._Element) -> bool:
    return bool((element.text or "").strip()) or any((child.tail or "").strip() for child in element)
