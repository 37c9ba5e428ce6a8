"""While a token lives its owner is re-checked: through the browser's session, then through the token's own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_oidc_auth.grants.grant import Grant, Refusal, RuleMatch
from airflow_oidc_auth.sessions.cache import SessionCache
from airflow_oidc_auth.sessions.idle import IdleSweeper
from airflow_oidc_auth.sessions.live import LiveSessions
from airflow_oidc_auth.sessions.recheck import Rechecker
from airflow_oidc_auth.sessions.recheck_report import RecheckRules, Verdict
from airflow_oidc_auth.sessions.session import TokenRequest
from airflow_oidc_auth.sessions.token_session import OUTAGE_GRACE
from tests.storage.backends import Backend
from tests.storage.people import ADMIN, HOUR, NOW, VIEWER
from tests.storage.rotating_idp import EVERY, OUTAGE, Report, RotatingIdp, judge, open_followed
from tests.storage.tokens import DAY, make_token, open_plain, refresh_token_of

DUE = NOW + EVERY
SWEPT = 2 * HOUR


class Server:
    """One API server."""

    def __init__(self, store, idp, clock, decide=judge) -> None:
        self.live = LiveSessions(store, clock=clock, monotonic=clock, cache=SessionCache(clock=clock))
        self.report, self.clock = Report(), clock
        self.decide, self.every, self.providers = decide, EVERY, {"okta": idp}
        self.rechecker = Rechecker(
            self.live,
            lambda: RecheckRules(self.every, self.providers, self.decide, DAY),
            self.report,
            clock=clock,
            monotonic=clock,
            jitter=lambda: 0.0,
        )
        self.idle = IdleSweeper(self.live, lambda: SWEPT, lambda *_: None, clock=clock)

    def look(self, at: float | None = None) -> None:
        self.clock.now = self.clock.now if at is None else at
        self.rechecker.look()
        self.rechecker.wait(20)

    def roles(self, session_id: str):
        """What a request is given."""
        self.live.feed.poll()
        session = self.live.peek(session_id) or self.live._read(session_id)
        return None if session is None else session.grant.roles

    @property
    def reasons(self) -> dict[str, str]:
        return {ended.session.id: reason for ended, reason, _ in self.report.ends}


class Clock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.now: float = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(backend: Backend):
    return backend.new_store()


@pytest.fixture
def idp() -> RotatingIdp:
    return RotatingIdp()


@pytest.fixture
def servers(backend: Backend, idp, clock):
    pair = [Server(backend.new_store(), idp, clock) for _ in range(2)]
    yield pair
    for server in pair:
        server.rechecker.stop()
        server.live.stop()


@pytest.fixture
def server(servers) -> Server:
    return servers[0]


def test_a_role_that_its_owner_loses_is_lost_at_the_next_request_on_every_server(servers, store, idp):
    token = make_token(store, open_followed(store, idp))
    assert [each.roles(token.id) for each in servers] == [("Admin",), ("Admin",)]
    idp.groups = frozenset({"dev"})
    servers[0].look(DUE)
    assert [each.roles(token.id) for each in servers] == [("Viewer",), ("Viewer",)]
    assert idp.asked == ["ada"], "once, for the browser and all tokens"


def test_a_token_whose_every_role_is_lost_ends_with_a_reason_and_the_others_go_on(servers, store, idp):
    owner = open_followed(store, idp)
    narrowed, other = make_token(store, owner, scope=("Admin",)), make_token(store, owner)
    assert servers[1].roles(narrowed.id)
    idp.groups = frozenset({"dev"})
    servers[0].look(DUE)
    assert [each.roles(narrowed.id) for each in servers] == [None, None]
    assert servers[0].roles(other.id) == ("Viewer",)
    assert servers[0].reasons == {narrowed.id: "token_roles_lost"}


def test_a_narrowed_token_gets_no_team_that_it_was_not_made_with(servers, store, idp):
    """What is made of a provider's token has what the rules gave for that one; its owner's browser may have more."""
    owner = open_followed(store, idp, grant=VIEWER)
    narrowed, following = make_token(store, owner, scope=("Viewer",)), make_token(store, owner)
    more = RuleMatch("reds", "grants.rules[2]", ("Op",), ("red",))
    both = Grant(("Op", "Viewer"), ("blue", "red"), (*VIEWER.matches, more))
    for server in servers:
        server.decide = lambda *_: Verdict(both)
    servers[0].look(DUE)
    for server in servers:
        assert server.roles(narrowed.id) == ("Viewer",)
        grant = server.live._read(narrowed.id).grant
        assert (grant.teams, grant.matches) == (("blue",), VIEWER.matches)
        assert server.live._read(following.id).grant == both


def test_a_role_that_comes_back_within_the_scope_is_there_again(server, store, idp):
    token = make_token(store, open_followed(store, idp))
    idp.groups = frozenset({"dev"})
    server.look(DUE)
    idp.groups = frozenset({"ops"})
    server.look(DUE + EVERY)
    assert server.roles(token.id) == ("Admin",)


def test_whom_the_provider_refuses_loses_browser_and_tokens_and_what_it_issued(servers, store, idp):
    owner = open_followed(store, idp)
    tokens = [make_token(store, owner) for _ in range(2)]
    idp.revoke("ada")
    servers[0].look(DUE)
    assert [each.roles(token.id) for each in servers for token in tokens] == [None] * 4
    assert set(servers[0].reasons.values()) == {"session_refused_by_provider"}
    assert [each.live.feed.principal_revoked_at(owner.principal_id) for each in servers] == [DUE, DUE]


def test_whom_the_rules_give_nothing_any_more_loses_the_tokens_too(servers, store, idp):
    token = make_token(store, open_followed(store, idp))
    idp.groups = frozenset()
    servers[0].look(DUE)
    assert servers[1].roles(token.id) is None
    assert servers[0].reasons[token.id] == "no_matching_rule"


def test_a_sign_out_leaves_the_tokens_and_asks_nobody(server, store, idp):
    owner = open_followed(store, idp)
    token = make_token(store, owner)
    store.end(owner.id, reason="user_logout", now=NOW)
    server.look(NOW + DAY - 61)
    assert server.roles(token.id) == ("Admin",)
    assert idp.asked == []
    server.look(NOW + DAY - 1)
    assert server.roles(token.id) == ("Admin",)
    server.clock.now = NOW + DAY
    assert server.roles(token.id) is None, "by the clock, before anybody has looked"
    server.look()
    assert server.reasons == {token.id: "token_unverified"}


def test_after_the_browser_went_idle_its_token_is_re_checked_by_itself_whether_it_is_used_or_not(servers, store, idp):
    owner = open_followed(store, idp)
    token = make_token(store, owner)
    servers[1].clock.now = NOW + SWEPT + 61
    servers[1].idle.sweep()
    assert servers[0].roles(owner.id) is None
    for number in range(1, 4):
        servers[number % 2].look(NOW + SWEPT + 61 + number * EVERY)
    assert idp.asked == ["ada"] * 3
    idp.groups = frozenset({"dev"})
    servers[0].look(NOW + SWEPT + 61 + 4 * EVERY)
    assert [each.roles(token.id) for each in servers] == [("Viewer",), ("Viewer",)]
    idp.revoke("ada")
    servers[0].look(NOW + SWEPT + 61 + 5 * EVERY)
    assert [each.roles(token.id) for each in servers] == [None, None]


def test_after_the_browsers_session_expired_its_token_is_re_checked_by_itself(server, store, idp):
    token = make_token(store, open_followed(store, idp))
    ends = NOW + 3 * HOUR
    for moment in (DUE, ends + 1, ends + 6):
        server.look(moment)
    assert refresh_token_of(store, token, ends + 6) == "ada:2"
    server.look(ends + 6 + EVERY)
    assert idp.asked == ["ada"] * 3
    assert server.roles(token.id) == ("Admin",)
    assert store.load(token.id, now=ends).checked_at == ends + 6 + EVERY


def test_an_idle_browser_is_asked_about_while_a_token_lives_and_left_alone_afterwards(server, store, idp):
    token = make_token(store, open_followed(store, idp))
    server.look(NOW + HOUR)
    assert idp.asked == ["ada"]
    store.end(token.id, reason="ended_by_user", now=NOW + HOUR)
    server.look(NOW + 2 * HOUR)
    assert idp.asked == ["ada"]


def test_an_outage_ends_no_token_whose_owner_can_be_asked_again(server, store, idp):
    token = make_token(store, open_followed(store, idp))
    for moment in (NOW + 3 * HOUR + 1, NOW + 3 * HOUR + 6):
        server.look(moment)
    idp.failure = OUTAGE
    last = int(server.clock.now)
    moment = last
    while moment < last + 2 * DAY:
        moment += 30 * 60
        server.look(moment)
        server.look(moment + 61)
        assert server.roles(token.id) == ("Admin",), (moment - last) / HOUR
    idp.failure = None
    server.look(moment + EVERY + 99)
    assert store.load(token.id, now=int(moment)).checked_at > last + 2 * DAY


@pytest.mark.parametrize("how", ["re-checks are switched off", "the provider is gone"])
def test_a_refresh_token_that_nobody_uses_any_more_does_not_keep_a_token(server, store, idp, how):
    """The document changed: an outage ends, this does not."""
    token = make_token(store, open_followed(store, idp))
    for moment in (NOW + 3 * HOUR + 1, NOW + 3 * HOUR + 6):
        server.look(moment)
    confirmed = store.load(token.id, now=int(server.clock.now)).checked_at
    if how == "the provider is gone":
        server.providers = {}
    else:
        server.every = None
    server.look(confirmed + DAY - 60)
    assert server.roles(token.id) == ("Admin",)
    server.look(confirmed + DAY)
    assert server.roles(token.id) is None
    assert server.reasons == {token.id: "token_unverified"}


def test_an_outage_does_not_help_a_token_whose_owner_then_signs_out(server, store, idp):
    """What was granted because somebody could be asked is taken back when nobody can any more."""
    owner = open_plain(store, lifetime=9 * DAY)
    kept = open_followed(store, idp, "ada")
    token = make_token(store, owner)
    store.end(kept.id, reason="user_logout", now=NOW)
    server.look(NOW + 60)
    assert store.load(token.id, now=NOW).verify_by == NOW + DAY
    assert OUTAGE_GRACE < DAY


def test_a_new_sign_in_confirms_a_token_that_nobody_can_be_asked_about(server, store, idp):
    token = make_token(store, open_plain(store))
    server.clock.now = NOW + DAY - 5
    open_plain(store, now=NOW + DAY - 5, grant=VIEWER)
    server.look()
    assert store.load(token.id, now=NOW).verify_by == NOW + 2 * DAY - 5
    assert server.roles(token.id) == ("Admin",), "the rules judge what the sign-in said"


def test_whoever_acts_for_somebody_is_judged_as_such(server, store, idp):
    def decide(session, identity, now):
        given = judge(session, identity, now)
        return Verdict(VIEWER) if identity.actors and given.decision == ADMIN else given

    server.decide = decide
    owner = open_followed(store, idp)
    token, plain = make_token(store, owner, actors=("agent",), client_id="agent"), make_token(store, owner)
    idp.groups = frozenset({"ops", "new"})
    server.look(DUE)
    assert (server.roles(token.id), server.roles(plain.id)) == (("Viewer",), ("Admin",))


def test_an_end_to_delegation_ends_the_agents_token_only(server, store, idp):
    owner = open_followed(store, idp)
    token, plain = make_token(store, owner, actors=("agent",)), make_token(store, owner)
    server.decide = lambda session, identity, now: (
        Verdict(Refusal("no_matching_rule")) if identity.actors else judge(session, identity, now)
    )
    idp.groups = frozenset({"ops", "new"})
    server.look(DUE)
    assert (server.roles(token.id), server.roles(plain.id)) == (None, ("Admin",))


def test_a_token_that_is_revoked_while_its_owner_is_asked_about_stays_revoked(servers, store, idp):
    owner = open_followed(store, idp)
    token = make_token(store, owner)
    idp.groups = frozenset({"dev"})
    idp.before_answer = lambda _: servers[1].live.end_many_now([token.id], reason="ended_by_user")
    servers[0].look(DUE)
    assert [each.roles(token.id) for each in servers] == [None, None]
    assert servers[0].roles(owner.id) == ("Viewer",)


def test_a_token_that_is_revoked_while_it_is_asked_about_hands_its_new_refresh_token_on(servers, store, idp):
    owner = open_followed(store, idp)
    first, second = make_token(store, owner, lifetime=9 * DAY), make_token(store, owner)
    servers[0].clock.now = NOW + SWEPT + 61
    servers[0].idle.sweep()
    idp.before_answer = lambda _: servers[1].live.end_many_now([first.id], reason="ended_by_user")
    servers[0].look()
    assert servers[1].roles(first.id) is None
    assert refresh_token_of(store, second, int(servers[0].clock.now)) == "ada:1"
    idp.before_answer = lambda _: None
    servers[1].look(servers[0].clock.now + EVERY)
    assert servers[1].roles(second.id) == ("Admin",), "it was not taken for stolen"


def test_a_token_that_loses_its_roles_while_it_keeps_the_refresh_token_hands_the_new_one_on(server, store, idp):
    owner = open_followed(store, idp)
    narrowed = make_token(store, owner, lifetime=9 * DAY, scope=("Admin",))
    other = make_token(store, owner)
    server.clock.now = NOW + SWEPT + 61
    server.idle.sweep()
    idp.groups = frozenset({"dev"})
    server.look()
    assert server.roles(narrowed.id) is None
    server.look(server.clock.now + 5)
    assert server.roles(other.id) == ("Viewer",)
    assert idp.asked == ["ada"] * 2


def test_a_token_made_before_its_owner_was_revoked_counts_on_no_server(servers, store, idp):
    """Also one that was missed where sessions are listed and ended."""
    token = make_token(store, open_followed(store, idp))
    assert servers[1].roles(token.id)
    servers[0].clock.now = NOW + 1
    servers[0].live.revoke_principal_now(token.principal_id)
    servers[1].live.feed.poll()
    assert [each.live.peek(token.id) for each in servers] == [None, None]


def test_tokens_of_programs_that_the_document_names_need_nobody_to_vouch(server, store):
    grant = Grant(("Op",))
    owner = replace(open_plain(store), id="client.x", kind="bearer", provider="tokens.clients", grant=grant)
    token = store.open_token(
        owner, TokenRequest("exchanged", lifetime=9 * DAY), identity=None, now=NOW, unverified_lifetime=DAY
    ).session
    server.look(NOW + 8 * DAY)
    assert server.roles(token.id) == ("Op",)
