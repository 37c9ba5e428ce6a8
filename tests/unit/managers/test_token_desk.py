"""One policy for every token of a program, whoever asks for it."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field, replace
from typing import Any

import jwt
import pytest
from airflow.api_fastapi.auth.tokens import JWTGenerator, JWTValidator

from airflow_oidc_auth.audit.fields import record_fields
from airflow_oidc_auth.config.compiled import TokenClient, TokenSettings
from airflow_oidc_auth.errors import LoginRefused, OidcAuthError, SessionError
from airflow_oidc_auth.login.outcome import RequestContext
from airflow_oidc_auth.login.session_office import BY_USER, Order
from airflow_oidc_auth.managers import token_desk
from airflow_oidc_auth.managers.token_desk import TokenDesk
from airflow_oidc_auth.managers.tokens import AirflowTokens
from airflow_oidc_auth.sessions.break_glass import PROVIDER as BREAK_GLASS
from airflow_oidc_auth.sessions.cache import SessionCache
from airflow_oidc_auth.sessions.live import LiveSessions
from airflow_oidc_auth.sessions.session import CLI, EXCHANGED, PERSONAL, Session, TokenRequest
from airflow_oidc_auth.testing.stores import MemorySessionStore
from tests.storage.people import HOUR
from tests.storage.tokens import DAY, open_kept

KEY = "for tests only, not a real key!!" * 2
CONTEXT = RequestContext("192.0.2.9", "corr-1")
ORDER = Order("Ada", "p", "", BY_USER)


class Audit:
    """Keeps what it is given, or fails as a broken sink does."""

    def __init__(self) -> None:
        self.records: list[Any] = []
        self.fails = False

    def record(self, record: Any) -> None:
        if self.fails:
            raise SessionError("audit_unavailable", "gone")
        self.records.append(record)

    def record_anonymous_failure(self, record: Any, now: float) -> None:
        raise AssertionError("nobody anonymous here")


@dataclass
class Desk:
    """A desk around a store in memory, by the real clock, which Airflow's signer has."""

    settings: TokenSettings = field(default_factory=TokenSettings)
    audit: Audit = field(default_factory=Audit)
    fab_mode: bool = False

    def __post_init__(self) -> None:
        self.clock = time.time
        self.store = MemorySessionStore()
        self.live = LiveSessions(self.store, clock=self.clock, cache=SessionCache(clock=self.clock))
        signer = JWTGenerator(secret_key=KEY, audience="apache-airflow", valid_for=60, issuer="airflow")
        validator = JWTValidator(
            secret_key=KEY, audience="apache-airflow", issuer="airflow", algorithm=["HS512"], leeway=0
        )
        self.tokens = AirflowTokens(signer, validator, self.clock, fab_mode=self.fab_mode)
        self.desk = TokenDesk(self.live, self.tokens, lambda: self.settings, lambda: self.audit, self.clock)

    @property
    def now(self) -> int:
        return int(self.clock())

    def owner(self, **more: Any) -> Session:
        return open_kept(self.store, now=self.now, **more)

    def issue(self, owner: Session | None = None, **more: Any):
        request = TokenRequest(**{"kind": PERSONAL, "lifetime": HOUR, **more})
        return self.desk.issue_now(owner or self.owner(), request, CONTEXT)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def claims_of(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})


def code_of(call, *arguments: Any, **more: Any) -> str:
    with pytest.raises(OidcAuthError) as caught:
        call(*arguments, **more)
    return caught.value.code


def test_a_token_names_its_own_session_and_ends_with_it_to_the_second(desk):
    owner = desk.owner()
    issued = desk.issue(owner, label="laptop")
    claims = claims_of(issued.token)
    assert (claims["sid"], claims["sub"], claims["exp"]) == (
        issued.session.id,
        owner.principal_id,
        issued.session.expires_at,
    )
    assert issued.expires_in in (HOUR, HOUR - 1)
    assert issued.session.id != owner.id
    assert desk.live.peek(issued.session.id) == issued.session
    verified = asyncio.run(desk.tokens.verify(issued.token))
    assert (verified.session_id, verified.jkt) == (issued.session.id, None)


def test_a_second_that_begins_while_a_token_is_signed_makes_it_no_longer(desk, monkeypatch):
    signing, lead = desk.tokens._signer.generate, iter([1, 1, 0])

    def late(extras, *, valid_for):
        return signing(extras, valid_for=valid_for + next(lead, 0))

    monkeypatch.setattr(JWTGenerator, "generate", lambda _, extras, valid_for: late(extras, valid_for=valid_for))
    issued = desk.issue()
    assert claims_of(issued.token)["exp"] == issued.session.expires_at


