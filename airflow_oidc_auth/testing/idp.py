"""FakeIdp: a real OpenID provider on loopback that lies only when asked to."""

from __future__ import annotations

import http.client
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from urllib.parse import urlsplit

from airflow_oidc_auth.testing import endpoints, token_endpoints
from airflow_oidc_auth.testing.client import FakeClient
from airflow_oidc_auth.testing.faults import build_fault, wait
from airflow_oidc_auth.testing.keys import SigningKeys
from airflow_oidc_auth.testing.logout_tokens import build_logout_token, send_logout_token
from airflow_oidc_auth.testing.loopback import Answer, Handler, LoopbackServer, Request, html_answer, json_answer
from airflow_oidc_auth.testing.metadata import discovery_document, key_set
from airflow_oidc_auth.testing.misbehaviour import Misbehaviour
from airflow_oidc_auth.testing.pages import note_page
from airflow_oidc_auth.testing.programs import ProgramTokens
from airflow_oidc_auth.testing.tokens import TokenRequest
from airflow_oidc_auth.testing.urls import parameters_of, with_parameters
from airflow_oidc_auth.testing.users import DEMO_USERS, FakeUser

CLIENT_ID = "airflow"
CLIENT_SECRET = "a-secret-for-tests-only"
REDIRECT_URI = "http://127.0.0.1:8080/auth/callback/fake"


