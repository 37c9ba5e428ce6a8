from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from airflow_oidc_auth.grants.grant import RuleMatch
from tests.unit.cli.rights_desk import ISSUER, RightsDesk
from tests.unit.cli.running import Oidc, Run

Ask = Callable[..., Run]


@pytest.fixture
def ask(oidc: Oidc, desk: RightsDesk, tmp_path: Path) -> Ask:
    """Ask as somebody with these groups, by a file of claims."""

    def run(groups: Iterable[str], action: str, resource: str, *more: str) -> Run:
        path = tmp_path / "claims.json"
        path.write_text(json.dumps({"sub": "x", "groups": list(groups)}), encoding="utf-8")
        return oidc("can", "--claims", str(path), action, resource, *more)

    return run


def rows(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


def test_allow_names_the_line_that_decides_and_where_it_is(ask: Ask, desk: RightsDesk) -> None:
    desk.add_dag("finance_daily")
    told = ask(["finance"], "run", "dag:finance_daily")
    assert told.code == 0
    assert told.out.startswith("ALLOW  run dag:finance_daily\n")
    assert f"decided by roles.finance.allow[0] ({desk.document}:13)" in rows(told.out)
    assert {"role finance", "roles Viewer, finance", "rules finance (grants.rules[1])"} <= set(rows(told.out))


def test_deny_has_its_own_exit_code_and_names_the_line(ask: Ask, desk: RightsDesk) -> None:
    desk.add_dag("finance_secret_pay")
    told = ask(["finance", "airflow-admins"], "read", "dag:finance_secret_pay/logs")
    assert told.code == 2
    assert told.out.startswith("DENY  read dag:finance_secret_pay/logs\n")
    assert f"decided by roles.finance.deny[0] ({desk.document}:17)" in rows(told.out)
    assert "why A deny wins over every allow, whichever role it comes from." in rows(told.out)


def test_json_tells_the_same(ask: Ask, desk: RightsDesk) -> None:
    desk.add_dag("finance_daily", "finance", owners="fin, ops")
    data = ask(["finance"], "clear", "dag:finance_daily", "--json").data
    assert (data["exit_code"], data["allowed"]) == (0, True)
    assert data["decided_by"]["path"] == "roles.finance.allow[0]"
    assert data["decided_by"]["where"] == f"{desk.document}:13"
    assert [each["question"] for each in data["answers"]] == [
        "PUT DAG 'finance_daily' RUN",
        "PUT DAG 'finance_daily' TASK_INSTANCE",
    ]
    assert data["dag"] == {
        "id": "finance_daily",
        "tags": ["finance"],
        "owners": ["fin", "ops"],
        "bundle": "main",
        "team": None,
        "access_control": {},
    }
    assert (data["subject"]["roles"], data["subject"]["basis"]) == (["Viewer", "finance"], "claims")


@pytest.mark.parametrize(
    ("groups", "action", "resource", "code"),
    [
        (["finance"], "read", "connection:fin-db", 0),
        (["finance"], "read", "connection:hr-db", 2),
        (["finance"], "read", "connection", 0),
        (["finance"], "edit", "connection:fin-db", 2),
        (["finance"], "read", "view:jobs", 0),
        (["finance"], "read", "view:plugins", 2),
        (["finance"], "menu", "menu:dags", 0),
        (["finance"], "menu", "menu:connections", 2),
        (["finance"], "read", "configuration:core", 2),
        (["finance"], "read", "custom_view:plugin", 2),
        (["airflow-admins"], "read", "custom_view:plugin", 0),
        (["airflow-admins"], "delete", "variable:x", 0),
        (["team-blue"], "read", "team:blue", 0),
        (["team-blue"], "read", "team:red", 2),
        (["airflow-admins"], "read", "team:red", 0),
    ],
)
def test_every_kind_of_thing_can_be_asked_about(
    ask: Ask, groups: list[str], action: str, resource: str, code: int
) -> None:
    assert ask(groups, action, resource).code == code


def test_the_database_says_what_a_dag_is(ask: Ask, desk: RightsDesk) -> None:
    desk.add_dag("daily", "finance")
    desk.add_dag("other")
    assert ask(["finance"], "edit", "dag:daily").code == 0
    assert ask(["finance"], "edit", "dag:other").code == 2


def test_facts_stand_in_for_a_dag_that_is_not_there(ask: Ask, desk: RightsDesk) -> None:
    told = ask(["finance"], "edit", "dag:new")
    assert (told.code, "This database holds no such DAG" in told.out) == (2, True)
    assert ask(["finance"], "edit", "dag:new", "--tag", "x", "--tag", "finance").code == 0
    assert ask(["team-blue"], "edit", "dag:new", "--team", "blue").code == 0
    assert ask(["team-blue"], "edit", "dag:new", "--team", "red").code == 2


def test_with_facts_no_database_is_needed(ask: Ask, desk: RightsDesk) -> None:
    with desk.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE dag_tag")
    assert ask(["finance"], "edit", "dag:new", "--tag", "finance").code == 0
    told = ask(["finance"], "edit", "dag:new")
    assert (told.code, "The metadata database cannot be read" in told.out) == (2, True)


def test_the_team_of_a_thing_comes_from_the_database(
    ask: Ask, desk: RightsDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__MULTI_TEAM", "True")
    desk.add_connection("blue-db", "blue")
    desk.add_connection("red-db", "red")
    desk.document.write_text(
        desk.document.read_text(encoding="utf-8").replace("roles: [User], teams", "roles: [Op], teams"),
        encoding="utf-8",
    )
    assert ask(["team-blue"], "edit", "connection:blue-db").code == 0
    assert ask(["team-blue"], "edit", "connection:red-db").code == 2
    unknown = ask(["team-blue"], "edit", "connection:new")
    assert (unknown.code, "it was taken for one without a team" in unknown.out) == (2, True)
    told = ask(["team-blue"], "edit", "connection:new", "--team=blue")
    assert (told.code, "role Op in team blue" in rows(told.out)) == (0, True)


@pytest.mark.parametrize(("multi_team", "code"), [("True", 0), ("False", 2)])
def test_without_teams_what_is_denied_of_one_is_denied_of_all(
    ask: Ask, oidc: Oidc, desk: RightsDesk, monkeypatch: pytest.MonkeyPatch, multi_team: str, code: int
) -> None:
    """Airflow does not tell the server whose a connection is; it was allowed here, and answered with 403 there."""
    monkeypatch.setenv("AIRFLOW__CORE__MULTI_TEAM", multi_team)
    desk.add_connection("fin-db")
    denial = "- {actions: [read], connections: {teams: [blue]}}"
    new = desk.changed(("    deny:\n", f"    deny:\n      {denial}\n"))
    assert ask(["finance"], "read", "connection:fin-db", "--config", new).code == code
    desk.sign_in("ada", ["finance"])
    assert ("1 connection (fin-db): read" in oidc("plan", new).out) is (multi_team == "False")


@pytest.mark.parametrize("by", ["Ada", "ada@example.com", "ada", "id"])
def test_people_are_found_by_name_address_subject_or_id(oidc: Oidc, desk: RightsDesk, by: str) -> None:
    desk.add_dag("finance_daily")
    session = desk.sign_in("ada", ["finance"], ["finance"])
    desk.sign_in("bob", ["finance"])
    told = oidc("can", session.principal_id if by == "id" else by, "run", "dag:finance_daily")
    assert told.code == 0
    assert {"person Ada <ada@example.com>", "roles finance", "known by the live session"} <= set(rows(told.out))


def test_two_people_of_one_address_are_not_mixed_up(oidc: Oidc, desk: RightsDesk) -> None:
    first = desk.sign_in("ada", [], ["Viewer"], email="it@example.com")
    desk.sign_in("bob", [], ["Admin"], email="it@example.com")
    failed = oidc("can", "it@example.com", "delete", "variable:x")
    assert (failed.code, "Several people are known" in failed.err, first.principal_id in failed.err) == (1, True, True)
    assert oidc("can", "bob", "delete", "variable:x", "--issuer", ISSUER).code == 0
    assert oidc("can", first.principal_id, "delete", "variable:x").code == 2


def test_somebody_without_a_session_is_judged_by_the_last_sign_in(oidc: Oidc, desk: RightsDesk) -> None:
    desk.forget_session(desk.sign_in("ada", ["finance"], ["Op"]))
    told = oidc("can", "Ada", "edit", "variable:x")
    assert (told.code, "known by the last sign-in; nobody is signed in now" in rows(told.out)) == (0, True)


def test_a_stored_role_within_a_team_holds_there_alone(oidc: Oidc, desk: RightsDesk) -> None:
    desk.add_dag("blue_a", bundle="blue")
    desk.add_dag("other")
    desk.give_to_team("blue", "blue")
    match = RuleMatch("teams", "grants.rules[2]", ("User",), ("blue",))
    desk.sign_in("tom", ["team-blue"], ["User"], matches=(match,))
    told = oidc("can", "Tom", "edit", "dag:blue_a")
    assert (told.code, "roles User in team blue" in rows(told.out)) == (0, True)
    assert oidc("can", "Tom", "edit", "dag:other").code == 2


def test_a_role_within_a_team_holds_nowhere_else_once_its_person_is_gone(oidc: Oidc, desk: RightsDesk) -> None:
    """Of who is not signed in only the names of the roles are kept: it was told to hold everywhere."""
    desk.add_dag("other")
    match = RuleMatch("teams", "grants.rules[2]", ("User",), ("blue",))
    desk.forget_session(desk.sign_in("tom", ["team-blue"], ["User"], matches=(match,)))
    told = oidc("can", "Tom", "edit", "dag:other")
    assert (told.code, "Not counted: User." in told.out, "roles none" in rows(told.out)) == (2, True, True)


def test_another_document_is_tried_with_what_the_provider_said_last(oidc: Oidc, desk: RightsDesk) -> None:
    desk.sign_in("ada", ["finance"], ["Viewer"])
    new = desk.changed(("roles: [finance, Viewer]", "roles: [finance, Op]"))
    assert oidc("can", "Ada", "edit", "variable:x").code == 2
    told = oidc("can", "Ada", "edit", "variable:x", "--config", new)
    assert told.code == 0
    assert "known by what the rules give for what the identity provider said last" in rows(told.out)
    desk.sign_in("old", ["finance"], ["Viewer"], held=False)
    told = oidc("can", "Old", "edit", "variable:x", "--config", new)
    assert (told.code, "Nothing is held of what the identity provider said" in told.out) == (2, True)


def test_who_is_not_let_in_may_do_nothing(ask: Ask) -> None:
    told = ask(["staff"], "read", "dag:x")
    assert told.code == 2
    assert "why The person is not let in at all, so no role counts." in rows(told.out)
    assert "(no_matching_rule)" in told.out


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("read", "dag:x"), "Say who"),
        (("ada", "read", "dag:x", "--claims", "c.json"), "Say who"),
        (("nobody", "read", "dag:x"), "Nobody is known here as 'nobody'"),
        (("nobody", "raed", "dag:x"), "did you mean read?"),
        (("nobody", "read", "view:jobs", "--tag", "x"), "are facts about a DAG"),
        (("nobody", "read", "connection:x", "--owner", "x"), "--team only"),
        (("nobody", "read", "dag", "--team", "x"), "Facts are about one thing"),
    ],
)
def test_what_is_not_clear_is_a_clean_failure(
    oidc: Oidc, desk: RightsDesk, arguments: tuple[str, ...], text: str
) -> None:
    failed = oidc("can", *arguments)
    assert (failed.code, failed.out) == (1, "")
    assert text in failed.err


def test_a_bad_document_is_bad_configuration(oidc: Oidc, desk: RightsDesk) -> None:
    failed = oidc("can", "x", "read", "dag:x", "--config", desk.changed(("actions: [edit]", "actions: [edt]")))
    assert (failed.code, "roles.finance.allow[2].actions[0]" in failed.err) == (3, True)


def test_names_cannot_act_on_the_terminal(oidc: Oidc, desk: RightsDesk) -> None:
    desk.sign_in("ada", [], ["Viewer"], email="a\x1b[2J@example.com")
    told = oidc("can", "Ada", "read", "dag:\x1b[2Jx")
    assert "\x1b" not in told.out + told.err
