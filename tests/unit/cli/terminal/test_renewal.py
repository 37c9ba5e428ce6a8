from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from airflow_oidc_auth.cli.command import CommandFailed
from airflow_oidc_auth.cli.terminal.renewal import fresh_token
from airflow_oidc_auth.cli.terminal.signing_in import Wishes, sign_in
from airflow_oidc_auth.cli.terminal.stored_login import load_login, store_login
from airflow_oidc_auth.testing.loopback import Answer, Request, json_answer
from tests.unit.cli.terminal.conftest import MemoryKeyring, Terminal
from tests.unit.cli.terminal.servers import FakeAirflow, TerminalIdp

TOKEN_KEY = ("airflowctl", "api_token_production")
LOGIN_KEY = ("airflow-oidc-auth", "login_production")


@pytest.fixture
def signed_in(terminal: Terminal, airflow: FakeAirflow, ring: MemoryKeyring) -> None:
    sign_in(Wishes(url=airflow.url, way="browser"), terminal.around)


def token(terminal: Terminal) -> str:
    return fresh_token(None, terminal.around).token.reveal()


def kept_refresh_token(ring: MemoryKeyring) -> str:
    return str(json.loads(ring.entries[LOGIN_KEY])["refresh_token"])


@pytest.mark.usefixtures("signed_in")
def test_a_token_far_from_its_end_is_printed_without_asking_anybody(
    terminal: Terminal, airflow: FakeAirflow, idp: TerminalIdp, ring: MemoryKeyring
) -> None:
    asked = len(airflow.requests) + len(idp.fake.requests)
    assert token(terminal) == ring.entries[TOKEN_KEY]
    assert len(airflow.requests) + len(idp.fake.requests) == asked


@pytest.mark.usefixtures("signed_in")
@pytest.mark.parametrize("before_end", [299, 0, -3600])
def test_a_token_near_its_end_is_refreshed_silently(
    terminal: Terminal, airflow: FakeAirflow, ring: MemoryKeyring, before_end: int
) -> None:
    first, rotated = ring.entries[TOKEN_KEY], kept_refresh_token(ring)
    terminal.skew = 86400 - before_end
    _make_clocks_agree(terminal)
    second = token(terminal)
    assert second != first
    assert ring.entries[TOKEN_KEY] == second
    assert kept_refresh_token(ring) != rotated


def _make_clocks_agree(terminal: Terminal) -> None:
    """Let a day pass for the kept token only: the servers of the test stay in their time."""
    ring_clock, terminal.skew = terminal.skew, 0.0
    vault = terminal.around.vaults(terminal.around.environment(None))[0]
    login = load_login(vault)
    assert login is not None
    store_login(vault, replace(login, expires_at=login.expires_at - int(ring_clock)))


@pytest.mark.usefixtures("signed_in")
def test_several_at_once_use_the_refresh_token_once(
    terminal: Terminal, airflow: FakeAirflow, idp: TerminalIdp, ring: MemoryKeyring
) -> None:
    terminal.skew = 86400
    _make_clocks_agree(terminal)
    with ThreadPoolExecutor(6) as pool:
        tokens = set(pool.map(lambda n: token(terminal), range(6)))
    assert len(tokens) == 1
    assert idp.fake.reused == ()
    assert len(idp.fake.calls("/token")) == 2


@pytest.mark.usefixtures("signed_in")
def test_a_rotated_refresh_token_is_kept_even_when_airflow_fails(
    terminal: Terminal, airflow: FakeAirflow, idp: TerminalIdp, ring: MemoryKeyring
) -> None:
    used = kept_refresh_token(ring)
    terminal.skew = 86401
    _make_clocks_agree(terminal)
    airflow.refusal = Answer(503)
    with pytest.raises(CommandFailed, match="Try again in a minute"):
        token(terminal)
    assert kept_refresh_token(ring) != used
    airflow.refusal = None
    assert token(terminal) == ring.entries[TOKEN_KEY]
    assert idp.fake.reused == ()


