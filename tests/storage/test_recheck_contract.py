"""What every session store promises to re-checks: one at a time, nothing lost, everybody hears."""

from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.providers.provider import HeldTokens
from airflow_oidc_auth.secret import Secret
from airflow_oidc_auth.sessions.session import DueSession, Opening, Recheck
from tests.storage.backends import Backend
from tests.storage.people import ADMIN, HOUR, NOW, VIEWER, at_once, open_session, sign_in

DUE = NOW + 300
OKTA = ("okta",)
NEW = HeldTokens(Secret("id-2"), Secret("refresh-2"), Secret("access-2"))


@pytest.fixture
def store(backend: Backend):
    return backend.new_store()


def open_due(store, subject="ada", *, due=DUE, regrade_at=None, **more):
    signed_in = replace(sign_in(subject, **more), access_token=Secret("access-1"), auth_time=NOW - 60)
    opening = Opening(check_due_at=due, regrade_at=regrade_at)
    return store.open(signed_in, ADMIN, now=NOW, expires_at=NOW + HOUR, client_address=None, opening=opening).session


def due_ids(store, now=DUE, *, since=NOW, providers=OKTA):
    return [each.id for each in store.due_sessions(now=now, active_since=since, limit=100, providers=providers)]


def lease(store, session, now=DUE, *, owner="a" * 32, seconds=120):
    due = DueSession(session.id, session.provider, session.check_due_at, session.regrade_at)
    return store.take_lease(due, owner=owner, now=now, seconds=seconds)


def later(**more) -> Recheck:
    return Recheck(DUE + 300, **more)


def test_is_due_when_its_time_has_come(store):
    session = open_due(store)
    assert store.load(session.id, now=NOW) == session
    assert (session.check_due_at, session.auth_time, session.seen_at) == (DUE, NOW - 60, NOW)
    assert due_ids(store, DUE - 1) == []
    assert due_ids(store, DUE) == [session.id]
    assert due_ids(store, NOW + HOUR) == [], "expired"
    assert due_ids(store, providers=("entra",)) == []


def test_a_session_without_a_due_time_is_never_due(store):
    open_session(store)
    assert due_ids(store, NOW + HOUR - 1) == []


def test_an_idle_session_is_not_due_until_somebody_comes_back(store):
    session = open_due(store)
    assert due_ids(store, since=NOW + 1) == []
    store.touch({session.id: NOW + 1})
    assert due_ids(store, since=NOW + 1) == [session.id]


def test_roles_given_for_a_time_are_due_whether_anybody_is_active_or_the_idp_can_be_asked(store):
    session = open_due(store, due=None, regrade_at=DUE)
    assert due_ids(store, DUE - 1, since=NOW + HOUR, providers=()) == []
    assert due_ids(store, DUE, since=NOW + HOUR, providers=()) == [session.id]


def test_those_that_waited_longest_come_first(store):
    second, first, third = (open_due(store, due=DUE + offset) for offset in (1, 0, 2))
    assert due_ids(store, DUE + 9) == [first.id, second.id, third.id]
    found = store.due_sessions(now=DUE + 9, active_since=NOW, limit=2, providers=OKTA)
    assert [each.check_due_at for each in found] == [DUE, DUE + 1]


def test_a_lease_hands_over_what_a_re_check_needs(store):
    session = open_due(store, sid="idp-sid")
    leased = lease(store, session)
    assert leased.session == session
    assert leased.tokens.refresh_token.reveal() == "refresh-token-of-ada"
    assert leased.tokens.access_token.reveal() == "access-1"
    expected = sign_in().identity
    assert leased.identity == expected
    assert leased.identity.claims == expected.claims
    assert (leased.until, leased.failures) == (DUE + 120, 0)
    assert "access-1" not in repr(leased)


def test_nobody_else_gets_a_leased_session_until_the_lease_has_run_out(backend, store):
    session = open_due(store)
    assert lease(store, session)
    other = backend.new_store()
    assert due_ids(other) == []
    assert lease(other, session, owner="b" * 32) is None
    assert lease(other, session, DUE + 119, owner="b" * 32) is None
    assert due_ids(other, DUE + 120) == [session.id]
    assert lease(other, session, DUE + 120, owner="b" * 32)


def test_one_of_many_servers_gets_the_lease(backend):
    session = open_due(backend.new_store())
    owners = iter([character * 32 for character in "abcdef"])
    taken = at_once(backend, 6, lambda store: lease(store, session, owner=next(owners)))
    assert sum(leased is not None for leased in taken) == 1


def test_a_list_that_was_read_before_a_re_check_gives_no_second_lease(store):
    session = open_due(store)
    store.settle_recheck(lease(store, session), later(), now=DUE)
    assert lease(store, session, owner="b" * 32) is None, "it was just done"


