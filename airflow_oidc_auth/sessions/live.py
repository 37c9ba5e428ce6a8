"""The sessions as a request sees them: from memory, and never later than the feed."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from functools import partial
from typing import TypeVar

from airflow_oidc_auth.grants.grant import Grant
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.providers.provider import SignIn
from airflow_oidc_auth.sessions.cache import SessionCache
from airflow_oidc_auth.sessions.executor import StoreExecutor
from airflow_oidc_auth.sessions.feed import RevocationFeed
from airflow_oidc_auth.sessions.periodic import Periodic
from airflow_oidc_auth.sessions.replay import StoreReplayCache
from airflow_oidc_auth.sessions.revocation import is_session_id
from airflow_oidc_auth.sessions.schedule import chance, next_check
from airflow_oidc_auth.sessions.session import (
    BROWSER,
    Ended,
    Leased,
    Opened,
    Opening,
    Regraded,
    Session,
    TokenRequest,
)
from airflow_oidc_auth.sessions.store import SessionStore

T = TypeVar("T")

log = logging.getLogger(__name__)

CLEAN_UP_EVERY = 900.0
# Also what a server that was restarted later than the others wrote with the old key meanwhile.
RESEAL_EVERY = 900.0
# What has expired is of no use to anybody and may wait: a server whose clock is ahead would delete what others need.
CLEAN_UP_GRACE = 24 * 3600
# Airflow accepts a token for some seconds after its ``exp`` ([api_auth] jwt_leeway): its revocation must live longer.
TOKEN_GRACE = 300
# What `sessions.lifetime` may be at most.
LONGEST_SESSION = 30 * 24 * 3600


class LiveSessions:
    """Answer from memory; read a session once, when this process first sees it.

    ``peek``, ``is_token_revoked`` and ``stale_for`` touch memory only. The coroutines run on the store's own
    threads. ``revoke_token`` and what ends with ``_now`` block: they are for threads that may.

    :param store: where sessions are kept
    :param clock: wall clock, epoch seconds
    :param interval: seconds between two polls of the revocation feed
    """

    def __init__(
        self,
        store: SessionStore,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        interval: float = 1.0,
        cache: SessionCache | None = None,
        executor: StoreExecutor | None = None,
        jitter: Callable[[], float] = chance,
    ) -> None:
        self.store = store
        self._clock = clock
        self._jitter = jitter
        self._cache = cache or SessionCache(clock=clock)
        self._executor = executor or StoreExecutor()
        drop = self._cache.drop
        self.feed = RevocationFeed(
            store, clock, interval, monotonic=monotonic, on_session_ended=drop, on_grant_changed=drop
        )
        self._flights: dict[str, Future[Session | None]] = {}
        self._flights_lock = threading.Lock()
        self._on_opened: Callable[[str], None] = lambda _: None
        # Servers started together do not clean up together.
        first = CLEAN_UP_EVERY * (0.1 + 0.9 * jitter())
        self._clean_up = Periodic("oidc-auth-clean-up", self.clean_up, CLEAN_UP_EVERY, first_delay=first)
        # At once: who adds a Fernet key restarts the servers, and drops the old key when they say that they are done.
        self._reseal = Periodic("oidc-auth-reseal", self._reseal_tokens, RESEAL_EVERY)

    def on_opened(self, listener: Callable[[str], None]) -> None:
        """Tell a listener the principal of each session opened here, before anybody holds it; it must not block."""
        self._on_opened = listener

    def start(self) -> None:
        """Begin the background threads; in the lifespan, after any fork."""
        self._flights_lock = threading.Lock()
        self._flights.clear()
        self.feed.start()
        self._clean_up.start()
        self._reseal.start()

    def stop(self) -> None:
        """End the background threads."""
        self.feed.stop()
        self._clean_up.stop()
        self._reseal.stop()
        self._executor.close()

    def peek(self, session_id: str) -> Session | None:
        """Return the session if this process knows it, and knows of no end. Memory only."""
        session = self._cache.get(session_id)
        # Asked each time: a load that read before another server's end may put it into the cache after.
        if session is None or self.feed.is_session_revoked(session_id):
            return None
        return session if session.kind == BROWSER or not self._is_revoked(session) else None

    def is_token_revoked(self, jti: str) -> bool:
        """Tell whether the token was revoked. Memory only."""
        return self.feed.is_token_revoked(jti)

    def is_session_revoked(self, session_id: str) -> bool:
        """Tell whether the session was ended. Memory only."""
        return self.feed.is_session_revoked(session_id)

    def stale_for(self) -> float:
        """Return for how many seconds this process has heard of no revocations because of an outage."""
        return self.feed.stale_for()

    async def load(self, session_id: str) -> Session | None:
        """Return the session, from memory or by one indexed read; callers at the same time share that read.

        :raises SessionError: ``session_store_unavailable`` or ``session_store_busy``
        """
        known = self.peek(session_id)
        if known is not None or not self._worth_reading(session_id):
            return known
        session = await self._executor.wait(self._begin_read(session_id))
        if session is None or session.is_over(self._clock()) or self.feed.is_session_revoked(session_id):
            return None
        return None if session.is_token and self._is_revoked(session) else session

    async def open(
        self,
        sign_in: SignIn,
        grant: Grant,
        *,
        expires_at: int,
        client_address: str | None,
        recheck: int | None = None,
        regrade_at: int | None = None,
        max_sessions: int | None = None,
    ) -> Opened:
        """Open a session; the next request finds it in memory, and what had to end for it has ended here.

        :param recheck: seconds between two confirmations at the IdP; None where it cannot or shall not be asked
        :param regrade_at: when the roles must be worked out again, epoch seconds
        :param max_sessions: how many the principal may then have
        :raises SessionError: as the store's ``open``, and ``session_store_busy``
        """
        now = self._now()
        due = None if recheck is None else next_check(now, recheck, self._jitter())
        store_it = partial(self.store.open, expires_at=expires_at, client_address=client_address, now=now)
        opened = await self._executor.run(store_it, sign_in, grant, opening=Opening(due, regrade_at, max_sessions))
        self._note_ended(opened.ended)
        self._cache.put(opened.session)
        self._on_opened(opened.session.principal_id)
        return opened

    def open_token_now(
        self,
        owner: Session,
        request: TokenRequest,
        *,
        identity: Identity | None,
        client_address: str | None,
        unverified_lifetime: int,
    ) -> Session:
        """Open the session behind a token, on the calling thread.

        :raises SessionError: as the store's ``open_token``
        """
        opened = self.store.open_token(
            owner,
            request,
            identity=identity,
            now=self._now(),
            client_address=client_address,
            unverified_lifetime=unverified_lifetime,
        )
        self._cache.put(opened.session)
        self._on_opened(opened.session.principal_id)
        return opened.session

    def revoke_principal_now(self, principal_id: str) -> None:
        """Let nothing count that was issued to a principal until now, on the calling thread: here at once, even when
        the store fails; elsewhere within the feed's interval. Sessions are ended separately.

        :raises SessionError: ``session_store_unavailable``: the other servers have not heard of it
        """
        now = self._now()
        until = now + LONGEST_SESSION + TOKEN_GRACE
        self.feed.note_principal(principal_id, now, expires_at=until)
        self.store.revoke_principal(principal_id, now=now, until=until)

    async def withdraw(self, identity: Identity) -> tuple[str, ...]:
        """Take the roles that an account elsewhere has; return those that went.

        :raises SessionError: ``session_store_unavailable`` or ``session_store_busy``
        """
        return await self._executor.run(self.store.withdraw, identity)

    async def end(self, session_id: str, *, reason: str) -> Ended | None:
        """End a session: here at once, even when the store fails; elsewhere within the feed's interval.

        None if there is none to end.

        :raises SessionError: ``session_store_unavailable`` or ``session_store_busy``: the other servers have not
            heard of it
        """
        self._end_here(session_id)
        return await self._executor.run(self.end_now, session_id, reason=reason)

    def end_now(self, session_id: str, *, reason: str) -> Ended | None:
        """Do what :meth:`end` does, on the calling thread."""
        self._end_here(session_id)
        ended = self.store.end_many([session_id], reason=reason, now=self._now())
        self._note_ended(ended)
        return next((each for each in ended if each.session.id == session_id), None)

    def end_all_now(self, principal_id: str, *, reason: str) -> Sequence[Ended]:
        """End every session of a principal, on the calling thread; sessions that another server ended are left out.

        :raises SessionError: ``session_store_unavailable``
        """
        live = self.store.list_sessions(now=self._now(), principal_id=principal_id)
        return self.end_many_now([session.id for session in live], reason=reason)

    def end_many_now(
        self, session_ids: Collection[str], *, reason: str, idle_since: int | None = None
    ) -> Sequence[Ended]:
        """End many sessions, on the calling thread; return those that this call ended.

        :param idle_since: leave out what was seen at or after this time, epoch seconds
        :raises SessionError: ``session_store_unavailable``; some may have ended
        """
        ended = self.store.end_many(session_ids, reason=reason, now=self._now(), idle_since=idle_since)
        self._note_ended(ended)
        return ended

    def end_leased_now(self, leased: Leased, *, reason: str) -> Sequence[Ended]:
        """End a session that a re-check holds, on the calling thread, and what was made from it.

        That session comes first; empty if the lease was lost.

        :raises SessionError: ``session_store_unavailable``
        """
        ended = self.store.end_refused(leased, reason=reason, now=self._now(), everything=False)
        self._note_ended(ended)
        return ended

    def end_refused_now(self, leased: Leased, *, reason: str) -> Sequence[Ended]:
        """End a session whose person the IdP refuses, and that person's tokens, on the calling thread.

        Empty if the lease was lost.

        :raises SessionError: ``session_store_unavailable``
        """
        ended = self.store.end_refused(leased, reason=reason, now=self._now())
        self._note_ended(ended)
        return ended

    def note_regraded(self, regraded: Regraded, change: str) -> None:
        """Let a re-checked session count here at once; the other servers hear of a changed Grant by the feed.

        :param change: owner of the lease
        """
        session = regraded.session
        if regraded.changed:
            # Dropped, not replaced: what is in hand may be older than what another server has changed since.
            self.feed.note_grant(session.id, change, expires_at=session.expires_at)
            self._on_opened(session.principal_id)

    def revoke_token(self, jti: str, *, expires_at: int) -> None:
        """Revoke one token: here at once, even when the store fails; elsewhere within the feed's interval.

        :raises SessionError: ``session_store_unavailable``: the other servers have not heard of it
        """
        until = expires_at + TOKEN_GRACE
        self.feed.note_token(jti, expires_at=until)
        self.store.revoke_token(jti, expires_at=until, now=self._now())

    async def list_sessions(
        self,
        *,
        principal_id: str | None = None,
        provider: str | None = None,
        user: str | None = None,
        limit: int | None = None,
    ) -> Sequence[Session]:
        """Return live sessions, newest first; see :meth:`SessionStore.list_sessions`."""
        listing = partial(self.store.list_sessions, principal_id=principal_id, provider=provider)
        return await self._executor.run(listing, now=self._now(), user=user, limit=limit)

    async def sessions_of_idp(self, provider: str, idp_sid: str) -> Sequence[Session]:
        """Return the live sessions of a provider whose ``idp_sid`` begins so.

        :raises SessionError: ``session_store_unavailable`` or ``session_store_busy``
        """
        listing = partial(self.store.list_sessions, provider=provider, sid_begins=idp_sid)
        return await self._executor.run(listing, now=self._now())

    def replay_cache(self) -> StoreReplayCache:
        """Return what remembers messages that may be used once."""
        return StoreReplayCache(self.store, self._clock)

    async def run(self, function: Callable[..., T], *args: object, **kwargs: object) -> T:
        """Run something else that blocks on the metadata database (an audit row) on the store's threads."""
        return await self._executor.run(function, *args, **kwargs)

    def clean_up(self) -> None:
        """Delete what has expired, from memory and from the store."""
        self._cache.drop_expired()
        self.store.delete_expired(now=self._now() - CLEAN_UP_GRACE)

    def _reseal_tokens(self) -> None:
        if count := self.store.reseal_tokens():
            log.info("Encrypted %d values of sessions with the first key of [core] fernet_key", count)

    def _now(self) -> int:
        return int(self._clock())

    def _is_revoked(self, session: Session) -> bool:
        """Tell whether all that the owner of a token had was revoked since it was made."""
        moment = self.feed.principal_revoked_at(session.principal_id)
        # What was made in the same second came after, or was ended by itself.
        return moment is not None and session.created_at < moment

    def _note_ended(self, ended: Sequence[Ended]) -> None:
        for each in ended:
            self.feed.note_session(each.session.id, expires_at=each.session.expires_at)

    def _end_here(self, session_id: str) -> None:
        """Let the session count as ended before the store is told: a person who signs out does not wait for it."""
        if is_session_id(session_id) and not self.feed.is_session_revoked(session_id):
            known = self._cache.get(session_id)
            expires_at = known.expires_at if known else self._now() + LONGEST_SESSION
            self.feed.note_session(session_id, expires_at=expires_at)

    def _worth_reading(self, session_id: str) -> bool:
        if not is_session_id(session_id) or self.feed.is_session_revoked(session_id):
            return False
        return not self._cache.is_absent(session_id)

    def _begin_read(self, session_id: str) -> Future[Session | None]:
        with self._flights_lock:
            flight = self._flights.get(session_id)
            if flight is None:
                flight = self._executor.submit(partial(self._read, session_id))
                self._flights[session_id] = flight
            else:
                return flight
        # Outside the lock: a read that has finished already calls back here and now.
        flight.add_done_callback(lambda _: self._landed(session_id))
        return flight

    def _read(self, session_id: str) -> Session | None:
        mark = self._cache.mark()
        session = self.store.load(session_id, now=self._now())
        if session is None:
            self._cache.put_absent(session_id)
        else:
            self._cache.put_read(session, mark)
        return session

    def _landed(self, session_id: str) -> None:
        with self._flights_lock:
            self._flights.pop(session_id, None)
