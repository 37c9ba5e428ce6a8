"""Create the table of what is signed about audit rows.

Types are spelled out: a migration must still do the same when the models have moved on.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from airflow_oidc_auth.sessions.models import SCHEMA

revision = "5b90d7e3a1f4"
down_revision = "c84f2b9d6e17"
branch_labels = None
depends_on = None

STATEMENTS = "oidc_auth_audit_statement"
BY_CHAIN = "idx_oidc_auth_audit_statement_chain_last_seq"


def _key(length: int) -> Any:
    ascii_key = mysql.VARCHAR(length, charset="ascii", collation="ascii_bin")
    return sa.String(length).with_variant(ascii_key, "mysql", "mariadb")


def upgrade() -> None:
    """Create the table; servers of an older release do not know it, and write rows without a place in a chain."""
    text = sa.Text().with_variant(mysql.MEDIUMTEXT(charset="ascii", collation="ascii_bin"), "mysql", "mariadb")
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        STATEMENTS,
        sa.Column("id", number, autoincrement=True, nullable=False),
        sa.Column("chain", _key(22), nullable=False),
        sa.Column("kind", _key(16), nullable=False),
        sa.Column("first_seq", sa.BigInteger(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("ended", sa.BigInteger(), nullable=False),
        sa.Column("statement", text, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("oidc_auth_audit_statement_pkey")),
        schema=SCHEMA,
        sqlite_autoincrement=True,
    )
    op.create_index(BY_CHAIN, STATEMENTS, ["chain", "last_seq"], schema=SCHEMA)


def downgrade() -> None:
    """Drop the table: the older release writes no chain, and what was signed cannot be verified any more."""
    op.drop_index(BY_CHAIN, STATEMENTS, schema=SCHEMA)
    op.drop_table(STATEMENTS, schema=SCHEMA)
