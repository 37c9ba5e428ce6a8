"""``OIDC_AUTH`` of ``webserver_config.py``: the document itself as a dict, or the path of the YAML document."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from airflow_oidc_auth.config.document import RawDocument, check_version
from airflow_oidc_auth.config.paths import Path, did_you_mean
from airflow_oidc_auth.errors import ConfigurationError, Problem
from airflow_oidc_auth.fab.python_data import PlainData
from airflow_oidc_auth.fab.webserver_config import WebserverConfig

NAME = "OIDC_AUTH"
_FORMS = 'write {"version": 1, "providers": {…}, "grants": {…}}, or the full path of a YAML document'


def read_oidc_auth(config: WebserverConfig) -> RawDocument | str:
    """Return the document, not yet validated, or the path of the YAML that holds it.

    :raises ConfigurationError: neither
    """
    value = config.values[NAME]
    if isinstance(value, str | PurePath):
        return _yaml_path(config, str(value))
    if not isinstance(value, Mapping):
        kind = "empty" if value is None else type(value).__name__
        raise ConfigurationError([config.problem(NAME, f"must be a dict or a path, not {kind}", _FORMS)])
    if not value:
        raise ConfigurationError([config.problem(NAME, "is empty", _FORMS)])
    document = _document(config, value)
    check_version(document)
    return document


def nothing_configured(config: WebserverConfig) -> Problem:
    """Return the problem that no source of configuration is set; a misspelt name is recognised."""
    for name in config.values:
        if name != NAME and did_you_mean(name, [NAME]):
            return config.problem(name, "is not a setting", f"did you mean {NAME}?")
    return Problem(NAME, "is missing: nothing says whom to ask who people are", _FORMS, config.path)


def _yaml_path(config: WebserverConfig, path: str) -> str:
    if not path.startswith("/"):
        text = "is empty" if not path else "is a relative path, which depends on where Airflow was started"
        raise ConfigurationError([config.problem(NAME, text, "write the full path")])
    return path


def _document(config: WebserverConfig, value: Mapping[Any, object]) -> RawDocument:
    raw = RawDocument(config.path, {}, config.lines.below(NAME), root=NAME)
    complaints: list[Problem] = []

    def complain(path: Path, text: str, suggestion: str) -> None:
        complaints.append(raw.problem(path, text, suggestion))

    plain = PlainData(complain)
    data = plain.copy(value)
    if plain.too_much:
        raise ConfigurationError(complaints)
    for path in config.lines.twice_below(NAME):
        complain(path, "is written twice; Python keeps the last", "keep one of them")
    assert isinstance(data, dict)  # noqa: S101 (a mapping is copied to a dict)
    return RawDocument(config.path, data, raw.lines, root=NAME, complaints=tuple(complaints))
