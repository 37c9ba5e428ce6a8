"""The policy without a server: ``python -m benchmarks.policy_alone DAGS`` prints one JSON object of seconds and MB.

Seconds of CPU, so that other work on the machine counts less. A person in 50 groups of :mod:`benchmarks.organisation`,
and the DAGs of :mod:`benchmarks.fill` from memory, as the server's thread hands them over. What is cold: the DAGs have
just changed, so everything that was worked out from them has to be again.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median
from time import thread_time
from typing import Any

from airflow_oidc_auth.config.compile import compile_document
from airflow_oidc_auth.config.compiled import CompiledConfig
from airflow_oidc_auth.config.document import RawDocument, load_document
from airflow_oidc_auth.policy.builtin import BUILTIN_ROLES
from airflow_oidc_auth.policy.compile import Policy
from airflow_oidc_auth.policy.selectors import DagFacts
from benchmarks.fill import BUNDLES, OWNERS, dag_id, tags
from benchmarks.fill_fab import SINGLE_DAGS
from benchmarks.organisation import GROUPS, document, role_names
from benchmarks.servers import _pss

ISSUER = "https://idp.example.com/"
SMALL = f"""version: 1
providers:
  oidc: {{preset: oidc, issuer: "{ISSUER}", client_id: airflow, client_secret: {{env: SECRET}}}}
roles: {{one: {{allow: [{{actions: [read], dags: ["a*"]}}]}}}}
grants: {{rules: [{{when: {{group: lookers}}, roles: [one]}}]}}
"""
ROUNDS = 15
BARE = "{} DAGs, bare: each id looked up in a frozenset"
"""What no filter of somebody's own set can do without; nothing of ours takes part in it."""


class Index:
    """DAGs that can change."""

    def __init__(self, facts: Mapping[str, DagFacts]) -> None:
        self.generation = 1
        self._facts = facts

    def facts(self, dag_id: str) -> DagFacts | None:
        return self._facts.get(dag_id)

    def all(self) -> Mapping[str, DagFacts]:
        return self._facts


def main(dags: int) -> dict[str, float]:
    # What is imported and built at the first document is nobody's compile.
    compiled(load_document(SMALL, "oidc_auth.yaml"))
    before = _memory()
    config = compiled(load_document(document(ISSUER), "oidc_auth.yaml"))
    Policy(config.roles).permissions(role_names())
    found = {"document of 200 rules, memory": _memory() - before}
    before = _memory()
    index = Index(_facts(dags))
    found[f"{dags} DAGs, memory of their facts"] = _memory() - before
    before = _memory()
    found |= _questions(Policy(config.roles, index), index, dags)
    found[f"{dags} DAGs, memory of what was worked out"] = _memory() - before
    return found | _document()


def compiled(raw: RawDocument) -> CompiledConfig:
    return compile_document(raw, secrets=None, known_roles=BUILTIN_ROLES)


def _document() -> dict[str, float]:
    """Read and compile it; now and then the interpreter looks through all that Airflow holds, meanwhile."""
    collector = Collector()
    text = document(ISSUER)
    reads = [_timed(lambda: load_document(text, "oidc_auth.yaml")) for _ in range(3)]
    raw = load_document(text, "oidc_auth.yaml")
    collector.took.clear()
    compiles = [_timed(lambda: Policy(compiled(raw).roles).permissions(role_names())) for _ in range(ROUNDS)]
    config = compiled(raw)
    collector.stop()
    return {
        "document of 200 rules: its YAML read": median(reads),
        "document of 200 rules: compiled": median(compiles),
        "document of 200 rules: compiled, slowest": max(compiles),
        "one full garbage collection, which may fall into it": max(collector.took, default=0.0),
        "document of 200 rules: its roles compiled again": _timed(
            lambda: Policy(config.roles).permissions(role_names())
        ),
    }


class Collector:
    """Writes down how long each garbage collection takes."""

    def __init__(self) -> None:
        self.took: list[float] = []
        self._started = 0.0
        gc.callbacks.append(self._note)

    def stop(self) -> None:
        gc.callbacks.remove(self._note)

    def _note(self, phase: str, _: Mapping[str, int]) -> None:
        if phase == "start":
            self._started = thread_time()
        else:
            self.took.append(thread_time() - self._started)