def test_nothing_of_the_person_or_the_provider_is_in_a_token(desk):
    text = json.dumps(claims_of(desk.issue(label="laptop", client_id="dbt", actors=("agent",)).token))
    for secret in ("Ada", "ada@", "idp.example", "refresh", "ops", "Admin", "laptop", "dbt", "agent"):
        assert secret not in text


def test_a_bound_token_carries_the_thumbprint_and_cannot_be_taken_for_an_unbound_one(desk):
    issued = desk.issue(jkt="k" * 43)
    assert claims_of(issued.token)["cnf"] == {"jkt": "k" * 43}
    assert asyncio.run(desk.tokens.verify(issued.token)).jkt == "k" * 43
    for cnf in ({}, {"jkt": ""}, {"jkt": 7}, {"x5t#S256": "k"}, "k", None):
        forged = desk.tokens._signer.generate({**desk.tokens.claims(issued.session), "cnf": cnf}, valid_for=60)
        with pytest.raises(jwt.InvalidTokenError):
            asyncio.run(desk.tokens.verify(forged))


def test_the_default_lifetime_is_for_whoever_asks_for_none(desk):
    desk.settings = TokenSettings(default_lifetime=120)
    assert desk.issue(lifetime=None).expires_in in (120, 119)


def test_a_lifetime_is_never_cut_but_refused_with_the_setting(desk):
    desk.settings = TokenSettings(max_lifetime=HOUR)
    assert desk.issue(lifetime=HOUR)
    with pytest.raises(LoginRefused) as caught:
        desk.issue(lifetime=HOUR + 1)
    assert caught.value.code == "token_lifetime_too_long"
    assert "tokens.max_lifetime" in caught.value.hint
    assert str(HOUR) in caught.value.hint
    assert [code_of(desk.issue, lifetime=none) for none in (0, -5)] == ["token_lifetime_malformed"] * 2


def test_a_client_has_a_limit_of_its_own(desk):
    desk.settings = TokenSettings(clients=(TokenClient("dbt", None, "keys.json", ("Op",), max_lifetime=600),))
    assert code_of(desk.issue, lifetime=601, client_id="dbt") == "token_lifetime_too_long"
    assert desk.issue(lifetime=600, client_id="dbt")
    assert desk.issue(lifetime=601, client_id="other")


def test_personal_tokens_can_be_switched_off_and_others_go_on(desk):
    desk.settings = TokenSettings(personal=False)
    assert code_of(desk.issue) == "personal_tokens_disabled"
    assert desk.issue(kind=CLI)
    assert desk.store.list_tokens(now=desk.now)[0].kind == CLI


def test_where_only_bound_tokens_are_issued_no_other_is(desk):
    desk.settings = TokenSettings(require_dpop=True)
    assert code_of(desk.issue) == "token_binding_needed"
    assert desk.issue(jkt="k" * 43)


def test_an_emergency_session_makes_nothing_that_outlives_it(desk):
    assert code_of(desk.issue, replace(desk.owner(), provider=BREAK_GLASS)) == "token_owner_break_glass"


@pytest.mark.parametrize("scope", [(), ("Op",), ("Admin", "Op")])
def test_a_scope_is_what_the_owner_holds_and_something(desk, scope):
    assert code_of(desk.issue, scope=scope) == "token_scope_not_held"
    assert desk.store.list_tokens(now=desk.now) == ()


def test_a_token_made_with_a_token_is_bound_as_that_one_and_never_outlives_it(desk):
    """Or who steals a short, narrow, bound one makes a long, wide, free one of it."""
    parent = desk.issue(
        kind=EXCHANGED, scope=("Admin",), client_id="dbt", actors=("agent",), jkt="k" * 43, lifetime=600
    ).session
    assert code_of(desk.issue, parent, lifetime=HOUR) == "token_lifetime_too_long"
    child = desk.issue(parent, lifetime=None).session
    assert (child.scope, child.client_id, child.actors, child.jkt) == (("Admin",), "dbt", ("agent",), "k" * 43)
    assert child.expires_at <= parent.expires_at
    desk.live.end_many_now([parent.id], reason="ended_by_user")
    assert desk.live.peek(child.id) is None
    assert code_of(desk.issue, parent, lifetime=60) == "token_owner_gone"


def test_no_token_from_what_has_ended(desk):
    owner = desk.owner()
    desk.live.end_now(owner.id, reason="user_logout")
    assert code_of(desk.issue, owner) == "token_owner_gone"


def test_an_owner_whom_nobody_confirmed_for_too_long_signs_in_first(desk):
    owner = open_kept(desk.store, now=desk.now - 2 * DAY, lifetime=9 * DAY)
    stored = desk.store._sessions[owner.id]
    stored.session = replace(owner, check_due_at=None)
    assert code_of(desk.issue, owner) == "token_owner_unverified"


