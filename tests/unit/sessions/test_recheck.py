from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest

from airflow_oidc_auth.errors import LoginRefused, ProtocolViolation, ProviderError, SessionError
from airflow_oidc_auth.grants.grant import Grant
from airflow_oidc_auth.providers.confirming import ConfirmationInterrupted
from airflow_oidc_auth.providers.provider import HeldTokens
from airflow_oidc_auth.secret import Secret
from airflow_oidc_auth.sessions.cache import SessionCache
from airflow_oidc_auth.sessions.live import LiveSessions
from airflow_oidc_auth.sessions.recheck import FIRST_PAUSE, LONGEST_PAUSE, SETTLING, Rechecker
from airflow_oidc_auth.sessions.recheck_report import RecheckRules, Verdict
from airflow_oidc_auth.sessions.session_check import LEASE
from airflow_oidc_auth.testing.stores import MemorySessionStore
from tests.storage.people import ADMIN, HOUR, NOW, VIEWER
from tests.storage.rotating_idp import EVERY, OUTAGE, Report, RotatingIdp, judge, open_followed, rules_of

DUE = NOW + EVERY


class Server:
    """One API server's part in it."""

    def __init__(self, store, idp, clock, **more) -> None:
        self.live = LiveSessions(store, clock=clock, monotonic=clock, cache=SessionCache(clock=clock))
        self.report = Report()
        rules = more.pop("rules", rules_of(idp))
        self.rechecker = Rechecker(
            self.live, rules, self.report, clock=clock, monotonic=clock, jitter=lambda: 0.0, **more
        )

    def look(self) -> int:
        offered = self.rechecker.look()
        self.rechecker.wait(20)
        return offered

    def roles(self, session_id: str):
        """What a request is given."""
        self.live.feed.poll()
        session = self.live.peek(session_id) or self.live._read(session_id)
        return None if session is None else session.grant.roles


@pytest.fixture
def store() -> MemorySessionStore:
    return MemorySessionStore()


@pytest.fixture
def idp() -> RotatingIdp:
    return RotatingIdp()


@pytest.fixture
def servers(store, idp, clock):
    pair = [Server(store, idp, clock) for _ in range(2)]
    yield pair
    for server in pair:
        server.rechecker.stop()
        server.live.stop()


@pytest.fixture
def server(servers) -> Server:
    return servers[0]


def stored(store, session):
    return store.load(session.id, now=session.created_at)


def held(store, session) -> HeldTokens:
    return store._sessions[session.id].tokens


def test_confirms_an_active_session_when_its_time_has_come(server, store, idp, clock):
    session = open_followed(store, idp)
    assert server.look() == 0
    clock.now = DUE
    assert server.look() == 1
    after = stored(store, session)
    assert (after.checked_at, after.check_due_at) == (DUE, DUE + EVERY)
    assert held(store, session).refresh_token == Secret("ada:1")
    assert server.report.results == ["confirmed"]
    assert server.look() == 0


def test_an_idle_session_is_left_alone_until_somebody_is_back(server, store, idp, clock):
    session = open_followed(store, idp)
    clock.now = NOW + 3 * EVERY
    assert server.look() == 0
    assert idp.asked == []
    store.touch({session.id: int(clock.now)})
    assert server.look() == 1
    assert idp.asked == ["ada"]


def test_a_lost_group_loses_the_role_at_the_next_request_on_every_server(servers, store, idp, clock):
    session = open_followed(store, idp)
    assert [each.roles(session.id) for each in servers] == [("Admin",), ("Admin",)]
    idp.groups = frozenset({"dev"})
    clock.now = DUE
    servers[0].look()
    assert [each.roles(session.id) for each in servers] == [("Viewer",), ("Viewer",)]
    (change,) = servers[0].report.changes
    assert (change.before, change.session.grant) == (ADMIN, VIEWER)


def test_a_refused_session_ends_on_every_server_and_is_told_once(servers, store, idp, clock):
    session = open_followed(store, idp)
    assert servers[1].roles(session.id)
    idp.revoke("ada")
    clock.now = DUE
    servers[0].look()
    assert [each.roles(session.id) for each in servers] == [None, None]
    ((ended, reason, withdrawn),) = servers[0].report.ends
    assert (ended.session.id, reason, withdrawn) == (session.id, "session_refused_by_provider", ())


def test_whoever_has_no_group_left_is_out(server, store, idp, clock):
    session = open_followed(store, idp)
    idp.groups = frozenset()
    clock.now = DUE
    server.look()
    assert server.roles(session.id) is None
    assert [reason for _, reason, _ in server.report.ends] == ["no_matching_rule"]


def test_an_answer_that_says_nothing_of_groups_takes_nothing(server, store, idp, clock):
    session = open_followed(store, idp)
    idp.groups = None
    clock.now = DUE
    server.look()
    assert stored(store, session).grant == ADMIN
    assert held(store, session).refresh_token == Secret("ada:1")


