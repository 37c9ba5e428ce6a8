"""Create the tables of principals, sessions and revocations.

Types are spelled out: a migration must still do the same when the models have moved on.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from airflow_oidc_auth.sessions.models import SCHEMA

revision = "4c1d0e7a9b35"
down_revision = None
branch_labels = None
depends_on = None


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
    """Create the three tables."""
    _create_principals()
    _create_sessions()
    _create_revocations()


def downgrade() -> None:
    """Drop them, with every session; people sign in again."""
    for table in ("oidc_auth_revocation", "oidc_auth_session", "oidc_auth_principal"):
        op.drop_table(table, schema=SCHEMA)


def _create_principals() -> None:
    op.create_table(
        "oidc_auth_principal",
        sa.Column("id", _ascii(24), nullable=False),
        sa.Column("issuer", _unicode(1024), nullable=False),
        sa.Column("subject", _unicode(1024), nullable=False),
        sa.Column("name", _unicode(250), nullable=False),
        sa.Column("email", _unicode(320), nullable=True),
        sa.Column("roles", _document(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("signed_in_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("oidc_auth_principal_pkey")),
        schema=SCHEMA,
    )


def _create_sessions() -> None:
    principal = f"{SCHEMA}.oidc_auth_principal.id" if SCHEMA else "oidc_auth_principal.id"
    op.create_table(
        "oidc_auth_session",
        sa.Column("id", _ascii(22), nullable=False),
        sa.Column("principal_id", _ascii(24), nullable=False),
        sa.Column("provider", _ascii(32), nullable=False),
        sa.Column("name", _unicode(250), nullable=False),
        sa.Column("email", _unicode(320), nullable=True),
        sa.Column("grant_document", _document(), nullable=False),
        sa.Column("grant_digest", _ascii(64), nullable=False),
        sa.Column("idp_sid", _unicode(255), nullable=True),
        sa.Column("client_address", _unicode(64), nullable=True),
        sa.Column("id_token", _document(), nullable=True),
        sa.Column("refresh_token", _document(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("end_reason", _ascii(64), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("oidc_auth_session_pkey")),
        sa.ForeignKeyConstraint(["principal_id"], [principal], name=op.f("oidc_auth_session_principal_id_fkey")),
        schema=SCHEMA,
    )
    for column in ("principal_id", "expires_at"):
        op.create_index(f"idx_oidc_auth_session_{column}", "oidc_auth_session", [column], schema=SCHEMA)


def _create_revocations() -> None:
    op.create_table(
        "oidc_auth_revocation",
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("kind", _ascii(16), nullable=False),
        sa.Column("revoked_key", _ascii(128), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("oidc_auth_revocation_pkey")),
        sa.UniqueConstraint("kind", "revoked_key", name=op.f("oidc_auth_revocation_kind_key_uq")),
        sqlite_autoincrement=True,
        schema=SCHEMA,
    )
    op.create_index("idx_oidc_auth_revocation_expires_at", "oidc_auth_revocation", ["expires_at"], schema=SCHEMA)
