"""Let a session be confirmed at the identity provider now."""

from __future__ import annotations

import time

from tests.contract.bearer import engine_of


def recheck_now(server, session_id: str) -> None:
    """Let the session's next check be due, and make it."""
    from airflow.utils.session import create_session
    from sqlalchemy import update

    from airflow_oidc_auth.sessions.models import sessions

    mine = update(sessions).where(sessions.c.id == session_id, sessions.c.check_due_at.is_not(None))
    with create_session(scoped=False) as transaction:
        changed = transaction.execute(mine.values(check_due_at=int(time.time()) - 1, seen_at=int(time.time())))
        assert changed.rowcount == 1
    rechecker = engine_of(server)._care._rechecker
    rechecker.look()
    rechecker.wait(10)


def session_id_of(server, browser) -> str:
    browser.get("/ui/auth/me")
    return engine_of(server).tokens.recall(browser.cookies["_token"]).session_id
