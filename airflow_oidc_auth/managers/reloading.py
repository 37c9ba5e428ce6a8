"""Follow the document on disk: a good one replaces the runtime, a bad one changes nothing; both are audited.

Every server looks for itself. The first of them to accept a document keeps it in the metadata database and writes the
audit row, with what changed since the document that was accepted before, on whichever server that was.
"""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from airflow_oidc_auth.audit.event import AuditRecord, AuthEvent
from airflow_oidc_auth.audit.log import AuditLog
from airflow_oidc_auth.config.compiled import CompiledConfig
from airflow_oidc_auth.config.difference import describe_difference
from airflow_oidc_auth.config.reload import DocumentWatcher, InForce
from airflow_oidc_auth.errors import Problem, SessionError
from airflow_oidc_auth.managers.document_source import load_bytes, read_bounded
from airflow_oidc_auth.managers.starting import Start
from airflow_oidc_auth.sessions.documents import Accepted, KeptDocument
from airflow_oidc_auth.sessions.periodic import Periodic

log = logging.getLogger(__name__)

LOOK_EVERY = 10.0
# A document that stays bad is told again, by one server, as often.
REMIND_EVERY = 3600
SHOWN_PROBLEMS = 3
SHOWN_CHANGES = 12
DIGEST_LENGTH = 12

Details = tuple[tuple[str, str | int], ...]


class Documents(Protocol):
    """Where the last accepted document is kept (:class:`airflow_oidc_auth.sessions.documents.KeptDocuments`)."""

    def keep(self, document: KeptDocument) -> Accepted | None:
        """Keep a document; None if another server has done so already."""
        ...


