from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from airflow_oidc_auth.errors import ConfigurationError, Problem
from airflow_oidc_auth.managers.settings import Settings, load_server_settings, load_settings
from airflow_oidc_auth.managers.teams import literal_teams

DOCUMENT = """
version: 1
providers:
  okta:
    preset: okta
    issuer: https://acme.okta.com
    client_id: a
    client_secret: {env: TEST_TEAMS_SECRET}
grants:
  rules:
    - {name: admins, when: {group: admins}, roles: [Admin]}
    - {name: finance, when: {group: fin}, roles: [User], teams: [finance, shared]}
    - {name: by group, when: {group_regex: "team-(?P<team>[a-z]+)"}, roles: [Viewer], teams: ["{team}"]}
"""


@pytest.fixture
def multi_team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    (tmp_path / "oidc_auth.yaml").write_text(DOCUMENT, encoding="utf-8")
    monkeypatch.setenv("TEST_TEAMS_SECRET", "s")
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example.com")
    monkeypatch.setenv("AIRFLOW__OIDC_AUTH__CONFIG_FILE", str(tmp_path / "oidc_auth.yaml"))
    monkeypatch.setenv("AIRFLOW__CORE__MULTI_TEAM", "True")
    return monkeypatch


def has_teams(monkeypatch: pytest.MonkeyPatch, *teams: str) -> None:
    monkeypatch.setattr("airflow.models.team.Team.get_all_team_names", lambda: set(teams))


def problems(settings: Settings) -> list[Problem]:
    with pytest.raises(ConfigurationError) as caught:
        settings.compile()
    return list(caught.value.problems)


def test_a_server_with_teams_starts_where_airflow_has_those_that_rules_name(multi_team):
    has_teams(multi_team, "finance", "shared", "another")
    config = load_server_settings(fab_mode=False).compile()
    assert literal_teams(config.grants) == {"finance", "shared"}


def test_a_team_that_airflow_does_not_have_is_a_problem_that_names_the_rule(multi_team):
    """Somebody could create a team of that name later, for other people."""
    has_teams(multi_team, "shared", "financial")
    (found,) = problems(load_server_settings(fab_mode=False))
    assert found.path.startswith("grants.rules[1].teams[0]")
    assert "rule 'finance' names team 'finance', which Airflow does not have" in found.text
    assert "financial" in found.suggestion


def test_without_any_team_the_problem_says_how_to_create_one(multi_team):
    has_teams(multi_team)
    found = problems(load_server_settings(fab_mode=False))
    assert [each.suggestion for each in found] == [
        "create it: airflow teams create finance",
        "create it: airflow teams create shared",
    ]


def test_teams_that_cannot_be_read_stop_the_server_without_any_data(multi_team):
    def away() -> set[str]:
        raise OperationalError("select secret", {}, OSError("no route"))

    multi_team.setattr("airflow.models.team.Team.get_all_team_names", away)
    (found,) = problems(load_server_settings(fab_mode=False))
    assert found.path == "[core] multi_team"
    assert "secret" not in str(found)


def test_nobody_asks_for_teams_without_multi_team_or_offline(multi_team):
    def refuse() -> set[str]:
        raise AssertionError("asked the database")

    multi_team.setattr("airflow.models.team.Team.get_all_team_names", refuse)
    load_settings(resolve_secrets=False).compile()
    multi_team.setenv("AIRFLOW__CORE__MULTI_TEAM", "False")
    load_server_settings(fab_mode=False).compile()
