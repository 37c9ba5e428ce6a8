"""``dag:finance_daily/logs`` and ``read``, as people write them: the questions that Airflow would ask."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from airflow_oidc_auth.cli.command import CommandFailed
from airflow_oidc_auth.config.paths import did_you_mean, one_of, shorten
from airflow_oidc_auth.policy.statements import ACTION_METHODS, MACROS, PARTS, DagCell
from airflow_oidc_auth.policy.vocabulary import MENU_RESOURCES, VIEW_RESOURCES

DAG, VIEW, MENU, TEAM, CUSTOM_VIEW = "dag", "view", "menu", "team", "custom_view"

RESOURCES: Mapping[str, str] = MappingProxyType(
    {
        "connection": "Connections",
        "variable": "Variables",
        "pool": "Pools",
        "asset": "Assets",
        "asset_alias": "Asset Aliases",
        "configuration": "Configurations",
    }
)
"""Kinds of things with a name, and the resource that decides each."""

KINDS = (DAG, *RESOURCES, VIEW, MENU, TEAM, CUSTOM_VIEW)
METHODS: Mapping[str, str] = MappingProxyType({action: methods[0] for action, methods in ACTION_METHODS.items()})
DEEDS: Mapping[str, tuple[DagCell, ...]] = MappingProxyType(
    # Who may replace a thing may change a part of it: PATCH needs no question of its own.
    {action: tuple(cell for cell in cells if cell[0] != "PATCH") for action, cells in MACROS.items()}
)
"""What is done with a DAG: methods and entities, each of which must be allowed."""

ACTIONS = (*METHODS, *DEEDS)


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants to know.

    :param name: of the thing; None for a list, or for any of its kind
    :param questions: methods and DAG entities, each of which must be allowed; the entity is None but for DAGs
    """

    action: str
    kind: str
    name: str | None
    questions: tuple[DagCell, ...]
    part: str | None = None

    @property
    def resource(self) -> str:
        """The thing as it is written."""
        part = f"/{self.part}" if self.part else ""
        return f"{self.kind}:{self.name or ''}{part}" if self.name or part else self.kind


def read_asked(action: str, resource: str) -> Asked:
    """Return what is asked.

    :raises CommandFailed: no such action, kind, part, view or menu item, or they do not fit together
    """
    kind, _, rest = resource.partition(":")
    if kind not in KINDS:
        raise CommandFailed(
            _unknown("kind of thing", kind, KINDS, "Write it as dag:finance_daily or connection:fin-db")
        )
    if action not in ACTIONS:
        raise CommandFailed(_unknown("action", action, ACTIONS))
    if kind == DAG:
        return _of_dag(action, rest)
    if action in DEEDS:
        raise CommandFailed(f"{action!r} is done with DAGs, not with {kind}; {one_of(METHODS)}.")
    if kind in (VIEW, MENU, TEAM):
        return _of_page(action, kind, rest)
    if kind == CUSTOM_VIEW and not rest:
        raise CommandFailed("Say which: custom_view:NAME, with the name that the plugin asks for.")
    return Asked(action, kind, rest or None, ((METHODS[action], None),))


def _of_dag(action: str, rest: str) -> Asked:
    dag_id, slash, part = rest.partition("/")
    if not slash:
        questions = DEEDS[action] if action in DEEDS else ((METHODS[action], None),)
        return Asked(action, DAG, dag_id or None, questions)
    if part not in PARTS:
        raise CommandFailed(_unknown("part of a DAG", part, PARTS))
    if action in DEEDS:
        raise CommandFailed(f"{action!r} is done with the DAG: write dag:{dag_id}.")
    return Asked(action, DAG, dag_id or None, tuple((METHODS[action], entity) for entity in PARTS[part]), part)


def _of_page(action: str, kind: str, rest: str) -> Asked:
    """A page is seen or not: Airflow asks with no method."""
    if action not in ("read", "menu"):
        raise CommandFailed(f"A {kind} is there or not: ask for 'read'.")
    if kind == TEAM:
        if not rest:
            raise CommandFailed("Say which: team:NAME.")
        return Asked(action, kind, rest, (("GET", None),))
    known = {name.lower(): name for name in (VIEW_RESOURCES if kind == VIEW else MENU_RESOURCES)}
    wanted = rest.lower().replace(" ", "_").replace("-", "_")
    if wanted not in known:
        raise CommandFailed(_unknown("menu item" if kind == MENU else kind, rest, sorted(known)))
    return Asked(action, kind, known[wanted].lower(), (("GET" if kind == VIEW else "MENU", None),))


def _unknown(what: str, word: str, known: Iterable[str], hint: str = "") -> str:
    names = tuple(known)
    near = did_you_mean(word, names)
    told = f"{shorten(word)!r} is no {what}: {near or one_of(names)}{'' if near else '.'}"
    return f"{told} {hint}." if hint else told
