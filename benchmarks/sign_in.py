"""Sign in at the fake IdP and count what the callback costs: ``python -m benchmarks.sign_in NAME sign-in [--quick]``.

The whole API server runs in this process, so that every statement to the database and every call to the IdP is seen.
What the server does in the background at the same time is not counted. Prints one JSON object.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

from airflow_oidc_auth.testing import FakeIdp
from airflow_oidc_auth.testing.users import FakeUser

BASE_URL = "http://127.0.0.1:8080"
BACKGROUND = (
    "oidc-auth-fab-directory",
    "oidc-auth-audit",
    "oidc-auth-clean-up",
    "oidc-auth-reseal",
    "oidc-auth-revocation-feed",
    "oidc-auth-recheck",
    "oidc-auth-activity",
    "oidc-auth-idle",
    "oidc-auth-break-glass",
)
DOCUMENT = """version: 1
providers:
  oidc: {{preset: oidc, issuer: "{issuer}", client_id: {client_id}, client_secret: {{env: SIGN_IN_SECRET}}}}
grants: {{rules: [{{when: {{group: lookers}}, roles: [Viewer]}}]}}
rate_limits: {{login: 100000/minute, callback: 100000/minute}}
"""
FAB_OAUTH = """
from flask_appbuilder.const import AUTH_OAUTH

AUTH_TYPE = AUTH_OAUTH
AUTH_USER_REGISTRATION = True
AUTH_USER_REGISTRATION_ROLE = "Public"
AUTH_ROLES_MAPPING = {{"lookers": ["Viewer"]}}
AUTH_ROLES_SYNC_AT_LOGIN = True
OAUTH_PROVIDERS = [
    {{
        "name": "fake",
        "token_key": "access_token",
        "remote_app": {{
            "client_id": {client_id!r},
            "client_secret": {client_secret!r},
            "server_metadata_url": {metadata!r},
            "client_kwargs": {{"scope": "openid email profile groups", "code_challenge_method": "S256"}},
        }},
    }}
]
"""


@dataclass(frozen=True)
class Doors:
    """Where a sign-in begins and where the IdP sends to."""

    begin: str
    callback: str


DOORS = {"FAB": Doors("/auth/login/fake", "/auth/oauth-authorized/fake")}
OURS = Doors("/auth/login/oidc", "/auth/callback/oidc")


@contextlib.contextmanager
def counted() -> Iterator[list[str]]:
    """Collect the statements of every engine, except those of background threads."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not threading.current_thread().name.startswith(BACKGROUND):
            statements.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def main(name: str, *, quick: bool) -> dict[str, float]:
    doors, rounds = DOORS.get(name, OURS), 10 if quick else 40
    people = [FakeUser(f"s-{n}", f"Ann {n}", f"ann-{os.getpid()}-{n}@example.com", ("lookers",)) for n in range(rounds)]
    with FakeIdp(redirect_uris=[BASE_URL + doors.callback], users=people) as idp, contextlib.ExitStack() as stack:
        _configure(name, idp)
        browser = stack.enter_context(_server())
        # It pays for imports, and for keys where nobody fetched them before.
        cold = [_sign_in(browser, idp, doors, people[0])]
        first = [_sign_in(browser, idp, doors, person) for person in people[1:]]
        again = [_sign_in(browser, idp, doors, person) for person in people[1:]]
    found = {"first of the process": cold, "new person": first, "returning person": again}
    return {measure: value for name, costs in found.items() for measure, value in _summary(name, costs).items()}


def _configure(name: str, idp: FakeIdp) -> None:
    if name == "FAB":
        text = FAB_OAUTH.format(
            client_id=idp.client_id,
            client_secret=idp.client_secret,
            metadata=f"{idp.issuer}/.well-known/openid-configuration",
        )
        path = Path(os.environ["AIRFLOW_HOME"]) / "webserver_config_oauth.py"
        path.write_text(text, encoding="utf-8")
        os.environ["AIRFLOW__FAB__CONFIG_FILE"] = str(path)
        return
    # A document, because one address signs in more often here than anybody may.
    for option in ("PRESET", "ISSUER", "CLIENT_ID", "CLIENT_SECRET", "ROLE_MAPPING"):
        os.environ.pop(f"AIRFLOW__OIDC_AUTH__{option}", None)
    document = Path(os.environ["AIRFLOW_HOME"]) / "oidc_auth.yaml"
    document.write_text(DOCUMENT.format(issuer=idp.issuer, client_id=idp.client_id), encoding="utf-8")
    os.environ["AIRFLOW__OIDC_AUTH__CONFIG_FILE"] = str(document)
    os.environ["SIGN_IN_SECRET"] = idp.client_secret


def _server():
    from airflow.api_fastapi.app import create_app
    from starlette.testclient import TestClient

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return TestClient(create_app(apps="core"), base_url=BASE_URL, follow_redirects=False)


@dataclass(frozen=True)
class Cost:
    """What the callback cost.

    :param calls: requests that reached the IdP from the server
    """

    seconds: float
    statements: int
    calls: int


def _sign_in(browser, idp: FakeIdp, doors: Doors, person: FakeUser) -> Cost:
    browser.cookies.clear()
    begun = browser.get(doors.begin)
    if begun.status_code not in {302, 303, 307}:
        raise SystemExit(f"{doors.begin} answered {begun.status_code}: {begun.text[-2000:]}")
    parameters = idp.sign_in(begun.headers["location"], person.subject)
    calls = len(idp.requests)
    with counted() as statements:
        started = perf_counter()
        answer = browser.get(doors.callback, params=parameters)
        seconds = perf_counter() - started
    if "_token" not in browser.cookies:
        raise SystemExit(f"the sign-in failed: {answer.status_code} {answer.headers} {answer.text[-2000:]}")
    return Cost(seconds, len(statements), len(idp.requests) - calls)


def _summary(name: str, costs: list[Cost]) -> dict[str, float]:
    return {
        f"callback, {name}": median(each.seconds for each in costs),
        f"callback, {name}: statements": median(each.statements for each in costs),
        f"callback, {name}: IdP calls": median(each.calls for each in costs),
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], quick="--quick" in sys.argv)))
