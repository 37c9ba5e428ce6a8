"""Mutants that are no mistake: the program they make answers every question as ours does. Each with its reason.

The name is what a run prints for a survivor. One that is noticed after all, or that the code no longer has, fails the
run, so that the list stays true and short.
"""

from __future__ import annotations

_LIMIT = "a limit on memory or work: the next number is as good"
_SPEED = "a short cut: the long way gives the same answer"
_ROOM = "more room than is needed, and nothing in it"
_SHELF = "tells apart what stands in one memory, as any other word does"
_NOBODY = "no team is called so either"
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
    "name_rules: '?' → '?XX'": _NOBODY,
    "globs: 5000 → 5001": _LIMIT,
    "dag_values: 32 → 33": _LIMIT,
    "dag_bits: 16 → 17": _LIMIT,
    "dag_index.FixedIndex.__init__: 0 → 1": "whichever number it is, it stays",
    "dag_rules.Tables.keep: self._total > self._limit → self._total >= self._limit": _LIMIT,
    "dag_rules.DagRules.lists: self._opens_list(cell) → False": _SPEED,
    "dag_rules.DagRules.opens_list: self._by_file and self._opens_list_by_files(cell) → "
    "self._opens_list_by_files(cell)": _SPEED,
    "dag_rules.DagRules.ids: cell not in KNOWN_CELLS → True": _SPEED,
    "dag_rules.DagRules.filter: cell in self._always → False": _SPEED,
    "dag_rules.DagRules.filter: team is not None or cell not in KNOWN_CELLS → True": _SPEED,
    "dag_rules.DagRules.filter: snapshot.is_every(dag_ids) → False": _SPEED,
    "dag_rules.DagRules.filter: (found if table.inverted else dag_ids) - snapshot.every → "
    "found if table.inverted else dag_ids": _SPEED,
    "dag_rules.DagRules.filter: table.inverted → False (2)": _SPEED,
    "dag_rules.DagRules.filter: unknown → True": _SPEED,
    "dag_rules.DagRules.filter: isinstance(found, set) → False": _SPEED,
    "dag_rules.DagRules._view: team is not None → True": _TYPES,
    "dag_rules.DagRules._work_out: 2 * allowed.bit_count() > bits.count → "
    "2 * allowed.bit_count() >= bits.count": _LIMIT,
    "dag_rules.DagRules._select: not owned → False": _SPEED,
    "lines.name_selector: isinstance(selector, tuple) → True": _TYPES,
    "lines._Sorter.add: not exact → True": _SPEED,
    "dag_view.DagView._cell: found is None → True": _SPEED,
    "dag_view.DagView._cell: cell in KNOWN_CELLS → False": _SPEED,
    "dag_view.DagView._cell: self._cells[cell] = found → pass": _SPEED,
    "dag_cells.closes: entity or '' → entity": _TYPES,
    "dag_cells.closes: '' → 'XX'": _TYPES,
    "globs.Globs.match: self.everything or text in self.exact → text in self.exact": _SPEED,
    "globs.Globs.match: not self._expressions → False": _SPEED,
    "globs.select_texts: max(literals, key=len) → min(literals, key=len)": _SPEED,
    "globs.select_texts: glob == f'{before}*' → False": _SPEED,
    "globs.select_texts: glob == f'{before}*{after}' → False": _SPEED,
    "globs.select_texts: longest in text and matches(text) → matches(text)": _SPEED,
    "globs.compile_globs: sorted({glob for glob in globs if not is_exact(glob)}) → "
    "list({glob for glob in globs if not is_exact(glob)})": _SPEED,
    "globs.compile_globs: not is_exact(glob) → True": _SPEED,
    "dag_selection.Snapshot.__init__: 0 → 1": _LIMIT,
    "dag_selection.Snapshot.is_every: dag_ids is self._seen_to_be_every → False": _SPEED,
    "dag_selection.Snapshot.is_every: True → False": _SPEED,
    "dag_selection.Snapshot.is_every: len(dag_ids) != len(self.every) or dag_ids != self.every → "
    "dag_ids != self.every": _SPEED,
    "dag_selection.Snapshot.is_every: type(dag_ids) is frozenset → False": _SPEED,
    "dag_selection.Snapshot.is_every: self._seen_to_be_every = dag_ids → pass": _SPEED,
    "dag_selection.Snapshot.with_access_control: (role, method) in self._by_role → True": _SPEED,
    "dag_selection.Snapshot.with_access_control: 'access_control' → 'access_controlXX'": _SHELF,
    "dag_selection.Snapshot._select_keys: 'ids' → 'idsXX'": _SHELF,
    "dag_selection.Snapshot._select_keys: 'tags' → 'tagsXX'": _SHELF,
    "dag_selection.Snapshot._select_keys: 'owners' → 'ownersXX'": _SHELF,
    "dag_selection.Snapshot._select_keys: 'bundles' → 'bundlesXX'": _SHELF,
    "dag_selection.Snapshot._select_keys: 'teams' → 'teamsXX'": _SHELF,
    "dag_selection.Snapshot._select_ids: matches_everything(globs) → False": _SPEED,
    "dag_selection.Snapshot._select_ids: not is_exact(glob) → True": _SPEED,
    "dag_selection.Snapshot._select_pattern: glob == f'{before}*' → False": _SPEED,
    "dag_selection.Snapshot._select_pattern: '*' → '*XX'": _SPEED,
    "dag_selection.Snapshot._select_pattern: glob == f'{before}*{after}' and is_exact(after) → False": _SPEED,
    "dag_selection.Snapshot._keep: found is None → True": _SPEED,
    "dag_selection.Snapshot._keep: self._remembered + size > MAX_REMEMBERED → "
    "self._remembered + size >= MAX_REMEMBERED": _LIMIT,
    "dag_selection.Snapshot._keep: 0 → 1": _LIMIT,
    "dag_values.Values.__init__: sum(map(len, places)) * _MANY > bits.count → "
    "sum(map(len, places)) * _MANY >= bits.count": _LIMIT,
    "dag_values.Values.matching: is_exact(glob) → False": _SPEED,
    "dag_values.Values.of: value in self._many → False": _SPEED,
    "dag_values.Values.of: few → True": _SPEED,
    "dag_bits.DagBits.at: self.count >> 3 → self.count << 3": _ROOM,
    "dag_bits.DagBits.at: self.count >> 3 → self.count": _ROOM,
    "dag_bits.DagBits.at: 1 → 2": _ROOM,
    "dag_bits.DagBits.ids: bits.bit_count() * _FEW < self.count → True": _SPEED,
    "dag_bits.DagBits.ids: bits.bit_count() * _FEW < self.count → False": _SPEED,
    "dag_bits.DagBits.ids: bits.bit_count() * _FEW < self.count → bits.bit_count() * _FEW <= self.count": _SPEED,
    "dag_bits.DagBits.ids: bits.bit_count() * _FEW < self.count → bits.bit_count() * _FEW >= self.count": _SPEED,
    "dag_bits.DagBits.ids: bits.bit_count() * _FEW → bits.bit_count()": _SPEED,
    "dag_bits.DagBits.ids: bits.bit_count() * _FEW → _FEW": _SPEED,
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
