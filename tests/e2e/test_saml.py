"""SAML in a real browser with SimpleSAMLphp: both bindings, encryption, logout both ways; under both auth managers."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.e2e.airflow_server import Airflow
from tests.e2e.processes import wait_until
from tests.e2e.saml_rig import Federation, Person, SamlProvider, rows
from tests.e2e.test_fab_mode import FabAirflow
from tests.e2e.visitor import ADA, NORA, VICTOR
from tests.real_idp.simplesaml.server import SimpleSaml, install_or_skip

pytestmark = pytest.mark.xdist_group("e2e-saml")

DAG = "marketing_newsletter"
REDIRECT, POST, PORTAL = "sso", "sso-post", "portal"
PROVIDERS = {
    REDIRECT: SamlProvider("Company SAML"),
    POST: SamlProvider("SAML by form", {"binding": "post"}, slo="post"),
    PORTAL: SamlProvider("SAML portal", {"allow_idp_initiated": "true"}),
}
ROLES = {ADA: "Admin", VICTOR: "Viewer"}
OUT_SECONDS = 5


@pytest.fixture(scope="module", params=["native", "fab"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    install_or_skip()
    folder = tmp_path_factory.mktemp(f"saml-{request.param}")
    airflow = (FabAirflow if request.param == "fab" else Airflow)(folder / "airflow")
    idp = SimpleSaml(folder / "idp")
    federation = Federation(airflow, idp, PROVIDERS)
    federation.configure(folder)
    if isinstance(airflow, FabAirflow):
        airflow.write_webserver_config()
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
    running.introduce()


@pytest.fixture
def person(context: BrowserContext, federation: Federation) -> Person:
    return Person(context.new_page(), federation)


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
    person.sign_in(VICTOR, REDIRECT)
    person.arrives()
    assert without == [True], "the trap that this is about"
    ours = person.page.context.cookies(f"{person.federation.airflow.base_url}/auth/")
    assert {cookie["sameSite"] for cookie in ours if cookie["name"].startswith(("_token", "oidc_"))} == {"Lax"}


def test_an_encrypted_assertion_signs_in(person: Person) -> None:
    person.federation.idp.switch(encrypt=True)
    person.sign_in(VICTOR, REDIRECT)
    person.arrives()
    [response] = person.sent("POST", "/acs")
    assert b"EncryptedAssertion" in base64.b64decode(response)
    assert b"airflow-viewers" not in base64.b64decode(response)


def test_a_deep_link_is_kept(person: Person) -> None:
    person.sign_in(VICTOR, REDIRECT, f"/dags/{DAG}?tab=overview")
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
    person.sign_in(NORA, REDIRECT)
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
    person.sign_in(VICTOR, REDIRECT)
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
    method = "POST" if provider == POST else "GET"
    assert len(person.sent(method, "/SingleLogoutService.php")) == 1
    logs = "".join(person.federation.airflow.all_logs().values())
    assert "logout answer refused" not in logs
    assert "did not end every session" not in logs


def test_signing_out_works_while_the_idp_is_down(person: Person) -> None:
    person.sign_in(VICTOR, REDIRECT)
    person.arrives()
    person.federation.idp.stop()
    try:
        person.page.request.get(f"{person.federation.airflow.base_url}/auth/logout", max_redirects=0)
        assert not person.is_signed_in()
    finally:
        person.federation.idp.start()


@pytest.mark.parametrize("by_post", [False, True])
def test_signing_out_there_ends_the_session_here(person: Person, by_post: bool) -> None:
    person.federation.introduce(logout_by_post=by_post)
    person.sign_in(VICTOR, REDIRECT)
    person.arrives()
    elsewhere = person.page.context.cookies()
    before = person.federation.airflow.last_audit_id()
    person.page.goto(person.federation.idp.sign_out_url())
    wait_until(lambda: not person.is_signed_in(), "the end of the session", OUT_SECONDS)
    assert len(person.sent("POST" if by_post else "GET", "/slo")) == 1
    # Not only the browser has forgotten: the session is over for whoever has its cookie.
    person.page.context.add_cookies(elsewhere)
    assert not person.is_signed_in()
    [row] = rows(person, before, "auth.session_ended")
    assert row["reason"] == "idp_logout"
    assert not person.is_known_at_the_idp()
    assert "/auth/" not in person.page.url, "our answer took the browser back to the identity provider"


def test_no_saml_message_reaches_a_log(person: Person) -> None:
    person.sign_in(VICTOR, REDIRECT)
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
