"""Single Logout (SAML Profiles §4.4): verify what the IdP sends to our logout address."""

from __future__ import annotations

import base64
import binascii
import zlib
from dataclasses import dataclass, field
from urllib.parse import unquote_plus

from lxml import etree

from airflow_oidc_auth.errors import ProtocolViolation
from airflow_oidc_auth.providers.saml.assertion import NameId, instant, read_name_id, text_of
from airflow_oidc_auth.providers.saml.bindings import LogoutMessage, Post, Redirect
from airflow_oidc_auth.providers.saml.certificates import Certificate
from airflow_oidc_auth.providers.saml.checks import MAX_AGE, Expected, check_issue_instant
from airflow_oidc_auth.providers.saml.envelope import Envelope, read_envelope, status_codes
from airflow_oidc_auth.providers.saml.keys import verify_text
from airflow_oidc_auth.providers.saml.names import SAML, SAMLP, SIGNATURES, SUCCESS, q
from airflow_oidc_auth.providers.saml.signature import verify_signature
from airflow_oidc_auth.providers.saml.untrusted import MAX_MESSAGE, decode_message, parse_own, parse_untrusted

_MAX_INDEXES = 100
_DEFLATE = "urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE"


@dataclass(frozen=True, slots=True)
class LogoutRequested:
    """A verified LogoutRequest of the IdP.

    :param name_id: whose sessions end
    :param session_indexes: which of them; empty means all (SAML Core §3.7.1)
    :param session_keys: values of ``SignIn.sid`` to end; empty means every one that begins with ``session_prefix``
    :param answer: the LogoutResponse for the browser, to be sent once the sessions have ended
    :param failed: the same, saying that we could not
    :param replay_key: names the request in the :class:`ReplayCache`; the caller uses it up, so that who kept a copy
        cannot end later sessions with it
    :param usable_until: epoch seconds, after which it would be too late by itself
    """

    name_id: str = field(repr=False)
    session_indexes: tuple[str, ...]
    session_keys: tuple[str, ...]
    session_prefix: str
    answer: Redirect | Post
    failed: Redirect | Post
    replay_key: str
    usable_until: int


@dataclass(frozen=True, slots=True)
class LogoutDemand:
    """What a verified LogoutRequest says.

    :param usable_until: epoch seconds, leeway included, after which it is refused as too old
    """

    id: str
    name_id: NameId = field(repr=False)
    session_indexes: tuple[str, ...]
    usable_until: int


def read_logout_request(
    message: LogoutMessage, certificates: tuple[Certificate, ...], expected: Expected
) -> LogoutDemand:
    """Verify a LogoutRequest; one without a signature would let anybody sign anybody out.

    :param expected: ``acs`` is our logout address here
    :raises ProtocolViolation: unsigned, forged, foreign, late or malformed
    """
    root, envelope = _verified(message, "SAMLRequest", "LogoutRequest", certificates)
    _check_envelope(envelope, expected)
    limit = instant(root, "NotOnOrAfter")
    if root.get("NotOnOrAfter") is not None and (limit is None or expected.now - expected.leeway >= limit):
        raise ProtocolViolation("saml_expired", "the logout request is too late")
    if root.find(q(SAML, "EncryptedID")) is not None:
        raise ProtocolViolation("saml_part_encrypted", "the logout request holds an EncryptedID")
    found = root.find(q(SAML, "NameID"))
    if found is None or not text_of(found):
        raise ProtocolViolation("saml_name_id_empty", "the logout request names nobody")
    indexes = tuple(text_of(each) for each in root.iterfind(q(SAMLP, "SessionIndex")))
    if not root.get("ID") or len(indexes) > _MAX_INDEXES:
        raise ProtocolViolation("saml_response_malformed", "no ID, or too many sessions")
    usable_until = (envelope.issue_instant or expected.now) + MAX_AGE + expected.leeway + 1
    return LogoutDemand(root.get("ID") or "", read_name_id(found), indexes, usable_until)


