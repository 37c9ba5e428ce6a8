"""What the door remembers, for how long, and whom it tells."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from airflow_oidc_auth.audit.event import AuthEvent
from airflow_oidc_auth.errors import LoginRefused, ProviderError, SessionError, TokenRefused
from airflow_oidc_auth.grants.judgements import Judgements
from airflow_oidc_auth.login.rate_limits import RateLimited
from airflow_oidc_auth.managers.bearer_cache import MAX_TOKENS, BearerCache, Remembered, token_digest
from airflow_oidc_auth.managers.bearer_denials import DENIED_FOR
from airflow_oidc_auth.managers.bearer_door import LONG_TOKEN, MANY_GROUPS, VERIFIED_FOR
from airflow_oidc_auth.managers.bearer_record import TOLD_EVERY
from airflow_oidc_auth.testing import Misbehaviour, Program
from tests.unit.login.rig import Clock
from tests.unit.managers.door_rig import API, RULES, DoorRig, door_rig


@pytest.fixture
def rig() -> Iterator[DoorRig]:
    with door_rig() as rig:
        yield rig


def rotate(rig: DoorRig) -> None:
    """Change the keys at the IdP, long after they were fetched."""
    rig.idp.rotate_keys()
    rig.clock.ahead += 120


def now_token(rig: DoorRig, **options: Any) -> str:
    now = int(rig.clock())
    return rig.token(claims={"iat": now, "exp": now + 60}, **options)


def verified(rig: DoorRig, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that grows with each token that is verified."""
    asked: list[str] = []
    issuer = rig.runtime.issuers.get("idp")
    assert issuer is not None
    real = issuer.verify_known

    def count(token: str) -> object:
        asked.append(token)
        return real(token)

    monkeypatch.setattr(issuer, "verify_known", count)
    return asked


def test_a_token_is_verified_once_and_again_after_ten_minutes(rig: DoorRig, monkeypatch: pytest.MonkeyPatch) -> None:
    token = rig.token(lifetime=3600)
    asked = verified(rig, monkeypatch)
    for _ in range(3):
        assert rig.run(token).session.grant.roles == ("Admin",)
    assert len(asked) == 1
    rig.clock.ahead = VERIFIED_FOR + 1
    rig.run(token)
    assert len(asked) == 2


def test_a_remembered_token_ends_when_it_says(rig: DoorRig) -> None:
    token = rig.token(lifetime=120)
    rig.run(token)
    rig.clock.ahead = 119
    rig.run(token)
    rig.clock.ahead = 120 + 61  # and the tolerance for clocks
    with pytest.raises(TokenRefused, match="token_expired"):
        rig.run(token)


def test_what_is_remembered_holds_no_token(rig: DoorRig) -> None:
    token = rig.token()
    rig.run(token)
    known = rig.doors.bearer.recall(token_digest(token))
    assert known is not None
    assert token not in repr(known)
    assert token.rpartition(".")[2] not in repr(rig.doors.bearer._cache.__dict__)


def test_another_document_judges_anew(rig: DoorRig) -> None:
    token = rig.token()
    assert rig.run(token).session.grant.roles == ("Admin",)
    rig.rules = [{**RULES[0], "roles": ["Viewer"]}]
    rig.accept()
    assert rig.run(token).session.grant.roles == ("Viewer",)
    rig.rules = [RULES[1]]
    rig.accept()
    with pytest.raises(LoginRefused, match="token_no_role"):
        rig.run(token)


@pytest.mark.parametrize(
    "groups, beside", [(MANY_GROUPS, False), (MANY_GROUPS + 1, True), (1, True)], ids=["few", "many", "long token"]
)
def test_rules_that_think_for_a_while_keep_nobody_else_waiting(
    rig: DoorRig, monkeypatch: pytest.MonkeyPatch, groups: int, beside: bool
) -> None:
    threads: list[threading.Thread] = []
    real = Judgements.decide

    def decide(self: Judgements, *args: Any) -> object:
        threads.append(threading.current_thread())
        return real(self, *args)

    monkeypatch.setattr(Judgements, "decide", decide)
    more = {"padding": "x" * LONG_TOKEN} if groups == 1 else {}
    token = rig.token(claims={"groups": [f"g{number}" for number in range(groups)], **more})
    with contextlib.suppress(LoginRefused):
        rig.run(token)
    assert [thread is not threading.current_thread() for thread in threads] == [beside]


