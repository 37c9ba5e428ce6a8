"""What the sessions page shows, and which sessions its forms name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from airflow_oidc_auth.sessions.administration import ANY_TOKEN, Wanted, is_reference
from airflow_oidc_auth.sessions.break_glass import PROVIDER, Link
from airflow_oidc_auth.sessions.session import BROWSER, Session
from airflow_oidc_auth.web.my_access import KIND_TEXTS, Moment, describe_client, describe_moment

PAGE_SIZE = 50
MAX_TEXT = 200
REFERENCE_LENGTH = 8
BREAK_GLASS_LABEL = "Break-glass"


@dataclass(frozen=True, slots=True)
class Row:
    """One session.

    :param reference: the beginning of its id, as in the audit
    :param current: the session of the browser that asks
    :param alarming: opened by a break-glass link
    :param token: what kind of token it is; empty for a browser's session
    :param told: label and client of a token
    """

    reference: str
    principal_id: str
    name: str
    email: str | None
    subject: str
    provider: str
    provider_id: str
    address: str
    roles: tuple[str, ...]
    signed_in: Moment
    seen: Moment | None
    recheck: Moment | None
    ends: Moment
    current: bool
    alarming: bool
    token: str = ""
    told: str = ""


@dataclass(frozen=True, slots=True)
class WaitingLink:
    """A break-glass link that somebody could still open."""

    role: str
    minutes: int
    created_by: str
    reason: str
    expires: Moment


@dataclass(frozen=True, slots=True)
class Target:
    """What a form wants to end: one session, or all of a person or a provider.

    :param kind: ``session``, ``person`` or ``provider``
    """

    kind: str
    value: str

    def wanted(self, *, asks: str, officer: bool) -> Wanted:
        """Return the sessions that are meant.

        Tokens are meant where an officer ends what somebody else has. One's own are revoked one by one: they belong to
        the person, not to a browser.

        :param asks: principal id of whoever asks
        :param officer: they may end the sessions of others
        """
        owner = None if officer else asks
        kind = None if officer and self.value != asks else BROWSER
        if self.kind == "session":
            return Wanted(reference=self.value, principal_id=owner)
        if self.kind == "person":
            # Of two people the one who asks must be the one who is named; a principal that does not exist has none.
            return Wanted(principal_id=self.value if owner in (None, self.value) else "", kind=kind)
        return Wanted(provider=self.value, principal_id=owner, kind=kind)


def read_target(fields: Mapping[str, str]) -> Target | None:
    """Return what a form or an address names; None unless it is one thing, well-formed."""
    named = [Target(kind, fields[kind]) for kind in ("session", "person", "provider") if fields.get(kind)]
    if len(named) != 1 or len(named[0].value) > MAX_TEXT:
        return None
    return None if named[0].kind == "session" and not is_reference(named[0].value) else named[0]


def read_page_number(text: str) -> int:
    """Return the number of the page, 1 for whatever is none."""
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 6 else 1


def describe_session(
    session: Session, labels: Mapping[str, str], now: float, zone: ZoneInfo | None, current: str
) -> Row:
    """Describe a session for whoever may see it.

    :param labels: of the providers, by id
    :param current: id of the session that asks
    """

    def moment(at: int | None) -> Moment | None:
        return None if at is None else describe_moment(at, now, zone)

    return Row(
        reference=session.id[:REFERENCE_LENGTH],
        principal_id=session.principal_id,
        name=session.name,
        email=session.email,
        subject=session.subject,
        provider=labels.get(session.provider, session.provider),
        provider_id=session.provider,
        address=session.client_address or "",
        roles=session.grant.roles,
        signed_in=describe_moment(session.created_at, now, zone),
        seen=moment(session.seen_at),
        recheck=moment(session.check_due_at),
        ends=describe_moment(session.expires_at, now, zone),
        current=session.id == current,
        alarming=session.provider == PROVIDER,
        token=KIND_TEXTS.get(session.kind, session.kind) if session.is_token else "",
        told=" · ".join(filter(None, (session.label, describe_client(session)))),
    )


def describe_links(links: Iterable[Link], now: float, zone: ZoneInfo | None) -> Sequence[WaitingLink]:
    """Describe the links that wait to be opened."""
    return [
        WaitingLink(each.role, each.minutes, each.created_by, each.reason, describe_moment(each.expires_at, now, zone))
        for each in links
    ]


def read_kind(text: str) -> str | None:
    """Return what the list is narrowed to; None for whatever is no kind."""
    return text if text in (BROWSER, ANY_TOKEN) else None


def page_url(base: str, text: str, provider: str, number: int, kind: str | None = None) -> str:
    """Return the address of a page of the same search."""
    query = {"q": text, "provider": provider, "kind": kind or "", "page": str(number) if number > 1 else ""}
    kept = {name: value for name, value in query.items() if value}
    return f"{base}?{urlencode(kept)}" if kept else base
