"""Each auth manager made ready as the API server makes it ready, with a signed-in user who may look at everything."""

from __future__ import annotations

import secrets
import time
from typing import Any

import jwt
from airflow.api_fastapi.app import create_auth_manager


class Subject:
    """One manager under measurement.

    :param remote: a decision is a call over the network: fewer repetitions
    :param roles: what the signed-in user has, where roles can be chosen
    """

    remote = False
    manager: Any
    user: Any

    def __init__(self, *roles: str) -> None:
        self.roles = roles or ("Viewer",)

    async def __aenter__(self):
        self.manager = create_auth_manager()
        self.manager.init()
        await self.enter()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Leave the process to its end."""

    async def enter(self) -> None:
        """Sign the user in."""
        raise NotImplementedError

    def mint(self) -> str:
        """Return a new token of the user, as the cookie carries it."""
        return self.manager.generate_jwt(self.user)

    async def mint_sessions(self, count: int) -> list[str]:
        """Return tokens of sessions that this process has not seen; none where there are no sessions."""
        return []

    def cookie(self) -> str:
        return f"_token={self.mint()}"

    def forget(self) -> None:
        """Forget what makes a second list faster."""


class Simple(Subject):
    async def enter(self) -> None:
        from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

        self.user = SimpleAuthManagerUser(username="ann", role="viewer", teams=[])


class Fab(Subject):
    async def enter(self) -> None:
        self.manager.get_fastapi_app()
        with self.manager.flask_app.app_context():
            self.manager.init_flask_resources()
            security = self.manager.security_manager
            name = f"ann-{secrets.token_hex(4)}"
            added = security.add_user(
                name, "Ann", "x", f"{name}@example.com", security.find_role(self.roles[0]), "not-used"
            )
            sub = str(added.id)
        self.user = self.manager.deserialize_user({"sub": sub})


class Keycloak(Subject):
    remote = True

    async def enter(self) -> None:
        from airflow.providers.keycloak.auth_manager.user import KeycloakAuthManagerUser

        claims = {"sub": "ann", "exp": int(time.time()) + 86400}
        access = jwt.encode(claims, "a key that nobody checks, of enough bytes", algorithm="HS256")
        self.user = KeycloakAuthManagerUser(user_id="ann", name="Ann", access_token=access, refresh_token=None)

    def mint(self) -> str:
        return self.manager.generate_api_jwt(self.user)

    def cookie(self) -> str:
        return f"_token={self.manager.generate_jwt(self.user)}; _access_token={self.user.access_token}"

    def forget(self) -> None:
        from airflow.providers.keycloak.auth_manager import cache

        cache._cache.clear()


class Ours(Subject):
    async def enter(self) -> None:
        # As in a server: without the feed nobody gets in after half a minute.
        self.manager.engine.live.start()
        if self._index is not None:
            self._index.look()
        self.user = await self.manager.get_user_from_token(await self._token_of_new_session("ann"))

    def mint(self) -> str:
        # The manager's own makes a program's token, which is no cookie.
        return str(self.manager.engine.tokens.issue(self.user.session))

    async def mint_sessions(self, count: int) -> list[str]:
        tokens = [await self._token_of_new_session(f"person-{number}") for number in range(count)]
        self.manager.engine.live._cache._sessions.clear()
        return tokens

    async def _token_of_new_session(self, subject: str) -> str:
        from airflow_oidc_auth.grants.grant import Grant
        from airflow_oidc_auth.identity import Identity
        from airflow_oidc_auth.providers.provider import SignIn

        identity = Identity(provider="oidc", issuer="https://idp.example.com", subject=subject, name="Ann")
        engine = self.manager.engine
        opened = await engine.live.open(
            SignIn(identity),
            Grant(roles=tuple(sorted(self.roles))),
            expires_at=int(time.time()) + 36000,
            client_address=None,
        )
        return engine.tokens.issue(opened.session)

    def forget(self) -> None:
        self.manager._dag_ids._held = None
        if self._index is not None:
            # As if a DAG had changed; the thread that reads them follows before anybody asks.
            self._index.generation += 1
            self.manager.engine._admission._policy.prepare()

    @property
    def _index(self) -> Any:
        """What the rights on some DAGs are decided by; FAB mode has none."""
        return getattr(self.manager.engine._admission, "_index", None)


class FabMode(Ours):
    async def enter(self) -> None:
        # FAB's application makes FAB's built-in roles.
        self.manager.get_fastapi_app()
        await super().enter()


SUBJECTS = {"Simple": Simple, "FAB": Fab, "Keycloak": Keycloak, "ours": Ours, "FAB-mode": FabMode}