def test_during_an_outage_sessions_carry_on_to_their_hard_end_and_no_longer(server, store, idp, clock):
    session = open_followed(store, idp)
    idp.failure = OUTAGE
    for clock.now in range(DUE, session.expires_at, 20):
        store.touch({session.id: int(clock.now)})
        server.look()
        assert server.roles(session.id) == ("Admin",)
    clock.now = session.expires_at
    assert server.roles(session.id) is None
    assert server.report.ends == []
    assert 20 < len(idp.asked) < 60, "backs off, and goes on trying"


def test_after_an_outage_everything_is_confirmed_again(server, store, idp, clock):
    sessions = [open_followed(store, idp, f"p{number}") for number in range(10)]
    idp.failure = OUTAGE
    clock.now = DUE
    server.look()
    idp.failure = None
    clock.advance(LONGEST_PAUSE)
    server.look()
    assert all(stored(store, session).checked_at == clock.now for session in sessions)


def test_an_idp_that_fails_is_left_alone_and_another_is_not(store, idp, clock):
    other = RotatingIdp()
    rules = RecheckRules(EVERY, {"okta": idp, "entra": other}, judge)
    server = Server(store, idp, clock, rules=lambda: rules, workers=1)
    for number in range(20):
        open_followed(store, idp, f"p{number}")
    theirs = open_followed(store, other, "eve")
    store._sessions[theirs.id].session = replace(theirs, provider="entra")
    idp.failure = OUTAGE
    clock.now = DUE
    server.look()
    assert len(idp.asked) == 1, "the first failure speaks for the others"
    assert other.asked == ["eve"]
    clock.advance(FIRST_PAUSE)
    server.look()
    assert len(idp.asked) == 2
    server.rechecker.stop()


@pytest.mark.parametrize(
    "failure",
    [ProtocolViolation("state_mismatch", "forged"), ProviderError("groups_unavailable"), KeyError("a bug of ours")],
)
def test_a_forged_answer_or_a_bug_ends_nothing_and_is_tried_again_later(server, store, idp, clock, failure, caplog):
    session = open_followed(store, idp)
    idp.failure = failure
    clock.now = DUE
    server.look()
    assert server.look() == 0
    assert stored(store, session).check_due_at == DUE + 10
    assert not server.rechecker._is_paused("okta"), "others may fare better"
    assert "re-check" in caplog.text or "not confirmed" in caplog.text
    idp.failure = None
    clock.advance(10)
    server.look()
    assert stored(store, session).checked_at == clock.now


def test_new_tokens_are_kept_when_the_idp_fails_after_it_gave_them(server, store, idp, clock):
    session = open_followed(store, idp)

    def break_off(family: str) -> None:
        raise ConfirmationInterrupted(OUTAGE, HeldTokens(None, Secret(f"{family}:1")))

    idp.before_answer = break_off
    clock.now = DUE
    server.look()
    idp.before_answer = lambda _: None
    clock.advance(60)
    server.look()
    assert held(store, session).refresh_token == Secret("ada:2")
    assert server.report.results == ["outage", "confirmed"]


def test_new_tokens_are_kept_when_the_rules_break(store, idp, clock):
    def broken(session, identity, now):
        raise ZeroDivisionError

    server = Server(store, idp, clock, rules=rules_of(idp, decide=broken))
    session = open_followed(store, idp)
    clock.now = DUE
    server.look()
    assert held(store, session).refresh_token == Secret("ada:1")
    assert stored(store, session).grant == ADMIN
    server.rechecker.stop()


def test_new_tokens_wait_for_a_database_that_comes_back(server, store, idp, clock):
    session = open_followed(store, idp)
    idp.before_answer = lambda _: setattr(store, "down", True)
    clock.now = DUE
    server.rechecker.look()
    while not store.down:
        time.sleep(0.01)
    time.sleep(0.2)
    store.down = False
    server.rechecker.wait(20)
    assert held(store, session).refresh_token == Secret("ada:1")
    assert server.report.ends == []


def test_after_an_outage_of_the_database_whoever_holds_new_tokens_comes_first(server, store, idp, clock):
    open_followed(store, idp)
    clock.now = DUE
    store.down = True
    with pytest.raises(SessionError):
        server.look()
    store.down = False
    assert server.look() == 0
    clock.advance(SETTLING)
    assert server.look() == 1


