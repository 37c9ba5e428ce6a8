"""Let ``airflow db migrate`` create and migrate our tables.

A release may find tables that a newer one has migrated: it was rolled back, or both run side by side. Migrations only
add tables and columns that may be empty, so that it works on them; a test holds every migration to that. Airflow itself
would wait for ever in ``airflow db check-migrations`` and fail in ``airflow db migrate``, and with them a deployment
whose jobs and init containers run these.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from airflow.utils.db_manager import BaseDBManager
from alembic import command
from alembic.config import Config

from airflow_oidc_auth.sessions.models import metadata

log = logging.getLogger(__name__)

_HERE = Path(__file__).parent


class OidcAuthDBManager(BaseDBManager):
    """Airflow's DB manager for the tables of :mod:`airflow_oidc_auth.sessions.models`."""

    metadata = metadata
    version_table_name = "alembic_version_oidc_auth"
    migration_dir = (_HERE / "migrations").as_posix()
    alembic_file = (_HERE / "alembic.ini").as_posix()
    supports_table_dropping = True
    revision_heads_map = {"0.1.0": "5b90d7e3a1f4"}  # noqa: RUF012  # declared so by the base class

    def is_ahead(self) -> bool:
        """Tell whether the tables are at a revision of a newer release: one that this release does not know."""
        current = self.get_current_revision()  # type: ignore[no-untyped-call]
        known = self.get_script_object().walk_revisions()
        return current is not None and current not in {each.revision for each in known}

    def check_migration(self) -> bool:
        """Return whether a server of this release may start: nothing is missing, although there may be more."""
        return self.is_ahead() or bool(super().check_migration())  # type: ignore[no-untyped-call]

    def upgradedb(self, *arguments: Any, **options: Any) -> None:
        """Migrate up, as the base class does; leave the tables of a newer release as they are."""
        if self.is_ahead():
            log.warning(
                "airflow-oidc-auth: a newer release has migrated the tables (revision %s); they stay as they are, and "
                "this release works on them. Only the newer one can take them back: airflow oidc db downgrade",
                self.get_current_revision(),  # type: ignore[no-untyped-call]
            )
            return
        super().upgradedb(*arguments, **options)  # type: ignore[no-untyped-call]

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
