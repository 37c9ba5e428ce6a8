"""The token endpoint of a real Airflow, under both auth managers: what it gives opens the API, and no more."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import jwt
import pytest
from httpx import Response
from sqlalchemy import text
from sqlalchemy.orm import Session

from airflow_oidc_auth.sessions.principal import principal_id
from airflow_oidc_auth.testing import Program
from airflow_oidc_auth.testing.proofs import ProofKey
from tests.contract.bearer import ME, call, engine_of, forget, job_token, token_of
from tests.contract.conftest import API, BASE_URL, TOKEN_CLIENT_SECRET, Server
from tests.e2e.processes import wait_until

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"
CONNECTIONS, DAGS = "/api/v2/connections", "/api/v2/dags"
BOTH = {"groups": ["admins", "viewers"]}


@pytest.fixture(autouse=True)
def _anew(server: Server) -> None:
    forget(server)
    # Failures of the tests before are counted, and would hide the next one of their kind.
    engine_of(server)._services.window.flush(float("inf"))


def post(server: Server, form: dict[str, str], path: str = "/auth/token", **options) -> Response:
    return server.client().post(path, data=form, **options)


def exchange(server: Server, token: str, headers=None, **form: str) -> Response:
    fields = {"grant_type": EXCHANGE, "subject_token": token, "subject_token_type": ACCESS_TOKEN, **form}
    return post(server, fields, headers=headers)


def made(answer: Response) -> str:
    assert answer.status_code == 200, answer.text
    return answer.json()["access_token"]


def refused(answer: Response, code: str, status: int = 400) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


def cli_token(server: Server, subject: str = "uma") -> str:
    claims = {"client_id": None, "jti": None}
    return server.idp.programs.jwt(subject, "airflow-cli", header={"typ": "JWT"}, claims=claims)


def test_an_exchanged_token_opens_what_its_owner_may_open(server, audit_rows):
    given = token_of(server, "ada")
    token = made(exchange(server, given, expires_in="600"))
    assert call(server, token, CONNECTIONS).status_code == 200
    assert call(server, token, ME).json() == server.sign_in("ada").get(ME).json()
    row = next(row for row in audit_rows(9) if row["event"] == "auth.token_issued")
    assert row["subject"] == "ada"
    assert row["client_id"] == "ci-job"
    assert row["valid_for"] == 600
    assert row["roles_after"] == ["Admin"]
    assert token not in str(row)


def test_nothing_of_the_identity_provider_is_in_the_token(server):
    given = token_of(server, "ada")
    claims = jwt.decode(made(exchange(server, given)), options={"verify_signature": False})
    assert claims.keys() <= {"sub", "sid", "gd", "jti", "iat", "exp", "nbf", "aud", "iss", "fab"}
    assert claims["sub"] == principal_id(server.idp.issuer, "ada")
    assert claims["exp"] - claims["iat"] == 86_400


def test_an_opaque_token_is_exchanged_after_asking_for_it(server):
    given = server.idp.programs.opaque("uma", API, claims={"token_type": "Bearer"})
    assert call(server, made(exchange(server, given)), DAGS).status_code == 200
    refused(exchange(server, "invented-by-somebody"), "token_inactive")


def test_a_narrowed_token_opens_less_and_cannot_be_widened(server):
    given = token_of(server, "two-roles", claims=BOTH)
    token = made(exchange(server, given, scope="Viewer"))
    assert call(server, token, DAGS).status_code == 200
    assert call(server, token, CONNECTIONS).status_code == 403
    refused(exchange(server, token, scope="Admin"), "token_scope_not_held")
    again = exchange(server, token)
    assert again.json()["scope"] == "Viewer"
    assert call(server, made(again), CONNECTIONS).status_code == 403


def test_an_account_that_has_more_by_its_sign_in_lends_nothing_to_a_lesser_token(server):
    assert server.sign_in("ada").get(CONNECTIONS).status_code == 200
    token = made(exchange(server, token_of(server, "ada", claims={"groups": ["viewers"]})))
    child = made(exchange(server, token))
    for each in (token, child):
        assert call(server, each, CONNECTIONS).status_code == 403
    refused(exchange(server, child, scope="Admin"), "token_scope_not_held")


def test_a_tokens_children_neither_outlive_it_nor_its_revocation(server):
    parent = made(exchange(server, token_of(server, "uma"), expires_in="300"))
    refused(exchange(server, parent, expires_in="400"), "token_lifetime_too_long")
    child = made(exchange(server, parent))
    grandchild = made(exchange(server, child))
    assert call(server, grandchild).status_code == 200
    assert post(server, {"token": parent}, "/auth/token/revoke").status_code == 200
    for token in (parent, child, grandchild):
        assert call(server, token).status_code in {401, 403}
        refused(exchange(server, token), "token_not_exchangeable")


def test_what_a_browsers_token_was_exchanged_for_ends_with_the_session(server):
    browser = server.sign_in("uma")
    token = made(exchange(server, browser.cookies["_token"]))
    assert call(server, token).status_code == 200
    assert browser.get("/auth/logout").status_code in {200, 303}
    assert call(server, token).status_code in {401, 403}


def test_a_configured_client_gets_a_token_of_its_own(server, audit_rows):
    answer = post(server, {"grant_type": "client_credentials"}, auth=("dbt", TOKEN_CLIENT_SECRET))
    token = made(answer)
    assert answer.json()["scope"] == "User"
    assert call(server, token, DAGS).status_code == 200
    assert call(server, token, CONNECTIONS).status_code == 403
    row = next(row for row in audit_rows(5) if row["event"] == "auth.token_issued")
    assert (row["provider"], row["subject"], row["client_id"]) == ("tokens.clients", "dbt", "dbt")
    wrong = post(server, {"grant_type": "client_credentials"}, auth=("dbt", "wrong"))
    refused(wrong, "token_client_refused", 401)
    assert wrong.headers["www-authenticate"].startswith("Basic ")


def test_a_client_that_is_dismissed_keeps_no_token_that_it_made_with_its_own(server, monkeypatch):
    token = made(post(server, {"grant_type": "client_credentials"}, auth=("dbt", TOKEN_CLIENT_SECRET)))
    kept = call(server, token, "/ui/auth/token", method="POST", json={"token_type": "api"}).json()["access_token"]
    assert call(server, kept, DAGS).status_code == 200
    monkeypatch.setattr(engine_of(server).token_grants._clients, "_clients", {})
    assert [call(server, each, DAGS).status_code for each in (token, kept)] == [401, 401]
    refused(exchange(server, kept), "token_not_exchangeable")


def test_a_month_that_a_client_may_have_is_a_month(server):
    form = {"grant_type": "client_credentials", "expires_in": str(30 * 86_400)}
    token = made(post(server, form, auth=("dbt", TOKEN_CLIENT_SECRET)))
    session = engine_of(server).live.peek(jwt.decode(token, options={"verify_signature": False})["sid"])
    assert not session.is_over(time.time() + 29 * 86_400)


def test_a_job_brings_its_assertion(server):
    token = made(post(server, {"grant_type": JWT_BEARER, "assertion": job_token(server)}))
    assert call(server, token, DAGS).status_code == 200
    stranger = job_token(server, "repo:acme/dags:pull_request")
    refused(post(server, {"grant_type": JWT_BEARER, "assertion": stranger}), "token_no_role")


def test_swagger_uis_dialog_takes_a_token_or_a_client(server):
    form = {"grant_type": "password", "scope": "", "username": "__token__", "password": token_of(server, "uma")}
    assert call(server, made(post(server, form, auth=("", ""))), DAGS).status_code == 200
    form |= {"username": "", "password": ""}
    assert call(server, made(post(server, form, auth=("dbt", TOKEN_CLIENT_SECRET))), DAGS).status_code == 200
    refused(post(server, form | {"username": "admin", "password": "admin"}), "token_password")


def test_a_terminal_learns_where_to_sign_in_and_brings_its_id_token_once(server):
    listed = server.client().get("/auth/token/cli").json()["providers"]
    assert [(each["id"], each["issuer"], each["client_id"]) for each in listed] == [
        ("oidc", server.idp.issuer, "airflow-cli")
    ]
    id_token = cli_token(server)
    form = {"grant_type": EXCHANGE, "subject_token": id_token, "subject_token_type": ID_TOKEN, "provider": "oidc"}
    token = made(post(server, form, "/auth/token/cli"))
    assert call(server, token, DAGS).status_code == 200
    refused(post(server, form, "/auth/token/cli"), "token_used_before")
    refused(exchange(server, cli_token(server)), "token_type")
    refused(post(server, form | {"provider": "jobs"}, "/auth/token/cli"), "token_cli_provider")


def test_a_token_is_revoked_by_itself(server, audit_rows):
    token = made(exchange(server, token_of(server, "uma")))
    assert call(server, token).status_code == 200
    for _ in range(2):
        assert (
            post(server, {"token": token, "token_type_hint": "access_token"}, "/auth/token/revoke").status_code == 200
        )
    assert call(server, token).status_code in {401, 403}
    assert audit_rows(1)[0]["event"] in {"auth.session_ended", "auth.token_refused"}


def test_a_browsers_token_that_came_out_can_be_revoked_too(server):
    browser = server.sign_in("uma")
    assert post(server, {"token": browser.cookies["_token"]}, "/auth/token/revoke").status_code == 200
    assert browser.get(ME).status_code in {401, 403}


def test_whoever_is_revoked_gets_no_token_for_what_was_issued_before(server):
    claims = {"iat": int(time.time()) - 5, "groups": ["viewers"]}
    old = token_of(server, "leaver", claims=claims)
    made(exchange(server, old))
    engine_of(server).live.revoke_principal_now(principal_id(server.idp.issuer, "leaver"))
    refused(exchange(server, old), "token_revoked")


def test_delegation_is_in_the_audit(server, audit_rows):
    given = token_of(server, "uma", Program("gateway", ("agent-7",)))
    made(exchange(server, given))
    row = next(row for row in audit_rows(5) if row["event"] == "auth.token_issued")
    assert (row["subject"], row["client_id"], row["actor"]) == ("uma", "gateway", "agent-7")


def test_whoever_has_no_role_gets_no_token(server, audit_rows):
    refused(exchange(server, token_of(server, "nora")), "token_no_role")
    assert audit_rows(1)[0]["event"] == "auth.token_refused"


def test_what_is_refused_at_the_api_is_refused_here(server):
    for options, code in (
        ({"audience": "urn:another:api"}, "token_audience"),
        ({"audience": "airflow"}, "token_audience"),
        ({"signature": "none"}, "token_algorithm"),
        ({"signature": "hs256_public_key"}, "token_algorithm"),
        ({"signature": "embedded_key"}, "token_key_unknown"),
        ({"header": {"typ": "JWT"}}, "token_type"),
        ({"claims": {"exp": 1}}, "token_expired"),
    ):
        refused(exchange(server, token_of(server, "ada", **options)), code)


def test_a_task_token_of_this_airflow_is_not_exchanged(server):
    engine = engine_of(server)
    foreign = engine.tokens._signer.generate({"sub": "task-instance", "scope": "execution"})
    refused(exchange(server, foreign), "token_not_exchangeable")


def test_openapi_is_there_and_names_this_airflow(server):
    document = server.client().get("/auth/openapi.json").json()
    assert document["servers"] == [{"url": f"{BASE_URL}/auth"}]
    assert "/token" in document["paths"]


def test_a_bound_token_opens_the_api_only_with_its_key(server):
    key, thief = ProofKey(), ProofKey()
    url = f"{BASE_URL}/auth/token"
    answer = exchange(server, token_of(server, "uma"), headers={"DPoP": key.prove("POST", url)})
    assert answer.json()["token_type"] == "DPoP"
    token, api = made(answer), f"{BASE_URL}{DAGS}"
    proven = {"DPoP": key.prove("GET", api, token)}
    assert call(server, token, DAGS, scheme="DPoP", headers=proven).status_code == 200
    stolen = {"DPoP": thief.prove("GET", api, token)}
    assert call(server, token, DAGS, scheme="DPoP", headers=stolen).status_code == 401
    assert call(server, token, DAGS).status_code == 401
    refused(exchange(server, token), "dpop_missing")
    refused(exchange(server, token, headers={"DPoP": thief.prove("POST", url)}), "dpop_other_key")
    child = exchange(server, token, headers={"DPoP": key.prove("POST", url)})
    assert child.json()["token_type"] == "DPoP"


def test_a_proof_that_opened_the_api_makes_no_token(server):
    key = ProofKey()
    proof = key.prove("POST", f"{BASE_URL}/auth/token", claims={"jti": "one"})
    assert exchange(server, token_of(server, "uma"), headers={"DPoP": proof}).status_code == 200
    refused(exchange(server, token_of(server, "uma"), headers={"DPoP": proof}), "dpop_replayed")


def test_whoever_fab_lets_in_no_more_gets_no_token(server):
    if server.mode != "fab":
        pytest.skip("there are no accounts elsewhere")
    given = token_of(server, "blocked", claims={"groups": ["viewers"]})
    token = made(exchange(server, given))
    with created_session() as database:
        name = call(server, token, ME).json()["username"]
        database.execute(text("UPDATE ab_user SET active = :no WHERE username = :name"), {"no": False, "name": name})
    wait_until(lambda: call(server, token, ME).status_code in {401, 403}, "FAB's administrator is heard")
    refused(exchange(server, given), "fab_user_inactive")
    refused(exchange(server, token), "token_not_exchangeable")


@contextmanager
def created_session() -> Iterator[Session]:
    from airflow.utils.session import create_session

    with create_session(scoped=False) as session:
        yield session
