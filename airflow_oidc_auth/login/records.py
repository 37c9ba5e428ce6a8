"""The audit records of the journey: who, where, why; no token, no claim set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from airflow_oidc_auth.audit.delegation import delegation_facts
from airflow_oidc_auth.audit.event import AuditRecord, AuthEvent
from airflow_oidc_auth.grants.digest import grant_digest
from airflow_oidc_auth.grants.grant import Grant
from airflow_oidc_auth.grants.needs import WITHIN
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.login.outcome import RequestContext
from airflow_oidc_auth.sessions.session import BROWSER, Opened, Regraded, Session
from airflow_oidc_auth.sessions.sessions_table import TOO_MANY

SESSION_REF_LENGTH = 8
REPLACED = "replaced"
USER_LOGOUT = "user_logout"
IDP_LOGOUT = "idp_logout"
BACKCHANNEL_LOGOUT = "backchannel_logout"
RECHECK = "recheck"
AUTHENTICATION_TOO_OLD = "authentication_too_old"
FRONTCHANNEL_LOGOUT = "frontchannel_logout"


def build_login(
    opened: Opened, correlation_id: str, context: RequestContext, facts: Mapping[str, str] = MappingProxyType({})
) -> AuditRecord:
    """Return the row of a finished sign-in.

    :param facts: what the IdP's message said of itself; no part of the identity
    """
    record = _of_session(
        AuthEvent.LOGIN, "rules_matched", opened.session, correlation_id, context, before=opened.previous_roles
    )
    return replace(record, detail=(*opened.notes, *_lean(facts)))


def token_facts(session: Session) -> tuple[tuple[str, str | int], ...]:
    """Return what tells a token's row from a browser's: kind, label, client and who acts; never the token."""
    if session.kind == BROWSER:
        return ()
    named = (("kind", session.kind), *((("label", session.label),) if session.label else ()))
    return (*named, *delegation_facts(session.client_id, session.actors))


def build_roles_changed(opened: Opened, correlation_id: str, context: RequestContext) -> AuditRecord | None:
    """Return the row that says the roles differ from the previous sign-in's, None if they do not."""
    before = opened.previous_roles
    if before is None or set(before) == set(opened.session.grant.roles):
        return None
    return _of_session(AuthEvent.ROLES_CHANGED, "rules_matched", opened.session, correlation_id, context, before=before)


def build_logout(session: Session, context: RequestContext) -> AuditRecord:
    """Return the row of a sign-out."""
    return _of_session(AuthEvent.LOGOUT, USER_LOGOUT, session, context.correlation_id, context)


def build_replaced(session: Session, correlation_id: str, context: RequestContext) -> AuditRecord:
    """Return the row of a session whose browser signed in again."""
    return _of_session(AuthEvent.SESSION_ENDED, REPLACED, session, correlation_id, context)


def build_surplus(session: Session, correlation_id: str, context: RequestContext) -> AuditRecord:
    """Return the row of a session that ended because the same person opened one more than they may have."""
    return _of_session(AuthEvent.SESSION_ENDED, TOO_MANY, session, correlation_id, context)


def build_ended_by_idp(session: Session, context: RequestContext) -> AuditRecord:
    """Return the row of a session that the IdP asked to end."""
    return build_ended(session, IDP_LOGOUT, context)


def build_ended(session: Session, reason: str, context: RequestContext) -> AuditRecord:
    """Return the row of a session that somebody or something else ended by a request."""
    return _of_session(AuthEvent.SESSION_ENDED, reason, session, context.correlation_id, context)


def build_session_ended(session: Session, reason: str, correlation_id: str) -> AuditRecord:
    """Return the row of a session that this server ended by itself."""
    context = RequestContext(client_address=None, correlation_id=correlation_id)
    return _of_session(AuthEvent.SESSION_ENDED, reason, session, correlation_id, context)


def build_recheck_end(session: Session, reason: str, correlation_id: str, withdrawn: tuple[str, ...]) -> AuditRecord:
    """Return the row of a session that a re-check ended.

    :param withdrawn: roles that were taken from the account elsewhere
    """
    return replace(build_session_ended(session, reason, correlation_id), roles_before=withdrawn or None)


