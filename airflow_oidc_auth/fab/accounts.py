"""What a sign-in does to FAB's users and their roles, in the transaction that opens the session.

The link of ``(issuer, subject)`` alone says which FAB user a person is; names and e-mails never do.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session as Transaction

from airflow_oidc_auth.errors import LoginRefused
from airflow_oidc_auth.fab.link_rows import (
    NOTHING_GIVEN,
    LinkedUser,
    dump_given,
    find_linked_user,
    store_given,
    store_link,
)
from airflow_oidc_auth.fab.new_user import NewUser, create_user
from airflow_oidc_auth.fab.settings import FabSettings
from airflow_oidc_auth.fab.tables import fab_tables
from airflow_oidc_auth.grants.grant import Grant, RuleMatch
from airflow_oidc_auth.providers.provider import SignIn
from airflow_oidc_auth.sessions.accounts import Settled
from airflow_oidc_auth.sessions.break_glass import ISSUER as BREAK_GLASS
from airflow_oidc_auth.sessions.granted import roles_elsewhere

log = logging.getLogger(__name__)

LINKED_BY_SIGN_IN = "sign-in"
KEPT_RULE = "assigned in FAB"
KEPT_PATH = "grants.keep_assigned_roles"


class FabAccounts:
    """Find or make the FAB user of an identity and give it the roles of its Grant.

    :param settings: may be replaced while it runs; the next sign-in follows them
    :param local_time: FAB writes naive local times
    """

    def __init__(self, settings: FabSettings, *, local_time: Callable[[], datetime] = datetime.now) -> None:
        self.settings = settings
        self._local_time = local_time

    def settle(
        self,
        transaction: Transaction,
        principal_id: str,
        sign_in: SignIn,
        grant: Grant,
        *,
        now: int,
        signing_in: bool = True,
        session_id: str | None = None,
    ) -> Settled:
        """Let the FAB user have exactly the mapped roles, and those that the settings keep.

        At most six statements for a known user, seven for a new one; one more where a rule waits for a step-up.

        :raises LoginRefused: ``fab_user_inactive``, ``fab_registration_closed``, ``fab_role_missing`` or
            ``fab_user_conflict``
        """
        user = find_linked_user(transaction, principal_id)
        # The operator at the host is who lets them in; a user without a password, whose roles go with the session.
        open_to_new = self.settings.registration or sign_in.identity.issuer == BREAK_GLASS
        self._check_admitted(user, principal_id, signing_in=signing_in, open_to_new=open_to_new)
        mapped = _find_roles(transaction, grant.roles)
        kept = self._kept(user, mapped)
        missing = _missing(grant, mapped, principal_id)
        if not mapped and not kept:
            raise _role_missing(missing)
        others = self._held_by_others(transaction, principal_id, user, grant, now, session_id)
        wanted = {**mapped, **kept, **others}
        given = dump_given({**mapped, **others})
        if user is None:
            made = self._create(transaction, principal_id, sign_in, given, now)
            _assign(transaction, made.id, wanted.values())
            notes = _notes(made.username, kept, missing, created=True)
            return Settled(_held(grant, mapped, kept), None, notes, made.username)
        if signing_in:
            self._touch(transaction, user.id)
        _replace_roles(transaction, user, wanted)
        if given != user.given_document:
            store_given(transaction, principal_id, given)
        notes = _notes(user.username, kept, missing)
        return Settled(_held(grant, mapped, kept), tuple(sorted(user.roles)), notes, user.username)

    def withdraw(self, transaction: Transaction, principal_id: str) -> tuple[str, ...]:
        """Take every role that the settings do not keep; return their names.

        The rules now give nothing: without this, FAB and a session still open would go on with the last roles.
        """
        user = find_linked_user(transaction, principal_id)
        if user is None:
            return ()
        kept = self._kept(user, {})
        _replace_roles(transaction, user, kept)
        if user.given_document != NOTHING_GIVEN:
            store_given(transaction, principal_id, NOTHING_GIVEN)
        return tuple(sorted(user.roles.keys() - kept.keys()))

    def _check_admitted(
        self, user: LinkedUser | None, principal_id: str, *, signing_in: bool, open_to_new: bool
    ) -> None:
        if user is None and not signing_in:
            raise LoginRefused("fab_user_inactive", f"principal {principal_id} has no FAB user any more")
        if user is None and not open_to_new:
            raise LoginRefused("fab_registration_closed", f"principal {principal_id} has no FAB user")
        if user is not None and not user.active:
            detail = f"FAB user {user.username!r} is not active"
            raise LoginRefused("fab_user_inactive", detail, evidence={"fab_user": user.username})

    def _kept(self, user: LinkedUser | None, mapped: dict[str, int]) -> dict[str, int]:
        """Return the roles that somebody assigned in FAB, if they stay."""
        if user is None or not self.settings.keep_assigned_roles:
            return {}
        return {name: key for name, key in user.roles.items() if name not in mapped and name not in user.given_roles}

    def _held_by_others(
        self,
        transaction: Transaction,
        principal_id: str,
        user: LinkedUser | None,
        grant: Grant,
        now: int,
        session_id: str | None,
    ) -> dict[str, int]:
        """Return roles that another session of the person stepped up for; this one is not let use them.

        FAB knows one set of roles for a person: without this, each session would take them from the other.
        """
        stronger = user.roles.keys() & grant.withheld if user is not None and grant.step_ups else frozenset()
        if user is None or not stronger:
            return {}
        held = roles_elsewhere(transaction, principal_id, now=now, apart_from=session_id)
        return {name: user.roles[name] for name in stronger & held}

    def _create(self, transaction: Transaction, principal_id: str, sign_in: SignIn, given: str, now: int) -> NewUser:
        made = create_user(transaction, principal_id, sign_in.identity, self._local_time())
        by = LINKED_BY_SIGN_IN
        store_link(transaction, principal_id, made.id, made.created_on, given_document=given, by=by, now=now)
        return made

    def _touch(self, transaction: Transaction, user_id: int) -> None:
        users = fab_tables().users
        count = func.coalesce(users.c.login_count, 0) + 1
        changed = update(users).where(users.c.id == user_id)
        transaction.execute(changed.values(last_login=self._local_time(), login_count=count))


def _find_roles(transaction: Transaction, names: tuple[str, ...]) -> dict[str, int]:
    """Return the ids of the roles that exist under exactly these names."""
    roles = fab_tables().roles.c
    rows = transaction.execute(select(roles.name, roles.id).where(roles.name.in_(names)))
    # MySQL finds ``admin`` when asked for ``Admin``.
    return {row.name: row.id for row in rows if row.name in names}


def _missing(grant: Grant, mapped: dict[str, int], principal_id: str) -> tuple[str, ...]:
    missing = tuple(sorted(set(grant.roles) - mapped.keys()))
    if missing:
        log.error("Mapped roles do not exist in FAB: %r; principal %s does not get them", list(missing), principal_id)
    return missing


def _role_missing(missing: tuple[str, ...]) -> LoginRefused:
    shown = ", ".join(missing)
    return LoginRefused(
        "fab_role_missing",
        f"no mapped role exists in FAB: {list(missing)!r}",
        hint=f"Ask your Airflow administrator to create these roles in FAB, or to map others: {shown}.",
        evidence={"missing_roles": shown},
    )


def _replace_roles(transaction: Transaction, user: LinkedUser, wanted: dict[str, int]) -> None:
    now, then = set(user.roles.values()), set(wanted.values())
    if surplus := now - then:
        table = fab_tables().user_roles
        transaction.execute(delete(table).where(table.c.user_id == user.id, table.c.role_id.in_(sorted(surplus))))
    _assign(transaction, user.id, then - now)


def _assign(transaction: Transaction, user_id: int, role_ids: Collection[int]) -> None:
    # A role deleted meanwhile breaks the foreign key: the transaction runs again and finds it missing.
    if rows := [{"user_id": user_id, "role_id": role_id} for role_id in sorted(role_ids)]:
        transaction.execute(insert(fab_tables().user_roles), rows)


def _held(grant: Grant, mapped: dict[str, int], kept: dict[str, int]) -> Grant:
    """Return the Grant without roles that do not exist, and with those that were kept."""
    matches = [replace(match, roles=tuple(role for role in match.roles if role in mapped)) for match in grant.matches]
    if kept:
        matches.append(RuleMatch(KEPT_RULE, KEPT_PATH, tuple(sorted(kept))))
    return replace(grant, roles=tuple(sorted({*mapped, *kept})), matches=tuple(matches))


def _notes(
    username: str, kept: dict[str, int], missing: tuple[str, ...], *, created: bool = False
) -> tuple[tuple[str, str | int], ...]:
    notes = [("fab_user", username), ("kept_roles", ", ".join(sorted(kept))), ("missing_roles", ", ".join(missing))]
    if created:
        notes.append(("linked", "created"))
    return tuple(note for note in notes if note[1])
