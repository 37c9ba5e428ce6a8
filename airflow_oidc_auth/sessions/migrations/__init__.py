"""Alembic migrations of the tables in :mod:`airflow_oidc_auth.sessions.models`; run by ``airflow db migrate``."""
