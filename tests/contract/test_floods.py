"""Whoever sends bad packets by the hundred lets the log say so in a few lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from httpx import Response
from starlette.testclient import TestClient

from airflow_oidc_auth.login.sparing_log import MOST
from tests.contract.conftest import BASE_URL, Server

PACKETS = MOST + 20
FOREIGN = "eyJhbGciOiJSUzI1NiIsImtpZCI6IngifQ.e30.c2lnbmF0dXJl"


def callback(browser: TestClient, number: int) -> Response:
    return browser.get("/auth/callback/oidc", params={"state": f"state-{number}", "code": "x"})


def logout_token(browser: TestClient, number: int) -> Response:
    return browser.post("/auth/backchannel-logout/oidc", data={"logout_token": f"{FOREIGN}{number}"})


def token_request(browser: TestClient, number: int) -> Response:
    form: Mapping[str, str] = {"grant_type": "client_credentials", "client_id": f"c-{number}", "client_secret": "x"}
    return browser.post("/auth/token", data=form)


@pytest.mark.parametrize("packet", [callback, logout_token, token_request])
def test_a_flood_writes_few_lines(server: Server, caplog, packet: Callable[[TestClient, int], Response]):
    # Of an address of its own: the audit counts failures of one network, and other tests read theirs as rows.
    stranger = ("203.0.113.77", 50_000)
    browser = TestClient(server.client().app, base_url=BASE_URL, follow_redirects=False, client=stranger)
    statuses = {packet(browser, number).status_code for number in range(PACKETS)}
    assert statuses <= {400, 401}
    ours = [each for each in caplog.records if each.name.startswith("airflow_oidc_auth.login")]
    assert len(ours) <= MOST + 3
