"""What the journey needs of others, as it sees them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from airflow_oidc_auth.audit.event import AuditRecord
from airflow_oidc_auth.grants.grant import Evaluation, Grant
from airflow_oidc_auth.grants.needs import Needs
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.login.outcome import RequestContext
from airflow_oidc_auth.providers.provider import SignIn
from airflow_oidc_auth.providers.saml.replay import ReplayCache
from airflow_oidc_auth.sessions.session import Ended, Opened, Session, TokenRequest
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

    def revoke_principal_now(self, principal_id: str) -> None:
        """Let nothing count that was issued to a principal until now; blocks."""
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


@dataclass(frozen=True, slots=True)
class SignedCaller:
    """A token that we signed, and the live session that it names.

    :param expires_at: of the token, epoch seconds
    """

    session: Session
    jti: str
    expires_at: int


class SignedTokens(Protocol):
    """What knows our own tokens (:class:`airflow_oidc_auth.managers.signed_callers.SignedCallers`)."""

    async def caller_of(self, token: str) -> SignedCaller | None:
        """Return whose token that is, whether or not it is bound to a key; None for any that is not accepted now.

        :raises SessionError: the session cannot be read, or nobody knows which sessions have ended
        """
        ...

    def check_fresh(self) -> None:
        """Raise ``SessionError("revocations_stale")`` while nobody knows who was revoked."""
        ...

    def revoked_at(self, principal_id: str) -> int | None:
        """Return when all tokens of a principal were revoked, epoch seconds; None for never. Memory only."""
        ...


class BearerToken(Protocol):
    """A verified token of an IdP (:class:`airflow_oidc_auth.providers.bearer.BearerToken`)."""

    @property
    def identity(self) -> Identity:
        """Whose it is, with actors and client."""
        ...

    @property
    def issued_at(self) -> int:
        """Epoch seconds."""
        ...

    @property
    def expires_at(self) -> int:
        """Epoch seconds."""
        ...

    @property
    def client_id(self) -> str | None:
        """The client that it was issued to."""
        ...

    @property
    def actors(self) -> tuple[str, ...]:
        """Who acts for the subject, outermost first."""
        ...

    @property
    def jkt(self) -> str | None:
        """Thumbprint of the key that it is bound to (RFC 9449 §6)."""
        ...


class BearerIssuer(Protocol):
    """Who verifies the tokens of one provider (:class:`airflow_oidc_auth.providers.bearer.BearerIssuer`)."""

    @property
    def provider(self) -> str:
        """Id of the provider."""
        ...

    def verify_known(self, token: str) -> BearerToken | None:
        """Verify without I/O; None when the key is not at hand."""
        ...

    def verify(self, token: str) -> BearerToken:
        """Verify on a thread that may wait for the IdP."""
        ...


class BearerLanes(Protocol):
    """Threads apart from those of sign-ins (:class:`airflow_oidc_auth.managers.bearer_lanes.BearerLanes`)."""

    async def verify(self, issuer: Any, token: str, digest: bytes) -> BearerToken:
        """Verify where waiting for the IdP hurts nobody else.

        :param issuer: from :class:`BearerIssuers`
        :param digest: of the token; whoever brings the same one shares the answer
        """
        ...


class BearerIssuers(Protocol):
    """Who verifies which token (:class:`airflow_oidc_auth.providers.bearer.BearerIssuers`)."""

    def of_token(self, token: str) -> BearerIssuer | None:
        """Return the issuer that a token claims to be of; None for one that is not the IdPs'."""
        ...


class Issued(Protocol):
    """A token that was made (:class:`airflow_oidc_auth.managers.token_desk.Issued`)."""

    @property
    def token(self) -> str:
        """The signed token."""
        ...

    @property
    def expires_in(self) -> int:
        """Seconds."""
        ...

    @property
    def session(self) -> Session:
        """The row behind it."""
        ...


class TokenDesk(Protocol):
    """Makes and ends tokens (:class:`airflow_oidc_auth.managers.token_desk.TokenDesk`)."""

    async def issue(
        self, owner: Session, request: TokenRequest, context: RequestContext, *, identity: Identity | None = None
    ) -> Issued:
        """Make a token of exactly this lifetime and audit it.

        :param identity: what the IdP said of the owner, where the owner has no row
        """
        ...

    async def revoke_by_token(self, token: str, context: RequestContext) -> bool:
        """End what a token of ours names; False for any other token.

        :raises SessionError: it may live on
        """
        ...


class Proofs(Protocol):
    """Checks proofs of possession (RFC 9449 §4.3) and remembers them."""

    def check(self, proofs: Sequence[str], *, method: str, url: str, jkt: str | None) -> str:
        """Return the thumbprint of the key; raise ``TokenRefused("dpop_…")``.

        :param jkt: the key that it must be; None for any
        """
        ...
