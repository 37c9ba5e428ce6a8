"""The Response element: where its parts stand, what its attributes say, and which bytes of it are signed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from lxml import etree

from airflow_oidc_auth.errors import LoginRefused, OidcAuthError, ProtocolViolation, ProviderError
from airflow_oidc_auth.providers.saml.assertion import instant, read_issuer
from airflow_oidc_auth.providers.saml.certificates import Certificate
from airflow_oidc_auth.providers.saml.encryption import decrypt_assertion
from airflow_oidc_auth.providers.saml.names import DS, SAML, SAMLP, STATUS, SUCCESS, q
from airflow_oidc_auth.providers.saml.settings import SamlSettings
from airflow_oidc_auth.providers.saml.signature import own_signature, verify_signature
from airflow_oidc_auth.providers.saml.untrusted import parse_own

_ASSERTION, _ENCRYPTED = q(SAML, "Assertion"), q(SAML, "EncryptedAssertion")
_DENIED = frozenset({"RequestDenied", "AuthnFailed"})
_INTERACTION = frozenset({"NoPassive", "NoAuthnContext"})


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the outer element of a message says; believed no further than its signature goes."""

    version: str
    issue_instant: int | None
    destination: str | None
    in_response_to: str | None
    issuer: str


@dataclass(frozen=True, slots=True)
class Verified:
    """A response of which the assertion is signed.

    :param assertion: root of, or inside, bytes that were verified
    """

    envelope: Envelope
    assertion: etree._Element


def read_envelope(root: etree._Element) -> Envelope:
    """Read the attributes and the Issuer of a protocol message (SAML Core §3.2)."""
    issuers = root.findall(q(SAML, "Issuer"))
    if len(issuers) > 1:
        raise ProtocolViolation("saml_response_issuer", "several issuers")
    return Envelope(
        version=root.get("Version") or "",
        issue_instant=instant(root, "IssueInstant"),
        destination=root.get("Destination"),
        in_response_to=root.get("InResponseTo"),
        issuer=read_issuer(issuers[0] if issuers else None, "saml_response_issuer"),
    )


def verify_response(
    root: etree._Element, certificates: Sequence[Certificate], settings: SamlSettings, key: RSAPrivateKey | None
) -> Verified:
    """Verify every signature that is there, and demand one that covers the assertion.

    :param key: ours, for encrypted assertions
    :raises ProtocolViolation: see ``signature.py``; ``saml_assertion_count``, ``saml_assertion_misplaced``,
        ``saml_decryption_failed``, ``saml_encryption_required``, ``saml_unsigned``
    :raises LoginRefused: the IdP says no, see :func:`check_status`
    """
    outer = _find_assertion_place(root)
    signed_root = None
    if own_signature(root) is not None:
        signed_root = parse_own(verify_signature(root, certificates))
    check_status(root if signed_root is None else signed_root)
    if outer is None:
        raise ProtocolViolation("saml_assertion_count", "the response holds no assertion")
    if settings.require_signed_response and signed_root is None:
        raise ProtocolViolation("saml_unsigned", "the response is not signed")
    envelope = read_envelope(root if signed_root is None else signed_root)
    if outer.tag == _ENCRYPTED:
        return Verified(envelope, _verify_encrypted(outer, signed_root, certificates, key))
    if settings.require_encryption:
        raise ProtocolViolation("saml_encryption_required", "the assertion is in clear text")
    return Verified(envelope, _verify_clear(outer, signed_root, certificates))


def _find_assertion_place(root: etree._Element) -> etree._Element | None:
    """Return the one Assertion or EncryptedAssertion, which stands directly in the Response, None without any."""
    if root.tag != q(SAMLP, "Response"):
        raise ProtocolViolation("saml_response_malformed", "is not a Response")
    found = [child for child in root if child.tag in (_ASSERTION, _ENCRYPTED)]
    if len(found) > 1:
        raise ProtocolViolation("saml_assertion_count", f"the response holds {len(found)} assertions")
    if sum(1 for _ in root.iter(_ASSERTION, _ENCRYPTED)) != len(found):
        raise ProtocolViolation("saml_assertion_misplaced", "an assertion stands where none belongs")
    _check_signature_places(root, found)
    return found[0] if found else None


