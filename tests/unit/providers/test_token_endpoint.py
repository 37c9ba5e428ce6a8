from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_oidc_auth.errors import OidcAuthError, ProtocolViolation, ProviderError
from airflow_oidc_auth.providers.token_endpoint import read_token_answer, token_refusal
from airflow_oidc_auth.providers.transport import HttpAnswer
from airflow_oidc_auth.secret import Secret

GOOD = {"access_token": "at", "id_token": "a.b.c", "token_type": "Bearer"}


def test_reads_tokens_as_secrets() -> None:
    answer = read_token_answer({**GOOD, "token_type": "bearer", "refresh_token": "rt"})
    assert answer.refresh_token == Secret("rt")
    assert "a.b.c" not in repr(answer)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"token_type": None}, "token_answer_malformed"),
        ({"token_type": "DPoP"}, "token_answer_malformed"),
        ({"token_type": ["Bearer"]}, "token_answer_malformed"),
        ({"access_token": None}, "token_answer_malformed"),
        ({"access_token": 7}, "token_answer_malformed"),
        ({"access_token": "a\r\nX-Evil: 1"}, "token_answer_malformed"),
        ({"access_token": "a" * 300_000}, "token_answer_malformed"),
        ({"id_token": ["a.b.c"]}, "token_answer_malformed"),
        ({"id_token": None}, "id_token_missing"),
        ({"id_token": ""}, "id_token_missing"),
        ({"refresh_token": {"a": 1}}, "token_answer_malformed"),
    ],
)
def test_refuses_an_answer_with_the_code_of_its_fault(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(ProviderError) as caught:
        read_token_answer({**GOOD, **changes})
    assert caught.value.code == code


@pytest.mark.parametrize("document", [None, [], "token", 7])
def test_refuses_what_is_no_object(document: object) -> None:
    with pytest.raises(ProviderError, match="token_answer_malformed"):
        read_token_answer(document)


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (400, {"error": "invalid_grant"}, ProtocolViolation, "code_refused"),
        (401, {"error": "invalid_client"}, ProviderError, "client_rejected"),
        (400, {"error": "unauthorized_client"}, ProviderError, "client_rejected"),
        (401, {}, ProviderError, "client_rejected"),
        (400, {"error": "temporarily_unavailable"}, ProviderError, "provider_failing"),
        (400, {"error": "invalid_request"}, ProviderError, "token_request_refused"),
        (403, {"error": 7}, ProviderError, "token_request_refused"),
        (404, [], ProviderError, "token_request_refused"),
        (404, None, ProviderError, "token_request_refused"),
    ],
)
def test_maps_each_refusal_to_who_must_act(status: int, body: Any, kind: type[OidcAuthError], code: str) -> None:
    error = token_refusal(HttpAnswer("https://idp.example/token", status, {}, json.dumps(body).encode()), ())
    assert (type(error), error.code) == (kind, code)


def test_a_description_that_quotes_our_secrets_is_cleaned() -> None:
    body = json.dumps({"error": "invalid_grant", "error_description": "code c0de of s3cret is used"}).encode()
    error = token_refusal(HttpAnswer("https://idp.example/token", 400, {}, body), (Secret("c0de"), Secret("s3cret")))
    assert error.evidence["error_description"] == "code … of … is used"