@pytest.mark.parametrize("how", ["ended", "expired", "unknown"])
def test_no_lease_of_what_is_not_live(store, how):
    session = open_due(store)
    if how == "ended":
        store.end(session.id, reason="user_logout", now=NOW)
    if how == "unknown":
        session = replace(session, id="A" * 22)
    assert lease(store, session, NOW + HOUR if how == "expired" else DUE) is None


def test_what_came_of_a_re_check_is_there_for_the_next_one(backend, store):
    session = open_due(store)
    identity = replace(sign_in().identity, groups=frozenset({"dev", "käse 😀"}), claims={"b": [1, {"c": None}]})
    recheck = later(regrade_at=DUE + 400, tokens=NEW, identity=identity, grant=VIEWER, sid="sid-2")
    regraded = store.settle_recheck(lease(store, session), recheck, now=DUE + 2)
    assert (regraded.before, regraded.session.grant, regraded.changed) == (ADMIN, VIEWER, True)
    other = backend.new_store()
    loaded = other.load(session.id, now=DUE + 3)
    assert loaded == regraded.session
    assert (loaded.checked_at, loaded.check_due_at, loaded.regrade_at) == (DUE + 2, DUE + 300, DUE + 400)
    assert loaded.idp_sid == "sid-2"
    again = lease(other, loaded, DUE + 300, owner="b" * 32)
    assert (again.tokens, again.identity) == (NEW, identity)
    assert (again.identity.claims, again.identity.email_verified) == ({"b": [1, {"c": None}]}, True)


def test_the_last_grant_and_tokens_stay_where_the_idp_said_nothing_of_them(store):
    session = open_due(store, sid="idp-sid")
    regraded = store.settle_recheck(lease(store, session), later(), now=DUE)
    assert not regraded.changed
    assert regraded.session == replace(session, checked_at=DUE, check_due_at=DUE + 300)
    assert store.load(session.id, now=DUE) == regraded.session
    again = lease(store, regraded.session, DUE + 300, owner="b" * 32)
    assert again.tokens.refresh_token.reveal() == "refresh-token-of-ada"
    assert again.identity == sign_in().identity


def test_a_postponed_re_check_keeps_new_tokens_and_counts_the_failures(store):
    session = open_due(store)
    recheck = Recheck(DUE + 10, tokens=NEW, failures=3, confirmed=False)
    store.settle_recheck(lease(store, session), recheck, now=DUE)
    postponed = store.load(session.id, now=DUE)
    assert (postponed.checked_at, postponed.check_due_at) == (None, DUE + 10)
    again = lease(store, postponed, DUE + 10, owner="b" * 32)
    assert (again.tokens, again.failures) == (NEW, 3)


def test_who_has_lost_the_lease_changes_and_ends_nothing(store):
    session = open_due(store)
    stopped = lease(store, session)
    overtaking = lease(store, session, DUE + 120, owner="b" * 32)
    assert store.settle_recheck(stopped, later(tokens=NEW, grant=VIEWER), now=DUE + 121) is None
    assert store.end_leased(stopped, reason="session_refused_by_provider", now=DUE + 121) is None
    assert store.load(session.id, now=DUE + 121) == session
    assert store.revocations(after=0, now=DUE) == ()
    assert store.open(sign_in(), ADMIN, now=NOW, expires_at=NOW + HOUR, client_address=None).previous_roles == (
        "Admin",
    ), "the roles of a lost re-check"
    assert store.settle_recheck(overtaking, later(), now=DUE + 122)


def test_a_late_answer_counts_while_nobody_else_has_asked(store):
    session = open_due(store)
    assert store.settle_recheck(lease(store, session), later(tokens=NEW), now=DUE + 500)


def test_a_session_that_ended_while_the_idp_was_asked_stays_ended(store):
    session = open_due(store)
    leased = lease(store, session)
    store.end(session.id, reason="user_logout", now=DUE)
    assert store.settle_recheck(leased, later(tokens=NEW, grant=VIEWER), now=DUE) is None
    assert store.end_leased(leased, reason="session_refused_by_provider", now=DUE) is None
    assert [entry.kind for entry in store.revocations(after=0, now=DUE)] == ["session"]


def test_a_refused_session_ends_and_everybody_hears(store):
    session = open_due(store)
    ended = store.end_leased(lease(store, session), reason="session_refused_by_provider", now=DUE)
    assert ended.session.id == session.id
    assert store.load(session.id, now=DUE) is None
    assert [(entry.kind, entry.key) for entry in store.revocations(after=0, now=DUE)] == [("session", session.id)]


def test_every_change_of_a_grant_is_published_once_also_when_a_grant_comes_back(store):
    session, due = open_due(store), DUE
    for number, grant in enumerate((VIEWER, ADMIN, ADMIN, VIEWER)):
        leased = lease(store, session, due, owner=str(number) * 32)
        due += 300
        session = store.settle_recheck(leased, Recheck(due, grant=grant), now=due - 300).session
    published = [entry for entry in store.revocations(after=0, now=DUE) if entry.kind == "grant"]
    assert [entry.key.partition(".")[0] for entry in published] == [session.id] * 3
    assert {entry.expires_at for entry in published} == {session.expires_at}


