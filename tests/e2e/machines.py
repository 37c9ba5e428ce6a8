"""What programs do: get tokens at the identity provider, prove keys, call the REST API."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sqlite3
import time
import uuid
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from playwright.sync_api import Page, expect

from tests.e2e.airflow_server import Airflow
from tests.e2e.identity_providers import CLIENT_SECRET, GRANTS, OpenIdProvider, provider_of
from tests.e2e.processes import http
from tests.e2e.visitor import Visitor

API, OPAQUE, ANOTHER = "urn:airflow:api", "urn:airflow:opaque", "urn:another:api"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Company:
    """The identity provider as its programs and people use it."""

    def __init__(self, op: OpenIdProvider) -> None:
        self.issuer = op.issuer
        self._http = http()
        self._metadata = self._http.get(f"{op.issuer}/.well-known/openid-configuration", timeout=10).json()

    def job_token(self, client: str = "ci-job", resource: str = API, **more: str) -> str:
        """Return a token by client_credentials."""
        return str(self._answer(client, grant_type="client_credentials", resource=resource, **more)["access_token"])

    def key_token(self, client: str, key: RSAKey) -> str:
        """Return a token for a program that proves itself with a key (RFC 7523)."""
        jwks = {"keys": [key.as_dict(private=False)]}
        self.register(client, token_endpoint_auth_method="private_key_jwt", jwks=jwks)
        assertion = sign_assertion(key, client, self.issuer)
        proof = {"client_assertion_type": ASSERTION, "client_assertion": assertion}
        answer = self._answer(None, grant_type="client_credentials", resource=API, **proof)
        return str(answer["access_token"])

    def bound_token(self, key: ProofKey, resource: str = API) -> str:
        """Return a token that is bound to a key."""
        form = {"grant_type": "client_credentials", "resource": resource}
        proof = key.proof("POST", self._metadata["token_endpoint"])
        answer = self._answer("ci-job", headers={"DPoP": proof}, **form)
        assert answer["token_type"] == "DPoP"
        return str(answer["access_token"])

    def signed_in(self, sub: str, resource: str = API) -> dict[str, Any]:
        """Return what a terminal gets for a person who signs in on the device page."""
        scope = "openid profile email groups offline_access api:read"
        client = {"client_id": "airflow-cli"}
        endpoint = self._metadata["device_authorization_endpoint"]
        started = self._http.post(endpoint, {**client, "scope": scope, "resource": resource}, timeout=10).json()
        self._confirm(started["verification_uri"], started["user_code"], sub)
        return self._answer(None, **client, grant_type=DEVICE, device_code=started["device_code"])

    def on_behalf(self, token: str, resource: str = API) -> str:
        """Return the agent's token for the person whose token it shows."""
        form = {"subject_token": token, "subject_token_type": ACCESS_TOKEN, "resource": resource}
        return str(self._answer("agent", grant_type=EXCHANGE, **form)["access_token"])

    def register(self, client: str, **metadata: object) -> None:
        """Make another client known."""
        assert self._http.put(f"{self.issuer}/control/clients/{client}", json=metadata, timeout=10).status_code == 204

    def sign(self, claims: Mapping[str, object], **header: object) -> str:
        """Return whatever is asked for, signed with the provider's key."""
        body = {"claims": claims, "header": header}
        return self._http.post(f"{self.issuer}/control/sign", json=body, timeout=10).text

    def claims(self, **changes: object) -> dict[str, object]:
        """Return the claims of a good token of ``ci-job``, changed; None leaves one out."""
        now = int(time.time())
        good = {
            "iss": self.issuer,
            "aud": API,
            "sub": "ci-job",
            "client_id": "ci-job",
            "groups": ["airflow-ops"],
            "jti": uuid.uuid4().hex,
            "iat": now,
            "exp": now + 300,
        }
        return {name: value for name, value in {**good, **changes}.items() if value is not None}

    def revoke(self, token: str, client: str = "ci-job") -> None:
        """Revoke a token at the provider (RFC 7009)."""
        endpoint = self._metadata["revocation_endpoint"]
        answer = self._http.post(endpoint, {"token": token}, auth=(client, quote(CLIENT_SECRET)), timeout=10)
        assert answer.status_code == 200, answer.text[:400]

    def _answer(self, client: str | None, headers: Mapping[str, str] | None = None, **form: str) -> dict[str, Any]:
        auth = (client, quote(CLIENT_SECRET)) if client else None
        answer = self._http.post(self._metadata["token_endpoint"], form, auth=auth, headers=headers, timeout=10)
        assert answer.status_code == 200, answer.text[:400]
        found: dict[str, Any] = answer.json()
        return found

    def _confirm(self, address: str, code: str, sub: str) -> None:
        """Type the code, confirm the device, and be somebody."""
        person = http()
        xsrf = _hidden(person.get(address, timeout=10).text)
        confirm = person.post(address, {"xsrf": xsrf, "user_code": code}, timeout=10).text
        form = {"xsrf": _hidden(confirm), "user_code": code, "confirm": "yes"}
        interaction = person.post(address, form, timeout=10)
        done = person.post(interaction.url, {"sub": sub}, timeout=10)
        assert "Signed in on your device" in done.text, done.text