def read_logout_response(message: LogoutMessage, certificates: tuple[Certificate, ...], expected: Expected) -> bool:
    """Verify a LogoutResponse; False if the IdP did not end everything.

    :raises ProtocolViolation: unsigned, forged, foreign, late, malformed, or for another request
    """
    root, envelope = _verified(message, "SAMLResponse", "LogoutResponse", certificates)
    _check_envelope(envelope, expected)
    if envelope.in_response_to != expected.request_id:
        raise ProtocolViolation("saml_in_response_to", "the logout response answers another request")
    return status_codes(root) == [SUCCESS]


def _check_envelope(envelope: Envelope, expected: Expected) -> None:
    if envelope.version != "2.0":
        raise ProtocolViolation("saml_version", f"version {envelope.version[:20]!r}")
    if envelope.issuer != expected.idp:
        raise ProtocolViolation("saml_response_issuer", f"from {envelope.issuer[:300]!r}")
    if envelope.destination != expected.acs:
        raise ProtocolViolation("saml_destination", f"for {(envelope.destination or '')[:300]!r}")
    check_issue_instant(envelope.issue_instant, expected)


def _verified(
    message: LogoutMessage, parameter: str, name: str, certificates: tuple[Certificate, ...]
) -> tuple[etree._Element, Envelope]:
    """Return a message whose signature holds, as it was signed."""
    if message.raw_query:
        data = _verify_query(message.raw_query, parameter, certificates)
        root = parse_untrusted(data)
    else:
        untrusted = parse_untrusted(decode_message(message.parameters.get(parameter, "")))
        root = parse_own(verify_signature(untrusted, certificates))
    if root.tag != q(SAMLP, name):
        raise ProtocolViolation("saml_response_malformed", f"is not a {name}")
    return root, read_envelope(root)


def _verify_query(raw_query: str, parameter: str, certificates: tuple[Certificate, ...]) -> bytes:
    """SAML Bindings §3.4.4.1: the characters as they came, in this order; return the inflated message."""
    raw = _raw_parameters(raw_query)
    if parameter not in raw or "Signature" not in raw or "SigAlg" not in raw:
        raise ProtocolViolation("saml_unsigned", "the query is not signed")
    if unquote_plus(raw.get("SAMLEncoding", _DEFLATE)) != _DEFLATE:
        raise ProtocolViolation("saml_encoding", "the query is not deflated")
    algorithm = unquote_plus(raw["SigAlg"])
    if algorithm not in SIGNATURES:
        raise ProtocolViolation("saml_algorithm", f"the query is signed with {algorithm[:100]}")
    signed = "&".join(f"{key}={raw[key]}" for key in (parameter, "RelayState", "SigAlg") if key in raw)
    try:
        signature = base64.b64decode("".join(unquote_plus(raw["Signature"]).split()), validate=True)
    except binascii.Error:
        raise ProtocolViolation("saml_response_malformed", "the signature is not base64") from None
    if not verify_text(signed, signature, algorithm, certificates):
        raise ProtocolViolation("saml_signature_invalid", f"tried {len(certificates)} certificates")
    return _inflate(decode_message(unquote_plus(raw[parameter])))


def _raw_parameters(raw_query: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in raw_query.split("&"):
        key, _, value = part.partition("=")
        key = unquote_plus(key)  # else `RelayStat%65` would be read by the web framework and not be signed
        if key in found:
            raise ProtocolViolation("duplicate_parameter", f"{key[:40]!r} is given twice")
        found[key] = value
    return found


def _inflate(packed: bytes) -> bytes:
    """Inflate up to the limit and no further: a few bytes can stand for gigabytes."""
    inflater = zlib.decompressobj(-15)
    try:
        data = inflater.decompress(packed, MAX_MESSAGE + 1)
    except zlib.error:
        raise ProtocolViolation("saml_response_malformed", "cannot be inflated") from None
    if len(data) > MAX_MESSAGE or not inflater.eof:
        raise ProtocolViolation("saml_too_large", "the inflated message")
    return data
