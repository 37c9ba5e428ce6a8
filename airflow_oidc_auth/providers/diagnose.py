"""Test a live OpenID provider and say everything that is wrong, for ``airflow oidc check``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from airflow_oidc_auth.errors import OidcAuthError
from airflow_oidc_auth.providers.client_auth import ClientAuthenticator
from airflow_oidc_auth.providers.diagnose_client import client_finding
from airflow_oidc_auth.providers.diagnose_sessions import recheck_finding
from airflow_oidc_auth.providers.discovery import ProviderMetadata, fetch_metadata
from airflow_oidc_auth.providers.key_document import fetch_keys
from airflow_oidc_auth.providers.keys import KeyRing
from airflow_oidc_auth.providers.live_check import DateWatch, clock_findings, failed
from airflow_oidc_auth.providers.presets.preset import Preset
from airflow_oidc_auth.providers.provider import Finding
from airflow_oidc_auth.providers.settings import ProviderSettings
from airflow_oidc_auth.providers.transport import Transport


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One run of all checks. Every request goes out now, past every cache.

    :param clock: epoch seconds
    :param redirect_uri: ours; empty leaves out whether the IdP knows this client
    """

    settings: ProviderSettings
    preset: Preset
    transport: Transport
    clock: Callable[[], float]
    redirect_uri: str = ""

    def findings(self) -> tuple[Finding, ...]:
        """Return what was found; never raises for what the IdP does."""
        watch = DateWatch(self.transport, self.clock)
        try:
            metadata = fetch_metadata(self.settings, watch, self.preset.accepts_discovery_issuer)
        except OidcAuthError as error:
            return (failed("discovery", error), *clock_findings(watch.differences, self.settings))
        return (
            Finding("ok", "discovery", _source(self.settings)),
            Finding("ok", "issuer", metadata.issuer),
            *_key_findings(self.settings, watch, metadata),
            *metadata_findings(self.settings, metadata),
            recheck_finding(self.settings, self.preset, metadata),
            *self._client(metadata),
            *clock_findings(watch.differences, self.settings),
        )

    def _client(self, metadata: ProviderMetadata) -> tuple[Finding, ...]:
        if not self.redirect_uri:
            return ()
        authenticator = ClientAuthenticator(self.settings, self.clock)
        return (client_finding(self.transport, metadata, authenticator, self.redirect_uri),)


def metadata_findings(settings: ProviderSettings, metadata: ProviderMetadata) -> tuple[Finding, ...]:
    """Compare what the IdP says it can do with what is configured. Sans-IO."""
    return (
        _endpoints(metadata),
        _pkce(metadata),
        _client_auth(settings, metadata),
        _algorithms(settings, metadata),
        _response_issuer(settings, metadata),
        *_scopes(settings, metadata),
        *_userinfo(settings, metadata),
        *_par(settings, metadata),
        _logout(settings, metadata),
    )


def _source(settings: ProviderSettings) -> str:
    if settings.discovery_file:
        return f"read from {settings.discovery_file}"
    return "found, over plain http" if settings.issuer.startswith("http:") else "found, over a trusted connection"


def _key_findings(settings: ProviderSettings, transport: Transport, metadata: ProviderMetadata) -> tuple[Finding, ...]:
    try:
        ring = fetch_keys(settings, transport, metadata.jwks_uri)
    except OidcAuthError as error:
        return (failed("keys", error),)
    return key_findings(settings, ring)


def key_findings(settings: ProviderSettings, ring: KeyRing) -> tuple[Finding, ...]:
    """Say which accepted algorithms the published keys can serve. Sans-IO."""
    usable = [alg for alg in settings.algorithms if ring.candidates(alg, None)]
    if not usable:
        text = f"no published key fits any of {', '.join(settings.algorithms)}"
        suggestion = f"set `algorithms`; passed over: {'; '.join(ring.skipped[:5]) or 'nothing'}"
        return (Finding("error", "keys", text, suggestion),)
    passed = f"; passed over {len(ring.skipped)}" if ring.skipped else ""
    return (Finding("ok", "keys", f"{len(ring.keys)} usable, for {', '.join(usable)}{passed}"),)


