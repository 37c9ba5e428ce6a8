from __future__ import annotations

import pytest

from airflow_oidc_auth.policy.compile import Policy
from airflow_oidc_auth.policy.dag_index import FixedIndex
from airflow_oidc_auth.policy.decision import explain_decision
from airflow_oidc_auth.policy.permissions import Permissions
from airflow_oidc_auth.policy.questions import Question
from airflow_oidc_auth.policy.roles import RoleSettings
from airflow_oidc_auth.policy.selectors import DagFacts, DagSelector, NameSelector
from airflow_oidc_auth.policy.statements import Kind, Statement
from airflow_oidc_auth.policy.vocabulary import ENTITY_RESOURCES
from tests.unit.policy.reference import MACROS, PARTS

DAGS = {
    "fin_a": DagFacts("fin_a", frozenset({"fin"}), frozenset({"ann"}), "git", "fin"),
    "fin_b": DagFacts("fin_b", frozenset(), frozenset({"bob"}), "git", None),
    "ops_a": DagFacts("ops_a", frozenset({"fin"}), frozenset(), None, "ops"),
}


def given(*allow: Statement, deny: tuple[Statement, ...] = (), roles: tuple[str, ...] = ()) -> Permissions:
    return Policy({"r": RoleSettings("r", allow, deny)}, FixedIndex(DAGS)).permissions(("r", *roles))


def every(actions: str, *resources: str) -> Statement:
    return Statement(tuple(actions.split()), "resources", resources)


def things(actions: str, kind: Kind, *names: str) -> Statement:
    return Statement(tuple(actions.split()), kind, names)


def on(actions: str, parts: str | None = None, **selector: tuple[str, ...]) -> Statement:
    wanted = DagSelector(**selector) if selector else DagSelector(ids=("*",))
    return Statement(tuple(actions.split()), "dags", wanted, tuple(parts.split()) if parts else None)


@pytest.mark.parametrize(
    "statement",
    [
        lambda: every("raed", "DAGs"),
        lambda: every("run", "DAG Runs"),
        lambda: Statement(("can_read",), "dags", DagSelector(ids=("a",))),
        lambda: Statement(("read",), "dags", DagSelector(ids=("a",)), ("log",)),
        lambda: Statement(("read",), "dags", ("a",)),
        lambda: Statement(("read",), "connections", DagSelector(ids=("a",))),
    ],
)
def test_a_statement_without_a_meaning_is_refused_and_not_ignored(statement):
    with pytest.raises(ValueError, match=r"unknown action or part|not a selector"):
        statement()


def test_a_denial_that_selects_nothing_denies_nothing_and_an_allowance_allows_nothing():
    nothing = Statement(("read",), "dags", DagSelector(), ("all",))
    assert not given(nothing).allows_dag("GET", None, "fin_a")
    assert not given(nothing).allows_dag("GET", None, None)
    assert given(deny=(nothing,), roles=("Viewer",)).allows_dag("GET", None, "fin_a")
    empty = Statement(("read",), "connections", NameSelector())
    assert not given(empty).allows_named("GET", "Connections", "a")
    assert not given(empty).allows("GET", "Connections")
    assert given(deny=(empty,), roles=("Op",)).allows_named("GET", "Connections", "a")


@pytest.mark.parametrize(
    "selector, selected",
    [
        ({"ids": ("fin_*",)}, {"fin_a", "fin_b"}),
        ({"tags": ("fin",)}, {"fin_a", "ops_a"}),
        ({"owners": ("?nn", "bob")}, {"fin_a", "fin_b"}),
        ({"bundles": ("g*",)}, {"fin_a", "fin_b"}),
        ({"teams": ("ops", "fin")}, {"fin_a", "ops_a"}),
        ({"ids": ("fin_*",), "tags": ("fin",)}, {"fin_a"}),
        ({"bundles": ("*",), "owners": ("*",)}, {"fin_a", "fin_b"}),
    ],
)
def test_keys_must_hold_together_and_entries_are_alternatives(selector, selected):
    found = given(on("read", "dag", **selector))
    assert found.dag_ids("GET") == selected
    assert {dag_id for dag_id in (*DAGS, "new") if found.allows_dag("GET", None, dag_id)} - {"new"} == selected
    assert found.allows_dag("GET", None, "fin_new") is (selector == {"ids": ("fin_*",)})
    assert not found.allows_dag("GET", "RUN", "fin_a")


