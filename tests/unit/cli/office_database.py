"""Sessions for the commands to list and end."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airflow.models.log import Log
from sqlalchemy import select

from airflow_oidc_auth.sessions.session import Session
from airflow_oidc_auth.sessions.store import SessionStore
from tests.storage.people import VIEWER, open_session


@dataclass(frozen=True)
class OfficeDatabase:
    """The database behind the commands.

    :param document: the configured YAML file
    """

    store: SessionStore
    transactions: Any
    document: Path

    def open(self, subject: str = "ada", **more: Any) -> Session:
        return open_session(self.store, subject, more.pop("grant", VIEWER), now=int(time.time()), **more)

    def lives(self, session: Session) -> bool:
        return self.store.load(session.id, now=int(time.time())) is not None

    def audit(self) -> list[dict[str, Any]]:
        """Return the audit rows, oldest first."""
        with self.transactions() as transaction:
            rows = transaction.execute(select(Log.event, Log.owner, Log.extra).order_by(Log.id)).all()
        return [{"event": row.event, "owner": row.owner, **json.loads(row.extra)} for row in rows]

    def configure(self, text: str) -> None:
        self.document.write_text(f"{self.document.read_text(encoding='utf-8')}\n{text}\n", encoding="utf-8")
