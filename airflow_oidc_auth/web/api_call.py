"""The call of a program in hand: what its headers say beside the bare token that Airflow's core hands over.

Our middleware sets :data:`CALL` for each request with an ``Authorization`` or ``DPoP`` header; whoever judges the token
writes into it who calls on whose behalf, and whoever writes an audit row reads it there. A token counts as the header's
only if it is :attr:`ApiCall.token`: core asks the same question about a cookie.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Protocol
from urllib.parse import quote

from starlette.requests import Request
from starlette.types import Scope

from airflow_oidc_auth.errors import OidcAuthError
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.login.records import SESSION_REF_LENGTH
from airflow_oidc_auth.sessions.session import Session
from airflow_oidc_auth.web.context import correlation_id_of

BEARER, DPOP = "bearer", "dpop"


class ApiCall:
    """One request with credentials in its headers. Mutable; what is dear to compute is computed when asked for.

    :ivar scheme: of the ``Authorization`` header in lower case: ``bearer``, ``dpop``, another one, or empty
    :ivar token: what follows ``Bearer`` or ``DPoP``; empty for every other scheme. Never to be logged
    :ivar actors: who acts for the subject (RFC 8693 §4.1), outermost first; known once the token is judged
    :ivar client_id: the client that got the token, likewise
    :ivar kind: of the token's session, likewise
    :ivar session_ref: first characters of its id, likewise
    :ivar principal_id: of its owner, likewise
    :ivar identity: whose token it is, once that was verified; also of one that is not let in
    :ivar provider: whose token it claims to be; empty until somebody looks
    :ivar proven: thumbprint of the key that a proof of this call was checked for
    :ivar refusal: set by whoever refuses the token
    """

    __slots__ = (
        "_base_url",
        "_scope",
        "actors",
        "client_id",
        "identity",
        "kind",
        "principal_id",
        "proven",
        "provider",
        "refusal",
        "scheme",
        "session_ref",
        "token",
        "used",
    )

    def __init__(self, scope: Scope, base_url: Callable[[], str], scheme: str = "", token: str = "") -> None:
        self._scope = scope
        self._base_url = base_url
        self.scheme = scheme
        self.token = token
        self.actors: tuple[str, ...] = ()
        self.client_id: str | None = None
        self.kind = ""
        self.session_ref = ""
        self.principal_id = ""
        self.used: str | None = None
        self.identity: Identity | None = None
        self.provider = ""
        self.proven = ""
        self.refusal: OidcAuthError | None = None

    def note(self, session: Session) -> None:
        """Keep who calls on whose behalf, for the audit rows that this call writes."""
        self.actors = session.actors
        self.client_id = session.client_id
        self.kind = session.kind
        self.session_ref = session.id[:SESSION_REF_LENGTH]
        self.principal_id = session.principal_id
        self.used = session.id if session.is_token else None

    @property
    def method(self) -> str:
        """HTTP method, as a proof names it (``htm``, RFC 9449 §4.2)."""
        method: str = self._scope["method"]
        return method

    @property
    def url(self) -> str:
        """Address without query (``htu``, RFC 9449 §4.2) as ``[api] base_url`` names it: who calls chooses the Host."""
        return self._base_url() + raw_path_below_root(self._scope)

    @property
    def proofs(self) -> tuple[str, ...]:
        """Every ``DPoP`` header; more than one proves nothing."""
        return tuple(value.decode("latin-1") for name, value in self._scope["headers"] if name == b"dpop")

    @property
    def client_address(self) -> str | None:
        """The caller's address as the server knows it behind its proxies."""
        client = self._scope.get("client")
        return client[0] if client else None

    @property
    def correlation_id(self) -> str:
        """The reference of this request."""
        return correlation_id_of(Request(self._scope))


class NoteRefusal(Protocol):
    """Hears of a call whose token was refused, after it was answered; never raises."""

    async def __call__(self, call: ApiCall, refusal: OidcAuthError) -> None:
        """Hear of one."""


CALL: ContextVar[ApiCall | None] = ContextVar("airflow_oidc_auth_call", default=None)


def path_below_root(scope: Scope) -> str:
    """Return the path as the API server routes it: proxies may or may not strip the sub-path of ``base_url``."""
    return _below(scope["path"], scope.get("root_path", ""))


def raw_path_below_root(scope: Scope) -> str:
    """Return the path below the root as the caller wrote it, percent-encoded."""
    raw: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
    return _below(raw.partition(b"?")[0].decode("latin-1"), quote(scope.get("root_path", "")))


def _below(path: str, root: str) -> str:
    root = root.rstrip("/")
    return path[len(root) :] if root and path.startswith(f"{root}/") else path
