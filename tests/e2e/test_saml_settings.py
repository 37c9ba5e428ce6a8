"""What SAML's settings do, and what an IdP's bad day does: two api-servers behind https on a sub-path."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext

from tests.e2e.airflow_server import Airflow
from tests.e2e.processes import free_port, wait_until
from tests.e2e.saml_rig import Federation, Person, SamlProvider, rows
from tests.e2e.tls_proxy import TlsProxy
from tests.e2e.visitor import VICTOR
from tests.real_idp.simplesaml.server import SimpleSaml, install_or_skip, make_key_pair

pytestmark = pytest.mark.xdist_group("e2e-saml-settings")

PATH = "/team/airflow"
MFA = "https://refeds.org/profile/mfa"
PROVIDERS = {
    "plain": SamlProvider("Plain"),
    "portal": SamlProvider("Portal", {"allow_idp_initiated": "true"}),
    "fresh": SamlProvider("Ask again", {"force_authn": "true"}),
    "strong": SamlProvider("Strong", {"authn_contexts": f'["{MFA}"]'}),
    "mail": SamlProvider("By e-mail", {"name_id_formats": "[email]"}),
    "number": SamlProvider("By number", {"subject_attribute": "uid"}),
    "rolling": SamlProvider("New certificate"),
    "secret": SamlProvider("Encrypted only", {"require_encryption": "true", "require_signed_response": "true"}),
}


class Deployment(Federation):
    """Two api-servers with one database; each new connection goes to the next."""

    ports: tuple[int, int]
    while_down: requests.Response

    def start(self) -> None:
        self.airflow.migrate()
        servers = {
            port: self.airflow.launch("--proxy-headers", AIRFLOW__API__PORT=str(port), FORWARDED_ALLOW_IPS="127.0.0.1")
            for port in self.ports
        }
        for port, server in servers.items():
            server.wait_for(f"http://127.0.0.1:{port}{PATH}/api/v2/monitor/health")

    def ask(self, server: int, path: str) -> requests.Response:
        """Ask one of the servers without any cookie."""
        url = f"http://127.0.0.1:{self.ports[server]}{PATH}{path}"
        return requests.get(url, allow_redirects=False, timeout=20, proxies={"http": ""})

    def knows_the_metadata(self) -> bool:
        """Ask nothing that would fetch it: the servers get it behind everybody's back."""
        answers = [self.ask(server, "/auth/health").json() for server in (0, 1)]
        return {each["state"] for answer in answers for each in answer["providers"]} == {"ok"}

    def deliver(self, server: int, provider: str, response: str) -> requests.Response:
        """Bring a response to one of the servers, from a browser without any cookie."""
        url = f"http://127.0.0.1:{self.ports[server]}{PATH}/auth/saml/{provider}/finish"
        form = {"SAMLResponse": response, "RelayState": ""}
        return requests.post(url, form, allow_redirects=False, timeout=20, proxies={"http": ""})


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    install_or_skip()
    folder = tmp_path_factory.mktemp("saml-settings")
    ports = (free_port(), free_port())
    proxy = TlsProxy(folder, ports)
    airflow = Airflow(folder / "airflow", PATH)
    airflow.port, airflow.base_url = proxy.port, f"https://localhost:{proxy.port}{PATH}"
    deployment = Deployment(airflow, SimpleSaml(folder / "idp"), PROVIDERS)
    deployment.ports = ports
    deployment.configure(folder)
    try:
        # The identity provider is not there yet: Airflow starts all the same.
        deployment.start()
        deployment.while_down = deployment.ask(0, "/auth/login/plain")
        # Our own metadata needs nobody, so that theirs can be made after ours.
        deployment.introduce()
        deployment.idp.start()
        wait_until(deployment.knows_the_metadata, "the metadata on both servers", 60)
        yield deployment
    finally:
        airflow.stop()
        deployment.idp.stop()
        proxy.stop()


@pytest.fixture
def federation(running: Deployment) -> Iterator[Deployment]:
    yield running
    running.idp.switch()
    running.idp.sign_with(running.idp.key, running.idp.certificate)


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[[], BrowserContext]]:
    """Open browsers that take the proxy's certificate."""
    opened: list[BrowserContext] = []

    def visit() -> BrowserContext:
        context = browser.new_context(ignore_https_errors=True, locale="en-GB")
        context.set_default_timeout(15_000)
        opened.append(context)
        return context

    yield visit
    for context in opened:
        context.close()


@pytest.fixture
def person(visit: Callable[[], BrowserContext], federation: Deployment) -> Person:
    return Person(visit().new_page(), federation)


def test_without_the_metadata_nobody_is_sent_anywhere_and_people_are_told_which_side_is_down(
    federation: Deployment,
) -> None:
    assert federation.while_down.status_code == 502
    assert "(provider_unreachable)" in federation.while_down.text


def test_signs_in_over_https_on_a_sub_path_with_servers_that_take_turns(person: Person) -> None:
    person.sign_in(VICTOR, "plain", "/auth/access?tab=deep")
    person.arrives()
    assert person.page.url == f"{person.federation.airflow.base_url}/auth/access?tab=deep"
    ours = [each for each in person.page.context.cookies() if each["name"].startswith(("_token", "oidc_"))]
    assert {(each["sameSite"], each["secure"], each["httpOnly"]) for each in ours} == {("Lax", True, True)}
    assert {each["path"] for each in ours} == {f"{PATH}/", f"{PATH}/auth/"}
    person.page.get_by_role("button", name="Sign out").click()
    person.page.wait_for_url(re.compile(f"{PATH}/auth/signed-out"))
    assert not person.is_signed_in()
    assert not person.is_known_at_the_idp()


