"""The token endpoint: what a program brings becomes an Airflow token, or an OAuth error.

Grants: token exchange (RFC 8693), jwt-bearer (RFC 7523), client_credentials (RFC 6749 §4.4), and the password form that
Swagger UI sends, which takes no passwords. Knows no web framework; who signs and stores tokens is the desk's business.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from airflow_oidc_auth.config.compiled import TokenClient, TokenSettings
from airflow_oidc_auth.errors import OidcAuthError, SessionError, TokenRefused
from airflow_oidc_auth.login.outcome import RequestContext
from airflow_oidc_auth.login.ports import Audit, Issued, Proofs, Sessions, TokenDesk
from airflow_oidc_auth.login.rate_limits import RateLimits
from airflow_oidc_auth.login.sparing_log import SparingLog
from airflow_oidc_auth.login.token_cli import CliTokens
from airflow_oidc_auth.login.token_clients import TokenClients
from airflow_oidc_auth.login.token_errors import (
    INVALID_CLIENT,
    INVALID_GRANT,
    INVALID_REQUEST,
    UNSUPPORTED_GRANT_TYPE,
    TokenDenied,
    TokenError,
    as_token_error,
)
from airflow_oidc_auth.login.token_form import (
    ACCESS_TOKEN_TYPE,
    CLIENT_CREDENTIALS,
    ID_TOKEN_TYPE,
    JWT_BEARER,
    JWT_TYPE,
    PASSWORD,
    TOKEN_EXCHANGE,
    TOKEN_TYPES,
    Wanted,
    check_target,
    read_wanted,
)
from airflow_oidc_auth.login.token_owner import CLIENTS, TokenOwner, owner_of_client
from airflow_oidc_auth.login.token_policy import choose_lifetime, choose_scope
from airflow_oidc_auth.login.token_record import build_token_refused
from airflow_oidc_auth.login.token_subject import SubjectTokens, Verified
from airflow_oidc_auth.sessions.session import CLI, EXCHANGED, Session, TokenRequest

log = logging.getLogger(__name__)

TOKEN_USER = "__token__"


@dataclass(frozen=True, slots=True)
class TokenCall:
    """A request to the token endpoint, beside its form.

    :param url: address that a proof is made for
    :param authorization: value of the header, if there is one
    :param proofs: values of every ``DPoP`` header
    """

    context: RequestContext
    url: str
    authorization: str | None = field(default=None, repr=False)
    proofs: Sequence[str] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Granted:
    """A token that was made.

    :param issued_token_type: of the answer (RFC 8693 §2.2.1)
    """

    issued: Issued
    issued_token_type: str = ACCESS_TOKEN_TYPE


@dataclass(frozen=True, slots=True)
class _Proven:
    """Whose token it is to be, by whom it was asked for, and what must be bound."""

    owner: TokenOwner
    client: TokenClient | None
    jkt: str | None
    kind: str = EXCHANGED


class TokenGrants:
    """The grants of one configuration; a hot reload builds another.

    :param audiences: names of ours that ``audience`` and ``resource`` may say, beside addresses of this Airflow
    :param proofs: checks proofs of possession
    :param admit: raises an error where an account elsewhere lets the owner in no more; blocks on the database
    :param limits: how often tokens of one principal may be asked for; None for as often as anybody likes
    :param denying: roles that take something away from whoever has them
    :param clock: epoch seconds
    """

    def __init__(  # noqa: PLR0913  # everything that the grants touch is handed in
        self,
        *,
        settings: TokenSettings,
        clients: TokenClients,
        subjects: SubjectTokens,
        cli: CliTokens,
        desk: TokenDesk,
        proofs: Proofs,
        sessions: Sessions,
        audit: Audit,
        base_url: str,
        audiences: Collection[str],
        clock: Callable[[], float],
        admit: Callable[[Session], None] | None = None,
        limits: RateLimits | None = None,
        denying: Collection[str] = (),
    ) -> None:
        self._settings = settings
        self._clients = clients
        self._subjects = subjects
        self.cli = cli
        self._desk = desk
        self._proofs = proofs
        self._sessions = sessions
        self._audit = audit
        self._log = SparingLog(log)
        self._base_url = base_url
        self._audiences = frozenset(audiences)
        self._clock = clock
        self._admit = admit
        self._limits = limits
        self._denying = frozenset(denying)
        self._grants = {
            TOKEN_EXCHANGE: self._by_exchange,
            JWT_BEARER: self._by_assertion,
            CLIENT_CREDENTIALS: self._by_client,
            PASSWORD: self._by_password,
        }

    async def exchange(self, form: Mapping[str, str], call: TokenCall) -> Granted | TokenError:
        """Answer a token request.

        :param form: fields that are given exactly once and not empty (RFC 6749 §3.2)
        """
        grant_type = form.get("grant_type", "")
        try:
            grant = self._grants.get(grant_type)
            if grant is None:
                raise TokenDenied(
                    UNSUPPORTED_GRANT_TYPE if grant_type else INVALID_REQUEST,
                    "grant_type_unknown" if grant_type else "grant_type_missing",
                )
            wanted = read_wanted(form)
            check_target(form, self._base_url, self._audiences)
            client = await self._clients.authenticate(form, call.authorization)
            issued = await self._issue(await grant(form, client, call), wanted, call)
        except OidcAuthError as error:
            return await self._refuse(error, _blamed(grant_type), call.context)
        # Of the other grants nobody has looked at that parameter.
        kind = (
            form.get("requested_token_type", ACCESS_TOKEN_TYPE) if grant_type == TOKEN_EXCHANGE else ACCESS_TOKEN_TYPE
        )
        return Granted(issued, kind)

    async def exchange_cli(self, form: Mapping[str, str], call: TokenCall) -> Granted | TokenError:
        """Answer ``POST /auth/token/cli``: the id_token that our own command line got for a person."""
        try:
            wanted = read_wanted(form)
            bearer, token = await self.cli.verify(form)
            self._subjects.check_not_revoked(bearer)
            owner = self._subjects.judge(bearer, token)
            # Last, as everywhere: proofs of strangers would push those of others out of memory.
            jkt = self._prove(call, None)
            issued = await self._issue(_Proven(owner, None, jkt, CLI), wanted, call)
        except OidcAuthError as error:
            return await self._refuse(error, INVALID_REQUEST, call.context)
        return Granted(issued)

    async def revoke(self, form: Mapping[str, str], call: TokenCall) -> TokenError | None:
        """Revoke a token of ours (RFC 7009): whoever holds it may; None also where there is nothing to revoke."""
        try:
            token = form.get("token", "")
            if not token:
                raise TokenDenied(INVALID_REQUEST, "token_to_revoke_missing")
            await self._clients.authenticate(form, call.authorization)
            await self._desk.revoke_by_token(token, call.context)
        except OidcAuthError as error:
            return await self._refuse(error, INVALID_REQUEST, call.context)
        return None

    async def note_malformed(self, error: OidcAuthError, context: RequestContext) -> TokenError:
        """Refuse a request whose form cannot be read."""
        return await self._refuse(error, INVALID_REQUEST, context)

    def allows(self, session: Session) -> bool:
        """Tell whether the document still vouches for the owner of a token session; every IdP's owner is not its."""
        if session.provider != CLIENTS:
            return True
        client = self._clients.find(session.subject)
        if client is None:
            return False
        grant, roles = session.grant, frozenset(client.roles)
        known = frozenset(grant.roles).union(*(match.roles for match in grant.withdrawn))
        # A role that denies, and was given to the client since, would not reach its tokens before they end.
        return roles.issuperset(grant.roles) and self._denying.isdisjoint(roles - known)

    async def _by_exchange(self, form: Mapping[str, str], client: TokenClient | None, call: TokenCall) -> _Proven:
        _check_types(form)
        jwt_only = form["subject_token_type"] == JWT_TYPE
        subject = await self._subjects.verify(form["subject_token"], jwt_only=jwt_only)
        actor = None
        if "actor_token" in form:
            actor = await self._subjects.verify(form["actor_token"], jwt_only=form["actor_token_type"] == JWT_TYPE)
        return self._proven(call, subject, client, actor)

    async def _by_assertion(self, form: Mapping[str, str], client: TokenClient | None, call: TokenCall) -> _Proven:
        if "assertion" not in form:
            raise TokenDenied(INVALID_REQUEST, "token_parameter_missing", text="There is no assertion.")
        # RFC 7523 is about JWTs of somebody who vouches: our own tokens are for exchange.
        return self._proven(call, await self._subjects.verify(form["assertion"], jwt_only=True, own=False), client)

    async def _by_client(self, form: Mapping[str, str], client: TokenClient | None, call: TokenCall) -> _Proven:
        if client is None:
            raise TokenDenied(INVALID_CLIENT, "token_client_required")
        now = int(self._clock())
        limit = client.max_lifetime or self._settings.max_lifetime
        return _Proven(owner_of_client(client, self._base_url, now, now + limit), client, self._prove(call, None))

    async def _by_password(self, form: Mapping[str, str], client: TokenClient | None, call: TokenCall) -> _Proven:
        """Take what Swagger UI's dialog can send; Airflow has no passwords here."""
        username, password = form.get("username", ""), form.get("password", "")
        if client is not None and not username and not password:
            return await self._by_client(form, client, call)
        if username != TOKEN_USER or not password:
            raise TokenDenied(INVALID_GRANT, "token_password")
        return self._proven(call, await self._subjects.verify(password), client)

    def _proven(
        self, call: TokenCall, subject: Verified, client: TokenClient | None, actor: Verified | None = None
    ) -> _Proven:
        jkt = self._prove(call, subject.jkt)
        if actor is not None and actor.jkt not in (None, jkt):
            raise TokenRefused("dpop_other_key", "actor_token is bound to another key")
        return _Proven(self._subjects.owner(subject, actor), client, jkt)

    def _prove(self, call: TokenCall, bound_to: str | None) -> str | None:
        """Return the key that the caller proves to have; a bound token is of no use without its key."""
        if call.proofs:
            return self._proofs.check(call.proofs, method="POST", url=call.url, jkt=bound_to)
        if bound_to is not None:
            raise TokenRefused("dpop_missing", "the token is bound and there is no proof")
        if self._settings.require_dpop:
            raise TokenRefused("dpop_required", "tokens.require_dpop is set and there is no proof")
        return None

    async def _issue(self, proven: _Proven, wanted: Wanted, call: TokenCall) -> Issued:
        owner, client = proven.owner, proven.client
        if self._limits is not None:
            await self._limits.check("principal", call.context.client_address, owner.session.principal_id)
        scope = choose_scope(owner, wanted.scope)
        lifetime = choose_lifetime(self._settings, owner, client, wanted.lifetime, int(self._clock()))
        request = TokenRequest(
            kind=proven.kind,
            label=wanted.label,
            lifetime=lifetime,
            scope=scope,
            client_id=client.id if client else owner.session.client_id,
            actors=owner.session.actors,
            jkt=proven.jkt,
            not_after=owner.not_after,
            parent=owner.parent,
        )
        if self._admit is not None:
            await self._sessions.run(self._admit, owner.session)
        return await self._desk.issue(owner.session, request, call.context, identity=owner.identity)

    async def _refuse(self, error: OidcAuthError, blamed: str, context: RequestContext) -> TokenError:
        """Log and audit a refusal once; a flood becomes few rows."""
        self._log.warning(
            error.code,
            "token refused: code=%s correlation_id=%s detail=%r evidence=%r",
            *(error.code, context.correlation_id, error.detail, dict(error.evidence)),
        )
        record = build_token_refused(error, context)
        try:
            await self._sessions.run(self._audit.record_anonymous_failure, record, self._clock())
        except SessionError as lost:
            log.error(  # noqa: TRY400  # no stack needed
                "audit record lost: code=%s correlation_id=%s", lost.code, context.correlation_id
            )
        return as_token_error(error, blamed, context.correlation_id)


def _blamed(grant_type: str) -> str:
    return INVALID_REQUEST if grant_type == TOKEN_EXCHANGE else INVALID_GRANT


def _check_types(form: Mapping[str, str]) -> None:
    """RFC 8693 §2.1: what is there, and of which type.

    :raises TokenDenied: ``token_parameter_missing`` or ``token_type_unsupported``
    """
    for name in ("subject_token", "subject_token_type"):
        if name not in form:
            raise TokenDenied(INVALID_REQUEST, "token_parameter_missing", text=f"There is no {name}.")
    if ("actor_token" in form) != ("actor_token_type" in form):
        text = "actor_token and actor_token_type go together."
        raise TokenDenied(INVALID_REQUEST, "token_parameter_missing", text=text)
    for name in ("subject_token_type", "actor_token_type", "requested_token_type"):
        kind = form.get(name, ACCESS_TOKEN_TYPE)
        if kind == ID_TOKEN_TYPE and name != "requested_token_type":
            raise TokenDenied(INVALID_REQUEST, "token_id_token")
        if kind not in TOKEN_TYPES:
            text = f"This {name} is not supported."
            raise TokenDenied(INVALID_REQUEST, "token_type_unsupported", text=text)
