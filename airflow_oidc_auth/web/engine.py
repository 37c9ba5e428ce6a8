"""What the web layer needs of the running auth manager."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from starlette.requests import Request

from airflow_oidc_auth.login.break_glass import BreakGlass
from airflow_oidc_auth.login.journey import Journey
from airflow_oidc_auth.login.outcome import RequestContext
from airflow_oidc_auth.login.rate_limits import RateLimits
from airflow_oidc_auth.login.session_office import Order, SessionOffice
from airflow_oidc_auth.login.token_grants import TokenGrants
from airflow_oidc_auth.policy.roles import RoleSettings
from airflow_oidc_auth.sessions.session import Session


@dataclass(frozen=True, slots=True)
class ProviderChoice:
    """A provider as people see it.

    :param state: ``ok``, ``unknown`` (not asked yet) or ``failing``; shown by ``/auth/health``
    :param circuit: ``open`` while it is left alone because it fails again and again, else ``closed``
    """

    id: str
    label: str
    state: str = "unknown"
    circuit: str = "closed"


@dataclass(frozen=True, slots=True)
class Outlook:
    """What may become of a session, and when; epoch seconds and seconds.

    :param checked_at: when the identity provider last confirmed it
    :param check_due_at: when it is confirmed next if there is activity; None for never
    :param idle_timeout: without activity, until it ends
    :param reauthenticate_after: since the person authenticated, until it ends
    :param max_per_user: sessions that the person may have at a time
    """

    checked_at: int | None = None
    check_due_at: int | None = None
    idle_timeout: int | None = None
    reauthenticate_after: int | None = None
    max_per_user: int | None = None


class Tokens(Protocol):
    """Airflow's own tokens."""

    def issue(self, session: Session) -> str:
        """Return a signed token that names the session and ends with it."""
        ...


class TokenPages(Protocol):
    """Tokens of programs, as pages need them (:class:`airflow_oidc_auth.managers.token_desk.TokenDesk`)."""

    async def list_tokens(self, principal_id: str | None = None) -> Sequence[Session]:
        """Return the live tokens of a principal, newest first."""
        ...

    async def revoke(self, reference: str, order: Order, context: RequestContext, *, owner: str | None) -> int:
        """End the tokens of the owner whose id begins so; return how many have ended."""
        ...


class Engine(Protocol):
    """The running configuration; each request asks the :data:`EngineSource` anew, so a hot reload is seen at once."""

    @property
    def journey(self) -> Journey:
        """The sign-in journey of the current configuration."""
        ...

    @property
    def providers(self) -> Sequence[ProviderChoice]:
        """Providers in the order of the document; never empty."""
        ...

    @property
    def tokens(self) -> Tokens:
        """Who signs session cookies."""
        ...

    @property
    def base_url(self) -> str:
        """``[api] base_url``, absolute, without trailing slash."""
        ...

    @property
    def cookie_path(self) -> str:
        """Airflow's ``get_cookie_path()``; begins and ends with a slash."""
        ...

    @property
    def secure_cookies(self) -> bool:
        """Whether the configuration says https (base_url, or this server's own certificate)."""
        ...

    @property
    def other_cookies(self) -> Sequence[str]:
        """Cookies of what is mounted beside our routes, which go when the session goes."""
        ...

    @property
    def csrf_keys(self) -> Sequence[bytes]:
        """Keys from :func:`airflow_oidc_auth.login.keys.derive_csrf_keys`."""
        ...

    @property
    def site_name(self) -> str:
        """What this Airflow is called (``[api] instance_name``); may be ``Airflow``."""
        ...

    def clock(self) -> float:
        """Epoch seconds."""
        ...

    def is_safe_url(self, url: str, request: Request) -> bool:
        """Judge an address to return to as Airflow judges it (core's ``is_safe_url``)."""
        ...

    async def session_of(self, token: str) -> Session | None:
        """Return the live session of a token that Airflow would accept now, None for every other.

        Must agree with ``get_user_from_token``: a token accepted here and refused there sends the browser in circles.

        :raises SessionError: the session cannot be read
        """
        ...

    async def session_id_of(self, token: str) -> str | None:
        """Return the session id of a token that we signed and that has not expired, *even if it was revoked*.

        For sign-out only: core revokes the token before it sends the browser to ``/auth/logout``.
        """
        ...

    async def left_session_id_of(self, token: str) -> str | None:
        """Return the session id of a token that we signed if it was revoked, or if its session has ended.

        From memory, as far as this server has heard; why it ended is not asked.
        """
        ...

    def roles_of(self, session: Session) -> Sequence[str]:
        """Return the roles that count now for a session that was just admitted."""
        ...

    async def outlook_of(self, session: Session) -> Outlook:
        """Return what may become of a session that was just admitted; memory where the store cannot be read."""
        ...

    def last_seen(self, session_id: str) -> int | None:
        """Return the last activity that this server knows of, epoch seconds; the store may know better, or later."""
        ...

    @property
    def office(self) -> SessionOffice:
        """What looks at the sessions of everybody and ends them."""
        ...

    @property
    def token_grants(self) -> TokenGrants:
        """What makes tokens for programs, by the current configuration."""
        ...

    @property
    def token_desk(self) -> TokenPages:
        """What lists and revokes the tokens of programs."""
        ...

    @property
    def break_glass(self) -> BreakGlass:
        """What lets people in by one-time links."""
        ...

    @property
    def rate_limits(self) -> RateLimits:
        """How often a client may try."""
        ...

    def may_end_sessions(self, session: Session) -> bool:
        """Tell whether the person of a session that was just admitted may see and end those of others."""
        ...

    def describe_role(self, role: str) -> str:
        """Return what the configuration says of a custom role; may be empty."""
        ...

    @property
    def custom_roles(self) -> Mapping[str, RoleSettings] | None:
        """The custom roles of the accepted document; None where FAB's database says what roles allow."""
        ...

    def health(self) -> Mapping[str, object]:
        """Return further lean facts for ``/auth/health``; no secrets, it is public.

        ``closed`` names the code that everybody is refused with at the moment.
        """
        ...

    def audit_keys(self) -> Mapping[str, Sequence[object]]:
        """Return the public keys that audit rows are signed with, as a JWK Set; no keys where they are not."""
        ...


EngineSource = Callable[[], Engine]
