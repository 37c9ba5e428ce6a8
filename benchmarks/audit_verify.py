"""How long a signed audit takes to verify, and how much memory: ``python -m benchmarks.audit_verify [--rows N]``.

Rows of several servers at once, in a database file of this run's own; memory is the growth of the process while it
verifies, once for a tenth of the rows and once for all of them.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.homes import ROOT

SERVERS = 4
BLOCK = 50
BATCH = 20_000
LIMIT_SECONDS = 60.0
# A tenth of the rows and all of them may differ by so much: caches, and the allocator.
LIMIT_GROWTH = 1.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--key", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        measure(args.worker, args.key)
        return
    figures = [run(rows) for rows in (args.rows // 10, args.rows)]
    (_, small), (seconds, large) = figures
    if seconds * 1_000_000 / args.rows > LIMIT_SECONDS or large > small * LIMIT_GROWTH + 20:
        raise SystemExit("slower than a minute for a million rows, or memory grows with the rows")


def run(rows: int) -> tuple[float, float]:
    """Fill a database and verify it in a process of its own; return seconds of a core and MB that it grew by."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'audit.db'}"
        command = [sys.executable, "-m", "benchmarks.audit_verify", "--worker", url, "--key", fill(url, rows)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        elapsed, seconds, megabytes = map(float, done.stdout.splitlines()[-1].split())
        print(f"{rows:>10,} rows verified in {elapsed:6.1f} s, {seconds:6.1f} s of one core, {megabytes:6.1f} MB")
        return seconds, megabytes


def fill(url: str, rows: int) -> str:
    """Write rows as servers do, some for each checkpoint; return the public key as JSON."""
    from airflow.models.log import Log
    from sqlalchemy import create_engine, insert
    from sqlalchemy.orm import Session

    from airflow_oidc_auth.audit.chain.row import Content, from_moment
    from airflow_oidc_auth.audit.chain.statement import read_statement
    from airflow_oidc_auth.audit.chain.writer import Chain
    from airflow_oidc_auth.audit.fields import dump_extra
    from airflow_oidc_auth.cli.audit_chain import new_salt
    from airflow_oidc_auth.sessions.audit_statements import insert_statement
    from airflow_oidc_auth.sessions.models import audit_statements
    from tests.storage.audit_rig import KEY
    from tests.unit.audit.records import LOGIN

    engine, extra = create_engine(url), dump_extra(LOGIN)
    for table in (Log.__table__, audit_statements):
        table.create(engine)
    chains = [Chain(f"{number:022d}", KEY, 0, new_salt) for number in range(SERVERS)]
    with Session(engine) as transaction:
        for chain in chains:
            insert_statement(transaction, read_statement(chain.genesis), chain.genesis)
        waiting = []
        for number in range(rows):
            chain = chains[number % SERVERS]
            sealed = chain.seal(Content(number * 1_000, "auth.login", "Ada Lovelace", extra))
            chain.settle(sealed.seq, written=True)
            owner = {"owner": "Ada Lovelace", "owner_display_name": "Ada Lovelace"}
            row = {"dttm": from_moment(sealed.moment), "event": "auth.login", **owner, "extra": sealed.extra}
            waiting.append(row)
            if chain.unsigned()[0] == BLOCK:
                draft = chain.draft(number)
                text = KEY.sign(draft)
                insert_statement(transaction, draft, text)
                chain.sign_off(draft, text)
            if len(waiting) == BATCH:
                transaction.execute(insert(Log.__table__), waiting)
                waiting = []
        if waiting:
            transaction.execute(insert(Log.__table__), waiting)
        transaction.commit()
    engine.dispose()
    return json.dumps(KEY.public)


def measure(url: str, key: str) -> None:
    """Verify; print elapsed seconds, seconds of a core, and the growth of memory."""
    from sqlalchemy import create_engine
    from sqlalchemy.orm import Session

    from airflow_oidc_auth.audit.chain.keys import TrustedKeys
    from airflow_oidc_auth.audit.chain.verify import verify
    from airflow_oidc_auth.cli.audit_table import DatabaseTrail

    engine = create_engine(url)
    with Session(engine) as transaction:
        before, begun, cpu = _peak(), time.perf_counter(), time.process_time()
        found = verify(DatabaseTrail(transaction), TrustedKeys([json.loads(key)]))
        elapsed, seconds, growth = time.perf_counter() - begun, time.process_time() - cpu, _peak() - before
    if found.findings:
        raise SystemExit(f"not intact: {found.findings.kept[:3]}")
    print(elapsed, seconds, growth)


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
