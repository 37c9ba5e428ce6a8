"""Ask FabAuthManager, on a real database with its real built-in roles, and our Decisions the same questions.

Run as a script in an Airflow home of its own whose database is migrated; prints one JSON object
``{roles: {question: [answer of FAB, answer of ours]}}`` after :data:`MARK`. Roles are names joined with ``+``.
"""

from __future__ import annotations

import json
import sys
from itertools import combinations
from typing import Any

from airflow.api_fastapi.app import create_auth_manager
from airflow.models import DagModel, Pool
from airflow.models.asset import AssetModel
from airflow.models.connection import Connection
from airflow.models.dagbundle import DagBundleModel
from airflow.models.team import Team
from airflow.models.variable import Variable
from airflow.providers.fab.auth_manager.fab_auth_manager import FabAuthManager
from airflow.providers.fab.auth_manager.models import Action, Resource
from airflow.utils.session import create_session
from questions import World, ask
from sqlalchemy import select

from airflow_oidc_auth.grants.grant import Grant
from airflow_oidc_auth.managers.decisions import Decisions
from airflow_oidc_auth.managers.user import OidcUser
from airflow_oidc_auth.policy.builtin import BUILTIN_ROLES
from airflow_oidc_auth.policy.compile import Policy
from airflow_oidc_auth.sessions.session import Session

MARK = "answers:"


class Ours(Decisions):
    """Our decisions with what every auth manager inherits for the menu."""

    def get_authorized_menu_items(self, *, user: Any) -> list[Any]:
        from airflow.api_fastapi.common.types import MenuItem

        return self.filter_authorized_menu_items(list(MenuItem), user=user)


def fill_database() -> None:
    with create_session() as session:
        session.add(DagBundleModel(name="bundle"))
        session.flush()
        session.add_all(DagModel(dag_id=dag_id, bundle_name="bundle", fileloc="f") for dag_id in ("d1", "d2"))
        session.add_all(Connection(conn_id=conn_id, conn_type="http") for conn_id in ("c1", "c2"))
        session.add_all(Variable(key=key, val="x") for key in ("v1", "v2"))
        session.add(Pool(pool="p1", slots=1, include_deferred=False))
        session.add(AssetModel(name="a1", uri="file:///a1"))
        session.add(Team(name="blue"))


def fab_user(security_manager: Any, roles: tuple[str, ...]) -> Any:
    name = "-".join(roles)
    found = [security_manager.find_role(role) for role in roles]
    user = security_manager.add_user(name, name, "x", f"{name}@example.com", found, "not-used")
    if not user:
        raise SystemExit(f"FAB did not make the user {name}")
    return user


def our_user(policy: Policy, roles: tuple[str, ...]) -> OidcUser:
    session = Session(
        id="s",
        principal_id="p" * 24,
        provider="idp",
        issuer="https://idp.example.com",
        subject="1",
        name="Ann",
        email=None,
        grant=Grant(roles=roles),
        grant_digest="",
        created_at=0,
        expires_at=1,
    )
    return OidcUser(session, policy.permissions(roles))


def names(session: Any, model: Any) -> tuple[str, ...]:
    return tuple(session.scalars(select(model.name).order_by(model.name)))


def compare(fab: FabAuthManager) -> dict[str, dict[str, list[str]]]:
    security_manager = fab.security_manager
    world = World(
        resources=names(security_manager.session, Resource),
        actions=names(security_manager.session, Action),
    )
    ours, policy = Ours(), Policy()
    found = {}
    for roles in (roles for size in (1, 2) for roles in combinations(BUILTIN_ROLES, size)):
        theirs = dict(ask(fab, fab_user(security_manager, roles), world))
        mine = dict(ask(ours, our_user(policy, roles), world))
        found["+".join(roles)] = {question: [theirs[question], mine[question]] for question in theirs}
    return found


def main() -> None:
    fill_database()
    fab = create_auth_manager()
    fab.init()
    fab.get_fastapi_app()
    if not isinstance(fab, FabAuthManager) or fab.flask_app is None:
        raise SystemExit("Airflow did not make a FabAuthManager with its Flask app")
    with fab.flask_app.app_context():
        fab.init_flask_resources()
        answers = compare(fab)
    sys.stdout.write(f"\n{MARK}{json.dumps(answers)}\n")


if __name__ == "__main__":
    main()
