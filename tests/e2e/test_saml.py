"""SAML in a real browser with SimpleSAMLphp: both bindings, encryption, logout both ways; under both auth managers."""

from __future__ import annotations

import base64
import os
import re
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from playwright.sync_api import BrowserContext, Page, Request, expect

from tests.e2e.airflow_server import Airflow
from tests.e2e.processes import wait_until
from tests.e2e.test_fab_mode import FabAirflow
from tests.e2e.visitor import ADA, NORA, VICTOR
from tests.real_idp.simplesaml.server import SimpleSaml, install, make_key_pair

pytestmark = pytest.mark.xdist_group("e2e-saml")

DAG = "marketing_newsletter"
REDIRECT, POST, PORTAL = "sso", "sso-post", "portal"
LABELS = {REDIRECT: "Company SAML", POST: "SAML by form", PORTAL: "SAML portal"}
ROLES = {ADA: "Admin", VICTOR: "Viewer"}
OUT_SECONDS = 5


@dataclass
class Federation:
    """An Airflow and the identity provider, who know each other by their metadata."""

    airflow: Airflow
    idp: SimpleSaml

    def metadata_url(self, provider: str) -> str:
        return f"{self.airflow.base_url}/auth/saml/{provider}/metadata"

    def introduce(self) -> None:
        """Hand our metadata over as an administrator would."""
        parts = [_without_declaration(_fetch(self.metadata_url(provider))) for provider in LABELS]
        whole = (
            f'<EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata">{"".join(parts)}</EntitiesDescriptor>'
        )
        self.idp.know(whole)


def _fetch(url: str) -> str:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=10) as answer:
        return answer.read().decode()


def _without_declaration(xml: str) -> str:
    return re.sub(r"^<\?xml.*?\?>", "", xml.strip())


def _document(idp: SimpleSaml, keys: Path) -> str:
    providers = [
        f"""\
  {provider}:
    preset: saml
    label: {label}
    issuer: {idp.entity_id}
    metadata_url: {idp.metadata_url}
    signing_key: {{file: {keys / "sp.pem"}}}
    certificate: {{file: {keys / "sp.crt"}}}
    binding: {"post" if provider == POST else "redirect"}
    allow_idp_initiated: {"true" if provider == PORTAL else "false"}
"""
        for provider, label in LABELS.items()
    ]
    return f"""\
version: 1
providers:
{"".join(providers)}
grants:
  rules:
    - {{name: platform admins, when: {{group: airflow-admins}}, roles: [Admin]}}
    - {{name: viewers, when: {{group: airflow-viewers}}, roles: [Viewer]}}
"""


