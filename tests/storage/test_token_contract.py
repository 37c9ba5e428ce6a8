"""What every session store promises about tokens of programs."""

from __future__ import annotations

import contextlib
import inspect
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from airflow_oidc_auth.errors import LoginRefused, SessionError
from airflow_oidc_auth.grants.grant import Grant, RuleMatch
from airflow_oidc_auth.identity.authentication import Authentication
from airflow_oidc_auth.sessions import database, token_store
from airflow_oidc_auth.sessions.session import BEARER, Opening, Recheck
from tests.storage.backends import Backend
from tests.storage.people import ADMIN, HOUR, NOW, VIEWER, at_once, open_session, sign_in
from tests.storage.tokens import DAY, DUE, HELD, make_token, open_kept, open_plain, refresh_token_of, take

BOTH = Grant(
    ("Admin", "Viewer"),
    matches=(RuleMatch("a", "grants.rules[0]", ("Admin",)), RuleMatch("v", "grants.rules[1]", ("Viewer",))),
)


@pytest.fixture
def store(backend: Backend):
    return backend.new_store()


def test_a_token_says_whose_it_is_what_for_and_until_when(backend, store):
    owner = open_kept(store)
    token = make_token(
        store, owner, kind="exchanged", client_id="dbt", actors=("agent", "boss"), jkt="k" * 43, label="käse 😀"
    )
    loaded = backend.new_store().load(token.id, now=NOW)
    assert loaded == token
    assert (token.principal_id, token.issuer, token.subject) == (owner.principal_id, owner.issuer, "ada")
    assert (token.kind, token.client_id, token.actors, token.label) == (
        "exchanged",
        "dbt",
        ("agent", "boss"),
        "käse 😀",
    )
    assert (token.jkt, token.expires_at, token.grant, token.idp_sid) == ("k" * 43, NOW + 7 * DAY, ADMIN, None)
    assert (token.seen_at, token.client_address) == (None, "192.0.2.9")


def test_the_end_of_a_token_is_nobodys_sign_out(backend, store):
    token = make_token(store, open_kept(store))
    assert store.find_ending(token.id, now=NOW) is None
    store.end(token.id, reason="user_logout", now=NOW)
    assert backend.new_store().find_ending(token.id, now=NOW) is None


def test_a_scope_narrows_and_is_kept(store):
    owner = open_kept(store, grant=BOTH)
    token = make_token(store, owner, scope=("Viewer",))
    assert store.load(token.id, now=NOW).scope == ("Viewer",)
    assert token.grant.roles == ("Viewer",)
    assert [match.rule for match in token.grant.matches] == ["v"]
    with pytest.raises(SessionError, match="token_scope_not_held"):
        make_token(store, owner, scope=("Op",))


def test_a_token_gets_what_its_owner_has_by_now_whatever_a_server_remembers(store):
    remembered = open_kept(store, grant=BOTH)
    parent = make_token(store, remembered)
    for each in (remembered, parent):
        store.settle_recheck(take(store, each), Recheck(None, DUE + DAY, grant=VIEWER, whole=VIEWER), now=DUE)
    for each in (remembered, parent):
        token = make_token(store, each, now=DUE)
        assert store.load(token.id, now=DUE).grant == VIEWER
        with pytest.raises(SessionError, match="token_scope_not_held"):
            make_token(store, each, now=DUE, scope=("Admin",))


def test_a_token_outlives_logout_idling_and_the_end_of_the_browsers_session(store):
    owner = open_kept(store, lifetime=HOUR)
    token = make_token(store, owner)
    assert token.id not in store.idle_sessions(now=NOW + DAY - 9, idle_since=NOW + DAY, limit=9)
    assert store.end_many([token.id], reason="idle_timeout", now=NOW, idle_since=NOW + DAY) == ()
    store.end(owner.id, reason="user_logout", now=NOW)
    assert store.load(token.id, now=NOW + DAY - 1)


