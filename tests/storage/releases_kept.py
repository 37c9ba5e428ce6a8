"""Databases as earlier releases left them: ``releases/*.json``, written by their own code (``write_release.py``)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, MetaData, select
from sqlalchemy.orm import Session

from airflow_oidc_auth.sessions.db_manager import OidcAuthDBManager

FOLDER = Path(__file__).resolve().parent / "releases"
# The database hands these numbers out; a row with a number of its own would leave it behind.
COUNTED = {"oidc_auth_revocation": "sequence", "oidc_auth_audit_statement": "id"}


@dataclass(frozen=True)
class Release:
    """What one release left: the rows of its tables, and who of them is who."""

    name: str
    revision: str
    live: dict[str, str]
    ended: str
    tokens: list[str]
    tables: dict[str, list[dict[str, object]]]

    def rows(self, table: str) -> list[dict[str, object]]:
        """Return the rows without the numbers that the database hands out."""
        counted = COUNTED.get(table)
        return [{name: value for name, value in row.items() if name != counted} for row in self.tables[table]]


def kept_releases() -> list[Release]:
    """Return them, the oldest first."""
    return [
        Release(path.stem, **json.loads(path.read_text(encoding="utf-8"))) for path in sorted(FOLDER.glob("*.json"))
    ]


def insert(engine: Engine, release: Release) -> None:
    """Write the release's rows into whatever tables there are."""
    found = MetaData()
    found.reflect(engine)
    with engine.begin() as connection:
        for table in found.sorted_tables:
            if rows := release.rows(table.name) if table.name in release.tables else ():
                connection.execute(table.insert(), rows)


def read(engine: Engine, release: Release) -> dict[str, list[dict[str, object]]]:
    """Return what is left of the release's rows, in the columns that it knew."""
    found = MetaData()
    found.reflect(engine)
    told = {}
    with engine.connect() as connection:
        for name in release.tables:
            columns = found.tables[name].columns
            rows = connection.execute(select(*(columns[each] for each in release.rows(name)[0])))
            told[name] = sorted((dict(row._mapping) for row in rows), key=str)
    return told


def expected(release: Release) -> dict[str, list[dict[str, object]]]:
    """Return the rows as :func:`read` does."""
    return {name: sorted(release.rows(name), key=str) for name in release.tables}


def migrate(engine: Engine, action, revision: str) -> None:
    """Run one of Alembic's commands on a database."""
    with Session(engine) as session:
        config = OidcAuthDBManager(session).get_alembic_config()
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        action(config, revision)
