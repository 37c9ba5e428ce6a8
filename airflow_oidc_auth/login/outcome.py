"""What the journey answers. Denials are values: code, texts and the reference that people tell their administrator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from airflow_oidc_auth.login.attempts import Cookie
from airflow_oidc_auth.messages import Message, message
from airflow_oidc_auth.sessions.session import Session

SHOWN_GROUPS = 20


@dataclass(frozen=True, slots=True)
class RequestContext:
    """Where a request came from.

    :param client_address: as the server knows it behind its proxies
    :param correlation_id: of this request; an attempt keeps the one that it was begun with
    :param cookies: by name; only attempt cookies are read
    """

    client_address: str | None
    correlation_id: str
    cookies: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who was refused, for the page that only this person sees. At most :data:`SHOWN_GROUPS` groups."""

    name: str
    email: str | None
    issuer: str
    groups: tuple[str, ...] = ()
    more_groups: int = 0


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-in that has begun: send the browser there, set the cookie, drop the stale ones.

    :param fields: send the browser with a form that holds these (SAML HTTP-POST binding); None for a redirect
    """

    authorization_url: str = field(repr=False)
    cookie: Cookie
    dropped: tuple[str, ...] = ()
    fields: Mapping[str, str] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session was opened; ``spent`` is the attempt cookie to delete, None if nobody here began the sign-in."""

    session: Session
    next_url: str
    spent: str | None
    correlation_id: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Nobody was signed in.

    :param code: of the message catalogue
    :param text: replaces the catalogue's text (a requirement's human message); may be empty
    :param hint: replaces the catalogue's hint; may be empty
    :param visitor: only when the IdP vouched for the person and a rule or requirement said no
    :param spent: attempt cookie to delete, if one was used up
    :param step_up: name of a rule that lets this person in after another authentication; may be empty
    """

    code: str
    correlation_id: str
    text: str = ""
    hint: str = ""
    provider: str | None = None
    visitor: Visitor | None = None
    next_url: str = ""
    spent: str | None = None
    step_up: str = ""

    @property
    def message(self) -> Message:
        """The catalogue's entry."""
        return message(self.code)


@dataclass(frozen=True, slots=True)
class SignedOut:
    """The session has ended, or there was none to end (``ended`` False).

    :param idp_logout_url: where the browser goes on to end the IdP's session, too
    :param fields: as :class:`Begun`'s
    """

    ended: bool
    idp_logout_url: str | None = field(default=None, repr=False)
    provider: str | None = None
    fields: Mapping[str, str] | None = field(default=None, repr=False)
