"""Roles mean what FAB's mean, on the same Airflow, except where a decision says otherwise.

The first test starts FAB on a database of its own in a process of its own, so that this process keeps our manager.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from airflow_oidc_auth.policy.builtin import BUILTIN_ROLES
from tests.made_once import made_once

HERE = Path(__file__).parent / "fab_roles"
ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(HERE))
from differences import DIFFERENCES, Difference  # noqa: E402

# One walk for all: FAB answers tens of thousands of questions, which takes half a minute and more on a busy machine.
pytestmark = [pytest.mark.xdist_group("roles-equal-fab"), pytest.mark.timeout(600)]

MARK = "answers:"
Answers = dict[str, dict[str, tuple[str, str]]]


def fab_environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    return kept | {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__API__BASE_URL": "http://localhost:8080",
        "AIRFLOW__CORE__AUTH_MANAGER": "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "ignore",
    }


def run(arguments: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, timeout=500, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


@pytest.fixture(scope="session")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    """FAB's and our answers by roles and question, from a process with FAB as its auth manager."""
    home = tmp_path_factory.mktemp("fab-home")
    environment = fab_environment(home)
    what = (environment["AIRFLOW__CORE__AUTH_MANAGER"], "db", "migrate")
    made_once(home / "airflow.db", what, partial(run, ["-m", "airflow", "db", "migrate"], environment))
    output = run([str(HERE / "probe.py")], environment)
    (line,) = [line for line in output.splitlines() if line.startswith(MARK)]
    found = json.loads(line.removeprefix(MARK))
    return {roles: {asked: tuple(both) for asked, both in rows.items()} for roles, rows in found.items()}


def custom_roles(answers: Answers) -> list[str]:
    return [roles for roles in answers if roles.startswith("custom-")]


def rows_of(answers: Answers, role: str) -> list[tuple[str, str, str, str]]:
    named = custom_roles(answers) if role == "custom" else [role]
    return [row for each in named for row in differing(answers, each)]


def differing(answers: Answers, role: str) -> list[tuple[str, str, str, str]]:
    return [(role, question, fab, ours) for question, (fab, ours) in answers[role].items() if fab != ours]


@pytest.mark.parametrize("role", BUILTIN_ROLES)
def test_role_answers_as_fab_does_unless_a_decision_says_otherwise(answers, role):
    unexplained = [row for row in differing(answers, role) if not any(entry.covers(*row) for entry in DIFFERENCES)]
    assert unexplained == []


def test_custom_roles_answer_as_in_fab_unless_a_decision_says_otherwise(answers):
    rows = rows_of(answers, "custom")
    assert [row for row in rows if not any(entry.covers(*row) for entry in DIFFERENCES)][:20] == []
    assert [row for row in rows if row[3] not in ("nothing", "no") and not row[1].endswith("is a set")] == []


@pytest.mark.parametrize(
    "question", ["dag GET itself d1", "dag POST RUN d2", "list dag_ids GET", "filter dag_ids PUT two"]
)
def test_custom_roles_differ_among_themselves(answers, question):
    """A walk in which every role gives one answer would prove nothing about single DAGs."""
    assert len({answers[roles][question][0] for roles in custom_roles(answers)}) > 1


@pytest.mark.parametrize("entry", DIFFERENCES, ids=lambda entry: f"{entry.document} {entry.roles[0]} {entry.questions}")
def test_listed_difference_still_differs_for_each_of_its_roles(answers, entry: Difference):
    differ = {role: [row for row in rows_of(answers, role) if entry.covers(*row)] for role in entry.roles}
    stale = [role for role, rows in differ.items() if not rows]
    assert stale == []


@pytest.mark.parametrize("document", sorted({entry.document for entry in DIFFERENCES}))
def test_every_listed_difference_has_its_decision_document(document):
    assert len(list((ROOT / "docs" / "decisions").glob(f"{document}-*.md"))) == 1


@pytest.mark.parametrize("role", [role for role in BUILTIN_ROLES if role != "Admin"])
def test_no_role_but_admin_may_do_more_than_in_fab(answers, role):
    nothing = {"nothing", "no"}
    more = [row for row in differing(answers, role) if row[3] not in nothing and not row[1].endswith("is a set")]
    assert more == []


def test_several_roles_answer_as_the_strongest_of_them_in_both(answers):
    together = [roles for roles in answers if "+" in roles and roles not in custom_roles(answers)]
    assert len(together) == 10
    for roles in together:
        assert answers[roles] == answers[roles.split("+")[0]], roles


@pytest.mark.parametrize("role", BUILTIN_ROLES)
@pytest.mark.parametrize("details", ["without-details", "without-id"])
def test_audit_rows_without_a_dag_are_for_admin_only(answers, role, details):
    expected = "yes" if role == "Admin" else "no"
    assert answers[role][f"dag GET AUDIT_LOG {details}"] == (expected, expected)


def test_the_walk_is_not_empty(answers):
    kinds = {question.split()[0] for question in answers["Viewer"]}
    assert kinds >= {"configuration", "dag", "view", "custom", "menu", "batch", "filter", "list", "hitl", "team"}
    assert len(answers["Viewer"]) > 2000
    assert {fab for fab, _ in answers["Viewer"].values()} >= {"yes", "no"}
