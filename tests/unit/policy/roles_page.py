"""Write the table of docs/roles.md from the policy: ``python tests/unit/policy/roles_page.py``."""

from __future__ import annotations

import re
from pathlib import Path

from airflow_oidc_auth.policy.compile import Policy
from airflow_oidc_auth.policy.roles import RESOURCES
from airflow_oidc_auth.policy.summary import summarize

PAGE = Path(__file__).parents[3] / "docs" / "roles.md"
COLUMNS = ("Viewer", "User", "Op")
MARKED = re.compile(r"(<!-- table[^>]*-->\n).*?(<!-- /table -->)", re.DOTALL)


def table() -> str:
    policy = Policy()
    rows = {
        role: {row.resource: ", ".join(row.verbs) for row in summarize(policy.permissions((role,)))} for role in COLUMNS
    }
    head = f"| resource | {' | '.join(COLUMNS)} |\n|---|{'---|' * len(COLUMNS)}\n"
    body = (f"| {name} | {' | '.join(rows[role].get(name, '—') for role in COLUMNS)} |\n" for name in RESOURCES)
    return head + "".join(body)


def rendered(page: str) -> str:
    return MARKED.sub(lambda marks: marks[1] + table() + marks[2], page)


if __name__ == "__main__":
    PAGE.write_text(rendered(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
