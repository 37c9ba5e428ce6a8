"""The OpenID Foundation's relying-party tests, on a real API server in both auth managers."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from httpx import Response
from joserfc.jws import JWSRegistry
from starlette.testclient import TestClient

from airflow_oidc_auth.providers.client_auth import ASSERTION_TYPE
from airflow_oidc_auth.testing import Misbehaviour
from airflow_oidc_auth.testing.keys import sign
from airflow_oidc_auth.testing.loopback import Answer
from tests.contract.conformance.conftest import CLIENT_KEY_ID, FOREIGN, Party, assert_told, host_of
from tests.contract.conformance.idp import assert_delivered, decode, verifies
from tests.contract.conformance.oidc_rows import LOGOUT, REFRESH, REFUSED, driven_by
from tests.contract.conformance.row import ACCEPTED, Row
from tests.contract.conftest import BASE_URL, path_of
from tests.contract.rechecks import recheck_now, session_id_of
from tests.unit.providers.making import make_key, public


def is_signed_in(browser: TestClient) -> bool:
    return browser.get("/ui/auth/me").status_code == 200


def refresh_of(page: Response) -> str:
    return page.headers["refresh"].removeprefix("0; url=")


def code_on(page: Response) -> str:
    """Return the code that a page shows, and expect the page to be fit to be seen."""
    assert 400 <= page.status_code < 600
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["cache-control"] == "no-store"
    assert "location" not in page.headers
    assert "Traceback" not in page.text
    [code] = re.findall(r'class="codes".*\((\w+)\)', page.text)
    return code


def assert_let_in(answer: Response, browser: TestClient) -> None:
    assert (answer.status_code, answer.headers["location"]) == (303, f"{BASE_URL}/dags")
    assert is_signed_in(browser)


def assert_kept_out(page: Response, browser: TestClient, code: str) -> None:
    assert code_on(page) == code
    assert "_token" not in browser.cookies
    assert not is_signed_in(browser)


@pytest.mark.parametrize("row", driven_by(REFUSED), ids=lambda row: row.name)
def test_a_sign_in_is_judged_as_the_table_says(
    party: Party, row: Row, logins: Callable[[], int], audit_rows: Callable[..., list[dict]]
) -> None:
    browser, idp, before = party.browser(), party.idps[row.provider], logins()
    url = party.begin(browser, row.provider)
    if row.provider == "conform":
        idp.misbehaviour = row.lie
    else:
        idp.misbehaviour = type(row.lie)(signature=row.lie.signature)
    answer = party.finish(browser, idp.sign_in(url, "ada"), row.provider)
    assert_delivered(idp, row.lie)
    if row.expected == ACCEPTED:
        assert_let_in(answer, browser)
        assert logins() == before + 1
        return
    assert_kept_out(answer, browser, row.expected)
    assert logins() == before
    assert_told(audit_rows, "auth.login_failed", provider=row.provider, reason=row.expected)


def test_userinfo_is_asked_with_the_token_in_the_header(party: Party) -> None:
    assert party.sign_in(party.browser()).status_code == 303
    request, _ = party.idps["conform"].last("/userinfo")
    token = party.idps["conform"].told("/token")["access_token"]
    assert request.headers["authorization"] == f"Bearer {token}"
    assert token not in str(request.query) + request.body.decode()


def test_the_client_proves_itself_in_the_header(party: Party) -> None:
    assert party.sign_in(party.browser()).status_code == 303
    request, answer = party.idps["conform"].last("/token")
    assert answer.status == 200
    assert request.headers["authorization"].startswith("Basic ")
    assert "client_secret" not in request.form


def test_the_client_proves_itself_with_its_key(party: Party) -> None:
    """RFC 7523 §2.2 and §3, OIDC Core §9: for this endpoint alone, for a minute, once, and nothing that is secret."""
    idp, browser = party.idps["by-key"], party.browser()
    shown = []
    for _ in range(2):
        assert_let_in(party.sign_in(browser, "by-key"), browser)
        request, answer = idp.last("/token")
        assert answer.status == 200
        assert "authorization" not in request.headers
        assert request.form["client_assertion_type"] == ASSERTION_TYPE
        assert not {"client_secret", "private_key"} & set(request.form)
        shown.append(request.form["client_assertion"])
    for assertion in shown:
        header, claims, signature = decode(assertion)
        assert header == {"alg": "ES256", "typ": "JWT", "kid": CLIENT_KEY_ID}
        assert set(claims) == {"iss", "sub", "aud", "jti", "iat", "exp"}
        assert claims["iss"] == claims["sub"] == idp.client_id
        assert claims["aud"] == f"{idp.origin}/token"
        assert claims["exp"] - claims["iat"] == 60
        assert abs(time.time() - claims["iat"]) < 120
        key, said = make_key("ES256"), assertion.rpartition(".")[0].encode()
        assert JWSRegistry.algorithms["ES256"].verify(said, signature, key)
        assert key.as_dict(private=True)["d"] not in str((header, claims))
    first, second = (decode(assertion)[1]["jti"] for assertion in shown)
    assert first != second
    assert min(len(first), len(second)) >= 22, "too short to be unguessable"


def test_a_client_whose_key_is_not_registered_lets_nobody_in(party: Party, monkeypatch: pytest.MonkeyPatch) -> None:
    idp, browser = party.idps["by-key"], party.browser()
    ours = idp._registry.clients[idp.client_id]
    clients = {idp.client_id: replace(ours, jwk=public("ES384", kid=CLIENT_KEY_ID))}
    monkeypatch.setattr(idp, "_registry", replace(idp._registry, clients=clients))
    answer = party.sign_in(browser, "by-key")
    request, refused = idp.last("/token")
    assert (refused.status, "client_assertion" in request.form) == (401, True)
    assert_kept_out(answer, browser, "client_rejected")


@pytest.mark.parametrize("honest", [True, False], ids=["honest", "broken"])
def test_signed_userinfo_is_believed_for_its_signature(party: Party, honest: bool) -> None:
    idp = party.idps["conform"]
    key = idp.keys.key_for("RS256")
    claims = {"iss": idp.issuer, "aud": idp.client_id, "sub": "ada", "name": "Ada", "groups": ["admins"]}
    token = sign({"alg": "RS256", "kid": key.kid}, claims, key)
    sent = token if honest else f"{token[:-10]}{'A' * 10}"
    idp.route("GET", "/userinfo", lambda _: Answer(200, sent.encode(), {"Content-Type": "application/jwt"}))
    browser = party.browser()
    try:
        answer = party.sign_in(browser)
    finally:
        del idp._routes[("GET", "/userinfo")]
    assert verifies(idp, sent) is honest
    if honest:
        assert answer.status_code == 303
    else:
        assert_kept_out(answer, browser, "userinfo_signature")


def test_discovery_and_keys_are_read_where_the_issuer_says(party: Party) -> None:
    idp = party.idps["conform"]
    assert party.sign_in(party.browser()).status_code == 303
    assert idp.calls("/.well-known/openid-configuration")
    assert idp.calls("/jwks")


@pytest.mark.parametrize(
    ("provider", "code"),
    [
        ("other-issuer", "discovery_issuer_mismatch"),
        ("slash-issuer", "discovery_issuer_mismatch"),
        ("plain-http", "provider_url_insecure"),
        ("no-keys", "discovery_malformed"),
    ],
)
def test_a_lying_discovery_document_begins_no_sign_in(party: Party, provider: str, code: str) -> None:
    browser, idp = party.browser(), party.idps[provider]
    answer = browser.get(f"/auth/login/{provider}", params={"next": f"{BASE_URL}/dags"})
    told = idp.told("/.well-known/openid-configuration")
    assert {name: told.get(name) for name in idp.misbehaviour.discovery} == idp.misbehaviour.discovery
    assert_kept_out(answer, browser, code)
    assert not idp.calls("/authorize")


@pytest.mark.parametrize("moment", ["before the sign-in", "before signing"])
def test_a_new_signing_key_is_fetched(party: Party, moment: str) -> None:
    idp, browser = party.idps["rotating"], party.browser()
    assert party.sign_in(party.browser(), "rotating").status_code == 303
    old = idp.told("/token")["id_token"]
    party.keys_of("rotating")._fetched_at = None  # the last fetch was half a minute ago
    if moment == "before the sign-in":
        idp.rotate_keys()
    url = party.begin(browser, "rotating")
    if moment == "before signing":
        idp.rotate_keys()
    answer = party.finish(browser, idp.sign_in(url, "ada"), "rotating")
    assert answer.status_code == 303
    assert decode(idp.told("/token")["id_token"])[0]["kid"] != decode(old)[0]["kid"]
    assert is_signed_in(browser)


@pytest.mark.parametrize("row", driven_by(REFRESH), ids=lambda row: row.name)
def test_a_refresh_is_judged_as_the_table_says(
    party: Party, row: Row, audit_rows: Callable[..., list[dict]], caplog: pytest.LogCaptureFixture
) -> None:
    """What is refused here ends nothing: the session goes on as it was, unconfirmed (docs/sessions.md)."""
    browser, idp = party.browser(), party.idps["rotating"]
    assert party.sign_in(browser, "rotating").status_code == 303
    me = browser.get("/ui/auth/me").json()
    newest_row = audit_rows(1)
    idp.misbehaviour = row.lie
    before = len(idp.calls("/token"))
    recheck_now(party.server, session_id_of(party.server, browser))
    request, _ = idp.last("/token")
    assert len(idp.calls("/token")) > before
    assert request.form["grant_type"] == "refresh_token"
    assert_delivered(idp, row.lie)
    refusals = re.findall(r"is not confirmed: (\w+)", caplog.text)
    assert refusals == ([] if row.expected == ACCEPTED else [row.expected])
    assert browser.get("/ui/auth/me").json() == me
    assert audit_rows(1) == newest_row


@pytest.mark.parametrize("row", driven_by(LOGOUT), ids=lambda row: row.name)
def test_a_logout_token_is_judged_as_the_table_says(
    party: Party, row: Row, audit_rows: Callable[..., list[dict]]
) -> None:
    browser, idp = party.browser(), party.idps["conform"]
    assert party.sign_in(browser).status_code == 303
    idp.misbehaviour = row.lie
    token = idp.logout_token("ada", sid=idp.sids("ada")[-1])
    header, claims, _ = decode(token)
    wanted = {**row.lie.logout_token_claims, **row.lie.logout_token_header}
    assert {name: {**claims, **header}.get(name) for name in wanted} == wanted
    assert verifies(idp, token) == (row.lie.signature == "valid")
    answer = party.server.client().post("/auth/backchannel-logout/conform", data={"logout_token": token})
    if row.expected == ACCEPTED:
        assert (answer.status_code, answer.content) == (200, b"")
        assert not is_signed_in(browser)
        return
    assert (answer.status_code, answer.json()["code"]) == (400, row.expected)
    assert is_signed_in(browser)
    assert_told(audit_rows, "auth.token_refused", reason=row.expected)


def test_an_id_token_ends_no_session(party: Party) -> None:
    browser, idp = party.browser(), party.idps["conform"]
    assert party.sign_in(browser).status_code == 303
    token = idp.told("/token")["id_token"]
    assert verifies(idp, token)
    answer = party.server.client().post("/auth/backchannel-logout/conform", data={"logout_token": token})
    assert (answer.status_code, answer.json()["code"]) == (400, "logout_token_events")
    assert is_signed_in(browser)


def test_a_frame_that_names_no_session_ends_none(party: Party) -> None:
    """Nobody signs a frame: whoever could end a session by half of its name would end everybody's."""
    browser, idp, address = party.browser(), party.idps["conform"], "/auth/frontchannel-logout/conform"
    assert party.sign_in(browser).status_code == 303
    sid = idp.sids("ada")[-1]
    sids = [sid[:-1], sid[:1], f"{sid}x", "%", "_" * len(sid), f"{sid[:-1]}_", f" {sid}", ""]
    lies = [(idp.issuer, each) for each in sids]
    lies += [(issuer, sid) for issuer in (FOREIGN, f"{idp.issuer}/", party.idps["profile"].issuer, "")]
    for issuer, named in lies:
        party.server.client().get(address, params={"iss": issuer, "sid": named})
        assert is_signed_in(browser), (issuer, named)
    other = party.server.client().get("/auth/frontchannel-logout/profile", params={"iss": idp.issuer, "sid": sid})
    assert other.status_code == 200
    assert is_signed_in(browser), "at the address of another provider"
    assert party.server.client().get(address, params={"iss": idp.issuer, "sid": sid}).status_code == 200
    assert not is_signed_in(browser)