@pytest.mark.parametrize("part", PARTS)
def test_a_part_opens_itself_alone(part):
    found = given(on("read", part, ids=("fin_*",)))
    opened = {entity for entity in (None, *ENTITY_RESOURCES, "SHADOW") if found.allows_dag("GET", entity, "fin_a")}
    assert opened == set(PARTS[part])
    assert not any(found.allows_dag("PUT", entity, "fin_a") for entity in PARTS[part])
    listed = {entity for entity in (None, *ENTITY_RESOURCES) if found.allows_dag("GET", entity, None)}
    assert listed == set(PARTS[part]) - {"AUDIT_LOG"}


@pytest.mark.parametrize("macro", MACROS)
def test_a_macro_opens_its_questions_alone_and_denies_them_alone(macro):
    everything = {(m, e) for m in ("GET", "POST", "PUT", "PATCH", "DELETE", "MENU") for e in (None, *ENTITY_RESOURCES)}
    meant = {*MACROS[macro], *(("PATCH", entity) for method, entity in MACROS[macro] if method == "PUT")}
    found = given(on(macro, ids=("fin_*",)))
    assert {cell for cell in everything if found.allows_dag(*cell, "fin_a")} == meant
    assert not any(found.allows_dag(*cell, "ops_a") for cell in everything)
    found = given(deny=(on(macro, ids=("fin_*",)),), roles=("Admin",))
    assert {cell for cell in everything if not found.allows_dag(*cell, "fin_a")} == meant


@pytest.mark.parametrize(
    "denied, closed, open_",
    [
        (
            on("read", ids=("fin_*",)),
            {("GET", None), ("GET", "XCOM"), ("GET", "SHADOW")},
            {("PUT", None), ("POST", "RUN")},
        ),
        (
            on("edit", ids=("fin_*",)),
            {("PUT", None), ("PATCH", None), ("DELETE", None), ("POST", "RUN"), ("DELETE", "XCOM"), ("PATCH", "RUN")},
            {("GET", None), ("MENU", None), ("GET", "RUN")},
        ),
        (on("delete", ids=("fin_*",)), {("DELETE", None), ("DELETE", "RUN")}, {("PUT", "RUN"), ("POST", "RUN")}),
        (on("create", ids=("fin_*",)), {("POST", "RUN")}, {("PUT", "RUN"), ("DELETE", "RUN")}),
        (on("read", "logs", ids=("fin_*",)), {("GET", "TASK_LOGS")}, {("GET", None), ("GET", "CODE")}),
        (on("edit", "dag", ids=("fin_*",)), {("PUT", None), ("PATCH", None)}, {("PUT", "RUN"), ("DELETE", None)}),
        (on("read", "all", ids=("fin_*",)), {("GET", None), ("GET", "CODE"), ("GET", "SHADOW")}, {("PUT", None)}),
        (
            every("read", "Task Instances"),
            {("GET", "TASK"), ("GET", "TASK_INSTANCE")},
            {("GET", "RUN")},
        ),
        (
            every("read", "DAGs"),
            {("GET", None), ("GET", "RUN")},
            {("PUT", None), ("POST", "RUN")},
        ),
        (
            every("edit", "DAGs"),
            {("PUT", None), ("POST", "RUN"), ("DELETE", None)},
            {("GET", None)},
        ),
    ],
)
def test_a_denial_wins_over_admin_and_closes_no_more_than_it_says(denied, closed, open_):
    found = given(deny=(denied,), roles=("Admin",))
    assert found.everything
    for cell in closed:
        assert not found.allows_dag(*cell, "fin_a"), cell
        assert found.allows_dag(*cell, "ops_a") or denied.kind == "resources", cell
    for cell in open_:
        assert found.allows_dag(*cell, "fin_a"), cell
    assert found.allows("GET", "Connections")
    assert found.allows_view("CRYSTAL_BALL")