def _endpoints(metadata: ProviderMetadata) -> Finding:
    types = metadata.names("response_types_supported")
    if types is not None and "code" not in types:
        return Finding("error", "endpoints", "the authorization code flow is not offered", "enable it at the provider")
    return Finding("ok", "endpoints", "authorization and token endpoint are safe addresses")


def _pkce(metadata: ProviderMetadata) -> Finding:
    methods = metadata.names("code_challenge_methods_supported")
    if methods is not None and "S256" in methods:
        return Finding("ok", "pkce", "S256 is supported")
    return Finding(
        "warning",
        "pkce",
        "S256 is not announced; it is sent anyway",
        "ask the provider whether it checks PKCE (RFC 7636)",
    )


def _client_auth(settings: ProviderSettings, metadata: ProviderMetadata) -> Finding:
    methods = metadata.names("token_endpoint_auth_methods_supported") or ("client_secret_basic",)  # Discovery §3
    if settings.client_auth in methods:
        return Finding("ok", "client_auth", f"{settings.client_auth} is supported")
    return Finding(
        "warning" if settings.client_auth == "none" else "error",
        "client_auth",
        f"{settings.client_auth} is not among {', '.join(methods)}",
        "set `client_auth` to one of them",
    )


def _algorithms(settings: ProviderSettings, metadata: ProviderMetadata) -> Finding:
    announced = metadata.names("id_token_signing_alg_values_supported")
    common = [alg for alg in settings.algorithms if announced is None or alg in announced]
    if common:
        return Finding("ok", "algorithms", f"accepted and offered: {', '.join(common)}")
    return Finding(
        "error",
        "algorithms",
        f"offered: {', '.join(announced or ())[:200]}; accepted: {', '.join(settings.algorithms)}",
        "set `algorithms` to an asymmetric one that the provider offers",
    )


def _response_issuer(settings: ProviderSettings, metadata: ProviderMetadata) -> Finding:
    if metadata.iss_parameter:
        return Finding("ok", "response_iss", "answers carry iss (RFC 9207), and it is required")
    if settings.require_iss_parameter:
        return Finding(
            "warning",
            "response_iss",
            "iss is required but not announced",
            "if sign-in fails with response_issuer_missing, set `require_iss_parameter: false`",
        )
    return Finding("ok", "response_iss", "not announced; checked when it is there")


def _scopes(settings: ProviderSettings, metadata: ProviderMetadata) -> tuple[Finding, ...]:
    offered = metadata.names("scopes_supported")
    missing = [scope for scope in settings.scopes if offered is not None and scope not in offered]
    if not missing:
        return ()
    text = f"not announced: {', '.join(missing)}"
    return (Finding("warning", "scopes", text, "check `scopes`, or the scopes of the client at the provider"),)


def _userinfo(settings: ProviderSettings, metadata: ProviderMetadata) -> tuple[Finding, ...]:
    from_there = settings.userinfo != "never" and any(source.document == "userinfo" for source in settings.groups)
    if metadata.userinfo_endpoint is None and (from_there or settings.userinfo == "always"):
        return (Finding("error", "userinfo", "needed, but there is no userinfo endpoint", "set `userinfo: never`"),)
    if settings.userinfo == "never" and any(source.document == "userinfo" for source in settings.groups):
        return (
            Finding("error", "userinfo", "groups come from userinfo, which is never asked", "set `userinfo: auto`"),
        )
    return ()


def _par(settings: ProviderSettings, metadata: ProviderMetadata) -> tuple[Finding, ...]:
    if settings.par and metadata.par_endpoint is None:
        return (Finding("error", "par", "configured, but not offered", "set `par: false`"),)
    if metadata.par_required or settings.par:
        return (Finding("ok", "par", "requests are pushed (RFC 9126)"),)
    return ()


def _logout(settings: ProviderSettings, metadata: ProviderMetadata) -> Finding:
    if settings.logout == "none":
        return Finding("ok", "logout", "signing out ends the Airflow session only, as configured")
    if metadata.end_session_endpoint or settings.logout != "rp_initiated":
        return Finding("ok", "logout", "signing out also ends the session at the provider")
    return Finding(
        "warning", "logout", "no end_session_endpoint: people stay signed in at the provider", "set `logout: false`"
    )
