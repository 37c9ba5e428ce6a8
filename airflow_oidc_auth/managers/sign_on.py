"""What both auth managers share: start-up, the door, tokens, addresses.

``get_user_from_token`` is the door for cookie and bearer alike: signature (remembered), revocation (a set in
memory), session (in memory; one indexed read when this process first sees it), and nothing else.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import sys
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.api_fastapi.app import AUTH_MANAGER_FASTAPI_APP_PREFIX
from airflow.api_fastapi.auth.managers.base_auth_manager import BaseAuthManager
from airflow.api_fastapi.common.types import ExtraMenuItem
from fastapi import HTTPException
from jwt import ExpiredSignatureError, InvalidTokenError
from sqlalchemy.exc import SQLAlchemyError

from airflow_oidc_auth.errors import (
    ConfigurationError,
    LoginRefused,
    OidcAuthError,
    ProviderError,
    SessionError,
    TokenRefused,
)
from airflow_oidc_auth.login.rate_limits import RateLimited
from airflow_oidc_auth.managers.denials import DenialLog
from airflow_oidc_auth.web.seen import is_of_browser

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.middleware import _MiddlewareFactory

    from airflow_oidc_auth.managers.engine import Engine
    from airflow_oidc_auth.managers.tokens import VerifiedToken
    from airflow_oidc_auth.managers.user import SessionUser

log = logging.getLogger(__name__)

CONFIGURATION_EXIT_CODE = 3


class SignOn(BaseAuthManager[Any]):
    """Sign-in, sessions and tokens; mix in before Airflow's own auth manager."""

    # The class decides, not its name: somebody's subclass may be called anything.
    fab_mode = False

    def init(self) -> None:
        """Read and compile the configuration.

        :raises SystemExit: 3 when it cannot be used; uvicorn's and gunicorn's parents stop on it, where any other
            exception would make them start workers for ever
        """
        from airflow_oidc_auth.managers.composition import build_engine

        try:
            self.engine = build_engine(self._get_token_signer(), self._get_token_validator(), fab_mode=self.fab_mode)
        except ConfigurationError as error:
            sys.stderr.write(_explain_problems(error) + "\n")
            sys.stderr.flush()
            _leave_at_once()
            raise SystemExit(CONFIGURATION_EXIT_CODE) from error

    @cached_property
    def engine(self) -> Engine:
        """The running engine; set by :meth:`init`."""
        raise RuntimeError("the auth manager is used before init()")

    @cached_property
    def denials(self) -> DenialLog:
        """Where it is told what a 403 was about."""
        return DenialLog(self.engine.explain)

    async def get_user_from_token(self, token: str) -> SessionUser:
        """Return the user of a cookie or bearer token.

        :raises HTTPException: 401 with ``WWW-Authenticate`` (RFC 6750 §3) when the token or its session is not valid,
            403 when nobody here knows the owner of a valid token, 429 when too many that were not good came from this
            address, 503 when nobody can judge it now
        :raises SessionError: the session store cannot be read; answered with 503 by our middleware
        """
        try:
            return await self.engine.user_of(token)
        except (TokenRefused, LoginRefused, ProviderError, RateLimited) as error:
            raise _refuse(error, token) from error
        except ExpiredSignatureError as error:
            raise _refuse(TokenRefused("token_expired"), token) from error
        except InvalidTokenError as error:
            raise _refuse(TokenRefused("token_unknown", str(error)), token) from error

    def deserialize_user(self, token: dict[str, Any]) -> SessionUser:
        """Refuse: a user without a live session does not exist; :meth:`get_user_from_token` is the only door."""
        raise InvalidTokenError("users of this auth manager come from a live session")

    def serialize_user(self, user: SessionUser) -> dict[str, Any]:
        """Return the claims that name the user's session."""
        return self.engine.tokens.claims(user.session)

    def generate_jwt(self, user: SessionUser, *, expiration_time_in_seconds: int | None = None) -> str:
        """Return a token of its own for the user (core's "generate API token"), within the policy of ``tokens``.

        Stored and audited, so it blocks: core asks on a thread that may.

        :raises OidcAuthError: policy, or it cannot be stored; answered by our middleware
        """
        return self.engine.issue_personal_token(user.session, expiration_time_in_seconds)

    def revoke_token(self, token: str) -> None:
        """Revoke a token here at once and on every other API server within seconds; foreign tokens are ignored.

        A browser goes on to our sign-out even if the database does not take it: that ends the session of the token, or
        says that it could not.
        """
        try:
            verified = self.engine.tokens.verify_now(token)
        except InvalidTokenError:
            return
        try:
            self._revoke(token, verified)
        except (SQLAlchemyError, SessionError) as error:
            if not is_of_browser():
                raise
            log.error(  # noqa: TRY400  # the cause shows statements and parameters
                "a token is revoked on this server only, its session is about to end: %s", type(error).__name__
            )

    def _revoke(self, token: str, verified: VerifiedToken) -> None:
        try:
            super().revoke_token(token)
        finally:
            # Core's table may fail to take it; here it ends at once all the same.
            self.engine.live.revoke_token(verified.jti, expires_at=verified.expires_at)
            self.engine.end_token(verified.session_id)

    def get_url_login(self, **kwargs: Any) -> str:
        """Return the login page, on the host of ``[api] base_url`` because cookies of another host would be lost.

        Core appends ``?next=``, so there is no query here.
        """
        return f"{self.engine.base_url}/auth/login"

    def get_url_logout(self) -> str | None:
        """Return where core sends the browser after it revoked the token."""
        return f"{self.engine.base_url}/auth/logout"

    def get_fastapi_app(self) -> FastAPI | None:
        """Return the sub-app with our routes and pages; its lifespan starts the background threads."""
        return self.engine.web_app()

    def get_fastapi_middlewares(self) -> list[tuple[_MiddlewareFactory[Any], dict[str, Any]]]:
        """Return the middleware that keeps codes out of the access log and stale cookies out of the way."""
        from airflow_oidc_auth.managers.option_places import place_of
        from airflow_oidc_auth.web.middleware import AuthMiddleware

        engine = self.engine
        notes = {"note_request": engine.note_request, "note_refusal": engine.note_refusal}
        return [(AuthMiddleware, {"source": lambda: self.engine, **notes, "place_of": place_of})]

    def get_extra_menu_items(self, *, user: SessionUser) -> list[ExtraMenuItem]:
        """Offer the "My access" page to everybody who is signed in.

        Its name here is one that Airflow's UI can translate: it shows any other text as ``security.my-access``.
        """
        return [ExtraMenuItem(text="Permissions", href=f"{AUTH_MANAGER_FASTAPI_APP_PREFIX}/access")]


def _leave_at_once() -> None:
    """End a worker of uvicorn here and now.

    Its parent may have asked whether it is alive; a process that is busy shutting its interpreter down does not answer,
    and the parent would wait for ``[api] worker_timeout`` (two minutes) before it stops.
    """
    if multiprocessing.parent_process() is not None:
        os._exit(CONFIGURATION_EXIT_CODE)


def _refuse(error: OidcAuthError, token: str) -> HTTPException:
    """Return what core makes an answer of; for a program's call our middleware puts a better one in its place."""
    from airflow_oidc_auth.web.api_call import CALL
    from airflow_oidc_auth.web.token_answers import challenge_headers

    call = CALL.get()
    if call is not None and call.token == token:
        call.refusal = error
    return HTTPException(error.status, detail=error.message.text, headers=challenge_headers(error))


def _explain_problems(error: ConfigurationError) -> str:
    lines = [f"  - {problem}" for problem in error.problems]
    count = len(lines)
    head = (
        f"airflow-oidc-auth: {count} configuration problem{'s' if count != 1 else ''}; the API server does not start."
    )
    return "\n".join([head, *lines, "Run `airflow oidc check` after correcting them."])
