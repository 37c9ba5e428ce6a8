from __future__ import annotations

import json

import pytest

from airflow_oidc_auth.cli.terminal.signing_in import Wishes, sign_in
from airflow_oidc_auth.cli.terminal.signing_out import SignedOut, sign_out
from airflow_oidc_auth.testing.loopback import Answer
from tests.unit.cli.terminal.conftest import MemoryKeyring, Terminal
from tests.unit.cli.terminal.servers import CLIENT, FakeAirflow, TerminalIdp

TOKEN_KEY = ("airflowctl", "api_token_production")
LOGIN_KEY = ("airflow-oidc-auth", "login_production")


@pytest.fixture
def signed_in(terminal: Terminal, airflow: FakeAirflow, ring: MemoryKeyring) -> tuple[str, str]:
    sign_in(Wishes(url=airflow.url, way="browser"), terminal.around)
    return ring.entries[TOKEN_KEY], json.loads(ring.entries[LOGIN_KEY])["refresh_token"]


def leave(terminal: Terminal) -> SignedOut:
    return sign_out(None, terminal.around)


def test_both_ends_are_told_and_nothing_is_kept(
    terminal: Terminal, airflow: FakeAirflow, idp: TerminalIdp, ring: MemoryKeyring, signed_in: tuple[str, str]
) -> None:
    token, refresh_token = signed_in
    done = leave(terminal)
    assert airflow.revoked == [{"token": token, "token_type_hint": "access_token"}]
    assert idp.revoked == [{"token": refresh_token, "token_type_hint": "refresh_token", "client_id": CLIENT}]
    assert (ring.entries, done.left) == ({}, ())
    assert f"The token is revoked at {airflow.url}." in done.done
    assert not any(secret in " ".join((*done.done, *done.left)) for secret in signed_in)


def test_the_address_stays_for_the_next_time(
    terminal: Terminal, airflow: FakeAirflow, signed_in: tuple[str, str]
) -> None:
    leave(terminal)
    assert terminal.around.environment(None).url() == airflow.url


def test_twice_is_no_error(terminal: Terminal, signed_in: tuple[str, str]) -> None:
    leave(terminal)
    again = leave(terminal)
    assert (again.done, again.left) == ((), ())


@pytest.mark.parametrize("answer", [Answer(500), Answer(404), Answer(hang_up=True)])
def test_an_airflow_that_fails_keeps_nothing_here_and_is_named(
    terminal: Terminal,
    airflow: FakeAirflow,
    idp: TerminalIdp,
    ring: MemoryKeyring,
    signed_in: tuple[str, str],
    answer: Answer,
) -> None:
    airflow.revocation = answer
    (left,) = leave(terminal).left
    assert "not revoked: it is good until it ends" in left
    assert ring.entries == {}
    assert len(idp.revoked) == 1


def test_an_identity_provider_that_fails_is_named(
    terminal: Terminal, airflow: FakeAirflow, idp: TerminalIdp, ring: MemoryKeyring, signed_in: tuple[str, str]
) -> None:
    idp.fake.route("POST", "/revoke", lambda request: Answer(500))
    (left,) = leave(terminal).left
    assert "The sign-in at the identity provider is not ended" in left
    assert (ring.entries, len(airflow.revoked)) == ({}, 1)


def test_an_identity_provider_that_offers_no_revocation_is_named(
    terminal: Terminal, idp: TerminalIdp, ring: MemoryKeyring, signed_in: tuple[str, str]
) -> None:
    idp.offer(revocation_endpoint=None)
    (left,) = leave(terminal).left
    assert "It offers no way" in left
    assert ring.entries == {}


def test_a_token_from_elsewhere_is_removed_and_sent_nowhere(
    terminal: Terminal, airflow: FakeAirflow, ring: MemoryKeyring, signed_in: tuple[str, str]
) -> None:
    ring.entries[TOKEN_KEY] = "made-elsewhere"
    assert "nobody knows whose it is" in leave(terminal).left[0]
    assert (airflow.revoked, ring.entries) == ([], {})


def test_a_file_that_others_read_is_removed_and_named(terminal: Terminal, airflow: FakeAirflow, no_ring: None) -> None:
    sign_in(Wishes(url=airflow.url, way="browser"), terminal.around)
    path = terminal.home / "debug_creds_production.json"
    path.chmod(0o644)
    done = leave(terminal)
    assert "can be read by others" in done.left[0]
    assert not path.exists()


def test_a_keyring_that_refuses_is_named(terminal: Terminal, ring: MemoryKeyring, signed_in: tuple[str, str]) -> None:
    ring.refuses = RuntimeError("locked")
    left = leave(terminal).left
    assert "The Airflow token is still in the keyring." in " ".join(left)
