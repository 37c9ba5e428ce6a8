"""The journey without a web framework: what comes out, what is written down, what is left behind."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from airflow_oidc_auth.audit.event import AuthEvent
from airflow_oidc_auth.errors import SessionError
from airflow_oidc_auth.grants.grant import Evaluation
from airflow_oidc_auth.grants.rules import GrantRules
from airflow_oidc_auth.grants.settings import RequirementSettings
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.login.journey import build_redirect_uri, build_signed_out_uri
from airflow_oidc_auth.login.outcome import Begun, Refused, RequestContext, SignedIn
from airflow_oidc_auth.sessions.session import Session
from airflow_oidc_auth.testing import FakeUser
from tests.unit.login.rig import BASE_URL, LIFETIME, Rig, run_rig

NEXT = f"{BASE_URL}/dags/a"


@pytest.fixture
def rig() -> Iterator[Rig]:
    with run_rig() as running:
        yield running


def context(cookies: Mapping[str, str] | None = None, reference: str = "ref-1") -> RequestContext:
    return RequestContext("198.51.100.7", reference, cookies or {})


def begin(rig: Rig, reference: str = "ref-1") -> Begun:
    begun = asyncio.run(rig.journey.begin("okta", NEXT, context(reference=reference)))
    assert isinstance(begun, Begun)
    return begun


def sign_in(rig: Rig, user: str = "ada") -> SignedIn | Refused:
    begun = begin(rig)
    answer = rig.idp.sign_in(begun.authorization_url, user)
    return asyncio.run(rig.journey.complete("okta", answer, context({begun.cookie.name: begun.cookie.value}, "ref-2")))


def opened(rig: Rig, user: str = "ada") -> SignedIn:
    outcome = sign_in(rig, user)
    assert isinstance(outcome, SignedIn)
    return outcome


def test_a_sign_in_opens_a_session_and_one_audit_row(rig: Rig) -> None:
    outcome = opened(rig)
    session = outcome.session
    assert (session.grant.roles, session.provider, session.subject) == (("Admin",), "okta", "5d3a-0001")
    assert session.expires_at - session.created_at == LIFETIME
    assert outcome.next_url == NEXT
    [row] = rig.sink.records
    assert row.event is AuthEvent.LOGIN
    assert (row.correlation_id, row.reason, row.owner) == ("ref-1", "rules_matched", "Ada Admin")
    assert (row.issuer, row.subject, row.client_address) == (rig.idp.issuer, "5d3a-0001", "198.51.100.7")
    assert (row.rules, row.roles_before, row.roles_after) == (("administrators",), None, ("Admin",))
    assert session.id not in repr(row)


def test_the_session_is_known_to_this_process_at_once(rig: Rig) -> None:
    outcome = opened(rig)
    rig.store.down = True
    assert rig.sessions.peek(outcome.session.id) == outcome.session


def test_rules_are_evaluated_off_the_event_loop(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[threading.Thread] = []
    evaluate = GrantRules.evaluate

    def watched(rules: GrantRules, identity: Identity, now: float | None = None) -> Evaluation:
        threads.append(threading.current_thread())
        return evaluate(rules, identity, now)

    monkeypatch.setattr(GrantRules, "evaluate", watched)
    opened(rig)
    assert threads
    assert threading.main_thread() not in threads


def test_every_attempt_has_its_own_secrets(rig: Rig) -> None:
    seen = [parse_qs(urlsplit(begin(rig).authorization_url).query) for _ in range(20)]
    for name in ("state", "nonce", "code_challenge"):
        values = {query[name][0] for query in seen}
        assert len(values) == len(seen)
        assert min(map(len, values)) >= 22


def test_secrets_come_from_the_injected_randomness() -> None:
    with run_rig(token_urlsafe=lambda length: "r" * (length * 4 // 3 + 1)) as rig:
        query = parse_qs(urlsplit(begin(rig).authorization_url).query)
    assert (query["state"], query["nonce"]) == (["r" * 22], ["r" * 22])


def test_same_roles_again_are_no_change(rig: Rig) -> None:
    opened(rig)
    opened(rig)
    assert rig.sink.events() == ["auth.login", "auth.login"]
    assert rig.sink.records[1].roles_before == ("Admin",)


def test_losing_every_group_loses_access(rig: Rig) -> None:
    opened(rig)
    rig.idp.users = [replace(user, groups=()) for user in rig.idp.users]
    outcome = sign_in(rig)
    assert isinstance(outcome, Refused)
    assert outcome.code == "no_matching_rule"


def test_a_refusal_is_a_row_with_its_reason_and_tells_the_person(rig: Rig) -> None:
    outcome = sign_in(rig, "nora")
    assert isinstance(outcome, Refused)
    assert (outcome.code, outcome.correlation_id, outcome.provider) == ("no_matching_rule", "ref-1", "okta")
    assert outcome.visitor is not None
    assert (outcome.visitor.name, outcome.visitor.groups) == ("Nora Nobody", ("canteen",))
    assert rig.store.list_sessions(now=0) == ()
    [row] = rig.sink.records
    assert (row.event, row.reason, row.owner) == (AuthEvent.LOGIN_REFUSED, "no_matching_rule", "Nora Nobody")
    assert row.roles_after == ()


def test_at_most_twenty_groups_are_shown(rig: Rig) -> None:
    rig.idp.users = [FakeUser("s-1", "Greta", "greta@example.com", tuple(f"g{i:03}" for i in range(230)))]
    outcome = sign_in(rig, "greta")
    assert isinstance(outcome, Refused)
    assert outcome.visitor is not None
    assert (len(outcome.visitor.groups), outcome.visitor.more_groups) == (20, 210)


def test_a_requirement_speaks_with_its_own_message() -> None:
    require = [RequirementSettings("grants.require[0]", {"amr": ["mfa"]}, "Sign in with your security key.")]
    with run_rig(require=require) as rig:
        outcome = sign_in(rig)
        assert isinstance(outcome, Refused)
        assert (outcome.code, outcome.text) == ("requirement_not_met", "Sign in with your security key.")
        assert dict(rig.sink.records[0].detail) == {"place": "grants.require[0]"}


def test_without_its_audit_row_nobody_is_signed_in(rig: Rig) -> None:
    rig.sink.down = True
    outcome = sign_in(rig)
    assert isinstance(outcome, Refused)
    assert (outcome.code, outcome.message.status) == ("audit_unavailable", 503)
    assert rig.store.list_sessions(now=0) == ()


def test_with_on_failure_continue_the_sign_in_goes_on() -> None:
    with run_rig(fail_login=False) as rig:
        rig.sink.down = True
        assert isinstance(sign_in(rig), SignedIn)


def test_without_the_store_nobody_is_signed_in(rig: Rig) -> None:
    rig.store.down = True
    outcome = sign_in(rig)
    assert isinstance(outcome, Refused)
    assert outcome.code == "session_store_unavailable"
    assert rig.sink.events() == ["auth.login_failed"]


def test_an_unknown_provider_is_refused_and_nothing_is_kept(rig: Rig) -> None:
    outcome = asyncio.run(rig.journey.begin("nope", NEXT, context()))
    assert isinstance(outcome, Refused)
    assert (outcome.code, outcome.provider) == ("provider_unknown", None)


def test_a_flood_of_forged_answers_is_a_few_rows(rig: Rig) -> None:
    async def flood() -> None:
        for number in range(300):
            await rig.journey.complete("okta", {"state": f"forged{number}", "code": "x"}, context())

    asyncio.run(flood())
    assert 1 <= len(rig.sink.records) <= 3
    assert {record.reason for record in rig.sink.records} == {"attempt_unknown"}


def test_a_made_up_provider_name_does_not_reach_the_audit(rig: Rig) -> None:
    asyncio.run(rig.journey.complete("x" * 5000, {"state": "s"}, context()))
    assert rig.sink.records[0].provider is None


def test_no_secret_is_logged_or_shown(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    begun = begin(rig)
    answer = rig.idp.sign_in(begun.authorization_url, "ada")
    cookies = {begun.cookie.name: begun.cookie.value}
    outcomes = [
        asyncio.run(rig.journey.complete("okta", {**answer, "code": "guessed"}, context(cookies))),
        asyncio.run(rig.journey.complete("okta", answer, context(cookies))),
    ]
    ours = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("airflow_oidc_auth"))
    seen = ours + repr(outcomes) + repr(rig.sink.records) + repr(begun.cookie) + repr(context(cookies))
    for secret in (answer["code"], begun.cookie.value, rig.idp.client_secret):
        assert secret not in seen


def test_addresses_to_register_are_fixed() -> None:
    assert build_redirect_uri(f"{BASE_URL}/", "okta") == f"{BASE_URL}/auth/callback/okta"
    assert build_signed_out_uri(BASE_URL) == f"{BASE_URL}/auth/signed-out"


def test_the_session_that_the_browser_had_ends_with_the_next_sign_in(rig: Rig) -> None:
    before = opened(rig).session
    rig.clock.ahead += 300
    after = replacing(rig, before)
    assert rig.sessions.peek(before.id) is None
    assert rig.sessions.peek(after.id) == after
    row = rig.sink.records[-1]
    assert (row.event, row.reason, row.session_ref) == (AuthEvent.SESSION_ENDED, "replaced", before.id[:8])
    assert row.correlation_id == rig.sink.records[-2].correlation_id


@pytest.mark.parametrize(("user", "survives"), [("ada", True), ("oskar", False)])
def test_tabs_that_sign_in_together_do_not_end_each_other(rig: Rig, user: str, survives: bool) -> None:
    """Restored tabs would answer each other's requests with 401 and begin again; another person is no such tab."""
    before = opened(rig, "ada").session
    rig.clock.ahead += 5
    replacing(rig, before, user)
    assert (rig.sessions.peek(before.id) is not None) is survives


