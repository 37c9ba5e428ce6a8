"""Write the rows that a release leaves in the database, by its own code: run in its checkout.

    git archive COMMIT | tar -x -C SOMEWHERE && cd SOMEWHERE
    PYTHONPATH=. python …/tests/storage/releases/write_release.py …/tests/storage/releases/0008.json

Sessions, tokens and revocations are the release's own; rows of tables that have no simple writer are SQL of that time.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import tempfile
from pathlib import Path

from alembic import command
from sqlalchemy import MetaData, text
from sqlalchemy.orm import Session, sessionmaker

from airflow_oidc_auth.sessions.database import DatabaseSessionStore
from airflow_oidc_auth.sessions.db_manager import OidcAuthDBManager
from airflow_oidc_auth.sessions.fernet import TokenCipher
from tests.storage.backends import KEYS, build_engine, sqlite_url
from tests.storage.people import NOW, VIEWER, open_session

LATER = NOW + 86_400
SQL = {
    "oidc_auth_fab_user": {
        "principal_id": "{ada}",
        "user_id": 7,
        "user_created_on": "2030-01-01T00:00:00",
        "given_roles": '["Admin"]',
        "linked_at": NOW,
        "linked_by": "sign-in",
    },
    "oidc_auth_replay": {"message_key": "b" * 64, "expires_at": LATER},
    "oidc_auth_break_glass": {
        "id": "g" * 16,
        "token_hash": "c" * 64,
        "role": "Admin",
        "reason": "IdP down",
        "created_by": "root",
        "created_at": NOW,
        "expires_at": NOW + 600,
        "minutes": 30,
    },
    "oidc_auth_document": {"source_key": "d" * 64, "digest": "e" * 22, "sealed": "sealed", "accepted_at": NOW},
    "oidc_auth_server": {"id": "s" * 22, "digest": "e" * 22, "rejects": 0, "seen_at": NOW},
    "oidc_auth_audit_statement": {
        "chain": "h" * 22,
        "kind": "checkpoint",
        "first_seq": 1,
        "last_seq": 9,
        "ended": 0,
        "statement": "{}",
    },
}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        engine = build_engine(sqlite_url(Path(folder)))
        with Session(engine) as session:
            manager = OidcAuthDBManager(session)
            config = manager.get_alembic_config()
            revision = manager.get_script_object().get_current_head()
        with engine.connect() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        store = DatabaseSessionStore(TokenCipher(KEYS), transactions=sessionmaker(engine).begin)
        ada, bob = open_session(store), open_session(store, "bob", VIEWER, name="Böb 🚀")
        gone = open_session(store, "bob", VIEWER, name="Böb 🚀")
        store.end(gone.id, reason="user_logout", now=NOW)
        expect = {"live": {"ada": ada.id, "bob": bob.id}, "ended": gone.id, "tokens": _make_tokens(store, bob)}
        with engine.begin() as connection:
            found = MetaData()
            found.reflect(connection)
            for name in found.tables.keys() & SQL.keys():
                row = {k: ada.principal_id if v == "{ada}" else v for k, v in SQL[name].items()}
                connection.execute(found.tables[name].insert(), row)
            tables = {
                table.name: [dict(row._mapping) for row in connection.execute(text(f"SELECT * FROM {table.name}"))]
                for table in found.sorted_tables
                if table.name.startswith("oidc_auth_")
            }
    written = json.dumps({"revision": revision, **expect, "tables": tables}, indent=1)
    Path(sys.argv[1]).write_text(f"{written}\n", encoding="utf-8")


def _make_tokens(store: DatabaseSessionStore, owner) -> list[str]:
    if importlib.util.find_spec("tests.storage.tokens") is None:
        return []
    from tests.storage.tokens import make_token

    return [make_token(store, owner, scope=("Viewer",)).id]


main()
