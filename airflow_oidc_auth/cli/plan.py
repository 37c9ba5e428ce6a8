"""``airflow oidc plan``: who gains and who loses what by another document, before it is used. Writes nothing."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache, partial

from airflow_oidc_auth.cli.command import CommandFailed, command
from airflow_oidc_auth.cli.configured import Configured, read_configured
from airflow_oidc_auth.cli.effective import Effective, effective_rights, moved
from airflow_oidc_auth.cli.fab_roles import FabRoles, read_fab_roles
from airflow_oidc_auth.cli.inventory import Inventory, read_inventory
from airflow_oidc_auth.cli.people import Person, people_since
from airflow_oidc_auth.cli.plan_report import Change, Group, PlanReport
from airflow_oidc_auth.cli.standing import HELD_CLAIMS, Standing, standing_by, standing_now
from airflow_oidc_auth.config.difference import describe_difference
from airflow_oidc_auth.grants.scopes import TeamRole
from airflow_oidc_auth.managers.settings import load_settings
from airflow_oidc_auth.policy.compile import Policy
from airflow_oidc_auth.policy.dag_index import FixedIndex
from airflow_oidc_auth.policy.fab import compile_fab_pairs
from airflow_oidc_auth.policy.permissions import Permissions
from airflow_oidc_auth.sessions.break_glass import PROVIDER as BREAK_GLASS

MAX_DAYS = 3650
DAY = 86_400

Compile = Callable[[tuple[str, ...], tuple[TeamRole, ...]], Permissions]
Work = Callable[[tuple[str, ...], tuple[TeamRole, ...]], Effective]


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two documents.

    :param rights: what roles, and roles within teams, may really do
    """

    configured: Configured
    rights: Work

    def means_the_same_as(self, other: Side) -> bool:
        """Tell whether the same roles have the same rights by both."""
        one, two = self.configured.compiled, other.configured.compiled
        return (one.roles, one.dag_access_control) == (two.roles, two.dag_access_control)


@command
def plan(args: Namespace) -> PlanReport:
    """Judge everybody by both documents."""
    if not 1 <= args.days <= MAX_DAYS:
        raise CommandFailed(f"--days must be 1 to {MAX_DAYS}.")
    read = load_settings(resolve_secrets=False)
    after = read_configured(read, args.new, option="NEW.yaml")
    before = read_configured(read)
    moment = time.time()
    people = [each for each in people_since(int(moment) - args.days * DAY) if not _is_break_glass(each)]
    either = before.compiled.dag_access_control or after.compiled.dag_access_control
    inventory = read_inventory(access_control=either)
    fab = read_fab_roles() if read.fab is not None else None
    views = _views(before, after)
    sides = tuple(_side(each, inventory, fab, views) for each in (before, after))
    changes = [_change(each, sides[0], sides[1], moment) for each in people]
    return PlanReport(
        days=args.days,
        people=len(people),
        groups=_group(changes, sides[0], sides[1]),
        unknown=tuple(each.person for each in changes if each.assumed),
        document=describe_difference(before.raw.data, after.raw.data),
        warnings=tuple(each for each in after.compiled.warnings if each not in before.compiled.warnings),
        notes=tuple(_notes(inventory, fab=fab is not None)),
    )


def _is_break_glass(person: Person) -> bool:
    """Links of break-glass name one role, and no rule."""
    return person.session is not None and person.session.provider == BREAK_GLASS


def _side(configured: Configured, inventory: Inventory, fab: FabRoles | None, views: Iterable[str]) -> Side:
    if fab is not None:
        return Side(configured, _rights(partial(_compile_fab, fab), inventory, views))
    compiled = configured.compiled
    policy = Policy(compiled.roles, FixedIndex(inventory.dags), access_control=compiled.dag_access_control)
    return Side(configured, _rights(policy.permissions, inventory.as_told(policy), views))


def _compile_fab(fab: FabRoles, roles: tuple[str, ...], _: tuple[TeamRole, ...]) -> Permissions:
    return compile_fab_pairs(pair for role in roles for pair in fab.pairs.get(role, frozenset()))


def _rights(compile_roles: Compile, inventory: Inventory, views: Iterable[str]) -> Work:
    # People share a few combinations of roles; ten thousand DAGs are gone through once for each.
    @cache
    def work_out(roles: tuple[str, ...], team_roles: tuple[TeamRole, ...]) -> Effective:
        return effective_rights(compile_roles(roles, team_roles), inventory, views)

    return work_out


def _views(*sides: Configured) -> tuple[str, ...]:
    """Return the names that the documents give to plugins' views."""
    statements = (each for side in sides for role in side.compiled.roles.values() for each in (*role.allow, *role.deny))
    selectors = (each.selector for each in statements if each.kind == "custom_views")
    return tuple({name for each in selectors if isinstance(each, tuple) for name in each})


def _change(person: Person, before: Side, after: Side, now: float) -> Change:
    rules = after.configured.compiled.grants
    then = standing_by(person, rules, now)
    if then.basis == HELD_CLAIMS:
        return Change(person, standing_by(person, before.configured.compiled.grants, now), then)
    # Nothing is held of what the IdP said: the same rules give the same roles, other rules may give others.
    same = before.configured.raw.data.get("grants") == after.configured.raw.data.get("grants")
    return Change(person, standing_now(person, rules), then, assumed=not same)


def _group(changes: Iterable[Change], before: Side, after: Side) -> tuple[Group, ...]:
    """Put people together whom the same happens to; who loses comes first."""
    by_roles: dict[object, list[Change]] = {}
    for each in changes:
        by_roles.setdefault(each.key, []).append(each)
    found: dict[object, Group] = {}
    for many in by_roles.values():
        group = _judge(tuple(many), before, after)
        if group.changed:
            known = found.get(group.key)
            together = (*(known.changes if known else ()), *group.changes)
            found[group.key] = replace(group, changes=tuple(sorted(together, key=lambda each: each.person.label)))
    return tuple(sorted(found.values(), key=_rank))


def _judge(changes: tuple[Change, ...], before: Side, after: Side) -> Group:
    first = changes[0]
    if before.means_the_same_as(after) and first.keeps_roles:
        return Group(changes, (), ())
    had, has = _held(before, first.before), _held(after, first.after)
    return Group(changes, gains=moved(before=had, after=has), loses=moved(before=has, after=had))


def _held(side: Side, standing: Standing) -> Effective:
    return side.rights(standing.roles, standing.team_roles)


def _rank(group: Group) -> tuple[int, int]:
    return (not group.loses and not group.shut_out, -len(group.changes))


def _notes(inventory: Inventory, *, fab: bool) -> Iterator[str]:
    if inventory.missing:
        yield f"DAGs, connections, variables and pools cannot be read, so nothing is counted: {inventory.missing}"
    if fab:
        yield "FAB mode: what roles allow is in FAB's database; what somebody assigned there is not looked at."
