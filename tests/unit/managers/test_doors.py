"""Cookies, our own tokens and identity providers' tokens are told apart, and by nothing that a caller can choose."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from jwt import InvalidTokenError

from airflow_oidc_auth.errors import SessionError, TokenRefused
from airflow_oidc_auth.testing import Program, ProofKey
from airflow_oidc_auth.web.api_call import CALL, DPOP
from tests.unit.login.rig import BASE_URL
from tests.unit.managers.door_rig import ME, DoorRig, door_rig, make_call

KEY = ProofKey()


@pytest.fixture
def rig() -> Iterator[DoorRig]:
    with door_rig() as rig:
        yield rig


def test_a_token_of_an_identity_provider_counts_in_the_header_only(rig: DoorRig) -> None:
    token = rig.token()
    with pytest.raises(InvalidTokenError):
        asyncio.run(rig.doors.user_of(token))
    assert rig.run(token).session.kind == "bearer"
    # Remembered or not: the cookie of another request of the same program, or of somebody whom it sent there.
    with pytest.raises(InvalidTokenError):
        asyncio.run(rig.doors.user_of(token))


def test_another_token_in_the_header_does_not_make_the_cookie_one(rig: DoorRig) -> None:
    token = rig.token()
    CALL.set(make_call("another"))
    try:
        with pytest.raises(InvalidTokenError):
            asyncio.run(rig.doors.user_of(token))
    finally:
        CALL.set(None)


def test_a_token_of_nobody_is_left_to_airflow(rig: DoorRig) -> None:
    with pytest.raises(InvalidTokenError):
        rig.run("e30.e30.e30")


def test_nobody_gets_in_while_revocations_are_stale(rig: DoorRig) -> None:
    token = rig.token()
    rig.run(token)
    rig.stale_for = 31.0
    for each in (token, rig.token()):
        with pytest.raises(SessionError, match="revocations_stale"):
            rig.run(each)


def test_a_proof_counts_for_one_call_however_often_that_asks(rig: DoorRig) -> None:
    token = rig.token(program=Program(jkt=KEY.jkt))
    call = make_call(token, DPOP, {"DPoP": KEY.prove("GET", BASE_URL + ME, token)})

    async def ask(times: int) -> None:
        CALL.set(call)
        for _ in range(times):
            await rig.doors.user_of(token)

    asyncio.run(ask(3))
    other = make_call(token, DPOP, {"DPoP": call.proofs[0]})

    async def replay() -> None:
        CALL.set(other)
        await rig.doors.user_of(token)

    with pytest.raises(TokenRefused, match="dpop_replayed"):
        asyncio.run(replay())


def test_a_call_tells_who_acts_for_whom(rig: DoorRig) -> None:
    token = rig.token(program=Program("agent-app", actors=("agent", "orchestrator")))
    call = make_call(token)

    async def ask() -> None:
        CALL.set(call)
        await rig.doors.user_of(token)

    asyncio.run(ask())
    assert (call.kind, call.client_id, call.actors) == ("bearer", "agent-app", ("agent", "orchestrator"))
    assert call.session_ref.startswith("bearer.")
    assert token not in repr(call)
