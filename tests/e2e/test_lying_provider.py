"""Each lie of an identity provider ends on a clean page, as one audit row, without a session."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import requests

from tests.e2e.airflow_server import Airflow
from tests.e2e.identity_providers import Liar
from tests.e2e.processes import wait_until

# What the provider does, and the code that page, log and audit row give.
LIES = [
    ("iss", "id_token_issuer"),
    ("aud", "id_token_audience"),
    ("azp", "id_token_azp"),
    ("exp", "id_token_expired"),
    ("nbf", "id_token_not_yet_valid"),
    ("iat", "id_token_not_yet_valid"),
    ("nonce", "id_token_nonce"),
    ("nonce_missing", "id_token_nonce"),
    ("sub", "id_token_subject"),
    ("at_hash", "id_token_at_hash"),
    ("alg_none", "id_token_algorithm"),
    ("signature", "id_token_signature"),
    ("no_id_token", "id_token_missing"),
    ("http_500", "provider_failing"),
    ("invalid_grant", "code_refused"),
    ("not_an_object", "token_answer_malformed"),
    ("state", "attempt_unknown"),
    ("state_missing", "attempt_unknown"),
    ("response_iss", "response_issuer_mismatch"),
    ("error", "idp_denied"),
    ("groups_object", "no_matching_rule"),
    ("groups_none", "no_matching_rule"),
]


@pytest.fixture
def client() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


def sign_in(client: requests.Session, airflow: Airflow) -> requests.Response:
    return client.get(f"{airflow.base_url}/auth/login/liar", timeout=20)


def is_signed_in(client: requests.Session, airflow: Airflow) -> bool:
    return client.get(f"{airflow.base_url}/ui/auth/me", timeout=20).status_code == 200


def audited(airflow: Airflow) -> set[tuple[str, str, str]]:
    return {(row["event"], row.get("provider", ""), row.get("reason", "")) for row in airflow.audit()}


def test_the_truth_signs_in(client: requests.Session, airflow: Airflow, liar: Liar) -> None:
    liar.tell("")
    assert sign_in(client, airflow).status_code == 200
    assert is_signed_in(client, airflow)


@pytest.mark.parametrize(("lie", "code"), LIES)
def test_refuses_a_lie(client: requests.Session, airflow: Airflow, liar: Liar, lie: str, code: str) -> None:
    before = airflow.last_audit_id()
    liar.tell(lie)
    answer = sign_in(client, airflow)

    assert 400 <= answer.status_code < 600
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["cache-control"] == "no-store"
    assert "Traceback" not in answer.text
    assert "<script" not in answer.text
    assert re.findall(r'class="codes".*\((\w+)\)', answer.text) == [code]
    assert not is_signed_in(client, airflow)
    assert "_token" not in client.cookies
    # Failures of the same reason from the same network share a row per minute: a flood cannot fill the table.
    event = "auth.login_refused" if code in {"no_matching_rule", "idp_denied"} else "auth.login_failed"
    wait_until(lambda: (event, "liar", code) in audited(airflow), "the audit row", seconds=5)
    assert ("auth.login", "liar") not in {(row["event"], row.get("provider")) for row in airflow.audit(before)}


def test_a_new_key_is_fetched_when_a_token_names_it(client: requests.Session, airflow: Airflow, liar: Liar) -> None:
    liar.tell("rotate")
    # Whoever can send tokens with made-up key ids must not make Airflow fetch keys all the time: at most every 30 s.
    wait_until(lambda: sign_in(client, airflow).status_code == 200, "a sign-in with the new key", seconds=45, pause=3)
    assert is_signed_in(client, airflow)


def test_no_code_of_a_failed_sign_in_reaches_a_log(client: requests.Session, airflow: Airflow, liar: Liar) -> None:
    liar.tell("nonce")
    answer = sign_in(client, airflow)
    (code,) = re.findall(r"[?&]code=([0-9a-f-]{36})", answer.url)
    for path, text in airflow.all_logs().items():
        assert code not in text, path