class FakeIdp:
    """An OpenID provider in a thread of this process, for tests and demonstrations.

    Use it as a context manager. ``misbehaviour`` may be replaced at any time and holds for the next request.

    :param redirect_uris: compared exactly; shorthand for one client with ``client_id`` and ``client_secret``
    :param clients: further clients
    :param groups_in: which documents carry ``groups``: ``id_token``, ``userinfo``, ``access_token``
    :param issuer_path: path of the issuer, such as ``/realms/demo`` or ``/``
    :param algorithm: of the id_token, any asymmetric one
    :param clock: epoch seconds
    :param tls: serve https with this context
    :param refresh_tokens: who gets them: ``offline_access`` (whoever asks for that scope), ``always`` or ``never``
    :param backchannel_logout_uri: of the client named by ``client_id``
    :ivar programs: gives access tokens to programs
    """

    def __init__(  # noqa: PLR0913 -- every one has a default, and a test names the one it is about
        self,
        *,
        client_id: str = CLIENT_ID,
        client_secret: str = CLIENT_SECRET,
        redirect_uris: Sequence[str] = (REDIRECT_URI,),
        clients: Iterable[FakeClient] = (),
        users: Sequence[FakeUser] = DEMO_USERS,
        groups_in: Iterable[str] = ("id_token", "userinfo"),
        issuer_path: str = "",
        algorithm: str = "RS256",
        misbehaviour: Misbehaviour | None = None,
        port: int = 0,
        clock: Callable[[], float] = time.time,
        tls: ssl.SSLContext | None = None,
        refresh_tokens: str = "offline_access",
        backchannel_logout_uri: str = "",
    ) -> None:
        self._server = LoopbackServer(self._answer, port=port, tls=tls)
        self._stopped = threading.Event()
        self._routes: dict[tuple[str, str], Handler] = {}
        own = FakeClient(client_id, client_secret, tuple(redirect_uris), backchannel_logout_uri=backchannel_logout_uri)
        self.client_id, self.client_secret = client_id, client_secret
        self.origin = self._server.origin
        self.issuer = self.origin + issuer_path
        self.keys = SigningKeys(algorithm)
        self.requests: list[Request] = []
        self._registry = endpoints.Registry(
            issuer=self.issuer,
            origin=self.origin,
            clients={client.client_id: client for client in (own, *clients)},
            users=tuple(users),
            keys=self.keys,
            clock=clock,
            groups_in=frozenset(groups_in),
            refresh_tokens=refresh_tokens,
            lie=misbehaviour or Misbehaviour(),
        )
        self.programs = ProgramTokens(self._registry)

    @property
    def misbehaviour(self) -> Misbehaviour:
        """What is wrong with it at the moment."""
        return self._registry.lie

    @misbehaviour.setter
    def misbehaviour(self, lie: Misbehaviour) -> None:
        self._registry.lie = lie

    @property
    def users(self) -> Sequence[FakeUser]:
        """The people who can sign in; replace the sequence to change somebody's groups."""
        return self._registry.users

    @users.setter
    def users(self, users: Sequence[FakeUser]) -> None:
        self._registry.users = tuple(users)

    def start(self) -> FakeIdp:
        """Begin to answer."""
        self._server.start()
        return self

    def stop(self) -> None:
        """Stop answering and free the port; also the way to test an IdP that is down."""
        self._stopped.set()
        self._server.stop()

    def __enter__(self) -> FakeIdp:  # noqa: PYI034 -- Self needs Python 3.11, and nobody subclasses it
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def rotate_keys(self) -> None:
        """Sign with new keys from now on, and publish only those."""
        self.keys.rotate()

    def disable(self, user: str) -> None:
        """Disable a person: no sign-in, no refresh, no userinfo from now on, as an administrator would."""
        self._registry.grants.disabled.add(self._person(user).subject)

    def enable(self, user: str) -> None:
        """Let a disabled person in again; sessions that had not ended go on."""
        self._registry.grants.disabled.discard(self._person(user).subject)

    def sids(self, user: str) -> tuple[str, ...]:
        """Return the ids of a person's sessions that have not ended, the oldest first."""
        return self._registry.grants.sids(self._person(user).subject)

    @property
    def reused(self) -> Sequence[str]:
        """The sessions whose refresh token was used twice, and which were revoked for it."""
        return tuple(self._registry.grants.reused)

    def logout_token(self, user: str, *, sid: str = "", client_id: str = "", with_sub: bool = True) -> str:
        """Return a logout token about one session of a person, or about all of them without ``sid``."""
        client = self._registry.clients[client_id or self.client_id]
        person, now = self._person(user), int(self._registry.clock())
        request = TokenRequest(self.issuer, client.client_id, client.client_secret, person, "", None, sid, now, now)
        return build_logout_token(request, self.keys, self.misbehaviour, with_sub=with_sub)

    def end_sessions(self, user: str) -> list[int]:
        """Sign a person out everywhere: end each session and send its logout token to every client that takes them.

        :return: the statuses of the answers
        """
        person = self._person(user)
        takers = [each for each in self._registry.clients.values() if each.backchannel_logout_uri]
        statuses = []
        for sid in self.sids(user):
            self._registry.grants.end(sid)
            for taker in takers:
                token = self.logout_token(person.subject, sid=sid, client_id=taker.client_id)
                statuses.append(send_logout_token(taker.backchannel_logout_uri, token))
        return statuses

    def _person(self, user: str) -> FakeUser:
        found = self._registry.user(user)
        if found is None:
            raise AssertionError(f"the fake IdP knows no {user!r}")
        return found

    def route(self, method: str, path: str, handler: Handler) -> None:
        """Answer a further address, such as a vendor's API, or replace one of ours."""
        self._routes[(method, path)] = handler

    def calls(self, path: str) -> list[Request]:
        """Return the requests received so far whose path ends like this."""
        return [request for request in self.requests if request.path.endswith(path)]

    def sign_in(self, authorization_url: str, user: str) -> dict[str, str]:
        """Be the browser: open the address, pick a person, return the callback's parameters.

        :param user: subject, e-mail or user name
        :raises AssertionError: the IdP showed a page instead of sending the browser back
        """
        return parameters_of(self.sign_in_location(authorization_url, user))

    def sign_in_location(self, authorization_url: str, user: str) -> str:
        """Like :meth:`sign_in`, but return the whole address the browser is sent to."""
        status, location, page = self._get(with_parameters(authorization_url, {"user": user}))
        if status != 302 or not location:
            raise AssertionError(f"the fake IdP answered {status} instead of sending the browser back: {page[-300:]}")
        return location

    def _get(self, url: str) -> tuple[int, str | None, str]:
        parts = urlsplit(url)
        connection = _connect(parts.scheme, parts.netloc)
        try:
            connection.request("GET", f"{parts.path}?{parts.query}")
            response = connection.getresponse()
            return response.status, response.getheader("Location"), response.read().decode()
        finally:
            connection.close()

    def _answer(self, request: Request) -> Answer:
        if self._stopped.is_set():
            # A kept-alive connection outlives the listening socket; a stopped IdP answers nobody.
            return Answer(hang_up=True)
        self.requests.append(request)
        if handler := self._routes.get((request.method, request.path)):
            return handler(request)
        name = _endpoint_name(request.path)
        fault = self.misbehaviour.faults.get(name)
        if fault == "slow":
            wait(self.misbehaviour.slow_seconds, self._stopped)
        elif fault and fault != "answer_lost":
            return build_fault(fault)
        answer = self._dispatch(name, request)
        return Answer(hang_up=True) if fault == "answer_lost" else answer

    def _dispatch(self, name: str, request: Request) -> Answer:
        if name == "discovery":
            return json_answer(discovery_document(self.issuer, self.origin, self.keys.algorithm, self.misbehaviour))
        if name == "jwks":
            return json_answer(key_set(self.keys, self.misbehaviour))
        handlers: dict[str, Callable[[endpoints.Registry, Request], Answer]] = {
            "authorize": endpoints.authorize,
            "interaction": endpoints.interaction,
            "par": endpoints.push,
            "token": token_endpoints.token,
            "userinfo": token_endpoints.userinfo,
            "introspect": self._introspect,
            "end_session": endpoints.end_session,
        }
        handler = handlers.get(name)
        if handler is None:
            return html_answer(note_page("Not found", "No such page."), 404)
        return handler(self._registry, request)

    def _introspect(self, registry: endpoints.Registry, request: Request) -> Answer:
        return self.programs.introspect(request) or token_endpoints.introspect(registry, request)


def _connect(scheme: str, netloc: str) -> http.client.HTTPConnection:
    if scheme == "https":
        # The certificate of a test server on loopback; what it carries is made up as well.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return http.client.HTTPSConnection(netloc, timeout=10, context=context)
    return http.client.HTTPConnection(netloc, timeout=10)


def _endpoint_name(path: str) -> str:
    if path.endswith("/.well-known/openid-configuration"):
        return "discovery"
    if path.startswith("/interaction/"):
        return "interaction"
    return path.removeprefix("/")
