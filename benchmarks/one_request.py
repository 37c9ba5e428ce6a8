"""Measure a request in a process that has seen many sessions: ``python -m benchmarks.one_request SESSIONS``.

A round for each line of input: the token's user, a decision, the note of activity. Prints ``found`` and seconds.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
from dataclasses import replace
from time import perf_counter

from airflow.api_fastapi.auth.managers.models.resource_details import DagDetails

from benchmarks.subjects import SUBJECTS, Subject

REQUESTS = 2_000
DAG = DagDetails(id="team_1_pipeline_1")


async def request(subject: Subject, token: str) -> None:
    manager = subject.manager
    user = await manager.get_user_from_token(token)
    manager.is_authorized_dag(method="GET", user=user, details=DAG)
    manager.engine.note_request(user.session.id, "/api/v2/dags", "GET", navigation=False)


async def fill(subject: Subject, count: int) -> None:
    """Let others use their sessions, as if each had been read here, and some of them end."""
    engine = subject.manager.engine
    for _ in range(count):
        other = replace(subject.user.session, id=secrets.token_urlsafe(16))
        engine.live._cache.put(other)
        await request(subject, engine.tokens.issue(other))
    engine._care.requests.hand_over()
    expires_at = subject.user.session.expires_at
    # At least one: where no token was ever revoked, nothing is looked up.
    for _ in range(max(1, count // 10)):
        engine.live.feed.note_session(secrets.token_urlsafe(16), expires_at=expires_at)
        engine.live.feed.note_token(secrets.token_hex(16), expires_at=expires_at)


async def main(sessions: int) -> None:
    async with SUBJECTS["ours"]() as subject:
        await fill(subject, sessions - 1)
        token = subject.mint()
        await request(subject, token)
        print("found 0", flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            begun = perf_counter()
            for _ in range(REQUESTS):
                await request(subject, token)
            print(f"found {(perf_counter() - begun) / REQUESTS}", flush=True)
            subject.manager.engine._care.requests.hand_over()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
