"""What ``airflow.cfg`` and the document say, gathered in one place.

:func:`load_settings` gathers what this package needs and every problem it sees on the way; nothing is raised until
somebody asks for the compiled configuration, so that all problems are told at once.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from airflow.configuration import conf

from airflow_oidc_auth.config.compile import compile_document
from airflow_oidc_auth.config.compiled import CompiledConfig
from airflow_oidc_auth.config.document import RawDocument
from airflow_oidc_auth.config.paths import did_you_mean, one_of, shorten
from airflow_oidc_auth.config.secrets import SecretResolver
from airflow_oidc_auth.errors import ConfigurationError, Problem
from airflow_oidc_auth.fab.mapped_rules import MappedRules
from airflow_oidc_auth.fab.settings import FabSettings
from airflow_oidc_auth.managers.address import base_url
from airflow_oidc_auth.managers.connections import read_connection_secret
from airflow_oidc_auth.managers.deployment import (
    deployment_problems,
    deployment_warnings,
    fab_mode_problems,
    manager_problems,
)
from airflow_oidc_auth.managers.document_source import DocumentSource, read_option
from airflow_oidc_auth.managers.fab_source import is_fab_mode, passed_over_file, read_fab_source
from airflow_oidc_auth.managers.options import SECTION, SINGLE_PROVIDER_OPTIONS
from airflow_oidc_auth.managers.secret_option import read_secret_option
from airflow_oidc_auth.managers.teams import ReadTeams, is_multi_team, read_teams, team_problems
from airflow_oidc_auth.policy.builtin import BUILTIN_ROLES
from airflow_oidc_auth.secret import Secret


@dataclass(frozen=True, slots=True)
class Settings:
    """What ``airflow.cfg`` and the document say.

    :param document: the raw document, None if it could not even be read
    :param config_file: the YAML document, if there is one: it is watched
    :param base_url: absolute ``[api] base_url`` without trailing slash; empty when it is not set
    :param problems: what keeps the server from starting, as far as known before compiling
    :param warnings: what an administrator should know
    :param fab: FAB's settings in FAB mode, None in native mode
    :param source: where the configuration comes from, for people
    :param mapped_rules: FAB's settings as rules, beside those of any document
    :param file_problems: those of ``problems`` that are about the YAML document alone
    :param read_teams: asks Airflow for its teams, where rules must not name others; None to let them
    """

    document: RawDocument | None
    base_url: str
    config_file: str | None = None
    fernet_keys: Secret | None = None
    resolve_secrets: bool = True
    problems: tuple[Problem, ...] = field(default=())
    warnings: tuple[Problem, ...] = field(default=())
    fab: FabSettings | None = None
    source: str = ""
    mapped_rules: MappedRules = field(default_factory=MappedRules)
    file_problems: tuple[Problem, ...] = field(default=())
    read_teams: ReadTeams | None = None

    @property
    def place(self) -> str:
        """Where the watched document lies, and for which auth manager: what is kept of one serves no other."""
        return f"{'native' if self.fab is None else 'fab'}:{os.path.abspath(self.config_file or '')}"  # noqa: PTH100

    def with_document(self, document: RawDocument) -> Settings:
        """Return the same settings with another document in place of the one that is, or is not, there."""
        others = tuple(each for each in self.problems if each not in self.file_problems)
        return replace(self, document=document, problems=others, file_problems=())

    def compile(self, known_roles: Sequence[str] = BUILTIN_ROLES) -> CompiledConfig:
        """Compile the document.

        :raises ConfigurationError: with every problem of ``airflow.cfg`` and of the document
        """
        problems = self.problems_with(())
        compiled = None
        if self.document is not None:
            try:
                compiled = self.compile_document(self.document, known_roles)
            except ConfigurationError as error:
                problems = self.problems_with(error.problems)
        if problems or compiled is None:
            raise ConfigurationError(problems or [Problem(f"[{SECTION}]", "no configuration could be read")])
        return compiled

    def problems_with(self, found: Sequence[Problem]) -> list[Problem]:
        """Return what is wrong so far and what was found besides: an option that cannot be read is not missing, too."""
        told = {each.path for each in self.problems}
        return [*self.problems, *(each for each in found if each.path not in told)]

    def compile_document(self, document: RawDocument, known_roles: Sequence[str] = BUILTIN_ROLES) -> CompiledConfig:
        """Compile another document under the same conditions (hot reload).

        In FAB mode a rule may give any role: FAB's database knows them, and they change at run time.

        :raises ConfigurationError: with every problem of the document
        """
        resolver = SecretResolver(environ=os.environ, read_connection=read_connection_secret)
        compiled = compile_document(
            self.mapped_rules.extend(document),
            secrets=resolver if self.resolve_secrets else None,
            known_roles=known_roles if self.fab is None else None,
        )
        if self.read_teams is not None and (
            problems := list(team_problems(compiled.grants, document, self.read_teams()))
        ):
            raise ConfigurationError(problems)
        return compiled

    def required_fernet_keys(self) -> Secret:
        """Return the Fernet keys.

        :raises ConfigurationError: there are none; :meth:`compile` has said so already
        """
        if self.fernet_keys is None:
            raise ConfigurationError([Problem("[core] fernet_key", "is empty")])
        return self.fernet_keys


def load_server_settings(*, fab_mode: bool) -> Settings:
    """Read what :func:`load_settings` reads, for a server: in multi-team mode rules may name Airflow's teams only."""
    settings = load_settings(resolve_secrets=True, fab_mode=fab_mode)
    return replace(settings, read_teams=read_teams) if is_multi_team() and not fab_mode else settings


