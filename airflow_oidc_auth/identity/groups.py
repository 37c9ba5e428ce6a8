"""Turn whatever an IdP calls groups into a set of names, or into nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from airflow_oidc_auth.frozen import constructor_of
from airflow_oidc_auth.identity.claims import GroupFormat
from airflow_oidc_auth.identity.text import is_clean

MAX_GROUPS = 20_000
MAX_NAME = 1_024


@dataclass(frozen=True, slots=True)
class NormalizedGroups:
    """The groups, and in plain words what was left out (never the value itself).

    :param too_many: there are more than anybody looks at, and so none here: not the same as to be in none
    """

    groups: frozenset[str]
    rejected: tuple[str, ...] = ()
    too_many: bool = False


_normalized = constructor_of(NormalizedGroups)
_TEXT = frozenset({str})


def normalize_groups(value: object, format: GroupFormat, strip_prefix: str = "") -> NormalizedGroups:  # noqa: A002 -- the key in the configuration
    """Return the group names in ``value``.

    A list gives its strings, each one group in every format: a group may hold a comma, and splitting it would
    let whoever names groups invent others. A single string is one group for LIST and is split for CSV and SPACE.
    A JSON text stays one odd group name. Numbers, booleans, null and objects never become groups.
    """
    if value is None:
        return NormalizedGroups(frozenset())
    names, rejected = _names(value, format)
    if len(names) > MAX_GROUPS:
        return NormalizedGroups(frozenset(), (*rejected, f"more than {MAX_GROUPS} groups"), too_many=True)
    if not strip_prefix and not rejected and _are_plain(names):
        return _normalized(frozenset(filter(str.strip, names)))
    groups: set[str] = set()
    for name in (spelled.removeprefix(strip_prefix) for spelled in names):
        if problem := _problem(name):
            rejected.append(problem)
        elif name.strip():
            groups.add(name)
    return NormalizedGroups(frozenset(groups), tuple(dict.fromkeys(rejected)))


def _names(value: object, group_format: GroupFormat) -> tuple[Sequence[str], list[str]]:
    if isinstance(value, str):
        if group_format is GroupFormat.CSV:
            return [part.strip() for part in value.split(",")], []
        return (value.split(" ") if group_format is GroupFormat.SPACE else [value]), []
    if isinstance(value, (list, tuple)):
        if _TEXT.issuperset(map(type, value)):
            return value, []
        names = [item for item in value if isinstance(item, str)]
        return names, [f"an item that is {json_kind(item)}" for item in value if not isinstance(item, str)]
    return [], [f"a value that is {json_kind(value)}"]


def _are_plain(names: Sequence[str]) -> bool:
    """Tell at one look, for a token is read at each request that brings a new one, that no name has a problem."""
    joined = "".join(names)
    if not (joined.isascii() and joined.isprintable()):
        return False
    return len(joined) <= MAX_NAME or max(map(len, names)) <= MAX_NAME


def _problem(name: str) -> str:
    if len(name) > MAX_NAME:
        return f"a name longer than {MAX_NAME} characters"
    return "" if is_clean(name) else "a name with control characters"


def json_kind(value: object) -> str:
    """Name the JSON type of a value in plain words."""
    if value is None:
        return "null"
    kinds: tuple[tuple[type | tuple[type, ...], str], ...] = (
        (bool, "true or false"),
        ((int, float), "a number"),
        (str, "a text"),
        (dict, "an object"),
        ((list, tuple), "a list"),
    )
    return next((kind for types, kind in kinds if isinstance(value, types)), "of an unknown kind")