def test_pairs_and_patterns_decide_together():
    found = given(on("read edit", ids=("fin_*",)), every("read create", "DAG Runs"))
    assert found.allows_dag("GET", "RUN", "fin_a")
    assert found.allows_dag("POST", "RUN", "fin_a")
    assert not found.allows_dag("PUT", "RUN", "fin_a")
    assert not found.allows_dag("GET", "RUN", "ops_a")
    assert not found.allows_dag("GET", "TASK_INSTANCE", "fin_a")
    assert found.allows_dag("PUT", None, None)
    assert not found.allows_every_dag("GET")
    # Airflow asks again with the id of each DAG that it is about to touch.
    starter = given(on("read", ids=("fin_*",)), every("create", "DAG Runs"))
    assert starter.allows_dag("POST", "RUN", None)
    assert not starter.allows_dag("POST", "RUN", "fin_a")
    nothing_to_list = given(on("run", ids=("fin_*",)), every("read", "DAG Runs"))
    assert not nothing_to_list.allows_dag("GET", "RUN", None)
    assert given(on("read", ids=("fin_a",)), on("run", ids=("fin_*",))).allows_dag("GET", None, None)


@pytest.mark.parametrize("name", [None, ""])
def test_without_a_name_a_thing_is_allowed_if_every_one_of_them_is(name):
    """Airflow asks whether a connection may be created without saying which."""
    some = given(Statement(("read", "create"), "connections", NameSelector(names=("fin-*",))))
    assert not some.allows_named("POST", "Connections", name)
    assert some.allows_named("POST", "Connections", "fin-1")
    assert some.allows_named("GET", "Connections", name)
    most = given(
        Statement(("create",), "connections", NameSelector(names=("*",))),
        deny=(Statement(("create",), "connections", NameSelector(names=("prod-*",))),),
    )
    assert not most.allows_named("POST", "Connections", name)
    assert most.allows_named("POST", "Connections", "fin-1")
    team = given(Statement(("create",), "connections", NameSelector(teams=("fin",))))
    assert team.allows_named("POST", "Connections", name, "fin")
    assert not team.allows_named("POST", "Connections", name, "ops")
    assert not team.allows_named("POST", "Connections", name)


NAMED = [
    (NameSelector(names=("a*",)), {("a1", None), ("a1", "fin"), ("a1", "ops")}),
    (NameSelector(teams=("fin",)), {("a1", "fin"), ("b1", "fin")}),
    (NameSelector(names=("a*",), teams=("fin", "x*")), {("a1", "fin")}),
    (NameSelector(names=("*",), teams=("*",)), {(name, team) for name in ("a1", "b1") for team in ("fin", "ops")}),
]


@pytest.mark.parametrize("selector, selected", NAMED)
def test_things_are_selected_by_name_and_team_together(selector, selected):
    asked = {(name, team) for name in ("a1", "b1") for team in (None, "fin", "ops")}
    line = Statement(("edit",), "variables", selector)
    allowed, denied = given(line), given(deny=(line,), roles=("Op",))
    for method in ("PUT", "PATCH"):
        assert {each for each in asked if allowed.allows_named(method, "Variables", *each)} == selected
        assert {each for each in asked if not denied.allows_named(method, "Variables", *each)} == selected
    for name, team in asked:
        assert allowed.filter_names("PUT", "Variables", [name], team) == ({name} if (name, team) in selected else set())
        assert denied.allows_named("GET", "Variables", name, team)
        assert not allowed.allows_named("GET", "Variables", name, team)
        assert not allowed.allows_named("PUT", "Connections", name, team)


