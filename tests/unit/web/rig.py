"""The sub-app as Airflow mounts it, below a sub-path, driven by a browser-like client."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import jwt
from fastapi import FastAPI
from httpx import Response
from starlette.requests import Request

from airflow_oidc_auth.audit.log import AuditLog
from airflow_oidc_auth.config.compiled import RateLimitSettings, TokenSettings
from airflow_oidc_auth.login.journey import Journey
from airflow_oidc_auth.login.keys import derive_csrf_keys
from airflow_oidc_auth.login.rate_limits import RateLimits
from airflow_oidc_auth.managers.token_desk import TokenDesk
from airflow_oidc_auth.policy.roles import RoleSettings
from airflow_oidc_auth.sessions.granted import as_of
from airflow_oidc_auth.sessions.session import Session
from airflow_oidc_auth.web.app import create_web_app
from airflow_oidc_auth.web.engine import Outlook, ProviderChoice
from airflow_oidc_auth.web.middleware import AuthMiddleware
from tests.unit.login.rig import BASE_URL, FERNET_KEYS, Clock, Rig, run_rig
from tests.unit.login.token_rig import build_tokens

with warnings.catch_warnings():
    # Airflow's import of svcs imports Starlette's test client, which speaks of its own future.
    warnings.simplefilter("ignore")
    from airflow.api_fastapi.core_api.security import is_safe_url

JWT_KEY = "for tests only, not a real key!!" * 2
LABELS = {"okta": "Company login", "entra": "Microsoft"}


class SignedTokens:
    """Airflow's tokens in small: signed, naming a session, revocable."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.revoked: set[str] = set()

    def issue(self, session: Session) -> str:
        return jwt.encode({"sid": session.id, "exp": session.expires_at}, JWT_KEY, "HS256")

    def read(self, token: str) -> str | None:
        try:
            claims = jwt.decode(token, JWT_KEY, ["HS256"], options={"verify_exp": False})
        except jwt.InvalidTokenError:
            return None
        return claims["sid"] if claims["exp"] > self._clock() else None


class RigEngine:
    """What the web layer asks, around a rig."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.clock = rig.clock
        self.outlook = Outlook()
        self.seen: dict[str, int] = {}
        self.tokens = SignedTokens(rig.clock)
        self.base_url = BASE_URL
        self.cookie_path = "/data/"
        self.secure_cookies = True
        self.other_cookies = ("session",)
        self.csrf_keys = derive_csrf_keys(FERNET_KEYS)
        self.site_name = "Data <Platform>"
        self.tokens_by_request = build_tokens(rig)
        self.token_grants = self.tokens_by_request.grants
        self.token_desk = TokenDesk(rig.sessions, None, TokenSettings, lambda: AuditLog([rig.sink], True), rig.clock)
        # Tests of limits set their own; all others are one client that is in a hurry.
        self.rate_limits = RateLimits(RateLimitSettings(*["10000/minute"] * 4), BASE_URL)
        self.custom_roles: Mapping[str, RoleSettings] | None = {}

    @property
    def journey(self) -> Journey:
        return self.rig.journey

    @property
    def providers(self) -> Sequence[ProviderChoice]:
        return [ProviderChoice(provider_id, LABELS[provider_id], "ok") for provider_id in self.rig.providers]

    def roles_of(self, session: Session) -> Sequence[str]:
        return session.grant.roles

    def describe_role(self, role: str) -> str:
        return ""

    def is_safe_url(self, url: str, request: Request) -> bool:
        return is_safe_url(url, request=request)

    def last_seen(self, session_id: str) -> int | None:
        return self.seen.get(session_id)

    async def outlook_of(self, session: Session) -> Outlook:
        return self.outlook

    async def session_of(self, token: str) -> Session | None:
        session_id = self.tokens.read(token)
        if session_id is None or token in self.tokens.revoked:
            return None
        session = await self.rig.sessions.load(session_id)
        return None if session is None else as_of(session, self.clock())

    async def session_id_of(self, token: str) -> str | None:
        return self.tokens.read(token)

    async def left_session_id_of(self, token: str) -> str | None:
        session_id = self.tokens.read(token)
        if session_id is None:
            return None
        left = token in self.tokens.revoked or self.rig.sessions.is_session_revoked(session_id)
        return session_id if left else None

    def audit_keys(self) -> dict[str, list[object]]:
        return {"keys": []}

    def health(self) -> dict[str, object]:
        return {"configuration": "abc"}


class Client:
    """httpx without a network, each request on an event loop of its own."""

    def __init__(self, app: FastAPI) -> None:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=("198.51.100.7", 4711))
        self._client = httpx.AsyncClient(transport=transport, base_url="https://airflow.example")
        self.cookies = self._client.cookies

    def request(self, method: str, url: str, **options: object) -> Response:
        return asyncio.run(self._client.request(method, url, **options))  # type: ignore[arg-type]


@dataclass
class Browser:
    """A client that keeps cookies and does not follow redirects by itself."""

    client: Client
    engine: RigEngine
    rig: Rig
    app: FastAPI

    def get(self, path: str, **options: object) -> Response:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: object) -> Response:
        return self.request("POST", path, **options)

    def request(self, method: str, path: str, **options: object) -> Response:
        url = path if path.startswith("https:") else f"{BASE_URL}{path}"
        return self.client.request(method, url, **options)

    def answer_of_idp(self, begun: Response, user: str = "ada") -> dict[str, str]:
        assert begun.status_code == 303, begun.text
        return self.rig.idp.sign_in(begun.headers["location"], user)

    def sign_in(self, user: str = "ada", next_url: str | None = None, provider: str = "okta") -> Response:
        begun = self.get(f"/auth/login/{provider}", params={"next": next_url} if next_url else None)
        return self.get(f"/auth/callback/{provider}", params=self.answer_of_idp(begun, user))

    def another(self) -> Browser:
        return Browser(Client(self.app), self.engine, self.rig, self.app)


@contextmanager
def open_browser(**options: object) -> Iterator[Browser]:
    with run_rig(**options) as rig:  # type: ignore[arg-type]
        engine = RigEngine(rig)
        root = FastAPI(root_path="/data")
        root.mount("/auth", create_web_app(lambda: engine))
        root.add_middleware(AuthMiddleware)
        yield Browser(Client(root), engine, rig, root)


def set_cookies(response: Response) -> dict[str, str]:
    """Return ``name@path`` → the whole Set-Cookie header."""
    found = {}
    for header in response.headers.get_list("set-cookie"):
        name = header.partition("=")[0]
        path = next(part[5:] for part in header.split("; ") if part.lower().startswith("path="))
        found[f"{name}@{path}"] = header
    return found