def test_a_server_that_was_overtaken_ends_nothing(servers, store, idp, clock):
    """It was stopped while it asked; the other server asked meanwhile, and the IdP took offence."""
    session = open_followed(store, idp)
    slow, quick = servers
    reached, go_on = threading.Event(), threading.Event()

    def stop_here(_family: str) -> None:
        reached.set()
        go_on.wait(20)
        raise LoginRefused("session_refused_by_provider", "the refresh token was used twice")

    idp.before_answer = stop_here
    clock.now = DUE
    slow.rechecker.look()
    assert reached.wait(20)
    idp.before_answer = lambda _: None
    idp._current["ada"] = 0
    clock.advance(LEASE)
    store.touch({session.id: int(clock.now)})
    quick.look()
    go_on.set()
    slow.rechecker.wait(20)
    assert stored(store, session).checked_at == clock.now
    assert slow.report.results == ["lost"]


def test_roles_given_for_a_time_end_without_the_idp_and_without_activity(store, idp, clock):
    until = NOW + 600

    def for_a_time(session, identity, now):
        return Verdict(ADMIN, until) if now < until else Verdict(VIEWER)

    server = Server(store, idp, clock, rules=rules_of(idp, every=None, decide=for_a_time))
    session = open_followed(store, idp, check_due_at=None, regrade_at=until)
    clock.now = until
    server.look()
    assert server.roles(session.id) == ("Viewer",)
    assert idp.asked == []
    assert server.look() == 0
    server.rechecker.stop()


def test_roles_given_for_a_time_end_during_an_outage_too(store, idp, clock):
    until = DUE

    def for_a_time(session, identity, now):
        return Verdict(ADMIN, until) if now < until else Verdict(VIEWER)

    server = Server(store, idp, clock, rules=rules_of(idp, decide=for_a_time))
    session = open_followed(store, idp, regrade_at=until)
    idp.failure = OUTAGE
    clock.now = until
    server.look()
    clock.advance(5)
    server.look()
    assert server.roles(session.id) == ("Viewer",)
    server.rechecker.stop()


def test_a_grant_without_anything_to_ask_with_is_asked_about_once(server, store, idp, clock):
    session = open_followed(store, idp)
    kept = store._sessions[session.id]
    kept.tokens = HeldTokens()
    clock.now = DUE
    server.look()
    assert stored(store, session).check_due_at is None
    assert (stored(store, session).grant, idp.asked) == (ADMIN, [])


def test_a_provider_that_this_server_does_not_know_is_left_to_others(server, store, idp, clock):
    session = open_followed(store, idp)
    store._sessions[session.id].session = replace(session, provider="elsewhere")
    clock.now = DUE
    assert server.look() == 0


@pytest.mark.parametrize(("due", "at_once"), [(50, {1}), (300, {2, 3})])
def test_one_at_a_time_unless_many_wait_and_never_more_than_its_threads(store, idp, clock, due, at_once):
    server = Server(store, idp, clock, workers=3)
    for number in range(due):
        open_followed(store, idp, f"p{number}")
    idp.before_answer = lambda _: time.sleep(0.005)
    clock.now = DUE
    assert server.look() == due
    assert idp.most_at_once in at_once
    assert len(idp.asked) == due
    server.rechecker.stop()


def test_what_waits_is_dropped_and_what_runs_is_finished_when_the_server_stops(store, idp, clock):
    server = Server(store, idp, clock)
    sessions = [open_followed(store, idp, f"p{number}") for number in range(20)]
    reached = threading.Event()

    def linger(_family: str) -> None:
        reached.set()
        time.sleep(0.2)

    idp.before_answer = linger
    clock.now = DUE
    server.rechecker.look()
    assert reached.wait(20)
    server.rechecker.stop()
    assert len(idp.asked) == 1
    assert sum(stored(store, session).checked_at == DUE for session in sessions) == 1


def test_two_servers_that_look_at_the_same_moment_ask_once(servers, store, idp, clock):
    for number in range(50):
        open_followed(store, idp, f"p{number}")
    clock.now = DUE
    threads = [threading.Thread(target=each.look) for each in servers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(idp.asked) == sorted(f"p{number}" for number in range(50))


def test_its_threads_begin_and_end_with_it(store, idp, clock):
    server = Server(store, idp, time.time, interval=0.01)
    names = lambda: [t.name for t in threading.enumerate() if t.name == "oidc-auth-recheck"]  # noqa: E731
    before = len(names())
    server.rechecker.start()
    server.rechecker.start()
    assert len(names()) == before + 1
    server.rechecker.stop()
    assert len(names()) == before


def test_no_token_in_any_log(server, store, idp, clock, caplog):
    caplog.set_level("DEBUG")
    open_followed(store, idp)
    idp.failure = OUTAGE
    clock.now = DUE
    server.look()
    idp.failure, idp.groups = None, frozenset()
    clock.advance(HOUR)
    server.look()
    assert "ada:" not in caplog.text


def test_a_grant_is_compared_whole(server, store, idp, clock):
    """The reasons that my access shows change with the rules, and the audit's roles do not."""
    open_followed(store, idp, grant=Grant(("Admin",)))
    clock.now = DUE
    server.look()
    (change,) = server.report.changes
    assert change.changed
    assert change.before.roles == change.session.grant.roles
