from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.unit.cli.rights_desk import RightsDesk
from tests.unit.cli.running import Oidc

LESS = ("group: finance}, roles: [finance, Viewer]", "group: finance}, roles: [finance]")


def rows(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


def test_the_same_document_changes_nothing(oidc: Oidc, desk: RightsDesk) -> None:
    desk.sign_in("ada", ["finance"])
    told = oidc("plan", desk.changed())
    assert told.code == 0
    assert "1 person seen in the last 30 days" in told.out
    assert "unchanged 1" in rows(told.out)
    assert "Ada" not in told.out
    assert told.out.endswith("Nothing was changed.\n")


def test_who_loses_what_is_told_with_numbers_and_examples(oidc: Oidc, desk: RightsDesk) -> None:
    for number in range(7):
        desk.add_dag(f"sales_{number}")
    desk.sign_in("ada", ["finance"])
    desk.sign_in("bob", ["finance"])
    desk.sign_in("eve", ["airflow-admins"], ["Admin"])
    told = oidc("plan", desk.changed(LESS))
    assert told.code == 0
    assert "Ada <ada@example.com>, Bob <bob@example.com>" in told.out
    assert "Eve" not in told.out
    assert "roles Viewer, finance → finance" in rows(told.out)
    examples = "sales_0, sales_1, sales_2, sales_3, sales_4, … and 2 more"
    assert f"7 DAGs ({examples}): read, see runs, see tasks, see logs" in told.out
    assert {"losing 2", "gaining 0", "unchanged 1", 'rule "finance": roles - Viewer'} <= set(rows(told.out))


def test_json_tells_the_same(oidc: Oidc, desk: RightsDesk) -> None:
    desk.add_dag("sales")
    desk.sign_in("ada", ["finance"])
    data = oidc("plan", desk.changed(LESS), "--json", "--days", "7").data
    assert (data["exit_code"], data["days"], data["people"], data["losing"]) == (0, 7, 1, 1)
    [group] = data["groups"]
    assert group["people"][0]["subject"] == "ada"
    (person,) = group["people"]
    assert (person["before"]["roles"], person["after"]["roles"]) == (["Viewer", "finance"], ["finance"])
    assert {"right": "read DAGs", "count": 1, "examples": ["sales"]} in group["loses"]
    assert group["gains"] == []


def test_what_a_role_gains_or_loses_is_told_though_nobody_changes_roles(oidc: Oidc, desk: RightsDesk) -> None:
    desk.add_dag("finance_daily", "finance")
    desk.add_dag("finance_secret_pay", "finance")
    desk.add_connection("fin-db")
    desk.add_connection("hr-db")
    desk.sign_in("ada", ["finance"])
    told = oidc("plan", desk.changed(('connections: ["fin-*"]', 'connections: ["hr-*"]'), ("finance_secret_", "x_")))
    row = rows(told.out)
    assert "roles" not in [each.split(" ")[0] for each in row]
    assert "loses 1 connection (fin-db): read" in row
    assert "1 connection (hr-db): read" in told.out
    assert "gains 1 DAG (finance_secret_pay): read, see runs, see tasks, see logs, see code, see XComs" in rows(
        told.out
    )


def test_people_whom_the_same_happens_to_stand_together_whatever_else_they_are(oidc: Oidc, desk: RightsDesk) -> None:
    desk.add_connection("fin-db")
    desk.sign_in("ada", ["finance"])
    desk.sign_in("tom", ["finance", "team-blue"])
    told = oidc("plan", desk.changed(('connections: ["fin-*"]', 'connections: ["x"]')))
    assert "Ada <ada@example.com>, Tom <tom@example.com>" in told.out
    assert {"losing 2", "loses 1 connection (fin-db): read"} <= set(rows(told.out))


def test_who_would_be_shut_out_comes_with_the_reason(oidc: Oidc, desk: RightsDesk) -> None:
    desk.sign_in("root", ["airflow-admins"], ["Admin"])
    told = oidc("plan", desk.changed(("group: airflow-admins", "group: airflow-gods")))
    assert {"shut out 1", "losing 1", "roles Admin → none"} <= set(rows(told.out))
    assert "none of your groups gives you access to this Airflow. (no_matching_rule)" in told.out


def test_roles_within_a_team_are_judged_with_that_teams_things(oidc: Oidc, desk: RightsDesk) -> None:
    desk.add_dag("blue_a", bundle="blue")
    desk.add_dag("other")
    desk.give_to_team("blue", "blue")
    desk.sign_in("tom", ["team-blue"], ["User"])
    told = oidc("plan", desk.changed(('roles: [User], teams: ["{team}"]', 'roles: [Viewer], teams: ["{team}"]')))
    assert "roles User in team blue → Viewer in team blue" in rows(told.out)
    assert "1 DAG (blue_a): run, clear, edit, delete" in told.out
    assert "other" not in told.out


def test_people_of_whom_nothing_is_held_are_named_and_not_guessed_at(oidc: Oidc, desk: RightsDesk) -> None:
    desk.sign_in("old", ["finance"], ["Viewer"], held=False)
    told = oidc("plan", desk.changed(LESS))
    assert {"losing 0", "unchanged 0", "not known 1"} <= set(rows(told.out))
    assert "Old <old@example.com>" in told.out
    assert [each["subject"] for each in oidc("plan", desk.changed(LESS), "--json").data["not_known_people"]] == ["old"]


def test_where_the_rules_stay_nothing_need_be_held_of_anybody(oidc: Oidc, desk: RightsDesk) -> None:
    desk.add_connection("fin-db")
    gone = desk.sign_in("old", ["finance"], ["finance"], held=False)
    desk.forget_session(gone, signed_in_days_ago=3)
    told = oidc("plan", desk.changed(('connections: ["fin-*"]', 'connections: ["x"]')))
    assert {"losing 1", "not known 0", "loses 1 connection (fin-db): read"} <= set(rows(told.out))


def test_only_the_people_of_the_last_days_count(oidc: Oidc, desk: RightsDesk) -> None:
    desk.forget_session(desk.sign_in("old", ["finance"]), signed_in_days_ago=20)
    desk.forget_session(desk.sign_in("new", ["finance"]), signed_in_days_ago=2)
    assert oidc("plan", desk.changed(), "--json").data["people"] == 2
    assert oidc("plan", desk.changed(), "--json", "--days", "10").data["people"] == 1


def test_who_was_active_in_a_session_that_has_ended_counts_too(oidc: Oidc, desk: RightsDesk) -> None:
    session = desk.sign_in("ada", ["finance"])
    desk.store.end(session.id, reason="signed_out", now=int(time.time()))
    desk.forget_sign_in(session, days_ago=20)
    assert oidc("plan", desk.changed(), "--json", "--days", "10").data["people"] == 1


def test_a_bad_document_is_told_with_every_problem(oidc: Oidc, desk: RightsDesk) -> None:
    path = desk.changed(("actions: [run, clear]", "actions: [runn]"))
    with Path(path).open("a", encoding="utf-8") as document:
        document.write("  empty: {extends: [Viever]}\n")
    told = oidc("plan", path)
    assert told.code == 3
    for text in ("2 problems", "roles.finance.allow[0].actions[0]", "roles.empty.extends[0]", "new.yaml:13"):
        assert text in told.err, text
    assert len(oidc("plan", path, "--json").data["problems"]) == 2


@pytest.mark.parametrize("days", ["0", "-1", "99999"])
def test_days_must_be_some(oidc: Oidc, desk: RightsDesk, days: str) -> None:
    failed = oidc("plan", desk.changed(), f"--days={days}")
    assert (failed.code, "--days must be" in failed.err) == (1, True)


def test_a_file_that_is_not_there_is_bad_configuration(oidc: Oidc, desk: RightsDesk) -> None:
    failed = oidc("plan", "nowhere.yaml")
    assert (failed.code, "cannot read nowhere.yaml" in failed.err) == (3, True)


def test_a_database_that_cannot_be_asked_is_a_failure(oidc: Oidc, desk: RightsDesk) -> None:
    with desk.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE oidc_auth_session")
    assert oidc("plan", desk.changed()).code == 1


def test_things_that_cannot_be_counted_are_said(oidc: Oidc, desk: RightsDesk) -> None:
    with desk.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE dag_tag")
    told = oidc("plan", desk.changed())
    assert (told.code, "so nothing is counted" in told.out) == (0, True)


def test_nothing_is_written(oidc: Oidc, desk: RightsDesk) -> None:
    desk.sign_in("ada", ["finance"])
    with desk.engine.connect() as connection:
        before = connection.exec_driver_sql("SELECT * FROM oidc_auth_session").all()
    oidc("plan", desk.changed(LESS))
    with desk.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT * FROM oidc_auth_session").all() == before
