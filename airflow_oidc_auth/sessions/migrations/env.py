"""How Alembic reaches our tables: Airflow's engine, our metadata, a version table of our own."""

from __future__ import annotations

from airflow import settings
from alembic import context
from sqlalchemy.engine import Connection

from airflow_oidc_auth.sessions.models import SCHEMA, metadata

VERSION_TABLE = "alembic_version_oidc_auth"


def is_ours(_object: object, name: str | None, kind: str, _reflected: bool, _compared: object) -> bool:
    """Leave every table of Airflow and of other packages alone."""
    full_name = f"{SCHEMA}.{name}" if SCHEMA else name
    return kind != "table" or full_name in metadata.tables


def run_offline() -> None:
    """Print SQL instead of running it."""
    context.configure(
        url=context.config.get_main_option("sqlalchemy.url"),
        target_metadata=metadata,
        literal_binds=True,
        version_table=VERSION_TABLE,
        include_object=is_ours,
    )
    with context.begin_transaction():
        context.run_migrations()


def run_online(connection: Connection) -> None:
    """Run on an open connection."""
    context.configure(
        connection=connection,
        target_metadata=metadata,
        transaction_per_migration=True,
        compare_type=True,
        render_as_batch=True,
        version_table=VERSION_TABLE,
        include_object=is_ours,
    )
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    run_offline()
elif (given := context.config.attributes.get("connection")) is not None:
    run_online(given)
else:
    with settings.get_engine().connect() as own:  # type: ignore[no-untyped-call]
        run_online(own)
