"""SAML messages out of bytes: ones that nobody signed, and ones that the IdP signed whatever they say.

An input is XML, signed here as it stands; or ``raw⏎xml``, where ``%r``
and ``%a`` stand for a genuine response and its assertion, both signed, ``%u`` for the unsigned assertion and ``%c`` for
a certificate. So the files name no key, and keys are made anew in each process.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from lxml import etree

from airflow_oidc_auth.providers.saml.names import DS, SAML, q
from tests.unit.providers.saml.making import Parts, assertion_xml, build, key_pair, sign

RAW = b"raw\n"
WORDS = (
    *("%r", "%a", "%u", "%c", "<saml:Assertion ", "<saml:Issuer>", "<saml:Subject>", "<saml:NameID>", "</saml:NameID>"),
    *(
        "<saml:Conditions ",
        "<saml:AudienceRestriction>",
        "<saml:Audience>",
        "<saml:AuthnStatement ",
        "<saml:Attribute ",
    ),
    *("<ds:Signature", "<ds:SignedInfo>", "<ds:Reference URI=", "<ds:Transform Algorithm=", "<ds:Object>"),
    *(
        "<!--",
        "-->",
        "<![CDATA[",
        "]]>",
        "<!DOCTYPE",
        "<!ENTITY",
        "&#x41;",
        "&lt;",
        "<?x?>",
        "ID=",
        "xml:id=",
        "xmlns:",
    ),
    *(
        "EncryptedAssertion",
        "EncryptedID",
        "InResponseTo=",
        "Destination=",
        "Recipient=",
        "NotOnOrAfter=",
        "NotBefore=",
    ),
    *("2027-01-15T08:00:00Z", "Version=", "SessionNotOnOrAfter=", "SessionIndex=", "Format=", "xsi:nil=", "xsi:type="),
)


@dataclass(frozen=True, slots=True)
class Message:
    """XML as it would come.

    :param signed: what the IdP signed, parsed; None for what nobody signed
    """

    xml: bytes
    signed: etree._Element | None = None


@cache
def genuine() -> bytes:
    """Return a response that is believed."""
    return build(signed="assertion")


@cache
def _parts() -> tuple[tuple[bytes, bytes], ...]:
    assertion = etree.fromstring(genuine()).find(q(SAML, "Assertion"))
    return (
        (b"%r", genuine()),
        (b"%a", etree.tostring(assertion, with_tail=False)),
        (b"%u", assertion_xml(Parts()).encode()),
        (b"%c", key_pair().base64().encode()),
    )


def compose(data: bytes, path: str) -> Message:
    """Return the message that an input stands for.

    :param path: of the element to sign below the root; empty for the root
    """
    if data.startswith(RAW):
        return Message(filled(data[len(RAW) :]))
    root = _parse(data)
    target = None if root is None else (root.find(path) if path else root)
    if root is None or target is None or root.find(f".//{q(DS, 'Signature')}") is not None:
        return Message(data)
    try:
        sign(target)
        xml = etree.tostring(root)
        again = etree.fromstring(xml)
    except (etree.XMLSyntaxError, ValueError, TypeError):
        return Message(data)
    except Exception as error:
        if type(error).__module__.startswith("xmlsec"):  # what cannot be signed stays unsigned
            return Message(data)
        raise
    return Message(xml, again.find(path) if path else again)


def filled(data: bytes) -> bytes:
    """Put the genuine parts in their places; a part that is asked for ever so often comes a few times."""
    for place, part in _parts():
        data = data.replace(place, part, 4)
    return data


def _parse(data: bytes) -> etree._Element | None:
    try:
        return etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))
    except (etree.XMLSyntaxError, ValueError):
        return None