def test_whether_any_name_could_be_allowed_is_told_without_a_name():
    some = given(Statement(("read",), "pools", NameSelector(names=("a",))))
    assert some.allows_some("GET", "Pools")
    assert not some.allows_some("PUT", "Pools")
    assert not some.allows_some("GET", "Variables")
    denial = Statement(("read",), "pools", NameSelector(names=("a",)))
    assert given(deny=(denial,), roles=("Viewer",)).allows_some("GET", "Pools")
    assert given(deny=(denial,), roles=("Admin",)).allows_some("GET", "Pools")
    assert not given(deny=(denial,)).allows_some("GET", "Pools")
    policy = Policy({"r": RoleSettings("r", (denial,))})
    assert policy.permissions([], [("fin", "r")]).allows_some("GET", "Pools")
    assert Policy().permissions(["Admin"]).allows_some("LOOK", "Crystal Ball")


def test_a_list_that_airflow_does_not_filter_needs_every_name():
    found = given(
        things("read", "configuration", "core", "log*"),
        Statement(("read",), "assets", NameSelector(names=("a*",))),
    )
    assert found.allows_named("GET", "Configurations", "logging")
    assert not found.allows_named("GET", "Configurations", "database")
    assert not found.allows_named("GET", "Configurations", None)
    assert found.allows_named("GET", "Assets", "abc")
    assert not found.allows_named("GET", "Assets", None)
    denied = given(deny=(things("read", "configuration", "database"),), roles=("Op",))
    assert denied.allows_named("GET", "Configurations", "core")
    assert not denied.allows_named("GET", "Configurations", "database")
    assert not denied.allows_named("GET", "Configurations", None)
    assert given(roles=("Op",)).allows_named("GET", "Configurations", None)


def test_the_list_stays_open_where_only_some_things_are_denied():
    denial = Statement(("read",), "connections", NameSelector(names=("prod-*",)))
    found = given(deny=(denial,), roles=("Op",))
    assert found.allows("GET", "Connections")
    assert found.filter_names("GET", "Connections", ["prod-1", "dev-1"]) == {"dev-1"}
    closed = given(deny=(Statement(("read",), "connections", NameSelector(names=("*",))),), roles=("Op",))
    assert not closed.allows("GET", "Connections")


def test_a_file_gives_rights_to_the_roles_that_somebody_holds_where_that_is_switched_on():
    facts = {"mine": DagFacts("mine", roles={"r": frozenset({"PUT"}), "Viewer": frozenset({"GET"})})}
    roles = {
        "r": RoleSettings("r", (every("read create", "DAG Runs"),)),
        "above": RoleSettings("above", extends=("r",)),
        "denied": RoleSettings("denied", deny=(on("edit", ids=("mine",)),)),
    }
    policy = Policy(roles, FixedIndex(facts), access_control=True)
    for name in ("r", "above"):
        found = policy.permissions([name])
        assert found.allows_dag("POST", "RUN", "mine")
        assert found.allows_dag("PATCH", None, "mine")
        assert not found.allows_dag("GET", None, "mine")
        assert not found.allows_dag("DELETE", None, "mine")
        assert found.allows_dag("PUT", None, None)
    assert not policy.permissions(["denied", "r"]).allows_dag("POST", "RUN", "mine")
    assert not policy.permissions(["Op", "denied"]).allows_dag("PUT", None, "mine")
    assert not Policy(roles, FixedIndex(facts)).permissions(["r"]).allows_dag("POST", "RUN", "mine")
    assert not policy.permissions([]).allows_dag("POST", "RUN", "mine")


def test_patterns_of_plugins_views_open_none_of_airflows():
    found = given(things("read", "custom_views", "*", "Mine"), deny=(things("read", "custom_views", "Secret*"),))
    assert found.allows_custom_view("GET", "My plugin")
    assert found.allows_custom_view("can_read", "Mine")
    assert not found.allows_custom_view("can_edit", "Mine")
    assert not found.allows_custom_view("GET", "Secret plugin")
    assert not found.allows_custom_view("GET", "Connections")
    admin = given(deny=(things("read", "custom_views", "Secret*", "Jobs"),), roles=("Admin",))
    assert not admin.allows_custom_view("GET", "Secret plugin")
    assert admin.allows_custom_view("LOOK", "Secret plugin")
    assert admin.allows_custom_view("GET", "Open plugin")


