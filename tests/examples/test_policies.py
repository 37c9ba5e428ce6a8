"""The worked policies do what their tables say: compiled by the real compiler, judged by the real rules and policy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from airflow_oidc_auth.cli.questions import questions_of
from airflow_oidc_auth.cli.resource import TEAM, read_asked
from airflow_oidc_auth.config.compile import compile_document
from airflow_oidc_auth.config.compiled import CompiledConfig
from airflow_oidc_auth.config.document import load_document
from airflow_oidc_auth.grants.grant import Grant
from airflow_oidc_auth.grants.scopes import scoped_roles
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.identity.authentication import Authentication
from airflow_oidc_auth.policy.builtin import BUILTIN_ROLES
from airflow_oidc_auth.policy.compile import Policy
from airflow_oidc_auth.policy.dag_index import FixedIndex
from airflow_oidc_auth.policy.decision import Question, explain_decision
from airflow_oidc_auth.policy.permissions import Permissions
from airflow_oidc_auth.policy.selectors import DagFacts

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tasks" / "policies.md"
PROVIDER = "https://idp.example.com"
BASE = f"""\
version: 1
providers:
  idp: {{preset: oidc, issuer: "{PROVIDER}", client_id: airflow, client_secret: {{env: SECRET}}}}
"""
NOW = 1_700_000_000
ANSWERS = ("allowed", "denied", "refused")


@dataclass(frozen=True)
class Row:
    """One line of a table."""

    title: str
    who: str
    question: str
    answer: str


def sections() -> dict[str, str]:
    """Return the text of each policy by its title."""
    parts = re.split(r"^## (.+)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


def cells(text: str) -> Iterator[list[str]]:
    """Yield the lines of the tables below their heads."""
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        for line in table.splitlines()[2:]:
            yield [cell.strip() for cell in line.strip("|").split("|")]


def quoted(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


POLICIES = {title: text for title, text in sections().items() if title}
ROWS = [Row(title, *line) for title, text in POLICIES.items() for line in cells(text)]


@cache
def things() -> dict[str, DagFacts]:
    """Return what the first table says, by thing; a connection is told as a DAG of its name."""
    found = {}
    for thing, tags, owners, bundle, team in cells(sections()[""]):
        [name] = quoted(thing)
        [of_bundle, of_team] = [next(iter(quoted(each)), None) for each in (bundle, team)]
        facts = (frozenset(quoted(tags)), frozenset(quoted(owners)), of_bundle, of_team)
        found[name] = DagFacts(name.partition(":")[2], *facts)
    return found


def block_of(text: str) -> str:
    [block] = re.findall(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return block


@cache
def compiled(title: str) -> CompiledConfig:
    raw = load_document(BASE + block_of(POLICIES[title]), PAGE.name)
    return compile_document(raw, secrets=None, known_roles=BUILTIN_ROLES)


@cache
def policy(title: str) -> Policy:
    config = compiled(title)
    dags = {facts.id: facts for name, facts in things().items() if name.startswith("dag:")}
    return Policy(config.roles, FixedIndex(dags), access_control=config.dag_access_control)


def allows(permissions: Permissions, asked: Question) -> bool:
    """Ask as the auth manager does."""
    if asked.kind == "dag":
        return permissions.allows_dag(asked.method, asked.entity, asked.name, asked.team)
    if asked.kind == "view":
        return permissions.allows_view(asked.resource)
    assert asked.kind == "resource", "the page asks about nothing else"
    return permissions.allows_named(asked.method, asked.resource, asked.name, asked.team)


def answer(row: Row) -> str:
    groups = frozenset(quoted(row.who))
    ago = re.search(r"MFA (\d+) minutes ago", row.who)
    authentication = Authentication(amr=frozenset({"mfa"}), at=NOW - 60 * int(ago[1])) if ago else Authentication()
    claims = {"sub": "uma", "groups": sorted(groups)}
    identity = Identity("idp", PROVIDER, "uma", "Uma", groups=groups, claims=claims, authentication=authentication)
    grant = compiled(row.title).grants.evaluate(identity, NOW).decision
    if not isinstance(grant, Grant):
        return "refused"
    roles, team_roles = scoped_roles(grant)
    permissions = policy(row.title).permissions(roles, team_roles)
    action, resource = quoted(row.question)[0].split(" ", 1)
    asked = read_asked(action, resource)
    if asked.kind == TEAM:
        return "allowed" if permissions.in_team(asked.name) else "denied"
    facts = None if asked.kind == "dag" else things().get(resource)
    questions = questions_of(asked, facts.team if facts else None)
    told = [allows(permissions, each) for each in questions]
    assert told
    decisions = [explain_decision(policy(row.title), roles, team_roles, each) for each in questions]
    assert [each.allowed for each in decisions] == told
    # What is denied, and not only allowed nowhere, is denied by a line of the page.
    assert all(each.path for each in decisions if each.reason == "denied")
    return "allowed" if all(told) else "denied"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.title} {row.who} {row.question}".replace("`", ""))
def test_a_policy_answers_as_its_table_says(row: Row) -> None:
    assert row.answer in ANSWERS
    assert answer(row) == row.answer


@pytest.mark.parametrize("title", POLICIES)
def test_a_policy_warns_of_nothing_but_a_missing_administrator(title: str) -> None:
    assert {each.text for each in compiled(title).warnings} <= {"no rule grants Admin"}


def test_a_role_that_says_nothing_stands_in_while_there_is_no_freeze() -> None:
    [title] = (each for each in POLICIES if "freeze" in each)
    [role] = re.findall(r"`freeze: (.+?)`", POLICIES[title])
    frozen = re.search(r"(?s)  freeze:\n.*?(?=^grants)", POLICIES[title], re.MULTILINE)
    thawed = POLICIES[title].replace(frozen[0], f"  freeze: {role}\n")
    config = compile_document(load_document(BASE + block_of(thawed), ""), secrets=None, known_roles=BUILTIN_ROLES)
    assert Policy(config.roles).permissions(["Op", "freeze"]) == Policy().permissions(["Op"])


def test_there_are_ten_policies_and_each_table_allows_and_denies() -> None:
    assert len(POLICIES) >= 10
    for title in POLICIES:
        assert {"allowed", "denied"} <= {row.answer for row in ROWS if row.title == title}, title


def test_every_row_counts() -> None:
    """A table that the page's reader sees must not be one that the test does not."""
    ends = tuple(f"{answer} |" for answer in ANSWERS)
    seen = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.endswith(ends)]
    assert len(seen) == len(ROWS) > 80