def test_tokens_neither_count_nor_end_where_somebody_opens_too_many_sessions(store):
    tokens = [make_token(store, open_kept(store)) for _ in range(3)]
    opening = Opening(max_sessions=1)
    ended = store.open(sign_in(), ADMIN, now=NOW, expires_at=NOW + HOUR, client_address=None, opening=opening).ended
    assert len(ended) == 3
    assert not {each.session.id for each in ended} & {token.id for token in tokens}
    assert {each.id for each in store.list_tokens(now=NOW)} == {token.id for token in tokens}


def test_lists_the_tokens_of_one_person_newest_first(store):
    ada, bob = open_kept(store), open_kept(store, "bob")
    first, second = make_token(store, ada), make_token(store, ada, now=NOW + 1)
    other = make_token(store, bob)
    assert [each.id for each in store.list_tokens(now=NOW + 1, principal_id=ada.principal_id)] == [second.id, first.id]
    assert {each.id for each in store.list_tokens(now=NOW + 1)} == {first.id, second.id, other.id}
    store.end(first.id, reason="ended_by_user", now=NOW)
    assert [each.id for each in store.list_tokens(now=NOW + 7 * DAY, principal_id=ada.principal_id)] == []


def test_a_token_is_found_by_its_id_among_more_than_a_list_can_show(store, monkeypatch):
    """Whoever is given an old token could otherwise not revoke it while newer ones are made."""
    monkeypatch.setattr(token_store, "LIST_LIMIT", 2)
    owner = open_kept(store)
    first, *_, last = (make_token(store, owner, now=NOW + number) for number in range(4))
    assert [each.id for each in store.list_tokens(now=NOW + 4, reference=first.id[:8])] == [first.id]
    assert store.list_tokens(now=NOW + 4, principal_id="somebody-else", reference=first.id[:8]) == ()
    assert store.list_tokens(now=NOW + 4, reference=first.id.swapcase()) == ()
    assert store.list_tokens(now=NOW + 4, reference="%_" * 4) == ()
    assert [each.id for each in store.list_tokens(now=NOW + 4, reference=last.id)] == [last.id]


def test_nobody_hides_a_browser_behind_more_tokens_than_a_list_shows(store, monkeypatch):
    """What the identity provider ends is looked up first, and the browser is older than what was made with it."""
    for module in (database, token_store):
        monkeypatch.setattr(module, "LIST_LIMIT", 3, raising=False)
    owner = open_kept(store)
    tokens = [make_token(store, owner, now=NOW + number) for number in range(1, 5)]
    found = store.sessions_by_identity(owner.issuer, owner.subject, now=NOW + 5)
    assert [each.id for each in found] == [*(each.id for each in reversed(tokens)), owner.id]
    assert len(store.list_sessions(now=NOW + 5, principal_id=owner.principal_id, limit=2)) == 2


def test_no_token_from_a_session_that_has_ended(store):
    owner = open_kept(store)
    store.end(owner.id, reason="user_logout", now=NOW)
    with pytest.raises(SessionError, match="token_owner_gone"):
        make_token(store, owner)
    with pytest.raises(SessionError, match="token_owner_gone"):
        make_token(store, open_kept(store), now=NOW + HOUR)
    assert store.list_tokens(now=NOW) == ()


def test_no_token_from_what_was_revoked(store):
    owner = open_kept(store)
    store.revoke_principal(owner.principal_id, now=NOW + 1, until=NOW + DAY)
    with pytest.raises(SessionError, match="token_owner_gone"):
        make_token(store, owner, now=NOW + 2)
    again = open_kept(store, now=NOW + 2)
    assert make_token(store, again, now=NOW + 2), "whoever has signed in since has a new session"
    assert make_token(store, open_kept(store, "bob"), now=NOW + 2), "somebody else"


