"""Break things under two real API servers and write down what people see, what is lost and how long it lasts.

``python -m benchmarks.faults [FAULT …]`` (``make proof``); prints a table. See docs/reliability.md.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from benchmarks.faults_of_storage import database_read_only, disk_full, fernet_key_rotated, tables_migrated
from benchmarks.rig import ADA, OSKAR, UMA, VICTOR, Browser, Rig
from benchmarks.watching import Finding, Watcher, shown, timed
from tests.e2e.processes import wait_until

SESSIONS = 10
OUTAGE = 45.0
DATABASE_OUTAGE = 60.0
# For so long nginx leaves a server alone that did not answer.
PROXY_REST = 11.0


def server_killed_between_sign_in_pages(rig: Rig) -> Finding:
    browser = Browser(rig)
    url = browser.authenticate(UMA)
    victim = rig.ports[0]
    rig.kill(victim)
    done = [browser.come_back(url).status_code]
    done += [Browser(rig).begin().status_code for _ in range(4)]
    again = _restart(rig, victim)
    _, *others = done
    return Finding(
        "kill -9 while somebody is at the IdP",
        f"{done[0]}: signed in by the other server; four people who come next: {others}",
        "nothing",
        again,
    )


def server_killed_in_callback(rig: Rig) -> Finding:
    browser, answers = Browser(rig), []
    url = browser.authenticate(UMA)
    with rig.gate.holding() as reached:
        person = threading.Thread(target=lambda: answers.append(browser.come_back(url)))
        person.start()
        assert reached.wait(20)
        victim = rig.server_calling()
        rig.kill(victim)
    person.join(60)
    second = browser.come_back(browser.authenticate(UMA))
    again = _restart(rig, victim)
    return Finding(
        "kill -9 in the callback, when the IdP has redeemed the code",
        f"{shown(answers[0])}; a second click: {shown(second)}",
        "that sign-in",
        again,
    )


def server_killed_in_recheck(rig: Rig) -> Finding:
    rig.end_everybody()
    tokens = [rig.sign_in(ADA) for _ in range(SESSIONS)]
    with Watcher(rig, tokens[0]).watching() as watcher:
        with rig.gate.holding() as reached:
            due = rig.make_due()
            assert reached.wait(30)
            victim = rig.server_calling()
            rig.kill(victim)
            killed = time.monotonic()
        wait_until(lambda: rig.waiting() <= 1, "the other server's re-checks", 60)
        others = time.monotonic() - killed
        meanwhile = rig.live()
        rig.end_leases()
        wait_until(lambda: rig.live() < due or not rig.waiting(), "the end of the lost one", 60)
        time.sleep(3)
    reasons = Counter(row["reason"] for row in rig.events("auth.session_ended")[-1:])
    again = _restart(rig, victim)
    return Finding(
        f"kill -9 in a re-check, {due} sessions due, one refresh token just rotated",
        f"{watcher.told()}; all {meanwhile} sessions go on until the lease has run out",
        f"{due - rig.live()} session of {due} ({', '.join(reasons)})",
        f"the others were confirmed {others:.1f} s after the kill; {again}",
    )


def server_stopped_in_recheck(rig: Rig) -> Finding:
    """Tell a server to end (SIGTERM) when the IdP keeps the answer to a refresh for 20 s."""
    rig.end_everybody()
    token = rig.sign_in(ADA)
    with rig.gate.holding() as reached:
        rig.make_due()
        assert reached.wait(30)
        victim = rig.server_calling()
        process = rig.servers[victim].process
        process.terminate()
        begun = time.monotonic()
        time.sleep(20)
    process.wait(60)
    took = time.monotonic() - begun
    rig.end_leases()
    rig.make_due()
    checked = int(time.time())
    query = "SELECT 1 FROM oidc_auth_session WHERE ended_at IS NULL AND checked_at >= :checked"
    wait_until(lambda: rig.rows(query, checked=checked) or not rig.live(), "another re-check", 60)
    lost = 1 - rig.live()
    survivor = next(port for port in rig.ports if port != victim)
    status = rig.ask(survivor, token).status_code
    again = _restart(rig, victim)
    fault = "a server is stopped while the IdP keeps a refresh waiting for 20 s"
    return Finding(
        fault, f"{status} from the other server", f"{lost} of 1 session", f"it ends after {took:.1f} s; {again}"
    )


def idp_stopped(rig: Rig) -> Finding:
    return _idp_outage(rig, "IdP refuses connections", rig.gate.closed())


def idp_slow(rig: Rig) -> Finding:
    return _idp_outage(rig, "IdP takes 30 s", rig.gate.slowed(30))


def idp_failing(rig: Rig) -> Finding:
    return _idp_outage(rig, "IdP answers 500", rig.gate.answering(500))


def _idp_outage(rig: Rig, name: str, outage: AbstractContextManager[None]) -> Finding:
    rig.end_everybody()
    tokens = [rig.sign_in(ADA) for _ in range(SESSIONS)]
    waiting = Browser(rig)
    url = waiting.authenticate(UMA)
    with Watcher(rig, tokens[0]).watching() as watcher:
        calls = sum(rig.gate.calls.values())
        with outage:
            until = time.monotonic() + OUTAGE
            rig.make_due()
            first = timed(lambda: waiting.come_back(url))
            time.sleep(max(0.0, until - time.monotonic()))
            late = timed(lambda: Browser(rig).begin())
            health = [one["circuit"] for port in rig.ports for one in rig.health(port)["providers"]]
            calls = sum(rig.gate.calls.values()) - calls
        mended = time.monotonic()
        signed_in = _until_signed_in(rig) - mended
        wait_until(lambda: not rig.waiting(), "that all sessions are confirmed", 120)
        confirmed = time.monotonic() - mended
    door = f"circuits {health}, {calls} calls reached the IdP's door"
    return Finding(
        f"{name}, {OUTAGE:.0f} s, {SESSIONS} sessions due",
        f"signed in: {watcher.told()}. Coming back from the IdP: {first}; "
        f"beginning after {OUTAGE:.0f} s: {late}; {door}",
        f"{SESSIONS - sum(rig.statuses(token) == (200, 200) for token in tokens)} sessions",
        f"sign-in after {signed_in:.1f} s, all re-checks after {confirmed:.1f} s",
    )


def database_stopped(rig: Rig) -> Finding:
    token = rig.sign_in(ADA)
    before = rig.live()
    assert rig.statuses(token) == (200, 200)
    coming = Browser(rig)
    url = coming.authenticate(UMA)
    watchers = [Watcher(rig, token, port) for port in rig.ports]
    with watchers[0].watching(), watchers[1].watching():
        rig.database.stop()
        stopped = time.monotonic()
        refused = timed(lambda: coming.come_back(url))
        time.sleep(max(0.0, stopped + DATABASE_OUTAGE - time.monotonic()))
        health = [rig.health(port).get("closed") for port in rig.ports]
        rig.database.start()
        started = time.monotonic()
        wait_until(lambda: rig.statuses(token) == (200, 200), "open doors", 60)
        time.sleep(2)
    closed = [watcher.first(503, stopped) for watcher in watchers]
    opened = [watcher.first(200, started) for watcher in watchers]
    said = f"health says so on {sum(map(bool, health))} of 2"
    return Finding(
        f"database stopped for {DATABASE_OUTAGE:.0f} s",
        f"200 for {min(closed):.1f} to {max(closed):.1f} s, then 503 ({health[0]}; {said}): {watchers[0].told()}; "
        f"a sign-in meanwhile: {refused}",
        f"{before - rig.live()} sessions",
        f"{max(opened):.1f} s after the database is back, nobody signs in again",
    )


def database_stopped_in_recheck(rig: Rig) -> Finding:
    rig.end_everybody()
    token = rig.sign_in(ADA)
    with rig.gate.holding() as reached:
        rig.make_due()
        assert reached.wait(30)
        rig.database.stop()
    time.sleep(10)
    rig.database.start()
    started = time.monotonic()
    wait_until(
        lambda: rig.rows("SELECT 1 FROM oidc_auth_session WHERE lease_owner IS NULL AND ended_at IS NULL"),
        "kept tokens",
        60,
    )
    kept = time.monotonic() - started
    rig.make_due()
    checked = int(time.time())
    query = "SELECT 1 FROM oidc_auth_session WHERE ended_at IS NULL AND checked_at >= :checked"
    wait_until(lambda: rig.rows(query, checked=checked), "another re-check", 60)
    return Finding(
        "database stopped for 10 s, when the IdP has rotated a refresh token",
        f"{rig.statuses(token)}",
        "nothing: the next re-check uses the new token",
        f"the new token is stored {kept:.1f} s after the database is back",
    )


def backchannel_logout(rig: Rig) -> Finding:
    heard: list[float] = []
    for _ in range(5):
        browser = Browser(rig)
        browser.come_back(browser.authenticate(UMA))
        assert rig.statuses(browser.cookie) == (200, 200)
        begun = time.monotonic()
        browser.sign_out_at_the_idp()
        wait_until(lambda token=browser.cookie: rig.statuses(token) == (401, 401), "the end", 10, 0.05)
        heard.append(time.monotonic() - begun)
    seconds = ", ".join(f"{each:.2f}" for each in heard)
    return Finding(
        "back-channel logout, told to one server", "401 on both servers", "the session, as told", f"{seconds} s on both"
    )


def somebody_disabled(rig: Rig) -> Finding:
    rig.end_everybody()
    tokens = [rig.sign_in(VICTOR), rig.sign_in(VICTOR)]
    stays = rig.sign_in(ADA)
    rig.change(VICTOR, None)
    rig.make_due()
    begun = time.monotonic()
    wait_until(lambda: all(rig.statuses(token) == (401, 401) for token in tokens), "the end", 60)
    took = time.monotonic() - begun
    victor = {"sub": VICTOR, "name": "Victor Viewer", "email": "victor@example.com", "groups": ["airflow-viewers"]}
    rig.change(VICTOR, {**victor, "email_verified": True})
    reason = rig.events("auth.session_ended")[-1]["reason"]
    return Finding(
        "a user with two sessions is removed at the IdP",
        f"401 ({reason}); others {rig.statuses(stays)}",
        "the person's sessions, as wanted",
        f"out on both servers {took:.1f} s after the re-check was due",
    )


def somebody_demoted(rig: Rig) -> Finding:
    rig.end_everybody()
    token = rig.sign_in(OSKAR)
    asked = "/api/v2/connections"

    def allowed() -> list[int]:
        return [rig.ask(port, token, asked).status_code for port in rig.ports]

    assert allowed() == [200, 200]
    rig.change(OSKAR, {"groups": ["airflow-viewers"]})
    rig.make_due()
    begun = time.monotonic()
    wait_until(lambda: allowed() == [403, 403], "the lesser role", 60)
    took = time.monotonic() - begun
    rig.change(OSKAR, {"groups": ["airflow-ops"]})
    return Finding(
        "a user loses a group at the IdP",
        "403 where the role is missing, stays signed in",
        "the role, as wanted",
        f"on both servers {took:.1f} s after the re-check was due",
    )


def clock_moved(rig: Rig) -> Finding:
    """Move the second server's wall clock (libfaketime; its monotonic clock goes on as it did)."""
    library = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
    if library is None:
        return Finding("clock of one server moved", "not measured: libfaketime is not installed", "", "")
    port, file = rig.ports[1], rig.folder / "clock"
    file.write_text("+0", encoding="ascii")
    rig.kill(port)
    clock = {"LD_PRELOAD": str(library), "FAKETIME_TIMESTAMP_FILE": str(file), "FAKETIME_NO_CACHE": "1"}
    rig.launch(port, **clock, FAKETIME_DONT_FAKE_MONOTONIC="1", DONT_FAKE_MONOTONIC="1")
    rig.wait_for(port)
    rig.end_everybody()
    token = rig.sign_in(ADA)
    seen = []
    for offset in ("+30", "+5m", "-30", "-5m", "+25h"):
        file.write_text(offset, encoding="ascii")
        time.sleep(3)
        seen.append(f"{offset}: {_with_clock(rig, token, port)}")
    file.write_text("+0", encoding="ascii")
    mended = time.monotonic()
    wait_until(lambda: rig.statuses(token) == (200, 200), "the old session", 30)
    again = f"{time.monotonic() - mended:.1f} s after the clock is right"
    rig.kill(port)
    _restart(rig, port)
    return Finding("clock of the second server moved", "; ".join(seen), "nothing", again)