def test_what_the_old_rules_gave_is_not_kept_when_the_document_changed_meanwhile(
    rig: DoorRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = rig.token()
    real = rig.doors.bearer._audit.accepted

    async def reload_meanwhile(*args: object) -> None:
        await real(*args)  # type: ignore[arg-type]
        rig.accept()

    monkeypatch.setattr(rig.doors.bearer._audit, "accepted", reload_meanwhile)
    rig.run(token)
    assert rig.doors.bearer.recall(token_digest(token)) is None


def test_who_comes_in_is_told_once_an_hour_for_each_owner_client_actor_and_roles(rig: DoorRig) -> None:
    programs = [Program("a"), Program("a"), Program("b"), Program("a", actors=("agent",))]
    for program in programs:
        rig.run(rig.token(program=program))
    rig.run(rig.token(program=Program("a"), claims={"groups": ["airflow-viewers"]}))
    told = [dict(record.detail) for record in rig.sink.of(AuthEvent.LOGIN)]
    assert [(each["client_id"], each.get("actor")) for each in told] == [
        ("a", None),
        ("b", None),
        ("a", "agent"),
        ("a", None),
    ]
    rig.clock.ahead = TOLD_EVERY + 1
    rig.run(now_token(rig, program=Program("a")))
    assert len(rig.sink.of(AuthEvent.LOGIN)) == 5


def test_nothing_is_remembered_of_somebody_whose_coming_cannot_be_written(rig: DoorRig) -> None:
    token = rig.token()
    rig.sink.down = True
    for _ in range(2):
        with pytest.raises(SessionError, match="audit_unavailable"):
            rig.run(token)
    assert len(rig.doors.bearer._cache) == 0
    rig.sink.down = False
    rig.run(token)


def test_a_denial_is_not_asked_for_again_for_some_seconds(rig: DoorRig, monkeypatch: pytest.MonkeyPatch) -> None:
    token = rig.token("nora@example.com")
    asked = verified(rig, monkeypatch)
    for _ in range(3):
        with pytest.raises(LoginRefused, match="token_no_role"):
            rig.run(token)
    assert len(asked) == 1
    rig.clock.ahead = DENIED_FOR
    with pytest.raises(LoginRefused):
        rig.run(token)
    assert len(asked) == 2


def test_a_revocation_counts_for_what_was_issued_before_it(rig: DoorRig) -> None:
    now = int(rig.clock())
    old, new = rig.token(claims={"iat": now - 10}), rig.token(claims={"iat": now + 1})
    principal = rig.run(old).session.principal_id
    rig.live.feed.note_principal(principal, now, expires_at=now + 600)
    with pytest.raises(TokenRefused, match="token_revoked"):
        rig.run(old)
    assert rig.doors.bearer.recall(token_digest(old)) is None
    with pytest.raises(TokenRefused, match="token_revoked"):
        rig.run(old)
    rig.run(new)


def test_roles_that_need_a_fresh_authentication_are_for_people_who_sign_in(rig: DoorRig) -> None:
    fresh = {**RULES[0], "needs": {"within": "5m"}}
    rig.rules = [fresh, {**RULES[0], "name": "always", "roles": ["Viewer"]}]
    rig.accept()
    now = int(rig.clock())
    assert rig.run(rig.token(claims={"auth_time": now})).session.grant.roles == ("Viewer",)
    rig.rules = [fresh]
    rig.accept()
    with pytest.raises(LoginRefused, match="token_step_up"):
        rig.run(rig.token(claims={"auth_time": now}))


def test_an_outage_is_no_judgement_and_is_not_remembered(rig: DoorRig) -> None:
    rotate(rig)
    rig.idp.misbehaviour = Misbehaviour(faults={"jwks": "error_503"})
    token = now_token(rig)
    with pytest.raises(ProviderError, match="token_issuer_unavailable") as raised:
        rig.run(token)
    assert raised.value.status == 503
    assert raised.value.__cause__ is not None
    rig.idp.misbehaviour = Misbehaviour()
    rig.clock.ahead += 120
    rig.runtime.transports["idp"]._circuits._by_host.clear()
    assert rig.run(now_token(rig)).session.grant.roles == ("Admin",)


def test_the_same_unknown_token_is_verified_once_for_all_who_bring_it(
    rig: DoorRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rotate(rig)
    token = now_token(rig)
    issuer = rig.runtime.issuers.get("idp")
    assert issuer is not None
    asked: list[str] = []
    real = issuer.verify

    def count(text: str) -> object:
        asked.append(text)
        return real(text)

    monkeypatch.setattr(issuer, "verify", count)

    async def crowd() -> list[object]:
        return list(await asyncio.gather(*(rig.enter(token) for _ in range(20))))

    assert len(asyncio.run(crowd())) == 20
    assert len(asked) == 1


def test_a_flood_of_tokens_that_must_be_asked_about_is_told_to_come_again(rig: DoorRig) -> None:
    rig.api = {"opaque": True}
    rig.accept()
    rig.idp.misbehaviour = Misbehaviour(faults={"introspect": "slow"}, slow_seconds=1.0)

    async def crowd() -> list[object]:
        calls = (rig.enter(f"invented-{number}", address=f"203.0.113.{number}") for number in range(120))
        return list(await asyncio.gather(*calls, return_exceptions=True))

    codes = {getattr(each, "code", "") for each in asyncio.run(crowd())}
    assert "token_check_busy" in codes
    assert codes <= {"token_check_busy", "token_inactive", "token_issuer_unavailable"}


def test_a_flood_from_one_address_waits_and_leaves_a_place_to_everybody_else(rig: DoorRig) -> None:
    rig.api = {"opaque": True}
    rig.accept()
    rig.idp.misbehaviour = Misbehaviour(faults={"introspect": "slow"}, slow_seconds=0.02)
    good = rig.idp.programs.opaque("ada@example.com", API)

    async def crowd() -> tuple[list[object], object]:
        calls = [rig.enter(f"invented-{number}") for number in range(200)]
        *flood, user = await asyncio.gather(*calls, rig.enter(good, address="198.51.100.9"), return_exceptions=True)
        return flood, user

    flood, user = asyncio.run(crowd())
    limited = [each for each in flood if isinstance(each, RateLimited)]
    assert [getattr(each, "code", "") for each in flood if each not in limited] == ["token_inactive"] * 60
    assert all(1 <= each.retry_after <= 60 for each in limited)
    assert user.session.email == "ada@example.com"  # type: ignore[attr-defined]
    assert len(rig.idp.calls("/introspect")) == 61
    with pytest.raises(RateLimited):
        rig.run("one-more")
    assert rig.run(good).session.email == "ada@example.com"


def test_tokens_that_turn_out_good_are_not_counted_nor_are_those_that_nobody_can_judge(rig: DoorRig) -> None:
    rig.api = {"opaque": True}
    rig.accept()
    for number in range(70):
        assert rig.run(rig.idp.programs.opaque("ada@example.com", API, claims={"n": number}))
    rig.idp.misbehaviour = Misbehaviour(faults={"introspect": "error_503"})
    for number in range(70):
        with pytest.raises(ProviderError):
            rig.run(f"nobody-knows-{number}")


def test_the_cache_is_bounded_and_the_oldest_goes_first() -> None:
    cache = BearerCache(Clock(), limit=3)
    session: object = object()
    for number in range(5):
        known = Remembered(session, 0, float("inf"))  # type: ignore[arg-type]
        cache.put(token_digest(str(number)), known)
    assert len(cache) == 3
    assert cache.get(token_digest("1")) is None
    assert cache.get(token_digest("2")) is not None
    assert MAX_TOKENS == 10_000
