"""The document that a command reasons by: the configured one, or another that its author wants to try."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_oidc_auth.config.compiled import CompiledConfig
from airflow_oidc_auth.config.document import RawDocument
from airflow_oidc_auth.config.paths import parse_path
from airflow_oidc_auth.errors import ConfigurationError
from airflow_oidc_auth.managers.document_source import read_document_file
from airflow_oidc_auth.managers.settings import Settings


@dataclass(frozen=True, slots=True)
class Configured:
    """A document without a problem; its secrets are not resolved.

    :param raw: for what it says, and where
    """

    raw: RawDocument
    compiled: CompiledConfig

    def where(self, path: str | None) -> str:
        """Return file and line of a place, ``oidc_auth.yaml:12``; empty where that is not known."""
        return self.raw.problem(parse_path(path), "").where if path else ""


def read_configured(settings: Settings, config_file: str | None = None, *, option: str = "--config") -> Configured:
    """Read and compile.

    Neither secrets nor the rest of airflow.cfg matter: what [core] fernet_key lacks changes no right.

    :param config_file: instead of the configured document
    :param option: that names it
    :raises ConfigurationError: with every problem of the document
    """
    document = read_document_file(config_file, option=option) if config_file else settings.document
    if document is None:
        raise ConfigurationError(settings.problems)
    if settings.mapped_rules.problems:
        raise ConfigurationError(settings.mapped_rules.problems)
    return Configured(document, settings.compile_document(document))
