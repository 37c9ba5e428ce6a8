"""Whoever is denied something comes with another kind of token: made for fewer roles, by an actor, of a token."""

from __future__ import annotations

import pytest

from airflow_oidc_auth.testing import Program
from tests.contract.bearer import call, forget, token_of
from tests.contract.test_token_endpoint import exchange, made

API = "/api/v2"
AGENT = Program("agent-app", actors=("agent-7",))
CLOSED = [("GET", "dags/finance_daily/dagRuns"), ("GET", "connections/fin-bank"), ("DELETE", "connections/fin-bank")]


@pytest.fixture(autouse=True)
def _anew(native):
    forget(native)


def personal(server, *, narrowed: bool) -> str:
    """Return what a person gets in the browser; and a token of fewer roles that is made with it."""
    token = server.sign_in("con").post("/ui/auth/token", json={"token_type": "api"}).json()["access_token"]
    return made(exchange(server, token, scope="Op")) if narrowed else token


TOKENS = {
    "of the provider": lambda server: token_of(server, "con"),
    "of the provider, delegated": lambda server: token_of(server, "con", AGENT),
    "exchanged": lambda server: made(exchange(server, token_of(server, "con"))),
    "exchanged and narrowed": lambda server: made(exchange(server, token_of(server, "con"), scope="Op")),
    "exchanged, delegated": lambda server: made(exchange(server, token_of(server, "con", AGENT))),
    "exchanged, delegated, narrowed": lambda server: made(exchange(server, token_of(server, "con", AGENT), scope="Op")),
    "exchanged twice": lambda server: made(
        exchange(server, made(exchange(server, token_of(server, "con"), scope="Op")), scope="Op")
    ),
    "personal": lambda server: personal(server, narrowed=False),
    "personal, narrowed": lambda server: personal(server, narrowed=True),
}


@pytest.mark.parametrize("kind", TOKENS)
def test_no_kind_of_token_loses_what_its_owner_is_denied(native, kind):
    token = TOKENS[kind](native)
    assert call(native, token, f"{API}/connections/mkt-mail").status_code == 200
    for method, path in CLOSED:
        assert call(native, token, f"{API}/{path}", method=method).status_code == 403, (method, path)
    listed = call(native, token, f"{API}/connections").json()["connections"]
    assert {each["connection_id"] for each in listed}.isdisjoint({"fin-bank", "fin-erp"})