def _facts(dags: int) -> dict[str, DagFacts]:
    """Return the DAGs in the order of their ids, with one object for what they have in common."""
    shared: dict[Any, Any] = {}
    found = {}
    for name, number in sorted((dag_id(number), number) for number in range(dags)):
        has = (frozenset(tags(number)), frozenset([f"owner-{number % OWNERS}"]), f"bundle-{number % BUNDLES}")
        found[name] = DagFacts(name, *(shared.setdefault(each, each) for each in has))
    return found


def _questions(policy: Policy, index: Index, dags: int) -> dict[str, float]:
    many = policy.permissions(role_names())
    few = policy.permissions([SINGLE_DAGS.role])
    everybody = set(index.all())
    seen = sorted(many.filter_dag_ids("GET", everybody))
    if not seen or len(few.filter_dag_ids("GET", everybody)) != min(SINGLE_DAGS.count, dags):
        raise SystemExit(f"{len(seen)} DAGs are open to one, {len(few.filter_dag_ids('GET', everybody))} to the other")
    one, other = seen[len(seen) // 2], min(everybody - set(seen))
    calls: dict[str, Callable[[], Any]] = {
        "one DAG, permitted": lambda: many.allows_dag("GET", None, one),
        "one DAG, refused": lambda: many.allows_dag("GET", None, other),
        "one DAG, a run is started": lambda: many.allows_dag("POST", "RUN", one),
        "one DAG, its code": lambda: many.allows_dag("GET", "CODE", one),
        "one DAG that nobody knows": lambda: many.allows_dag("GET", None, "never seen"),
        "one connection": lambda: many.allows_named("GET", "Connections", "department-7-warehouse"),
    }
    found = {f"{dags} DAGs, {name}": _median_of(call) for name, call in calls.items()}
    follow = Following(policy, index)
    for name, permissions in (("50 roles", many), ("role of 200 DAGs", few)):
        cold, warm = follow.filter(lambda it=permissions: it.filter_dag_ids("GET", everybody))
        found |= {f"{dags} DAGs, filter, {name}, cold": cold, f"{dags} DAGs, filter, {name}, warm": warm}
    remembered = frozenset(everybody)
    _, warm = follow.filter(lambda: many.filter_dag_ids("GET", remembered))
    found[f"{dags} DAGs, list, 50 roles, warm"] = warm
    found[BARE.format(dags)] = median(_timed(lambda: everybody <= remembered) for _ in range(3 * ROUNDS))
    found[f"{dags} DAGs, a change followed, in the background"] = median(follow.changes)
    found[f"{dags} DAGs, filter, 50 roles, another person"] = _other_people(policy, everybody)
    return found


def _other_people(policy: Policy, everybody: set[str]) -> float:
    """Return what the first list of somebody costs whose roles nobody had together, while no DAG changes."""
    took = []
    for number in range(1, ROUNDS + 1):
        roles = tuple(f"role-{number + place}" for place in range(GROUPS))
        took.append(_timed(lambda roles=roles: policy.permissions(roles).filter_dag_ids("GET", everybody)))
    return median(took)


@dataclass
class Following:
    """DAGs change, and the policy follows on the thread that reads them; only then somebody asks.

    :ivar changes: seconds that this took
    """

    policy: Policy
    index: Index
    changes: list[float] = field(default_factory=list)

    def filter(self, call: Callable[[], object]) -> tuple[float, float]:
        """Return the seconds of the first question after a change, and of a later one."""
        cold, warm = [], []
        for _ in range(ROUNDS):
            self.index.generation += 1
            self.changes.append(_timed(self.policy.prepare))
            cold.append(_timed(call))
            warm += [_timed(call) for _ in range(3)]
        return median(cold), median(warm)


def _timed(call: Callable[[], object]) -> float:
    started = thread_time()
    call()
    return thread_time() - started


def _median_of(call: Callable[[], object], repeat: int = 5000) -> float:
    def once() -> None:
        for _ in range(repeat):
            call()

    return median(_timed(once) for _ in range(ROUNDS)) / repeat


def _memory() -> float:
    return _pss(os.getpid()) / 1024


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]))))
