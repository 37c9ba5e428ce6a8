"""The running engine, one per process; :mod:`~airflow_oidc_auth.managers.composition` makes it.

``Engine.start`` and ``Engine.stop`` are called by the web sub-app's lifespan, after any fork. What follows the document
is in :class:`~airflow_oidc_auth.managers.runtime.Runtime` and is replaced as a whole; everything else lives as long as
the process.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from airflow.api_fastapi.app import get_cookie_path
from airflow.configuration import conf
from fastapi import FastAPI
from jwt import InvalidTokenError
from starlette.requests import Request
from starlette.types import ASGIApp

from airflow_oidc_auth.audit.log import AuditLog
from airflow_oidc_auth.config.compiled import CompiledConfig
from airflow_oidc_auth.errors import LoginRefused
from airflow_oidc_auth.login.journey import Journey
from airflow_oidc_auth.login.keys import derive_csrf_keys, derive_document_fernet
from airflow_oidc_auth.login.outcome import RequestContext
from airflow_oidc_auth.login.rate_limits import KeptRateLimits, RateLimits
from airflow_oidc_auth.login.token_grants import TokenGrants
from airflow_oidc_auth.managers.admission import Admission
from airflow_oidc_auth.managers.bearer_record import BearerAudit
from airflow_oidc_auth.managers.call_log import tell_callers
from airflow_oidc_auth.managers.census import Census
from airflow_oidc_auth.managers.doors import Doors
from airflow_oidc_auth.managers.freshness import CODE, Freshness
from airflow_oidc_auth.managers.metrics_feed import MetricsFeed
from airflow_oidc_auth.managers.officer_desk import OfficerDesk, may_end_sessions
from airflow_oidc_auth.managers.reloading import DIGEST_LENGTH, Reloading, Surroundings
from airflow_oidc_auth.managers.runtime import Runtime, build_runtime
from airflow_oidc_auth.managers.services import Services
from airflow_oidc_auth.managers.session_care import SessionCare
from airflow_oidc_auth.managers.settings import Settings
from airflow_oidc_auth.managers.signed_callers import SignedCallers
from airflow_oidc_auth.managers.starting import Start
from airflow_oidc_auth.managers.teams import literal_teams
from airflow_oidc_auth.managers.token_desk import TokenDesk
from airflow_oidc_auth.managers.token_grants_parts import build_token_grants
from airflow_oidc_auth.managers.tokens import AirflowTokens
from airflow_oidc_auth.managers.user import SessionUser
from airflow_oidc_auth.policy.decision import Decision, Question
from airflow_oidc_auth.policy.roles import RoleSettings
from airflow_oidc_auth.sessions.documents import KeptDocuments
from airflow_oidc_auth.sessions.periodic import Periodic
from airflow_oidc_auth.sessions.servers import ServerReports
from airflow_oidc_auth.sessions.session import BEARER, PERSONAL, Session, TokenRequest
from airflow_oidc_auth.web.app import create_web_app
from airflow_oidc_auth.web.context import new_correlation_id
from airflow_oidc_auth.web.engine import Outlook, ProviderChoice

FLUSH_EVERY = 5.0
# Flask's session: it proves nothing here, and holds form tokens and messages of who was signed in.
FAB_COOKIES = ("session",)
OLD_RUNTIME_GRACE = 60.0
# What the IdP publishes is fetched and refreshed behind everybody's back: nobody's sign-in shall wait for it.
WARM_UP_EVERY = 20.0


class Engine:
    """Everything that the auth manager and the web pages ask (:class:`airflow_oidc_auth.web.engine.Engine`)."""

    def __init__(
        self,
        services: Services,
        runtime: Runtime,
        tokens: AirflowTokens,
        start: Start,
        admission: Admission,
    ) -> None:
        settings = start.settings
        self.base_url = services.base_url
        self.live = services.live
        self.tokens = tokens
        self.clock = services.clock
        self.csrf_keys = derive_csrf_keys(services.fernet_keys)
        self.cookie_path = get_cookie_path()
        self.secure_cookies = services.base_url.startswith("https:") or bool(conf.get("api", "ssl_cert", fallback=""))
        self.other_cookies = FAB_COOKIES if settings.fab is not None else ()
        self.site_name = conf.get("api", "instance_name", fallback="") or "Airflow"
        self._services = services
        self._runtime = runtime
        self._admission = admission
        self._admission.accept(runtime.config)
        services.trail.accept(runtime.config.audit)
        self._fab_mode = settings.fab is not None
        self._freshness = Freshness(self.live.feed.stale_for)
        self._care = SessionCare(services, lambda: self._runtime)
        self._metrics = MetricsFeed(services.metrics, services.clock)
        self.doors = Doors(
            services,
            lambda: self._runtime,
            tokens,
            admission,
            self._freshness,
            self._vouches,
            lambda: self.rate_limits,
        )
        self.signed = SignedCallers(tokens, self.doors.authenticate, self._freshness, self.live)
        self.token_desk = TokenDesk(
            self.live,
            tokens,
            lambda: self._runtime.config.tokens,
            self._audit,
            services.clock,
            lambda provider: provider in self._runtime.providers,
        )
        self._limits = KeptRateLimits(services.base_url)
        self.token_grants = self._build_token_grants()
        self.note_refusal = BearerAudit(services, self._audit).refused
        self.name_of_asset = admission.name_of_asset
        self.note_request = self._care.requests.note
        self._desk = OfficerDesk(services, self._audit, lambda: self._runtime.config.sessions.break_glass)
        self.office, self.break_glass = self._desk.office, self._desk.break_glass
        self._flush = Periodic("oidc-auth-audit", self._flush_audit, FLUSH_EVERY, first_delay=FLUSH_EVERY)
        self._warm_up = Periodic("oidc-auth-warm-up", self._warm, WARM_UP_EVERY)
        self._reloading = self._build_reloading(start) if settings.config_file else None
        self._census = Census(ServerReports(), lambda: self._runtime.config.digest, self._rejects, services.clock)

    @property
    def journey(self) -> Journey:
        """The journey of the accepted document."""
        return self._runtime.journey

    @property
    def providers(self) -> Sequence[ProviderChoice]:
        """The configured providers as people see them, in document order."""
        return self._runtime.choices()

    @property
    def rate_limits(self) -> RateLimits:
        """How often a client may try, by the accepted document."""
        return self._limits.of(self._runtime.config.rate_limits)

    @property
    def untold_team(self) -> str | None:
        """What stands for the team of things whose team Airflow does not tell; None where it does not matter."""
        return self._admission.untold_team

    @property
    def teams(self) -> frozenset[str]:
        """The teams that rules of the accepted document name as they are."""
        return literal_teams(self._runtime.config.grants)

    def roles_of(self, session: Session) -> Sequence[str]:
        """Return the roles that count now for a session that was just admitted."""
        return self._admission.roles(session)

    def may_end_sessions(self, session: Session) -> bool:
        """Tell whether the person of a session that was just admitted may see and end those of others."""
        return may_end_sessions(self._admission.peek(session), fab_mode=self._fab_mode)

    def explain(self, user: SessionUser, question: Question) -> Decision | None:
        """Return the line of the document that decides a question of this user; None where nobody here can tell."""
        return self._admission.explain(user.session, question)

    @property
    def hitl_by_verified_email(self) -> bool:
        """Whether required actions may be assigned to verified e-mail addresses."""
        return self._runtime.config.hitl_by_verified_email

    @property
    def custom_roles(self) -> Mapping[str, RoleSettings] | None:
        """The custom roles of the accepted document; None in FAB mode, where FAB's database says what roles allow."""
        return None if self._fab_mode else self._runtime.config.roles

    def describe_role(self, role: str) -> str:
        """Return what the configuration says of a custom role; may be empty."""
        custom = self._runtime.config.roles.get(role)
        return (custom.description or "") if custom else ""

    def health(self) -> Mapping[str, object]:
        """Return what the health page adds: which document this process runs on, and how fresh revocations are."""
        return {
            "configuration": self._runtime.config.digest[:DIGEST_LENGTH],
            "revocations_stale_for": round(self.live.stale_for(), 1),
            **(self._reloading.health() if self._reloading is not None else {}),
            **self._census.health(),
            **self._bearer_health(),
            **({"closed": CODE} if self._freshness.is_stale else {}),
            **self.rate_limits.health(),
            **self._admission.health(),
        }

    def _bearer_health(self) -> Mapping[str, object]:
        """Tell of the issuers whose tokens are taken, where there are any."""
        choices = self._runtime.bearer_choices()
        issuers = [{"id": each.id, "state": each.state, "circuit": each.circuit} for each in choices]
        return {"bearer_issuers": issuers} if issuers else {}

    def audit_keys(self) -> Mapping[str, Sequence[object]]:
        """Return the public keys of the signed audit."""
        return self._services.trail.jwks()

    async def outlook_of(self, session: Session) -> Outlook:
        """Return what may become of a session that was just admitted."""
        return await self._care.outlook_of(session)

    def last_seen(self, session_id: str) -> int | None:
        """Return the last activity that this server knows of, epoch seconds; another server may know better."""
        return self._care.last_seen(session_id)

    async def session_of(self, token: str) -> Session | None:
        """Return the live session of a browser's cookie that is accepted now.

        :raises SessionError: the session cannot be read
        """
        user = await self.find_user(token)
        return None if user is None else user.session

    async def find_user(self, token: str) -> SessionUser | None:
        """Return the user of a browser's cookie that is accepted now, None for every other token.

        Pages are for people: whoever sends a program's token as a cookie, and as a header beside it, opens none.

        :raises SessionError: the session or the principal cannot be read
        """
        try:
            user = await self.doors.user_of_cookie(token)
        except InvalidTokenError:
            return None
        self._metrics.sample(user)
        return user

    async def session_id_of(self, token: str) -> str | None:
        """Return the session id of a token that we signed, even if it was revoked; for sign-out only."""
        try:
            return (await self.tokens.verify(token)).session_id
        except InvalidTokenError:
            return None

    async def left_session_id_of(self, token: str) -> str | None:
        """Return the session id of a token that was revoked, or whose session has ended. Memory only."""
        try:
            verified = self.tokens.recall(token) or await self.tokens.verify(token)
        except InvalidTokenError:
            return None
        return verified.session_id if self.doors.has_left(verified) else None

    async def authenticate(self, token: str) -> Session:
        """Return the live session of a token that we signed; see :meth:`Doors.authenticate`."""
        return await self.doors.authenticate(token)

    async def user_of(self, token: str) -> SessionUser:
        """Return the user of a token that is accepted now; see :meth:`Doors.user_of`."""
        user = await self.doors.user_of(token)
        self._metrics.sample(user)
        return user

    def issue_personal_token(self, session: Session, lifetime: int | None) -> str:
        """Return a token of the session's owner (core's "generate API token") and audit it; blocks.

        :param lifetime: seconds; None for the default of the document
        :raises LoginRefused: policy, or the caller has no session here that could answer for it
        """
        if session.kind == BEARER:
            # Whose chains it has (who acts, which key), the token endpoint looks at.
            raise LoginRefused("token_exchange_needed", "an identity provider's token asked for a personal one")
        request = TokenRequest(PERSONAL, lifetime=lifetime)
        context = RequestContext(client_address=None, correlation_id=new_correlation_id())
        return self.token_desk.issue_now(session, request, context).token

    def end_token(self, session_id: str) -> None:
        """End the row of a token that was made for a program; a browser's session goes on. Blocks."""
        context = RequestContext(client_address=None, correlation_id=new_correlation_id())
        self.token_desk.end_token_now(session_id, context)

    def is_safe_url(self, url: str, request: Request) -> bool:
        """Judge where a person may be sent, as Airflow judges it."""
        from airflow.api_fastapi.core_api.security import is_safe_url

        return is_safe_url(url, request=request)

    def web_app(self, beside: ASGIApp | None = None) -> FastAPI:
        """Return the sub-app for ``/auth``; its lifespan starts and stops this engine.

        :param beside: answers what is not ours there
        """

        @asynccontextmanager
        async def lifespan(app: FastAPI) -> AsyncIterator[None]:
            await asyncio.to_thread(self.start)
            try:
                yield
            finally:
                await asyncio.to_thread(self.stop)

        return create_web_app(lambda: self, lifespan, beside)

    def start(self) -> None:
        """Begin the background threads; idempotent, after any fork. Blocks while it reads what rules select DAGs by."""
        tell_callers()
        self._services.trail.start()
        self.live.start()
        self._admission.start()
        self._flush.start()
        self._desk.start()
        self._care.start()
        self._metrics.start()
        if self._reloading is not None:
            self._reloading.start()
        self._census.start()
        self._warm_up.start()

    def stop(self) -> None:
        """End the background threads and write what the audit still counts."""
        if self._reloading is not None:
            self._reloading.stop()
        self._census.stop()
        self._metrics.stop()
        self._care.stop()
        self._warm_up.stop()
        self._flush.stop()
        self._desk.stop()
        self._audit().close()
        self._services.trail.stop()
        self._admission.stop()
        self.live.stop()
        self._runtime.close()

    def _vouches(self, session: Session) -> bool:
        return self.token_grants.allows(session)

    def _build_token_grants(self) -> TokenGrants:
        return build_token_grants(
            self._runtime,
            self._services,
            self.token_desk,
            self.signed,
            self.doors.proofs,
            self.rate_limits,
            self._admission,
        )

    def _build_reloading(self, start: Start) -> Reloading:
        services = self._services
        documents = kept_documents(start.settings)
        claims = services.live.replay_cache()
        return Reloading(start, Surroundings(self._reload, self._audit, documents, claims, services.clock))

    def _rejects(self) -> bool:
        return self._reloading is not None and self._reloading.rejects

    def _audit(self) -> AuditLog:
        return self._runtime.audit

    def _warm(self) -> None:
        self._runtime.warm_up()

    def _flush_audit(self) -> None:
        self._runtime.audit.flush(self._services.clock())

    def _reload(self, config: CompiledConfig) -> None:
        # What may fail comes before the first change: half of a document must not be in force.
        runtime = build_runtime(config, self._services)
        self._admission.accept(config)
        self._services.trail.accept(config.audit)
        old, self._runtime = self._runtime, runtime
        self.doors.bearer.forget()
        self.token_grants = self._build_token_grants()
        self._runtime.warm_up()
        # Sign-ins in flight finish on the old one; nothing takes longer than an attempt's calls.
        closing = threading.Timer(OLD_RUNTIME_GRACE, old.close)
        closing.daemon = True
        closing.start()


def kept_documents(settings: Settings) -> KeptDocuments:
    """Return where accepted documents are kept, as this deployment can read them."""
    return KeptDocuments(derive_document_fernet(settings.required_fernet_keys()))
