"""The description says what the routes are, and what they answer."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest
from starlette.routing import Route

from airflow_oidc_auth.web.openapi import describe
from tests.unit.login.rig import BASE_URL
from tests.unit.login.token_rig import SECRET, run_token_rig
from tests.unit.web.rig import Browser
from tests.unit.web.test_token import EXCHANGE, Endpoint, basic, serve

DOCUMENT = describe(BASE_URL)
OPERATIONS = [
    (path, method, operation) for path, methods in DOCUMENT["paths"].items() for method, operation in methods.items()
]


def test_every_route_and_method_of_ours_is_described_and_no_other(browser: Browser) -> None:
    app = next(route.app for route in browser.app.routes if getattr(route, "path", "") == "/auth")
    routes = [route for route in app.router.routes if isinstance(route, Route)]
    served = {(route.path, method.lower()) for route in routes for method in route.endpoint._pages}
    assert served == {(path, method) for path, method, _ in OPERATIONS}


def test_it_is_served_as_json_and_names_this_airflow(browser: Browser) -> None:
    answer = browser.get("/auth/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == json.loads(json.dumps(DOCUMENT))
    assert answer.json()["servers"] == [{"url": f"{BASE_URL}/auth"}]
    assert browser.get("/auth/docs").status_code == 404


def test_every_reference_leads_somewhere_and_every_schema_is_one() -> None:
    references = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(DOCUMENT)))
    schemas = DOCUMENT["components"]["schemas"]
    assert references == schemas.keys()
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("path, method, operation", OPERATIONS)
def test_every_operation_says_what_it_takes(path: str, method: str, operation: dict) -> None:
    named = {part["name"] for part in operation.get("parameters", []) if part["in"] == "path"}
    assert named == set(re.findall(r"{(\w+)}", path))
    assert ("requestBody" in operation) == (method == "post")
    assert {"401", "500", "503"} <= operation["responses"].keys()
    assert len({each["operationId"] for _, _, each in OPERATIONS}) == len(OPERATIONS)


def test_the_token_endpoint_answers_as_described(tmp_path: Path) -> None:
    with run_token_rig(tmp_path) as tokens:
        endpoint = serve(tokens)
        for answer in _answers(endpoint):
            path = answer.request.url.path.removeprefix("/data/auth")
            described = DOCUMENT["paths"][path]["post"]["responses"][str(answer.status_code)]
            schema = described["content"]["application/json"]["schema"]
            document = {**schema, "components": DOCUMENT["components"]}
            jsonschema.validate(answer.json(), document)


def _answers(endpoint: Endpoint):
    yield endpoint.exchange()
    yield endpoint.exchange(scope="Nobody")
    yield endpoint.exchange(audience="https://another.example")
    yield endpoint.exchange(headers={"DPoP": "x"})
    yield endpoint.exchange(headers=basic("robot", SECRET))
    yield endpoint.exchange(headers=basic("robot", "wrong"))
    yield endpoint.post({"grant_type": "refresh_token"})
    yield endpoint.post({"grant_type": "password", "username": "ada", "password": "x"})
    yield endpoint.post({"grant_type": EXCHANGE}, "/auth/token/cli")
    yield endpoint.post({"x": "y"}, "/auth/token/revoke")
    endpoint.tokens.rig.idp.stop()
    endpoint.tokens.rig.clock.ahead += 7200
    yield endpoint.exchange(endpoint.tokens.idp_token())
