"""The chain of this process's audit rows: begin it, sign for its rows every minute, end it."""

from __future__ import annotations

import contextlib
import logging
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from airflow_oidc_auth.audit.chain.keys import SigningKey, TrustedKeys
from airflow_oidc_auth.audit.chain.row import CHAIN_ID_BYTES, SALT_BYTES
from airflow_oidc_auth.audit.chain.statement import Statement, digest_of, read_statement
from airflow_oidc_auth.audit.chain.writer import MAX_WAITING, Chain
from airflow_oidc_auth.audit.stream import tell_checkpoint
from airflow_oidc_auth.config.compiled import AuditSettings
from airflow_oidc_auth.errors import SessionError
from airflow_oidc_auth.sessions.audit_statements import SEEN, SEEN_AT_FIRST, Heads
from airflow_oidc_auth.sessions.periodic import Periodic

log = logging.getLogger(__name__)

LOOK_EVERY = 5.0
# So many rows do not wait for their minute.
MANY = 256
# Chains that ended and could not be signed; each holds the rows that wait.
MAX_LEAVING = 3
TELL_EVERY = 60.0


class Statements(Protocol):
    """Where statements are kept (:class:`airflow_oidc_auth.sessions.audit_statements.AuditStatements`)."""

    def add(self, statement: Statement, text: str) -> None:
        """Store a statement, once."""
        ...

    def heads(self, chain: str, newest: int) -> Heads:
        """Return which other chains were continued, and how far."""
        ...


class AuditTrail:
    """Built once per process; follows the settings of the document in force.

    :param clock: epoch seconds
    :param most_waiting: rows of a chain that may wait for their signature
    """

    def __init__(self, statements: Statements, clock: Callable[[], float], *, most_waiting: int = MAX_WAITING) -> None:
        self._statements = statements
        self._clock = clock
        self._most_waiting = most_waiting
        self._told_at = float("-inf")
        # A server that stops signs what is left while a look may still wait for a slow database.
        self._signing = threading.Lock()
        self._settings = AuditSettings(fail_login=True)
        self._key: SigningKey | None = None
        self._started = False
        self._running: _Running | None = None
        self._leaving: list[_Running] = []
        self._periodic = Periodic("oidc-auth-audit-chain", self.look, LOOK_EVERY, first_delay=LOOK_EVERY)

    @property
    def chain(self) -> Chain | None:
        """The chain that rows are sealed into now."""
        running = self._running
        return None if running is None else running.chain

    def accept(self, settings: AuditSettings) -> None:
        """Follow the settings of a document; a key that was replaced signs no more."""
        if settings == self._settings:
            return
        self._settings = settings
        self._key = None if settings.signing_key is None else SigningKey(settings.signing_key)
        if self._started:
            self._begin()

    def jwks(self) -> Mapping[str, Sequence[object]]:
        """Return the public keys that have signed and sign, as a JWK Set (RFC 7517 §5)."""
        mine = () if self._key is None else (self._key.public,)
        return TrustedKeys([*mine, *self._settings.retired_keys]).jwks()

    def start(self) -> None:
        """Begin a chain, where a key is configured; after any fork, so that no two processes have the same."""
        self._started = True
        self._begin()
        self._periodic.start()

    def stop(self) -> None:
        """Sign for what is left."""
        self._periodic.stop()
        try:
            self._sign_due(closing=True)
        except SessionError as error:
            log.warning("the last audit rows of this server stay unsigned: %s", error)

    def look(self) -> None:
        """Sign for the rows that have waited long enough, or are many; blocks.

        :raises SessionError: ``session_store_unavailable``; the rows wait for the next look
        """
        self._tell_left_out()
        self._sign_due(closing=False)

    def _begin(self) -> None:
        if self._key is None:
            self._leave()
        elif self._running is None:
            chain = Chain(
                secrets.token_urlsafe(CHAIN_ID_BYTES), self._key, int(self._clock()), _salt, most=self._most_waiting
            )
            self._running = _Running(chain, self._key, self._statements)
        else:
            self._running.key = self._key

    def _leave(self) -> None:
        if self._running is not None:
            self._leaving.append(self._running)
        self._running = None
        while len(self._leaving) > MAX_LEAVING:
            rows, _ = self._leaving.pop(0).chain.unsigned()
            log.error("%d audit rows of a chain that was switched off stay unsigned", rows)

    def _tell_left_out(self) -> None:
        chain, now = self.chain, self._clock()
        if chain is None or 0 <= now - self._told_at < TELL_EVERY:
            return
        full, rows = chain.left_out()
        if full:
            self._told_at = now
            log.error(
                "As many audit rows wait for a signature as may, because none can be stored; further ones are written "
                "outside the chain, %d so far. Look for the error of oidc-auth-audit-chain above: often the table "
                "oidc_auth_audit_statement is missing, and `airflow db migrate` makes it",
                rows,
            )

    def _sign_due(self, *, closing: bool) -> None:
        with self._signing:
            self._sign_all(int(self._clock()), closing=closing)

    def _sign_all(self, now: int, *, closing: bool) -> None:
        for left in tuple(self._leaving):
            left.sign(now, closing=True)
            with contextlib.suppress(ValueError):  # it may have been given up meanwhile
                self._leaving.remove(left)
        running = self._running
        if running is not None and (closing or running.is_due(now, self._settings.checkpoint_every)):
            running.sign(now, closing=closing)


class _Running:
    """One chain, and what of it is stored."""

    def __init__(self, chain: Chain, key: SigningKey, statements: Statements) -> None:
        self.chain = chain
        self.key = key
        self._statements = statements
        self._begun = False
        self._told: dict[str, int] = {}
        self._signed: tuple[Statement, str] | None = None

    def is_due(self, now: int, every: int) -> bool:
        """Tell whether rows wait for a signature, long enough or many."""
        rows, oldest = self.chain.unsigned()
        # Of a row from the future the clock was set back since: to wait for its minute could take days.
        waited = abs(now - oldest // 1_000_000) >= every
        # The first statement is worth more than its rows: it says that there is a chain.
        return bool(rows) and (not self._begun or rows >= MANY or waited)

    def sign(self, now: int, *, closing: bool) -> None:
        """Sign for every row whose fate is known."""
        if not self._begun:
            if not self.chain.unsigned()[0]:
                return
            self._statements.add(read_statement(self.chain.genesis), self.chain.genesis)
            self._begun = True
        while self._signed is not None or self._sign_next(now, closing=closing):
            assert self._signed is not None  # noqa: S101 (just signed)
            statement, text = self._signed
            self._statements.add(statement, text)
            self.chain.sign_off(statement, text)
            self._signed = None
            tell_checkpoint(statement.chain, statement.last, digest_of(text))
            if statement.closing:
                return

    def _sign_next(self, now: int, *, closing: bool) -> bool:
        heads = self._statements.heads(self.chain.id, SEEN if self._told else SEEN_AT_FIRST)
        # What was told is remembered here: who may write rows could make a number in the table look old.
        seen = tuple((chain, last) for chain, last in heads if last > self._told.get(chain, -1))
        draft = self.chain.draft(now, seen, closing=closing)
        if draft is None or (closing and not draft.closing and not draft.leaves):
            return False
        # What could not be stored is stored as it is: it may be there already.
        self._signed = (draft, self.key.sign(draft))
        self._told = dict(heads)
        return True


def _salt() -> str:
    return secrets.token_urlsafe(SALT_BYTES)
