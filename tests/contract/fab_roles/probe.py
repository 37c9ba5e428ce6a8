"""Ask FabAuthManager, on a real database with its real built-in roles, and our Decisions the same questions.

Run as a script in an Airflow home of its own whose database is migrated; prints one JSON object
``{roles: {question: [answer of FAB, answer of ours]}}`` after :data:`MARK`. Roles are names joined with ``+``: the
built-in ones as our policy knows them, and custom ones as FAB's pairs say.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
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
from custom_roles import ACTIONS, GLOBAL, SINGLE, make_roles
from questions import World, ask
from sqlalchemy import select

from airflow_oidc_auth.grants.grant import Grant
from airflow_oidc_auth.managers.decisions import Decisions
from airflow_oidc_auth.managers.user import OidcUser
from airflow_oidc_auth.policy.builtin import BUILTIN_ROLES
from airflow_oidc_auth.policy.compile import Policy
from airflow_oidc_auth.policy.fab import compile_fab_pairs
from airflow_oidc_auth.policy.permissions import Permissions
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
    # Found anew each time: FAB's answers drop the session that a role was read in.
    found = [security_manager.find_role(role) for role in roles]
    user = security_manager.add_user(name, name, "x", f"{name}@example.com", found, "not-used")
    if not user:
        raise SystemExit(f"FAB did not make the user {name}")
    return user


def our_user(roles: tuple[str, ...], permissions: Permissions) -> OidcUser:
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
    return OidcUser(session, permissions)


def names(session: Any, model: Any) -> tuple[str, ...]:
    return tuple(session.scalars(select(model.name).order_by(model.name)))


Found = dict[str, dict[str, list[str]]]


def compare(fab: FabAuthManager, world: World, roles: tuple[str, ...], permissions: Permissions) -> Found:
    theirs = dict(ask(fab, fab_user(fab.security_manager, roles), world))
    mine = dict(ask(Ours(), our_user(roles, permissions), world))
    return {"+".join(roles): {question: [theirs[question], mine[question]] for question in theirs}}


def compare_builtin(fab: FabAuthManager) -> Iterator[Found]:
    security_manager, policy = fab.security_manager, Policy()
    world = World(
        resources=names(security_manager.session, Resource),
        actions=names(security_manager.session, Action),
    )
    for roles in (roles for size in (1, 2) for roles in combinations(BUILTIN_ROLES, size)):
        yield compare(fab, world, roles, policy.permissions(roles))


def compare_custom(fab: FabAuthManager) -> Iterator[Found]:
    world = World(resources=(*SINGLE, *dict.fromkeys(GLOBAL)), actions=ACTIONS)
    before: tuple[str, set[tuple[str, str]]] | None = None
    for number, (role, pairs) in enumerate(make_roles(fab.security_manager)):
        yield compare(fab, world, (role,), compile_fab_pairs(pairs))
        if before and number % 4 == 0:
            yield compare(fab, world, (before[0], role), compile_fab_pairs(before[1] | pairs))
        before = role, pairs


def main() -> None:
    fill_database()
    fab = create_auth_manager()
    fab.init()
    fab.get_fastapi_app()
    if not isinstance(fab, FabAuthManager) or fab.flask_app is None:
        raise SystemExit("Airflow did not make a FabAuthManager with its Flask app")
    with fab.flask_app.app_context():
        fab.init_flask_resources()
        answers = {
            roles: found for each in (*compare_builtin(fab), *compare_custom(fab)) for roles, found in each.items()
        }
    sys.stdout.write(f"\n{MARK}{json.dumps(answers)}\n")


if __name__ == "__main__":
    main()
