"""Providers of their own for the tables, which the running server takes up as it takes up any changed document."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from httpx import Response
from starlette.testclient import TestClient

from airflow_oidc_auth.testing import Misbehaviour
from airflow_oidc_auth.testing.keys import SigningKeys
from tests.contract.bearer import engine_of
from tests.contract.conformance.idp import WatchedIdp, signing_keys
from tests.contract.conformance.row import HONEST
from tests.contract.conftest import BASE_URL, Server
from tests.e2e.processes import wait_until
from tests.unit.providers.making import make_key, public

# Where the extra is not installed, as with the oldest Airflow, there is nothing to attack.
SAML = find_spec("xmlsec") is not None
collect_ignore = [] if SAML else ["test_saml.py", "test_page.py"]
CLIENT_KEY_ID = "airflow-2026"
FOREIGN = "https://idp.attacker.example"
# What is wrong from the beginning, because a document that was fetched once is not fetched for each sign-in.
BEGINNINGS = {
    "conform": HONEST,
    "profile": HONEST,
    "rotating": HONEST,
    "by-key": HONEST,
    "nameless-keys": Misbehaviour(keys_without_kid=True, extra_keys=2),
    "strange-keys": Misbehaviour(extra_strange_key=True, extra_mac_key=True),
    "other-issuer": Misbehaviour(discovery={"issuer": FOREIGN}),
    "slash-issuer": Misbehaviour(discovery={"issuer": "{issuer}/"}),
    "plain-http": Misbehaviour(discovery={"token_endpoint": "http://idp.attacker.example/token"}),
    "no-keys": Misbehaviour(discovery={"jwks_uri": None}),
}


@dataclass(frozen=True)
class Party:
    """A server, the identity providers that it knows, and a person in front of it."""

    server: Server
    idps: dict[str, WatchedIdp]

    def browser(self) -> TestClient:
        """Return somebody's browser, which shows pages."""
        browser = self.server.client()
        browser.headers["accept"] = "text/html"
        return browser

    def begin(self, browser: TestClient, provider: str = "conform", next_path: str = "/dags") -> str:
        """Return where the sign-in sends to."""
        answer = browser.get(f"/auth/login/{provider}", params={"next": BASE_URL + next_path})
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    def finish(self, browser: TestClient, response: dict[str, str], provider: str = "conform") -> Response:
        """Bring what the identity provider answered."""
        return browser.get(f"/auth/callback/{provider}", params=response)

    def sign_in(self, browser: TestClient, provider: str = "conform", user: str = "ada") -> Response:
        """Sign somebody in, or try to."""
        url = self.begin(browser, provider)
        return self.finish(browser, self.idps[provider].sign_in(url, user), provider)

    def keys_of(self, provider: str) -> Any:
        """Return the key source of a provider."""
        return engine_of(self.server)._runtime.journey._providers[provider].provider.party.keys


@pytest.fixture(scope="package")
def known(running: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, WatchedIdp]]:
    """Identity providers that the running server has taken up; afterwards it follows the old document."""
    reloading = engine_of(running)._reloading
    path = Path(reloading._file)
    before = path.read_text(encoding="utf-8")
    with contextlib.ExitStack() as stack:
        shared = signing_keys()
        idps = {name: stack.enter_context(_idp(name, lie, shared)) for name, lie in BEGINNINGS.items()}
        key_file = tmp_path_factory.mktemp("client") / "key.pem"
        key_file.write_bytes(make_key("ES256").as_pem(private=True))
        document = json.loads(before)
        document["providers"].update({name: _settings(idp, key_file) for name, idp in idps.items()})
        if SAML:
            document["providers"]["saml"] = _saml_settings(tmp_path_factory.mktemp("saml"))
        path.write_text(json.dumps(document), encoding="utf-8")
        reloading.look()
        assert not reloading._watcher.problems
        wait_until(lambda: idps["conform"].calls("/jwks"), "the fetch of the keys")
        try:
            yield idps
        finally:
            path.write_text(before, encoding="utf-8")
            reloading.look()


def _idp(name: str, lie: Misbehaviour, shared: SigningKeys) -> WatchedIdp:
    groups_in = ("userinfo",) if name == "profile" else ("id_token", "userinfo")
    key = public("ES256", kid=CLIENT_KEY_ID) if name == "by-key" else None
    idp = WatchedIdp(name, signing_keys() if name == "rotating" else shared, client_key=key, groups_in=groups_in)
    discovery = {key: value and str(value).replace("{issuer}", idp.issuer) for key, value in lie.discovery.items()}
    idp.misbehaviour = replace(lie, discovery=discovery)
    return idp


def _settings(idp: WatchedIdp, key_file: Path) -> dict[str, object]:
    secret: dict[str, object] = {"client_secret": {"env": "TEST_IDP_SECRET"}}
    if idp.name == "by-key":
        key = {"private_key": {"file": str(key_file)}, "private_key_id": CLIENT_KEY_ID}
        secret = {"client_auth": "private_key_jwt", **key}
    return {
        "preset": "oidc",
        "label": idp.name,
        "issuer": idp.issuer,
        "client_id": idp.client_id,
        **secret,
        "algorithms": ["RS256", "ES256"],
        "userinfo": "auto" if idp.name == "profile" else "always",
        **({"groups": {"claim": "groups", "from": "userinfo"}} if idp.name == "profile" else {}),
    }


def _saml_settings(directory: Path) -> dict[str, object]:
    from tests.unit.providers.saml.making import IDP, idp_metadata, key_pair

    metadata, key = directory / "metadata.xml", directory / "key.pem"
    metadata.write_bytes(idp_metadata(key_pair()))
    key.write_text(key_pair("sp").key, encoding="utf-8")
    (directory / "certificate.pem").write_text(key_pair("sp").certificate, encoding="utf-8")
    return {
        "preset": "saml",
        "label": "SAML",
        "issuer": IDP,
        "metadata_file": str(metadata),
        "signing_key": {"file": str(key)},
        "certificate": {"file": str(directory / "certificate.pem")},
        "groups": {"attribute": "groups"},
    }


@pytest.fixture
def party(server: Server, known: dict[str, WatchedIdp]) -> Iterator[Party]:
    """Everybody at the table; nobody lies afterwards."""
    engine_of(server)._services.window._counts.clear()  # each refusal is written by itself
    beginnings = {name: idp.misbehaviour for name, idp in known.items()}
    yield Party(server, known)
    for name, idp in known.items():
        idp.misbehaviour = beginnings[name]


@pytest.fixture
def logins(server: Server) -> Callable[[], int]:
    """Count the audit rows of sign-ins that succeeded."""
    from airflow.models.log import Log
    from airflow.utils.session import create_session
    from sqlalchemy import func, select

    def count() -> int:
        with create_session(scoped=False) as session:
            return session.scalar(select(func.count()).select_from(Log).where(Log.event == "auth.login")) or 0

    return count


def assert_told(audit_rows: Callable[..., list[dict]], event: str, **facts: object) -> None:
    """Expect a row of the audit among the newest; a refusal may be written down after it was answered."""

    def told() -> bool:
        rows = (row for row in audit_rows(9, counts=True) if row["event"] == event)
        return any(all(row.get(name) == value for name, value in facts.items()) for row in rows)

    wait_until(told, f"a row {event} {facts}")


def host_of(url: str) -> str:
    """Return scheme and host of an address."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
