"""A SAML identity provider in a few functions: real keys, signatures by xmlsec, every part of a response to change."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import xmlsec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from lxml import etree

from airflow_oidc_auth.identity.claims import ClaimPath
from airflow_oidc_auth.providers.attempt import LoginAttempt
from airflow_oidc_auth.providers.saml.addresses import service_provider
from airflow_oidc_auth.providers.saml.messages import authn_request_id
from airflow_oidc_auth.providers.saml.names import BEARER, DS, SAML, SAMLP, SUCCESS, q
from airflow_oidc_auth.providers.saml.provider import SamlProvider
from airflow_oidc_auth.providers.saml.settings import NAME_ID_FORMATS, SamlSettings
from airflow_oidc_auth.providers.saml.times import write_instant
from airflow_oidc_auth.providers.settings import GroupSource, ProviderSettings
from airflow_oidc_auth.providers.transport import HttpAnswer
from airflow_oidc_auth.secret import Secret

IDP = "https://idp.example/saml"
METADATA_URL = "https://idp.example/saml/metadata"
BASE_URL = "https://airflow.example"
OWN = service_provider(BASE_URL, "corp")
NOW = 1_800_000_000
ASSERTION_ID = "_assertion-0001"
RESPONSE_ID = "_response-0001"
SUBJECT = "f2b1c0de-0000-4000-8000-ada"
ATTEMPT = LoginAttempt(
    provider="corp",
    state="state-0123456789abcdef",
    nonce="nonce-0123456789abcdef",
    code_verifier=Secret("verifier"),
    redirect_uri=OWN.acs_url,
    next_url=f"{BASE_URL}/dags",
    started_at=NOW - 30,
    correlation_id="0" * 16,
)
REQUEST_ID = authn_request_id(ATTEMPT)


@dataclass(frozen=True)
class KeyPair:
    """A private key and its certificate, PEM."""

    key: str = field(repr=False)
    certificate: str

    def base64(self) -> str:
        return "".join(self.certificate.strip().splitlines()[1:-1])


@cache
def key_pair(name: str = "idp", kind: str = "rsa", not_after: int = NOW + 86400 * 365) -> KeyPair:
    """Make a key once for all tests; the name only tells them apart."""
    sizes = {"rsa": 2048, "weak": 1024}
    curves = {"ec": ec.SECP256R1(), "weak ec": ec.SECP224R1()}
    private = ec.generate_private_key(curves[kind]) if kind in curves else rsa.generate_private_key(65537, sizes[kind])
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"{name}.example")])
    moment = dt.timezone.utc
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(dt.datetime.fromtimestamp(NOW - 86400 * 400, moment))
        .not_valid_after(dt.datetime.fromtimestamp(not_after, moment))
        .sign(private, hashes.SHA256())
    )
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return KeyPair(pem.decode(), certificate.public_bytes(serialization.Encoding.PEM).decode())


@dataclass(frozen=True)
class Parts:
    """Everything that a response says; None leaves the attribute or element out."""

    response_id: str | None = RESPONSE_ID
    response_version: str | None = "2.0"
    response_instant: str | None = write_instant(NOW)
    destination: str | None = OWN.acs_url
    response_in_response_to: str | None = REQUEST_ID
    response_issuer: str | None = IDP
    status: str = f'<samlp:StatusCode Value="{SUCCESS}"/>'
    assertion_id: str | None = ASSERTION_ID
    assertion_version: str | None = "2.0"
    assertion_instant: str | None = write_instant(NOW)
    assertion_issuer: str | None = IDP
    name_id: str | None = SUBJECT
    name_id_format: str | None = NAME_ID_FORMATS["persistent"]
    name_qualifier: str | None = None
    sp_name_qualifier: str | None = None
    confirmation_method: str | None = BEARER
    recipient: str | None = OWN.acs_url
    confirmation_in_response_to: str | None = REQUEST_ID
    confirmation_not_before: str | None = None
    confirmation_not_on_or_after: str | None = write_instant(NOW + 300)
    confirmation_data: bool = True
    conditions: bool = True
    more_conditions: str = ""
    not_before: str | None = write_instant(NOW - 30)
    not_on_or_after: str | None = write_instant(NOW + 300)
    audience: str | None = OWN.entity_id
    authn_statement: bool = True
    authn_instant: str | None = write_instant(NOW - 5)
    session_index: str | None = "_session-1"
    session_not_on_or_after: str | None = write_instant(NOW + 8 * 3600)
    authn_context: str = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
    attributes: Mapping[str, tuple[str, ...]] = field(
        default_factory=lambda: {
            "groups": ("airflow-admins", "staff"),
            "mail": ("ada@example.com",),
            "displayName": ("Ada Lovelace",),
        }
    )


def _attributes(**values: str | None) -> str:
    return "".join(f' {name}="{value}"' for name, value in values.items() if value is not None)


def _issuer(value: str | None) -> str:
    return "" if value is None else f'<saml:Issuer xmlns:saml="{SAML}">{value}</saml:Issuer>'


def assertion_xml(parts: Parts) -> str:
    data = _attributes(
        Recipient=parts.recipient,
        InResponseTo=parts.confirmation_in_response_to,
        NotBefore=parts.confirmation_not_before,
        NotOnOrAfter=parts.confirmation_not_on_or_after,
    )
    name_id = "" if parts.name_id is None else f"<saml:NameID{_name_id(parts)}>{parts.name_id}</saml:NameID>"
    confirmation_data = f"<saml:SubjectConfirmationData{data}/>" if parts.confirmation_data else ""
    confirmation = (
        ""
        if parts.confirmation_method is None
        else f"<saml:SubjectConfirmation{_attributes(Method=parts.confirmation_method)}>{confirmation_data}"
        "</saml:SubjectConfirmation>"
    )
    return (
        f'<saml:Assertion xmlns:saml="{SAML}" xmlns:xs="http://www.w3.org/2001/XMLSchema"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
        f"{_attributes(ID=parts.assertion_id, Version=parts.assertion_version, IssueInstant=parts.assertion_instant)}>"
        f"{_issuer(parts.assertion_issuer)}<saml:Subject>{name_id}{confirmation}</saml:Subject>"
        f"{_conditions(parts)}{_statement(parts)}{_attribute_statement(parts)}</saml:Assertion>"
    )


def _name_id(parts: Parts) -> str:
    return _attributes(
        Format=parts.name_id_format, NameQualifier=parts.name_qualifier, SPNameQualifier=parts.sp_name_qualifier
    )


def _conditions(parts: Parts) -> str:
    if not parts.conditions:
        return ""
    audience = (
        ""
        if parts.audience is None
        else (f"<saml:AudienceRestriction><saml:Audience>{parts.audience}</saml:Audience></saml:AudienceRestriction>")
    )
    window = _attributes(NotBefore=parts.not_before, NotOnOrAfter=parts.not_on_or_after)
    return f"<saml:Conditions{window}>{audience}{parts.more_conditions}</saml:Conditions>"


def _statement(parts: Parts) -> str:
    if not parts.authn_statement:
        return ""
    told = _attributes(
        AuthnInstant=parts.authn_instant,
        SessionIndex=parts.session_index,
        SessionNotOnOrAfter=parts.session_not_on_or_after,
    )
    return (
        f"<saml:AuthnStatement{told}><saml:AuthnContext><saml:AuthnContextClassRef>{parts.authn_context}"
        "</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>"
    )


def _attribute_statement(parts: Parts) -> str:
    listed = "".join(
        f'<saml:Attribute Name="{name}">'
        + "".join(f'<saml:AttributeValue xsi:type="xs:string">{value}</saml:AttributeValue>' for value in values)
        + "</saml:Attribute>"
        for name, values in parts.attributes.items()
    )
    return f"<saml:AttributeStatement>{listed}</saml:AttributeStatement>" if listed else ""


def response_xml(parts: Parts) -> str:
    head = _attributes(
        ID=parts.response_id,
        Version=parts.response_version,
        IssueInstant=parts.response_instant,
        Destination=parts.destination,
        InResponseTo=parts.response_in_response_to,
    )
    return (
        f'<samlp:Response xmlns:samlp="{SAMLP}"{head}>{_issuer(parts.response_issuer)}'
        f"<samlp:Status>{parts.status}</samlp:Status>{assertion_xml(parts)}</samlp:Response>"
    )


@dataclass(frozen=True)
class Signing:
    """How a signature is made."""

    keys: KeyPair = field(default_factory=key_pair)
    method: Any = xmlsec.Transform.RSA_SHA256
    digest: Any = xmlsec.Transform.SHA256
    transforms: tuple[Any, ...] = (xmlsec.Transform.ENVELOPED, xmlsec.Transform.EXCL_C14N)
    canonical: Any = xmlsec.Transform.EXCL_C14N
    brings: str | None = None
    prefixes: str | None = None
    uri: str | None = None


def sign(element: etree._Element, signing: Signing | None = None) -> None:
    """Sign an element the way IdPs do: behind its Issuer."""
    how = signing or Signing()
    signature = xmlsec.template.create(element, how.canonical, how.method, ns="ds")
    uri = f"#{element.get('ID')}" if how.uri is None else how.uri
    reference = xmlsec.template.add_reference(signature, how.digest, uri=uri)
    for transform in how.transforms:
        node = xmlsec.template.add_transform(reference, transform)
        if how.prefixes and transform is xmlsec.Transform.EXCL_C14N:
            etree.SubElement(
                node,
                "{http://www.w3.org/2001/10/xml-exc-c14n#}InclusiveNamespaces",
                PrefixList=how.prefixes,
            )
    info = xmlsec.template.ensure_key_info(signature)
    data = etree.SubElement(info, q(DS, "X509Data"))
    etree.SubElement(data, q(DS, "X509Certificate")).text = how.brings or how.keys.base64()
    position = 1 if len(element) and element[0].tag == q(SAML, "Issuer") else 0
    element.insert(position, signature)
    context = xmlsec.SignatureContext()
    if element.get("ID"):
        context.register_id(element, "ID")
    context.key = xmlsec.Key.from_memory(how.keys.key, xmlsec.KeyFormat.PEM, None)
    context.sign(signature)


def encrypt(root: etree._Element, keys: KeyPair, cipher: Any = None, transport: Any = None) -> None:
    """Replace the assertion by an encrypted one, with xmlsec."""
    assertion = root.find(q(SAML, "Assertion"))
    wrapper = etree.Element(q(SAML, "EncryptedAssertion"), nsmap={"saml": SAML})
    root.replace(assertion, wrapper)
    cipher = cipher or xmlsec.Transform.AES256_GCM
    data = xmlsec.template.encrypted_data_create(wrapper, cipher, type=xmlsec.EncryptionType.ELEMENT, ns="xenc")
    xmlsec.template.encrypted_data_ensure_cipher_value(data)
    info = xmlsec.template.encrypted_data_ensure_key_info(data, ns="ds")
    key = xmlsec.template.add_encrypted_key(info, transport or xmlsec.Transform.RSA_OAEP)
    xmlsec.template.encrypted_data_ensure_cipher_value(key)
    wrapper.append(data)
    manager = xmlsec.KeysManager()
    manager.add_key(xmlsec.Key.from_memory(keys.certificate, xmlsec.KeyFormat.CERT_PEM, None))
    context = xmlsec.EncryptionContext(manager)
    bits = 128 if cipher in (xmlsec.Transform.AES128, xmlsec.Transform.AES128_GCM) else 256
    context.key = xmlsec.Key.generate(xmlsec.KeyData.AES, bits, xmlsec.KeyDataType.SESSION)
    holder = etree.fromstring(etree.tostring(assertion, with_tail=False))
    wrapper.replace(data, context.encrypt_xml(data, _in_place(wrapper, data, holder)))


def _in_place(wrapper: etree._Element, data: etree._Element, assertion: etree._Element) -> etree._Element:
    wrapper.append(assertion)
    return assertion


def build(
    parts: Parts | None = None,
    signed: str = "assertion",
    signing: Signing | None = None,
    tamper: Callable[[etree._Element], None] | None = None,
    **changes: Any,
) -> bytes:
    """Return a response's XML.

    :param signed: ``assertion``, ``response``, ``both`` or ``none``
    :param tamper: changes the signed tree in place
    """
    root = etree.fromstring(response_xml(replace(parts or Parts(), **changes)).encode())
    if signed in ("assertion", "both"):
        sign(root.find(q(SAML, "Assertion")), signing)
    if signed in ("response", "both"):
        sign(root, signing)
    if tamper is not None:
        # Parsed again: lxml does not find elements by name that xmlsec's own libxml2 made.
        root = etree.fromstring(etree.tostring(root))
        tamper(root)
    return etree.tostring(root)


def encrypted(
    signed: str,
    *,
    parts: Parts | None = None,
    cipher: str = "AES256_GCM",
    transport: str = "RSA_OAEP",
    name: str = "sp",
    signing: Signing | None = None,
) -> bytes:
    """Return a response whose assertion is encrypted for the key of that name."""
    root = etree.fromstring(response_xml(parts or Parts()).encode())
    if signed in ("assertion", "both"):
        sign(root.find(q(SAML, "Assertion")), signing)
    encrypt(root, key_pair(name), getattr(xmlsec.Transform, cipher), getattr(xmlsec.Transform, transport))
    if signed in ("response", "both"):
        sign(root, signing)
    return etree.tostring(root)


def form(data: bytes) -> dict[str, str]:
    return {"SAMLResponse": base64.b64encode(data).decode(), "RelayState": ATTEMPT.state}


def idp_metadata(*keys: KeyPair, entity_id: str = IDP, signed_requests: bool = False, more: str = "") -> bytes:
    listed = "".join(
        '<md:KeyDescriptor use="signing"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>'
        f"{each.base64()}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
        for each in keys or (key_pair(),)
    )
    bindings = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-"
    services = "".join(
        f'<md:{name} Binding="{bindings}{kind}" Location="https://idp.example/{path}/{kind.lower()}"/>'
        for name, path in (("SingleLogoutService", "slo"), ("SingleSignOnService", "sso"))
        for kind in ("Redirect", "POST")
    )
    return (
        f'<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="{DS}" entityID="{entity_id}"'
        f'{more}><md:IDPSSODescriptor WantAuthnRequestsSigned="{str(signed_requests).lower()}"'
        f' protocolSupportEnumeration="{SAMLP}">{listed}{services}</md:IDPSSODescriptor></md:EntityDescriptor>'
    ).encode()


class MemoryReplayCache:
    """Remembers in this process."""

    def __init__(self) -> None:
        self.expires: dict[str, int] = {}

    def seen(self, assertion_id: str, expires_at: int) -> bool:
        known = assertion_id in self.expires
        self.expires[assertion_id] = expires_at
        return known


class FixedTransport:
    """Serves one document from memory and counts how often it was asked for."""

    def __init__(self, body: bytes, status: int = 200) -> None:
        self.body, self.status, self.fetched = body, status, 0

    def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> HttpAnswer:
        self.fetched += 1
        return HttpAnswer(url, self.status, {}, self.body)

    def post(self, url: str, **_: Any) -> HttpAnswer:
        raise AssertionError("SAML posts nothing by itself")


def make_settings(**saml: Any) -> ProviderSettings:
    fields = {key: saml.pop(key) for key in ("issuer", "client_id", "leeway", "logout", "email_claim") if key in saml}
    return ProviderSettings(
        **{
            "id": "corp",
            "label": "Corp",
            "preset": "saml",
            "issuer": IDP,
            "client_id": "",
            "name_claims": (ClaimPath(("displayName",)),),
            "email_claim": ClaimPath(("mail",)),
            "groups": (GroupSource("assertion", ClaimPath(("groups",))),),
            "leeway": 10,
            "logout": "single",
            "saml": SamlSettings(metadata_url=METADATA_URL, **saml),
            **fields,
        }
    )


def make_provider(
    settings: ProviderSettings | None = None,
    metadata: bytes | None = None,
    now: float = NOW,
    replay: Any = None,
    transport: Any = None,
) -> SamlProvider:
    return SamlProvider(
        settings or make_settings(),
        OWN,
        transport or FixedTransport(metadata or idp_metadata()),
        replay=replay or MemoryReplayCache(),
        clock=lambda: now,
        spawn=lambda work: work(),
    )
