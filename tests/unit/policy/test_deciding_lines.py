"""What people are told about an answer: which line decides, in whose role, and what is missing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from airflow_oidc_auth.policy.compile import Policy
from airflow_oidc_auth.policy.dag_index import FixedIndex
from airflow_oidc_auth.policy.decision import Decision, Question, explain_decision
from airflow_oidc_auth.policy.permissions import EVERYTHING, NOTHING, Permissions
from airflow_oidc_auth.policy.roles import RoleSettings
from airflow_oidc_auth.policy.selectors import DagFacts, DagSelector, NameSelector
from airflow_oidc_auth.policy.statements import Kind, Statement

DAGS = {
    "a1": DagFacts("a1"),
    "fin": DagFacts("fin", team="fin"),
    "mine": DagFacts("mine", roles={"author": frozenset({"PUT"}), "reader": frozenset({"GET"})}),
}


def on(actions: str, parts: str = "", **selector: tuple[str, ...]) -> Statement:
    wanted = DagSelector(**selector) if selector else DagSelector(ids=("a*",))
    return Statement(tuple(actions.split()), "dags", wanted, tuple(parts.split()) or None)


def every(actions: str, *resources: str, kind: Kind = "resources") -> Statement:
    return Statement(tuple(actions.split()), kind, resources)


def called(kind: Kind, *names: str, teams: tuple[str, ...] = ()) -> Statement:
    return Statement(("read",), kind, NameSelector(names, teams))


def role(name: str, *allow: Statement, deny: tuple[Statement, ...] = (), extends: tuple[str, ...] = ()) -> RoleSettings:
    """A role whose lines know their places: ``name+0``, ``name-0``."""
    placed = tuple(replace(line, path=f"{name}+{n}") for n, line in enumerate(allow))
    denied = tuple(replace(line, path=f"{name}-{n}") for n, line in enumerate(deny))
    return RoleSettings(name, placed, denied, extends)


def explain(
    roles: Iterable[RoleSettings], held: str, question: Question, *teams: tuple[str, str], files: bool = False
) -> Decision:
    policy = Policy({each.name: each for each in roles}, FixedIndex(DAGS), access_control=files)
    return explain_decision(policy, held.split(), teams, question)


def dag(method: str, entity: str | None = None, name: str | None = "a1", team: str | None = None) -> Question:
    return Question(method, "dag", name=name, entity=entity, team=team)


def thing(method: str, resource: str, name: str | None = None, team: str | None = None) -> Question:
    return Question(method, "resource", resource, name, team=team)


def view(name: str) -> Question:
    return Question("GET", "view", name)


def menu(name: str) -> Question:
    return Question("GET", "menu", name)


def plugin(name: str, method: str = "GET") -> Question:
    return Question(method, "custom_view", name)


RUNS = every("create", "DAG Runs")
ROLES = (
    role("runner", RUNS),
    role("editor", on("edit"), RUNS),
    role("jobs", every("edit", "Jobs"), every("read", "Jobs")),
    role("part", every("read", "DAG Runs")),
    role("whole", every("read", "DAGs", "DAG Runs")),
    role("dags", on("read")),
    role("tasks", every("read", "DAGs", "Task Instances")),
    role("author", RUNS),
    role("reader"),
    role("logs", on("read", "logs"), on("read", "audit_log")),
    role("patterns", every("read", "custom_views", kind="views"), every("read", "My*", kind="custom_views")),
    role("conns", called("connections", "b"), called("connections", "a*"), called("pools", teams=("fin",))),
    role("assets", called("assets", "a*")),
    role("core", every("read", "core", "log*", kind="configuration")),
    role("all", on("read", ids=("*",)), on("read", "logs", ids=("*",))),
    role("one", on("read edit", ids=("a1",))),
    role("red", on("read", tags=("red",))),
    role("audit", every("read", "Audit Logs")),
    role("no-jobs", deny=(every("read", "Pools"), every("read", "Jobs", kind="views"))),
    role("no-site", deny=(every("read", "Website", kind="views"),)),
    role("no-menu", deny=(every("menu", "Pools", kind="menu"),)),
    role("no-dags", deny=(on("edit"), on("read", tags=("red",)), on("read", teams=("fin",)))),
    role("no-conns", deny=(called("connections", "x"), called("connections", "a*"))),
    role("no-new", deny=(replace(called("connections", "a*"), actions=("create",)),)),
    role("no-assets", deny=(called("assets", "a*"),)),
    role("no-kind", deny=(every("read create", "Connections"),)),
    role("no-pools", deny=(called("pools", "*"),)),
    role("no-fin", deny=(called("pools", "*", teams=("fin",)), called("variables", teams=("fin",)))),
    role("no-plugin", deny=(every("edit", "My*", kind="custom_views"), every("read", "My*", kind="custom_views"))),
    role("no-runs", deny=(every("read", "DAG Runs"),)),
)


@pytest.mark.parametrize(
    "held, question, reason, line",
    [
        # Pages, menu items, views of plugins
        ("jobs", view("JOBS"), "allowed", "jobs+1"),
        ("jobs Viewer", view("JOBS"), "allowed", "jobs+1"),
        ("Viewer", view("JOBS"), "allowed", "built-in role Viewer"),
        ("jobs", view("CRYSTAL_BALL"), "no_right", ""),
        ("Admin no-jobs", view("CRYSTAL_BALL"), "admin", "Admin may do everything"),
        ("Admin no-jobs", view("JOBS"), "denied", "no-jobs-1"),
        ("Admin no-jobs", view("PLUGINS"), "admin", "Admin may do everything"),
        ("Admin no-menu", menu("CRYSTAL_BALL"), "admin", "Admin may do everything"),
        ("Op no-menu", menu("POOLS"), "denied", "no-menu-0"),
        ("Op no-menu", menu("VARIABLES"), "allowed", "built-in role Op"),
        ("Op", menu("CRYSTAL_BALL"), "no_right", ""),
        ("patterns", plugin("My plugin"), "allowed", "patterns+1"),
        ("patterns", plugin("My plugin", "can_read"), "allowed", "patterns+1"),
        ("patterns", plugin("My plugin", "can_edit"), "no_right", ""),
        ("patterns", plugin("Their plugin"), "no_right", ""),
        ("jobs", plugin("Jobs"), "allowed", "jobs+1"),
        ("jobs", plugin("Jobs", "can_edit"), "allowed", "jobs+0"),
        ("jobs", plugin("Jobs", "LOOK"), "no_right", ""),
        ("Admin no-plugin", plugin("My plugin"), "denied", "no-plugin-1"),
        ("Admin no-plugin", plugin("My plugin", "can_edit"), "denied", "no-plugin-0"),
        ("Admin no-plugin", plugin("Their plugin"), "admin", "Admin may do everything"),
        ("Admin no-jobs", plugin("Jobs", "can_read"), "denied", "no-jobs-1"),
        ("Admin no-jobs", plugin("Jobs", "can_edit"), "admin", "Admin may do everything"),
        ("Admin no-jobs", plugin("Jobs", "LOOK"), "admin", "Admin may do everything"),
        # Things by name
        ("conns", thing("GET", "Connections", "a1"), "allowed", "conns+1"),
        ("conns Op", thing("GET", "Connections", "a1"), "allowed", "conns+1"),
        ("conns Op", thing("GET", "Connections", "c"), "allowed", "built-in role Op"),
        ("conns", thing("GET", "Connections"), "allowed", "conns+0"),
        ("conns", thing("PUT", "Connections", "a1"), "no_right", ""),
        ("conns", thing("GET", "Pools", "a1", "fin"), "allowed", "conns+2"),
        ("conns", thing("GET", "Pools", "a1"), "no_right", ""),
        ("conns", thing("GET", "Pools", "a1", "ops"), "no_right", ""),
        ("Op no-conns", thing("GET", "Connections", "a1"), "denied", "no-conns-1"),
        ("Op no-conns", thing("GET", "Connections", "b"), "allowed", "built-in role Op"),
        ("Op no-conns", thing("GET", "Connections"), "allowed", "built-in role Op"),
        ("Op no-new", thing("POST", "Connections"), "denied", "no-new-0"),
        ("Op no-new", thing("POST", "Connections", "b"), "allowed", "built-in role Op"),
        ("Op no-assets", thing("GET", "Assets"), "denied", "no-assets-0"),
        ("Op no-kind", thing("GET", "Connections"), "denied", "no-kind-0"),
        ("Op no-kind", thing("POST", "Connections", "a"), "denied", "no-kind-0"),
        ("Op no-pools", thing("GET", "Pools"), "denied", "no-pools-0"),
        ("Op no-fin", thing("GET", "Pools"), "allowed", "built-in role Op"),
        ("Op no-fin", thing("GET", "Pools", "a", "fin"), "denied", "no-fin-0"),
        ("Op no-fin", thing("GET", "Variables", "a", "fin"), "denied", "no-fin-1"),
        ("Op no-fin", thing("GET", "Variables", "a", "ops"), "allowed", "built-in role Op"),
        ("assets", thing("GET", "Assets", "a1"), "allowed", "assets+0"),
        ("assets", thing("GET", "Assets"), "no_right", ""),
        ("core", thing("GET", "Configurations", "core"), "allowed", "core+0"),
        ("core", thing("GET", "Configurations"), "no_right", ""),
        ("Admin no-jobs", thing("GET", "Pools", "a"), "denied", "no-jobs-0"),
        ("Admin no-jobs", thing("GET", "Crystal Ball"), "admin", "Admin may do everything"),
        # DAGs and their parts
        ("logs", dag("GET", "TASK_LOGS"), "allowed", "logs+0"),
        ("logs", dag("GET", "TASK_LOGS", None), "allowed", "logs+0"),
        ("logs", dag("GET", "AUDIT_LOG"), "allowed", "logs+1"),
        ("logs", dag("GET", "AUDIT_LOG", None), "no_right", ""),
        ("logs", dag("GET", "TASK_LOGS", "b"), "no_right", ""),
        ("audit logs Viewer", dag("GET", "AUDIT_LOG", None), "allowed", "audit+0"),
        ("all", dag("GET", None, "a" * 300), "allowed", "all+0"),
        ("all", dag("GET", "TASK_LOGS", "a" * 300), "allowed", "all+1"),
        ("one", dag("GET", None, None), "allowed", "one+0"),
        ("one", dag("PUT", None, None), "no_right", ""),
        ("one", dag("PUT", "RUN", None), "no_right", ""),
        ("red Viewer", dag("GET", None, "new"), "allowed", "built-in role Viewer"),
        ("dags", dag("GET"), "allowed", "dags+0"),
        ("dags", dag("GET", None, None), "allowed", "dags+0"),
        ("dags", dag("GET", None, "b"), "no_right", ""),
        ("editor", dag("PATCH"), "allowed", "editor+0"),
        ("editor", dag("PUT", None, None), "allowed", "editor+0"),
        ("part", dag("GET", None, None), "no_right", ""),
        ("part", dag("GET", "RUN", None), "no_right_on_dag", "part+0 allows the part, but nothing allows this DAG"),
        ("part", dag("GET", "RUN"), "no_right_on_dag", "part+0 allows the part, but nothing allows this DAG"),
        ("tasks", dag("GET", "TASK_INSTANCE"), "no_right_on_part", "tasks+0"),
        ("dags", dag("GET", "RUN"), "no_right_on_part", "dags+0"),
        ("Viewer", dag("GET", "AUDIT_LOG"), "no_right_on_part", "built-in role Viewer"),
        ("Viewer", dag("GET", "SHADOW"), "no_right_on_part", "built-in role Viewer"),
        ("Viewer", dag("LOOK", "RUN"), "no_right", ""),
        ("Viewer", dag("PUT", None), "no_right", ""),
        ("runner", dag("POST", "RUN", None), "allowed", "runner+0"),
        ("runner", dag("POST", "RUN"), "no_right_on_dag", "runner+0"),
        ("no-dags", dag("PUT"), "denied", "no-dags-0"),
        ("Admin no-dags", dag("DELETE", "RUN"), "denied", "no-dags-0"),
        ("Admin no-dags", dag("GET", "RUN"), "admin", "Admin may do everything"),
        ("Admin no-dags", dag("GET", "RUN", "new"), "denied", "no-dags-1"),
        ("Admin no-dags", dag("GET", "RUN", "fin"), "denied", "no-dags-2"),
        ("Admin no-dags", dag("GET", "RUN", "fin", "ops"), "admin", "Admin may do everything"),
        ("Admin no-dags", dag("GET", None, None), "admin", "Admin may do everything"),
        ("Viewer no-runs", dag("GET", "RUN"), "denied", "no-runs-0"),
        ("Viewer no-runs", dag("GET", "RUN", None), "denied", "no-runs-0"),
        ("Viewer no-runs", dag("GET", "CODE"), "allowed", "built-in role Viewer"),
    ],
)
def test_whoever_asks_why_is_told_the_line_that_decides(held, question, reason, line):
    told = explain(ROLES, held, question)
    assert (told.reason, told.allowed) == (reason, reason in ("admin", "allowed"))
    assert told.path == line if told.path else told.text.startswith(line) and bool(told.text) == bool(line)


@pytest.mark.parametrize(
    "held, question, path, also, name",
    [
        ("editor", dag("POST", "RUN"), "editor+0", "editor+1", "editor"),
        ("runner editor", dag("POST", "RUN"), "editor+0", "editor+1", "editor"),
        ("dags Viewer", dag("GET", "RUN"), "dags+0", None, "dags"),
        ("part Viewer", dag("GET", "RUN"), "part+0", None, "part"),
        ("dags part", dag("GET", "RUN"), "dags+0", "part+0", "dags"),
        ("whole", dag("GET", "RUN"), "whole+0", None, "whole"),
        ("whole part", dag("GET", "RUN"), "whole+0", "part+0", "whole"),
        ("Viewer User", dag("GET", "RUN"), None, None, "User"),
    ],
)
def test_where_two_lines_decide_together_both_are_told(held, question, path, also, name):
    told = explain(ROLES, held, question)
    assert (told.reason, told.path, told.also, told.role) == ("allowed", path, also, name)


def test_a_line_is_told_in_words_with_its_role():
    allowed = Decision(
        allowed=True, reason="allowed", path="jobs+1", text="allow read on Jobs", role="jobs", team=None, also=None
    )
    assert explain(ROLES, "jobs", view("JOBS")) == allowed
    denied = replace(allowed, allowed=False, reason="denied", path="no-jobs-1", role="no-jobs")
    assert explain(ROLES, "no-jobs", view("JOBS")) == replace(denied, text="deny read on pages Jobs")
    admin = Decision(allowed=True, reason="admin", text="Admin may do everything", role="Admin", team=None)
    assert explain(ROLES, "Admin", view("JOBS")) == admin
    nothing = Decision(allowed=False, reason="no_right", path=None, text="", role=None, team=None, also=None)
    assert explain(ROLES, "jobs", view("PLUGINS")) == nothing


@pytest.mark.parametrize(
    "held, teams, question, told",
    [
        ("", [("fin", "Viewer")], dag("GET", None, "fin"), ("allowed", "Viewer", "fin")),
        ("Viewer", [("fin", "Viewer")], dag("GET", None, "fin"), ("allowed", "Viewer", None)),
        ("", [("fin", "Admin")], dag("GET", None, "fin"), ("admin", "Admin", "fin")),
        ("Admin", [("fin", "Admin")], dag("GET", None, "fin"), ("admin", "Admin", None)),
        ("", [("fin", "Admin")], dag("GET", None, "a1"), ("no_right", None, None)),
        ("", [("fin", "Viewer")], dag("GET", None, "a1", "fin"), ("allowed", "Viewer", "fin")),
        ("", [("ops", "Viewer")], dag("GET", None, "fin"), ("no_right", None, None)),
        ("", [("ops", "Viewer")], dag("GET", None, None), ("allowed", "Viewer", "ops")),
        ("Viewer", [("ops", "no-dags")], dag("GET", None, "new"), ("denied", "no-dags", "ops")),
        ("Admin", [("fin", "no-dags")], dag("PUT", None, "a1", "fin"), ("denied", "no-dags", "fin")),
        ("Admin", [("fin", "no-dags")], dag("PUT", None, "a1", "ops"), ("admin", "Admin", None)),
        ("", [("fin", "logs")], dag("GET", "AUDIT_LOG", None), ("no_right", None, None)),
        ("", [("fin", "Op")], thing("GET", "Connections", "a", "fin"), ("allowed", "Op", "fin")),
        ("", [("fin", "Op")], thing("GET", "Connections", "a"), ("no_right", None, None)),
        ("", [("fin", "Op")], thing("GET", "Connections"), ("allowed", "Op", "fin")),
        ("", [("fin", "Op")], thing("POST", "Connections", None, "fin"), ("allowed", "Op", "fin")),
        ("", [("fin", "Op")], thing("POST", "Connections"), ("no_right", None, None)),
        ("", [("fin", "Op")], thing("GET", "Assets", "a", "fin"), ("no_right", None, None)),
        ("", [("fin", "Op")], view("WEBSITE"), ("allowed", "Op", "fin")),
        ("", [("fin", "Op")], view("JOBS"), ("no_right", None, None)),
        ("", [("fin", "Op")], menu("VARIABLES"), ("allowed", "Op", "fin")),
        ("", [("fin", "Op")], menu("PLUGINS"), ("no_right", None, None)),
        ("", [("fin", "Op")], plugin("Jobs"), ("no_right", None, None)),
        # Another team's denials are none of it.
        ("", [("fin", "no-conns")], thing("GET", "Connections", "a1"), ("no_right", None, None)),
        ("", [("fin", "no-kind")], thing("GET", "Connections", "fin"), ("no_right", None, None)),
        ("", [("fin", "no-kind")], thing("POST", "Connections"), ("no_right", None, None)),
        ("Op", [("fin", "no-kind")], thing("POST", "Connections"), ("allowed", "Op", None)),
        ("Op", [("fin", "no-assets")], thing("GET", "Assets", "a", "fin"), ("allowed", "Op", None)),
        ("", [("fin", "no-kind")], plugin("Connections"), ("no_right", None, None)),
        ("Op", [("fin", "no-kind")], replace(plugin("Connections"), team="fin"), ("allowed", "Op", None)),
        ("", [("fin", "no-dags")], dag("PUT"), ("no_right", None, None)),
        ("", [("ops", "no-dags")], dag("PUT", None, "a9", "fin"), ("no_right", None, None)),
        ("", [("fin", "audit")], dag("GET", "AUDIT_LOG", None), ("no_right", None, None)),
        ("", [("fin", "audit")], dag("GET", "AUDIT_LOG", None, "fin"), ("no_right", None, None)),
        # What one team denies may be open in another one.
        ("", [("fin", "Viewer"), ("fin", "no-site"), ("ops", "Viewer")], view("WEBSITE"), ("allowed", "Viewer", "ops")),
        ("", [("fin", "Viewer"), ("fin", "no-site")], view("WEBSITE"), ("denied", "no-site", "fin")),
        ("", [("fin", "Viewer"), ("ops", "Op")], thing("GET", "Connections"), ("allowed", "Op", "ops")),
        ("", [("fin", "dags"), ("ops", "Viewer")], dag("GET", "RUN", None), ("allowed", "Viewer", "ops")),
        ("", [("fin", "part")], dag("GET", "RUN", None), ("no_right_on_dag", None, None)),
        ("", [("fin", "Admin"), ("fin", "no-site"), ("ops", "Admin")], view("WEBSITE"), ("admin", "Admin", "ops")),
    ],
)
def test_a_role_is_told_with_the_team_that_it_holds_in(held, teams, question, told):
    decision = explain(ROLES, held, question, *teams)
    assert (decision.reason, decision.role, decision.team) == told


def test_of_many_teams_that_open_a_list_the_first_by_name_is_told():
    teams = [(f"team-{number:02}", "Viewer") for number in reversed(range(100))]
    assert explain(ROLES, "", dag("GET", None, None), *teams).team == "team-00"


def test_of_a_dag_that_nobody_knows_it_is_not_said_that_a_role_in_a_team_has_half_of_the_right():
    """Viewer may see XComs of the team's DAGs; but nobody can tell whether it is one."""
    for entity in ("XCOM", "AUDIT_LOG"):
        assert explain(ROLES, "", dag("GET", entity, "new"), ("fin", "Viewer")).reason == "no_right"
    assert explain(ROLES, "", dag("GET", "AUDIT_LOG", "fin"), ("fin", "Viewer")).reason == "no_right_on_part"
    assert explain(ROLES, "Viewer", dag("GET", "AUDIT_LOG", "new"), ("fin", "Op")).reason == "no_right_on_part"


