"""One provider: what was written over what its preset says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from airflow_oidc_auth.config.check_provider import check_provider
from airflow_oidc_auth.config.compile_machines import (
    build_api,
    build_cli,
    build_workload,
    check_machines,
    check_workload,
)
from airflow_oidc_auth.config.compile_saml import build_saml_settings, check_pairs, check_saml, resolve_all
from airflow_oidc_auth.config.document import RawDocument
from airflow_oidc_auth.config.paths import Path, parse_path
from airflow_oidc_auth.config.private_keys import client_key_problem
from airflow_oidc_auth.config.reading import Parts
from airflow_oidc_auth.config.schema.providers import GroupsModel, ProviderModel
from airflow_oidc_auth.config.schema.saml import SamlModel
from airflow_oidc_auth.config.schema.workloads import WorkloadModel
from airflow_oidc_auth.config.secret_reader import SecretReader
from airflow_oidc_auth.config.secrets import SecretResolver
from airflow_oidc_auth.errors import Problem
from airflow_oidc_auth.identity.claims import ClaimPath, GroupFormat
from airflow_oidc_auth.providers.presets import Derived, Given, Preset, preset
from airflow_oidc_auth.providers.settings import GroupSource, HttpSettings, ProviderSettings
from airflow_oidc_auth.secret import Secret


@dataclass(slots=True)
class ProviderCompiler:
    """Compiles the providers of one document.

    :param secrets: None leaves secrets unresolved and files unread
    :param found: where problems go
    """

    raw: RawDocument
    secrets: SecretResolver | None
    found: list[Problem]

    def compile_all(self, parts: Parts) -> dict[str, ProviderSettings]:
        """Return the settings of every provider without a problem."""
        compiled: dict[str, ProviderSettings] = {}
        for provider_id, model in parts.providers.items():
            damaged = parts.damaged.get(provider_id, frozenset())
            if isinstance(model, WorkloadModel):
                settings = self._compile_workload(provider_id, model, damaged)
            elif isinstance(model, SamlModel):
                settings = self._compile_saml(provider_id, model, damaged)
            else:
                settings = self._compile(provider_id, model, damaged)
            if settings is not None:
                compiled[provider_id] = settings
        return compiled

    def _compile(self, provider_id: str, model: ProviderModel, damaged: frozenset[str]) -> ProviderSettings | None:
        base: Path = ("providers", provider_id)
        before = len(self.found)
        chosen = preset(model.preset)
        given = _given(model, chosen)
        checks = [*check_provider(model, chosen, files=self.secrets is not None), *chosen.check(given)]
        derived = Derived("") if checks or damaged else chosen.derive(given)
        checks += check_machines(model, chosen, derived.issuer, _group_sources(model, chosen, derived))
        self._tell(checks, base, damaged)
        reader = SecretReader(self.raw, self.secrets, self.found)
        client_secret = reader.read((*base, "client_secret"), model.client_secret)
        private_key = reader.read((*base, "private_key"), model.private_key, client_key_problem)
        if damaged or len(self.found) > before:
            return None
        return _settings(provider_id, model, chosen, derived, client_secret, private_key)

    def _compile_saml(self, provider_id: str, model: SamlModel, damaged: frozenset[str]) -> ProviderSettings | None:
        base: Path = ("providers", provider_id)
        before = len(self.found)
        self._tell(check_saml(model, files=self.secrets is not None), base, damaged)
        reader = SecretReader(self.raw, self.secrets, self.found)
        secrets = resolve_all(model, lambda name, reference, check: reader.read((*base, name), reference, check))
        if damaged or len(self.found) > before:
            return None
        self._tell(check_pairs(secrets), base, damaged)
        return None if len(self.found) > before else build_saml_settings(provider_id, model, secrets)

    def _compile_workload(
        self, provider_id: str, model: WorkloadModel, damaged: frozenset[str]
    ) -> ProviderSettings | None:
        before = len(self.found)
        chosen = preset(model.preset)
        self._tell(check_workload(model, chosen, files=self.secrets is not None), ("providers", provider_id), damaged)
        return None if damaged or len(self.found) > before else build_workload(provider_id, model, chosen)

    def _tell(self, problems: Iterable[Problem], base: Path, damaged: frozenset[str]) -> None:
        """Add what was not complained about before."""
        for each in problems:
            if not damaged & ({"preset"} | {str(parse_path(each.path)[0])}):
                self.found.append(self.raw.place(each, base))


def _given(model: ProviderModel, chosen: Preset) -> Given:
    options = {key: getattr(model, key) for key in chosen.option_keys if getattr(model, key, None) is not None}
    return Given(
        issuer=model.issuer,
        client_id=model.client_id,
        options=options,
        groups=_groups(model.groups),
    )


def _groups(groups: list[GroupsModel] | None) -> tuple[GroupSource, ...] | None:
    if groups is None:
        return None
    return tuple(GroupSource(each.from_, each.claim, GroupFormat(each.format), each.strip_prefix) for each in groups)


def _group_sources(model: ProviderModel, chosen: Preset, derived: Derived) -> tuple[GroupSource, ...]:
    written = _groups(model.groups)
    if written is not None:
        return written
    return chosen.groups if derived.groups is None else derived.groups


def _verified_claim(model: ProviderModel, chosen: Preset) -> ClaimPath | None:
    """Return the claim that speaks of the address's claim: that of ``email`` says nothing of a user name."""
    if model.claims.email_verified is not None:
        return model.claims.email_verified
    return chosen.email_verified_claim if model.claims.email in (None, chosen.email_claim) else None


def _settings(
    provider_id: str,
    model: ProviderModel,
    chosen: Preset,
    derived: Derived,
    client_secret: Secret | None,
    private_key: Secret | None,
) -> ProviderSettings:
    return ProviderSettings(
        id=provider_id,
        label=model.label or chosen.vendor,
        preset=chosen.name,
        issuer=derived.issuer,
        client_id=model.client_id,
        client_secret=client_secret,
        client_auth=model.client_auth or chosen.client_auth,
        private_key=private_key,
        private_key_id=model.private_key_id,
        scopes=tuple(dict.fromkeys(model.scopes or derived.scopes or chosen.scopes)),
        issuer_aliases=derived.issuer_aliases,
        discovery_url=model.discovery_url or derived.discovery_url,
        discovery_file=model.discovery_file,
        jwks_file=model.jwks_file,
        algorithms=tuple(dict.fromkeys(model.algorithms or chosen.algorithms)),
        leeway=model.leeway,
        userinfo=model.userinfo or chosen.userinfo,
        par=model.par,
        require_iss_parameter=model.require_iss_parameter,
        authorization_parameters={**derived.authorization_parameters, **model.authorization_parameters},
        name_claims=tuple(model.claims.name or chosen.name_claims),
        email_claim=model.claims.email or chosen.email_claim,
        email_verified_claim=_verified_claim(model, chosen),
        groups=_group_sources(model, chosen, derived),
        http=HttpSettings(model.http.timeout, model.http.ca_file, model.http.proxy),
        logout=chosen.logout if model.logout else "none",
        options=derived.options,
        api=build_api(model.api, chosen),
        cli=build_cli(model.cli),
    )