class ProofKey:
    """A key that a program has, and its proofs (RFC 9449)."""

    def __init__(self) -> None:
        self.key = ECKey.generate_key("P-256")

    def proof(self, method: str, url: str, token: str | None = None, **changes: object) -> str:
        """Return a proof for one request."""
        claims = {"htm": method, "htu": url, "iat": int(time.time()), "jti": uuid.uuid4().hex}
        if token is not None:
            claims["ath"] = base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()
        header = {"alg": "ES256", "typ": "dpop+jwt", "jwk": self.key.as_dict(private=False)}
        return jwt.encode(header, {**claims, **changes}, self.key, algorithms=["ES256"])


class Caller:
    """A program at the REST API."""

    def __init__(self, airflow: Airflow) -> None:
        self.airflow = airflow
        self._http = http()

    def url(self, path: str) -> str:
        """Return an address of the Airflow."""
        return f"{self.airflow.base_url}{path}"

    def get(self, token: str, path: str = "/api/v2/dags", scheme: str = "Bearer", **headers: str) -> requests.Response:
        """Ask with a token."""
        return self._request("GET", path, headers={"Authorization": f"{scheme} {token}", **headers})

    def patch(self, token: str, path: str, data: object) -> requests.Response:
        """Change something with a token."""
        return self._request("PATCH", path, headers={"Authorization": f"Bearer {token}"}, json=data)

    def bare(self, path: str = "/api/v2/dags", **headers: str) -> requests.Response:
        """Ask with headers of one's own."""
        return self._request("GET", path, headers=headers)

    def token(self, client: tuple[str, str] | None = None, **form: str) -> requests.Response:
        """Ask the token endpoint."""
        return self._request("POST", "/auth/token", data=form, auth=client)

    def exchange(self, token: str, proof: str | None = None, **more: str) -> dict[str, Any]:
        """Return what the token endpoint gives for somebody's token."""
        form = {"grant_type": EXCHANGE, "subject_token": token, "subject_token_type": ACCESS_TOKEN, **more}
        answer = self._request("POST", "/auth/token", data=form, headers={"DPoP": proof} if proof else {})
        assert answer.status_code == 200, answer.text[:400]
        found: dict[str, Any] = answer.json()
        return found

    def revoke(self, token: str) -> requests.Response:
        """Revoke a token of Airflow (RFC 7009)."""
        return self._request("POST", "/auth/token/revoke", data={"token": token, "token_type_hint": "access_token"})

    def _request(self, method: str, path: str, **options: Any) -> requests.Response:
        return self._http.request(method, self.url(path), timeout=30, allow_redirects=False, **options)


def document(op: OpenIdProvider, jwks_file: Path | None = None) -> str:
    """Return a document that lets programs in."""
    key = f"    nightly-key: {{jwks_file: {jwks_file}, roles: [Viewer]}}\n" if jwks_file else ""
    return f"""\
version: 1
providers:
{provider_of("op", "Company login", op.issuer)}\
    api:
      audience: [{API}, {OPAQUE}]
      opaque: true
tokens:
  clients:
    nightly: {{secret: {{env: NIGHTLY_SECRET}}, roles: [Viewer]}}
{key}rate_limits: {{token: 2000/minute, login: 2000/minute, callback: 2000/minute}}
{GRANTS}"""


def sign_assertion(key: RSAKey, client: str, audience: str) -> str:
    """Return what proves that a client has its key (RFC 7523 §3)."""
    now = int(time.time())
    claims = {"iss": client, "sub": client, "aud": audience, "jti": uuid.uuid4().hex, "iat": now, "exp": now + 60}
    return jwt.encode({"alg": "RS256", "kid": key.kid}, claims, key)


def payload(token: str) -> dict[str, Any]:
    """Return what a JWT says, unverified."""
    part = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def _hidden(page: str) -> str:
    found = re.search('name="xsrf" value="([^"]+)"', page)
    assert found, page
    return found[1]


def log_rows(airflow: Airflow, event: str) -> list[dict[str, Any]]:
    """Return Airflow's own audit rows of an event, newest first."""
    query = "SELECT owner, extra FROM log WHERE event = ? ORDER BY id DESC"
    with closing(sqlite3.connect(airflow.home / "airflow.db", timeout=10)) as database:
        rows = database.execute(query, [event]).fetchall()
    return [{"owner": owner, **json.loads(extra or "{}")} for owner, extra in rows]


def make_personal_token(visitor: Visitor) -> str:
    """Press the buttons of Airflow's own page."""
    visitor.page.get_by_role("button", name="User").click()
    visitor.page.get_by_role("menuitem", name="Generate Token").click()
    dialog = visitor.page.get_by_role("dialog")
    dialog.get_by_role("button", name="Generate").click()
    expect(dialog.get_by_text("Your token has been generated.")).to_be_visible()
    return dialog.get_by_role("textbox").input_value()


def expect_assets_in(swagger: Page) -> None:
    """Close the dialog, ask for the assets with the page's own buttons, and see the status that it shows."""
    swagger.get_by_role("button", name="Close").first.click()
    block = swagger.locator("#operations-Asset-get_assets")
    block.locator(".opblock-summary-control").click()
    block.get_by_role("button", name="Try it out").click()
    block.get_by_role("button", name="Execute").click()
    expect(block.locator(".live-responses-table tbody .response-col_status")).to_have_text("200")
