from __future__ import annotations

import importlib.util
import re
from pathlib import Path

from airflow_oidc_auth.grants.needs import Needs
from airflow_oidc_auth.policy.compile import Policy
from tests.unit.config.documents import compile_text, document

PAGE = Path(__file__).parents[3] / "docs" / "roles.md"
SCRIPT = Path(__file__).with_name("roles_page.py")


def test_the_table_of_the_roles_page_is_current():
    spec = importlib.util.spec_from_file_location("roles_page", SCRIPT)
    roles_page = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(roles_page)
    page = roles_page.PAGE.read_text(encoding="utf-8")
    assert roles_page.rendered(page) == page, "run: python tests/unit/policy/roles_page.py"
    assert "| Connections | — | — |" in page


def test_the_roles_of_the_page_do_what_the_page_says():
    example, _ = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    compiled = compile_text(document(top=example))
    assert [each for each in compiled.warnings if "nobody has" not in each.text] == []
    finance = Policy(compiled.roles).permissions(["finance"])
    assert finance.allows_dag("POST", "RUN", "finance_daily")
    assert not finance.allows_dag("POST", "RUN", "another")
    assert finance.allows_dag("GET", "RUN", "another")
    assert Policy(compiled.roles).permissions(["auditor"]).allows_dag("GET", "AUDIT_LOG", "any")


def test_the_step_up_of_the_page_is_one():
    _, example = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    providers, _, _ = document().partition("grants:")
    compiled = compile_text(providers + example)
    assert [each for each in compiled.warnings if "nobody has" not in each.text] == []
    assert compiled.grants.rules[1].settings.needs == Needs(acr=("phr", "phrh"), within=3600)
