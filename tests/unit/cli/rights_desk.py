"""A metadata database with people, DAGs, connections and teams, for the commands that judge rights."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airflow.models.asset import AssetModel
from airflow.models.connection import Connection
from airflow.models.dag import DagModel, DagTag
from airflow.models.dagbundle import DagBundleModel
from airflow.models.pool import Pool
from airflow.models.team import Team, dag_bundle_team_association_table
from airflow.models.variable import Variable
from sqlalchemy import Engine, insert, update
from sqlalchemy.orm import Session as Transaction

from airflow_oidc_auth.grants.grant import Grant, RuleMatch
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.providers.provider import SignIn
from airflow_oidc_auth.sessions import models
from airflow_oidc_auth.sessions.session import Opening, Session
from airflow_oidc_auth.sessions.store import SessionStore

HOUR = 3600
ISSUER = "https://acme.okta.com"
DOCUMENT = """\
version: 1
providers:
  okta: {preset: okta, issuer: https://acme.okta.com, client_id: x, client_secret: {env: NOT_SET_ANYWHERE}}
grants:
  rules:
    - {name: admins, when: {group: airflow-admins}, roles: [Admin]}
    - {name: finance, when: {group: finance}, roles: [finance, Viewer]}
    - {name: teams, when: {group_regex: "team-(?P<team>[a-z]+)"}, roles: [User], teams: ["{team}"]}
roles:
  finance:
    description: Runs the finance DAGs
    allow:
      - {actions: [run, clear], dags: ["finance_*"]}
      - {actions: [read], connections: ["fin-*"]}
      - {actions: [edit], dags: {tags: [finance]}}
    deny:
      - {actions: [read], dags: ["finance_secret_*"]}
"""
TABLES = (AssetModel, Connection, DagBundleModel, DagModel, DagTag, Pool, Team, Variable)


@dataclass(frozen=True)
class RightsDesk:
    """The database, and the configured document."""

    store: SessionStore
    engine: Engine
    document: Path

    def sign_in(
        self, subject: str, groups: Iterable[str], roles: Iterable[str] = ("Viewer",), *, held: bool = True, **more: Any
    ) -> Session:
        """Open a session; ``held`` is False for one that is never re-checked, whose claims are not kept."""
        now = int(time.time())
        email = more.get("email", f"{subject}@example.com")
        identity = Identity("okta", ISSUER, subject, subject.title(), email, True, frozenset(groups), {"sub": subject})
        given = tuple(sorted(roles))
        matches = more.get("matches", (RuleMatch("some", "grants.rules[1]", given),))
        grant = Grant(given, tuple(sorted({team for match in matches for team in match.teams})), matches)
        opening = Opening(check_due_at=now + HOUR if held else None)
        opened = self.store.open(
            SignIn(identity, None, None), grant, now=now, expires_at=now + HOUR, client_address=None, opening=opening
        )
        return opened.session

    def forget_session(self, session: Session, *, signed_in_days_ago: int = 0) -> None:
        """Leave nothing of somebody but the principal's row."""
        with self.engine.begin() as connection:
            connection.execute(models.sessions.delete().where(models.sessions.c.id == session.id))
        self.forget_sign_in(session, days_ago=signed_in_days_ago)

    def forget_sign_in(self, session: Session, *, days_ago: int) -> None:
        """Let the last sign-in be some days ago."""
        at = int(time.time()) - days_ago * 24 * HOUR
        with self.engine.begin() as connection:
            mine = models.principals.c.id == session.principal_id
            connection.execute(update(models.principals).where(mine).values(signed_in_at=at))

    def add_dag(self, dag_id: str, *tags: str, owners: str = "", bundle: str = "main") -> None:
        with Transaction(self.engine) as transaction, transaction.begin():
            transaction.merge(DagBundleModel(name=bundle))
            transaction.flush()
            transaction.add(DagModel(dag_id=dag_id, bundle_name=bundle, fileloc="f", owners=owners))
            transaction.flush()
            transaction.add_all(DagTag(dag_id=dag_id, name=tag) for tag in tags)

    def give_to_team(self, bundle: str, team: str) -> None:
        with self.engine.begin() as connection:
            connection.execute(insert(Team.__table__).values(name=team))
            values = {"dag_bundle_name": bundle, "team_name": team}
            connection.execute(insert(dag_bundle_team_association_table).values(values))

    def add_connection(self, conn_id: str, team: str | None = None) -> None:
        with Transaction(self.engine) as transaction, transaction.begin():
            transaction.add_all([Team(name=team)] if team else [])
        with self.engine.begin() as connection:
            values = {"conn_id": conn_id, "conn_type": "http", "team_name": team}
            connection.execute(insert(Connection.__table__).values(values))

    def changed(self, *changes: tuple[str, str]) -> str:
        """Return the path of another document: the configured one with texts replaced."""
        text = self.document.read_text(encoding="utf-8")
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        path = self.document.with_name("new.yaml")
        path.write_text(text, encoding="utf-8")
        return str(path)