def _check_alone(assertion: etree._Element) -> None:
    if sum(1 for _ in assertion.iter(_ASSERTION, _ENCRYPTED)) != 1:
        raise ProtocolViolation("saml_assertion_misplaced", "an assertion stands inside another")
    _check_signature_places(assertion, ())


def _check_signature_places(root: etree._Element, owners: Sequence[etree._Element]) -> None:
    for signature in root.iter(q(DS, "Signature")):
        if (parent := signature.getparent()) is not root and parent not in owners:
            raise ProtocolViolation("saml_signature_misplaced", "a signature stands where none belongs")


def _verify_clear(
    outer: etree._Element, signed_root: etree._Element | None, certificates: Sequence[Certificate]
) -> etree._Element:
    if own_signature(outer) is not None:
        return parse_own(verify_signature(outer, certificates))
    inside = None if signed_root is None else signed_root.find(_ASSERTION)
    if inside is None:
        raise ProtocolViolation("saml_unsigned", "neither the response nor the assertion is signed")
    return inside


def _verify_encrypted(
    outer: etree._Element,
    signed_root: etree._Element | None,
    certificates: Sequence[Certificate],
    key: RSAPrivateKey | None,
) -> etree._Element:
    if key is None:
        raise ProtocolViolation("saml_decryption_failed", "there is no key: set `decryption_key` or `signing_key`")
    place = outer if signed_root is None else signed_root.find(_ENCRYPTED)
    if place is None:
        raise ProtocolViolation("saml_assertion_count", "the signed response holds no assertion")
    clear = decrypt_assertion(place, key)
    if signed_root is not None and own_signature(clear) is None:
        _check_alone(clear)
        return clear
    try:
        _check_alone(clear)
        return parse_own(verify_signature(clear, certificates))
    except ProtocolViolation as error:
        if signed_root is not None:
            raise
        # Nobody vouches for the cipher text: telling "decrypted, but" from "not decrypted" would be an oracle.
        raise ProtocolViolation("saml_decryption_failed", evidence={"inside": error.code}) from None


def check_status(root: etree._Element) -> None:
    """SAML Core §3.2.2.

    :raises LoginRefused: ``idp_denied``
    :raises ProtocolViolation: ``idp_interaction_required``, ``saml_status``
    :raises ProviderError: ``saml_status_responder``
    """
    codes = status_codes(root)
    if codes[:1] == [SUCCESS]:
        return
    raise _status_error(codes)


def status_codes(root: etree._Element) -> list[str]:
    """Return the status code and those inside it.

    :raises ProtocolViolation: ``saml_status``: it has not exactly one
    """
    found = root.findall(f"{q(SAMLP, 'Status')}/{q(SAMLP, 'StatusCode')}")
    if len(found) != 1 or len(root.findall(q(SAMLP, "Status"))) != 1:
        raise ProtocolViolation("saml_status", "there is not exactly one status")
    return [each.get("Value") or "" for each in found[0].iter(q(SAMLP, "StatusCode"))]


def _status_error(codes: list[str]) -> OidcAuthError:
    names = [code.removeprefix(STATUS)[:100] for code in codes[:3]]
    detail, evidence = f"the identity provider answered {names}", {"status": names}
    if _DENIED & set(names):
        return LoginRefused("idp_denied", detail, evidence=evidence)
    if _INTERACTION & set(names):
        return ProtocolViolation("idp_interaction_required", detail, evidence=evidence)
    if names[:1] == ["Responder"]:
        return ProviderError("saml_status_responder", detail, evidence=evidence)
    return ProtocolViolation("saml_status", detail, evidence=evidence)
