"""One API server's re-checks, as a process: reads simulated times from its input, looks, and answers when it is done.

``python recheck_server.py DATABASE_URL [kill]``; with ``kill`` it dies when the IdP has used up a refresh token and
nothing of it is stored yet.
"""

from __future__ import annotations

import json
import logging
import os
import random
import signal
import sys

from tests.storage.backends import KEYS, build_engine
from tests.storage.rotating_idp import Report, SharedRotatingIdp, rules_of


def main(url: str, dies: bool) -> None:
    """Serve until the input ends."""
    from sqlalchemy.orm import sessionmaker

    from airflow_oidc_auth.sessions.database import DatabaseSessionStore
    from airflow_oidc_auth.sessions.fernet import TokenCipher
    from airflow_oidc_auth.sessions.live import LiveSessions
    from airflow_oidc_auth.sessions.recheck import Rechecker

    engine = build_engine(url)
    idp, report, now = SharedRotatingIdp(engine), Report(), [0.0]
    if dies:
        idp.before_answer = lambda _: os.kill(os.getpid(), signal.SIGKILL)
    store = DatabaseSessionStore(TokenCipher(KEYS), transactions=sessionmaker(engine).begin)
    live = LiveSessions(store, clock=lambda: now[0], monotonic=lambda: now[0])
    rechecker = Rechecker(
        live, rules_of(idp), report, clock=lambda: now[0], monotonic=lambda: now[0], jitter=random.random
    )
    print("answer {}", flush=True)
    for line in sys.stdin:
        now[0] = float(line)
        rechecker.look()
        rechecker.wait()
        told = {"asked": len(idp.asked), "ended": [ended.session.subject for ended, _, _ in report.ends]}
        print(f"answer {json.dumps(told)}", flush=True)
    rechecker.stop()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    main(sys.argv[1], "kill" in sys.argv[2:])
