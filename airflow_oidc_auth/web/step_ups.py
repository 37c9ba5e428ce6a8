"""The step-ups that My access offers, and what came of the last one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode

from airflow_oidc_auth.grants.grant import Grant, StepUp
from airflow_oidc_auth.grants.scopes import scoped_roles
from airflow_oidc_auth.sessions.session import Session
from airflow_oidc_auth.web.answers import label_of, login_url
from airflow_oidc_auth.web.engine import Engine

# A step-up always opens a session. Later, the same address says nothing about one.
ANSWER_FOR = 120


@dataclass(frozen=True, slots=True)
class Offer:
    """Roles that one more authentication would give.

    :param needs: all that it must be like, in words
    :param missed: what the last one lacked, in words
    :param url: where it begins; empty where the provider is not configured any more
    """

    rule: str
    roles: tuple[str, ...]
    teams: tuple[str, ...]
    needs: tuple[str, ...]
    missed: tuple[str, ...]
    url: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of the step-up that the person has just come back from.

    :param roles: that it gave; none if nothing was gained
    :param missed: what is still missing, in words
    """

    rule: str
    roles: tuple[str, ...] = ()
    missed: tuple[str, ...] = ()


def build_offers(engine: Engine, session: Session) -> tuple[Offer, ...]:
    """Return what would give more than the session has now."""
    grant = session.grant
    known = bool(label_of(engine, session.provider))
    return tuple(
        _offer(each, grant, (lambda rule: _url(engine, session, rule)) if known else lambda _: "")
        for each in grant.step_ups
        if _added(each, grant)
    )


def read_answer(session: Session, rule: str | None, now: float) -> Answer | None:
    """Return what came of the step-up for a rule, None if it was none or long ago."""
    if not rule or not 0 <= now - session.created_at < ANSWER_FOR:
        return None
    for match in session.grant.matches:
        if match.rule == rule and match.needs is not None:
            return Answer(rule, roles=match.roles)
    for each in session.grant.step_ups:
        if each.rule == rule:
            return Answer(rule, missed=each.needs.describe_missed(each.missed))
    return None


def _offer(each: StepUp, grant: Grant, url: Callable[[str], str]) -> Offer:
    added = _added(each, grant)
    return Offer(
        rule=each.rule,
        roles=tuple(dict.fromkeys(role for _, role in added)),
        teams=tuple(dict.fromkeys(team for team, _ in added if team is not None)),
        needs=each.needs.describe(),
        missed=each.needs.describe_missed(each.missed),
        url=url(each.rule),
    )


def _added(each: StepUp, grant: Grant) -> list[tuple[str | None, str]]:
    """Return what is new: a role that holds in one team adds something in another, and everywhere."""
    everywhere, within = scoped_roles(grant)
    given: list[tuple[str | None, str]] = [(team, role) for team in each.teams or (None,) for role in each.roles]
    return [(team, role) for team, role in given if role not in everywhere and (team, role) not in within]


def _url(engine: Engine, session: Session, rule: str) -> str:
    back = f"{engine.base_url}/auth/access?{urlencode({'step_up': rule})}"
    return login_url(engine, session.provider, next_url=back, step_up=rule)
