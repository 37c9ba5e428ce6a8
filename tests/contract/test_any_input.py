"""Whatever comes to our addresses: JSON or a page of ours, no error of the server, and nobody is signed in by it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from urllib.parse import urlencode

import pytest
from httpx import Response
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from airflow_oidc_auth.login.attempts import attempt_cookie_name
from tests.contract.bearer import engine_of, forget
from tests.contract.conftest import Server

WORDS = (
    *(
        "",
        "0",
        "-1",
        "true",
        "null",
        "None",
        "code",
        "state",
        "oidc",
        "jobs",
        "a" * 5000,
        "\x00",
        "\r\n",
        "\ud800",
        "é",
    ),
    *("../../etc/passwd", "%2e%2e/", "//evil.example", "https://evil.example/", "<script>", "{{7*7}}", "' OR 1=1 --"),
    *("eyJhbGciOiJub25lIn0.e30.", "a.b.c", "a.b.c.d.e", "urn:ietf:params:oauth:grant-type:token-exchange", "password"),
    *("urn:ietf:params:oauth:token-type:access_token", "client_credentials", "gAAAAAB", "1e999", "[]", "{}", "Admin"),
    base64.b64encode(b"<Response/>").decode(),
)
NAMES = (
    *(
        "code",
        "state",
        "iss",
        "error",
        "error_description",
        "error_uri",
        "session_state",
        "response",
        "id_token",
        "scope",
    ),
    *("grant_type", "client_id", "client_secret", "subject_token", "subject_token_type", "actor_token", "assertion"),
    *("audience", "resource", "expires_in", "label", "token", "token_type_hint", "provider", "username", "password"),
    *("logout_token", "sid", "next", "SAMLResponse", "SAMLRequest", "RelayState", "SigAlg", "Signature", "link", "q"),
    *(
        "csrf_token",
        "session",
        "reason",
        "user",
        "client_assertion",
        "client_assertion_type",
        "zone",
        "confirm",
        "back",
    ),
)
ROUTES = {
    "callback": ("GET /auth/callback/oidc", "POST /auth/callback/oidc", "GET /auth/callback/{word}"),
    "ACS": (
        "POST /auth/saml/oidc/acs",
        "GET /auth/saml/oidc/acs",
        "POST /auth/saml/{word}/acs",
        "GET /auth/saml/x/metadata",
    ),
    "logout": (
        *("GET /auth/logout", "POST /auth/logout", "GET /auth/signed-out", "POST /auth/backchannel-logout/oidc"),
        *("GET /auth/frontchannel-logout/oidc", "GET /auth/saml/oidc/slo", "POST /auth/saml/oidc/slo"),
    ),
    "token": ("POST /auth/token", "POST /auth/token/cli", "POST /auth/token/revoke", "GET /auth/token/cli"),
    "pages": ("GET /auth/login", "GET /auth/login/{word}", "GET /auth/break-glass", "POST /auth/break-glass"),
    "officer": (
        "GET /auth/sessions",
        "POST /auth/sessions",
        "GET /auth/sessions/end",
        "GET /auth/access",
        "POST /auth/access",
    ),
}
text = st.sampled_from(WORDS) | st.text(max_size=40)
pairs = st.lists(st.tuples(st.sampled_from(NAMES) | text, text), max_size=6)
bodies = st.one_of(
    pairs.map(lambda given: ("application/x-www-form-urlencoded", urlencode(given, errors="replace").encode())),
    st.tuples(
        st.sampled_from(["application/json", "text/plain", "", "multipart/form-data", "\xff"]), st.binary(max_size=80)
    ),
    pairs.map(lambda given: ("application/json", json.dumps(dict(given)).encode())),
)
headers = st.fixed_dictionaries(
    {},
    optional={
        "Authorization": st.sampled_from(["Basic", "Basic Og==", "Basic x:y", "Bearer a.b.c", "DPoP x", "Negotiate"])
        | text,
        "DPoP": text,
        "Cookie": pairs.map(lambda given: "; ".join(f"{name}={value}" for name, value in given)),
        "Origin": text,
        "Host": st.sampled_from(["evil.example", "localhost:1", "[::1"]),
        "X-Forwarded-Proto": text,
        "Accept": st.sampled_from(["application/json", "text/html", "*/*;q=x", ""]),
        "Content-Length": st.sampled_from(["0"]),
    },
)
few = settings(max_examples=25, suppress_health_check=list(HealthCheck))


@pytest.fixture(autouse=True)
def _anew(server: Server) -> Iterator[None]:
    forget(server)
    engine_of(server)._services.window.flush(float("inf"))
    yield
    engine_of(server)._services.window.flush(float("inf"))


def send(
    browser: TestClient, route: str, word: str, query: list, body: tuple[str, bytes], extra: dict[str, str]
) -> Response:
    method, _, path = route.partition(" ")
    kind, content = body
    said = {"content-type": kind, **extra} if method == "POST" else extra
    encoded = {name.lower(): value.encode("latin-1", "replace") for name, value in said.items()}
    spelt = "".join(each if each.isalnum() else "x" for each in word.encode("ascii", "replace").decode())
    url = path.format(word=spelt[:30] or "x") + "?" + urlencode(query, errors="replace")
    options = {"content": content} if method == "POST" else {}
    return browser.request(method, url, headers=encoded, **options)


def judge(answer: Response) -> None:
    """Expect an answer of ours that lets nobody in."""
    said = f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text[:300]}"
    assert answer.status_code < 500, said
    cookies = [line for line in answer.headers.get_list("set-cookie") if line.startswith("_token=")]
    assert all(line.startswith(("_token=;", '_token="";')) for line in cookies), "somebody is signed in"
    kind = answer.headers.get("content-type", "").partition(";")[0]
    assert answer.status_code in {200, 204, 303, 307, 405} or kind in {"application/json", "text/html"}, said
    if kind == "text/html":
        assert "<script>" not in answer.text, said
        assert "content-security-policy" in answer.headers, said


@pytest.mark.parametrize("door", ROUTES)
def test_any_request_of_a_stranger_is_answered_and_opens_nothing(server: Server, door: str) -> None:
    browser = server.client()

    @few
    @given(st.sampled_from(ROUTES[door]), text, pairs, bodies, headers)
    def ask(route: str, word: str, query: list, body: tuple[str, bytes], extra: dict[str, str]) -> None:
        browser.cookies.clear()
        judge(send(browser, route, word, query, body, extra))

    ask()


def test_any_change_of_what_the_identity_provider_answered_opens_nothing(server: Server) -> None:
    """With a genuine attempt in the browser, whatever else the callback is given."""
    browser = server.client()
    brought = server.idp.sign_in(server.begin(browser), "ada")
    genuine = dict(browser.cookies)
    assert attempt_cookie_name(brought["state"]) in genuine
    changed: Callable[..., st.SearchStrategy] = lambda name: st.tuples(st.just(name), text | st.none())  # noqa: E731

    @few
    @given(st.sampled_from(sorted(brought)).flatmap(changed), pairs, st.sampled_from([None, "", "x", "gAAAAAB" * 30]))
    def ask(change: tuple[str, str | None], more: list, cookie: str | None) -> None:
        browser.cookies.clear()
        for name, value in genuine.items():
            browser.cookies.set(name, value if cookie is None else cookie)
        name, value = change
        given = {**brought, name: value}
        if value == brought[name]:
            return
        # The real code is not used up, whoever tries it with something else: only the last one here does that.
        query = [(key, found) for key, found in given.items() if found is not None] + more
        answer = browser.get("/auth/callback/oidc?" + urlencode(query, errors="replace"))
        judge(answer)

    ask()
