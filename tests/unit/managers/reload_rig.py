"""Servers that follow one document, as far as that goes: a real file, a real database, no web."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.orm import sessionmaker

from airflow_oidc_auth.audit.event import AuditRecord
from airflow_oidc_auth.audit.log import AuditLog
from airflow_oidc_auth.config.compiled import CompiledConfig
from airflow_oidc_auth.errors import ConfigurationError
from airflow_oidc_auth.login.keys import derive_document_fernet
from airflow_oidc_auth.managers.document_source import read_document_file
from airflow_oidc_auth.managers.reloading import Reloading, Surroundings
from airflow_oidc_auth.managers.settings import Settings
from airflow_oidc_auth.managers.starting import choose_start
from airflow_oidc_auth.sessions.database import DatabaseSessionStore
from airflow_oidc_auth.sessions.documents import KeptDocuments
from airflow_oidc_auth.sessions.fernet import TokenCipher
from airflow_oidc_auth.sessions.models import metadata
from airflow_oidc_auth.sessions.replay import StoreReplayCache
from tests.storage.backends import KEYS, build_engine, sqlite_url

NOW = 1_700_000_000


class ConfigMap:
    """A ConfigMap as the kubelet mounts it: files are links through ``..data``, which one rename swaps."""

    def __init__(self, folder: Path, content: str) -> None:
        self._folder = folder
        self._revision = 0
        self._swap_in(content)
        self.file = folder / "oidc_auth.yaml"
        self.file.symlink_to(Path("..data") / "oidc_auth.yaml")

    def swap(self, content: str) -> None:
        """Bring new content; the old directory goes away."""
        old = (self._folder / "..data").resolve()
        self._swap_in(content)
        (old / "oidc_auth.yaml").unlink()
        old.rmdir()

    def _swap_in(self, content: str) -> None:
        self._revision += 1
        fresh = self._folder / f"..2026_11_21_23_00_00.{self._revision}"
        fresh.mkdir()
        (fresh / "oidc_auth.yaml").write_text(content, encoding="utf-8")
        (self._folder / "..data_tmp").symlink_to(fresh.name)
        (self._folder / "..data_tmp").replace(self._folder / "..data")


class Deployment:
    """What servers share.

    :param now: epoch seconds, for all of them
    """

    def __init__(self, folder: Path, content: str) -> None:
        (folder / "config").mkdir()
        self.map = ConfigMap(folder / "config", content)
        self.engine: Engine = build_engine(sqlite_url(folder))
        metadata.create_all(self.engine)
        self.transactions: Callable = sessionmaker(self.engine).begin
        self.records: list[AuditRecord] = []
        self.now = NOW
        self.documents = KeptDocuments(derive_document_fernet(KEYS), transactions=self.open_transaction)

    def open_transaction(self):
        """Open a transaction, unless a test has taken the database away."""
        return self.transactions()

    def settings(self, file: Path | None = None, **facts) -> Settings:
        """Return the settings as a server reads them when it starts."""
        path = str(file or self.map.file)
        facts = {"base_url": "http://localhost:8080", "config_file": path, "fernet_keys": KEYS, **facts}
        try:
            return Settings(document=read_document_file(path), **facts)
        except ConfigurationError as error:
            return Settings(document=None, problems=error.problems, file_problems=error.problems, **facts)

    def start(self, settings: Settings | None = None) -> Server:
        """Return a server that has just started, and looked once."""
        server = Server(self, settings or self.settings())
        server.reloading.look()
        return server

    def told(self, event: str) -> list[dict[str, object]]:
        """Return what the audit got of an event, each time it is asked for the first time."""
        mine = [each for each in self.records if each.event.value == event]
        self.records = [each for each in self.records if each not in mine]
        return [{"reason": each.reason, **dict(each.detail)} for each in mine]

    def write(self, record: AuditRecord) -> None:
        """Be the sink of every server's audit."""
        self.records.append(record)


class Server:
    """One server process."""

    def __init__(self, deployment: Deployment, settings: Settings) -> None:
        self.start = choose_start(settings, lambda asked: deployment.documents.find(asked.place))
        self.running: CompiledConfig = self.start.in_force.config
        store = DatabaseSessionStore(TokenCipher(KEYS), transactions=deployment.open_transaction)
        audit = AuditLog([deployment], fail_login=False)
        clock = lambda: deployment.now  # noqa: E731
        claims = StoreReplayCache(store, clock)
        self.reloading = Reloading(
            self.start, Surroundings(self._apply, lambda: audit, deployment.documents, claims, clock, lambda: None)
        )

    def _apply(self, config: CompiledConfig) -> None:
        self.running = config

    @property
    def label(self) -> str:
        """What tells the documents of these tests apart."""
        return self.running.providers["idp"].label
