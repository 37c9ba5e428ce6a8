"""What the page "my access" shows of a session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone, tzinfo
from zoneinfo import ZoneInfo

from airflow_oidc_auth.grants.grant import RuleMatch
from airflow_oidc_auth.sessions.session import Session
from airflow_oidc_auth.web.engine import Outlook
from airflow_oidc_auth.web.my_rights import MyRights
from airflow_oidc_auth.web.step_ups import Answer, Offer

REFERENCE_LENGTH = 8
# Everybody waits while a page is made.
SHOWN_TOKENS = 100
ROLE_TEXTS = {
    "Admin": "May do everything.",
    "Op": "May do what User may, and change connections, variables and pools.",
    "User": "May do what Viewer may, and run DAGs and act on their runs and tasks.",
    "Viewer": "May look at DAGs, their runs and logs.",
    "Public": "Signed in, without access to anything yet.",
}


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time: for machines, for people in their zone, in UTC, and from now."""

    iso: str
    local: str
    utc: str
    relative: str


@dataclass(frozen=True, slots=True)
class Role:
    """A role and what it means.

    :param text: empty for roles that are neither built in nor described by the configuration
    :param teams: the teams that it holds in alone; empty for a role that holds everywhere
    """

    name: str
    text: str
    teams: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Token:
    """A token of this person's, for a program.

    :param reference: the beginning of its session's id, as in the audit
    :param client: for which client, and who acts with it; empty where nobody said
    :param narrowed: it has fewer roles than its owner may have
    :param ends_unless: when it ends if its owner is not confirmed until then
    """

    reference: str
    kind: str
    label: str
    client: str
    roles: tuple[str, ...]
    narrowed: bool
    bound: bool
    made: Moment
    used: Moment | None
    ends: Moment
    ends_unless: Moment | None


KIND_TEXTS = {"personal": "Personal", "cli": "Terminal", "exchanged": "Exchanged"}


@dataclass(frozen=True, slots=True)
class Limits:
    """What ends or changes the session before its hard end; lengths are texts such as ``1 h``, empty for no such limit.

    :param checked: when the identity provider last confirmed the session
    :param next_check: when it does so again, at the earliest; None if it is not asked
    """

    checked: Moment | None = None
    next_check: Moment | None = None
    idle: str = ""
    reauthenticate: str = ""
    sessions: int | None = None


@dataclass(frozen=True, slots=True)
class MyAccess:
    """The page's content.

    :param changed: the roles are not those of the sign-in any more
    :param match_ends: when a match ends by itself, by its path
    :param offers: step-ups that would give more
    :param answer: what came of the step-up that the person has just come back from
    :param tokens: of programs that act for this person, the newest
    :param more_tokens: how many there are besides
    :param rights: what the roles allow, everywhere and by team; empty where FAB's database decides that
    """

    name: str
    email: str | None
    provider: str
    issuer: str
    subject: str
    principal_id: str
    roles: tuple[Role, ...]
    changed: bool
    teams: tuple[str, ...]
    matches: tuple[RuleMatch, ...]
    signed_in: Moment
    ends: Moment
    zone: str
    limits: Limits
    match_ends: Mapping[str, Moment] = field(default_factory=dict)
    offers: tuple[Offer, ...] = ()
    answer: Answer | None = None
    tokens: tuple[Token, ...] = ()
    more_tokens: int = 0
    rights: tuple[MyRights, ...] = ()


def describe_token(token: Session, now: float, zone: tzinfo | None) -> Token:
    """Describe a token for its owner; the token itself is not kept anywhere."""
    ends = describe_moment(token.expires_at, now, zone)
    return Token(
        reference=token.id[:REFERENCE_LENGTH],
        kind=KIND_TEXTS.get(token.kind, token.kind),
        label=token.label or "",
        client=describe_client(token),
        roles=token.grant.roles,
        narrowed=token.scope is not None,
        bound=token.jkt is not None,
        made=describe_moment(token.created_at, now, zone),
        used=None if token.seen_at is None else describe_moment(token.seen_at, now, zone),
        ends=ends,
        ends_unless=_end_without_confirmation(token, ends, now, zone),
    )


def _end_without_confirmation(token: Session, ends: Moment, now: float, zone: tzinfo | None) -> Moment | None:
    if token.verify_by is None or token.verify_by >= token.expires_at:
        return None
    unless = describe_moment(token.verify_by, now, zone)
    # Seconds apart, as with lifetimes of one day both, they would be one time said twice.
    return None if unless.relative == ends.relative else unless


def describe_client(token: Session) -> str:
    """Return for which client a token was made and who acts with it."""
    actor = f"{token.actors[0]} acts" if token.actors else ""
    return ", ".join(filter(None, (token.client_id, actor)))


def describe_access(
    session: Session, roles: Sequence[Role], provider: str, now: float, zone: ZoneInfo | None, outlook: Outlook
) -> MyAccess:
    """Describe a session for the person whose it is.

    :param roles: that count now
    :param provider: label; the session's provider id is shown for one that was removed meanwhile
    """
    ends = {each.path: describe_moment(each.until, now, zone) for each in session.grant.matches if each.until}
    return MyAccess(
        name=session.name,
        email=session.email,
        provider=provider or session.provider,
        issuer=session.issuer,
        subject=session.subject,
        principal_id=session.principal_id,
        roles=tuple(roles),
        changed={role.name for role in roles} != set(session.grant.roles),
        teams=session.grant.teams,
        matches=session.grant.matches,
        signed_in=describe_moment(session.created_at, now, zone),
        ends=describe_moment(session.expires_at, now, zone),
        zone=zone.key if zone else "",
        limits=_describe_limits(outlook, now, zone),
        match_ends=ends,
    )


def _describe_limits(outlook: Outlook, now: float, zone: tzinfo | None) -> Limits:
    def moment(at: int | None) -> Moment | None:
        return None if at is None else describe_moment(at, now, zone)

    # What is due is done within seconds if there is activity, as now.
    due = outlook.check_due_at if outlook.check_due_at is None else max(outlook.check_due_at, int(now) + 1)
    return Limits(
        checked=moment(outlook.checked_at),
        next_check=moment(due),
        idle=describe_length(outlook.idle_timeout),
        reauthenticate=describe_length(outlook.reauthenticate_after),
        sessions=outlook.max_per_user,
    )


def describe_length(seconds: int | None) -> str:
    """Return ``1 h 30 min``; empty for None."""
    return "" if seconds is None else describe_distance(seconds).removeprefix("in ")


def describe_moment(at: int, now: float, zone: tzinfo | None) -> Moment:
    """Describe a point in time; ``local`` is empty without a zone."""
    utc = datetime.fromtimestamp(at, timezone.utc)
    return Moment(
        iso=utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
        local=utc.astimezone(zone).strftime("%Y-%m-%d %H:%M %Z") if zone else "",
        utc=utc.strftime("%Y-%m-%d %H:%M UTC"),
        relative=describe_distance(at - now),
    )


def describe_distance(seconds: float) -> str:
    """Return ``in 11 h 58 min``, ``3 min ago`` or ``just now``."""
    minutes = round(abs(seconds) / 60)
    if minutes == 0:
        return "just now" if seconds <= 0 else "in less than a minute"
    days, rest = divmod(minutes, 24 * 60)
    parts = [f"{count} {unit}" for count, unit in ((days, "d"), (rest // 60, "h"), (rest % 60, "min")) if count]
    text = " ".join(parts[:2])
    return f"in {text}" if seconds > 0 else f"{text} ago"