def test_a_previous_session_that_cannot_be_ended_does_not_stop_the_sign_in(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    before = opened(rig).session
    rig.clock.ahead += 300

    async def failing(session_id: str, *, reason: str) -> None:
        raise SessionError("session_store_unavailable", "away")

    monkeypatch.setattr(rig.sessions, "end", failing)
    replacing(rig, before)
    assert "replaced session lives on" in caplog.text
    assert before.id not in caplog.text


def replacing(rig: Rig, before: Session, user: str = "ada") -> Session:
    begun = begin(rig)
    answer = rig.idp.sign_in(begun.authorization_url, user)
    cookies = {begun.cookie.name: begun.cookie.value}
    outcome = asyncio.run(rig.journey.complete("okta", answer, context(cookies), previous=before))
    assert isinstance(outcome, SignedIn)
    return outcome.session


def test_a_verified_sign_in_does_not_queue_again_for_its_decision(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its code is spent: refused as one too many in a flood, the person would have to begin again."""
    begun = begin(rig)
    answer = rig.idp.sign_in(begun.authorization_url, "ada")
    pool, calls = rig.providers["okta"].pool, []
    run = pool.run
    monkeypatch.setattr(pool, "run", lambda *call: (calls.append(call), run(*call))[1])
    cookies = {begun.cookie.name: begun.cookie.value}
    assert isinstance(asyncio.run(rig.journey.complete("okta", answer, context(cookies))), SignedIn)
    assert len(calls) == 1
