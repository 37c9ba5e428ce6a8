"""Make a provider of its settings."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from airflow_oidc_auth.errors import ConfigurationError, Problem
from airflow_oidc_auth.providers.authorization import PROTECTED_PARAMETERS
from airflow_oidc_auth.providers.github import GitHubProvider
from airflow_oidc_auth.providers.oidc import OidcProvider
from airflow_oidc_auth.providers.presets import preset, preset_names, saml_preset_names, workload_preset_names
from airflow_oidc_auth.providers.provider import Provider
from airflow_oidc_auth.providers.saml.addresses import service_provider
from airflow_oidc_auth.providers.saml.libraries import INSTALL, libraries_problem
from airflow_oidc_auth.providers.saml.replay import ReplayCache
from airflow_oidc_auth.providers.settings import ASYMMETRIC_ALGORITHMS, CLIENT_AUTH_METHODS, ProviderSettings
from airflow_oidc_auth.providers.transport import RequestsTransport, Transport


def build_provider(
    settings: ProviderSettings,
    *,
    transport: Transport | None = None,
    clock: Callable[[], float] = time.time,
    base_url: str = "",
    replay: ReplayCache | None = None,
) -> Provider:
    """Return the provider that the settings describe; opens no connection.

    :param base_url: ours, absolute; only SAML needs it, and ``replay``

    The configuration has been validated before; what would break the protocol is looked at again, because
    settings can also be made by hand.

    :raises ConfigurationError: with every problem
    """
    if problems := tuple(settings_problems(settings)):
        raise ConfigurationError(problems)
    vendor = preset(settings.preset)
    transport = transport or RequestsTransport(settings.http)
    if vendor.protocol == "github":
        return GitHubProvider(settings, transport=transport, clock=clock)
    if vendor.protocol == "saml":
        return _build_saml(settings, transport, clock, base_url, replay)
    return OidcProvider(settings, vendor, transport, clock)


def _build_saml(
    settings: ProviderSettings,
    transport: Transport,
    clock: Callable[[], float],
    base_url: str,
    replay: ReplayCache | None,
) -> Provider:
    from airflow_oidc_auth.providers.saml.provider import SamlProvider

    own = service_provider(base_url, settings.id, settings.client_id)
    return SamlProvider(settings, own, transport, replay=replay, clock=clock)


def settings_problems(settings: ProviderSettings) -> Iterator[Problem]:
    """Yield what may never be run."""
    at = f"providers.{settings.id}"
    if not settings.signs_in or settings.preset in workload_preset_names():
        yield Problem(f"{at}.preset", "is that of a workload issuer, with which nobody signs in", "remove it")
        return
    if settings.preset not in (*preset_names(), *saml_preset_names()):
        yield Problem(f"{at}.preset", f"{settings.preset!r} is unknown", f"one of {', '.join(preset_names())}")
    if not settings.issuer:
        yield Problem(f"{at}.issuer", "is missing")
    if settings.saml is not None:
        if problem := libraries_problem():
            yield Problem(f"{at}.preset", f"needs libraries: {problem}", INSTALL)
        return
    if not settings.client_id:
        yield Problem(f"{at}.client_id", "is missing")
    yield from _algorithm_problems(settings, at)
    yield from _client_auth_problems(settings, at)
    for name in sorted(PROTECTED_PARAMETERS & settings.authorization_parameters.keys()):
        yield Problem(f"{at}.authorization_parameters.{name}", "is set by the protocol", "remove it")


def _algorithm_problems(settings: ProviderSettings, at: str) -> Iterator[Problem]:
    if not settings.algorithms:
        yield Problem(f"{at}.algorithms", "is empty, so no id_token would be accepted", "remove it for the default")
    for position, algorithm in enumerate(settings.algorithms):
        if algorithm not in ASYMMETRIC_ALGORITHMS:
            yield Problem(
                f"{at}.algorithms[{position}]",
                f"{algorithm!r} is not an asymmetric algorithm",
                f"one of {', '.join(ASYMMETRIC_ALGORITHMS)}",
            )


def _client_auth_problems(settings: ProviderSettings, at: str) -> Iterator[Problem]:
    method = settings.client_auth
    if method not in CLIENT_AUTH_METHODS:
        yield Problem(f"{at}.client_auth", f"{method!r} is unknown", f"one of {', '.join(CLIENT_AUTH_METHODS)}")
    if method == "private_key_jwt" and settings.private_key is None:
        yield Problem(f"{at}.private_key", "is missing, and client_auth is private_key_jwt")
    if method in ("client_secret_basic", "client_secret_post") and settings.client_secret is None:
        yield Problem(f"{at}.client_secret", f"is missing, and client_auth is {method}")