class Claims(Protocol):
    """What one of all servers does (:class:`airflow_oidc_auth.sessions.replay.StoreReplayCache`)."""

    def seen(self, assertion_id: str, expires_at: int) -> bool:
        """Remember a key; True if it was there already."""
        ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What watching needs of the server.

    :param apply: replaces the runtime
    :param audit: the audit log of the current runtime
    :param clock: epoch seconds
    :param pause: waits a moment between two looks at a file that has changed
    """

    apply: Callable[[CompiledConfig], None]
    audit: Callable[[], AuditLog]
    documents: Documents
    claims: Claims
    clock: Callable[[], float]
    pause: Callable[[], None] = lambda: time.sleep(0.5)


class Reloading:
    """Watch the document and tell the engine.

    :param start: what the server started on; its document comes from a file
    """

    def __init__(self, start: Start, surroundings: Surroundings) -> None:
        settings = start.settings
        path = settings.config_file or ""
        self._file, self._place = path, settings.place
        self._stood_in = start.stood_in
        self._with = surroundings
        self._rejected_at = int(surroundings.clock()) if start.rejected else 0
        self._reminded = 0
        self._untold: KeptDocument | None = None if start.stood_in else self._kept(start.in_force)
        self._watcher = DocumentWatcher(
            source=path,
            read=partial(read_bounded, path),
            load=partial(load_bytes, path=path),
            compile=settings.compile_document,
            current=start.in_force,
            accept=self._accept,
            reject=self._reject,
            pause=surroundings.pause,
        )
        self._periodic = Periodic("oidc-auth-reload", self.look, LOOK_EVERY)

    def start(self) -> None:
        """Begin to look."""
        self._periodic.start()

    def stop(self) -> None:
        """End."""
        self._periodic.stop()

    @property
    def rejects(self) -> bool:
        """Whether the document on disk cannot be used."""
        return bool(self._rejected_at)

    def health(self) -> Mapping[str, object]:
        """Return what the health page adds while the document on disk is not the one in force; it is public."""
        if not self._rejected_at:
            return {}
        facts: dict[str, object] = {"since": self._rejected_at}
        if self._stood_in is not None:
            facts["last_accepted_at"] = self._stood_in.accepted_at
        return {"configuration_rejected": facts}

    def look(self) -> None:
        """Look at the document now, and tell what was not told yet; blocks."""
        self._watcher.look()
        if not self._watcher.problems:
            self._rejected_at = 0
        elif self._with.clock() // REMIND_EVERY != self._reminded:
            self._remind(self._watcher.problems)
        self._tell_accepted()

    def _accept(self, new: InForce, old: InForce) -> None:
        self._with.apply(new.config)
        self._stood_in = None
        if new.config.digest == old.config.digest:
            digest = (("digest", new.config.digest[:DIGEST_LENGTH]),)
            self._record(AuthEvent.CONFIG_RELOADED, "secrets_changed", (*digest, ("file", self._file)))
        self._untold = self._kept(new)

    def _kept(self, document: InForce) -> KeptDocument:
        return KeptDocument(self._place, document.config.digest, int(self._with.clock()), document.raw.data)

    def _tell_accepted(self) -> None:
        """Keep what is in force and audit it, unless another server did; what fails is tried again at the next look."""
        if (document := self._untold) is None:
            return
        accepted = self._with.documents.keep(document)
        self._untold = None
        if accepted is not None:
            self._record_accepted(document, accepted.previous)

    def _record_accepted(self, document: KeptDocument, previous: KeptDocument | None) -> None:
        digest: Details = (("digest", document.digest[:DIGEST_LENGTH]),)
        if previous is None:
            self._record(AuthEvent.CONFIG_RELOADED, "document_first_seen", (*digest, ("file", self._file)))
            return
        changes = describe_difference(previous.data, document.data) or ("nothing that the document says",)
        for line in changes:
            log.info("configuration changed: %s", line)
        before = ("digest_before", previous.digest[:DIGEST_LENGTH])
        shown = tuple((f"change_{number}", line) for number, line in enumerate(changes[:SHOWN_CHANGES], 1))
        detail = (*digest, before, ("file", self._file), ("changes", len(changes)), *shown)
        self._record(AuthEvent.CONFIG_RELOADED, "document_changed", detail)

    def _reject(self, problems: Sequence[Problem]) -> None:
        for problem in problems:
            log.error("configuration rejected, the old one stays: %s", problem)
        self._rejected_at = self._rejected_at or int(self._with.clock())
        self._reminded = 0

    def _remind(self, problems: Sequence[Problem]) -> None:
        """Audit what is wrong: one of all servers that see the same, and again every hour."""
        now = self._with.clock()
        hour = int(now // REMIND_EVERY)
        if self._reminded:
            log.warning("configuration still rejected, the old one stays: %s", problems[0])
        told = [self._place, hour, self._stood_in is not None, *map(str, problems)]
        key = hashlib.sha256(json.dumps(told).encode("ascii")).hexdigest()
        try:
            first = not self._with.claims.seen(key, int(now) + 2 * REMIND_EVERY)
        except SessionError as error:
            log.warning("not audited yet that the configuration is rejected: %s", error)
            return
        self._reminded = hour
        if first:
            self._record_rejected(problems)

    def _record_rejected(self, problems: Sequence[Problem]) -> None:
        detail: Details = (("problems", len(problems)), ("file", self._file))
        if self._stood_in is not None:
            started = ("started_on", self._stood_in.digest[:DIGEST_LENGTH])
            detail = (*detail, started, ("accepted_at", self._stood_in.accepted_at))
        shown = tuple(
            (f"problem_{number}", str(problem)) for number, problem in enumerate(problems[:SHOWN_PROBLEMS], 1)
        )
        self._record(AuthEvent.CONFIG_REJECTED, "configuration_invalid", (*detail, *shown))

    def _record(self, event: AuthEvent, reason: str, detail: Details) -> None:
        correlation_id = secrets.token_hex(8)
        record = AuditRecord(event, correlation_id, reason, owner="airflow-oidc-auth", detail=detail)
        self._with.audit().record(record)
