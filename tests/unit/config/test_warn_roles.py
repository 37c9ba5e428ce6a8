"""Roles that do less than their author believes."""

from __future__ import annotations

import pytest

from tests.unit.config.documents import compile_text, document

ADMIN = "{when: {group: a}, roles: [Admin]}"
ONE = "{deny: [{actions: [read], dags: [x]}]}"


def warned(rules: str, roles: str = "", top: str = "") -> list[tuple[str, str]]:
    text = document(grants=f"rules: [{rules}]", top=f"roles: {{{roles}}}\n{top}")
    return [(each.path, each.text) for each in compile_text(text).warnings]


def test_a_role_that_nobody_has_is_told() -> None:
    ((path, text),) = warned(ADMIN, f"lost: {ONE}")
    assert path == "roles.lost"
    assert "nobody has" in text


@pytest.mark.parametrize(
    ("rules", "roles", "top"),
    [
        ("{when: {group: f}, roles: [r]}", f"r: {ONE}", ""),
        ("{when: {group: f}, roles: [r], teams: [red]}", f"r: {ONE}", ""),
        ("{when: {group_regex: 'x-(?P<role>.+)'}, roles: ['{role}']}", f"r: {ONE}", ""),
        ("{when: {group: f}, roles: [far]}", f"r: {ONE}, near: {{extends: [r]}}, far: {{extends: [near]}}", ""),
        ("{when: {group: f}, roles: [Op]}", f"r: {ONE}", "tokens: {clients: {c: {roles: [r], secret: {env: SECRET}}}}"),
    ],
)
def test_a_role_that_somebody_may_have_is_not_told(rules: str, roles: str, top: str) -> None:
    assert warned(f"{ADMIN}, {rules}", roles, top) == []


def test_a_role_that_only_roles_nobody_has_extend_is_told_as_they_are() -> None:
    found = warned(ADMIN, f"r: {ONE}, near: {{extends: [r]}}")
    assert [path for path, _ in found] == ["roles.r", "roles.near"]


def test_an_admin_of_a_team_is_no_admin() -> None:
    assert [text for _, text in warned("{when: {group: a}, roles: [Admin], teams: [red]}")] == ["no rule grants Admin"]


@pytest.mark.parametrize(
    ("line", "harmless"),
    [
        ("{actions: [read], dags: {tags: [open]}}", True),
        ("{actions: [read], dags: ['open_*'], parts: [runs, logs]}", True),
        ("{actions: [read], dags: ['open_*'], parts: [all]}", False),
        ("{actions: [read], dags: ['open_*'], parts: [audit_log]}", False),
        ("{actions: [run], dags: ['open_*']}", False),
        ("{actions: [read], connections: ['open_*']}", False),
        ("{actions: [read], configuration: [core]}", False),
        ("{actions: [read], views: [Jobs]}", True),
        ("{actions: [read], views: [Plugins]}", False),
    ],
)
def test_what_everyone_gets_is_told_unless_it_only_looks(line: str, harmless: bool) -> None:
    found = warned(f"{ADMIN}, {{when: {{everyone: true}}, roles: [r]}}", f"r: {{allow: [{line}]}}")
    assert [path for path, _ in found] == ([] if harmless else ["grants.rules[1].roles"])


def test_what_waits_for_teams_is_told_apart_for_an_airflow_without_them() -> None:
    grants = f"rules: [{ADMIN}, {{when: {{group: f}}, roles: [r], teams: [red]}}]"
    lines = (
        "{actions: [read], dags: {teams: [red]}}, {actions: [read], dags: [a]}, {actions: [read], pools: {teams: [x]}}"
    )
    role = f"{{allow: [{lines}], deny: [{{actions: [edit], variables: {{names: [a], teams: [x]}}}}]}}"
    compiled = compile_text(document(grants=grants, top=f"roles: {{r: {role}}}"))
    assert compiled.warnings == ()
    assert sorted(each.path for each in compiled.without_teams) == [
        "grants.rules[1].teams",
        "roles.r.allow[0].dags.teams",
        "roles.r.allow[2].pools.teams",
        "roles.r.deny[0].variables.teams",
    ]
    assert all("multi_team" in each.text for each in compiled.without_teams)


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("{deny: [{actions: [read], dags: [x]}]}", True),
        ("{extends: [base]}", True),
        ("{allow: [{actions: [read], dags: [x]}]}", False),
    ],
)
def test_a_denial_that_waits_for_an_authentication_is_told(role: str, expected: bool) -> None:
    roles = f"r: {role}, base: {ONE}"
    rules = f"{ADMIN}, {{when: {{group: f}}, roles: [r], needs: {{within: 1h}}}}, {{when: {{group: g}}, roles: [base]}}"
    found = [(path, text) for path, text in warned(rules, roles) if "denies" in text]
    assert [path for path, _ in found] == (["grants.rules[1].needs"] if expected else [])
