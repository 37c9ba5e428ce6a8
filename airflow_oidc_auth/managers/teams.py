"""The teams that rules name, held against those that Airflow has (``[core] multi_team``)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from airflow.configuration import conf
from sqlalchemy.exc import SQLAlchemyError

from airflow_oidc_auth.config.document import RawDocument
from airflow_oidc_auth.config.paths import did_you_mean, shorten
from airflow_oidc_auth.errors import ConfigurationError, Problem
from airflow_oidc_auth.grants.rules import GrantRules
from airflow_oidc_auth.sessions.database_errors import store_unavailable

ReadTeams = Callable[[], Collection[str]]


def is_multi_team() -> bool:
    """Tell whether Airflow separates teams."""
    return conf.getboolean("core", "multi_team", fallback=False)


def read_teams() -> set[str]:
    """Return the names of all teams; asks the database.

    :raises ConfigurationError: it does not answer, so that nobody knows whether the rules can be right
    """
    from airflow.models.team import Team

    try:
        return Team.get_all_team_names()
    except SQLAlchemyError as error:
        text = f"the teams cannot be read from the metadata database: {store_unavailable(error)}"
        raise ConfigurationError([Problem("[core] multi_team", text, "run `airflow db migrate` first")]) from None


def literal_teams(rules: GrantRules) -> frozenset[str]:
    """Return the teams that rules name as they are; what a capture brings is known at a sign-in only."""
    return frozenset(team for _, _, team in _named(rules))


def team_problems(rules: GrantRules, document: RawDocument, teams: Collection[str]) -> Iterator[Problem]:
    """Yield each place where a rule names a team that Airflow does not have.

    Whoever creates a team of that name later would give people rights that nobody meant.
    """
    for path, name, team in _named(rules):
        if team not in teams:
            text = f"rule {shorten(name)!r} names team {shorten(team)!r}, which Airflow does not have"
            hint = did_you_mean(team, sorted(teams)) or f"create it: airflow teams create {shorten(team)}"
            yield document.place(Problem(path, text, hint))


def _named(rules: GrantRules) -> Iterator[tuple[str, str, str]]:
    for rule in rules.rules:
        for number, team in enumerate(rule.settings.teams):
            if "{" not in team:
                yield f"{rule.settings.path}.teams[{number}]", rule.settings.name, team