@pytest.mark.parametrize(
    "held, teams, question, told",
    [
        ("author", [], dag("POST", "RUN", "mine"), ("author", None)),
        ("author", [], dag("PATCH", None, "mine"), ("author", None)),
        ("author", [], dag("PUT", None, None), ("author", None)),
        ("reader", [], dag("GET", None, None), ("reader", None)),
        ("reader author", [], dag("GET", None, "mine"), ("reader", None)),
        ("author", [("fin", "reader")], dag("GET", None, "mine", "fin"), ("reader", "fin")),
    ],
)
def test_a_right_that_the_dag_file_gives_is_told_as_such(held, teams, question, told):
    decision = explain(ROLES, held, question, *teams, files=True)
    assert (decision.reason, decision.path, decision.text) == ("allowed", None, "access_control in the DAG file")
    assert (decision.role, decision.team) == told
    assert not explain(ROLES, held, question, *teams, files=False).allowed


def test_what_a_file_gives_is_not_told_where_files_do_not_count():
    assert explain(ROLES, "author", dag("POST", "RUN", None)).path == "author+0"


def test_what_a_file_gives_to_a_role_is_nothing_to_its_denials():
    denying = role("author", deny=(on("delete"),))
    assert explain([denying], "author", dag("PUT", None, "mine"), files=True).allowed
    assert explain([denying], "{author}", dag("PUT", None, "mine"), files=True).reason == "no_right"


