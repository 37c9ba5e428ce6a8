"""docs/roles.md says what is so: its documents compile, its tables are complete."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
import yaml

from airflow_oidc_auth.config.compiled import CompiledConfig
from airflow_oidc_auth.config.schema.statements import KINDS, Action
from airflow_oidc_auth.grants.grant import Grant
from airflow_oidc_auth.grants.needs import Needs
from airflow_oidc_auth.grants.scopes import scoped_roles
from airflow_oidc_auth.policy.compile import Policy
from airflow_oidc_auth.policy.dag_index import FixedIndex
from airflow_oidc_auth.policy.selectors import DagFacts
from airflow_oidc_auth.policy.statements import PARTS
from tests.unit.config.documents import compile_text
from tests.unit.grants.people import person

PAGE = (Path(__file__).parents[3] / "docs" / "roles.md").read_text(encoding="utf-8")
DOCUMENTS = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
HEAD = """\
version: 1
providers:
  idp: {preset: oidc, issuer: 'https://idp.example.com', client_id: a, client_auth: none}
"""


def compile_page(block: str) -> CompiledConfig:
    return compile_text(HEAD + block, offline=True)


def document_with(word: str) -> CompiledConfig:
    (block,) = (each for each in DOCUMENTS if word in each)
    return compile_page(block)


@pytest.mark.parametrize("block", DOCUMENTS)
def test_every_document_compiles_and_every_role_in_it_is_reached(block: str) -> None:
    compiled = compile_page(block)
    assert [each.text for each in compiled.warnings if each.path.startswith("roles")] == []


def test_the_first_document_means_what_the_page_says() -> None:
    index = FixedIndex(
        {
            "other": DagFacts("other"),
            "mine": DagFacts("mine", frozenset({"finance"}), frozenset({"fin-team"})),
            "finance_daily": DagFacts("finance_daily"),
            "finance_salaries_may": DagFacts("finance_salaries_may"),
        }
    )
    policy = Policy(document_with("auditor:").roles, index)
    finance, both = policy.permissions(["finance"]), policy.permissions(["finance", "Admin"])
    assert finance.allows_dag("POST", "RUN", "finance_daily")
    assert not finance.allows_dag("POST", "RUN", "other")
    assert finance.allows_dag("PUT", None, "mine")
    assert not finance.allows_dag("PUT", None, "finance_daily")
    assert finance.allows_named("GET", "Connections", "fin-db")
    assert not finance.allows_named("GET", "Connections", "db")
    for each in (finance, both):
        assert not each.allows_dag("GET", "TASK_LOGS", "finance_salaries_may")
        assert each.allows_dag("GET", "TASK_LOGS", "finance_daily")
    assert both.allows_dag("DELETE", None, "other")


def test_the_teams_document_means_what_the_page_says() -> None:
    rules = document_with("airflow-(?P<team>").grants
    grant = rules.evaluate(person("airflow-red-Op", "airflow-blue-Viewer")).decision
    assert isinstance(grant, Grant)
    assert scoped_roles(grant) == ((), (("blue", "Viewer"), ("red", "Op")))


def test_the_document_about_dag_files_means_what_the_page_says() -> None:
    compiled = document_with("dag_access_control")
    facts = DagFacts("ads", roles={"marketing": frozenset({"GET", "PUT"})})
    index = FixedIndex({"ads": facts, "other": DagFacts("other")})
    permissions = Policy(compiled.roles, index, access_control=compiled.dag_access_control).permissions(["marketing"])
    assert permissions.allows_dag("POST", "RUN", "ads")
    assert permissions.allows_dag("GET", "TASK_LOGS", "ads")
    assert not permissions.allows_dag("GET", None, "other")
    off = Policy(compiled.roles, index).permissions(["marketing"])
    assert not off.allows_dag("GET", None, "ads")


def test_the_step_up_of_the_page_is_one() -> None:
    rules = document_with("needs:").grants.rules
    assert rules[1].settings.needs == Needs(acr=("phr", "phrh"), within=3600)


def test_every_word_of_the_language_is_explained() -> None:
    rows = re.findall(r"^\|(.*)\|$", PAGE, re.MULTILINE)
    words = {word for row in rows for word in re.findall(r"`([a-z_]+)`", row)}
    assert {*get_args(Action), *KINDS, *PARTS} <= words


def test_the_documents_are_read_by_any_reader_of_yaml() -> None:
    assert all(isinstance(yaml.safe_load(block), dict) for block in DOCUMENTS)
