"""Everything that ``webserver_config.py`` says to this package, read at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from airflow_oidc_auth.config.document import RawDocument
from airflow_oidc_auth.errors import Problem
from airflow_oidc_auth.fab.manager_class import class_problems, class_warnings
from airflow_oidc_auth.fab.mapped_rules import MappedRules, read_mapped_rules
from airflow_oidc_auth.fab.not_honoured import dropped_settings
from airflow_oidc_auth.fab.registration import read_registration
from airflow_oidc_auth.fab.settings import FabSettings
from airflow_oidc_auth.fab.webserver_config import WebserverConfig


@dataclass(frozen=True, slots=True)
class FabDocument:
    """What is beside the document proper (:mod:`.oidc_auth`).

    :param registration: ``AUTH_USER_REGISTRATION``
    :param rules: FAB's settings as rules
    """

    registration: bool = False
    rules: MappedRules = field(default_factory=MappedRules)
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()

    def settings(self, document: RawDocument | None) -> FabSettings:
        """Return FAB's settings; the document may keep roles that were assigned by hand."""
        grants = document.data.get("grants") if document else None
        keep = isinstance(grants, Mapping) and grants.get("keep_assigned_roles") is True
        return FabSettings(self.registration, keep)


def read_fab_document(config: WebserverConfig, fab_options: Mapping[str, str]) -> FabDocument:
    """Read all settings but ``OIDC_AUTH``; nothing is raised.

    :param fab_options: options of ``[fab]`` that differ from their default
    """
    rules = read_mapped_rules(config)
    problems = [*class_problems(config), *rules.problems]
    warnings: list[Problem] = []
    registration = read_registration(config, problems, warnings)
    warnings += [*class_warnings(config), *dropped_settings(config, fab_options)]
    # What once let everybody in must not be found below what once slowed down guessing.
    warnings.sort(key=lambda each: "ROLE_PUBLIC" not in each.path.upper())
    return FabDocument(registration, rules, tuple(problems), tuple(warnings))
