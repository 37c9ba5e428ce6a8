"""What is imported with the auth manager's class: Airflow imports that in every component, for each command."""

from __future__ import annotations

import subprocess
import sys

import pytest

# What only answers, sign-ins or the configuration need. How long the rest takes: ``python -m benchmarks.imports``.
HEAVY = (
    *("airflow_oidc_auth.config.compiled", "airflow_oidc_auth.login.outcome", "airflow_oidc_auth.policy.decision"),
    *("airflow_oidc_auth.providers", "airflow_oidc_auth.sessions", "airflow_oidc_auth.grants", "joserfc", "lxml"),
    *("pydantic.v1", "keyring", "limits", "re2", "cel"),
)
SCRIPT = """
import sys, airflow.api_fastapi.app
before = set(sys.modules)
import airflow_oidc_auth.managers.native
print("CAME", *(name for name in sys.modules if name not in before))
"""


@pytest.fixture(scope="module")
def came() -> set[str]:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("CAME"))
    return set(line.split()[1:])


def test_the_class_comes_without_what_only_its_answers_need(came: set[str]) -> None:
    assert "airflow_oidc_auth.managers.native" in came
    assert sorted(came.intersection(HEAVY)) == []
