"""From a raw document to the frozen configuration, or to every problem in it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from airflow_oidc_auth.config.check_mode import check_mode
from airflow_oidc_auth.config.check_workloads import check_workloads
from airflow_oidc_auth.config.compile_audit import build_audit, check_audit
from airflow_oidc_auth.config.compile_grants import compile_grants
from airflow_oidc_auth.config.compile_needs import check_needs
from airflow_oidc_auth.config.compile_provider import ProviderCompiler
from airflow_oidc_auth.config.compile_roles import compile_roles, role_names
from airflow_oidc_auth.config.compile_sessions import build_sessions, check_sessions
from airflow_oidc_auth.config.compile_tokens import build_rate_limits, build_tokens, check_tokens
from airflow_oidc_auth.config.compiled import CompiledConfig
from airflow_oidc_auth.config.digest import document_digest
from airflow_oidc_auth.config.document import RawDocument
from airflow_oidc_auth.config.paths import Path, holds_secret
from airflow_oidc_auth.config.reading import read_parts
from airflow_oidc_auth.config.secret_reader import SecretReader
from airflow_oidc_auth.config.secrets import SecretResolver
from airflow_oidc_auth.config.warn_roles import warn_without_teams
from airflow_oidc_auth.config.warnings import warnings_of
from airflow_oidc_auth.errors import ConfigurationError, Problem

RESERVED_ID = "break-glass"


def compile_document(
    raw: RawDocument, *, secrets: SecretResolver | None, known_roles: Collection[str] | None
) -> CompiledConfig:
    """Validate and compile.

    :param secrets: None leaves secrets unresolved and named files unread, for offline commands
    :param known_roles: roles that a rule may give besides the document's own; None in FAB mode, whose database
        knows them
    :raises ConfigurationError: with every problem, in the order of the document
    """
    first = [
        *raw.complaints,
        *_nothings(raw, raw.data, ()),
        *check_mode(raw, fab=known_roles is None),
        *_reserved(raw),
    ]
    found = list(first)
    if known_roles is None:
        raw = replace(raw, data={key: value for key, value in raw.data.items() if key != "roles"})
    parts = read_parts(raw, found)
    compiler = ProviderCompiler(raw, secrets, found)
    providers = compiler.compile_all(parts)
    roles = compile_roles(raw, parts.roles, found) if known_roles is not None else {}
    known = None if known_roles is None else (*known_roles, *role_names(raw))
    grants = compile_grants(raw, parts, known, found)
    found += check_needs(raw, parts, providers)
    found += check_sessions(raw, parts, providers)
    found += check_workloads(raw, parts, providers)
    found += check_tokens(raw, parts.tokens, known, files=secrets is not None)
    reader = SecretReader(raw, secrets, found)
    tokens, rate_limits = build_tokens(parts.tokens, reader), build_rate_limits(parts.rate_limits, reader)
    found += check_audit(raw, parts.audit)
    audit = build_audit(raw, parts.audit, reader)
    if found or grants is None:
        told = {each.path for each in first}
        raise ConfigurationError(_in_order([*first, *(each for each in found if each.path not in told)]))
    return CompiledConfig(
        providers=MappingProxyType(providers),
        grants=grants,
        sessions=build_sessions(parts.sessions),
        audit=audit,
        digest=document_digest(raw),
        roles=MappingProxyType(roles),
        tokens=tokens,
        rate_limits=rate_limits,
        keep_assigned_roles=parts.keep_assigned_roles,
        dag_access_control=parts.dag_access_control,
        hitl_by_verified_email=parts.hitl_by_verified_email,
        warnings=tuple(_in_order(warnings_of(raw, parts, providers, grants, roles, tokens.clients))),
        without_teams=tuple(_in_order([*warn_without_teams(raw, parts)])),
    )


def _reserved(raw: RawDocument) -> Iterator[Problem]:
    """Sessions of break-glass links carry an id of their own; nobody's provider may pass for it."""
    providers = raw.data.get("providers")
    if isinstance(providers, Mapping) and RESERVED_ID in providers:
        yield raw.problem(("providers", RESERVED_ID), "is the id of break-glass sign-ins", "choose another id")


def _nothings(raw: RawDocument, data: object, path: Path) -> Iterator[Problem]:
    """A key without a value is a line that somebody forgot to finish, not a wish for the default."""
    if holds_secret(path):
        return
    if isinstance(data, Mapping):
        for key, value in data.items():
            if value is None:
                yield raw.problem((*path, key), "has no value", "write a value, or remove the key")
            yield from _nothings(raw, value, (*path, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from _nothings(raw, value, (*path, index))


def _in_order(found: Sequence[Problem]) -> list[Problem]:
    """Sort by line and drop repetitions: two checks may see the same mistake."""
    unique = {(each.path, each.text): each for each in found}.values()
    return sorted(unique, key=lambda each: _line(each.where))


def _line(where: str) -> int:
    line = where.rpartition(":")[2]
    return int(line) if line.isdecimal() else 0
