"""Programs at a real Airflow, with tokens of a certified identity provider."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from playwright.sync_api import Page, expect

from tests.e2e.airflow_server import Airflow
from tests.e2e.identity_providers import CLIENT_SECRET, Liar, OpenIdProvider, installed
from tests.e2e.machines import (
    ACCESS_TOKEN,
    ANOTHER,
    ASSERTION,
    EXCHANGE,
    OPAQUE,
    Caller,
    Company,
    ProofKey,
    document,
    expect_assets_in,
    log_rows,
    make_personal_token,
    payload,
    sign_assertion,
)
from tests.e2e.processes import http, wait_until
from tests.e2e.visitor import UMA, Visitor

DAGS = "/api/v2/dags"
NIGHTLY_SECRET = "what only the nightly job knows"
OSKAR_SUB, UMA_SUB, VICTOR_SUB = "op-0002", "op-0003", "op-0004"
# What the issue promises of a revocation.
DEAD_SECONDS = 5


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("machines")


@pytest.fixture(scope="module")
def airflow(home: Path) -> Airflow:
    return Airflow(home / "airflow")


@pytest.fixture(scope="module")
def op(home: Path, airflow: Airflow) -> Iterator[OpenIdProvider]:
    provider = OpenIdProvider(home / "op.log", airflow.base_url)
    yield provider
    provider.stop()


@pytest.fixture(scope="module")
def nightly_key(home: Path) -> RSAKey:
    """The key of a job that proves itself with it; Airflow is told the public half."""
    key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
    (home / "nightly.json").write_text(json.dumps({"keys": [key.as_dict(private=False)]}), encoding="utf-8")
    return key


@pytest.fixture(scope="module")
def caller(airflow: Airflow, op: OpenIdProvider, home: Path, nightly_key: RSAKey) -> Iterator[Caller]:
    """A program, and the running Airflow."""
    airflow.document.write_text(document(op, home / "nightly.json"), encoding="utf-8")
    airflow.migrate(dags=True)
    airflow.start(E2E_CLIENT_SECRET=CLIENT_SECRET, NIGHTLY_SECRET=NIGHTLY_SECRET)
    yield Caller(airflow)
    airflow.stop()


@pytest.fixture(scope="module")
def company(op: OpenIdProvider) -> Company:
    return Company(op)


def assert_refused(answer, code: str, status: int = 401) -> None:
    assert (answer.status_code, answer.json()["error"]) == (status, code), answer.text[:400]
    if status == 401:
        assert code in answer.headers["www-authenticate"]


def test_a_job_reads_dags_with_the_token_that_the_company_gave_it(caller: Caller, company: Company) -> None:
    answer = caller.get(company.job_token())
    assert answer.status_code == 200, answer.text[:400]
    assert answer.json()["total_entries"] > 0


def test_a_job_that_has_no_secret_but_a_key_gets_in_too(caller: Caller, company: Company, nightly_key: RSAKey) -> None:
    assert caller.get(company.key_token("ci-key", nightly_key)).status_code == 200


def test_the_groups_in_the_token_decide_what_a_job_may_do(caller: Caller, company: Company) -> None:
    (dag, *_) = caller.get(company.job_token()).json()["dags"]
    path, change = f"{DAGS}/{dag['dag_id']}", {"is_paused": dag["is_paused"]}
    assert caller.patch(company.job_token(), path, change).status_code == 200
    viewer = company.sign(company.claims(sub="reader", client_id="reader", groups=["airflow-viewers"]))
    assert caller.get(viewer).status_code == 200
    assert caller.patch(viewer, path, change).status_code == 403
    assert caller.get(company.job_token(), "/api/v2/connections").status_code == 200
    assert caller.get(viewer, "/api/v2/connections").status_code == 403


def test_a_person_and_a_program_are_mapped_by_the_same_rules(caller: Caller, company: Company) -> None:
    token = company.signed_in(UMA_SUB)["access_token"]
    answer = caller.get(token)
    assert answer.status_code == 200, answer.text[:400]
    assert caller.get(token, "/api/v2/connections").status_code == 403


def test_a_job_of_no_group_is_refused(caller: Caller, company: Company) -> None:
    answer = caller.get(company.job_token("ci-stranger"))
    assert answer.status_code == 403, answer.text[:400]
    assert answer.json()["error"] == "token_no_role"


def test_a_token_for_somebody_else_opens_nothing(caller: Caller, company: Company) -> None:
    assert_refused(caller.get(company.job_token(resource=ANOTHER)), "token_audience")


def test_an_id_token_is_no_access_token(caller: Caller, company: Company) -> None:
    id_token = company.signed_in(OSKAR_SUB)["id_token"]
    assert caller.get(id_token).status_code == 401
    dressed = company.sign({**payload(id_token), "aud": "urn:airflow:api"}, typ="JWT")
    assert_refused(caller.get(dressed), "token_type")


BAD = {
    "expired": (lambda now: {"iat": now - 900, "exp": now - 600}, "token_expired"),
    "from the future": (lambda now: {"nbf": now + 600}, "token_not_yet_valid"),
    "for ever": (lambda now: {"exp": now + 10 * 365 * 86400}, "token_lifetime"),
    "for nobody": (lambda now: {"aud": None}, "token_audience"),
    "of nobody": (lambda now: {"sub": None}, "token_subject"),
    "without an end": (lambda now: {"exp": None}, "token_claim"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_token_that_the_company_signed_wrongly_is_refused(caller: Caller, company: Company, name: str) -> None:
    change, code = BAD[name]
    assert_refused(caller.get(company.sign(company.claims(**change(int(time.time()))))), code)


def test_a_token_of_another_issuer_opens_nothing(caller: Caller, company: Company, liar_process: Liar) -> None:
    # Its signature is good: only nobody here trusts whose it is.
    foreign = http().post(f"{liar_process.issuer}/token", {"grant_type": "client_credentials"}, timeout=10)
    token = foreign.json()["access_token"]
    assert payload(token)["iss"] == liar_process.issuer
    assert caller.get(token).status_code in {401, 403}


def test_a_token_signed_with_another_key_or_none_opens_nothing(caller: Caller, company: Company) -> None:
    claims = company.claims()
    own = RSAKey.generate_key(2048)
    forged = jwt.encode({"alg": "RS256", "kid": "one", "typ": "at+jwt"}, claims, own)
    assert_refused(caller.get(forged), "token_signature")
    published = json.dumps(http().get(f"{company.issuer}/jwks", timeout=10).json()["keys"][0])
    confused = jwt.encode(
        {"alg": "HS256", "kid": "one", "typ": "at+jwt"}, claims, OctKey.import_key(published), algorithms=["HS256"]
    )
    assert_refused(caller.get(confused), "token_algorithm")
    parts = [json.dumps(part).encode() for part in ({"alg": "none", "typ": "at+jwt"}, claims)]
    unsigned = ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."
    assert caller.get(unsigned).status_code == 401


def test_a_token_in_the_address_counts_for_nothing(caller: Caller, company: Company) -> None:
    token = company.job_token()
    answer = caller.bare(f"{DAGS}?access_token={token}")
    assert answer.status_code == 401
    assert "www-authenticate" in answer.headers


def test_two_authorization_headers_are_refused(caller: Caller, company: Company) -> None:
    import http.client

    token, connection = company.job_token(), http.client.HTTPConnection("127.0.0.1", caller.airflow.port, timeout=30)
    connection.putrequest("GET", DAGS)
    for _ in range(2):
        connection.putheader("Authorization", f"Bearer {token}")
    connection.endheaders()
    answer = connection.getresponse()
    assert answer.status == 401
    assert answer.getheader("WWW-Authenticate")
    connection.close()


def test_a_token_of_the_company_in_the_cookie_counts_for_nothing(caller: Caller, company: Company) -> None:
    assert caller.bare(Cookie=f"_token={company.job_token()}").status_code in {401, 403}


def test_an_opaque_token_is_asked_about(caller: Caller, company: Company) -> None:
    token = company.signed_in(UMA_SUB, OPAQUE)["access_token"]
    assert "." not in token
    answer = caller.get(token)
    assert answer.status_code == 200, answer.text[:400]
    assert caller.get(token, "/api/v2/connections").status_code == 403
    assert_refused(caller.get(token[:-3] + "xyz"), "token_inactive")


def test_an_opaque_token_that_a_job_got_for_itself_is_the_jobs(caller: Caller, company: Company) -> None:
    assert caller.get(company.job_token(resource=OPAQUE), "/api/v2/connections").status_code == 200


def test_an_opaque_token_that_the_company_revoked_is_refused(caller: Caller, company: Company) -> None:
    token = company.job_token(resource=OPAQUE)
    company.revoke(token)
    assert_refused(caller.get(token), "token_inactive")


def test_a_bound_token_needs_a_proof_for_each_request(caller: Caller, company: Company) -> None:
    key, url = ProofKey(), caller.url(DAGS)
    token = company.bound_token(key)
    proof = key.proof("GET", url, token)
    assert caller.get(token, scheme="DPoP", DPoP=proof).status_code == 200
    assert_refused(caller.get(token, scheme="DPoP", DPoP=proof), "dpop_replayed")
    assert_refused(caller.get(token, scheme="DPoP"), "dpop_missing")
    assert caller.get(token).status_code == 401
    assert_refused(caller.get(token, scheme="DPoP", DPoP=ProofKey().proof("GET", url, token)), "dpop_other_key")
    assert_refused(caller.get(token, scheme="DPoP", DPoP=key.proof("POST", url, token)), "dpop_method")
    elsewhere = caller.url("/api/v2/pools")
    assert_refused(caller.get(token, scheme="DPoP", DPoP=key.proof("GET", elsewhere, token)), "dpop_address")
    assert_refused(caller.get(token, scheme="DPoP", DPoP=key.proof("GET", url, "another")), "dpop_token")
    stale = key.proof("GET", url, token, iat=int(time.time()) - 600)
    assert_refused(caller.get(token, scheme="DPoP", DPoP=stale), "dpop_time")


def test_a_token_is_exchanged_for_one_of_airflow_that_dies_within_seconds_of_its_revocation(
    caller: Caller, company: Company
) -> None:
    given = caller.exchange(company.signed_in(UMA_SUB)["access_token"], expires_in="600")
    token = given["access_token"]
    assert (given["token_type"], given["expires_in"]) == ("Bearer", 600)
    assert caller.get(token).status_code == 200
    assert caller.get(token, "/api/v2/connections").status_code == 403
    assert caller.revoke(token).status_code == 200
    wait_until(lambda: caller.get(token).status_code == 401, "the end of the token", seconds=DEAD_SECONDS)


def test_an_exchange_with_a_proof_gives_a_token_that_is_of_use_with_its_key_only(
    caller: Caller, company: Company
) -> None:
    key, shown = ProofKey(), company.signed_in(UMA_SUB)["access_token"]
    given = caller.exchange(shown, key.proof("POST", caller.url("/auth/token")))
    token = given["access_token"]
    assert given["token_type"] == "DPoP"
    proof = key.proof("GET", caller.url(DAGS), token)
    assert caller.get(token, scheme="DPoP", DPoP=proof).status_code == 200
    assert caller.get(token).status_code == 401
    stolen = ProofKey().proof("GET", caller.url(DAGS), token)
    assert_refused(caller.get(token, scheme="DPoP", DPoP=stolen), "dpop_other_key")


def test_an_exchanged_token_holds_nothing_of_the_company(caller: Caller, company: Company) -> None:
    shown = company.signed_in(UMA_SUB)["access_token"]
    token = caller.exchange(shown)["access_token"]
    told = json.dumps(payload(token))
    assert shown not in told
    assert company.issuer not in told


def test_an_exchanged_token_is_narrowed_to_the_roles_asked_for(caller: Caller, company: Company) -> None:
    shown = company.signed_in(OSKAR_SUB)["access_token"]
    form = {"grant_type": EXCHANGE, "subject_token": shown, "subject_token_type": ACCESS_TOKEN}
    refused = caller.token(**form, scope="Admin")
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_scope")
    assert caller.get(caller.exchange(shown)["access_token"], "/api/v2/connections").status_code == 200


def test_a_job_proves_itself_with_its_secret(caller: Caller) -> None:
    given = caller.token(("nightly", NIGHTLY_SECRET), grant_type="client_credentials")
    assert given.status_code == 200, given.text[:400]
    token = given.json()["access_token"]
    assert caller.get(token).status_code == 200
    assert caller.get(token, "/api/v2/connections").status_code == 403
    wrong = caller.token(("nightly", "guessed"), grant_type="client_credentials")
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")


def test_a_job_proves_itself_with_its_key_once_per_assertion(caller: Caller, nightly_key: RSAKey) -> None:
    assertion = sign_assertion(nightly_key, "nightly-key", caller.url("/auth/token"))
    form = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION, "client_assertion": assertion}
    given = caller.token(**form)
    assert given.status_code == 200, given.text[:400]
    assert caller.get(given.json()["access_token"]).status_code == 200
    assert caller.token(**form).json()["error"] == "invalid_client"


def test_what_an_agent_does_for_a_person_shows_both(caller: Caller, company: Company, airflow: Airflow) -> None:
    before = airflow.last_audit_id()
    shown = company.signed_in(VICTOR_SUB)["access_token"]
    token = company.on_behalf(shown)
    assert payload(token)["act"] == {"sub": "agent"}
    assert caller.get(token).status_code == 200
    rows = [row for row in airflow.audit(before) if row["event"] == "auth.login"]
    assert [(row["subject"], row["actor"], row["client_id"]) for row in rows] == [(VICTOR_SUB, "agent", "agent")]


def test_what_airflow_writes_names_the_person_and_the_agent(caller: Caller, company: Company) -> None:
    (dag, *_) = caller.get(company.job_token()).json()["dags"]
    token = company.on_behalf(company.signed_in(OSKAR_SUB)["access_token"])
    answer = caller.patch(token, f"{DAGS}/{dag['dag_id']}", {"is_paused": dag["is_paused"]})
    assert answer.status_code == 200, answer.text[:400]
    (row, *_) = log_rows(caller.airflow, "patch_dag")
    assert row["owner"] == "Oskar Operator"
    assert row["actor"] == "agent"


def test_an_exchange_shows_the_person_and_the_agent(caller: Caller, company: Company, airflow: Airflow) -> None:
    before = airflow.last_audit_id()
    caller.exchange(company.on_behalf(company.signed_in(VICTOR_SUB)["access_token"]))
    (row,) = [row for row in airflow.audit(before) if row["event"] == "auth.token_issued"]
    assert (row["subject"], row["actor"], row["client_id"]) == (VICTOR_SUB, "agent", "agent")


def test_a_flood_of_bad_tokens_is_few_rows(caller: Caller, company: Company, airflow: Airflow) -> None:
    before = airflow.last_audit_id()
    bad = company.sign(company.claims(aud="somebody"))
    for number in range(200):
        assert caller.get(f"{bad[:-4]}{number:04}").status_code == 401
    time.sleep(6)
    assert len(airflow.audit(before)) <= 20


def test_no_token_of_anybody_is_in_a_log(caller: Caller, company: Company, airflow: Airflow) -> None:
    tokens = [company.job_token(), company.signed_in(UMA_SUB)["access_token"], company.job_token(resource=ANOTHER)]
    for token in tokens:
        caller.get(token)
        caller.bare(f"{DAGS}?access_token={token}")
    exchanged = caller.exchange(tokens[1])["access_token"]
    caller.get(exchanged)
    written = "\n".join(airflow.all_logs().values())
    for token in [*tokens, exchanged]:
        assert token.rsplit(".", 1)[-1] not in written


@pytest.fixture
def visitor(page: Page, caller: Caller) -> Visitor:
    """A person in front of a fresh browser."""
    return Visitor(page, caller.airflow)


def test_a_personal_token_survives_signing_out_and_dies_when_its_owner_revokes_it(
    visitor: Visitor, caller: Caller
) -> None:
    visitor.sign_in(UMA)
    token = make_personal_token(visitor)
    visitor.open("/api/v2/auth/logout")
    visitor.page.get_by_role("button", name="Sign out").click()
    expect(visitor.page.get_by_role("heading", name="You are signed out")).to_be_visible()
    assert not visitor.is_signed_in()
    time.sleep(DEAD_SECONDS)
    assert caller.get(token).status_code == 200
    visitor.page.get_by_role("link", name="Sign in again").click()
    visitor.choose_provider()
    visitor.choose_person(UMA)
    visitor.page.wait_for_url(visitor.url("/"))
    visitor.open("/auth/access")
    row = visitor.page.get_by_role("row").filter(has_text=payload(token)["sid"][:8])
    expect(row).to_contain_text("User")
    row.get_by_role("button", name="Revoke").click()
    expect(visitor.page.get_by_role("status")).to_contain_text("revoked")
    wait_until(lambda: caller.get(token).status_code == 401, "the end of the token", seconds=DEAD_SECONDS)


@pytest.fixture
def swagger(page: Page, caller: Caller) -> Page:
    """Airflow's /docs; what it loads from a CDN comes from the tests' npm packages."""
    packages = installed() / "node_modules" / "swagger-ui-dist"
    page.route("**/swagger-ui-dist@5/*", lambda route: route.fulfill(path=packages / route.request.url.split("/")[-1]))
    page.route("**/favicon.png", lambda route: route.abort())
    page.goto(caller.url("/docs"))
    page.get_by_role("button", name="Authorize").first.click()
    return page


def test_swagger_ui_takes_a_token_of_the_company_as_it_is(swagger: Page, company: Company) -> None:
    swagger.get_by_label("auth-bearer-value").fill(company.job_token())
    swagger.get_by_role("button", name="Apply credentials").click()
    expect_assets_in(swagger)


def test_swagger_ui_exchanges_a_token_of_the_company(swagger: Page, company: Company) -> None:
    swagger.get_by_label("username:").fill("__token__")
    swagger.get_by_label("password:").fill(company.signed_in(UMA_SUB)["access_token"])
    swagger.get_by_role("button", name="Apply given OAuth2 credentials").click()
    expect(swagger.get_by_role("button", name="Remove authorization")).to_be_visible()
    expect_assets_in(swagger)


def test_swagger_ui_is_told_why_a_token_is_not_good(swagger: Page, company: Company) -> None:
    swagger.get_by_label("username:").fill("__token__")
    swagger.get_by_label("password:").fill(company.job_token(resource=ANOTHER))
    swagger.get_by_role("button", name="Apply given OAuth2 credentials").click()
    expect(swagger.locator(".auth-container .errors").first).to_contain_text("another application")
