"""FAB mode's configuration: ``webserver_config.py``, and what ``[fab]`` says beside it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from airflow.configuration import AIRFLOW_HOME, conf

from airflow_oidc_auth.config.document import RawDocument
from airflow_oidc_auth.errors import ConfigurationError, Problem
from airflow_oidc_auth.fab import oidc_auth
from airflow_oidc_auth.fab.fab_document import FabDocument, read_fab_document
from airflow_oidc_auth.fab.manager_class import OURS
from airflow_oidc_auth.fab.not_honoured import FAB_OPTIONS
from airflow_oidc_auth.fab.webserver_config import WebserverConfig, read_webserver_config, without_fab

MANAGER = "OidcFabAuthManager"
_STOCK = "FabAuthManager"


def is_fab_mode(*, other_source: bool) -> bool:
    """Tell whether ``webserver_config.py`` counts.

    It does under our auth manager for FAB; and under FAB's own, so that everything can be checked and linked before the
    switch, unless somebody prepares the native manager: ``[oidc_auth]`` is filled in, and the file does not name us.
    """
    manager = (conf.get("core", "auth_manager", fallback="") or "").rpartition(".")[2]
    return manager == MANAGER or (manager == _STOCK and (not other_source or _names_us(_path())))


def passed_over_file() -> str:
    """Return the path of a ``webserver_config.py`` that was written for FAB mode, for where it does not count."""
    path = _path()
    return path if _names_us(path) else ""


def _names_us(path: str) -> bool:
    try:
        return OURS.encode() in Path(path).read_bytes()
    except OSError:
        return False


def _path() -> str:
    return conf.get("fab", "config_file", fallback="") or str(Path(AIRFLOW_HOME) / "webserver_config.py")


@dataclass(frozen=True, slots=True)
class FabSource:
    """What ``webserver_config.py`` holds.

    :param path: of the file
    :param config: None if it could not be run
    :param document: its settings beside ``OIDC_AUTH``
    """

    path: str
    config: WebserverConfig | None = None
    document: FabDocument = field(default_factory=FabDocument)

    @property
    def holds_document(self) -> bool:
        """Whether ``OIDC_AUTH`` is set."""
        return self.config is not None and oidc_auth.NAME in self.config.values

    def read_oidc_auth(self) -> RawDocument | str:
        """Return the document or the path of the YAML.

        :raises ConfigurationError: neither
        """
        assert self.config is not None  # noqa: S101 (asked only where it holds a document)
        return oidc_auth.read_oidc_auth(self.config)

    def source_problems(self, others: Sequence[str]) -> list[Problem]:
        """Return a problem unless exactly one place says whom to ask.

        :param others: options of ``[oidc_auth]`` that are set
        """
        if self.config is None:
            return []
        if self.holds_document and others:
            text = f"is set, and so is [oidc_auth] {', '.join(others)}"
            return [self.config.problem(oidc_auth.NAME, text, "keep one of them")]
        if not self.holds_document and not others:
            return [oidc_auth.nothing_configured(self.config)]
        return []


def read_fab_source() -> FabSource:
    """Run ``webserver_config.py``; what is wrong is among the problems of its document."""
    path = _path()
    if find_spec("airflow.providers.fab") is None:
        return FabSource(path, document=FabDocument(problems=(without_fab(),)))
    try:
        config = read_webserver_config(path)
    except ConfigurationError as error:
        return FabSource(path, document=FabDocument(problems=error.problems))
    return FabSource(path, config, read_fab_document(config, _set_options()))


def _set_options() -> Mapping[str, str]:
    """Return the options of ``[fab]`` that somebody set to something else than the default."""
    values = {name: conf.get("fab", name, fallback="") or "" for name in FAB_OPTIONS}
    return {name: value for name, value in values.items() if _is_written(name) and value != _default(name)}


def _is_written(name: str) -> bool:
    written = conf.has_section("fab") and name in set(conf.options("fab")) - set(conf.defaults())
    return written or f"AIRFLOW__FAB__{name.upper()}" in os.environ


def _default(name: str) -> str:
    return str(conf.get_default_value("fab", name, fallback="") or "")
