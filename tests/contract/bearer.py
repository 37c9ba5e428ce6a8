"""What the tests of programs' tokens share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import version

import pytest
from httpx import Response
from packaging.version import Version

from airflow_oidc_auth.testing import Program
from tests.contract.conftest import API, JOBS, Server
from tests.e2e.processes import wait_until

ME = "/ui/auth/me"
HEADER_FIRST = pytest.mark.skipif(
    Version(version("apache-airflow-core")) < Version("3.3.2"),
    reason="core before 3.3.2 asks the cookie first, and revokes at sign-out only that",
)
MAIN = "repo:acme/dags:ref:refs/heads/main"


def call(
    server: Server,
    token: str,
    path: str = ME,
    *,
    scheme: str = "Bearer",
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    json: object = None,
) -> Response:
    """Call the API as a program does."""
    sent = {"Authorization": f"{scheme} {token}", **(headers or {})}
    return server.client().request(method, path, headers=sent, json=json)


def token_of(server: Server, subject: str = "ada", program: Program | None = None, **options) -> str:
    """Return an access token for this Airflow."""
    return server.idp.programs.jwt(subject, options.pop("audience", API), program, **options)


def job_token(server: Server, subject: str = MAIN, **options) -> str:
    """Return the token of a CI job."""
    return server.jobs.programs.jwt(subject, JOBS, Program("ci"), **options)


def engine_of(server: Server):
    """Return the running engine."""
    return server.client().app.state.auth_manager.engine


def newest(audit_rows, event: str, **facts: object) -> dict:
    """Return the newest row of an event; a refusal is written down after it was answered."""

    def matching() -> Iterator[dict]:
        rows = (row for row in audit_rows(200, counts=True) if row["event"] == event)
        return (row for row in rows if all(row.get(name) == value for name, value in facts.items()))

    wait_until(lambda: any(True for _ in matching()), f"a row {event} {facts}")
    return next(matching())


def forget(server: Server) -> None:
    """Let the next request verify its token anew, and tell of it anew."""
    door = engine_of(server).doors.bearer
    door.forget()
    door._audit._told.clear()
    # So many refusals, and kinds of them, come in a minute only here.
    engine_of(server).rate_limits._memory["bearer"]._windows.clear()
    engine_of(server)._services.window._counts.clear()


def assert_refused(answer: Response, code: str, status: int = 401) -> None:
    """Expect the stable code in the body, and the challenge in the header."""
    assert (answer.status_code, answer.json().get("error")) == (status, code), answer.text
    if status != 503:
        challenge = answer.headers["www-authenticate"]
        assert code in challenge
        assert "error=" in challenge
    assert answer.headers["cache-control"] == "no-store"
