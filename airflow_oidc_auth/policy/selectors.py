"""Which things a statement is for: DAGs by what they are, named things by name and team.

Every text is a glob over the whole value: ``*`` is any run of characters, ``?`` is one, letter case counts. The
entries of one key are alternatives; keys that are written must hold together. A selector without any key selects
nothing, whatever made it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

Method = str
"""GET, POST, PUT, PATCH, DELETE or MENU."""

_NO_ROLES: Mapping[str, frozenset[Method]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class DagSelector:
    """DAGs by id, tag, owner, bundle and team; each a tuple of globs."""

    ids: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    bundles: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()


EVERY_DAG = DagSelector(ids=("*",))
"""Every DAG, whatever it is called and whoever owns it."""


@dataclass(frozen=True, slots=True)
class NameSelector:
    """Connections, variables, pools or assets by name and team; each a tuple of globs."""

    names: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DagFacts:
    """What is known of one DAG.

    :param roles: role → methods, as the DAG file's ``access_control`` says; PATCH is none of them, PUT brings it
    """

    id: str
    tags: frozenset[str] = frozenset()
    owners: frozenset[str] = frozenset()
    bundle: str | None = None
    team: str | None = None
    roles: Mapping[str, frozenset[Method]] = field(default_factory=lambda: _NO_ROLES, hash=False)
