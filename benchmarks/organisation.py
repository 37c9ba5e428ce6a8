"""A large organisation's document: 200 rules, 200 roles by id, tag, owner and bundle, and a person in 50 groups.

Every role reads, runs and clears a slice of the DAGs of :mod:`benchmarks.fill`, uses some connections, and denies a few
DAGs. One more role, beside them, is given by the tag that two hundred DAGs carry.
"""

from __future__ import annotations

from benchmarks.fill import BUNDLES, OWNERS, TAG, TAGS, TEAMS
from benchmarks.fill_fab import SINGLE_DAGS

RULES, GROUPS = 200, 50
HEAD = """version: 1
providers:
  oidc: {{preset: oidc, issuer: "{issuer}", client_id: airflow, client_secret: {{env: SECRET}}}}
rate_limits: {{login: 100000/minute, callback: 100000/minute}}
"""


def groups() -> list[str]:
    """Return the groups of one person; a rule answers to each."""
    return [f"department-{number}" for number in range(GROUPS)]


def role_names() -> tuple[str, ...]:
    """Return the roles that those groups give."""
    return tuple(f"role-{number}" for number in range(GROUPS))


def document(issuer: str) -> str:
    """Return the whole document, as YAML."""
    roles = "".join(_role(number) for number in range(RULES))
    single = f'  {SINGLE_DAGS.role}: {{allow: [{{actions: [read], dags: {{tags: ["{TAG}"]}}}}]}}\n'
    rules = "".join(
        f"    - {{name: rule {number}, when: {{group: department-{number}}}, roles: [role-{number}]}}\n"
        for number in range(RULES)
    )
    for group, role in (("some", SINGLE_DAGS.role), ("lookers", "Viewer")):
        rules += f"    - {{when: {{group: {group}}}, roles: [{role}]}}\n"
    return f"{HEAD.format(issuer=issuer)}roles:\n{roles}{single}grants:\n  rules:\n{rules}"


def _role(number: int) -> str:
    """Return one role: what it selects by differs from role to role."""
    digit = number // TEAMS
    selector = (
        f'["team_{number % TEAMS}_pipeline_*{digit}"]',
        f'{{tags: ["tag-{number % TAGS}", "line-?{digit}"]}}',
        f'{{owners: ["owner-{number % OWNERS}"]}}',
        f'{{bundles: ["bundle-{number % BUNDLES}"], ids: ["team_{number % TEAMS}_*"]}}',
    )[number % 4]
    return f"""  role-{number}:
    allow:
      - {{actions: [read], resources: [DAG Runs, Task Instances, Task Logs]}}
      - {{actions: [read, run, clear], dags: {selector}, parts: [all]}}
      - {{actions: [read], dags: {selector}}}
      - {{actions: [read], connections: ["department-{number}-*"]}}
      - {{actions: [menu], resources: [DAGs, Connections]}}
    deny:
      - {{actions: [read], dags: ["team_{number % TEAMS}_pipeline_{number}99*"]}}
"""
