"""Resolve ``{connection: ID}`` secret references: the password of an Airflow connection."""

from __future__ import annotations

from airflow.exceptions import AirflowException, AirflowNotFoundException
from airflow.models.connection import Connection
from sqlalchemy.exc import SQLAlchemyError


def read_connection_secret(conn_id: str) -> str | None:
    """Return the password of the connection, None if there is no such connection or it has none.

    :raises OSError: the metadata database or the secrets backend cannot be asked; the text names no secret
    """
    try:
        connection = Connection.get_connection_from_secrets(conn_id)
    except AirflowNotFoundException:
        return None
    except (SQLAlchemyError, AirflowException) as error:
        # Not chained: the statement and its parameters are in it.
        raise OSError(f"connections cannot be read: {type(error).__name__}") from None
    return connection.password or None