def test_a_sign_out_reaches_the_identity_provider_and_comes_back(party: Party) -> None:
    browser, idp = party.browser(), party.idps["conform"]
    assert party.sign_in(browser).status_code == 303
    id_token = idp.told("/token")["id_token"]
    leaving = path_of(refresh_of(browser.get("/auth/logout")))
    target = refresh_of(browser.get(leaving))
    query = parse_qs(urlsplit(target).query)
    assert host_of(target) == idp.origin
    assert query["id_token_hint"] == [id_token]
    assert query["post_logout_redirect_uri"] == [f"{BASE_URL}/auth/signed-out"]
    assert not is_signed_in(browser)
    back = idp._get(target)
    assert back[:2] == (302, f"{BASE_URL}/auth/signed-out")


@pytest.mark.parametrize("query", ["", "?state=nobody-sent-this", "?state=a&state=b"])
@pytest.mark.parametrize("signed_in", [True, False])
def test_the_way_back_from_a_sign_out_changes_nothing(party: Party, query: str, signed_in: bool) -> None:
    browser = party.browser()
    if signed_in:
        assert party.sign_in(browser).status_code == 303
    page = browser.get(f"/auth/signed-out{query}")
    assert page.status_code == 200
    assert "nobody-sent-this" not in page.text
    assert "_token" not in page.headers.get("set-cookie", "")
    assert is_signed_in(browser) is signed_in


def test_the_honest_party_tells_no_lie(party: Party) -> None:
    """What every row above stands on: without its lie the same sign-in is accepted."""
    assert party.idps["conform"].misbehaviour == Misbehaviour()
    assert party.sign_in(party.browser()).status_code == 303
