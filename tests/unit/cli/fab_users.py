"""A metadata database with FAB users, and the commands on it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from airflow.models.log import Log
from sqlalchemy import select
from werkzeug.security import generate_password_hash

from tests.storage.fab import FabDatabase

OKTA_ID = "00u1a2b3c4d5e6f7g8h9"
OKTA = "https://acme.okta.com"
# As stock FAB writes it for everybody who signs in with AUTH_OAUTH; made once because it is slow.
EMPTY = generate_password_hash("", method="scrypt:16384:8:1")
CHOSEN = generate_password_hash("chosen", method="scrypt:16384:8:1")


def add_oauth_user(database: FabDatabase, username: str, *roles: str, **more: Any) -> int:
    """Add a user as stock FAB does when somebody signs in for the first time."""
    signed_in = {"login_count": 3, "last_login": datetime(2024, 5, 1, 8, 0, 0)}  # noqa: DTZ001  # FAB's are naive
    return database.add_user(username, roles, **{"password": EMPTY, **signed_in, **more})


def audit(database: FabDatabase) -> list[dict[str, Any]]:
    """Return the audit rows, oldest first."""
    rows = database.rows(select(Log.event, Log.owner, Log.extra).order_by(Log.id))
    return [{"event": row.event, "owner": row.owner, **json.loads(row.extra)} for row in rows]
