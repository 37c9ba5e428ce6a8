"""Create the table of messages that may be used once, and find sessions by the IdP's session id.

Types are spelled out: a migration must still do the same when the models have moved on.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from airflow_oidc_auth.sessions.models import SCHEMA

revision = "e91a5c7d3f20"
down_revision = "b7e2f40c61d8"
branch_labels = None
depends_on = None

TABLE = "oidc_auth_replay"
SID_INDEX = "idx_oidc_auth_session_idp_sid"


def upgrade() -> None:
    """Create the table and the index."""
    key = sa.String(64).with_variant(mysql.VARCHAR(64, charset="ascii", collation="ascii_bin"), "mysql", "mariadb")
    op.create_table(
        TABLE,
        sa.Column("message_key", key, nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("message_key", name=op.f("oidc_auth_replay_pkey")),
        schema=SCHEMA,
    )
    op.create_index("idx_oidc_auth_replay_expires_at", TABLE, ["expires_at"], schema=SCHEMA)
    op.create_index(SID_INDEX, "oidc_auth_session", ["idp_sid"], schema=SCHEMA)


def downgrade() -> None:
    """Drop both; a message that is still valid could be used a second time."""
    op.drop_index(SID_INDEX, "oidc_auth_session", schema=SCHEMA)
    op.drop_table(TABLE, schema=SCHEMA)