def test_admin_may_not_see_the_views_and_menu_items_that_are_denied():
    found = given(
        deny=(Statement(("read",), "views", ("Jobs",)), Statement(("menu",), "menu", ("Connections",))),
        roles=("Admin",),
    )
    assert not found.allows_view("JOBS")
    assert not found.allows_custom_view("can_read", "Jobs")
    assert not found.allows("GET", "Jobs")
    assert found.allows_menu_item("JOBS")
    assert not found.allows_menu_item("CONNECTIONS")
    assert found.allows_view("PLUGINS")


def test_of_a_role_that_a_token_was_narrowed_away_from_only_the_denials_are_left():
    facts = {"mine": DagFacts("mine", team="fin", roles={"{r}": frozenset({"GET"}), "r": frozenset({"GET"})})}
    roles = {"r": RoleSettings("r", (on("edit", ids=("*",)),), (on("read", ids=("secret",)),))}
    policy = Policy(roles, FixedIndex(facts), access_control=True)
    assert policy.permissions(["r"]).allows_dag("GET", None, "mine")
    narrowed = policy.permissions(["{r}"])
    assert not narrowed.allows_dag("GET", None, "mine")
    assert not narrowed.allows_dag("PUT", None, "mine")
    assert not policy.permissions(["{r}", "Admin"]).allows_dag("GET", None, "secret")
    question = Question("GET", "dag", name="mine")
    assert explain_decision(policy, ["{r}"], (), question).reason == "no_right"
    assert policy.permissions([], [("fin", "r")]).in_team("fin")
    assert not policy.permissions([], [("fin", "{r}")]).in_team("fin")
    assert not policy.permissions([], [("fin", "{r}")]).allows_dag("GET", None, "mine")


def test_a_role_in_a_team_opens_the_things_of_that_team_and_the_way_to_them():
    facts = {"mine": DagFacts("mine", team="fin"), "other": DagFacts("other", team="ops"), "free": DagFacts("free")}
    policy = Policy({"r": RoleSettings("r", deny=(on("read", ids=("mine",)),))}, FixedIndex(facts))
    found = policy.permissions([], [("fin", "Op"), ("fin", "nobody"), ("hr", "nobody")])
    assert found.filter_dag_ids("GET", {"mine", "other", "free", "new"}) == {"mine"}
    assert found.allows_dag("POST", "RUN", "mine")
    assert found.allows_dag("GET", None, "new", "fin")
    assert not found.allows_dag("GET", None, "new")
    assert not found.allows_dag("GET", None, "mine", "ops")
    assert found.allows_dag("GET", None, None)
    assert found.allows_named("POST", "Connections", None, "fin")
    assert found.allows_named("GET", "Connections", "a", "fin")
    assert not found.allows_named("GET", "Connections", "a")
    assert not found.allows_named("GET", "Connections", "a", "ops")
    assert not found.allows_named("GET", "Assets", "a", "fin")
    assert found.allows("GET", "Connections")
    assert not found.allows("POST", "Connections")
    assert not found.allows("GET", "Assets")
    assert found.in_team("fin")
    assert not found.in_team("hr")
    assert found.allows_view("WEBSITE")
    assert not found.allows_view("JOBS")
    assert found.allows_menu_item("VARIABLES")
    assert not found.allows_menu_item("PLUGINS")
    assert not found.allows_custom_view("GET", "Connections")
    denied = policy.permissions(["Admin"], [("fin", "r"), ("ops", "r")])
    assert denied.filter_dag_ids("GET", {"mine", "other", "free"}) == {"other", "free"}
    assert not denied.allows_every_dag("GET")
    # Whose it is nobody knows, and one of the teams might deny it.
    assert (
        not Policy({"r": RoleSettings("r", deny=(on("read"),))})
        .permissions(["Admin"], [("fin", "r")])
        .allows_dag("GET", None, "new")
    )
