"""Look at the sessions of everybody, and end them on somebody's order: said by whom and why, in the audit."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from airflow_oidc_auth.audit.event import AuditRecord, AuthEvent
from airflow_oidc_auth.login.outcome import RequestContext
from airflow_oidc_auth.login.ports import Audit
from airflow_oidc_auth.login.records import build_session_ended
from airflow_oidc_auth.sessions.administration import Found, SessionDirectory, Wanted
from airflow_oidc_auth.sessions.session import Ended, Session

T = TypeVar("T")

BY_ADMIN = "ended_by_admin"
BY_USER = "ended_by_user"
BATCH = 500


@dataclass(frozen=True, slots=True)
class Order:
    """On whose order sessions end, and why.

    :param by: readable name of whoever says so
    :param by_id: their principal id; empty for an operator at a command line
    :param explanation: their own words; may be empty when they end sessions of their own
    :param reason: ``ended_by_admin`` or ``ended_by_user``
    """

    by: str
    by_id: str
    explanation: str
    reason: str = BY_ADMIN


class OfficeSessions(Protocol):
    """Live sessions, as far as they are needed here (:class:`airflow_oidc_auth.sessions.live.LiveSessions`)."""

    def end_many_now(self, session_ids: Collection[str], *, reason: str) -> Sequence[Ended]:
        """End sessions, here at once; blocks."""
        ...

    def revoke_principal_now(self, principal_id: str) -> None:
        """Let nothing count that was issued to a principal until now; blocks."""
        ...

    async def run(self, function: Callable[..., T], *args: object, **kwargs: object) -> T:
        """Run something that blocks on the metadata database."""
        ...


class SessionOffice:
    """What the sessions page does.

    :param audit: asked each time, because a reload brings another
    :param clock: epoch seconds
    """

    def __init__(
        self,
        sessions: OfficeSessions,
        directory: SessionDirectory,
        audit: Callable[[], Audit],
        clock: Callable[[], float],
    ) -> None:
        self._sessions = sessions
        self._directory = directory
        self._audit = audit
        self._clock = clock

    async def search(self, wanted: Wanted, *, offset: int = 0, limit: int = BATCH) -> Found:
        """Return a page of live sessions, newest first.

        :raises SessionError: the store cannot be read
        """
        now = int(self._clock())
        return await self._sessions.run(self._directory.find, wanted, now=now, offset=offset, limit=limit)

    async def providers(self) -> Sequence[str]:
        """Return the ids of all providers with live sessions.

        :raises SessionError: the store cannot be read
        """
        return await self._sessions.run(self._directory.providers, now=int(self._clock()))

    async def end(
        self, wanted: Wanted, order: Order, context: RequestContext, *, but_for: str | None = None
    ) -> Sequence[Session]:
        """End every session that is meant, and audit each; return those that this call ended.

        :param but_for: id of a session that stays
        :raises SessionError: the store cannot be reached; some may have ended
        """
        return await self._sessions.run(self._end_now, wanted, order, context, but_for)

    def _end_now(self, wanted: Wanted, order: Order, context: RequestContext, but_for: str | None) -> Sequence[Session]:
        people = self._revoke_people(wanted) if order.reason == BY_ADMIN and wanted.names_somebody else ()
        ids = [each for each in self._directory.ids(wanted, now=int(self._clock())) if each != but_for]
        gone: list[Session] = []
        for first in range(0, len(ids), BATCH):
            batch = ids[first : first + BATCH]
            ended = [each.session for each in self._sessions.end_many_now(batch, reason=order.reason)]
            for session in ended:
                self._audit().record(build_ended(session, order, context))
            gone += ended
        for record in build_revoked(people, gone, order, context):
            self._audit().record(record)
        return tuple(gone)

    def _revoke_people(self, wanted: Wanted) -> Sequence[str]:
        """Let nothing count that was issued to them: IdP tokens have no row, and a token may be made just now."""
        people = sorted(self._directory.people(wanted, now=int(self._clock())))
        for principal_id in people:
            self._sessions.revoke_principal_now(principal_id)
        return people


def build_ended(session: Session, order: Order, context: RequestContext) -> AuditRecord:
    """Return the row of a session that somebody ended from outside: its owner is whose session it was."""
    record = build_session_ended(session, order.reason, context.correlation_id)
    return replace(record, client_address=context.client_address, detail=(*record.detail, *_facts(order)))


def build_revoked(
    people: Sequence[str], gone: Sequence[Session], order: Order, context: RequestContext
) -> Sequence[AuditRecord]:
    """Return a row for each of the people of whom no session ended: what their IdP issued counts no more all the same.

    :param people: principals for whom nothing counts that was issued until now
    :param gone: the sessions that ended with it; each has a row of its own
    """
    told = {each.principal_id for each in gone}
    event, issued = AuthEvent.SESSION_ENDED, ("issued", "all until now")
    return [
        AuditRecord(
            event,
            context.correlation_id,
            order.reason,
            owner=each,
            principal_id=each,
            client_address=context.client_address,
            detail=(issued, *_facts(order)),
        )
        for each in people
        if each not in told
    ]


def _facts(order: Order) -> tuple[tuple[str, str], ...]:
    facts = (("ended_by", order.by), ("ended_by_id", order.by_id), ("explanation", order.explanation))
    return tuple((name, text) for name, text in facts if text)
