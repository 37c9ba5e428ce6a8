"""What one accepted document becomes: providers with their threads, and the journey over them.

A hot reload builds another runtime beside the running one and swaps them; a sign-in in flight finishes on the one
that it holds.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from airflow_oidc_auth.audit.log import AuditLog
from airflow_oidc_auth.config.compiled import CompiledConfig
from airflow_oidc_auth.grants.grant import Grant
from airflow_oidc_auth.grants.judgements import Judgements
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.login.attempts import AttemptCookies
from airflow_oidc_auth.login.journey import Journey, RunningProvider, build_redirect_uri
from airflow_oidc_auth.login.keys import derive_attempt_fernet
from airflow_oidc_auth.managers.bearer_lanes import BearerLanes, warm_up
from airflow_oidc_auth.managers.services import Services
from airflow_oidc_auth.providers.bearer import BearerIssuers, build_bearer_issuers
from airflow_oidc_auth.providers.confirming import Confirms
from airflow_oidc_auth.providers.oidc import OidcProvider
from airflow_oidc_auth.providers.pool import ProviderPool
from airflow_oidc_auth.providers.registry import build_provider
from airflow_oidc_auth.providers.transport import RequestsTransport
from airflow_oidc_auth.sessions.recheck_report import RecheckRules, Verdict
from airflow_oidc_auth.sessions.session import Session
from airflow_oidc_auth.web.engine import ProviderChoice


@dataclass(frozen=True, slots=True)
class Runtime:
    """The part of the engine that follows the document.

    :param providers: those that people sign in with
    :param pools: of every provider, by its id
    :param issuers: those whose access tokens are taken
    :param judgements: what the rules gave to their owners
    :param lanes: where such tokens are verified that the event loop cannot judge
    """

    config: CompiledConfig
    audit: AuditLog
    providers: Mapping[str, RunningProvider]
    pools: Mapping[str, ProviderPool]
    transports: Mapping[str, RequestsTransport]
    journey: Journey
    rechecks: RecheckRules
    issuers: BearerIssuers
    judgements: Judgements
    lanes: BearerLanes

    def choices(self) -> tuple[ProviderChoice, ...]:
        """Return the providers that people sign in with, each with how the last exchange with it went."""
        return tuple(self._choice(key, each.provider.label) for key, each in self.providers.items())

    def bearer_choices(self) -> tuple[ProviderChoice, ...]:
        """Return the providers whose access tokens are taken, likewise."""
        return tuple(self._choice(key, each.label) for key, each in self.config.providers.items() if each.api)

    def _choice(self, key: str, label: str) -> ProviderChoice:
        transport = self.transports[key]
        return ProviderChoice(key, label, transport.state, "open" if transport.open_circuits() else "closed")

    def warm_up(self) -> None:
        """Fetch discovery and keys on each provider's own threads; nobody waits for it."""
        for key, running in self.providers.items():
            self.pools[key].begin(running.provider.warm_up)
        for key in self.config.providers.keys() - self.providers.keys():
            if (issuer := self.issuers.get(key)) is not None:
                self.pools[key].begin(warm_up, issuer)

    def close(self) -> None:
        """Let calls in flight finish and take no more."""
        self.lanes.close()
        for pool in self.pools.values():
            pool.close()


def build_runtime(config: CompiledConfig, services: Services) -> Runtime:
    """Compose the runtime of a compiled document; starts no thread and calls nobody."""
    pools = {key: ProviderPool(key) for key in config.providers}
    transports = {
        key: RequestsTransport(settings.http, observe=partial(services.metrics.exchange, key))
        for key, settings in config.providers.items()
    }
    base_url, replay = services.base_url, services.live.replay_cache()
    providers = {
        key: RunningProvider(
            build_provider(settings, transport=transports[key], clock=services.clock, base_url=base_url, replay=replay),
            pools[key],
        )
        for key, settings in config.sign_in_providers.items()
    }
    attempts = AttemptCookies(
        derive_attempt_fernet(services.fernet_keys),
        services.clock,
        lambda provider_id: build_redirect_uri(base_url, provider_id),
        f"{base_url}/",
    )
    audit = AuditLog(services.sinks, config.audit.fail_login, window=services.window)
    journey = Journey(
        providers=providers,
        rules=config.grants,
        sessions=services.live,
        audit=audit,
        attempts=attempts,
        base_url=base_url,
        settings=config.sessions,
        clock=services.clock,
        token_urlsafe=secrets.token_urlsafe,
    )
    return Runtime(
        config=config,
        audit=audit,
        providers=providers,
        pools=pools,
        transports=transports,
        journey=journey,
        rechecks=build_rechecks(config, providers),
        issuers=build_issuers(config, providers, transports, services),
        judgements=Judgements(config.grants),
        lanes=BearerLanes(frozenset(config.providers)),
    )


def build_issuers(
    config: CompiledConfig,
    providers: Mapping[str, RunningProvider],
    transports: Mapping[str, RequestsTransport],
    services: Services,
) -> BearerIssuers:
    """Return who judges access tokens; where people sign in, too, documents and keys are fetched once for both."""
    parties = {key: each.provider.party for key, each in providers.items() if isinstance(each.provider, OidcProvider)}
    return build_bearer_issuers(config.providers.values(), transports, services.clock, parties=parties)


def build_rechecks(config: CompiledConfig, providers: Mapping[str, RunningProvider]) -> RecheckRules:
    """Return what re-checks ask of a document: whom they may ask, how often, and what the rules then give."""
    able = {key: each.provider for key, each in providers.items() if isinstance(each.provider, Confirms)}

    def judge(session: Session, identity: Identity, now: int) -> Verdict:
        decision = config.grants.evaluate(identity, now).decision
        return Verdict(decision, decision.until if isinstance(decision, Grant) else None)

    return RecheckRules(config.sessions.recheck, able, judge, config.tokens.unverified_lifetime)
