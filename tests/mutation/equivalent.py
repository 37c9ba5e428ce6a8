"""Mutants that are no mistake: the program they make answers every question as ours does. Each with its reason.

The name is what a run prints for a survivor. One that is noticed after all, or that the code no longer has, fails the
run, so that the list stays true and short.
"""

from __future__ import annotations

_LIMIT = "a limit on memory or work: the next number is as good"
_SPEED = "a short cut: the long way gives the same answer"
_TYPES = "no value of another type comes here: it is for the type checker"

EQUIVALENT: dict[str, str] = {
    "compile: 512 → 513": _LIMIT,
    "dag_matching: 250 → 251": _LIMIT,
    "name_rules: 256 → 257": _LIMIT,
    "name_rules: 1500 → 1501": _LIMIT,
    "flat.compile_flat: admin or not (allow.patterns or allow.parts or roles) → "
    "not (allow.patterns or allow.parts or roles)": _SPEED,
    "permissions.Permissions.allows_dag: bool(self.single_dags) and dag_id in self.single_dags.get(cell, _NO_IDS) → "
    "dag_id in self.single_dags.get(cell, _NO_IDS)": _SPEED,
    "permissions.Permissions.allows_named: "
    "team is not None and resource in LISTED and (view := self.teams.get(team)) → "
    "resource in LISTED and (view := self.teams.get(team))": _TYPES,
    "team_rights.allow_in_teams: not teams → False": _SPEED,
}
