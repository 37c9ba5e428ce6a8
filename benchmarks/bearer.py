"""``python -m benchmarks.bearer [--rounds N]``: an access token at the door, beside joserfc's decode and validation.

Warm: the same token again. Cold: one that was never seen, through signature, claims, rules and session, in turns with
joserfc, which gets the same bytes and checks signature, issuer, audience and times; the owner is one whom rules and
audit know, as a program's next token has it. Then the memory of many tokens.
CPU time of the thread, so that other work on the machine counts less.
Runs in one process with the fake IdP on loopback; no Airflow server and no database.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import time
import tracemalloc
from collections.abc import Callable, Sequence
from statistics import median

from joserfc import jwt
from joserfc.jwk import KeySet

from airflow_oidc_auth.managers.bearer_cache import MAX_TOKENS
from airflow_oidc_auth.testing import FakeIdp, Program
from airflow_oidc_auth.web.api_call import CALL
from airflow_oidc_auth.web.middleware import AuthMiddleware
from tests.unit.managers.door_rig import API, ME, DoorRig, door_rig, make_call

COLD, WARM = 400, 20_000
WARM_LIMIT, COLD_LIMIT = 5.0, 1.3


def tokens(rig: DoorRig, count: int) -> list[str]:
    """Return tokens of one person and client, each with a jti of its own."""
    program = Program("ci-job", scope="read write")
    return [rig.token(program=program, lifetime=3600) for _ in range(count)]


def by_joserfc(rig: DoorRig) -> Callable[[str], object]:
    """Return what verifies as a program would that uses joserfc as its documentation says."""
    algorithm = rig.idp.keys.algorithm
    keys = KeySet.import_key_set({"keys": rig.idp.keys.public_keys()})  # type: ignore[arg-type]  # as published
    registry = jwt.JWTClaimsRegistry(
        leeway=60,
        iss={"essential": True, "value": rig.idp.issuer},
        aud={"essential": True, "value": API},
        exp={"essential": True},
        sub={"essential": True},
    )

    def verify(token: str) -> object:
        decoded = jwt.decode(token, keys, algorithms=[algorithm])
        registry.validate(decoded.claims)
        return decoded.claims

    return verify


async def ours(rig: DoorRig, token: str) -> float:
    """Return seconds, as core asks."""
    CALL.set(make_call(token))
    begun = time.thread_time()
    await rig.doors.user_of(token)
    return time.thread_time() - begun


def timed(function: Callable[[str], object], token: str) -> float:
    begun = time.thread_time()
    function(token)
    return time.thread_time() - begun


async def cold(rig: DoorRig, batch: Sequence[str]) -> list[tuple[float, float, float]]:
    """Return seconds for tokens that were never seen, each: at the door, by joserfc, verification alone.

    In turns for each token, as a server does: whoever runs alone in a loop has the processor's caches to itself.
    """
    issuer = rig.runtime.issuers.get("idp")
    assert issuer is not None
    verify = by_joserfc(rig)
    found: list[tuple[float, float, float]] = []
    for first, second in zip(batch[::2], batch[1::2], strict=True):
        found.append((await ours(rig, first), timed(verify, first), timed(issuer.verify_known, second)))
        timed(verify, second)
    return found


async def warm(rig: DoorRig, token: str) -> float:
    """Return seconds for the same token again, without what our middleware does before."""
    CALL.set(make_call(token))
    door = rig.doors
    await door.user_of(token)
    begun = time.thread_time()
    for _ in range(WARM):
        await door.user_of(token)
    return (time.thread_time() - begun) / WARM


async def through_middleware(token: str, *, header: bool) -> float:
    """Return seconds that our middleware takes for a request around an app that does nothing."""

    async def app(scope: object, receive: object, send: object) -> None:
        return

    middleware = AuthMiddleware(app, None)
    headers = [(b"host", b"airflow"), (b"accept", b"*/*"), (b"user-agent", b"program")]
    if header:
        headers.append((b"authorization", b"Bearer " + token.encode()))
    begun = time.thread_time()
    for _ in range(WARM):
        scope = {"type": "http", "method": "GET", "path": ME, "headers": headers, "query_string": b"", "root_path": ""}
        await middleware(scope, None, None)  # type: ignore[arg-type]  # nothing is sent
    return (time.thread_time() - begun) / WARM


def speed(algorithm: str, rounds: int) -> list[str]:
    """Return lines of the report."""
    with door_rig(FakeIdp(algorithm=algorithm)) as rig:
        colds: list[tuple[float, float, float]] = []
        warms = []
        for _ in range(rounds):
            batch = tokens(rig, COLD)
            colds.extend(asyncio.run(cold(rig, batch)))
            warms.append(asyncio.run(warm(rig, batch[0])))
        token = tokens(rig, 1)[0]
        with_token, without = (asyncio.run(through_middleware(token, header=header)) for header in (True, False))
    door, other, alone = (median(column) * 1e6 for column in zip(*colds, strict=True))
    # Of each turn: the clock of a shared processor changes between turns, and with it all three.
    whole, part = (median(each[place] / each[1] for each in colds) for place in (0, 2))
    return [
        f"{algorithm}, {len(token)} characters, never seen: {door:.1f} µs, joserfc {other:.1f} µs, "
        f"ratio {whole:.2f} (at most {COLD_LIMIT}); verification alone {alone:.1f} µs, ratio {part:.2f}",
        f"{algorithm}, just verified: {median(warms) * 1e6:.2f} µs (at most {WARM_LIMIT:.0f}); our middleware "
        f"{(with_token - without) * 1e6:.2f} µs more than for a request without a token",
    ]


async def enter_all(rig: DoorRig, batch: Sequence[str]) -> None:
    for token in batch:
        await ours(rig, token)


def memory(rig: DoorRig) -> list[float]:
    """Return MiB that are held after each tenthousand of distinct tokens; they themselves are not kept."""
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    held = []
    for _ in range(3):
        for _ in range(MAX_TOKENS // 500):
            asyncio.run(enter_all(rig, tokens(rig, 500)))
        gc.collect()
        held.append((tracemalloc.get_traced_memory()[0] - before) / 2**20)
    tracemalloc.stop()
    return held


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bearer")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--algorithms", nargs="+", default=["RS256", "ES256"])
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    for algorithm in options.algorithms:
        print("\n".join(speed(algorithm, options.rounds)), flush=True)
    with door_rig(FakeIdp(algorithm="ES256")) as rig:
        held = memory(rig)
        kept = len(rig.doors.bearer._cache)
    told = ", ".join(f"{each:.1f} MiB after {MAX_TOKENS * number:,}" for number, each in enumerate(held, 1))
    print(f"memory: {told} distinct tokens; {kept:,} remembered")


if __name__ == "__main__":
    main()
