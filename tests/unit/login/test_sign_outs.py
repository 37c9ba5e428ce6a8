"""Sign-outs: what ends here, what the IdP is told, what a slow IdP or database cannot keep anybody from."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from airflow_oidc_auth.audit.event import AuthEvent
from airflow_oidc_auth.errors import SessionError
from airflow_oidc_auth.login.outcome import SignedOut
from airflow_oidc_auth.providers.registry import build_provider
from airflow_oidc_auth.sessions.session import TokenRequest
from tests.unit.login.rig import LIFETIME, Rig, provider_settings, run_rig
from tests.unit.login.test_journey import context, opened


@pytest.fixture
def rig() -> Iterator[Rig]:
    with run_rig() as running:
        yield running


def test_signing_out_ends_the_session_everywhere_and_writes_a_row(rig: Rig) -> None:
    session = opened(rig).session
    outcome = asyncio.run(rig.journey.sign_outs.sign_out(session.id, context(reference="ref-9")))
    assert outcome.ended
    assert outcome.idp_logout_url is not None
    assert outcome.idp_logout_url.startswith(rig.idp.origin)
    assert rig.sessions.peek(session.id) is None
    row = rig.sink.records[-1]
    assert (row.event, row.reason, row.correlation_id) == (AuthEvent.LOGOUT, "user_logout", "ref-9")


def test_who_brings_a_programs_token_to_the_sign_out_is_not_shown_its_owners_id_token(rig: Rig) -> None:
    """A token that was handed the IdP's tokens, for re-checks, may be narrowed, bound to a key, or stolen."""
    owner = opened(rig).session
    now, request = int(rig.clock()), TokenRequest("personal", lifetime=3600)
    token = rig.store.open_token(owner, request, identity=None, now=now).session
    rig.store.end_many([owner.id], reason="idle_timeout", now=now, idle_since=now + 1)
    outcome = asyncio.run(rig.journey.sign_outs.sign_out(token.id, context()))
    assert outcome.ended
    assert outcome.idp_logout_url is not None
    assert "id_token_hint" not in outcome.idp_logout_url


def test_signing_out_twice_is_one_row_and_no_error(rig: Rig) -> None:
    session = opened(rig).session
    asyncio.run(rig.journey.sign_outs.sign_out(session.id, context()))
    again = asyncio.run(rig.journey.sign_outs.sign_out(session.id, context()))
    assert (again.ended, again.provider) == (False, "okta")
    assert again.idp_logout_url is not None
    assert "id_token_hint" not in again.idp_logout_url
    assert rig.sink.events() == ["auth.login", "auth.logout"]


def test_signing_out_does_not_wait_for_a_hung_idp(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    session = opened(rig).session
    hung = threading.Event()

    class Hanging:
        """The provider, with its answer to sign-out stuck behind a lock."""

        def build_logout_url(self, **parts: object) -> str:
            hung.wait(10)
            return "late"

    rig.providers["okta"] = replace(rig.providers["okta"], provider=Hanging())  # type: ignore[arg-type]
    monkeypatch.setattr("airflow_oidc_auth.login.sign_outs.LOGOUT_URL_TIMEOUT", 0.05)
    outcome = asyncio.run(rig.journey.sign_outs.sign_out(session.id, context()))
    hung.set()
    assert (outcome.ended, outcome.idp_logout_url) == (True, None)


def test_signing_out_does_not_wait_for_threads_that_a_hung_idp_holds(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airflow_oidc_auth.login.sign_outs.LOGOUT_URL_TIMEOUT", 20)
    session = opened(rig).session
    hung = threading.Event()
    pool = rig.providers["okta"].pool
    for _ in range(8):
        pool.begin(hung.wait, 60)  # type: ignore[attr-defined]  # the real pool
    outcome = asyncio.run(rig.journey.sign_outs.sign_out(session.id, context()))
    hung.set()
    assert outcome.idp_logout_url is not None
    assert "id_token_hint" in outcome.idp_logout_url


def test_a_server_that_has_just_started_fetches_what_it_needs_to_sign_out_at_the_idp(rig: Rig) -> None:
    session = opened(rig).session
    fresh = build_provider(provider_settings(rig.idp), clock=rig.clock)
    rig.providers["okta"] = replace(rig.providers["okta"], provider=fresh)
    outcome = asyncio.run(rig.journey.sign_outs.sign_out(session.id, context()))
    assert outcome.idp_logout_url is not None
    assert outcome.idp_logout_url.startswith(rig.idp.origin)


def test_a_row_that_cannot_be_written_keeps_nobody_from_signing_out_at_the_idp(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    session = opened(rig).session

    class Down:
        """An audit whose threads are all busy."""

        def record(self, record: object) -> None:
            raise SessionError("session_store_busy", "many wait")

    rig.journey.sign_outs._audit = Down()  # type: ignore[assignment]
    outcome = asyncio.run(rig.journey.sign_outs.sign_out(session.id, context(reference="ref-7")))
    assert outcome.ended
    assert outcome.idp_logout_url is not None
    assert "the row of a sign-out is late or lost: code=session_store_busy correlation_id=ref-7" in caplog.text


def test_a_sign_out_that_was_overtaken_is_finished_once_and_for_a_minute(rig: Rig) -> None:
    session = opened(rig).session

    def resume() -> SignedOut | None:
        return asyncio.run(rig.journey.sign_outs.resume(session.id, context(), None))

    first = resume()
    assert first is not None
    assert first.ended
    assert "id_token_hint" in (first.idp_logout_url or "")
    later = resume()
    assert later is not None
    assert not later.ended
    assert "id_token_hint" not in (later.idp_logout_url or "id_token_hint")
    rig.clock.ahead += 62
    assert resume() is None
    assert rig.sink.events() == ["auth.login", "auth.logout"]


@pytest.mark.parametrize("reason", ["idle", "ended_by_admin", "backchannel_logout", "replaced"])
def test_a_session_that_ended_otherwise_was_not_overtaken(rig: Rig, reason: str) -> None:
    session = opened(rig).session
    rig.sessions.end_now(session.id, reason=reason)
    assert asyncio.run(rig.journey.sign_outs.resume(session.id, context(), None)) is None


def test_a_session_that_expired_or_never_was_was_not_overtaken(rig: Rig) -> None:
    session = opened(rig).session
    rig.clock.ahead += LIFETIME + 1
    assert asyncio.run(rig.journey.sign_outs.resume(session.id, context(), None)) is None
    assert asyncio.run(rig.journey.sign_outs.resume("A" * 22, context(), None)) is None


def test_a_session_of_a_removed_provider_can_be_signed_out(rig: Rig) -> None:
    session = opened(rig).session
    del rig.providers["okta"]
    outcome = asyncio.run(rig.journey.sign_outs.sign_out(session.id, context()))
    assert (outcome.ended, outcome.idp_logout_url) == (True, None)