@pytest.mark.usefixtures("signed_in")
def test_a_token_near_its_end_is_still_good_while_the_identity_provider_is_down(
    terminal: Terminal, idp: TerminalIdp, ring: MemoryKeyring
) -> None:
    terminal.skew = 86400 - 100
    _make_clocks_agree(terminal)
    idp.fake.stop()
    assert token(terminal) == ring.entries[TOKEN_KEY]


@pytest.mark.usefixtures("signed_in")
def test_a_sign_in_that_the_identity_provider_ended_asks_for_a_person(terminal: Terminal, idp: TerminalIdp) -> None:
    terminal.skew = 86401
    _make_clocks_agree(terminal)
    idp.fake.disable(idp.fake.users[0].subject)
    with pytest.raises(CommandFailed, match=r"no longer refreshes this sign-in\. Run `airflow oidc login`"):
        token(terminal)


@pytest.mark.usefixtures("signed_in")
def test_what_airflow_now_refuses_is_said(terminal: Terminal, airflow: FakeAirflow) -> None:
    terminal.skew = 86401
    _make_clocks_agree(terminal)
    airflow.refusal = json_answer({"error": "access_denied", "error_description": "not any more"}, 403)
    with pytest.raises(CommandFailed, match="does not let you in: not any more"):
        token(terminal)


@pytest.mark.usefixtures("signed_in")
def test_a_refresh_about_somebody_else_is_refused(terminal: Terminal, airflow: FakeAirflow, idp: TerminalIdp) -> None:
    terminal.skew = 86401
    _make_clocks_agree(terminal)
    idp.fake.misbehaviour.id_token_claims["sub"] = "mallory"  # type: ignore[index]
    with pytest.raises(CommandFailed, match="does not say who signed in"):
        token(terminal)
    assert len(airflow.exchanged) == 1


@pytest.mark.usefixtures("signed_in")
def test_vendors_that_leave_the_id_token_out_are_asked_with_scopes(
    terminal: Terminal, idp: TerminalIdp, ring: MemoryKeyring
) -> None:
    terminal.skew = 86401
    _make_clocks_agree(terminal)
    asked: list[Request] = []

    def answer(request: Request) -> Answer:
        asked.append(request)
        tokens = {"access_token": "an-access-token", "token_type": "Bearer", "refresh_token": f"rotated-{len(asked)}"}
        return json_answer({**tokens, "id_token": idp.id_token()} if "scope" in request.form else tokens)

    idp.fake.route("POST", "/token", answer)
    assert token(terminal) == ring.entries[TOKEN_KEY]
    assert [request.form.get("refresh_token") for request in asked][1] == "rotated-1"
    assert kept_refresh_token(ring) == "rotated-2"


def test_nobody_signed_in_is_told_what_to_do(terminal: Terminal, ring: MemoryKeyring) -> None:
    with pytest.raises(CommandFailed, match=r"Nobody is signed in here\. Run `airflow oidc login --url"):
        token(terminal)


@pytest.mark.usefixtures("signed_in")
def test_a_token_that_airflowctl_put_there_is_not_passed_off_as_ours(terminal: Terminal, ring: MemoryKeyring) -> None:
    ring.entries[TOKEN_KEY] = "made-elsewhere"
    with pytest.raises(CommandFailed, match="was not put there by `airflow oidc login`"):
        token(terminal)


@pytest.mark.usefixtures("signed_in")
def test_a_token_that_somebody_deleted_is_made_again(terminal: Terminal, ring: MemoryKeyring) -> None:
    del ring.entries[TOKEN_KEY]
    assert token(terminal) == ring.entries[TOKEN_KEY]


def test_without_a_refresh_token_the_end_is_the_end(
    terminal: Terminal, airflow: FakeAirflow, idp: TerminalIdp, ring: MemoryKeyring
) -> None:
    airflow.listing = {"providers": [airflow.entry("company", idp, scopes=["openid"])]}
    sign_in(Wishes(url=airflow.url, way="browser"), terminal.around)
    terminal.skew = 86401
    with pytest.raises(CommandFailed, match="nothing to refresh it with"):
        token(terminal)
