from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from airflow_oidc_auth.identity.claims import ClaimPath
from airflow_oidc_auth.providers.client_auth import ClientAuthenticator
from airflow_oidc_auth.providers.diagnose import key_findings, metadata_findings
from airflow_oidc_auth.providers.diagnose_client import client_finding
from airflow_oidc_auth.providers.keys import parse_jwks
from airflow_oidc_auth.providers.live_check import clock_findings, read_date
from airflow_oidc_auth.providers.oidc import OidcProvider
from airflow_oidc_auth.providers.presets import preset
from airflow_oidc_auth.providers.provider import Provider
from airflow_oidc_auth.providers.settings import GroupSource
from airflow_oidc_auth.providers.transport import HttpAnswer, RequestsTransport
from airflow_oidc_auth.secret import Secret
from airflow_oidc_auth.testing import ATTACKS, DOWN, FakeIdp
from airflow_oidc_auth.testing.transport import RecordedTransport
from tests.unit.providers.making import ISSUER, REDIRECT, make_metadata, make_settings, public

FROM_USERINFO = (GroupSource("userinfo", ClaimPath(("groups",))),)


def test_an_honest_idp_has_no_findings_to_act_on(provider_at: Callable[..., Provider]) -> None:
    findings = provider_at().diagnose()
    assert {finding.level for finding in findings} == {"ok"}
    assert {finding.check for finding in findings} >= {"discovery", "issuer", "keys", "pkce", "clock", "logout"}


@pytest.mark.parametrize(
    ("attack", "check"),
    [
        ("discovery of a foreign issuer", "discovery"),
        ("discovery with a token endpoint on plain http", "discovery"),
        ("discovery redirects", "discovery"),
        ("keys fail", "keys"),
        ("keys are malformed", "keys"),
    ],
)
def test_says_what_is_wrong_with_a_live_idp(
    attack: str, check: str, idp: FakeIdp, provider_at: Callable[..., Provider]
) -> None:
    idp.misbehaviour = ATTACKS[attack]
    errors = [finding for finding in provider_at().diagnose() if finding.level == "error"]
    assert [error.check for error in errors] == [check]
    assert errors[0].suggestion


def test_an_idp_that_is_down_is_one_finding(idp: FakeIdp, provider_at: Callable[..., Provider]) -> None:
    idp.misbehaviour = DOWN
    assert [(finding.level, finding.check) for finding in provider_at().diagnose()] == [("error", "discovery")]


@pytest.mark.parametrize(
    ("changes", "attack", "level", "text"),
    [
        ({}, None, "ok", "are accepted"),
        ({"client_secret": Secret("wrong-secret")}, None, "error", "client id or credentials refused"),
        ({"client_id": "someone-else"}, None, "error", "client id or credentials refused"),
        ({}, "token endpoint refuses the client", "error", "client id or credentials refused"),
        ({}, "token endpoint fails", "error", "Identity provider failing"),
    ],
)
def test_says_whether_the_provider_knows_the_client(
    changes: dict[str, Any],
    attack: str | None,
    level: str,
    text: str,
    idp: FakeIdp,
    provider_at: Callable[..., Provider],
) -> None:
    if attack:
        idp.misbehaviour = ATTACKS[attack]
    (client,) = [each for each in provider_at(**changes).diagnose(redirect_uri=REDIRECT) if each.check == "client"]
    assert client.level == level
    assert text in client.text
    assert "wrong-secret" not in repr(client)


@pytest.mark.parametrize(
    ("status", "body", "level"),
    [
        (400, {"error": "invalid_grant"}, "ok"),
        (403, {"error": "invalid_grant"}, "ok"),
        (400, {"error": "invalid_client"}, "error"),
        (401, {"error": "access_denied"}, "error"),
        (401, {}, "error"),
        (400, {"error": "invalid_request"}, "warning"),
        (200, {"access_token": "a"}, "warning"),
    ],
)
def test_judges_the_client_by_the_answer_alone(status: int, body: dict[str, str], level: str) -> None:
    transport = RecordedTransport()
    transport.answer("POST", make_metadata().token_endpoint, body, status=status)
    authenticator = ClientAuthenticator(make_settings(), time.time)
    assert client_finding(transport, make_metadata(), authenticator, REDIRECT).level == level


def test_sees_a_wrong_clock() -> None:
    with FakeIdp() as idp:
        settings = make_settings(issuer=idp.issuer)
        provider = OidcProvider(settings, preset("oidc"), RequestsTransport(settings.http), lambda: time.time() - 600)
        clock = next(finding for finding in provider.diagnose() if finding.check == "clock")
    assert clock.level == "error"
    assert "ahead of this machine" in clock.text


@pytest.mark.parametrize(("differences", "level"), [([5.0, 900.0], "ok"), ([-61.0], "error")])
def test_the_smallest_difference_counts(differences: list[float], level: str) -> None:
    assert clock_findings(differences, make_settings())[0].level == level


@pytest.mark.parametrize(
    ("document", "settings", "expected"),
    [
        ({"response_types_supported": ["id_token"]}, {}, ("error", "endpoints")),
        ({"code_challenge_methods_supported": ["plain"]}, {}, ("warning", "pkce")),
        ({"token_endpoint_auth_methods_supported": ["private_key_jwt"]}, {}, ("error", "client_auth")),
        ({}, {"client_auth": "client_secret_post"}, ("error", "client_auth")),
        ({"id_token_signing_alg_values_supported": ["HS256", "none"]}, {}, ("error", "algorithms")),
        ({}, {"require_iss_parameter": True}, ("warning", "response_iss")),
        ({"scopes_supported": ["openid"]}, {}, ("warning", "scopes")),
        ({}, {"userinfo": "always"}, ("error", "userinfo")),
        ({}, {"groups": FROM_USERINFO}, ("error", "userinfo")),
        ({}, {"groups": FROM_USERINFO, "userinfo": "never"}, ("error", "userinfo")),
        ({}, {"par": True}, ("error", "par")),
        ({}, {}, ("warning", "logout")),
    ],
)
def test_compares_the_offer_with_the_configuration(
    document: dict[str, Any], settings: dict[str, Any], expected: tuple[str, str]
) -> None:
    findings = metadata_findings(make_settings(**settings), make_metadata(document=document))
    assert expected in [(finding.level, finding.check) for finding in findings]


def test_logout_switched_off_is_no_warning() -> None:
    findings = metadata_findings(make_settings(logout="none"), make_metadata())
    assert [finding.level for finding in findings if finding.check == "logout"] == ["ok"]


def test_keys_that_serve_no_accepted_algorithm_are_an_error_that_says_what_was_passed_over() -> None:
    ring = parse_jwks({"keys": [{"kty": "oct", "k": "c2VjcmV0"}, public("ES384")]})
    finding = key_findings(make_settings(issuer=ISSUER), ring)[0]
    assert (finding.level, finding.check) == ("error", "keys")
    assert "'oct' is not used" in finding.suggestion


@pytest.mark.parametrize("date", ["", "soon", "Mon, 01 Jan 99999 00:00:00 GMT"])
def test_a_date_that_cannot_be_read_says_nothing_about_the_clock(date: str) -> None:
    assert read_date(HttpAnswer("https://idp.example", 200, {"Date": date})) is None