def load_settings(*, resolve_secrets: bool, fab_mode: bool | None = None) -> Settings:
    """Read ``airflow.cfg``, the environment and the document; collect problems instead of raising.

    :param resolve_secrets: False for offline commands, which must work without any secret
    :param fab_mode: None to go by ``[core] auth_manager``; a running auth manager knows what it is, also a subclass
    """
    problems = [*deployment_problems(), *_unknown_options()]
    filled_in = _is_filled_in()
    if fab_mode is None:
        fab_mode = is_fab_mode(other_source=filled_in)
    problems += manager_problems("" if fab_mode or filled_in else passed_over_file())
    problems += fab_mode_problems() if fab_mode else ()
    fab = read_fab_source() if fab_mode else None
    problems += fab.document.problems if fab else ()
    source = DocumentSource(read_option("config_file", problems), fab)
    document: RawDocument | None = None
    try:
        document = source.read(problems, resolve_secrets=resolve_secrets)
    except ConfigurationError as error:
        problems += error.problems
    return Settings(
        document=document,
        base_url=base_url(),
        config_file=source.config_file,
        fernet_keys=_fernet_keys(),
        resolve_secrets=resolve_secrets,
        problems=tuple(problems),
        warnings=(*deployment_warnings(fab_mode=fab_mode), *(fab.document.warnings if fab else ())),
        fab=fab.document.settings(document) if fab else None,
        source=source.named,
        mapped_rules=fab.document.rules if fab else MappedRules(),
        file_problems=source.file_problems,
    )


def _is_filled_in() -> bool:
    return any(read_option(name, []) for name in ("config_file", *SINGLE_PROVIDER_OPTIONS) if name != "client_secret")


def _unknown_options() -> Iterator[Problem]:
    """Airflow passes over what it does not know; a misspelt option must not look like one that is set."""
    known = {"config_file", *SINGLE_PROVIDER_OPTIONS}
    accepted = known | {"client_secret_cmd", "client_secret_secret"}
    written = set(conf.options(SECTION)) - set(conf.defaults()) if conf.has_section(SECTION) else set()
    prefix = f"AIRFLOW__{SECTION.upper()}__"
    variables = {name[len(prefix) :].lower() for name in os.environ if name.startswith(prefix) and name.isupper()}
    for name in sorted((written | variables) - accepted):
        suggestion = did_you_mean(name, known) or one_of(sorted(known))
        yield Problem(f"[{SECTION}] {shorten(name)}", "is not an option", suggestion)
    for name in sorted(os.environ):
        if name.upper().startswith(prefix) and not name.isupper():
            yield Problem(
                shorten(name), "is read by nobody: letter case counts", f"write it as {shorten(name.upper())}"
            )


def _fernet_keys() -> Secret | None:
    try:
        value = read_secret_option("core", "fernet_key")
    except ConfigurationError:
        return None  # deployment_problems has told it
    return Secret(value) if value else None