def test_a_revoked_principal_is_published_with_the_time_and_twice_is_no_news(store):
    for _ in range(2):
        store.revoke_principal("p" * 24, now=NOW, until=NOW + DAY)
    store.revoke_principal("p" * 24, now=NOW + 5, until=NOW + DAY)
    entries = store.revocations(after=0, now=NOW)
    assert [(entry.kind, entry.key) for entry in entries] == [
        ("principal", f"{'p' * 24}.{NOW}"),
        ("principal", f"{'p' * 24}.{NOW + 5}"),
    ]


def test_a_revocation_and_a_token_made_at_the_same_moment_do_not_miss_each_other(backend):
    """Whoever ends all that somebody has revokes first and lists then."""
    owner = open_kept(backend.new_store())
    moments = iter([NOW + 1, NOW + 2])

    def race(store):
        if next(moments) == NOW + 1:
            store.revoke_principal(owner.principal_id, now=NOW + 1, until=NOW + DAY)
            return [each.id for each in store.list_tokens(now=NOW + 1)]
        try:
            return make_token(store, owner, now=NOW + 1).id
        except SessionError:
            return None

    answers = at_once(backend, 2, race)
    listed = next(answer for answer in answers if isinstance(answer, list))
    made = next(answer for answer in answers if not isinstance(answer, list))
    assert made is None or made in listed


def test_a_token_of_somebody_who_never_signed_in_here(store):
    identity = sign_in("robot").identity
    ada = open_kept(store)
    robot = replace(ada, id="bearer.x", kind=BEARER, subject="robot", principal_id=_principal(identity), checked_at=NOW)
    token = make_token(store, robot, identity=identity)
    assert store.load(token.id, now=NOW).subject == "robot"
    assert take(store, token, NOW).identity == identity


def _principal(identity):
    from airflow_oidc_auth.sessions.principal import principal_id

    return principal_id(identity.issuer, identity.subject)


def test_what_was_made_from_a_token_ends_with_it(store):
    owner = open_kept(store)
    parent = make_token(store, owner)
    child = make_token(store, owner, parent=parent.id)
    grandchild, other = make_token(store, owner, parent=child.id), make_token(store, owner)
    ended = store.end_many([parent.id], reason="ended_by_user", now=NOW)
    assert [each.session.id for each in ended] == [parent.id, child.id, grandchild.id]
    assert {each.id for each in store.list_tokens(now=NOW)} == {other.id}
    assert {entry.key for entry in store.revocations(after=0, now=NOW)} == {parent.id, child.id, grandchild.id}


@contextlib.contextmanager
def little_stack(frames: int = 250) -> Iterator[None]:
    """Let so many calls stand on each other from here on: a thousand would take as long as it takes to make them."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + frames)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


@pytest.mark.parametrize("refused", [False, True])
def test_a_long_chain_of_tokens_ends_as_a_whole(store, refused):
    """Each made from the last: whoever sees the end coming could make a thousand, and be signed out by nobody."""
    owner = last = open_kept(store)
    for _ in range(150):
        last = make_token(store, last, parent=last.id)
    leased = take(store, owner)
    with little_stack():
        if refused:
            ended = store.end_refused(leased, reason="session_refused_by_provider", now=DUE)
        else:
            ended = store.end_many([owner.id], reason="ended_by_admin", now=DUE)
    assert len(ended) == 151
    assert ended[0].session.id == owner.id
    assert store.list_sessions(now=DUE) == ()


def test_without_anybody_to_ask_a_token_lives_for_the_unverified_lifetime_to_the_second(store):
    token = make_token(store, open_plain(store), now=NOW + 60)
    assert token.verify_by == NOW + DAY, "since the sign-in, not since the token was made"
    assert store.load(token.id, now=NOW + DAY - 1)
    assert store.load(token.id, now=NOW + DAY) is None
    assert store.list_tokens(now=NOW + DAY) == ()
    with pytest.raises(SessionError, match="token_owner_unverified"):
        make_token(store, open_plain(store, lifetime=9 * DAY), now=NOW + DAY)


def test_a_token_is_looked_at_in_time_before_it_would_end(store):
    token = make_token(store, open_plain(store))
    found = [each.id for each in store.due_sessions(now=NOW + DAY - 1, active_since=0, limit=9, providers=())]
    assert found == [token.id]


def test_an_idle_browsers_tokens_go_to_one_token_session(store):
    owner = open_kept(store)
    short, long = make_token(store, owner, lifetime=DAY), make_token(store, owner, lifetime=9 * DAY)
    assert store.end_many([owner.id], reason="idle_timeout", now=DUE, idle_since=DUE)
    assert refresh_token_of(store, long, DUE) == "refresh-token-of-ada"
    assert refresh_token_of(store, short, DUE) is None
    due = store.due_sessions(now=DUE, active_since=DUE + DAY, limit=9, providers=("okta",))
    assert long.id in [each.id for each in due], "whether it is used or not"


def test_the_heir_knows_what_the_provider_said_to_the_tokens_that_it_gets(store):
    """Else its next answer would be compared with an access token's claims, and never fit."""
    mine = Authentication("gold", frozenset({"otp"}), NOW)
    other = replace(sign_in().identity, claims={"aud": "urn:api"}, authentication=mine)
    owner = open_kept(store)
    token = make_token(store, owner, identity=other)
    store.end_many([owner.id], reason="idle_timeout", now=DUE, idle_since=DUE)
    leased = take(store, token)
    assert leased.identity.claims == sign_in().identity.claims
    assert leased.identity.authentication == mine


