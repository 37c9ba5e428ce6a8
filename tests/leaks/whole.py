"""The day of ``tests/contract/test_no_secret_leaks.py`` at an API server of its own, and SAML: part of `make proof`.

``python -m pytest tests/leaks/whole.py``. What the server prints and writes at DEBUG, its database and every answer are
searched for the secrets of the day.
"""

from __future__ import annotations

import base64
import json
import secrets
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import cache
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import URL

from airflow_oidc_auth.providers.saml.addresses import service_provider
from airflow_oidc_auth.providers.saml.times import write_instant
from airflow_oidc_auth.testing import FakeIdp
from tests.conftest import FERNET_KEY, JWT_SECRET
from tests.contract.conftest import API, JOBS, MANAGERS, USERS, WEBSERVER_CONFIG, build_document
from tests.e2e.airflow_server import Airflow
from tests.e2e.processes import wait_until
from tests.leaks.database import every_byte
from tests.leaks.hoard import Hoard
from tests.leaks.journey import Site, live_a_day, look_around
from tests.leaks.watch import Watch, watch_idp
from tests.unit.providers.saml.making import IDP, KeyPair, Parts, Signing, build, idp_metadata, key_pair

pytestmark = pytest.mark.timeout(600)


class Office:
    """An Airflow of its own, its identity providers, and what was secret in them."""

    def __init__(self, home: Path, manager: str) -> None:
        self.airflow, self.hoard, self.manager = Airflow(home), Hoard(), manager
        uris = [f"{self.airflow.base_url}/auth/callback/oidc", f"{self.airflow.base_url}/auth/signed-out"]
        self.idp = FakeIdp(
            redirect_uris=uris, users=USERS, client_secret=secrets.token_urlsafe(32), refresh_tokens="always"
        )
        self.jobs = FakeIdp()
        self.token_secret = secrets.token_urlsafe(32)
        self.audit_key = ed25519_pem()
        self.clients = ExitStack()
        self.watch = Watch(self.hoard)

    def environ(self) -> dict[str, str]:
        """Return what the server and its commands are told."""
        return {
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "DEBUG",
            "AIRFLOW__LOGGING__FAB_LOGGING_LEVEL": "DEBUG",
            "AIRFLOW__API__EXPOSE_CONFIG": "True",
            "AIRFLOW__CORE__AUTH_MANAGER": MANAGERS[self.manager],
            "AIRFLOW__FAB__CONFIG_FILE": str(self.airflow.home / "webserver_config.py"),
            "TEST_IDP_SECRET": self.idp.client_secret,
            "TEST_TOKEN_CLIENT_SECRET": self.token_secret,
            "TEST_AUDIT_KEY": self.audit_key,
        }

    def configure(self) -> None:
        """Write the document, the keys and the metadata beside it."""
        home, keys = self.airflow.home, key_pair("sp")
        (home / "sp.pem").write_text(keys.key, encoding="utf-8")
        (home / "sp.crt").write_text(keys.certificate, encoding="utf-8")
        (home / "idp.xml").write_bytes(idp_metadata(idp_keys()))
        (home / "webserver_config.py").write_text(WEBSERVER_CONFIG, encoding="utf-8")
        document = build_document(self.idp, self.jobs)
        document["providers"]["corp"] = {
            "preset": "saml",
            "issuer": IDP,
            "metadata_file": str(home / "idp.xml"),
            "signing_key": {"file": str(home / "sp.pem")},
            "certificate": {"file": str(home / "sp.crt")},
        }
        document["sessions"] = {"recheck": "1m"}
        document["audit"] = {"signing_key": {"env": "TEST_AUDIT_KEY"}, "checkpoint_every": "5s"}
        self.airflow.document.write_text(json.dumps(document), encoding="utf-8")
        known = {
            "Fernet key": FERNET_KEY,
            "JWT secret": JWT_SECRET,
            "private key": keys.key,
            "audit key": self.audit_key,
        }
        for kind, secret in known.items():
            # Of a PEM one line near its end: at its beginning is what the certificate says, too.
            self.hoard.add(kind, telling_line(secret) if "-----" in secret else secret)
        self.hoard.add("client secret", self.idp.client_secret)
        self.hoard.add("client secret", self.token_secret)

    def site(self) -> Site:
        """Return what the day is lived at."""
        return Site(
            base_url=self.airflow.base_url,
            client=self.client,
            idp=self.idp,
            jobs=self.jobs,
            hoard=self.hoard,
            watch=self.watch,
            recheck=self.recheck,
            make_link=self.make_link,
            token_client=("dbt", self.token_secret),
            audience=(API, JOBS),
        )

    def client(self) -> httpx.Client:
        """Return a client that is closed at the end of the day."""
        made = httpx.Client(base_url=self.airflow.base_url, trust_env=False, timeout=30)
        return self.clients.enter_context(made)

    def recheck(self, cookie: str) -> None:
        """Let the server find that the session is due, and see it ask."""
        session = jwt.decode(cookie, options={"verify_signature": False})["sid"]
        before = len(self.idp.calls("/token"))
        with closing(sqlite3.connect(self.airflow.home / "airflow.db", timeout=20)) as database, database:
            moment = int(time.time())
            database.execute(
                "UPDATE oidc_auth_session SET check_due_at = ?, seen_at = ? WHERE id = ?", [moment - 1, moment, session]
            )
        wait_until(lambda: len(self.idp.calls("/token")) > before, "the re-check", seconds=90)

    def make_link(self) -> str:
        """Make a break-glass link with the command."""
        done = self.airflow.run("oidc", "break-glass", "--role", "Admin", "--reason", "IdP down", **self.environ())
        assert done.returncode == 0, done.stdout + done.stderr
        (address,) = (word for word in done.stdout.split() if "link=" in word)
        return parse_qs(urlsplit(address).query)["link"][0]

    def sign_in_by_saml(self) -> httpx.Client:
        """Return the browser of somebody whom the SAML provider named; and bring the same response twice."""
        browser = self.site().browser()
        location = browser.get("/auth/login/corp").headers["location"]
        query = parse_qs(urlsplit(location).query)
        request = zlib.decompress(base64.b64decode(query["SAMLRequest"][0]), -15).decode()
        response = base64.b64encode(self._response(request.partition('ID="')[2].partition('"')[0])).decode()
        self.hoard.add("SAML response", response)
        form = {"SAMLResponse": response, "RelayState": query["RelayState"][0]}
        for _ in range(2):
            # The page that answers sends the same once more, with the browser's cookies.
            browser.post("/auth/saml/corp/acs", data=form)
            answer = browser.post("/auth/saml/corp/finish", data=form)
        browser.post("/auth/saml/corp/acs", data={**form, "SAMLResponse": response[:-40] + "A" * 40})
        assert browser.get("/ui/auth/me").status_code == 200, answer.text
        return browser

    def _response(self, request_id: str) -> bytes:
        own, now = service_provider(self.airflow.base_url, "corp"), int(time.time())
        parts = replace(
            Parts(),
            **dict.fromkeys(("response_instant", "assertion_instant", "authn_instant"), write_instant(now)),
            **dict.fromkeys(("confirmation_not_on_or_after", "not_on_or_after"), write_instant(now + 300)),
            **dict.fromkeys(("destination", "recipient"), own.acs_url),
            **dict.fromkeys(("response_in_response_to", "confirmation_in_response_to"), request_id),
            not_before=write_instant(now - 30),
            session_not_on_or_after=write_instant(now + 3600),
            audience=own.entity_id,
            assertion_id=f"_{secrets.token_hex(16)}",
            attributes={"groups": ("admins",)},
        )
        return build(parts, signing=Signing(keys=idp_keys()))


