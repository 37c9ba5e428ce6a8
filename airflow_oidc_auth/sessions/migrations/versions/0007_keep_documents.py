"""Create the tables of the last accepted document and of the servers that run on one.

Types are spelled out: a migration must still do the same when the models have moved on.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from airflow_oidc_auth.sessions.models import SCHEMA

revision = "c84f2b9d6e17"
down_revision = "a3f19e60c2d4"
branch_labels = None
depends_on = None

DOCUMENTS = "oidc_auth_document"
SERVERS = "oidc_auth_server"


def _key(length: int) -> Any:
    ascii_key = mysql.VARCHAR(length, charset="ascii", collation="ascii_bin")
    return sa.String(length).with_variant(ascii_key, "mysql", "mariadb")


def upgrade() -> None:
    """Create the tables; servers of an older release do not know them and go on."""
    sealed = sa.Text().with_variant(mysql.MEDIUMTEXT(charset="ascii", collation="ascii_bin"), "mysql", "mariadb")
    op.create_table(
        DOCUMENTS,
        sa.Column("source_key", _key(64), nullable=False),
        sa.Column("digest", _key(22), nullable=False),
        sa.Column("sealed", sealed, nullable=False),
        sa.Column("accepted_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source_key", name=op.f("oidc_auth_document_pkey")),
        schema=SCHEMA,
    )
    op.create_table(
        SERVERS,
        sa.Column("id", _key(22), nullable=False),
        sa.Column("digest", _key(22), nullable=False),
        sa.Column("rejects", sa.Integer(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("oidc_auth_server_pkey")),
        schema=SCHEMA,
    )


def downgrade() -> None:
    """Drop the tables: the older release starts on its document, or not at all."""
    op.drop_table(SERVERS, schema=SCHEMA)
    op.drop_table(DOCUMENTS, schema=SCHEMA)
