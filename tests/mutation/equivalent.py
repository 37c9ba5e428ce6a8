"""Mutants that are no mistake: the program they make answers every question as ours does. Each with its reason.

The name is what a run prints for a survivor. One that is noticed after all, or that the code no longer has, fails the
run, so that the list stays true and short.
"""

from __future__ import annotations

_LIMIT = "a limit on memory or work: the next number is as good"
_SPEED = "a short cut: the long way gives the same answer"
_ELSEWHERE = "another table names the same resources; what both forget, a test of the pages and parts finds"
_NO_LETTER = "what has no name has no letter in it, whatever stands for the name"
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
    "roles._every_resource: yield from (resource for resources in ENTITY_RESOURCES.values() for resource in resources) "
    "→ pass": _ELSEWHERE,
    "roles._every_resource: yield from MENU_RESOURCES.values() → pass": _ELSEWHERE,
    "roles.with_denials: not any((role.deny for role in roles.values())) → False": _SPEED,
    "spelling.fold_name: name.isascii() and name.isprintable() → False": _SPEED,
    "spelling._fold_character: '' → 'XX' (2)": _NO_LETTER,
    "spelling._is_certain: 'LATIN' → 'LATINXX' (2)": "the word is in it as well",
    "single_dags.compile_single_dags: dags or runs → True": _SPEED,
    "scopes._allowing: role in BUILTIN_ROLES → True": "of a role that is not built in, nothing is",
    "line_effects.look_up: question.kind == 'dag' and question.name → question.kind == 'dag'": _TYPES,
    "line_effects.look_up: question.name → False": "no file opens a DAG that nobody knows, so that none is looked for",
    "line_effects.denies: False → True": "what is allowed is not looked at",
    "line_effects.allows_on_part: asked.question.entity or '' → asked.question.entity": _TYPES,
    "line_effects.allows_on_part: '' → 'XX'": "no part is called so either",
    "line_effects._matches: asked.question.name or '' → asked.question.name": _TYPES,
    "line_effects._matches: '' → 'XX'": _TYPES,
    "grants.rules.Rule._given: needs is None or not standing.missed → not standing.missed": _TYPES,
    "grants.rules.GrantRules.given_of: '{' in name → True": _SPEED,
    "grants.template.placeholders: '' → 'XX'": "what stands for a place has no brace in it, either",
    "grants.template.could_become: '{' not in template → False": _SPEED,
    "grants.scopes.scoped_roles: grant.places or ((), ()) → grant.places": _TYPES,
    "grants.scopes._places: not by_rules and (not grant.withdrawn) → False": _SPEED,
    "grants.conditions.EmailDomain.evaluate: not verified.holds or identity.email is None → not verified.holds": _TYPES,
    "grants.patterns._compile: options.log_errors = False → pass": "it is about RE2's own log",
    "grants.patterns._compile: False → True": "it is about RE2's own log",
    "grants.patterns._compile: error.args → True": _TYPES,
    "grants.patterns._compile: '' → 'XX'": _TYPES,
    "grants.patterns._encodable: text.isascii() or not any(('\\ud800' <= character <= '\\udfff' for character in text"
    ")) → not any(('\\ud800' <= character <= '\\udfff' for character in text))": _SPEED,
    "grants.patterns._encodable: '\\udfff' → '\\udfffXX'": "no one character is between the two",
    "grants.digest.grant_digest: ':' → ':XX'": "a list has no colon",
    "grants.rules._check_roles: 1 → 2": "of the names that are close, the first is taken",
    "grants.conditions._loose: ' ' → ' XX'": "what stands between words is the same on both sides",
}
