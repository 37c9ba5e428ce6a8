"""Re-check many sessions on a real PostgreSQL against an IdP in another process: CPU and memory of our part."""

from __future__ import annotations

import base64
import gc
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil
import requests
from sqlalchemy import text

from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.providers.oidc import OidcProvider
from airflow_oidc_auth.providers.provider import HeldTokens, SignIn
from airflow_oidc_auth.providers.registry import build_provider
from airflow_oidc_auth.secret import Secret
from airflow_oidc_auth.sessions.live import LiveSessions
from airflow_oidc_auth.sessions.recheck import Rechecker
from airflow_oidc_auth.sessions.recheck_report import RecheckRules
from airflow_oidc_auth.sessions.session import Opening
from benchmarks.homes import ROOT
from benchmarks.rig import Postgres
from tests.storage.backends import build_engine, database_backend
from tests.storage.people import ADMIN, HOUR
from tests.storage.rotating_idp import Report, judge
from tests.unit.providers.making import CLIENT, CLIENT_SECRET, make_settings

EVERY = 300
SAMPLES = 1_000
MB = 2**20


@contextmanager
def _idp() -> Iterator[tuple[str, str]]:
    command = [sys.executable, "-m", "benchmarks.refresh_stub"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        issuer, id_token = process.stdout.readline().split()
        yield issuer, id_token
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


def measure_rechecks(count: int) -> None:
    database = Postgres()
    try:
        database.start()
        with _idp() as (issuer, id_token):
            _measure(database, issuer, id_token, count)
    finally:
        database.remove()


def _measure(database: Postgres, issuer: str, id_token: str, count: int) -> None:
    provider = build_provider(make_settings(issuer=issuer))
    known, bare = _who(issuer, id_token), requests.Session()
    tokens = HeldTokens(Secret(id_token), Secret("r"))
    confirm = _cpu(SAMPLES, lambda: provider.confirm(tokens, known))
    form = {"grant_type": "refresh_token", "refresh_token": "r"}
    call = _cpu(SAMPLES, lambda: bare.post(f"{issuer}/token", form, auth=(CLIENT, CLIENT_SECRET), timeout=10).json())
    engine = build_engine(database.url)
    store = database_backend("postgresql", engine).new_store()
    _open(store, SignIn(known, Secret(id_token), Secret("r")), count)
    with engine.begin() as connection:
        connection.execute(text("UPDATE oidc_auth_session SET seen_at = :now"), {"now": int(time.time())})
    whole, grown, results = _recheck(store, provider, count)
    engine.dispose()
    share = whole * count / EVERY
    print(
        f"{count:,} re-checks: {dict(results)}; CPU {whole * 1e3:.2f} ms each, of it {confirm * 1e3:.2f} ms the IdP's "
        f"answer; a bare refresh call {call * 1e3:.2f} ms, ratio {whole / call:.1f}; every {EVERY} s that is "
        f"{share:.0%} of a core; memory +{grown:.0f} MB"
    )


def _recheck(store, provider: OidcProvider, count: int) -> tuple[float, float, Counter[str]]:
    report, rules = Report(), RecheckRules(EVERY, {"fake": provider}, judge)
    live = LiveSessions(store)
    rechecker = Rechecker(live, lambda: rules, report)
    process = psutil.Process()
    gc.collect()
    memory, most, begun = process.memory_info().rss, 0, time.process_time()
    while len(report.results) < count:
        if not rechecker.look():
            break
        rechecker.wait()
        most = max(most, process.memory_info().rss)
    cpu = time.process_time() - begun
    rechecker.stop()
    live.stop()
    return cpu / max(1, len(report.results)), (most - memory) / MB, Counter(report.results)


def _open(store, signed_in: SignIn, count: int) -> None:
    now = int(time.time())
    opening = Opening(check_due_at=now - 1)
    for _ in range(count):
        store.open(signed_in, ADMIN, now=now, expires_at=now + 3 * HOUR, client_address=None, opening=opening)


def _who(issuer: str, id_token: str) -> Identity:
    part = id_token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    about = claims["sub"], claims["name"], claims["email"], True
    return Identity("fake", issuer, *about, frozenset(claims["groups"]), claims)


def _cpu(times: int, act: Callable[[], object]) -> float:
    act()
    begun = time.process_time()
    for _ in range(times):
        act()
    return (time.process_time() - begun) / times
