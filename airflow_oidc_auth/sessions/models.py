"""The nine tables, in metadata of their own.

Times are epoch seconds: no time-zone or fraction differences between databases. Whatever is looked up (session id,
principal id, revoked key) is ASCII with binary collation, so that MySQL and MariaDB neither fold case nor
match a neighbour; issuer and subject are compared in Python, never by the database. Text from outside is
``utf8mb4`` whatever the database's default, or a name with an emoji would fail the sign-in.
"""

from __future__ import annotations

from typing import Any

from airflow.models.base import metadata as airflow_metadata
from airflow.models.base import naming_convention
from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, MetaData, String, Table, Text, UniqueConstraint
from sqlalchemy.dialects import mysql

from airflow_oidc_auth.sessions.limits import (
    BREAK_GLASS_ID_LENGTH,
    CHAIN_ID_LENGTH,
    DIGEST_LENGTH,
    LEASE_OWNER_LENGTH,
    MAX_ADDRESS_LENGTH,
    MAX_CLIENT_LENGTH,
    MAX_EMAIL_LENGTH,
    MAX_EXPLANATION_LENGTH,
    MAX_IDENTITY_LENGTH,
    MAX_ISO_TIME_LENGTH,
    MAX_KEY_LENGTH,
    MAX_KIND_LENGTH,
    MAX_LABEL_LENGTH,
    MAX_NAME_LENGTH,
    MAX_REASON_LENGTH,
    MAX_SID_LENGTH,
    MESSAGE_KEY_LENGTH,
    PRINCIPAL_ID_LENGTH,
    SERVER_ID_LENGTH,
    SESSION_ID_LENGTH,
    SOURCE_KEY_LENGTH,
    THUMBPRINT_LENGTH,
)

SCHEMA: str | None = airflow_metadata.schema

_MYSQL = ("mysql", "mariadb")


def ascii_key(length: int) -> Any:
    """Return the type of a value that is looked up: compared byte by byte everywhere."""
    return String(length).with_variant(mysql.VARCHAR(length, charset="ascii", collation="ascii_bin"), *_MYSQL)