def test_the_next_sign_in_compares_with_the_roles_of_the_last_re_check(store):
    session = open_due(store)
    store.settle_recheck(lease(store, session), later(grant=VIEWER), now=DUE)
    opened = store.open(sign_in(), VIEWER, now=DUE, expires_at=DUE + HOUR, client_address=None)
    assert opened.previous_roles == ("Viewer",)


def test_activity_only_moves_forward_and_only_what_is_live(store):
    session, ended = open_due(store), open_due(store)
    store.end(ended.id, reason="user_logout", now=NOW)
    store.touch({session.id: NOW + 20, ended.id: NOW + 20, "A" * 22: NOW + 20})
    store.touch({session.id: NOW + 10})
    store.touch({})
    assert store.load(session.id, now=NOW).seen_at == NOW + 20


def test_activity_during_a_re_check_is_not_lost(store):
    session = open_due(store)
    leased = lease(store, session)
    store.touch({session.id: DUE + 1})
    store.settle_recheck(leased, later(), now=DUE + 2)
    assert store.load(session.id, now=DUE + 2).seen_at == DUE + 1


def test_finds_idle_sessions_and_ends_only_those_that_still_are(store):
    idle, back, busy = (open_due(store, name) for name in ("ada", "bob", "eve"))
    store.touch({busy.id: NOW + 100})
    found = store.idle_sessions(now=NOW + 100, idle_since=NOW + 50, limit=10)
    assert set(found) == {idle.id, back.id}
    store.touch({back.id: NOW + 60})
    ended = store.end_many(found, reason="idle_timeout", now=NOW + 100, idle_since=NOW + 50)
    assert [each.session.id for each in ended] == [idle.id]
    assert {session.id for session in store.list_sessions(now=NOW + 100)} == {back.id, busy.id}


def test_ends_many_and_returns_those_that_it_ended(backend, store):
    mine = [open_session(store) for _ in range(4)]
    store.end(mine[0].id, reason="user_logout", now=NOW)
    ids = [session.id for session in mine]
    ended = at_once(backend, 3, lambda one: one.end_many([*ids, "A" * 22, "' OR 1=1"], reason="admin", now=NOW))
    assert sorted(each.session.id for some in ended for each in some) == sorted(ids[1:])
    assert len(store.revocations(after=0, now=NOW)) == 4
    assert store.end_many([], reason="admin", now=NOW) == ()


def test_the_oldest_sessions_end_for_one_too_many(store):
    opening = Opening(max_sessions=2)
    sessions, gone = [], []
    for moment in range(4):
        opened = store.open(
            sign_in(), ADMIN, now=NOW + moment, expires_at=NOW + HOUR, client_address=None, opening=opening
        )
        sessions.append(opened.session.id)
        gone.append([ended.session.id for ended in opened.ended])
    stranger = store.open(sign_in("bob"), ADMIN, now=NOW, expires_at=NOW + HOUR, client_address=None, opening=opening)
    assert gone == [[], [], sessions[:1], sessions[1:2]]
    assert stranger.ended == ()
    assert {entry.key for entry in store.revocations(after=0, now=NOW)} == set(sessions[:2])


def test_sign_ins_at_the_same_moment_do_not_slip_past_the_limit(backend):
    opening = Opening(max_sessions=3)
    at_once(
        backend,
        6,
        lambda store: store.open(
            sign_in(), ADMIN, now=NOW, expires_at=NOW + HOUR, client_address=None, opening=opening
        ),
    )
    assert len(backend.new_store().list_sessions(now=NOW)) == 3


def test_lists_the_sessions_of_a_person_by_any_of_their_names(store):
    ada, bob = open_session(store), open_session(store, "bob", name="Ada Byron")
    for name in ("ada", "ada@example.com", "Ada Lovelace"):
        assert [session.id for session in store.list_sessions(now=NOW, user=name)] == [ada.id]
    assert store.list_sessions(now=NOW, user="ADA") == ()
    assert store.list_sessions(now=NOW, user="%") == ()
    assert list(store.sessions_by_identity(bob.issuer, "bob", now=NOW)) == [bob]
    assert store.sessions_by_identity("https://elsewhere.example", "bob", now=NOW) == ()
    assert len(store.list_sessions(now=NOW, limit=1)) == 1


def test_an_identity_is_read_as_the_principals_whatever_its_claims_say(store):
    session = open_due(store)
    identity = replace(sign_in().identity, claims={"sub": "mallory", "iss": "https://evil.example.com"})
    settled = store.settle_recheck(lease(store, session), later(identity=identity), now=DUE).session
    kept: Identity = lease(store, settled, DUE + 300, owner="b" * 32).identity
    assert (kept.issuer, kept.subject) == (session.issuer, "ada")
