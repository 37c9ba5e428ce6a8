"""What the journey needs of others, as it sees them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Protocol, TypeVar

from airflow_oidc_auth.audit.event import AuditRecord
from airflow_oidc_auth.grants.grant import Evaluation, Grant
from airflow_oidc_auth.grants.needs import Needs
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.providers.provider import SignIn
from airflow_oidc_auth.providers.saml.replay import ReplayCache
from airflow_oidc_auth.sessions.session import Ended, Opened, Session
from airflow_oidc_auth.sessions.store import SessionStore

T = TypeVar("T")


class Pool(Protocol):
    """A provider's own threads (:class:`airflow_oidc_auth.providers.pool.ProviderPool`)."""

    async def run(self, fn: Callable[..., T], *args: object) -> T:
        """Run ``fn`` on one of the threads; ``ProviderError("provider_busy")`` when too many wait."""
        ...


class Sessions(Protocol):
    """Sessions and the store's own threads (:class:`airflow_oidc_auth.sessions.live.LiveSessions`)."""

    @property
    def store(self) -> SessionStore:
        """Where they are kept; its methods block."""
        ...

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
        """Open a session, or raise ``SessionError``."""
        ...

    async def end(self, session_id: str, *, reason: str) -> Ended | None:
        """End a session, here at once; None if there is none to end. ``SessionError`` if the store fails."""
        ...

    async def withdraw(self, identity: Identity) -> tuple[str, ...]:
        """Take the roles that an account elsewhere still has from earlier sign-ins; return those that went."""
        ...

    async def sessions_of_idp(self, provider: str, idp_sid: str) -> Sequence[Session]:
        """Return the live sessions of a provider whose ``idp_sid`` begins so."""
        ...

    def end_many_now(self, session_ids: Collection[str], *, reason: str) -> Sequence[Ended]:
        """End sessions on the calling thread; return those that this call ended."""
        ...

    async def run(self, function: Callable[..., T], *args: object, **kwargs: object) -> T:
        """Run something else that blocks on the metadata database."""
        ...

    def replay_cache(self) -> ReplayCache:
        """Return what remembers messages that may be used once; it blocks."""
        ...


class Rules(Protocol):
    """What decides (:class:`airflow_oidc_auth.grants.GrantRules`)."""

    def evaluate(self, identity: Identity, now: float | None = None) -> Evaluation:
        """Return grant or refusal; never raises."""
        ...

    def needs_of(self, rule: str) -> Needs | None:
        """Return what the rule of this name needs of the authentication."""
        ...


class Audit(Protocol):
    """Where events are written (:class:`airflow_oidc_auth.audit.log.AuditLog`)."""

    def record(self, record: AuditRecord) -> None:
        """Write one event; ``SessionError("audit_unavailable")`` when a sign-in must not go on without it."""
        ...

    def record_anonymous_failure(self, record: AuditRecord, now: float) -> None:
        """Count a failure of somebody unknown; a flood becomes few rows."""
        ...
