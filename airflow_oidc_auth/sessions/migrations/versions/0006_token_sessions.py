"""Let a row be a token that was made for a program: what it is called, whose it is, and when it must be confirmed.

Every column may be NULL: servers of an older release go on opening sessions while this one is rolled out, and a row
without a kind is a browser's. Types are spelled out: a migration must still do the same when the models have moved on.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from airflow_oidc_auth.sessions.models import SCHEMA

revision = "a3f19e60c2d4"
down_revision = "7d05c1e8a4b6"
branch_labels = None
depends_on = None

TABLE = "oidc_auth_session"
INDEXES = ("kind", "parent")
COLUMNS = ("kind", "label", "client_id", "actors", "jkt", "scope", "verify_by", "parent")


def _text(length: int, charset: str) -> Any:
    return sa.String(length).with_variant(
        mysql.VARCHAR(length, charset=charset, collation=f"{charset}_bin"), "mysql", "mariadb"
    )


def _document() -> Any:
    return sa.Text().with_variant(mysql.MEDIUMTEXT(charset="ascii", collation="ascii_bin"), "mysql", "mariadb")


def upgrade() -> None:
    """Add the columns and what finds token sessions, and those made from another."""
    types = (
        *(_text(16, "ascii"), _text(100, "utf8mb4"), _text(255, "utf8mb4"), _document()),
        *(_text(43, "ascii"), _document(), sa.BigInteger(), _text(22, "ascii")),
    )
    for name, kind in zip(COLUMNS, types, strict=True):
        op.add_column(TABLE, sa.Column(name, kind, nullable=True), schema=SCHEMA)
    for name in INDEXES:
        op.create_index(f"idx_{TABLE}_{name}", TABLE, [name], schema=SCHEMA)


def downgrade() -> None:
    """End the token sessions, which the older release would take for a browser's, and drop the columns."""
    op.execute(
        sa.text(f"UPDATE {_qualified()} SET expires_at = 0, ended_at = created_at WHERE kind IS NOT NULL")  # noqa: S608
    )
    for name in INDEXES:
        op.drop_index(f"idx_{TABLE}_{name}", TABLE, schema=SCHEMA)
    for name in reversed(COLUMNS):
        op.drop_column(TABLE, name, schema=SCHEMA)


def _qualified() -> str:
    return f"{SCHEMA}.{TABLE}" if SCHEMA else TABLE
