"""A token is worth something to the auth manager that issued it, and to no other."""

from __future__ import annotations

import asyncio
import time

import pytest
from airflow.api_fastapi.auth.tokens import JWTGenerator, JWTValidator
from jwt import InvalidTokenError

from airflow_oidc_auth.grants.digest import grant_digest
from airflow_oidc_auth.grants.grant import Grant
from airflow_oidc_auth.managers.tokens import AirflowTokens
from airflow_oidc_auth.sessions.session import Session

KEY = "k" * 64
KNOWN = {"audience": "apache-airflow", "issuer": None, "algorithm": "HS512"}
GRANT = Grant(("Admin",))


def tokens(*, fab_mode: bool) -> AirflowTokens:
    signer = JWTGenerator(private_key=None, secret_key=KEY, valid_for=60, **KNOWN)
    return AirflowTokens(signer, JWTValidator(secret_key=KEY, **KNOWN), time.time, fab_mode=fab_mode)


def session() -> Session:
    now = int(time.time())
    who = ("oidc", "https://idp.example.com", "ada", "Ada", None)
    return Session("s" * 22, "p" * 24, *who, GRANT, grant_digest(GRANT), now, now + 60)


@pytest.mark.parametrize("fab_mode", [True, False])
def test_a_token_is_accepted_by_the_manager_that_issued_it(fab_mode: bool) -> None:
    token = tokens(fab_mode=fab_mode).issue(session())
    assert asyncio.run(tokens(fab_mode=fab_mode).verify(token)).session_id == "s" * 22


@pytest.mark.parametrize("fab_mode", [True, False])
def test_a_token_is_worth_nothing_after_a_switch_of_the_manager(fab_mode: bool) -> None:
    """In FAB mode a role that was taken away in FAB still stands in the session's grant, which is all native asks.

    The other way round a linked FAB user has the roles of stock FAB until the first sign-in computes them anew.
    """
    token = tokens(fab_mode=fab_mode).issue(session())
    other = tokens(fab_mode=not fab_mode)
    with pytest.raises(InvalidTokenError, match="other auth manager"):
        asyncio.run(other.verify(token))
    with pytest.raises(InvalidTokenError, match="other auth manager"):
        other.verify_now(token)
