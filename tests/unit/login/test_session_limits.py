"""What the document says of sessions holds for each that opens."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

import pytest

from airflow_oidc_auth.config.compiled import SessionSettings
from airflow_oidc_auth.login.outcome import Begun, Refused, RequestContext, SignedIn
from airflow_oidc_auth.providers.attempt import LoginAttempt
from airflow_oidc_auth.providers.authorization import authorization_parameters
from airflow_oidc_auth.providers.settings import ProviderSettings
from airflow_oidc_auth.secret import Secret
from airflow_oidc_auth.testing.misbehaviour import Misbehaviour
from tests.unit.login.rig import BASE_URL, LIFETIME, Rig, run_rig

HOUR = 3600
FRESH = SessionSettings(LIFETIME, reauthenticate_after=8 * HOUR)


def context(cookies: Mapping[str, str] | None = None) -> RequestContext:
    return RequestContext("198.51.100.7", "ref", cookies or {})


def begin(rig: Rig, *, reauthenticate: bool = False) -> Begun:
    begun = asyncio.run(rig.journey.begin("okta", f"{BASE_URL}/dags", context(), reauthenticate=reauthenticate))
    assert isinstance(begun, Begun)
    return begun


def asked(begun: Begun) -> dict[str, str]:
    return {name: value for name, [value] in parse_qs(urlsplit(begun.authorization_url).query).items()}


def sign_in(rig: Rig, user: str = "ada") -> SignedIn | Refused:
    begun = begin(rig)
    answer = rig.idp.sign_in(begun.authorization_url, user)
    return asyncio.run(rig.journey.complete("okta", answer, context({begun.cookie.name: begun.cookie.value})))


def opened(rig: Rig, user: str = "ada") -> SignedIn:
    outcome = sign_in(rig, user)
    assert isinstance(outcome, SignedIn)
    return outcome


def test_without_such_a_setting_nobody_is_asked_how_long_ago_they_authenticated() -> None:
    with run_rig() as rig:
        assert "max_age" not in asked(begin(rig))
        rig.idp.misbehaviour = Misbehaviour(omit_id_token_claims=("auth_time",))
        assert opened(rig).session.expires_at == pytest.approx(time.time() + LIFETIME, abs=5)


def test_the_authorization_request_says_how_old_the_authentication_may_be() -> None:
    with run_rig(settings=FRESH) as rig:
        parameters = asked(begin(rig))
        assert parameters["max_age"] == "28800"
        assert "prompt" not in parameters
        assert asked(begin(rig, reauthenticate=True))["prompt"] == "login"


@pytest.mark.parametrize(
    ("configured", "sent"), [("60", "60"), ("0", "0"), ("999999", "28800"), ("-1", "28800"), ("soon", "28800")]
)
def test_a_max_age_of_the_provider_may_ask_for_more_and_never_for_less(configured: str, sent: str) -> None:
    attempt = LoginAttempt("okta", "s", "n", Secret("v" * 43), "https://a/cb", "/", 0, "ref", max_age=8 * HOUR)
    settings = ProviderSettings("okta", "", "oidc", "https://i", "c", authorization_parameters={"max_age": configured})
    assert authorization_parameters(settings, attempt)["max_age"] == sent


def test_the_session_ends_when_the_authentication_is_too_old() -> None:
    with run_rig(settings=FRESH) as rig:
        rig.idp.misbehaviour = Misbehaviour(id_token_offsets={"auth_time": -7 * HOUR})
        session = opened(rig).session
        assert session.expires_at == pytest.approx(time.time() + HOUR, abs=5)
        assert session.auth_time == pytest.approx(time.time() - 7 * HOUR, abs=5)


def test_a_shorter_lifetime_still_counts() -> None:
    with run_rig(settings=SessionSettings(HOUR, reauthenticate_after=8 * HOUR)) as rig:
        assert opened(rig).session.expires_at == pytest.approx(time.time() + HOUR, abs=5)


def test_a_clock_ahead_at_the_idp_makes_no_session_longer() -> None:
    with run_rig(settings=FRESH) as rig:
        rig.idp.misbehaviour = Misbehaviour(id_token_offsets={"auth_time": 3 * HOUR})
        assert opened(rig).session.expires_at <= time.time() + 8 * HOUR + 5


@pytest.mark.parametrize(
    ("lie", "code"),
    [
        (Misbehaviour(omit_id_token_claims=("auth_time",)), "auth_time_missing"),
        (Misbehaviour(id_token_claims={"auth_time": "yesterday"}), "auth_time_missing"),
        (Misbehaviour(id_token_claims={"auth_time": True}), "auth_time_missing"),
        (Misbehaviour(id_token_offsets={"auth_time": -9 * HOUR}), "auth_time_too_old"),
        (Misbehaviour(id_token_offsets={"auth_time": -8 * HOUR}), "auth_time_too_old"),
    ],
)
def test_an_idp_that_ignores_max_age_lets_nobody_in(lie: Misbehaviour, code: str) -> None:
    with run_rig(settings=FRESH) as rig:
        rig.idp.misbehaviour = lie
        outcome = sign_in(rig)
        assert isinstance(outcome, Refused)
        assert outcome.code == code
        assert outcome.visitor is not None
        assert rig.store.list_sessions(now=0) == ()
        [row] = rig.sink.records
        assert (row.event.value, row.reason, row.subject) == ("auth.login_refused", code, "5d3a-0001")


def test_one_session_more_than_allowed_ends_the_oldest_and_says_so() -> None:
    with run_rig(settings=SessionSettings(LIFETIME, max_per_user=2)) as rig:
        sessions = []
        for _ in range(3):
            sessions.append(opened(rig).session)
            rig.clock.ahead += 60
        somebody_else = opened(rig, "victor").session
        assert {each.id for each in rig.store.list_sessions(now=0)} == {
            sessions[1].id,
            sessions[2].id,
            somebody_else.id,
        }
        assert rig.sessions.peek(sessions[0].id) is None
        events = [(row.event.value, row.reason) for row in rig.sink.records]
        assert events == [
            ("auth.login", "rules_matched"),
            ("auth.login", "rules_matched"),
            ("auth.login", "rules_matched"),
            ("auth.session_ended", "too_many_sessions"),
            ("auth.login", "rules_matched"),
        ]
        assert rig.sink.records[3].session_ref == sessions[0].id[:8]


@pytest.mark.parametrize(("every", "due"), [(None, False), (60, True)])
def test_a_session_is_due_for_a_check_if_the_idp_can_be_asked(every: int | None, due: bool) -> None:
    with run_rig(settings=SessionSettings(LIFETIME, recheck=every)) as rig:
        told = opened(rig).session.check_due_at
        assert (told is not None) is due
        assert told is None or time.time() < told <= time.time() + 61
