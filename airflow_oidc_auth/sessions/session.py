"""A server-side session and what the store answers."""

from __future__ import annotations

from dataclasses import dataclass, field

from airflow_oidc_auth.grants.grant import Grant
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.providers.provider import HeldTokens
from airflow_oidc_auth.secret import Secret

BROWSER = "browser"
PERSONAL = "personal"
CLI = "cli"
EXCHANGED = "exchanged"
# Of an identity provider's own token: in memory only, and no row.
BEARER = "bearer"
TOKEN_KINDS = frozenset({PERSONAL, CLI, EXCHANGED})


@dataclass(frozen=True, slots=True)
class Session:
    """One sign-in of one principal, or one token that was made for a program of theirs (a *token session*).

    A token session belongs to the principal, not to the sign-in that it was made from: it goes on when that ends.

    :param id: random, 128 bits, base64url
    :param principal_id: short local subject id of (issuer, subject); the ``sub`` of our tokens
    :param grant_digest: digest of the roles and teams
    :param created_at: epoch seconds
    :param expires_at: hard end, epoch seconds
    :param auth_time: when the person authenticated at the IdP, epoch seconds, if told
    :param seen_at: last activity that another server may know of, epoch seconds; in a copy in memory it is as old as
        the copy
    :param checked_at: when the IdP last confirmed the session, epoch seconds
    :param check_due_at: when it is to be confirmed next if there is activity; None for never
    :param regrade_at: when its roles must be worked out again whether there is activity or not; None for never
    :param kind: ``browser``, ``personal``, ``cli``, ``exchanged``, or ``bearer`` for what has no row
    :param label: what its owner calls a token
    :param client_id: the client that a token was made for
    :param actors: who acts on behalf of the principal (RFC 8693 §4.1 ``act``), outermost first
    :param jkt: thumbprint of the key that a token is bound to (RFC 9449 §6.1)
    :param scope: roles that a token was narrowed to; None where it follows all of its owner's
    :param verify_by: when a token session ends unless its owner was confirmed since, epoch seconds
    :param parent: id of the token session that a token was exchanged from; it ends with that one
    """

    id: str
    principal_id: str
    provider: str
    issuer: str
    subject: str
    name: str
    email: str | None
    grant: Grant
    grant_digest: str
    created_at: int
    expires_at: int
    idp_sid: str | None = None
    client_address: str | None = None
    auth_time: int | None = None
    seen_at: int | None = None
    checked_at: int | None = None
    check_due_at: int | None = None
    regrade_at: int | None = None
    kind: str = BROWSER
    label: str | None = None
    client_id: str | None = None
    actors: tuple[str, ...] = ()
    jkt: str | None = None
    scope: tuple[str, ...] | None = None
    verify_by: int | None = None
    parent: str | None = None

    @property
    def is_token(self) -> bool:
        """It is the row behind a token that was made for a program."""
        return self.kind in TOKEN_KINDS

    def is_over(self, now: float) -> bool:
        """Tell whether it has ended by the clock alone."""
        return self.expires_at <= now or (self.verify_by is not None and self.verify_by <= now)


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A token that somebody wants to have.

    :param kind: ``personal``, ``cli`` or ``exchanged``
    :param lifetime: seconds; None for the policy's default
    :param scope: roles to narrow it to; None for all that its owner has, now and later
    :param client_id: the client that it is for
    :param actors: who acts on behalf of the owner, outermost first
    :param jkt: thumbprint of the key that it is bound to
    :param not_after: epoch seconds that it must not outlive: the end of the token that it is exchanged from
    :param parent: id of the token session that it is exchanged from; it ends with that one
    """

    kind: str
    label: str | None = None
    lifetime: int | None = None
    scope: tuple[str, ...] | None = None
    client_id: str | None = None
    actors: tuple[str, ...] = ()
    jkt: str | None = None
    not_after: int | None = None
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """A session just opened, and the roles of the principal's previous sign-in (None at the first).

    :param notes: facts about the account for the audit's detail
    :param ended: sessions of the same principal that had to end for this one
    """

    session: Session
    previous_roles: tuple[str, ...] | None
    notes: tuple[tuple[str, str | int], ...] = ()
    ended: tuple[Ended, ...] = ()


@dataclass(frozen=True, slots=True)
class Opening:
    """What the settings say of a session that opens; the defaults say nothing.

    :param check_due_at: when it is first to be confirmed at the IdP, epoch seconds; None for never
    :param regrade_at: when its roles must be worked out again, epoch seconds; None for never
    :param max_sessions: how many sessions the principal may then have; the oldest end
    """

    check_due_at: int | None = None
    regrade_at: int | None = None
    max_sessions: int | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """A session just ended, with what the IdP's logout needs."""

    session: Session
    id_token: Secret | None


@dataclass(frozen=True, slots=True)
class Ending:
    """Whether a session has ended, and why; nothing else of it.

    :param ended_at: epoch seconds; None for a session that lives
    :param reason: as it was given when the session was ended; None for a session that lives
    """

    provider: str
    ended_at: int | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class DueSession:
    """A session whose re-check is due.

    :param check_due_at: as read; a lease is given only while it is still so
    :param regrade_at: as read, likewise
    """

    id: str
    provider: str
    check_due_at: int | None
    regrade_at: int | None = None


@dataclass(frozen=True, slots=True)
class Leased:
    """A session that nobody else re-checks now.

    :param identity: what the IdP said last; None where that cannot be read (row of an older release, key dropped)
    :param owner: names this lease alone; whoever writes must still hold it
    :param until: end of the lease, epoch seconds
    :param failures: re-checks in a row that came to nothing
    :param watched: tokens of its principal live, so that the IdP is asked although nobody is active
    """

    session: Session
    tokens: HeldTokens
    identity: Identity | None = field(repr=False)
    owner: str
    until: int
    failures: int = 0
    watched: bool = False


@dataclass(frozen=True, slots=True)
class Recheck:
    """What came of a re-check, to be written.

    :param tokens: all that are held from now on; None for the ones that were
    :param identity: what the IdP now says; None for what it said last
    :param grant: the new Grant; None when the last one stays
    :param sid: the IdP's session id, if it told another one
    :param failures: re-checks in a row that came to nothing, this one included
    :param confirmed: the IdP was asked and answered, so that ``checked_at`` moves
    :param whole: what the principal now has, where the session was narrowed and ``grant`` is less
    :param verify_by: when a token session ends unless it is confirmed; None leaves it as it is
    """

    check_due_at: int | None
    regrade_at: int | None = None
    tokens: HeldTokens | None = None
    identity: Identity | None = None
    grant: Grant | None = None
    sid: str | None = None
    failures: int = 0
    confirmed: bool = True
    whole: Grant | None = None
    verify_by: int | None = None


@dataclass(frozen=True, slots=True)
class Regraded:
    """A session after its re-check.

    :param before: the Grant until now
    :param notes: facts about the account for the audit's detail
    :param told: token sessions of the same principal whose roles are to be worked out anew because of it
    """

    session: Session
    before: Grant
    notes: tuple[tuple[str, str | int], ...] = ()
    told: tuple[DueSession, ...] = ()

    @property
    def changed(self) -> bool:
        """Tell whether other servers must load the session again."""
        return self.session.grant != self.before
