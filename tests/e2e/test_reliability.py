"""Two api-servers, one PostgreSQL, a certified IdP that fails: what people see, what is lost, who recovers.

The longer and rougher half is ``make proof``; docs/reliability.md has what it measured.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from benchmarks.rig import ADA, OSKAR, UMA, VICTOR, Browser, Rig
from tests.e2e.processes import wait_until
from tests.storage.servers import find_program

pytestmark = [
    pytest.mark.xdist_group("e2e-reliability"),
    pytest.mark.timeout(600),
    pytest.mark.skipif(find_program("postgres") is None, reason="PostgreSQL is not installed"),
]

HEARD_SECONDS = 5
CHECKED_SECONDS = 30
CONNECTIONS = "/api/v2/connections"


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    running = Rig(tmp_path_factory.mktemp("reliability"))
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture(autouse=True)
def nobody_else(rig: Rig) -> None:
    rig.revive()
    rig.end_everybody()


def test_a_logout_at_the_idp_is_told_to_one_server_and_heard_by_the_other(rig: Rig) -> None:
    browser = Browser(rig)
    browser.come_back(browser.authenticate(UMA))
    assert rig.statuses(browser.cookie) == (200, 200)
    browser.sign_out_at_the_idp()
    ended = time.monotonic()
    wait_until(lambda: rig.statuses(browser.cookie) == (401, 401), "the end on both servers", HEARD_SECONDS)
    print(f"heard after {time.monotonic() - ended:.2f} s")


def test_somebody_who_is_removed_at_the_idp_is_out_at_the_next_recheck_and_nobody_else(rig: Rig) -> None:
    gone, stays = [rig.sign_in(VICTOR), rig.sign_in(VICTOR)], rig.sign_in(ADA)
    rig.change(VICTOR, None)
    rig.make_due()
    wait_until(lambda: all(rig.statuses(each) == (401, 401) for each in gone), "the end", CHECKED_SECONDS)
    assert rig.statuses(stays) == (200, 200)
    assert rig.events("auth.session_ended")[-1]["reason"] == "session_refused_by_provider"


def test_a_lost_group_takes_its_role_on_both_servers(rig: Rig) -> None:
    token = rig.sign_in(OSKAR)
    assert [rig.ask(port, token, CONNECTIONS).status_code for port in rig.ports] == [200, 200]
    rig.change(OSKAR, {"groups": ["airflow-viewers"]})
    rig.make_due()
    wait_until(
        lambda: [rig.ask(port, token, CONNECTIONS).status_code for port in rig.ports] == [403, 403],
        "the lesser role",
        CHECKED_SECONDS,
    )
    assert rig.statuses(token) == (200, 200)


def test_an_idp_that_refuses_connections_costs_nobody_their_session(rig: Rig) -> None:
    tokens = [rig.sign_in(ADA) for _ in range(3)]
    with rig.gate.closed():
        rig.make_due()
        wait_until(lambda: rig.failing() > 0, "a failed re-check", CHECKED_SECONDS)
        assert all(rig.statuses(token) == (200, 200) for token in tokens)
        assert rig.live() == len(tokens)
    wait_until(lambda: not rig.waiting(), "re-checks by themselves", 60)
    assert all(rig.statuses(token) == (200, 200) for token in tokens)


def test_a_database_that_comes_back_in_time_costs_nobody_anything(rig: Rig) -> None:
    token = rig.sign_in(ADA)
    assert rig.statuses(token) == (200, 200)
    rig.database.stop()
    try:
        time.sleep(3)
        assert rig.statuses(token) == (200, 200)
        assert Browser(rig).begin().status_code < 400
    finally:
        rig.database.start()
    wait_until(lambda: rig.heard() < 2, "revocations on both servers", 20)
    assert rig.statuses(token) == (200, 200)
    assert rig.statuses(rig.sign_in(UMA)) == (200, 200)


def test_a_server_killed_between_rotation_and_commit_takes_one_session_with_it(rig: Rig) -> None:
    tokens = [rig.sign_in(ADA) for _ in range(4)]
    with rig.gate.holding() as reached:
        rig.make_due()
        assert reached.wait(CHECKED_SECONDS)
        victim = rig.server_calling()
        rig.kill(victim)
    (survivor,) = set(rig.ports) - {victim}
    wait_until(lambda: rig.waiting() <= 1, "re-checks by the other server", CHECKED_SECONDS)
    assert all(rig.ask(survivor, token).status_code == 200 for token in tokens)
    rig.end_leases()
    wait_until(lambda: rig.live() == len(tokens) - 1, "the end of the lost one", CHECKED_SECONDS)
    wait_until(
        lambda: sorted(rig.ask(survivor, token).status_code for token in tokens) == [200, 200, 200, 401],
        "one that signs in again",
        HEARD_SECONDS,
    )
