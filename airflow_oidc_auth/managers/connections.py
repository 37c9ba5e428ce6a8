"""Resolve ``{connection: ID}`` secret references: the password of an Airflow connection."""

from __future__ import annotations

from airflow.exceptions import AirflowNotFoundException
from airflow.models.connection import Connection


def read_connection_secret(conn_id: str) -> str | None:
    """Return the password of the connection, None if there is no such connection or it has none."""
    try:
        connection = Connection.get_connection_from_secrets(conn_id)
    except AirflowNotFoundException:
        return None
    return connection.password or None