def unicode_text(length: int) -> Any:
    """Return the type of text from outside that is never looked up."""
    return String(length).with_variant(mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin"), *_MYSQL)


def ascii_document() -> Any:
    """Return the type of our JSON (escaped to ASCII) and of ciphertext; more than MySQL's 64 KB ``TEXT``."""
    return Text().with_variant(mysql.MEDIUMTEXT(charset="ascii", collation="ascii_bin"), *_MYSQL)


metadata = MetaData(schema=SCHEMA, naming_convention=naming_convention)

principals = Table(
    "oidc_auth_principal",
    metadata,
    Column("id", ascii_key(PRINCIPAL_ID_LENGTH), primary_key=True),
    Column("issuer", unicode_text(MAX_IDENTITY_LENGTH), nullable=False),
    Column("subject", unicode_text(MAX_IDENTITY_LENGTH), nullable=False),
    Column("name", unicode_text(MAX_NAME_LENGTH), nullable=False),
    Column("email", unicode_text(MAX_EMAIL_LENGTH), nullable=True),
    Column("roles", ascii_document(), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("signed_in_at", BigInteger, nullable=False),
)

sessions = Table(
    "oidc_auth_session",
    metadata,
    Column("id", ascii_key(SESSION_ID_LENGTH), primary_key=True),
    Column("principal_id", ascii_key(PRINCIPAL_ID_LENGTH), ForeignKey(principals.c.id), nullable=False),
    Column("provider", ascii_key(32), nullable=False),
    Column("name", unicode_text(MAX_NAME_LENGTH), nullable=False),
    Column("email", unicode_text(MAX_EMAIL_LENGTH), nullable=True),
    Column("grant_document", ascii_document(), nullable=False),
    Column("grant_digest", ascii_key(64), nullable=False),
    Column("idp_sid", unicode_text(MAX_SID_LENGTH), nullable=True),
    Column("client_address", unicode_text(MAX_ADDRESS_LENGTH), nullable=True),
    Column("id_token", ascii_document(), nullable=True),
    Column("refresh_token", ascii_document(), nullable=True),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger, nullable=True),
    Column("end_reason", ascii_key(MAX_REASON_LENGTH), nullable=True),
    Column("access_token", ascii_document(), nullable=True),
    Column("claims", ascii_document(), nullable=True),
    Column("auth_time", BigInteger, nullable=True),
    Column("seen_at", BigInteger, nullable=True),
    Column("checked_at", BigInteger, nullable=True),
    Column("check_due_at", BigInteger, nullable=True),
    Column("regrade_at", BigInteger, nullable=True),
    Column("lease_until", BigInteger, nullable=True),
    Column("check_failures", Integer, nullable=True),
    Column("lease_owner", ascii_key(LEASE_OWNER_LENGTH), nullable=True),
    # Token sessions; a browser's has no kind, as the rows of older releases.
    Column("kind", ascii_key(MAX_KIND_LENGTH), nullable=True),
    Column("label", unicode_text(MAX_LABEL_LENGTH), nullable=True),
    Column("client_id", unicode_text(MAX_CLIENT_LENGTH), nullable=True),
    Column("actors", ascii_document(), nullable=True),
    Column("jkt", ascii_key(THUMBPRINT_LENGTH), nullable=True),
    Column("scope", ascii_document(), nullable=True),
    Column("verify_by", BigInteger, nullable=True),
    Column("parent", ascii_key(SESSION_ID_LENGTH), nullable=True),
    Index("idx_oidc_auth_session_principal_id", "principal_id"),
    Index("idx_oidc_auth_session_expires_at", "expires_at"),
    Index("idx_oidc_auth_session_idp_sid", "idp_sid"),
    Index("idx_oidc_auth_session_seen_at", "seen_at"),
    Index("idx_oidc_auth_session_check_due_at", "check_due_at"),
    Index("idx_oidc_auth_session_regrade_at", "regrade_at"),
    Index("idx_oidc_auth_session_kind", "kind"),
    Index("idx_oidc_auth_session_parent", "parent"),
)

revocations = Table(
    "oidc_auth_revocation",
    metadata,
    Column(
        "sequence", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True, nullable=False
    ),
    Column("kind", ascii_key(16), nullable=False),
    Column("revoked_key", ascii_key(MAX_KEY_LENGTH), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    UniqueConstraint("kind", "revoked_key", name="oidc_auth_revocation_kind_key_uq"),
    Index("idx_oidc_auth_revocation_expires_at", "expires_at"),
    # Without AUTOINCREMENT SQLite hands out the numbers of deleted rows again, below what the feeds have read.
    sqlite_autoincrement=True,
)

# FAB's users belong to another package that may be absent: no foreign key leads there, and ``user_created_on`` tells a
# user from one who was given the number of a deleted one.
fab_users = Table(
    "oidc_auth_fab_user",
    metadata,
    Column("principal_id", ascii_key(PRINCIPAL_ID_LENGTH), ForeignKey(principals.c.id), primary_key=True),
    Column("user_id", Integer, nullable=False),
    Column("user_created_on", ascii_key(MAX_ISO_TIME_LENGTH), nullable=False),
    Column("given_roles", ascii_document(), nullable=False),
    Column("linked_at", BigInteger, nullable=False),
    Column("linked_by", unicode_text(MAX_NAME_LENGTH), nullable=False),
    UniqueConstraint("user_id", name="oidc_auth_fab_user_user_id_uq"),
)

# The primary key is the lock: of several API servers that see one message, one can insert.
replays = Table(
    "oidc_auth_replay",
    metadata,
    Column("message_key", ascii_key(MESSAGE_KEY_LENGTH), primary_key=True),
    Column("expires_at", BigInteger, nullable=False),
    Index("idx_oidc_auth_replay_expires_at", "expires_at"),
)

# One row per link of ``airflow oidc break-glass``. The token is nowhere: ``token_hash`` is keyed, and over all that
# the link allows, so that whoever can write rows can neither make a link nor change one.
break_glass = Table(
    "oidc_auth_break_glass",
    metadata,
    Column("id", ascii_key(BREAK_GLASS_ID_LENGTH), primary_key=True),
    Column("token_hash", ascii_key(64), nullable=False),
    Column("role", unicode_text(MAX_NAME_LENGTH), nullable=False),
    Column("reason", unicode_text(MAX_EXPLANATION_LENGTH), nullable=False),
    Column("created_by", unicode_text(MAX_NAME_LENGTH), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("minutes", Integer, nullable=False),
    Column("used_at", BigInteger, nullable=True),
    Column("used_from", unicode_text(MAX_ADDRESS_LENGTH), nullable=True),
    Column("session_id", ascii_key(SESSION_ID_LENGTH), nullable=True),
    Column("ended_at", BigInteger, nullable=True),
)

# The last document that a server accepted, per place that it came from. Sealed: who can write rows plants no policy.
documents = Table(
    "oidc_auth_document",
    metadata,
    Column("source_key", ascii_key(SOURCE_KEY_LENGTH), primary_key=True),
    Column("digest", ascii_key(DIGEST_LENGTH), nullable=False),
    Column("sealed", ascii_document(), nullable=False),
    Column("accepted_at", BigInteger, nullable=False),
)

# What was signed about the chain of audit rows. The columns find a statement; what it says is in its signed text.
audit_statements = Table(
    "oidc_auth_audit_statement",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True, nullable=False),
    Column("chain", ascii_key(CHAIN_ID_LENGTH), nullable=False),
    Column("kind", ascii_key(MAX_KIND_LENGTH), nullable=False),
    Column("first_seq", BigInteger, nullable=False),
    Column("last_seq", BigInteger, nullable=False),
    Column("ended", BigInteger, nullable=False),
    Column("statement", ascii_document(), nullable=False),
    Index("idx_oidc_auth_audit_statement_chain_last_seq", "chain", "last_seq"),
    sqlite_autoincrement=True,
)

# One row per running server process: which configuration it is on, so that any of them can tell of all.
servers = Table(
    "oidc_auth_server",
    metadata,
    Column("id", ascii_key(SERVER_ID_LENGTH), primary_key=True),
    Column("digest", ascii_key(DIGEST_LENGTH), nullable=False),
    Column("rejects", Integer, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
)