def _with_clock(rig: Rig, token: str, port: int) -> str:
    browser = Browser(rig, port)
    done = browser.come_back(browser.authenticate(UMA))
    new = rig.statuses(browser.cookie) if done.status_code == 303 else ""
    seen = f"a session of before {rig.statuses(token)}, a sign-in there {shown(done)}"
    return f"{seen}, its session {new}" if new else seen


FAULTS: dict[str, Callable[[Rig], Finding]] = {
    each.__name__.replace("_", "-"): each
    for each in (
        backchannel_logout,
        somebody_disabled,
        somebody_demoted,
        server_killed_between_sign_in_pages,
        server_killed_in_callback,
        server_killed_in_recheck,
        server_stopped_in_recheck,
        idp_stopped,
        idp_slow,
        idp_failing,
        database_stopped,
        database_stopped_in_recheck,
        clock_moved,
        database_read_only,
        disk_full,
        fernet_key_rotated,
        tables_migrated,
    )
}


def _until_signed_in(rig: Rig) -> float:
    """Try until every server lets somebody begin; return when."""
    wait_until(
        lambda: all(Browser(rig, port).begin().status_code < 400 for port in rig.ports), "a sign-in", 120, pause=0.5
    )
    return time.monotonic()


def _restart(rig: Rig, port: int) -> str:
    begun = time.monotonic()
    rig.launch(port)
    rig.wait_for(port)
    took = time.monotonic() - begun
    time.sleep(PROXY_REST)
    return f"the killed server answers {took:.0f} s after it is started again"


def main(names: list[str]) -> None:
    if unknown := set(names) - set(FAULTS):
        raise SystemExit(f"no such fault: {', '.join(sorted(unknown))}; there are {', '.join(FAULTS)}")
    with tempfile.TemporaryDirectory(prefix="oidc-auth-faults-") as folder:
        rig = Rig(Path(folder), proxied=True)
        try:
            rig.start()
            print("| fault | what people see | lost | well again |\n|---|---|---|---|")
            for name in names or FAULTS:
                print(f"{name} …", file=sys.stderr, flush=True)
                found = FAULTS[name](rig)
                print(f"| {found.fault} | {found.seen} | {found.lost} | {found.again} |", flush=True)
        finally:
            rig.stop()


if __name__ == "__main__":
    main(sys.argv[1:])
