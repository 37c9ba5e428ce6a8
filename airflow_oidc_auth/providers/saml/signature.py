"""Verify one enveloped signature and return the very bytes that it signs.

The profile is SAML Core §5.4 and nothing more: one reference, to the element that the signature stands in; the
enveloped-signature transform, then exclusive canonicalisation. What is returned is canonicalised here, hashed here and
compared with the signed digest: whoever reads those bytes reads what was signed, wherever else in the document
somebody put another element (signature wrapping).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence

import xmlsec
from lxml import etree

from airflow_oidc_auth.errors import ProtocolViolation
from airflow_oidc_auth.providers.saml.certificates import Certificate, read_certificate
from airflow_oidc_auth.providers.saml.names import CANONICAL, DIGESTS, DS, ENVELOPED, EXC_C14N, SIGNATURES, q
from airflow_oidc_auth.providers.saml.untrusted import parse_own

_MAX_PREFIXES = 32
_KEY_INFO = frozenset({q(DS, "X509Data"), q(DS, "KeyValue"), q(DS, "KeyName")})


def own_signature(element: etree._Element) -> etree._Element | None:
    """Return the signature that stands directly in an element, None if it has none.

    :raises ProtocolViolation: ``saml_signature_misplaced``: it has several
    """
    found = element.findall(q(DS, "Signature"))
    if len(found) > 1:
        raise ProtocolViolation("saml_signature_misplaced", "an element has several signatures")
    return found[0] if found else None


def verify_signature(element: etree._Element, certificates: Sequence[Certificate]) -> bytes:
    """Return the canonical bytes of an element without its signature, after verifying that signature.

    :param certificates: the IdP's; whatever certificate the message itself brings is never trusted
    :raises ProtocolViolation: ``saml_unsigned``, ``saml_signature_*``, ``saml_algorithm``
    """
    signature = own_signature(element)
    if signature is None:
        raise ProtocolViolation("saml_unsigned", f"{etree.QName(element).localname} has no signature")
    reference = _check_profile(element, signature)
    kind = _check_algorithms(signature, reference)
    _verify(element, signature, [each for each in certificates if each.kind == kind])
    return _signed_bytes(element, reference)


def _check_profile(element: etree._Element, signature: etree._Element) -> etree._Element:
    """Return the one reference."""
    if [child.tag for child in signature][:2] != [q(DS, "SignedInfo"), q(DS, "SignatureValue")]:
        raise ProtocolViolation("saml_signature_reference", "the signature is not made as it should be")
    # ds:Object is where wrapping hides the signed element; nothing in SAML needs it.
    if any(child.tag != q(DS, "KeyInfo") for child in signature[2:]) or len(signature) > 3:
        raise ProtocolViolation("saml_signature_misplaced", "the signature holds an Object")
    if any(child.tag not in _KEY_INFO for info in signature[2:] for child in info):
        raise ProtocolViolation("saml_signature_reference", "the key is named by a reference")
    references = signature[0].findall(q(DS, "Reference"))
    identifier = element.get("ID")
    if len(references) != 1 or not identifier or references[0].get("URI") != f"#{identifier}":
        raise ProtocolViolation("saml_signature_reference", "the signature is not about the element it stands in")
    return references[0]


def _check_algorithms(signature: etree._Element, reference: etree._Element) -> str:
    """Return the kind of key; see :data:`CANONICAL`, :data:`SIGNATURES` and :data:`DIGESTS`."""
    if _algorithm(signature[0], "CanonicalizationMethod") not in CANONICAL:
        raise ProtocolViolation("saml_signature_transform", "SignedInfo is canonicalised in another way")
    _check_prefixes(signature[0])
    transforms = [each.get("Algorithm") for each in reference.iterfind(f"{q(DS, 'Transforms')}/*")]
    if len(transforms) != 2 or transforms[0] != ENVELOPED or transforms[1] not in CANONICAL:
        raise ProtocolViolation("saml_signature_transform", f"transforms {[str(each)[:80] for each in transforms[:5]]}")
    method, digest = _algorithm(signature[0], "SignatureMethod"), _algorithm(reference, "DigestMethod")
    if method not in SIGNATURES or digest not in DIGESTS:
        evidence = {"signature": method[:100], "digest": digest[:100]}
        raise ProtocolViolation("saml_algorithm", f"signed with {method[:100]}, {digest[:100]}", evidence=evidence)
    return SIGNATURES[method][0]


def _check_prefixes(signed_info: etree._Element) -> None:
    """A long list costs minutes: it is looked through for every element, before the signature is verified."""
    for each in signed_info.iter(q(EXC_C14N, "InclusiveNamespaces")):
        if len((each.get("PrefixList") or "").split()) > _MAX_PREFIXES:
            raise ProtocolViolation("saml_signature_transform", f"names more than {_MAX_PREFIXES} prefixes")


def _verify(element: etree._Element, signature: etree._Element, certificates: Sequence[Certificate]) -> None:
    for certificate in certificates:
        context = xmlsec.SignatureContext()
        context.key = xmlsec.Key.from_memory(certificate.pem, xmlsec.KeyFormat.CERT_PEM, None)
        context.register_id(element, "ID")
        try:
            context.verify(signature)
        except xmlsec.Error:
            continue
        return
    if (brought := _brought(signature)) and brought not in {each.fingerprint for each in certificates}:
        detail = f"signed with certificate {brought}, which the identity provider's metadata does not have"
        raise ProtocolViolation("saml_signature_key_unknown", detail, evidence={"fingerprint": brought})
    raise ProtocolViolation("saml_signature_invalid", f"tried {len(certificates)} certificates")


def _signed_bytes(element: etree._Element, reference: etree._Element) -> bytes:
    copy = parse_own(etree.tostring(element, with_tail=False))
    _remove_signature(copy)
    prefixes = reference.find(f"{q(DS, 'Transforms')}/*/{q(EXC_C14N, 'InclusiveNamespaces')}")
    names = (prefixes.get("PrefixList") or "").split() if prefixes is not None else []
    data: bytes = etree.tostring(copy, method="c14n", exclusive=True, with_comments=False, inclusive_ns_prefixes=names)
    told = "".join((reference.findtext(q(DS, "DigestValue")) or "").split())
    digest = hashlib.new(DIGESTS[_algorithm(reference, "DigestMethod")], data).digest()
    if not hmac.compare_digest(base64.b64encode(digest), told.encode()):
        raise ProtocolViolation("saml_signature_invalid", "what is signed is not what would be read")
    return data


def _remove_signature(element: etree._Element) -> None:
    """Take the signature out and leave the text behind it, which is signed."""
    signature = element.find(q(DS, "Signature"))
    if signature is None:
        return
    before, tail = signature.getprevious(), signature.tail or ""
    if before is None:
        element.text = (element.text or "") + tail
    else:
        before.tail = (before.tail or "") + tail
    element.remove(signature)


def _algorithm(element: etree._Element, name: str) -> str:
    found = element.findall(q(DS, name))
    return (found[0].get("Algorithm") or "") if len(found) == 1 else ""


def _brought(signature: etree._Element) -> str:
    """Return the fingerprint of the certificate that the message brings: for the operator, never for trust."""
    text = signature.findtext(f"{q(DS, 'KeyInfo')}/{q(DS, 'X509Data')}/{q(DS, 'X509Certificate')}")
    try:
        return read_certificate(text).fingerprint if text else ""
    except ValueError:
        return ""
