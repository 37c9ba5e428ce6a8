"""Test a live SAML IdP and say everything that is wrong, for ``airflow oidc check``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone

from airflow_oidc_auth.errors import OidcAuthError
from airflow_oidc_auth.providers.live_check import DateWatch, clock_findings, failed
from airflow_oidc_auth.providers.provider import Finding
from airflow_oidc_auth.providers.saml.bindings import POST, REDIRECT
from airflow_oidc_auth.providers.saml.certificates import Certificate, read_certificate
from airflow_oidc_auth.providers.saml.metadata import IdpMetadata, fetch_idp_metadata
from airflow_oidc_auth.providers.saml.settings import SamlSettings
from airflow_oidc_auth.providers.settings import ProviderSettings
from airflow_oidc_auth.providers.transport import Transport

_SOON = timedelta(days=30)


def diagnose(settings: ProviderSettings, transport: Transport, clock: Callable[[], float]) -> tuple[Finding, ...]:
    """Return what was found; every request goes out now, past every cache."""
    saml = settings.saml or SamlSettings()
    watch = DateWatch(transport, clock)
    try:
        metadata = fetch_idp_metadata(settings, watch, clock)
    except OidcAuthError as error:
        return (
            failed("metadata", error),
            *_own_certificates(saml, clock()),
            *clock_findings(watch.differences, settings),
        )
    source = saml.metadata_file or saml.metadata_url or ""
    return (
        Finding("ok", "metadata", f"read from {source}"),
        Finding("ok", "issuer", metadata.entity_id),
        *_idp_certificates(metadata, clock()),
        *_own_certificates(saml, clock()),
        *_requests(saml, metadata),
        _logout(settings, saml, metadata),
        *clock_findings(watch.differences, settings),
    )


def _idp_certificates(metadata: IdpMetadata, now: float) -> Iterator[Finding]:
    for certificate in metadata.certificates:
        hint = "ask the people who run the identity provider for its next certificate"
        yield _dates("certificate", certificate, now, hint)
    for reason in metadata.skipped[:5]:
        yield Finding("warning", "certificate", f"passed over: {reason}", "")


def _own_certificates(saml: SamlSettings, now: float) -> Iterator[Finding]:
    for name in ("certificate", "decryption_certificate"):
        text = getattr(saml, name)
        if text is not None:
            hint = f"make a new key and `{name}`, and give the identity provider our metadata again"
            yield _dates(f"own {name}", read_certificate(text), now, hint)


def _dates(check: str, certificate: Certificate, now: float, hint: str) -> Finding:
    moment = datetime.fromtimestamp(now, timezone.utc)
    until = f"{certificate.fingerprint} valid until {certificate.not_after:%Y-%m-%d}"
    if moment > certificate.not_after or moment < certificate.not_before:
        return Finding("error", check, f"{until}: not valid now", hint)
    if moment + _SOON > certificate.not_after:
        return Finding("warning", check, f"{until}: soon", hint)
    return Finding("ok", check, until)


def _requests(saml: SamlSettings, metadata: IdpMetadata) -> Iterator[Finding]:
    if metadata.wants_signed_requests and saml.signing_key is None and saml.certificate is None:
        yield Finding("error", "requests", "the identity provider wants signed requests", "set `signing_key`")
    elif saml.signing_key is None and saml.certificate is None:
        yield Finding("warning", "requests", "are not signed", "set `signing_key` and `certificate`")
    else:
        yield Finding("ok", "requests", "are signed")
    wanted = POST if saml.binding == "post" else REDIRECT
    if wanted not in metadata.sign_on:
        yield Finding("warning", "binding", f"{saml.binding} is not offered, so the other one is used", "set `binding`")


def _logout(settings: ProviderSettings, saml: SamlSettings, metadata: IdpMetadata) -> Finding:
    if settings.logout == "none":
        return Finding("ok", "logout", "signing out ends the Airflow session only, as configured")
    if not metadata.logout:
        return Finding(
            "warning", "logout", "no SingleLogoutService: people stay signed in there", "set `logout: false`"
        )
    if saml.signing_key is None and saml.certificate is None:
        return Finding("warning", "logout", "needs a key to sign with", "set `signing_key`, or `logout: false`")
    return Finding("ok", "logout", "signing out also ends the session at the provider")
