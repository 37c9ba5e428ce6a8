"""Give sessions what a re-check at the IdP needs: tokens, claims, when it is due, and who does it now.

Every column may be NULL: servers of an older release go on opening sessions while this one is rolled out, and such a
session is as before, without re-checks. Types are spelled out: a migration must still do the same when the models have
moved on.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from airflow_oidc_auth.sessions.models import SCHEMA

revision = "2f8a6d14b97c"
down_revision = "e91a5c7d3f20"
branch_labels = None
depends_on = None

TABLE = "oidc_auth_session"
TIMES = ("auth_time", "seen_at", "checked_at", "check_due_at", "regrade_at", "lease_until")
INDEXES = ("seen_at", "check_due_at", "regrade_at")


def _ascii(length: int) -> Any:
    return sa.String(length).with_variant(
        mysql.VARCHAR(length, charset="ascii", collation="ascii_bin"), "mysql", "mariadb"
    )


def _document() -> Any:
    return sa.Text().with_variant(mysql.MEDIUMTEXT(charset="ascii", collation="ascii_bin"), "mysql", "mariadb")


def upgrade() -> None:
    """Add the columns and what finds the sessions that are due or idle."""
    columns = [
        sa.Column("access_token", _document(), nullable=True),
        sa.Column("claims", _document(), nullable=True),
        *(sa.Column(name, sa.BigInteger(), nullable=True) for name in TIMES),
        sa.Column("check_failures", sa.Integer(), nullable=True),
        sa.Column("lease_owner", _ascii(32), nullable=True),
    ]
    for column in columns:
        op.add_column(TABLE, column, schema=SCHEMA)
    for name in INDEXES:
        op.create_index(f"idx_{TABLE}_{name}", TABLE, [name], schema=SCHEMA)


def downgrade() -> None:
    """Drop them; sessions go on until their end, unconfirmed."""
    for name in INDEXES:
        op.drop_index(f"idx_{TABLE}_{name}", TABLE, schema=SCHEMA)
    for name in ("lease_owner", "check_failures", *reversed(TIMES), "claims", "access_token"):
        op.drop_column(TABLE, name, schema=SCHEMA)
