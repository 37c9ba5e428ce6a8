"""Create the table that says which FAB user an identity is; empty under the native auth manager.

Types are spelled out: a migration must still do the same when the models have moved on.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from airflow_oidc_auth.sessions.models import SCHEMA

revision = "b7e2f40c61d8"
down_revision = "4c1d0e7a9b35"
branch_labels = None
depends_on = None

TABLE = "oidc_auth_fab_user"


def _ascii(length: int) -> Any:
    return sa.String(length).with_variant(
        mysql.VARCHAR(length, charset="ascii", collation="ascii_bin"), "mysql", "mariadb"
    )


def _unicode(length: int) -> Any:
    return sa.String(length).with_variant(
        mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin"), "mysql", "mariadb"
    )


def _document() -> Any:
    return sa.Text().with_variant(mysql.MEDIUMTEXT(charset="ascii", collation="ascii_bin"), "mysql", "mariadb")


def upgrade() -> None:
    """Create the table."""
    principal = f"{SCHEMA}.oidc_auth_principal.id" if SCHEMA else "oidc_auth_principal.id"
    op.create_table(
        TABLE,
        sa.Column("principal_id", _ascii(24), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("user_created_on", _ascii(40), nullable=False),
        sa.Column("given_roles", _document(), nullable=False),
        sa.Column("linked_at", sa.BigInteger(), nullable=False),
        sa.Column("linked_by", _unicode(250), nullable=False),
        sa.PrimaryKeyConstraint("principal_id", name=op.f("oidc_auth_fab_user_pkey")),
        sa.ForeignKeyConstraint(["principal_id"], [principal], name=op.f("oidc_auth_fab_user_principal_id_fkey")),
        sa.UniqueConstraint("user_id", name=op.f("oidc_auth_fab_user_user_id_uq")),
        schema=SCHEMA,
    )


def downgrade() -> None:
    """Drop it, with every link: in FAB mode the next sign-in of each person makes them a new FAB user."""
    op.drop_table(TABLE, schema=SCHEMA)