def test_what_a_sign_out_ends_at_the_provider_is_not_handed_over(store):
    for reason in ("user_logout", "ended_by_admin", "backchannel_logout", "replaced"):
        owner = open_kept(store, reason)
        token = make_token(store, owner)
        store.end(owner.id, reason=reason, now=NOW)
        assert refresh_token_of(store, token, NOW) is None, reason


def test_nothing_is_handed_over_while_another_browser_is_open(store):
    first, second = open_kept(store), open_kept(store)
    token = make_token(store, first)
    store.end_many([first.id], reason="idle_timeout", now=NOW + 1, idle_since=NOW + 1)
    assert refresh_token_of(store, token, NOW + 1) is None
    assert refresh_token_of(store, second, NOW + 1) == "refresh-token-of-ada"


def test_a_session_that_is_being_re_checked_is_not_ended_as_idle(store):
    """The provider may just have replaced its refresh token: the old one would be taken for stolen."""
    owner = open_kept(store)
    make_token(store, owner)
    take(store, owner, seconds=60)
    assert store.end_many([owner.id], reason="idle_timeout", now=DUE + 59, idle_since=DUE) == ()
    assert store.end_many([owner.id], reason="idle_timeout", now=DUE + 60, idle_since=DUE)


def test_what_an_expired_session_held_is_taken_over_once(backend, store):
    owner = open_kept(store, lifetime=HOUR)
    tokens = [make_token(store, owner) for _ in range(3)]
    leases = [take(store, token, NOW + HOUR, owner=str(n) * 32) for n, token in enumerate(tokens)]
    found = [store.find_keeper(leased, now=NOW + HOUR) for leased in leases]
    assert all(until == tokens[0].expires_at for until in found)
    for leased in leases:
        store.settle_recheck(leased, Recheck(None, NOW + 2 * HOUR, confirmed=False), now=NOW + HOUR)
    held = [refresh_token_of(store, token, NOW + HOUR, owner=f"{n}" * 30) for n, token in enumerate(tokens)]
    assert sorted(filter(None, held)) == ["refresh-token-of-ada"]


def test_what_is_being_replaced_is_not_taken_over(store):
    owner = open_kept(store, lifetime=HOUR)
    token = make_token(store, owner)
    asking = take(store, owner, NOW + HOUR - 1, seconds=300)
    leased = take(store, token, NOW + HOUR, owner="b" * 32, seconds=0)
    assert store.find_keeper(leased, now=NOW + HOUR) is None
    assert store.settle_recheck(asking, Recheck(NOW + HOUR, tokens=HELD), now=NOW + HOUR), "kept although it is over"
    again = take(store, token, NOW + HOUR, owner="c" * 32, seconds=0)
    assert store.find_keeper(again, now=NOW + HOUR) == token.expires_at
    assert refresh_token_of(store, token, NOW + HOUR) == "refresh-2"