def test_every_token_is_audited_with_what_tells_it_apart_and_never_the_token(desk):
    issued = desk.issue(kind=EXCHANGED, label="nightly", client_id="dbt", actors=("agent", "boss"), scope=("Admin",))
    (record,) = desk.audit.records
    fields = record_fields(record)
    assert (record.event.value, record.owner, record.client_address) == (
        "auth.token_issued",
        "Ada Lovelace",
        "192.0.2.9",
    )
    told = {name: fields[name] for name in ("kind", "label", "client_id", "actor", "actor_2", "valid_for")}
    assert told == {
        "kind": EXCHANGED,
        "label": "nightly",
        "client_id": "dbt",
        "actor": "agent",
        "actor_2": "boss",
        "valid_for": issued.expires_in,
    }
    assert fields["session_ref"] == issued.session.id[:8]
    assert fields["roles_after"] == ["Admin"]
    assert issued.token not in repr(record)
    assert issued.token not in repr(issued)


def test_a_token_that_cannot_be_audited_does_not_exist(desk):
    desk.audit.fails = True
    assert code_of(desk.issue) == "audit_unavailable"
    assert desk.store.list_tokens(now=desk.now) == ()


def test_nobody_who_signs_in_has_tokens_without_end(desk, monkeypatch):
    """Each sign-in goes through all of them: ten thousand kept a database busy for longer than others wait."""
    monkeypatch.setattr(token_desk, "MAX_TOKENS", 3)
    owner, job = desk.owner(), desk.owner(subject="job")
    last = [desk.issue(owner).session for _ in range(3)][-1]
    assert code_of(desk.issue, owner) == code_of(desk.issue, last) == "token_too_many"
    desk.live.end_now(last.id, reason="ended_by_user")
    assert desk.issue(owner)
    monkeypatch.setattr(desk.desk, "_is_for_people", lambda _: False)
    assert [desk.issue(job) for _ in range(5)]


def test_people_revoke_their_own_tokens_and_nobody_elses(desk):
    mine, theirs = desk.issue().session, desk.issue(desk.owner(subject="bob")).session

    def revoke(token: Session, owner: str | None) -> int:
        return asyncio.run(desk.desk.revoke(token.id[:8], ORDER, CONTEXT, owner=owner))

    assert revoke(theirs, mine.principal_id) == 0
    assert revoke(mine, mine.principal_id) == 1
    assert revoke(mine, mine.principal_id) == 0
    assert revoke(theirs, None) == 1
    for reference in ("", "short", "ümlaut-ümlaut", "%%%%%%%%", "x" * 23):
        assert asyncio.run(desk.desk.revoke(reference, ORDER, CONTEXT, owner=None)) == 0
    ends = [record for record in desk.audit.records if record.event.value == "auth.session_ended"]
    assert [record.reason for record in ends] == [BY_USER] * 2
    assert dict(ends[0].detail)["kind"] == PERSONAL


def test_whoever_has_a_token_can_end_it_and_nothing_else(desk):
    owner = desk.owner()
    issued = desk.issue(owner)
    cookie = desk.tokens.issue(owner)

    def revoke(token: str) -> bool:
        return asyncio.run(desk.desk.revoke_by_token(token, CONTEXT))

    assert not revoke("garbage")
    assert revoke(issued.token)
    assert not revoke(issued.token)
    assert desk.live.peek(issued.session.id) is None
    assert desk.store.load(owner.id, now=desk.now)
    assert desk.audit.records[-1].reason == "token_revoked"
    assert revoke(cookie)
    assert desk.store.load(owner.id, now=desk.now) is None


def test_cores_logout_ends_and_audits_a_token_and_leaves_a_browsers_session(desk):
    owner = desk.owner()
    token = desk.issue(owner).session
    assert desk.desk.end_token_now(token.id, CONTEXT)
    assert not desk.desk.end_token_now(token.id, CONTEXT)
    assert not desk.desk.end_token_now(owner.id, CONTEXT)
    assert (desk.audit.records[-1].reason, desk.audit.records[-1].session_ref) == ("token_revoked", token.id[:8])


def test_lists_tokens_of_one_person(desk):
    mine = desk.issue().session
    desk.issue(desk.owner(subject="bob"))
    assert [each.id for each in asyncio.run(desk.desk.list_tokens(mine.principal_id))] == [mine.id]
    assert len(asyncio.run(desk.desk.list_tokens())) == 2


def test_a_token_of_the_other_auth_manager_revokes_nothing():
    native, fab = Desk(), Desk(fab_mode=True)
    assert not asyncio.run(fab.desk.revoke_by_token(native.issue().token, CONTEXT))
