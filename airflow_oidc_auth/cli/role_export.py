"""A FAB role in the terms of the configuration, and what the configuration has no words for.

What is exported allows exactly what FAB's pairs allow; what is left out is named with the reason, and allows nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from airflow_oidc_auth.cli.fab_roles import FabPair, FabRoles
from airflow_oidc_auth.config.schema.globs import CustomView, DagId
from airflow_oidc_auth.config.schema.roles import RoleName
from airflow_oidc_auth.policy.builtin import ADMIN, BUILTIN_PAIRS
from airflow_oidc_auth.policy.fab import METHOD_OF_ACTION
from airflow_oidc_auth.policy.roles import RESOURCES
from airflow_oidc_auth.policy.single_dags import DAG_PREFIX, DAG_RUN_PREFIX
from airflow_oidc_auth.policy.summary import VERBS

PAGES_OF_FAB = frozenset(
    {
        *("Actions", "List Roles", "List Users", "Passwords", "Permission Pairs", "Permission Views", "Permissions"),
        *("Resources", "Roles", "Security", "User Stats Chart", "User's Statistics", "Users", "View Menus"),
        *("AuthDBView", "AuthLDAPView", "AuthOAuthView", "AuthOIDView", "AuthRemoteUserView", "FabIndexView"),
        *("SecurityApi", "UtilView"),
    }
)
RENAMED = " (FAB)"

OTHER_ACTION = "the configuration has no such action"
PAGE_OF_FAB = "a page of FAB's, which the native manager does not have"
RUNS_OF_ONE_DAG = "rights on the runs of one DAG cannot be written; FAB deprecated them"
ACTION_ON_ONE_DAG = "a single DAG can be read, edited and deleted"
NO_DAG_ID = "not the id of a DAG"
NO_NAME = "the configuration cannot hold this name"
NOTHING_LEFT = "nothing that the native manager knows: Public is the role for that"
ADMIN_LACKS = "FAB's Admin may not do this; the native Admin may do everything"

_VERB_OF_METHOD = dict(VERBS)
_ORDER = [verb for _, verb in VERBS]
_NAMES = {
    "dags": TypeAdapter[str](DagId),
    "custom_views": TypeAdapter[str](CustomView),
    "roles": TypeAdapter[str](RoleName),
}

Entry = Mapping[str, list[str]]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Permissions of one FAB role that the configuration cannot express.

    :param pairs: empty when it is the role itself
    """

    role: str
    pairs: tuple[FabPair, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class ExportedRole:
    """One role for the configuration.

    :param name: what the configuration calls it
    :param fab_name: what FAB calls it
    :param allow: as in the document
    :param changes: for a built-in role that FAB's administrators changed: what they added and removed
    """

    name: str
    fab_name: str
    allow: tuple[Entry, ...]
    left_out: tuple[LeftOut, ...] = ()
    changes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RoleExport:
    """All roles that need a definition, and what is missing from them.

    :param left_out: everything, also what belongs to no exported role
    """

    roles: tuple[ExportedRole, ...]
    left_out: tuple[LeftOut, ...]


def export_roles(fab: FabRoles) -> RoleExport:
    """Express every role that is not a built-in one as FAB ships it."""
    roles: list[ExportedRole] = []
    left_out = list(_missing_from_admin(fab))
    taken = {*fab.pairs, *BUILTIN_PAIRS, ADMIN}
    for fab_name, pairs in fab.pairs.items():
        if fab_name == ADMIN or _methods(pairs) == BUILTIN_PAIRS.get(fab_name):
            continue
        allow, missing = _express(fab_name, pairs)
        name = _name(fab_name, taken)
        if name is None or not allow:
            missing.append(LeftOut(fab_name, (), NO_NAME if name is None else NOTHING_LEFT))
        else:
            taken.add(name)
            roles.append(ExportedRole(name, fab_name, allow, tuple(missing), tuple(_changes(fab_name, pairs))))
        left_out += missing
    return RoleExport(tuple(roles), tuple(left_out))


def describe(pair: FabPair) -> str:
    """Write a permission as FAB's pages do."""
    return f"{pair[0].replace('_', ' ')} on {pair[1]}"


def _missing_from_admin(fab: FabRoles) -> Iterator[LeftOut]:
    """FAB gives Admin everything but single DAGs at each start; somebody may have taken something since."""
    if ADMIN in fab.pairs:
        lacking = (pair for pair in fab.known - fab.pairs[ADMIN] if not _is_of_one_dag(pair[1]))
        if pairs := tuple(sorted(lacking)):
            yield LeftOut(ADMIN, pairs, ADMIN_LACKS)


def _is_of_one_dag(resource: str) -> bool:
    return resource.startswith((DAG_PREFIX, DAG_RUN_PREFIX))


def _methods(pairs: Iterable[FabPair]) -> frozenset[FabPair]:
    return frozenset((METHOD_OF_ACTION.get(action, action), resource) for action, resource in pairs)


def _name(fab_name: str, taken: set[str]) -> str | None:
    if _accepts("roles", fab_name):
        return fab_name
    name = fab_name + RENAMED
    return name if _accepts("roles", name) and name not in taken else None


def _accepts(kind: str, name: str) -> bool:
    try:
        _NAMES[kind].validate_python(name)
    except ValidationError:
        return False
    return True


def _changes(fab_name: str, pairs: Iterable[FabPair]) -> Iterator[str]:
    if fab_name in BUILTIN_PAIRS:
        now, before = _methods(pairs), BUILTIN_PAIRS[fab_name]
        for word, changed in (("added", now - before), ("removed", before - now)):
            for method, resource in sorted(changed):
                yield f"{word} in FAB: {_VERB_OF_METHOD.get(method, method)} on {resource}"


def _express(role: str, pairs: Iterable[FabPair]) -> tuple[tuple[Entry, ...], list[LeftOut]]:
    verbs: dict[tuple[str, str], list[str]] = {}
    reasons: dict[str, list[FabPair]] = {}
    for action, resource in sorted(pairs):
        kind, name, reason = _place(action, resource)
        if reason:
            reasons.setdefault(reason, []).append((action, resource))
        else:
            verbs.setdefault((kind, name), []).append(_VERB_OF_METHOD[METHOD_OF_ACTION[action]])
    missing = [LeftOut(role, tuple(found), reason) for reason, found in reasons.items()]
    return tuple(_entries(verbs)), missing


def _place(action: str, resource: str) -> tuple[str, str, str]:
    """Return the selector and the name for a pair, or the reason why there is none."""
    if action not in METHOD_OF_ACTION:
        return "", "", OTHER_ACTION
    if resource in RESOURCES:
        return "resources", resource, ""
    if resource in PAGES_OF_FAB:
        return "", "", PAGE_OF_FAB
    if resource.startswith(DAG_RUN_PREFIX):
        return "", "", RUNS_OF_ONE_DAG
    if resource.startswith(DAG_PREFIX):
        return _place_dag(action, resource[len(DAG_PREFIX) :])
    return ("custom_views", resource, "") if _accepts("custom_views", resource) else ("", "", NO_NAME)


def _place_dag(action: str, dag_id: str) -> tuple[str, str, str]:
    if action in ("can_create", "menu_access"):
        return "", "", ACTION_ON_ONE_DAG
    return ("dags", dag_id, "") if _accepts("dags", dag_id) else ("", "", NO_DAG_ID)


def _entries(verbs: Mapping[tuple[str, str], list[str]]) -> Iterator[Entry]:
    """Put what has the same actions into one entry."""
    grouped: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (kind, name), found in verbs.items():
        grouped.setdefault((kind, tuple(sorted(found, key=_ORDER.index))), []).append(name)
    kinds = ("resources", "dags", "custom_views")
    for kind, actions in sorted(grouped, key=lambda key: (kinds.index(key[0]), [_ORDER.index(a) for a in key[1]])):
        yield {"actions": list(actions), kind: sorted(grouped[kind, actions])}
