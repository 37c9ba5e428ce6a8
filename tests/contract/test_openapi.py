"""Our OpenAPI document keeps its promises: requests that schemathesis makes out of it, sent to the running server."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from urllib.parse import unquote

import pytest
import requests
import schemathesis
import uvicorn
from hypothesis import HealthCheck, assume, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from airflow_oidc_auth.web.openapi import describe
from tests.contract.conftest import BASE_URL, TOKEN_CLIENT_SECRET, Server
from tests.e2e.processes import free_port, wait_until

PROMISES = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
]

schema = schemathesis.openapi.from_dict(describe(BASE_URL))
programs = schema.include(path_regex="^/token", method="POST")
# The fixtures hold nothing that an example changes for the next, but a session that may have ended.
generated = settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@pytest.fixture
def address(server: Server) -> Iterator[str]:
    """Our routes behind a real HTTP server, which takes apart what is malformed."""
    port = free_port()
    config = uvicorn.Config(server.client().app, port=port, lifespan="off", log_level="error", ws="none")
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    wait_until(lambda: running.started, "the start of the server")
    yield f"http://127.0.0.1:{port}/auth"
    running.should_exit = True
    thread.join(20)


@pytest.fixture
def visitor() -> Iterator[requests.Session]:
    """Somebody who is not signed in."""
    with requests.Session() as session:
        session.trust_env = False
        yield session


@pytest.fixture
def member(server: Server, visitor: requests.Session) -> requests.Session:
    """Somebody who is signed in, until they press one of the buttons that end that."""
    visitor.headers["Cookie"] = f"_token={server.sign_in('ada').cookies['_token']}"
    return visitor


def try_out(case: Case, address: str, session: requests.Session) -> None:
    # A path with a line feed is not handed to us, and one with a slash is another: those answers are Airflow's.
    values = [unquote(str(value)) for value in case.path_parameters.values()]
    assume(not any("\n" in value or "/" in value or not value for value in values))
    answer = case.call(base_url=address, session=session, allow_redirects=False)
    case.validate_response(answer, checks=PROMISES)


def test_the_document_is_the_one_that_is_served(server: Server) -> None:
    served = server.client().get("/auth/openapi.json")
    assert served.headers["content-type"] == "application/json"
    assert served.json() == json.loads(json.dumps(describe(BASE_URL)))


@schema.parametrize()
@generated
def test_strangers_are_answered_as_described(case: Case, address: str, visitor: requests.Session) -> None:
    try_out(case, address, visitor)


@schema.parametrize()
@generated
def test_people_who_are_signed_in_are_answered_as_described(case: Case, address: str, member: requests.Session) -> None:
    try_out(case, address, member)


@programs.parametrize()
@generated
def test_programs_are_answered_as_described(case: Case, address: str, visitor: requests.Session) -> None:
    """With a grant type and credentials that are right, so that it is the other fields that are judged."""
    if isinstance(case.body, dict):
        case.body = {**case.body, "client_id": "dbt", "client_secret": TOKEN_CLIENT_SECRET}
        if case.path == "/token":
            case.body["grant_type"] = "client_credentials"
    try_out(case, address, visitor)
