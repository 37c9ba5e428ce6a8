"""Create the table of one-time links for when the IdP is down.

Types are spelled out: a migration must still do the same when the models have moved on.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from airflow_oidc_auth.sessions.models import SCHEMA

revision = "7d05c1e8a4b6"
down_revision = "2f8a6d14b97c"
branch_labels = None
depends_on = None

TABLE = "oidc_auth_break_glass"


def _ascii(length: int) -> Any:
    return sa.String(length).with_variant(
        mysql.VARCHAR(length, charset="ascii", collation="ascii_bin"), "mysql", "mariadb"
    )


def _unicode(length: int) -> Any:
    return sa.String(length).with_variant(
        mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin"), "mysql", "mariadb"
    )


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        TABLE,
        sa.Column("id", _ascii(16), nullable=False),
        sa.Column("token_hash", _ascii(64), nullable=False),
        sa.Column("role", _unicode(250), nullable=False),
        sa.Column("reason", _unicode(250), nullable=False),
        sa.Column("created_by", _unicode(250), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.Column("used_from", _unicode(64), nullable=True),
        sa.Column("session_id", _ascii(22), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("oidc_auth_break_glass_pkey")),
        schema=SCHEMA,
    )


def downgrade() -> None:
    """Drop it; sessions that such links opened go on until their hard end."""
    op.drop_table(TABLE, schema=SCHEMA)
