"""Let ``airflow db migrate`` create and migrate our tables."""

from __future__ import annotations

from pathlib import Path

from airflow.utils.db_manager import BaseDBManager
from alembic import command
from alembic.config import Config

from airflow_oidc_auth.sessions.models import metadata

_HERE = Path(__file__).parent


class OidcAuthDBManager(BaseDBManager):
    """Airflow's DB manager for the tables of :mod:`airflow_oidc_auth.sessions.models`."""

    metadata = metadata
    version_table_name = "alembic_version_oidc_auth"
    migration_dir = (_HERE / "migrations").as_posix()
    alembic_file = (_HERE / "alembic.ini").as_posix()
    supports_table_dropping = True
    revision_heads_map = {"0.1.0": "5b90d7e3a1f4"}  # noqa: RUF012  # declared so by the base class

    def downgrade(
        self,
        to_revision: str,
        from_revision: str | None = None,
        show_sql_only: bool = False,  # noqa: FBT002  # the base class's signature
    ) -> None:
        """Migrate down to a revision, or print the SQL that would; ``base`` drops all our tables.

        :param from_revision: only with ``show_sql_only``; the current revision if not given
        """
        if from_revision and not show_sql_only:
            raise ValueError("from_revision is for show_sql_only; a real downgrade begins at the current revision")
        config: Config = self.get_alembic_config()  # type: ignore[no-untyped-call]
        if not show_sql_only:
            # MySQL would wait for the locks of a transaction that this session has left open.
            self.session.commit()
            command.downgrade(config, to_revision)
            return
        current = self.get_current_revision()  # type: ignore[no-untyped-call]
        begin = from_revision or current or self.get_script_object(config).get_current_head()
        command.downgrade(config, f"{begin}:{to_revision}", sql=True)
