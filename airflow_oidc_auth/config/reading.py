"""From raw data to validated models; what is valid is kept for further checks even if its neighbour is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from airflow_oidc_auth.config.document import RawDocument
from airflow_oidc_auth.config.known import vendor_of
from airflow_oidc_auth.config.paths import Path
from airflow_oidc_auth.config.problems import problems_of
from airflow_oidc_auth.config.schema.audit import AuditModel
from airflow_oidc_auth.config.schema.document import Document
from airflow_oidc_auth.config.schema.grants import RequirementModel, RuleModel
from airflow_oidc_auth.config.schema.providers import ProviderModel
from airflow_oidc_auth.config.schema.roles import RoleModel
from airflow_oidc_auth.config.schema.saml import SamlModel
from airflow_oidc_auth.config.schema.sessions import SessionsModel
from airflow_oidc_auth.config.schema.tokens import RateLimitsModel, TokensModel
from airflow_oidc_auth.config.schema.vendors import AnyProvider
from airflow_oidc_auth.config.schema.workloads import WorkloadModel
from airflow_oidc_auth.errors import Problem
from airflow_oidc_auth.providers.presets import preset_names, saml_preset_names, workload_preset_names

T = TypeVar("T")

AnyModel = ProviderModel | SamlModel | WorkloadModel

_PROVIDER: TypeAdapter[AnyModel] = TypeAdapter(AnyProvider)


@dataclass(slots=True)
class Parts:
    """The valid parts of a document.

    :param provider_ids: also those of providers that are not valid, so that rules may name them
    :param damaged: for each provider that is not valid, the keys that were complained about; ``providers`` then
        holds what is left of it, to be checked and never to be used
    :param rules: by position in the document
    """

    provider_ids: tuple[str, ...] = ()
    providers: dict[str, AnyModel] = field(default_factory=dict)
    damaged: dict[str, frozenset[str]] = field(default_factory=dict)
    requirements: dict[int, RequirementModel] = field(default_factory=dict)
    rules: dict[int, RuleModel] = field(default_factory=dict)
    delegated_roles: list[str] | None = None
    keep_assigned_roles: bool = False
    dag_access_control: bool = False
    hitl_by_verified_email: bool = False
    roles: dict[str, RoleModel] = field(default_factory=dict)
    sessions: SessionsModel = field(default_factory=SessionsModel)
    audit: AuditModel = field(default_factory=AuditModel)
    tokens: TokensModel = field(default_factory=TokensModel)
    rate_limits: RateLimitsModel = field(default_factory=RateLimitsModel)

    @property
    def workloads(self) -> Mapping[str, WorkloadModel]:
        """The workload issuers, also damaged ones."""
        return {key: each for key, each in self.providers.items() if isinstance(each, WorkloadModel)}

    @property
    def sign_in_ids(self) -> tuple[str, ...]:
        """The providers that people sign in with, also damaged ones."""
        return tuple(each for each in self.provider_ids if each not in self.workloads)


def read_parts(raw: RawDocument, found: list[Problem]) -> Parts:
    """Validate the document; problems are added to ``found``."""
    try:
        document = Document.model_validate(dict(raw.data))
    except ValidationError as error:
        found += problems_of(error, raw)
    else:
        return Parts(
            tuple(document.providers),
            dict(document.providers),
            requirements=dict(enumerate(document.grants.require)),
            rules=dict(enumerate(document.grants.rules)),
            delegated_roles=document.grants.delegated_roles,
            keep_assigned_roles=document.grants.keep_assigned_roles,
            dag_access_control=document.grants.dag_access_control,
            hitl_by_verified_email=document.grants.hitl_by_verified_email,
            roles=dict(document.roles),
            sessions=document.sessions,
            audit=document.audit,
            tokens=document.tokens,
            rate_limits=document.rate_limits,
        )
    return _salvage(raw, found)


def _salvage(raw: RawDocument, found: list[Problem]) -> Parts:
    """Keep every rule and requirement that is valid by itself, and what is left of every provider."""
    providers, grants = _mapping(raw.data.get("providers")), _mapping(raw.data.get("grants"))
    parts = Parts(
        tuple(providers),
        requirements=_valid(TypeAdapter(RequirementModel), _numbered(grants.get("require"))),
        rules=_valid(TypeAdapter(RuleModel), _numbered(grants.get("rules"))),
        roles=_valid(TypeAdapter(RoleModel), _mapping(raw.data.get("roles"))),
    )
    for key, value in providers.items():
        if isinstance(value, dict):
            parts.providers[key], parts.damaged[key] = _repaired(raw, ("providers", key), value, found)
    return parts


def _repaired(
    raw: RawDocument, base: Path, value: dict[str, Any], found: list[Problem]
) -> tuple[AnyModel, frozenset[str]]:
    """Return a provider without its bad keys, and which they were.

    One wrong key must not hide the others: a bad ``preset`` keeps pydantic from looking at the rest at all.
    """
    bad: set[str] = set()
    # Only workload issuers have an audience of their own; `jwt` knows every key of theirs.
    likely = "jwt" if "audience" in value else "oidc"
    if value.get("preset") not in (*preset_names(), *saml_preset_names(), *workload_preset_names()):
        bad.add("preset")
    placeholders = _placeholders(likely if "preset" in bad else value.get("preset"))
    for attempt in ({}, placeholders):
        kept = {**attempt, **{name: each for name, each in value.items() if name not in bad}}
        if "preset" in bad:
            kept = {name: each for name, each in kept.items() if vendor_of(name) is None} | {"preset": likely}
        try:
            return _PROVIDER.validate_python(kept), frozenset(bad)
        except ValidationError as error:
            if "preset" in bad and not attempt:
                found += problems_of(error, raw, base)
            bad |= {str(step) for each in error.errors() for step in each["loc"][1:2]}
    raise AssertionError("what is left of a provider is valid")


# For keys that are complained about and that every provider must have.
def _placeholders(preset_name: object) -> dict[str, Any]:
    if preset_name in saml_preset_names():
        return {"issuer": "-"}
    return {"audience": "-"} if preset_name in workload_preset_names() else {"client_id": "-"}


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _numbered(value: object) -> dict[int, Any]:
    return dict(enumerate(value)) if isinstance(value, list) else {}


K = TypeVar("K", str, int)


def _valid(adapter: TypeAdapter[T], values: Mapping[K, Any]) -> dict[K, T]:
    valid: dict[K, T] = {}
    for key, value in values.items():
        try:
            valid[key] = adapter.validate_python(value)
        except ValidationError:  # already told
            continue
    return valid
