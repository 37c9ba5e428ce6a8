"""What differs between two documents, as short lines for people: for the audit and the log.

Says which roles, rules, providers and settings changed, and which rights and roles they give now. What a rule asks for
(groups, claims, subjects) and what a provider is set to stays in the document: the audit holds no claims, and lines
below a key that holds a reference to a secret are not looked at.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from airflow_oidc_auth.config.paths import Path, format_path, holds_secret, shorten

MAX_LINES = 200
MAX_VALUE = 120
# Parts whose entries have names, and what one entry is called.
_NAMED = (("providers", "provider"), ("roles", "role"))
_RULES = ("grants", "rules")
# Conditions of a rule are claims; these are what it gives.
_GIVEN = ("roles", "teams")
# Parts whose values are told: durations, rates, switches.
_SHOWN = (("sessions",), ("tokens",), ("rate_limits",), ("audit",), ("version",))


def describe_difference(old: Mapping[str, object], new: Mapping[str, object]) -> tuple[str, ...]:
    """Return lines such as ``role finance: added``; empty for documents that say the same. At most 200.

    :param old: the data of a document, valid or not
    :param new: likewise
    """
    lines: list[str] = []
    for key, noun in _NAMED:
        lines += _entries(noun, _mapping(old.get(key)), _mapping(new.get(key)))
    lines += _rules(_rules_of(old), _rules_of(new))
    named = {key for key, _ in _NAMED}
    lines += _settings(_without(old, named), _without(new, named), ())
    if len(lines) > MAX_LINES:
        return (*lines[: MAX_LINES - 1], f"and {len(lines) - MAX_LINES + 1} more")
    return tuple(lines)


def _entries(noun: str, old: Mapping[str, object], new: Mapping[str, object]) -> Iterator[str]:
    for name in (*old, *(each for each in new if each not in old)):
        title = f"{noun} {shorten(name)}"
        if name not in new:
            yield f"{title}: removed"
        elif name not in old:
            yield from _added(noun, title, _mapping(new[name]))
        elif old[name] != new[name]:
            yield from _changed(noun, title, _mapping(old[name]), _mapping(new[name]))


def _added(noun: str, title: str, entry: Mapping[str, object]) -> Iterator[str]:
    yield f"{title}: added"
    if noun == "role":
        yield from _role(title, {}, entry)


def _changed(noun: str, title: str, old: Mapping[str, object], new: Mapping[str, object]) -> Iterator[str]:
    keys = [shorten(key) for key in _changed_keys(old, new)]
    if noun == "role":
        yield from _role(title, old, new)
        keys = [key for key in keys if key not in _ROLE_LISTS]
    if keys:
        yield f"{title}: changed {', '.join(keys)}"


_ROLE_LISTS = ("extends", "allow", "deny")


def _role(title: str, old: Mapping[str, object], new: Mapping[str, object]) -> Iterator[str]:
    """Say which rights came and went: they are names of things, not of people."""
    for key in _ROLE_LISTS:
        for sign, item in _moved(_list(old.get(key)), _list(new.get(key))):
            yield f"{title}: {key} {sign} {_value(item)}"


def _rules(old: Sequence[object], new: Sequence[object]) -> Iterator[str]:
    named_old, named_new = _by_name(old), _by_name(new)
    for name in (*named_old, *(each for each in named_new if each not in named_old)):
        yield from _rule(f'rule "{shorten(name)}"', named_old.get(name), named_new.get(name))
    moved = list(_moved([each for each in old if _name(each) is None], [each for each in new if _name(each) is None]))
    for sign, rule in moved:
        given = ", ".join(f"{key} {_value(_mapping(rule)[key])}" for key in _GIVEN if key in _mapping(rule))
        yield f"rule without a name: {'added' if sign == '+' else 'removed'}{f', gives {given}' if given else ''}"
    if old != new and not moved and named_old == named_new:
        yield "rules: another order"


def _rule(title: str, old: Mapping[str, object] | None, new: Mapping[str, object] | None) -> Iterator[str]:
    if new is None:
        yield f"{title}: removed"
        return
    if old is None:
        yield f"{title}: added"
    for key in _GIVEN:
        for sign, item in _moved(_list((old or {}).get(key)), _list(new.get(key))):
            yield f"{title}: {key} {sign} {_value(item)}"
    if old is not None and (keys := [shorten(key) for key in _changed_keys(old, new) if key not in _GIVEN]):
        yield f"{title}: changed {', '.join(keys)}"


def _settings(old: object, new: object, path: Path) -> Iterator[str]:
    """Yield one line per changed setting, with its values."""
    if old == new:
        return
    if holds_secret(path):
        yield f"{format_path(path)}: refers to another secret"
    elif isinstance(old, Mapping | None) and isinstance(new, Mapping | None):
        before, after = _mapping(old), _mapping(new)
        for key in (*before, *(each for each in after if each not in before)):
            yield from _settings(before.get(key), after.get(key), (*path, key))
    else:
        shown = f"{_shown(old)} → {_shown(new)}" if path[:1] in _SHOWN else "changed"
        yield f"{format_path(path)}: {shown}"


def _shown(value: object) -> str:
    return "not set" if value is None else _value(value)


def _without(document: Mapping[str, object], keys: set[str]) -> Mapping[str, object]:
    rest = {key: value for key, value in document.items() if key not in keys}
    grants = {key: value for key, value in _mapping(rest.get("grants")).items() if key != "rules"}
    return {**rest, "grants": grants}


def _rules_of(document: Mapping[str, object]) -> Sequence[object]:
    return _list(_mapping(document.get(_RULES[0])).get(_RULES[1]))


def _by_name(rules: Sequence[object]) -> Mapping[str, Mapping[str, object]]:
    return {name: _mapping(each) for each in rules if (name := _name(each)) is not None}


def _name(rule: object) -> str | None:
    name = _mapping(rule).get("name")
    return name if isinstance(name, str) else None


def _moved(old: Sequence[object], new: Sequence[object]) -> Iterator[tuple[str, object]]:
    """Yield what is in one list only: gone first, then come; how often it is written does not count."""
    before, after = ({_canonical(each): each for each in items} for items in (old, new))
    yield from (("-", each) for key, each in before.items() if key not in after)
    yield from (("+", each) for key, each in after.items() if key not in before)


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True)


def _changed_keys(old: Mapping[str, object], new: Mapping[str, object]) -> Iterator[str]:
    yield from (key for key in (*old, *(each for each in new if each not in old)) if old.get(key) != new.get(key))


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> Sequence[object]:
    if value is None:
        return ()
    return value if isinstance(value, list) else (value,)


def _value(value: object) -> str:
    return shorten(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), MAX_VALUE)
