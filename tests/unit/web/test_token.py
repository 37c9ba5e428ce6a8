"""POST /auth/token as programs use it, and as somebody would who should not."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import Response

from airflow_oidc_auth.config.compiled import RateLimitSettings, TokenSettings
from airflow_oidc_auth.grants.grant import Grant, RuleMatch
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.login.rate_limits import RateLimits
from airflow_oidc_auth.login.token_subject import Verified, act_for
from airflow_oidc_auth.messages import message
from airflow_oidc_auth.providers.bearer import BearerToken
from airflow_oidc_auth.sessions.principal import principal_id
from airflow_oidc_auth.testing.keys import SigningKeys, encode_segment, sign
from airflow_oidc_auth.web.app import create_web_app
from airflow_oidc_auth.web.middleware import AuthMiddleware
from tests.unit.login.rig import BASE_URL
from tests.unit.login.token_rig import AUDIENCE, SECRET, TokenRig, run_token_rig, thumbprint
from tests.unit.web.rig import Client, RigEngine

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
JWT = "urn:ietf:params:oauth:token-type:jwt"
ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass
class Endpoint:
    """The token endpoint below a root, and a program that talks to it."""

    tokens: TokenRig
    client: Client

    def post(self, form: dict[str, Any] | None = None, path: str = "/auth/token", **options: Any) -> Response:
        return self.client.request("POST", f"{BASE_URL}{path}", data=form, **options)

    def exchange(self, token: str | None = None, *, headers: Any = None, **form: Any) -> Response:
        given = token or self.tokens.idp_token()
        fields = {"grant_type": EXCHANGE, "subject_token": given, "subject_token_type": ACCESS_TOKEN, **form}
        return self.post({name: value for name, value in fields.items() if value is not None}, headers=headers)

    @property
    def asked(self) -> Any:
        return self.tokens.desk.requests[-1]


def serve(tokens: TokenRig) -> Endpoint:
    engine = RigEngine(tokens.rig)
    engine.token_grants = tokens.grants
    root = FastAPI(root_path="/data")
    root.mount("/auth", create_web_app(lambda: engine))  # type: ignore[arg-type,return-value]
    root.add_middleware(AuthMiddleware)
    return Endpoint(tokens, Client(root))


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[Endpoint]:
    with run_token_rig(tmp_path) as tokens:
        yield serve(tokens)


def basic(client: str, secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{client}:{secret}".encode()).decode()}


def refused(answer: Response, error: str, code: str, status: int = 400) -> None:
    body = answer.json()
    assert (answer.status_code, body["error"], body["code"]) == (status, error, code), body
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["pragma"] == "no-cache"
    assert body["correlation_id"]
    assert message(code)


def test_exchanges_a_token_of_the_idp_for_one_of_airflow(endpoint):
    given = endpoint.tokens.idp_token()
    answer = endpoint.exchange(given)
    body = answer.json()
    assert answer.status_code == 200, body
    assert (body["token_type"], body["issued_token_type"], body["expires_in"]) == ("Bearer", ACCESS_TOKEN, 86_400)
    assert body["scope"] == "Admin Op"
    assert given not in answer.text
    assert given.split(".")[2] not in body["access_token"]
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["pragma"] == "no-cache"
    made = endpoint.tokens.desk.rows[body["access_token"]]
    assert made.principal_id == principal_id(endpoint.tokens.rig.idp.issuer, "ada")
    # Bound to what the rules gave for this token: the person's account may have, or later get, more.
    assert (made.kind, made.client_id, made.scope) == ("exchanged", "ci", ("Admin", "Op"))
    assert endpoint.tokens.desk.identities[-1].subject == "ada"


def test_the_lifetime_is_exactly_what_was_asked_for(endpoint):
    assert endpoint.exchange(expires_in="61").json()["expires_in"] == 61
    assert endpoint.exchange(expires_in="86400").json()["expires_in"] == 86_400


@pytest.mark.parametrize(
    "asked, code",
    [
        ("86401", "token_lifetime_too_long"),
        ("99999999999", "token_lifetime_malformed"),
        ("0", "token_lifetime_malformed"),
        ("-1", "token_lifetime_malformed"),
        ("1e3", "token_lifetime_malformed"),
        ("60.5", "token_lifetime_malformed"),
        ("٦٠", "token_lifetime_malformed"),
        (" 60", "token_lifetime_malformed"),
    ],
)
def test_a_lifetime_beyond_the_policy_is_refused_and_never_cut(endpoint, asked, code):
    refused(endpoint.exchange(expires_in=asked), "invalid_request", code)
    assert not endpoint.tokens.desk.requests


def test_the_refusal_names_the_longest_lifetime(endpoint):
    assert "86400 seconds" in endpoint.exchange(expires_in="86401").json()["error_description"]


def test_a_token_can_be_narrowed_to_roles_that_its_owner_has(endpoint):
    body = endpoint.exchange(scope="Op").json()
    assert body["scope"] == "Op"
    assert endpoint.asked.scope == ("Op",)


@pytest.mark.parametrize("scope", ["Viewer", "Op Viewer", "Nobody", "op", "Admin Op Root", "openid"])
def test_a_role_that_is_unknown_is_refused_like_one_that_is_not_held(endpoint, scope):
    answer = endpoint.exchange(scope=scope)
    refused(answer, "invalid_scope", "token_scope_not_held")
    assert "yours are Admin Op." in answer.json()["error_description"]


@pytest.mark.parametrize("scope", ["%ff", " ".join(["Op"] * 65)])
def test_a_scope_that_cannot_be_read_is_refused(endpoint, scope):
    refused(endpoint.exchange(scope=scope), "invalid_scope", "token_scope_malformed")


def test_an_empty_scope_is_no_scope(endpoint):
    assert endpoint.exchange(scope="").json()["scope"] == "Admin Op"


@pytest.mark.parametrize(
    "changes, code",
    [
        ({"aud": "api://another"}, "token_audience"),
        ({"aud": [AUDIENCE, 7]}, "token_audience"),
        ({"exp": 1}, "token_expired"),
        ({"iss": "https://idp.example"}, "token_not_exchangeable"),
        ({"nonce": "n", "at_hash": "x", "client_id": None}, "token_is_no_access_token"),
    ],
)
def test_a_token_that_is_not_for_this_airflow_is_not_exchanged(endpoint, changes, code):
    refused(endpoint.exchange(endpoint.tokens.idp_token(**changes)), "invalid_request", code)
    assert not endpoint.tokens.desk.requests


def test_an_unsigned_token_is_not_exchanged(endpoint):
    unsigned = f"{encode_segment({'alg': 'none', 'typ': 'at+jwt'})}.{encode_segment(endpoint.tokens.claims())}."
    refused(endpoint.exchange(unsigned), "invalid_request", "token_algorithm")


def test_a_token_signed_by_a_stranger_is_not_exchanged(endpoint):
    known, stranger = endpoint.tokens.rig.idp.keys.key_for("RS256"), SigningKeys("RS256").key_for("RS256")
    forged = sign({"alg": "RS256", "typ": "at+jwt", "kid": known.kid}, endpoint.tokens.claims(), stranger)
    refused(endpoint.exchange(forged), "invalid_request", "token_signature")


def test_the_id_token_of_a_sign_in_is_no_access_token(endpoint):
    idp = endpoint.tokens.rig.idp
    id_token = endpoint.tokens.idp_token(typ="JWT", aud=idp.client_id, nonce="n", client_id=None)
    assert endpoint.exchange(id_token).status_code == 400
    refused(endpoint.exchange(id_token, subject_token_type=ID_TOKEN), "invalid_request", "token_id_token")
    refused(
        endpoint.exchange(endpoint.tokens.cli_token(), subject_token_type=ID_TOKEN), "invalid_request", "token_id_token"
    )
    assert endpoint.exchange(endpoint.tokens.cli_token()).status_code == 400
    assert not endpoint.tokens.desk.requests


def test_whoever_the_rules_give_nothing_gets_no_token(endpoint):
    answer = endpoint.exchange(endpoint.tokens.idp_token(groups=["canteen"]))
    refused(answer, "invalid_request", "token_no_role")


def test_a_token_from_before_the_revocation_of_its_owner_is_not_exchanged(endpoint):
    owner = principal_id(endpoint.tokens.rig.idp.issuer, "ada")
    old = endpoint.tokens.idp_token()
    endpoint.tokens.desk.revoked[owner] = int(endpoint.tokens.rig.clock())
    refused(endpoint.exchange(old), "invalid_request", "token_revoked")
    refused(endpoint.exchange(endpoint.tokens.idp_token(iat=None)), "invalid_request", "token_claim")


@pytest.mark.parametrize(
    "form, code",
    [
        ({"subject_token_type": None}, "token_parameter_missing"),
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:refresh_token"}, "token_type_unsupported"),
        ({"subject_token_type": "access_token"}, "token_type_unsupported"),
        ({"requested_token_type": ID_TOKEN}, "token_type_unsupported"),
        ({"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"}, "token_type_unsupported"),
        ({"actor_token": "x"}, "token_parameter_missing"),
        ({"actor_token_type": JWT}, "token_parameter_missing"),
        ({"actor_token": "x", "actor_token_type": ID_TOKEN}, "token_id_token"),
        ({"subject_token": "opaque", "subject_token_type": JWT}, "token_malformed"),
        ({"subject_token": "opaque"}, "token_not_exchangeable"),
        ({"subject_token": "a" * 16_385}, "token_too_large"),
        ({"subject_token": None}, "token_parameter_missing"),
        ({"label": "a" * 101}, "token_label_malformed"),
        ({"label": "turn\u202eround"}, "token_label_malformed"),
        ({"label": "two\nlines"}, "token_label_malformed"),
    ],
)
def test_an_exchange_says_what_it_brings_and_wants(endpoint, form, code):
    refused(endpoint.exchange(**form), "invalid_request", code)


@pytest.mark.parametrize(
    "form",
    [
        {"audience": "https://another.example"},
        {"resource": "https://another.example/data"},
        {"resource": "https://airflow.example/datax"},
        {"resource": "https://airflow.example/data/../other"},
        {"resource": "https://airflow.example/data/%2e%2e/other"},
        {"resource": f"{BASE_URL}?x=1"},
        {"resource": f"{BASE_URL}#x"},
        {"resource": "http://airflow.example/data"},
        {"resource": "https://airflow.example@evil.example/data"},
        {"resource": "https://[airflow"},
        {"audience": "api://another", "resource": BASE_URL},
    ],
)
def test_a_token_for_something_else_is_not_made(endpoint, form):
    refused(endpoint.exchange(**form), "invalid_target", "token_target_foreign")


@pytest.mark.parametrize(
    "form",
    [
        {"audience": AUDIENCE},
        {"audience": BASE_URL},
        {"resource": f"{BASE_URL}/"},
        {"resource": f"{BASE_URL}/api/v2"},
        {"resource": "HTTPS://AIRFLOW.example/data", "audience": AUDIENCE},
    ],
)
def test_this_airflow_may_be_named_as_the_target(endpoint, form):
    assert endpoint.exchange(**form).status_code == 200


def test_a_jwt_may_be_asked_for(endpoint):
    body = endpoint.exchange(subject_token_type=JWT, requested_token_type=JWT).json()
    assert body["issued_token_type"] == JWT


# ------------------------------------------------------------------------------------------------- our own tokens
def test_one_of_our_own_tokens_is_exchanged_for_a_narrower_and_shorter_one(endpoint):
    first = endpoint.exchange(expires_in="600").json()["access_token"]
    body = endpoint.exchange(first, scope="Op", expires_in="60").json()
    assert (body["scope"], body["expires_in"]) == ("Op", 60)
    assert endpoint.asked.parent == endpoint.tokens.desk.rows[first].id


def test_an_exchange_never_outlives_the_token_that_it_is_made_of(endpoint):
    first = endpoint.exchange(expires_in="600").json()["access_token"]
    endpoint.tokens.rig.clock.ahead += 100
    refused(endpoint.exchange(first, expires_in="501"), "invalid_request", "token_lifetime_too_long")
    assert endpoint.exchange(first).json()["expires_in"] <= 500
    assert endpoint.asked.not_after == endpoint.tokens.desk.rows[first].expires_at


def test_a_narrowed_token_cannot_be_exchanged_for_a_wider_one(endpoint):
    narrow = endpoint.exchange(scope="Op").json()["access_token"]
    refused(endpoint.exchange(narrow, scope="Admin"), "invalid_scope", "token_scope_not_held")
    refused(endpoint.exchange(narrow, scope="Admin Op"), "invalid_scope", "token_scope_not_held")
    assert endpoint.exchange(narrow).json()["scope"] == "Op"
    assert endpoint.asked.scope == ("Op",)


def test_a_revoked_token_is_not_exchanged(endpoint):
    first = endpoint.exchange().json()["access_token"]
    assert endpoint.post({"token": first}, "/auth/token/revoke").status_code == 200
    refused(endpoint.exchange(first), "invalid_request", "token_not_exchangeable")


def test_an_expired_token_of_ours_is_not_exchanged(endpoint):
    first = endpoint.exchange(expires_in="60").json()["access_token"]
    endpoint.tokens.rig.clock.ahead += 61
    refused(endpoint.exchange(first), "invalid_request", "token_not_exchangeable")


def test_what_an_exchange_of_our_own_token_carries_on(endpoint):
    agent = endpoint.tokens.idp_token(act={"sub": "agent-7"}, client_id="app")
    first = endpoint.exchange(agent).json()["access_token"]
    endpoint.exchange(first)
    assert (endpoint.asked.actors, endpoint.asked.client_id) == (("agent-7",), "app")


# ------------------------------------------------------------------------------------------------------ delegation
def test_an_actor_token_puts_its_owner_in_front_of_the_actors(endpoint):
    actor = endpoint.tokens.idp_token("agent-7", groups=[])
    subject = endpoint.tokens.idp_token(act={"sub": "gateway"})
    assert endpoint.exchange(subject, actor_token=actor, actor_token_type=ACCESS_TOKEN).status_code == 200
    assert endpoint.asked.actors == ("agent-7", "gateway")
    assert endpoint.tokens.desk.identities[-1].actors == ("agent-7", "gateway")


def test_the_roles_of_delegated_access_are_capped(tmp_path):
    with run_token_rig(tmp_path, delegated_roles=("Op",)) as tokens:
        endpoint = serve(tokens)
        actor = {"actor_token": tokens.idp_token("agent-7"), "actor_token_type": JWT}
        assert endpoint.exchange(**actor).json()["scope"] == "Op"
        refused(endpoint.exchange(scope="Admin", **actor), "invalid_scope", "token_scope_not_held")
        assert endpoint.exchange().json()["scope"] == "Admin Op"


def test_a_bad_actor_token_is_refused(endpoint):
    actor = endpoint.tokens.idp_token("agent-7", aud="api://another")
    refused(endpoint.exchange(actor_token=actor, actor_token_type=JWT), "invalid_request", "token_audience")


@pytest.mark.parametrize(
    "may_act", [{"sub": "another"}, {"sub": "agent-7", "iss": "https://idp.example"}, "agent-7", []]
)
def test_an_actor_that_the_subject_does_not_allow_is_refused(endpoint, may_act):
    subject = endpoint.tokens.idp_token(may_act=may_act)
    actor = {"actor_token": endpoint.tokens.idp_token("agent-7"), "actor_token_type": JWT}
    refused(endpoint.exchange(subject, **actor), "invalid_request", "actor_token_refused")


def test_the_actor_that_the_subject_allows_may_act(endpoint):
    subject = endpoint.tokens.idp_token(may_act={"sub": "agent-7"})
    actor = {"actor_token": endpoint.tokens.idp_token("agent-7"), "actor_token_type": JWT}
    assert endpoint.exchange(subject, **actor).status_code == 200


def test_an_actor_of_another_issuer_cannot_borrow_a_name_that_a_rule_trusts():
    person = Identity("okta", "https://idp.example", "ada", "Ada")
    stranger = Identity("jobs", "https://jobs.example", "agent-7", "agent-7", actors=("gateway",))
    token = BearerToken("jobs", stranger, 1, 2)
    acting = act_for(person, Verified("x", token)).actors
    assert acting == ("agent-7 (https://jobs.example)", "gateway (https://jobs.example)")


def test_our_own_token_cannot_be_delegated_any_further(endpoint):
    first = endpoint.exchange().json()["access_token"]
    actor = {"actor_token": endpoint.tokens.idp_token("agent-7"), "actor_token_type": JWT}
    refused(endpoint.exchange(first, **actor), "invalid_request", "actor_token_refused")


# ------------------------------------------------------------------------------------------------------ jwt-bearer
def test_an_assertion_of_a_known_issuer_becomes_a_token(endpoint):
    answer = endpoint.post({"grant_type": JWT_BEARER, "assertion": endpoint.tokens.idp_token()})
    assert answer.status_code == 200, answer.text


def test_an_assertion_is_a_jwt_of_somebody_else(endpoint):
    own = endpoint.exchange().json()["access_token"]
    for assertion, code in ((own, "token_not_exchangeable"), ("opaque", "token_malformed")):
        refused(endpoint.post({"grant_type": JWT_BEARER, "assertion": assertion}), "invalid_grant", code)
    refused(endpoint.post({"grant_type": JWT_BEARER}), "invalid_request", "token_parameter_missing")
    foreign = endpoint.tokens.idp_token(aud="api://another")
    refused(endpoint.post({"grant_type": JWT_BEARER, "assertion": foreign}), "invalid_grant", "token_audience")


# ---------------------------------------------------------------------------------------------- requests that are bad
def test_a_parameter_that_is_given_twice_is_refused(endpoint):
    body = f"grant_type={EXCHANGE}&grant_type=password"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    refused(endpoint.post(content=body, headers=headers), "invalid_request", "token_request_malformed")


@pytest.mark.parametrize("content", [{"username": "ada", "password": "secret"}, {}, []])
def test_airflows_json_convention_is_answered_with_what_to_do(endpoint, content):
    for path in ("/auth/token", "/auth/token/cli", "/auth/token/revoke"):
        answer = endpoint.post(None, path, json=content)
        refused(answer, "invalid_request", "token_request_json")
        assert "no user names and passwords" in answer.json()["error_description"]


@pytest.mark.parametrize(
    "kind", ["multipart/form-data; boundary=x", "text/plain", "", "application/x-www-form-urlencodedx"]
)
def test_only_a_form_is_a_form(endpoint, kind):
    headers = {"Content-Type": kind} if kind else {}
    refused(endpoint.post(content=b"a=b", headers=headers), "invalid_request", "token_request_malformed")


@pytest.mark.parametrize(
    "content",
    [b"a=" + b"x" * 65_536, b"&".join(b"p%d=1" % n for n in range(41)), b"a=%ff", b"a=\xff", b"a=b;c=d&a=e"],
)
def test_a_giant_or_garbled_form_is_refused(endpoint, content):
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    refused(endpoint.post(content=content, headers=headers), "invalid_request", "token_request_malformed")


def test_nothing_is_read_from_the_address(endpoint):
    answer = endpoint.post({"grant_type": EXCHANGE}, "/auth/token?subject_token=x")
    refused(answer, "invalid_request", "token_request_in_address")


@pytest.mark.parametrize(
    "form, error, code",
    [
        ({"scope": "Op"}, "invalid_request", "grant_type_missing"),
        ({"grant_type": ""}, "invalid_request", "grant_type_missing"),
        ({"grant_type": "authorization_code", "code": "x"}, "unsupported_grant_type", "grant_type_unknown"),
        ({"grant_type": "refresh_token", "refresh_token": "x"}, "unsupported_grant_type", "grant_type_unknown"),
        ({"grant_type": "Client_Credentials"}, "unsupported_grant_type", "grant_type_unknown"),
    ],
)
def test_a_grant_that_is_not_offered_is_refused(endpoint, form, error, code):
    refused(endpoint.post(form), error, code)


def test_no_answer_opens_the_endpoint_to_other_origins(endpoint):
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}):
        answer = endpoint.exchange(headers=headers)
        assert not [name for name in answer.headers if name.startswith("access-control-")]
    preflight = endpoint.client.request("OPTIONS", f"{BASE_URL}/auth/token", headers={"Origin": "https://evil.example"})
    assert preflight.status_code == 405


def test_the_document_vouches_for_its_clients_for_as_long_as_it_names_them_and_their_roles(endpoint):
    grants = endpoint.tokens.grants
    endpoint.post({"grant_type": "client_credentials"}, headers=basic("robot", SECRET))
    made = next(iter(endpoint.tokens.desk.rows.values()))
    assert grants.allows(made)
    assert not grants.allows(replace(made, subject="dismissed"))
    assert not grants.allows(replace(made, grant=Grant(("Admin", "Op"))))
    assert grants.allows(replace(made, provider="okta", subject="dismissed"))


def test_a_role_that_denies_ends_the_tokens_that_a_client_got_before_it(endpoint):
    """They live for weeks, and nobody works out anew what they may do."""
    grants = endpoint.tokens.grants
    endpoint.post({"grant_type": "client_credentials"}, headers=basic("robot", SECRET))
    made = next(iter(endpoint.tokens.desk.rows.values()))
    before = replace(made, grant=Grant(("Op",)))
    narrowed = replace(made, grant=Grant(("Op",), withdrawn=(RuleMatch("robot", "tokens.clients", ("Viewer",)),)))
    assert grants.allows(before)  # Viewer denies nothing
    grants._denying = frozenset({"Viewer"})
    assert not grants.allows(before)
    assert grants.allows(narrowed)
    assert grants.allows(made)


# ---------------------------------------------------------------------------------------------------------- audit
def test_a_refusal_is_audited_and_a_flood_becomes_few_rows(endpoint):
    for _ in range(50):
        endpoint.exchange("opaque")
    records = endpoint.tokens.rig.sink.records
    assert [(each.event.value, each.reason) for each in records] == [("auth.token_refused", "token_not_exchangeable")]


def test_a_refusal_by_the_rules_names_whom_they_refused_and_who_acts(endpoint):
    endpoint.exchange(endpoint.tokens.idp_token("nora", groups=[], act={"sub": "agent-7"}))
    endpoint.exchange(endpoint.tokens.idp_token(aud="api://another"))
    by_rules, by_audience = endpoint.tokens.rig.sink.records
    assert (by_rules.reason, by_rules.provider, by_rules.subject) == ("token_no_role", "okta", "nora")
    assert by_rules.detail == (("client_id", "ci"), ("actor", "agent-7"))
    assert (by_audience.reason, by_audience.provider, by_audience.subject) == ("token_audience", "okta", None)


def test_tokens_of_one_owner_are_limited_and_those_of_others_are_not(tmp_path):
    limits = RateLimits(RateLimitSettings(principal="2/minute"), BASE_URL)
    with run_token_rig(tmp_path, limits=limits) as tokens:
        endpoint = serve(tokens)
        assert [endpoint.exchange().status_code for _ in range(2)] == [200, 200]
        answer = endpoint.exchange()
        refused(answer, "temporarily_unavailable", "rate_limited", 429)
        assert 0 < int(answer.headers["retry-after"]) <= 60
        assert endpoint.exchange(tokens.idp_token("oskar")).status_code == 200


def test_no_record_and_no_answer_holds_what_was_brought(endpoint, caplog):
    tokens = [endpoint.tokens.idp_token(aud="api://another"), "opaque-but-secret"]
    for token in tokens:
        answer = endpoint.exchange(token, headers=basic("robot", SECRET + "x"))
        assert token not in answer.text
        assert SECRET not in answer.text
        answer = endpoint.exchange(token)
        assert token not in answer.text
    said = repr(endpoint.tokens.rig.sink.records) + caplog.text
    assert not any(token in said or token.rpartition(".")[2] in said for token in tokens)
    assert SECRET not in said


# ----------------------------------------------------------------------------------------------------------- DPoP
def test_a_proof_binds_the_token_to_its_key(endpoint):
    body = endpoint.exchange(headers={"DPoP": endpoint.tokens.proof()}).json()
    assert body["token_type"] == "DPoP"
    assert endpoint.asked.jkt == thumbprint(endpoint.tokens.key())


def test_a_bound_token_is_exchanged_only_by_who_holds_its_key(endpoint):
    jkt = thumbprint(endpoint.tokens.key())
    bound = endpoint.tokens.idp_token(cnf={"jkt": jkt})
    refused(endpoint.exchange(bound), "invalid_dpop_proof", "dpop_missing")
    stolen = {"DPoP": endpoint.tokens.proof(key="thief")}
    refused(endpoint.exchange(bound, headers=stolen), "invalid_dpop_proof", "dpop_other_key")
    body = endpoint.exchange(bound, headers={"DPoP": endpoint.tokens.proof()}).json()
    assert body["token_type"] == "DPoP"
    again = body["access_token"]
    refused(endpoint.exchange(again), "invalid_dpop_proof", "dpop_missing")
    refused(endpoint.exchange(again, headers=stolen), "invalid_dpop_proof", "dpop_other_key")
    refused(
        endpoint.post({"grant_type": "password", "username": "__token__", "password": again}),
        "invalid_dpop_proof",
        "dpop_missing",
    )


def test_a_bound_actor_token_needs_its_key_too(endpoint):
    actor = endpoint.tokens.idp_token("agent-7", cnf={"jkt": thumbprint(endpoint.tokens.key("agent"))})
    form = {"actor_token": actor, "actor_token_type": JWT}
    refused(endpoint.exchange(**form), "invalid_dpop_proof", "dpop_other_key")
    assert endpoint.exchange(headers={"DPoP": endpoint.tokens.proof(key="agent")}, **form).status_code == 200


def test_a_proof_is_good_once_and_for_this_address(endpoint):
    proof = {"DPoP": endpoint.tokens.proof()}
    assert endpoint.exchange(headers=proof).status_code == 200
    refused(endpoint.exchange(headers=proof), "invalid_dpop_proof", "dpop_replayed")
    for changes, code in (
        ({"htu": "https://evil.example/auth/token"}, "dpop_address"),
        ({"htm": "GET"}, "dpop_method"),
    ):
        headers = {"DPoP": endpoint.tokens.proof(**changes)}
        refused(endpoint.exchange(headers=headers), "invalid_dpop_proof", code)
    twice = [("DPoP", endpoint.tokens.proof()), ("DPoP", endpoint.tokens.proof())]
    refused(endpoint.exchange(headers=twice), "invalid_dpop_proof", "dpop_malformed")


def test_where_bound_tokens_are_required_there_is_no_other(tmp_path):
    with run_token_rig(tmp_path, TokenSettings(require_dpop=True)) as tokens:
        endpoint = serve(tokens)
        refused(endpoint.exchange(), "invalid_dpop_proof", "dpop_required")
        refused(
            endpoint.post({"grant_type": "client_credentials"}, headers=basic("robot", SECRET)),
            "invalid_dpop_proof",
            "dpop_required",
        )
        assert endpoint.exchange(headers={"DPoP": tokens.proof()}).status_code == 200


@pytest.mark.parametrize(
    ("path", "method", "allow"),
    [
        ("/auth/token", "GET", "POST"),
        ("/auth/token", "PUT", "POST"),
        ("/auth/token/cli", "DELETE", "GET, POST"),
        ("/auth/token/revoke", "GET", "POST"),
    ],
)
def test_another_method_is_refused_in_the_words_of_oauth_and_told_the_right_one(
    endpoint: Endpoint, path: str, method: str, allow: str
) -> None:
    answer = endpoint.client.request(method, f"{BASE_URL}{path}", headers={"Accept": "*/*"})
    assert (answer.status_code, answer.headers["allow"]) == (405, allow)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json()
    assert (told["error"], told["code"]) == ("invalid_request", "method_not_allowed")
    assert f"Use {allow}." in told["error_description"]
    assert told["correlation_id"]