def build_regraded(regraded: Regraded, correlation_id: str) -> AuditRecord | None:
    """Return the row that says that a re-check changed roles or teams, None if it only found other reasons for them."""
    before, session = regraded.before, regraded.session
    if grant_digest(before) == grant_digest(session.grant):
        return None
    context = RequestContext(client_address=None, correlation_id=correlation_id)
    reason = AUTHENTICATION_TOO_OLD if _ended_by_time(before, session.grant) else RECHECK
    record = _of_session(AuthEvent.ROLES_CHANGED, reason, session, correlation_id, context, before=before.roles)
    return replace(record, detail=(*record.detail, *regraded.notes))


def _ended_by_time(before: Grant, now: Grant) -> bool:
    """Tell whether all that is lost was given for a time, which is over."""
    missed = {each.path for each in now.step_ups if WITHIN in each.missed}
    timed = {role for match in before.matches if match.until and match.path in missed for role in match.roles}
    lost = set(before.roles) - set(now.roles)
    return bool(lost) and lost <= timed and set(now.roles) <= set(before.roles)


def build_token_issued(session: Session, correlation_id: str, valid_for: int) -> AuditRecord:
    """Return the row of a token that somebody made from their session; where from, core's own row tells.

    :param valid_for: seconds
    """
    context = RequestContext(client_address=None, correlation_id=correlation_id)
    record = _of_session(AuthEvent.TOKEN_ISSUED, "user_request", session, correlation_id, context)
    return replace(record, detail=(("valid_for", valid_for),))


def build_issued(token: Session, context: RequestContext, valid_for: int) -> AuditRecord:
    """Return the row of a token that was made for a program; the token is not in it.

    :param token: the session behind it
    :param valid_for: seconds
    """
    record = _of_session(AuthEvent.TOKEN_ISSUED, "user_request", token, context.correlation_id, context)
    made_from = (("made_from", token.parent[:SESSION_REF_LENGTH]),) if token.parent else ()
    return replace(record, detail=(*record.detail, ("valid_for", valid_for), *made_from))


def build_refusal(
    identity: Identity,
    reason: str,
    correlation_id: str,
    context: RequestContext,
    *,
    withdrawn: tuple[str, ...] = (),
    detail: Mapping[str, str] = MappingProxyType({}),
) -> AuditRecord:
    """Return the row of somebody whom the IdP knows and we do not let in.

    :param withdrawn: roles that were taken from their account elsewhere
    :param detail: where in the configuration the refusal comes from, or what is wrong with the account
    """
    return AuditRecord(
        event=AuthEvent.LOGIN_REFUSED,
        correlation_id=correlation_id,
        reason=reason,
        owner=identity.name,
        provider=identity.provider,
        issuer=identity.issuer,
        subject=identity.subject,
        roles_before=withdrawn or None,
        roles_after=(),
        client_address=context.client_address,
        detail=_lean(detail),
    )


def build_anonymous(
    event: AuthEvent, reason: str, provider: str | None, correlation_id: str, context: RequestContext
) -> AuditRecord:
    """Return the record of a failure before anybody was known; these are aggregated, not written one by one."""
    return AuditRecord(
        event=event,
        correlation_id=correlation_id,
        reason=reason,
        provider=provider,
        client_address=context.client_address,
    )


def _of_session(
    event: AuthEvent,
    reason: str,
    session: Session,
    correlation_id: str,
    context: RequestContext,
    *,
    before: tuple[str, ...] | None = None,
) -> AuditRecord:
    return AuditRecord(
        event=event,
        correlation_id=correlation_id,
        reason=reason,
        owner=session.name,
        provider=session.provider,
        issuer=session.issuer,
        subject=session.subject,
        principal_id=session.principal_id,
        # Enough to join rows, too little to name the session to the server.
        session_ref=session.id[:SESSION_REF_LENGTH],
        rules=rule_names(session.grant),
        roles_before=before,
        roles_after=session.grant.roles,
        client_address=context.client_address,
        detail=token_facts(session),
    )


def _lean(facts: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in facts.items() if value)


def rule_names(grant: Grant) -> tuple[str, ...]:
    """Return the names of the rules that matched, each once, in document order."""
    return tuple(dict.fromkeys(match.rule for match in grant.matches))