@pytest.fixture(scope="module", params=["native", "fab"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    if missing := install():
        assert not os.environ.get("CI"), missing
        pytest.skip(missing)
    folder = tmp_path_factory.mktemp(f"saml-{request.param}")
    fab = request.param == "fab"
    airflow = FabAirflow(folder / "airflow") if fab else Airflow(folder / "airflow")
    idp = SimpleSaml(folder / "idp")
    key, certificate = make_key_pair("airflow.example.com")
    (folder / "sp.pem").write_bytes(key)
    (folder / "sp.crt").write_bytes(certificate)
    airflow.document.write_text(_document(idp, folder), encoding="utf-8")
    if fab:
        airflow.write_webserver_config()
    federation = Federation(airflow, idp)
    try:
        idp.start()
        airflow.migrate(dags=True)
        airflow.start()
        federation.introduce()
        yield federation
    finally:
        airflow.stop()
        idp.stop()


@pytest.fixture
def federation(running: Federation) -> Iterator[Federation]:
    yield running
    running.idp.switch()


@dataclass
class Person:
    """Somebody at a browser.

    :ivar messages: the SAML messages that passed through it, by address and method
    """

    page: Page
    federation: Federation
    messages: list[tuple[str, str, str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("request", self._watch)

    def _watch(self, request: Request) -> None:
        text = request.post_data if request.method == "POST" else urlsplit(request.url).query
        for name, values in parse_qs(text or "").items():
            if name in {"SAMLRequest", "SAMLResponse"}:
                self.messages.append((request.method, urlsplit(request.url).path, name, values[0]))

    def sent(self, method: str, ending: str) -> list[str]:
        """Return the messages that went to such an address."""
        return [text for how, path, _, text in self.messages if how == method and path.endswith(ending)]

    def open(self, path: str) -> None:
        self.page.goto(f"{self.federation.airflow.base_url}{path}")

    def sign_in(self, name: str, provider: str = REDIRECT, path: str = "/auth/access") -> None:
        """Follow a link into Airflow, choose the provider and sign in there."""
        self.open(f"/auth/login?next={quote(path)}")
        self.page.get_by_role("link", name=LABELS[provider]).click()
        self.be(name)

    def be(self, name: str) -> None:
        """Fill in the identity provider's form."""
        login = name.split(maxsplit=1)[0].lower()
        self.page.locator("#username").fill(login)
        self.page.locator("#password").fill(login)
        self.page.locator("#password").press("Enter")

    def arrives(self) -> None:
        expect(self.page.get_by_role("heading", name="My access")).to_be_visible()

    def is_signed_in(self) -> bool:
        address = f"{self.federation.airflow.base_url}/ui/auth/me"
        return self.page.request.get(address, max_redirects=0).status == 200

    def is_known_at_the_idp(self) -> bool:
        """Tell whether the identity provider would let this browser in without asking."""
        other = self.page.context.new_page()
        other.goto(f"{self.federation.idp.url}/simplesaml/module.php/core/authenticate.php?as=people")
        asked = other.locator("#password").count() > 0
        other.close()
        return not asked

    def refused_with(self, code: str) -> None:
        expect(self.page.get_by_text(f"({code})")).to_be_visible()
        assert not self.is_signed_in()


@pytest.fixture
def person(context: BrowserContext, federation: Federation) -> Person:
    return Person(context.new_page(), federation)


def rows(person: Person, after: int, event: str) -> list[dict[str, object]]:
    return [row for row in person.federation.airflow.audit(after) if row["event"] == event]


@pytest.mark.parametrize("provider", [REDIRECT, POST])
@pytest.mark.parametrize("name", [ADA, VICTOR])
def test_signs_in_with_the_role_of_the_group(person: Person, provider: str, name: str) -> None:
    before = person.federation.airflow.last_audit_id()
    person.sign_in(name, provider)
    person.arrives()
    assert person.is_signed_in()
    [row] = rows(person, before, "auth.login")
    assert row["roles_after"] == [ROLES[name]]
    assert row["issuer"] == person.federation.idp.entity_id
    assert row["assertion_id"]
    assert "PasswordProtectedTransport" in str(row["authn_context"]) or "Password" in str(row["authn_context"])
    assert len(person.sent("GET" if provider == REDIRECT else "POST", "/SSOService.php")) == 1


def test_the_response_comes_across_sites_and_every_cookie_is_lax(person: Person) -> None:
    without: list[bool] = []
    person.page.on(
        "request",
        lambda request: (
            without.append("oidc_attempt" not in request.all_headers().get("cookie", ""))
            if request.url.endswith("/acs")
            else None
        ),
    )
    person.sign_in(VICTOR)
    person.arrives()
    assert without == [True], "the trap that this is about"
    ours = person.page.context.cookies(f"{person.federation.airflow.base_url}/auth/")
    assert {cookie["sameSite"] for cookie in ours if cookie["name"].startswith(("_token", "oidc_"))} == {"Lax"}


def test_an_encrypted_assertion_signs_in(person: Person) -> None:
    person.federation.idp.switch(encrypt=True)
    person.sign_in(VICTOR)
    person.arrives()
    [response] = person.sent("POST", "/acs")
    assert b"EncryptedAssertion" in base64.b64decode(response)
    assert b"airflow-viewers" not in base64.b64decode(response)


def test_a_deep_link_is_kept(person: Person) -> None:
    person.sign_in(VICTOR, path=f"/dags/{DAG}?tab=overview")
    person.page.wait_for_url(re.compile(rf"/dags/{DAG}.*tab=overview"))
    expect(person.page.get_by_text(DAG).first).to_be_visible()


def test_two_tabs_finish_in_the_other_order(person: Person) -> None:
    second = Person(person.page.context.new_page(), person.federation)
    for tab, path in ((person, "/auth/access?tab=first"), (second, "/auth/access?tab=second")):
        tab.open(f"/auth/login/{REDIRECT}?next={quote(path)}")
        expect(tab.page.locator("#password")).to_be_visible()
    for tab, path in ((second, "second"), (person, "first")):
        tab.be(VICTOR)
        tab.page.wait_for_url(re.compile(f"/auth/access\\?tab={path}"))


def test_a_person_whom_no_rule_knows_is_told_why(person: Person) -> None:
    before = person.federation.airflow.last_audit_id()
    person.sign_in(NORA)
    expect(person.page.get_by_text("canteen")).to_be_visible()
    person.refused_with("no_matching_rule")
    [row] = rows(person, before, "auth.login_refused")
    assert row["subject"] == "op-0005"
    assert row["assertion_id"]


def test_works_without_scripts(browser, federation: Federation) -> None:
    context = browser.new_context(java_script_enabled=False)
    context.set_default_timeout(15_000)
    person = Person(context.new_page(), federation)
    person.open(f"/auth/login/{POST}?next={quote('/auth/access')}")
    person.page.get_by_role("button", name="Continue").click()
    person.be(VICTOR)
    # The identity provider's own form, then ours.
    person.page.locator("input[type=submit]:visible, button:visible").first.click()
    person.page.get_by_role("button", name="Continue").click()
    person.arrives()
    context.close()


def test_a_response_that_was_used_is_refused_also_in_the_same_browser(person: Person) -> None:
    person.sign_in(VICTOR)
    person.arrives()
    [response] = person.sent("POST", "/finish")
    before = person.federation.airflow.last_audit_id()
    address = f"{person.federation.airflow.base_url}/auth/saml/{PORTAL}/finish"
    form = {"SAMLResponse": response, "RelayState": ""}
    answer = person.page.request.post(address, form=form, max_redirects=0)
    assert answer.status == 400, answer.text()
    assert rows(person, before, "auth.login") == []


def test_a_sign_in_that_begins_at_the_idp_needs_the_switch(person: Person) -> None:
    person.page.goto(person.federation.idp.sign_in_url(quote(person.federation.metadata_url(REDIRECT), safe="")))
    person.be(VICTOR)
    person.refused_with("saml_unsolicited")

    target = f"{person.federation.airflow.base_url}/auth/access"
    entity = quote(person.federation.metadata_url(PORTAL), safe="")
    person.page.goto(person.federation.idp.sign_in_url(entity, quote(target, safe="")))
    person.arrives()
    assert person.page.url == target


@pytest.mark.parametrize("provider", [REDIRECT, POST])
def test_signing_out_here_signs_out_there(person: Person, provider: str) -> None:
    person.sign_in(VICTOR, provider)
    person.arrives()
    assert person.is_known_at_the_idp()
    person.page.get_by_role("button", name="Sign out").click()
    person.page.wait_for_url(re.compile("/auth/signed-out"))
    expect(person.page.get_by_role("heading", name="You are signed out")).to_be_visible()
    assert not person.is_signed_in()
    assert not person.is_known_at_the_idp()


def test_signing_out_works_while_the_idp_is_down(person: Person) -> None:
    person.sign_in(VICTOR)
    person.arrives()
    person.federation.idp.stop()
    try:
        person.page.request.get(f"{person.federation.airflow.base_url}/auth/logout", max_redirects=0)
        assert not person.is_signed_in()
    finally:
        person.federation.idp.start()


def test_signing_out_there_ends_the_session_here(person: Person) -> None:
    person.sign_in(VICTOR)
    person.arrives()
    elsewhere = person.page.context.cookies()
    before = person.federation.airflow.last_audit_id()
    person.page.goto(person.federation.idp.sign_out_url())
    wait_until(lambda: not person.is_signed_in(), "the end of the session", OUT_SECONDS)
    # Not only the browser has forgotten: the session is over for whoever has its cookie.
    person.page.context.add_cookies(elsewhere)
    assert not person.is_signed_in()
    [row] = rows(person, before, "auth.session_ended")
    assert row["reason"] == "idp_logout"
    assert not person.is_known_at_the_idp()
    assert "/auth/" not in person.page.url, "our answer took the browser back to the identity provider"


def test_no_saml_message_reaches_a_log(person: Person) -> None:
    person.sign_in(VICTOR)
    person.arrives()
    person.page.goto(person.federation.idp.sign_out_url())
    wait_until(lambda: not person.is_signed_in(), "the end of the session", OUT_SECONDS)
    assert {"/acs", "/slo"} <= {path[path.rindex("/") :] for _, path, _, _ in person.messages}
    logs = person.federation.airflow.all_logs()
    assert any("/auth/saml/" in text for text in logs.values()), "the access log is not where it is looked for"
    for path, text in logs.items():
        for _, _, _, message in person.messages:
            assert message[:60] not in text, path
            assert quote(message[:60], safe="") not in text, path
