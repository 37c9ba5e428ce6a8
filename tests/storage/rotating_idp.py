"""An IdP that hands out a new refresh token each time and revokes the whole grant when one is used twice."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import replace

from sqlalchemy import Column, Engine, Integer, MetaData, String, Table, insert, select, update

from airflow_oidc_auth.errors import LoginRefused, OidcAuthError, ProviderError
from airflow_oidc_auth.grants.grant import Grant, Refusal
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.providers.provider import Confirmation, HeldTokens, SignIn
from airflow_oidc_auth.secret import Secret
from airflow_oidc_auth.sessions.recheck_report import RecheckRules, Verdict
from airflow_oidc_auth.sessions.session import Ended, Opening, Regraded
from tests.storage.people import ADMIN, HOUR, NOW, VIEWER, sign_in

EVERY = 300


class RotatingIdp:
    """Confirms sessions as such an IdP does.

    :param failure: raised instead of an answer
    :param groups: what it says of everybody
    :param before_answer: called when the old refresh token is used up and the answer is not yet out
    """

    def __init__(self, groups: Iterable[str] = ("ops",)) -> None:
        self.groups: frozenset[str] | None = frozenset(groups)
        self.failure: OidcAuthError | None = None
        self.asked: list[str] = []
        self.before_answer: Callable[[str], None] = lambda _: None
        self.at_once = self.most_at_once = 0
        self._lock = threading.Lock()
        self._current: dict[str, int] = {}

    def sign_in(self, subject: str) -> SignIn:
        """Begin a grant of somebody; each sign-in needs a subject of its own."""
        self._begin(subject)
        return replace(sign_in(subject), refresh_token=Secret(f"{subject}:0"))

    def can_confirm(self, tokens: HeldTokens) -> bool:
        return tokens.refresh_token is not None

    def confirm(self, tokens: HeldTokens, known: Identity) -> Confirmation:
        assert tokens.refresh_token is not None
        family, _, number = tokens.refresh_token.reveal().partition(":")
        with self._lock:
            self.asked.append(family)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if self.failure is not None:
                raise self.failure
            if not self._rotate(family, int(number)):
                raise LoginRefused("session_refused_by_provider", "invalid_grant")
            self.before_answer(family)
        finally:
            with self._lock:
                self.at_once -= 1
        held = HeldTokens(tokens.id_token, Secret(f"{family}:{int(number) + 1}"))
        return Confirmation(held, None if self.groups is None else replace(known, groups=self.groups))

    def revoke(self, subject: str) -> None:
        """End a grant as an administrator does."""
        self._rotate(subject, -1)

    def _begin(self, family: str) -> None:
        self._current[family] = 0

    def _rotate(self, family: str, number: int) -> bool:
        with self._lock:
            if self._current.get(family) != number:
                self._current.pop(family, None)
                return False
            self._current[family] = number + 1
            return True


_grants = Table(
    "idp_grant",
    MetaData(),
    Column("family", String(64), primary_key=True),
    Column("current", Integer, nullable=False),
)


class SharedRotatingIdp(RotatingIdp):
    """One that several processes reach, in a database."""

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self._engine = engine

    def create(self) -> None:
        _grants.drop(self._engine, checkfirst=True)
        _grants.create(self._engine)

    def revoked(self) -> list[str]:
        with self._engine.connect() as connection:
            return list(connection.execute(select(_grants.c.family).where(_grants.c.current < 0)).scalars())

    def _begin(self, family: str) -> None:
        with self._engine.begin() as connection:
            connection.execute(insert(_grants).values(family=family, current=0))

    def _rotate(self, family: str, number: int) -> bool:
        mine = update(_grants).where(_grants.c.family == family)
        with self._engine.begin() as connection:
            if connection.execute(mine.where(_grants.c.current == number).values(current=number + 1)).rowcount:
                return True
            connection.execute(mine.values(current=-1))
            return False


class Report:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.changes: list[Regraded] = []
        self.ends: list[tuple[Ended, str, tuple[str, ...]]] = []
        self.results: list[str] = []

    def regraded(self, regraded: Regraded) -> None:
        self.changes.append(regraded)

    def ended(self, ended: Ended, reason: str, withdrawn: tuple[str, ...]) -> None:
        self.ends.append((ended, reason, withdrawn))

    def counted(self, provider: str, result) -> None:
        self.results.append(result.value)


def judge(session, identity: Identity, now: int) -> Verdict:
    """Give Admin to ops, Viewer to dev, nothing to anybody else."""
    for group, grant in (("ops", ADMIN), ("dev", VIEWER)):
        if group in identity.groups:
            return Verdict(grant)
    return Verdict(Refusal("no_matching_rule", path="grants.rules"))


def rules_of(idp: RotatingIdp, every: int | None = EVERY, decide=judge) -> Callable[[], RecheckRules]:
    return lambda: RecheckRules(every, {"okta": idp}, decide)


def open_followed(store, idp: RotatingIdp, subject: str = "ada", grant: Grant = ADMIN, **more):
    """Open a session that is re-checked."""
    opening = Opening(**{"check_due_at": NOW + EVERY, **more})
    signed_in = idp.sign_in(subject)
    return store.open(
        signed_in, grant, now=NOW, expires_at=NOW + 3 * HOUR, client_address=None, opening=opening
    ).session


OUTAGE = ProviderError("provider_unreachable", "connection refused")
