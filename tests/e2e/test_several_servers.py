"""Two api-servers behind one https address on a sub-path: nothing is sticky, and an end on one is an end on both."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, expect

from tests.e2e.airflow_server import Airflow
from tests.e2e.identity_providers import CLIENT_SECRET, OpenIdProvider, document
from tests.e2e.processes import Server, free_port, wait_until
from tests.e2e.tls_proxy import TlsProxy
from tests.e2e.visitor import UMA, VICTOR, Visitor

pytestmark = pytest.mark.xdist_group("e2e-several-servers")

PATH = "/team/airflow"
DAG = "marketing_newsletter"
HEARD_SECONDS = 5


class Deployment:
    """An Airflow of two api-servers with one database, behind a proxy that gives each new connection to the next."""

    def __init__(self, folder: Path) -> None:
        self.ports = (free_port(), free_port())
        self.proxy = TlsProxy(folder, self.ports)
        self.airflow = Airflow(folder / "airflow", PATH)
        self.airflow.port = self.proxy.port
        self.airflow.base_url = f"https://localhost:{self.proxy.port}{PATH}"
        self.servers: dict[int, Server] = {}

    def start(self) -> None:
        for port in self.ports:
            self.launch(port)
        for port in self.ports:
            self.wait_for(port)

    def launch(self, port: int) -> None:
        more = {"AIRFLOW__API__PORT": str(port), "FORWARDED_ALLOW_IPS": "127.0.0.1"}
        self.servers[port] = self.airflow.launch("--proxy-headers", E2E_CLIENT_SECRET=CLIENT_SECRET, **more)

    def wait_for(self, port: int) -> None:
        self.servers[port].wait_for(f"http://127.0.0.1:{port}{PATH}/api/v2/monitor/health")

    def statuses(self, token: str) -> tuple[int, ...]:
        """Ask each server by itself whether it knows the session."""
        headers = {"Authorization": f"Bearer {token}"}
        addresses = (f"http://127.0.0.1:{port}{PATH}/ui/auth/me" for port in self.ports)
        return tuple(requests.get(address, headers=headers, timeout=20).status_code for address in addresses)

    def stop(self) -> None:
        self.airflow.stop()
        self.proxy.stop()


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("several-servers")
    running = Deployment(folder)
    op = OpenIdProvider(folder / "op.log", running.airflow.base_url)
    try:
        running.airflow.document.write_text(document(op), encoding="utf-8")
        running.airflow.migrate()
        running.start()
        yield running
    finally:
        running.stop()
        op.stop()


@pytest.fixture
def both_again(deployment: Deployment) -> Iterator[None]:
    """Whatever a test does to the first server, the next one finds both."""
    yield
    first = deployment.ports[0]
    # A test that did not end the server leaves it on the port, where it would answer for the one that is launched.
    deployment.servers[first].stop()
    deployment.launch(first)
    deployment.wait_for(first)


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    fresh = browser.new_context(ignore_https_errors=True, extra_http_headers={"X-Forwarded-For": "203.0.113.7"})
    fresh.set_default_timeout(30_000)
    yield fresh
    fresh.close()


@pytest.fixture
def visitor(context: BrowserContext, deployment: Deployment) -> Visitor:
    return Visitor(context.new_page(), deployment.airflow)


def sign_in_across(visitor: Visitor, deployment: Deployment, name: str) -> None:
    """Begin on the first server, end on the second."""
    deployment.proxy.only(deployment.ports[0])
    visitor.open("/auth/login?next=" + PATH + "/auth/access")
    visitor.choose_provider()
    deployment.proxy.only(deployment.ports[1])
    visitor.choose_person(name)
    expect(visitor.page.get_by_role("heading", name="My access")).to_be_visible()
    deployment.proxy.only(*deployment.ports)


def session_cookie(visitor: Visitor) -> str:
    (cookie,) = (one for one in visitor.page.context.cookies() if one["name"] == "_token")
    assert cookie["secure"]
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Lax"
    assert cookie["path"] == f"{PATH}/"
    return cookie["value"]


def test_a_sign_in_begins_on_one_server_and_ends_on_the_other(visitor: Visitor, deployment: Deployment) -> None:
    before = deployment.airflow.last_audit_id()
    sign_in_across(visitor, deployment, VICTOR)
    assert deployment.statuses(session_cookie(visitor)) == (200, 200)
    assert all(one["secure"] for one in visitor.page.context.cookies(deployment.airflow.base_url))
    (row,) = deployment.airflow.audit(before)
    # What the browser claims is before the address that the trusted proxy saw, and is not believed.
    assert (row["event"], row["client_address"]) == ("auth.login", deployment.proxy.CLIENT_ADDRESS)


def test_a_sign_out_on_one_server_is_heard_by_the_other(visitor: Visitor, deployment: Deployment) -> None:
    sign_in_across(visitor, deployment, UMA)
    token = session_cookie(visitor)
    assert deployment.statuses(token) == (200, 200)
    deployment.proxy.only(deployment.ports[0])
    with visitor.page.expect_response(re.compile("/auth/logout")):
        visitor.page.get_by_role("button", name="Sign out").click()
    ended = time.monotonic()
    wait_until(lambda: deployment.statuses(token) == (401, 401), "the end on both servers", HEARD_SECONDS)
    print(f"heard after {time.monotonic() - ended:.2f} s")


@pytest.mark.usefixtures("both_again")
def test_a_server_killed_in_the_middle_of_a_sign_in_leaves_it_to_the_other(
    visitor: Visitor, deployment: Deployment
) -> None:
    first, second = deployment.ports
    deployment.proxy.only(first)
    visitor.open(f"/dags/{DAG}?tab=overview")
    visitor.choose_provider()
    deployment.servers[first].process.kill()
    deployment.servers[first].process.wait()
    # The proxy still believes in both.
    deployment.proxy.only(first, second)
    visitor.choose_person(UMA)
    visitor.page.wait_for_url(re.compile(rf"{PATH}/dags/{DAG}.*tab=overview"))
    assert visitor.is_signed_in()


def health(deployment: Deployment, port: int) -> dict:
    return requests.get(f"http://127.0.0.1:{port}{PATH}/auth/health", timeout=20).json()


@pytest.fixture
def document_again(deployment: Deployment) -> Iterator[str]:
    """Whatever a test writes into the document, both servers run on the first one afterwards."""
    good = deployment.airflow.document.read_text(encoding="utf-8")
    digest = health(deployment, deployment.ports[1])["configuration"]
    yield good
    deployment.airflow.document.write_text(good, encoding="utf-8")
    wait_until(lambda: {health(deployment, port)["configuration"] for port in deployment.ports} == {digest}, "the end")


@pytest.mark.usefixtures("both_again")
def test_both_follow_the_document_and_one_that_restarts_on_a_broken_one_uses_the_last_accepted(
    document_again: str, deployment: Deployment
) -> None:
    first, second = deployment.ports
    before, old = deployment.airflow.last_audit_id(), health(deployment, second)["configuration"]
    new = document_again + "sessions: {lifetime: 7h}\n"
    deployment.airflow.document.write_text(new, encoding="utf-8")
    wait_until(lambda: all(health(deployment, p)["configuration"] != old for p in (first, second)), "the reload")
    digest = health(deployment, first)["configuration"]
    [row] = [each for each in deployment.airflow.audit(before) if each["event"] == "auth.config_reloaded"]
    assert (row["digest"], row["digest_before"]) == (digest, old)
    assert row["change_1"] == "sessions.lifetime: not set → 7h"

    deployment.airflow.document.write_text(new.replace("7h", "never"), encoding="utf-8")
    deployment.servers[first].stop()
    deployment.launch(first)
    deployment.wait_for(first)
    facts = health(deployment, first)
    assert (facts["configuration"], facts["status"]) == (digest, "degraded")
    assert facts["configuration_rejected"]["last_accepted_at"] > 0
    wait_until(lambda: "configuration_rejected" in health(deployment, second), "the other one sees it, too")
    assert health(deployment, second)["configuration"] == digest

    def rejections() -> list[dict[str, Any]]:
        return [each for each in deployment.airflow.audit(before) if each["event"] == "auth.config_rejected"]

    # Told at its first look, seconds after it began to answer.
    wait_until(lambda: any(row.get("started_on") == digest for row in rejections()), "the row of who restarted")
    assert all("sessions.lifetime" in row["problem_1"] for row in rejections())
    # A server that an earlier test killed is counted for a while.
    wait_until(lambda: sum(each["processes"] for each in health(deployment, first).get("servers", ())) >= 2, "both")