def test_a_revoked_token_passes_on_what_it_held(store):
    owner = open_kept(store)
    first, second = make_token(store, owner, lifetime=9 * DAY), make_token(store, owner)
    store.end_many([owner.id], reason="idle_timeout", now=DUE, idle_since=DUE)
    store.end(first.id, reason="ended_by_user", now=DUE)
    assert refresh_token_of(store, second, DUE) == "refresh-token-of-ada"


def test_a_token_that_is_revoked_while_it_is_re_checked_passes_the_new_ones_on(store):
    owner = open_kept(store)
    first, second = make_token(store, owner, lifetime=9 * DAY), make_token(store, owner)
    store.end_many([owner.id], reason="idle_timeout", now=DUE, idle_since=DUE)
    asking = take(store, first)
    store.end(first.id, reason="ended_by_user", now=DUE + 1)
    assert refresh_token_of(store, second, DUE + 1) is None, "the old one may be used up"
    assert store.settle_recheck(asking, Recheck(DUE + 300, tokens=HELD), now=DUE + 2) is None
    store.pass_on(asking, HELD, now=DUE + 2)
    assert refresh_token_of(store, second, DUE + 2) == "refresh-2"


def test_a_confirmation_of_any_session_counts_for_the_tokens(store):
    owner, other = open_kept(store), open_kept(store)
    token, foreign = make_token(store, owner), make_token(store, open_kept(store, "bob"))
    assert store.settle_recheck(take(store, other), Recheck(DUE + 300), now=DUE).told == ()
    assert store.load(token.id, now=DUE).checked_at == DUE
    assert store.load(foreign.id, now=DUE).checked_at == NOW


def test_what_the_provider_says_is_told_to_the_tokens_which_keep_their_own_authentication(store):
    mine = Authentication("gold", frozenset({"otp"}), NOW)
    strong = replace(sign_in().identity, authentication=mine)
    owner = open_kept(store)
    token = make_token(store, owner, identity=strong)
    news = replace(sign_in().identity, groups=frozenset({"dev"}), authentication=Authentication(None, frozenset(), 5))
    regraded = store.settle_recheck(take(store, owner), Recheck(DUE + 300, identity=news, grant=VIEWER), now=DUE)
    (told,) = regraded.told
    assert told.id == token.id
    leased = store.take_lease(told, owner="b" * 32, now=DUE, seconds=9)
    assert (leased.identity.groups, leased.identity.authentication) == (frozenset({"dev"}), mine)
    assert token.id in [each.id for each in store.due_sessions(now=DUE + 9, active_since=0, limit=9, providers=())]


def test_a_new_sign_in_is_told_to_the_tokens_too(store):
    token = make_token(store, open_plain(store))
    again = replace(sign_in(), refresh_token=None, identity=replace(sign_in().identity, groups=frozenset({"dev"})))
    store.open(again, VIEWER, now=NOW + 60, expires_at=NOW + HOUR, client_address=None)
    leased = take(store, token, NOW + 60)
    assert (leased.session.checked_at, leased.identity.groups) == (NOW + 60, frozenset({"dev"}))


def test_an_older_answer_does_not_undo_what_another_re_check_has_told_meanwhile(store):
    owner, token = (session := open_kept(store)), make_token(store, session)
    older = take(store, token, DUE, owner="o" * 32, seconds=300)
    news = replace(sign_in().identity, groups=frozenset({"dev"}))
    told = store.settle_recheck(take(store, owner), Recheck(DUE + 300, identity=news, grant=VIEWER), now=DUE).told
    kept = store.settle_recheck(older, Recheck(None, DUE + DAY, grant=ADMIN, tokens=HELD, whole=ADMIN), now=DUE + 1)
    assert kept is not None
    assert not kept.changed
    leased = store.take_lease(told[0], owner="n" * 32, now=DUE + 1, seconds=9)
    assert leased.identity.groups == frozenset({"dev"}), "it is still to be worked out anew"
    assert leased.tokens.refresh_token.reveal() == "refresh-2", "new tokens are kept all the same"


