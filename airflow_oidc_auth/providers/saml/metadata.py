"""The IdP's metadata (SAML Metadata §2): where to send people, and whose signatures count."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lxml import etree

from airflow_oidc_auth.errors import ProtocolViolation, ProviderError
from airflow_oidc_auth.providers.endpoints import check_url
from airflow_oidc_auth.providers.saml.bindings import POST, REDIRECT
from airflow_oidc_auth.providers.saml.certificates import Certificate, read_certificate
from airflow_oidc_auth.providers.saml.names import DS, MD, SAMLP, q
from airflow_oidc_auth.providers.saml.settings import SamlSettings
from airflow_oidc_auth.providers.saml.times import read_instant, write_instant
from airflow_oidc_auth.providers.saml.untrusted import parse_metadata_document
from airflow_oidc_auth.providers.settings import ProviderSettings
from airflow_oidc_auth.providers.transport import MAX_BODY, Transport

_LOG = logging.getLogger(__name__)
_ACCEPT = {"Accept": "application/samlmetadata+xml, application/xml;q=0.9, text/xml;q=0.8"}


@dataclass(frozen=True, slots=True)
class IdpMetadata:
    """What we use of it. Every address was judged safe.

    :param certificates: for signatures, never empty; several while the IdP rolls over
    :param sign_on: address by binding
    :param logout: address by binding; may be empty
    :param logout_response: where our answers go, by binding; the logout address unless the IdP says otherwise
    :param skipped: certificates that cannot be used and why, for ``airflow oidc check``
    :param valid_until: epoch seconds; what was kept from an earlier fetch is not used after that either
    """

    entity_id: str
    certificates: tuple[Certificate, ...]
    sign_on: Mapping[str, str]
    logout: Mapping[str, str] = field(default_factory=dict)
    logout_response: Mapping[str, str] = field(default_factory=dict)
    wants_signed_requests: bool = False
    skipped: tuple[str, ...] = ()
    valid_until: int | None = None


def fetch_idp_metadata(settings: ProviderSettings, transport: Transport, clock: Callable[[], float]) -> IdpMetadata:
    """Read and check the document.

    :raises ProviderError: see :func:`parse_idp_metadata` and :class:`Transport`
    """
    saml = settings.saml or SamlSettings()
    if saml.metadata_file is not None:
        return parse_idp_metadata(_read_file(saml.metadata_file), settings, clock())
    url = saml.metadata_url or ""
    answer = transport.get(url, headers=_ACCEPT)
    if answer.status != 200:
        evidence = {"url": url, "status": answer.status}
        raise ProviderError("saml_metadata_malformed", f"{url} answered {answer.status}", evidence=evidence)
    return parse_idp_metadata(answer.body, settings, clock())


def parse_idp_metadata(data: bytes, settings: ProviderSettings, now: float) -> IdpMetadata:
    """Check a metadata document. Sans-IO.

    :raises ProviderError: ``saml_metadata_malformed``, ``saml_metadata_entity``, ``saml_metadata_expired``,
        ``saml_certificate_unusable``, ``provider_url_insecure``
    """
    try:
        root = parse_metadata_document(data)
    except ProtocolViolation as error:
        raise ProviderError("saml_metadata_malformed", error.detail) from None
    entity = _find_entity(root, settings)
    role = next((each for each in entity.iterfind(q(MD, "IDPSSODescriptor")) if _speaks_saml2(each)), None)
    if role is None:
        raise ProviderError("saml_metadata_malformed", "the entity is no SAML 2.0 identity provider")
    valid_until = _valid_until(role)
    check_not_expired(valid_until, now)
    certificates, skipped = _certificates(role, (settings.saml or SamlSettings()).fingerprints)
    sign_on = _endpoints(role, "SingleSignOnService")
    if not sign_on:
        raise ProviderError("saml_metadata_malformed", "there is no SingleSignOnService for HTTP-Redirect or HTTP-POST")
    return IdpMetadata(
        entity_id=settings.issuer,
        certificates=certificates,
        sign_on=sign_on,
        logout=_endpoints(role, "SingleLogoutService"),
        logout_response=_endpoints(role, "SingleLogoutService", answers=True),
        wants_signed_requests=role.get("WantAuthnRequestsSigned") in ("true", "1"),
        skipped=skipped,
        valid_until=valid_until,
    )


def check_not_expired(valid_until: int | None, now: float) -> None:
    """Refuse metadata that the IdP no longer stands by.

    :raises ProviderError: ``saml_metadata_expired``
    """
    if valid_until is not None and valid_until <= now:
        raise ProviderError("saml_metadata_expired", f"it was valid until {write_instant(valid_until)}")


def _read_file(name: str) -> bytes:
    try:
        with Path(name).open("rb") as file:
            data = file.read(MAX_BODY + 1)
    except OSError as error:
        raise ProviderError("saml_metadata_unreadable", f"{name}: {type(error).__name__}") from None
    if len(data) > MAX_BODY:
        raise ProviderError("saml_metadata_malformed", f"{name} is larger than {MAX_BODY} bytes")
    return data


def _find_entity(root: etree._Element, settings: ProviderSettings) -> etree._Element:
    entities = [each for each in root.iter(q(MD, "EntityDescriptor")) if each.get("entityID") == settings.issuer]
    if len(entities) == 1:
        return entities[0]
    others = [(each.get("entityID") or "")[:300] for each in root.iter(q(MD, "EntityDescriptor"))][:5]
    raise ProviderError(
        "saml_metadata_entity",
        f"configured {settings.issuer!r}, the metadata describes {others}",
        hint=f"Set `providers.{settings.id}.issuer` to the `entityID` of the metadata, if that is the one you mean.",
        evidence={"configured": settings.issuer, "described": others},
    )


def _valid_until(role: etree._Element) -> int | None:
    """Return the soonest ``validUntil`` of the role and all that it stands in; one that is no time has passed."""
    texts = [each.get("validUntil") for each in (role, *role.iterancestors())]
    return min((read_instant(text) or 0 for text in texts if text is not None), default=None)


def _speaks_saml2(role: etree._Element) -> bool:
    return SAMLP in (role.get("protocolSupportEnumeration") or "").split()


def _certificates(
    role: etree._Element, fingerprints: tuple[str, ...]
) -> tuple[tuple[Certificate, ...], tuple[str, ...]]:
    """Return every usable signing certificate; pins leave only those that they name."""
    found: dict[str, Certificate] = {}
    skipped: list[str] = []
    for descriptor in role.iterfind(q(MD, "KeyDescriptor")):
        if descriptor.get("use") not in (None, "signing"):
            continue
        for text in descriptor.iterfind(f"{q(DS, 'KeyInfo')}/{q(DS, 'X509Data')}/{q(DS, 'X509Certificate')}"):
            try:
                certificate = read_certificate(text.text or "")
            except ValueError as error:
                skipped.append(f"a certificate {error}")
                continue
            if fingerprints and certificate.fingerprint not in fingerprints:
                skipped.append(f"certificate {certificate.fingerprint} is not pinned")
                continue
            found[certificate.fingerprint] = certificate
    if not found:
        raise ProviderError("saml_certificate_unusable", "; ".join(skipped[:5]) or "there is no signing certificate")
    return tuple(found.values()), tuple(skipped)


def _endpoints(role: etree._Element, name: str, *, answers: bool = False) -> dict[str, str]:
    """Return the first address of each binding that we speak."""
    found: dict[str, str] = {}
    for element in role.iterfind(q(MD, name)):
        binding = element.get("Binding") or ""
        location = (answers and element.get("ResponseLocation")) or element.get("Location") or ""
        if binding in (REDIRECT, POST) and binding not in found:
            check_url(location)
            found[binding] = location
    return found