def test_metadata_that_cannot_be_refreshed_keeps_nobody_out(person: Person) -> None:
    person.federation.idp.switch(metadata=False)
    person.sign_in(VICTOR, "plain")
    person.arrives()


def test_a_person_is_asked_again_where_the_settings_say_so(person: Person) -> None:
    for _ in range(2):
        person.sign_in(VICTOR, "fresh")
        person.arrives()
        person.page.context.clear_cookies(name="_token")
        person.page.context.clear_cookies(name="oidc_arrived")
    # Elsewhere the session there is enough.
    person.open(f"/auth/login/plain?next={quote(f'{PATH}/auth/access')}")
    person.arrives()


def test_the_way_of_authenticating_that_is_asked_for_must_come_back(person: Person) -> None:
    person.sign_in(VICTOR, "strong")
    person.refused_with("saml_authn_context")
    person.federation.idp.switch(context=MFA)
    before = person.federation.airflow.last_audit_id()
    person.page.get_by_role("link", name="Sign in again").click()
    # Asked once more, although the session there would do for other providers.
    person.be(VICTOR)
    person.arrives()
    [row] = rows(person, before, "auth.login")
    assert row["authn_context"] == MFA


def test_a_name_that_changes_every_time_is_nobody(person: Person) -> None:
    person.federation.idp.switch(name_id="transient")
    person.sign_in(VICTOR, "plain")
    person.refused_with("saml_name_id_transient")


def test_an_attribute_names_the_person_whatever_the_name_id_is(person: Person) -> None:
    person.federation.idp.switch(name_id="transient")
    before = person.federation.airflow.last_audit_id()
    person.sign_in(VICTOR, "number")
    person.arrives()
    [row] = rows(person, before, "auth.login")
    assert row["subject"] == "op-0004"


def test_an_address_names_a_person_only_where_that_was_chosen(person: Person) -> None:
    person.federation.idp.switch(name_id="email")
    before = person.federation.airflow.last_audit_id()
    person.sign_in(VICTOR, "mail")
    person.arrives()
    [row] = rows(person, before, "auth.login")
    assert row["subject"] == "victor@example.com"


def test_an_assertion_in_clear_text_is_refused_where_encryption_is_required(person: Person) -> None:
    person.sign_in(VICTOR, "secret")
    person.refused_with("saml_encryption_required")
    person.federation.idp.switch(encrypt=True)
    person.page.get_by_role("link", name="Sign in again").click()
    person.arrives()


def test_the_session_ends_with_that_of_the_identity_provider(person: Person) -> None:
    person.federation.idp.switch(session_seconds=12)
    person.sign_in(VICTOR, "number")
    person.arrives()
    wait_until(lambda: not person.is_signed_in(), "the end of the session", 20)


def test_a_response_that_one_server_took_is_refused_by_the_other(person: Person) -> None:
    federation = person.federation
    assert isinstance(federation, Deployment)
    stolen: list[str] = []

    def steal(route) -> None:
        stolen.extend(parse_qs(route.request.post_data)["SAMLResponse"])
        route.abort()

    person.page.route(re.compile("/acs$"), steal)
    entity = quote(federation.metadata_url("portal"), safe="")
    person.page.goto(federation.idp.sign_in_url(entity))
    person.be(VICTOR)
    wait_until(lambda: person.page.wait_for_timeout(100) or stolen, "the response")
    before = federation.airflow.last_audit_id()
    answers = [federation.deliver(server, "portal", stolen[0]) for server in (0, 1, 0)]
    assert [each.status_code for each in answers] == [303, 400, 400]
    assert all("saml_replayed" in each.text for each in answers[1:])
    assert len(rows(person, before, "auth.login")) == 1
    assert federation.deliver(1, "plain", stolen[0]).status_code == 400


def test_relay_state_of_a_portal_leads_to_pages_of_ours_only(person: Person) -> None:
    federation = person.federation
    entity = quote(federation.metadata_url("portal"), safe="")
    base_url = federation.airflow.base_url
    targets = {
        f"{base_url}/auth/access?from=portal": f"{base_url}/auth/access?from=portal",
        "https://evil.example/": f"{base_url}/",
        f"https://{urlsplit(base_url).netloc}.evil.example/": f"{base_url}/",
    }
    person.page.goto(f"{federation.idp.url}/simplesaml/module.php/core/authenticate.php?as=people")
    person.be(VICTOR)
    for relay_state, place in targets.items():
        with person.page.expect_response(re.compile("/portal/finish$")) as finished:
            person.page.goto(federation.idp.sign_in_url(entity, quote(relay_state, safe="")))
        assert finished.value.headers["location"] == place


def test_a_new_certificate_is_taken_up_without_a_restart(person: Person) -> None:
    federation = person.federation
    assert isinstance(federation, Deployment)
    seen: set[str] = set()

    def attempt() -> str:
        person.open("/auth/login/rolling")
        if person.page.locator("#username").count():
            person.be(VICTOR)
        person.page.wait_for_url(re.compile("/finish$|/airflow/$|/airflow/home"))
        refused = person.page.get_by_text("(saml_signature_key_unknown)").count() > 0
        seen.add("refused" if refused else "in")
        return "refused" if refused else "in"

    assert [attempt() for _ in range(4)] == ["in"] * 4
    federation.idp.sign_with(*make_key_pair("idp.example.com"))
    # Each of the two servers meets the new key once.
    wait_until(lambda: [attempt() for _ in range(4)] == ["in"] * 4, "sign-ins with the new certificate", 60)
    assert seen == {"refused", "in"}
