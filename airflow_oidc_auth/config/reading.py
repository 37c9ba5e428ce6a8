"""From raw data to validated models; what is valid is kept for further checks even if its neighbour is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from airflow_oidc_auth.config.document import RawDocument
from airflow_oidc_auth.config.problems import problems_of
from airflow_oidc_auth.config.schema.audit import AuditModel
from airflow_oidc_auth.config.schema.document import Document
from airflow_oidc_auth.config.schema.grants import RequirementModel, RuleModel
from airflow_oidc_auth.config.schema.providers import ProviderModel
from airflow_oidc_auth.config.schema.sessions import SessionsModel
from airflow_oidc_auth.config.schema.vendors import AnyProvider
from airflow_oidc_auth.errors import Problem

T = TypeVar("T")

_PROVIDER: TypeAdapter[ProviderModel] = TypeAdapter(AnyProvider)


@dataclass(slots=True)
class Parts:
    """The valid parts of a document.

    :param provider_ids: also those of providers that are not valid, so that rules may name them
    :param rules: by position in the document
    """

    provider_ids: tuple[str, ...] = ()
    providers: dict[str, ProviderModel] = field(default_factory=dict)
    requirements: dict[int, RequirementModel] = field(default_factory=dict)
    rules: dict[int, RuleModel] = field(default_factory=dict)
    sessions: SessionsModel = field(default_factory=SessionsModel)
    audit: AuditModel = field(default_factory=AuditModel)


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
            dict(enumerate(document.grants.require)),
            dict(enumerate(document.grants.rules)),
            document.sessions,
            document.audit,
        )
    return _salvage(raw.data)


def _salvage(data: Mapping[str, Any]) -> Parts:
    """Keep every provider, rule and requirement that is valid by itself."""
    providers, grants = _mapping(data.get("providers")), _mapping(data.get("grants"))
    rules, require = (TypeAdapter(RuleModel), grants.get("rules")), (TypeAdapter(RequirementModel), grants.get("require"))
    return Parts(
        tuple(providers),
        _valid(_PROVIDER, providers),
        _valid(require[0], _numbered(require[1])),
        _valid(rules[0], _numbered(rules[1])),
    )


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
