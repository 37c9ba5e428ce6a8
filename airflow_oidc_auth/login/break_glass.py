"""Let the holder of a one-time link in while the IdP is down, and see to it that this ends and is told.

No IdP is asked, no rule is evaluated, and the session is never re-checked: it ends by the clock. What is refused looks
the same to somebody who guesses; who holds a genuine link is told whether it was used, so that a stolen one is noticed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from airflow_oidc_auth.audit.event import AuthEvent
from airflow_oidc_auth.errors import LoginRefused, SessionError
from airflow_oidc_auth.grants.grant import Grant
from airflow_oidc_auth.login import break_glass_records, records
from airflow_oidc_auth.login.outcome import Refused, RequestContext, SignedIn
from airflow_oidc_auth.login.ports import Audit
from airflow_oidc_auth.providers.provider import SignIn
from airflow_oidc_auth.sessions.break_glass import PROVIDER, BreakGlassLinks, Link
from airflow_oidc_auth.sessions.session import Ended, Opened, Session
from airflow_oidc_auth.sessions.store import SessionStore

log = logging.getLogger(__name__)

T = TypeVar("T")

DISABLED = "break_glass_disabled"
UNKNOWN = "break_glass_unknown"
USED = "break_glass_used"
EXPIRED = "break_glass_expired"


class BreakGlassSessions(Protocol):
    """Live sessions, as far as they are needed here (:class:`airflow_oidc_auth.sessions.live.LiveSessions`)."""

    store: SessionStore

    async def open(self, sign_in: SignIn, grant: Grant, *, expires_at: int, client_address: str | None) -> Opened:
        """Open a session that nobody re-checks."""
        ...

    async def end(self, session_id: str, *, reason: str) -> Ended | None:
        """End a session."""
        ...

    def end_many_now(self, session_ids: Collection[str], *, reason: str) -> Sequence[Ended]:
        """End sessions; blocks."""
        ...

    async def run(self, function: Callable[..., T], *args: object, **kwargs: object) -> T:
        """Run something that blocks on the metadata database."""
        ...


@dataclass(frozen=True, slots=True)
class _Desk:
    """What opening and watching work with.

    :param audit: asked each time, because a reload brings another
    :param allowed: whether the configuration in force allows break-glass at all
    :param clock: epoch seconds
    """

    links: BreakGlassLinks
    sessions: BreakGlassSessions
    audit: Callable[[], Audit]
    allowed: Callable[[], bool]
    clock: Callable[[], float]


class BreakGlass(_Desk):
    """Open links."""

    async def look(self, token: str, context: RequestContext) -> Link | Refused:
        """Return what a link would do, without doing it: link previews and scanners open addresses, too.

        :raises SessionError: the store cannot be read
        """
        link, code = await self._find(token)
        return link if link is not None and code is None else await self._refuse(code or UNKNOWN, link, context)

    async def use(self, token: str, context: RequestContext, *, previous: Session | None = None) -> SignedIn | Refused:
        """Use the link up and open its session.

        :param previous: the live session of this browser, which ends
        :raises SessionError: the store cannot be reached, or the use cannot be audited; the link may be used up
        """
        link, code = await self._find(token)
        if link is None or code is not None:
            return await self._refuse(code or UNKNOWN, link, context)
        used = await self.sessions.run(self.links.use, link, now=int(self.clock()), used_from=context.client_address)
        if used is None:
            return await self._refuse(USED, link, context)
        try:
            session = await self._open(used, context)
        except LoginRefused as error:
            return await self._refuse(error.code, link, context, hint=error.hint)
        if previous is not None:
            await self._replace(previous, context)
        return SignedIn(session, "", None, context.correlation_id)

    async def waiting(self) -> Sequence[Link]:
        """Return the links that somebody could still open, for the sessions page.

        :raises SessionError: the store cannot be read
        """
        return await self.sessions.run(self.links.waiting, now=int(self.clock()))

    async def _find(self, token: str) -> tuple[Link | None, str | None]:
        if not self.allowed():
            return None, DISABLED
        link = await self.sessions.run(self.links.find, token)
        if link is None:
            return None, UNKNOWN
        if link.used_at is not None:
            return link, USED
        return link, EXPIRED if link.expires_at <= self.clock() else None

    async def _open(self, link: Link, context: RequestContext) -> Session:
        sign_in = SignIn(break_glass_records.identity_of(link))
        opened = await self.sessions.open(
            sign_in,
            break_glass_records.grant_of(link),
            expires_at=link.session_ends_at or 0,
            client_address=context.client_address,
        )
        try:
            await self.sessions.run(self._note, link, opened, context)
        except SessionError as error:
            # Nobody is in whom neither the audit nor the list of links knows.
            await self.sessions.end(opened.session.id, reason=error.code)
            raise
        return opened.session

    def _note(self, link: Link, opened: Opened, context: RequestContext) -> None:
        self.links.note_session(link, opened.session.id)
        for record in break_glass_records.build_used(link, opened, context):
            self.audit().record(record)

    async def _replace(self, previous: Session, context: RequestContext) -> None:
        try:
            if ended := await self.sessions.end(previous.id, reason=records.REPLACED):
                record = records.build_replaced(ended.session, context.correlation_id, context)
                await self.sessions.run(self.audit().record, record)
        except SessionError as error:
            log.error("replaced session lives on: code=%s", error.code)  # noqa: TRY400  # the sign-in itself is good

    async def _refuse(self, code: str, link: Link | None, context: RequestContext, *, hint: str = "") -> Refused:
        log.warning(
            "break-glass refused: code=%s correlation_id=%s link=%s from=%s",
            *(code, context.correlation_id, link.id if link else "-", context.client_address),
        )
        # Also with a genuine link: it can be opened again and again.
        record = records.build_anonymous(AuthEvent.BREAK_GLASS, code, PROVIDER, context.correlation_id, context)
        await self.sessions.run(self.audit().record_anonymous_failure, record, self.clock())
        return Refused(code, context.correlation_id, hint=hint)


@dataclass(frozen=True, slots=True)
class BreakGlassWatch(_Desk):
    """Tell when a break-glass session is over, and take what an account elsewhere was given for it.

    Every server watches; for each session one of them writes the record.

    :param new_correlation_id: of the record
    """

    new_correlation_id: Callable[[], str]

    def poll(self) -> None:
        """Look once; blocks.

        :raises SessionError: the store cannot be reached; the next poll sees the rest
        """
        now = int(self.clock())
        for link in self.links.running():
            if because := self._end_of(link, now):
                self.sessions.store.withdraw(break_glass_records.identity_of(link))
                if self.links.close(link, now=now):
                    self.audit().record(break_glass_records.build_ended(link, because, self.new_correlation_id()))
        self.links.delete_old(now=now)

    def _end_of(self, link: Link, now: int) -> str:
        """Return why the session of a link is over, or nothing."""
        if link.session_ends_at is None or link.session_ends_at <= now:
            return "expired"
        if link.session_id is None:
            return ""  # about to be opened, or its server died: the clock decides
        if not self.allowed():
            self.sessions.end_many_now([link.session_id], reason=DISABLED)
            return DISABLED
        return "" if self.sessions.store.load(link.session_id, now=now) else "session_ended"