def test_a_narrowed_token_gets_what_is_left_of_its_scope(store):
    owner = open_kept(store, grant=BOTH)
    token = make_token(store, owner, scope=("Admin",))
    regraded = store.settle_recheck(take(store, token), Recheck(None, DUE + DAY, grant=BOTH, whole=BOTH), now=DUE)
    assert regraded.session.grant.roles == ("Admin",)
    again = take(store, token, DUE + 1, owner="b" * 32)
    with pytest.raises(LoginRefused, match="token_roles_lost"):
        store.settle_recheck(again, Recheck(None, grant=VIEWER, whole=VIEWER), now=DUE + 1)


def test_whoever_acts_for_somebody_gets_no_more_than_the_rules_give_them(store):
    token = make_token(store, open_kept(store, grant=BOTH), actors=("agent",))
    recheck = Recheck(None, DUE + DAY, grant=VIEWER, whole=BOTH)
    assert store.settle_recheck(take(store, token), recheck, now=DUE).session.grant.roles == ("Viewer",)


def test_a_person_whom_the_provider_refuses_loses_every_token(store):
    owner, bob = open_kept(store), open_kept(store, "bob")
    tokens, foreign = [make_token(store, owner) for _ in range(2)], make_token(store, bob)
    other = open_kept(store)
    ended = store.end_refused(take(store, owner), reason="session_refused_by_provider", now=DUE)
    assert ended[0].session.id == owner.id
    assert {each.session.id for each in ended[1:]} == {token.id for token in tokens}
    assert store.load(foreign.id, now=DUE)
    assert store.load(other.id, now=DUE), "another browser is asked about by itself"
    stale = take(store, bob, owner="x" * 32, seconds=0)
    take(store, bob, owner="y" * 32)
    assert store.end_refused(stale, reason="session_refused_by_provider", now=DUE) == ()
    assert store.load(foreign.id, now=DUE)


def test_an_idle_owner_is_asked_about_as_long_as_a_token_lives(store):
    idle, busy = open_kept(store, lifetime=9 * DAY), open_kept(store, "bob", lifetime=9 * DAY)
    token = make_token(store, idle)
    wanted = {"now": DUE, "active_since": DUE, "limit": 9, "providers": ("okta",)}
    assert [each.id for each in store.due_sessions(**wanted)] == [idle.id]
    assert take(store, idle, seconds=0).watched
    assert not take(store, busy, seconds=0).watched
    store.end(token.id, reason="ended_by_user", now=DUE)
    assert list(store.due_sessions(**wanted)) == []


def test_the_tokens_of_one_person_hold_up_nobodys_re_check(store):
    """A sign-in marks all of them at once; databases sort what has no date of its own first, or last."""
    bob, ada, eve = open_kept(store, "bob"), open_kept(store), open_kept(store, "eve")
    waits_longest = make_token(store, eve, unverified_lifetime=200)
    for _ in range(6):
        make_token(store, ada)
    store.open(sign_in(), ADMIN, now=DUE + 9, expires_at=DUE + HOUR, client_address=None)
    due = [each.id for each in store.due_sessions(now=DUE + 9, active_since=NOW, limit=4, providers=("okta",))]
    assert due[0] == waits_longest.id
    assert set(due[1:]) == {bob.id, ada.id, eve.id}


def test_revocations_of_a_session_stay_what_they_were(store):
    session = open_session(store)
    store.end(session.id, reason="user_logout", now=NOW)
    assert [entry.kind for entry in store.revocations(after=0, now=NOW)] == ["session"]