def telling_line(pem: str) -> str:
    """Return the last whole line of a private key."""
    lines = pem.splitlines()[1:-1]
    return lines[-2] if len(lines) > 1 else lines[-1]


def ed25519_pem() -> str:
    """Return a new key for the audit's signatures."""
    how = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Ed25519PrivateKey.generate().private_bytes(*how).decode()


@cache
def idp_keys() -> KeyPair:
    """Return a key pair whose certificate is good today."""
    return key_pair("idp", not_after=int(time.time()) + 86_400)


@pytest.fixture(params=sorted(MANAGERS))
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path / "airflow", request.param)
    stop: list[Callable[[], None]] = []
    with office.idp, office.jobs, office.clients:
        try:
            office.configure()
            stop += [watch_idp(office.idp, office.hoard), office.airflow.stop]
            office.airflow.migrate()
            office.airflow.start(**office.environ())
            yield office
        finally:
            for each in stop:
                each()


def test_no_secret_is_anywhere_after_a_day_at_a_real_server(office: Office) -> None:
    live_a_day(office.site())
    browser = office.sign_in_by_saml()
    look_around(office.site(), browser)
    browser.get("/auth/logout")
    office.airflow.stop()
    leaks = list(office.watch.leaks())
    home = office.airflow.home
    logs = [path for path in office.airflow.all_logs() if path.name not in ("sp.pem", "airflow.cfg")]
    assert any(b"[debug" in path.read_bytes() for path in logs)
    for path in logs:
        leaks += office.hoard.search(str(path.relative_to(home)), path.read_bytes())
    for place, data in every_byte(URL.create("sqlite", database=str(home / "airflow.db"))):
        leaks += office.hoard.search(place, data)
    assert not leaks, "\n".join(sorted({f"{leak.kind} in {leak.place}, {leak.spelling}" for leak in leaks}))
    assert {"SAML response", "code", "refresh token", "break-glass link", "proof"} <= office.hoard.kinds()