def test_a_file_that_names_a_role_in_braces_gives_nothing():
    facts = {"d": DagFacts("d", roles={"{r}": frozenset({"GET"}), "\u00fcber": frozenset({"GET"})})}
    roles = {"r": role("r", deny=(on("delete"),)), "\u00fcber": role("\u00fcber")}
    policy = Policy(roles, FixedIndex(facts), access_control=True)
    assert explain_decision(policy, ["{r}", "\u00fcber"], (), dag("GET", None, "d")).role == "\u00fcber"


def test_a_connection_that_is_called_as_a_dag_does_not_belong_to_its_team():
    assert explain(ROLES, "", thing("GET", "Connections", "fin"), ("fin", "Op")).reason == "no_right"


def test_a_question_about_a_dag_names_no_other_resource():
    assert dag("GET").resource == ""


@pytest.mark.parametrize("compiled, reason", [(EVERYTHING, "allowed"), (NOTHING, "no_right")])
def test_what_is_told_is_never_another_answer_than_the_one_that_is_given(compiled, reason):
    """The compiled rights answer; a line that is read otherwise must not turn the answer round."""

    class Otherwise(Policy):
        def permissions(self, *_: object) -> Permissions:
            return compiled

    held = ("Admin",) if reason == "no_right" else ()
    told = explain_decision(Otherwise(), held, (), view("JOBS"))
    assert told == Decision(allowed=compiled.everything, reason=reason, path=None, text="", role=None, team=None)
