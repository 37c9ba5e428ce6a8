"""What ``airflow oidc check`` finds about programs and terminals, and what it asks of a workload issuer."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Collection, Iterator

from airflow_oidc_auth.config.compiled import RateLimitSettings, TokenSettings
from airflow_oidc_auth.config.paths import did_you_mean
from airflow_oidc_auth.errors import OidcAuthError, Problem
from airflow_oidc_auth.login.rate_counters import probe_store
from airflow_oidc_auth.providers.diagnose import key_findings
from airflow_oidc_auth.providers.discovery import ProviderMetadata, fetch_metadata
from airflow_oidc_auth.providers.key_document import fetch_keys
from airflow_oidc_auth.providers.live_check import DateWatch, clock_findings, failed
from airflow_oidc_auth.providers.presets import preset
from airflow_oidc_auth.providers.provider import Finding
from airflow_oidc_auth.providers.settings import ApiSettings, CliSettings, ProviderSettings
from airflow_oidc_auth.providers.transport import RequestsTransport, Transport

_CLUSTER = (
    "set `http.ca_file` to the cluster's CA and let everybody read its keys (ClusterRole "
    "system:service-account-issuer-discovery), or set `jwks_file`: kubectl get --raw /openid/v1/jwks"
)
_NO_DEVICE_FLOW = "without a browser on the same machine nobody can sign in from a terminal"


def missing_client_roles(tokens: TokenSettings, existing: Collection[str]) -> Iterator[Problem]:
    """Yield a problem for each role that a token client is to have and FAB does not have."""
    for client in tokens.clients:
        for index, role in enumerate(client.roles):
            if role not in existing:
                suggestion = did_you_mean(role, existing) or "create it on FAB's Roles page"
                yield Problem(f"tokens.clients.{client.id}.roles[{index}]", f"FAB has no role {role!r}", suggestion)


def diagnose_rate_limits(settings: RateLimitSettings) -> Iterator[Problem]:
    """Yield a warning if the store that API servers count in does not answer: they go on, each for itself."""
    what = probe_store(settings.storage) if settings.storage is not None else ""
    if what:
        text = f"does not answer ({what}): until it does each API server process counts for itself, and more tries pass"
        suggestion = "start the store, or correct its address; `/auth/health` says `shared` when it answers"
        yield Problem("rate_limits.storage", text, suggestion)


def diagnose_workload(
    settings: ProviderSettings, transport: Transport | None = None, clock: Callable[[], float] = time.time
) -> tuple[Finding, ...]:
    """Ask an issuer of tokens for programs for its keys; there is nothing else to ask it for."""
    watch = DateWatch(transport or RequestsTransport(settings.http), clock)
    try:
        jwks_uri, told = _workload_keys(settings, watch)
        ring = fetch_keys(settings, watch, jwks_uri)
    except OidcAuthError as error:
        return (_with_hint(settings, failed("keys", error)), *clock_findings(watch.differences, settings))
    return (
        *told,
        *key_findings(settings, ring),
        *_api(settings.api),
        *clock_findings(watch.differences, settings),
    )


def _workload_keys(settings: ProviderSettings, watch: DateWatch) -> tuple[str | None, tuple[Finding, ...]]:
    if settings.jwks_file is not None:
        return None, (Finding("ok", "discovery", f"not needed: keys are read from {settings.jwks_file}"),)
    metadata = fetch_metadata(settings, watch, preset(settings.preset).accepts_discovery_issuer)
    return metadata.jwks_uri, (Finding("ok", "issuer", metadata.issuer),)


def _with_hint(settings: ProviderSettings, finding: Finding) -> Finding:
    """Clusters keep their keys to themselves, and have a CA of their own."""
    return dataclasses.replace(finding, suggestion=_CLUSTER) if settings.preset == "kubernetes" else finding


def diagnose_machines(
    settings: ProviderSettings, transport: Transport | None = None, clock: Callable[[], float] = time.time
) -> tuple[Finding, ...]:
    """Return what a provider of people lacks for programs and terminals; nothing where it cannot be asked."""
    if settings.api is None and settings.cli is None:
        return ()
    watch = DateWatch(transport or RequestsTransport(settings.http), clock)
    try:
        metadata = fetch_metadata(settings, watch, preset(settings.preset).accepts_discovery_issuer)
    except OidcAuthError:
        return ()  # the sign-in's own test says so
    return (*_api(settings.api), *_opaque(settings.api, metadata), *_cli(settings.cli, metadata))


def _api(api: ApiSettings | None) -> Iterator[Finding]:
    if api is not None:
        types = ", ".join(each or "none" for each in api.token_types)
        yield Finding("ok", "api", f"takes tokens for {' or '.join(api.audiences)}, of the type {types}")


def _opaque(api: ApiSettings | None, metadata: ProviderMetadata) -> Iterator[Finding]:
    if api is None or not api.opaque:
        return
    if metadata.introspection_endpoint is None:
        text = "tokens that are no JWT cannot be checked: there is no introspection endpoint"
        yield Finding("error", "introspection", text, "set `api.opaque: false`, or use an API whose tokens are JWTs")
    else:
        yield Finding("ok", "introspection", "the provider is asked about tokens that are no JWT")


def _cli(cli: CliSettings | None, metadata: ProviderMetadata) -> Iterator[Finding]:
    if cli is None:
        return
    grants = metadata.names("grant_types_supported") or ()
    offered = "device_authorization_endpoint" in metadata.document
    if offered or "urn:ietf:params:oauth:grant-type:device_code" in grants:
        yield Finding("ok", "cli", f"client {cli.client_id}: the device flow is offered")
    else:
        suggestion = "enable the device authorization grant (RFC 8628), or use `airflow oidc login --browser`"
        yield Finding("warning", "cli", f"no device flow is announced: {_NO_DEVICE_FLOW}", suggestion)
