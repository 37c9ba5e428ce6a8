"""``python -m benchmarks.flood [--manager …] [--database …] [--packets N]``: what does an attack leave behind?

Twenty thousand bad packets of eight kinds from five thousand addresses, in two halves, against one real API server:
answers to sign-ins that nobody began, tokens of nobody, logout tokens and assertions without a signature, guessed
secrets, sign-ins that nobody finishes. Somebody uses the UI meanwhile. Counted are rows, log lines and memory; the exit
code is 1 where they follow the packets, or where anybody got in.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import create_engine, inspect, text

from benchmarks.databases import server_of
from benchmarks.flood_packets import ADDRESSES, API
from benchmarks.homes import ROOT, Home
from benchmarks.limits import Limit, judge
from benchmarks.servers import Server, ask_once, running
from benchmarks.stage import machine, say
from benchmarks.storm import DOCUMENT, Bystander, deployed
from benchmarks.storm_people import Browser, percentile, subject_of
from tests.unit.providers.saml.making import IDP, idp_metadata

LOGIN = "/auth/login/oidc"
QUIET = 65.0
"""Seconds after which the windows of the audit have told their counts."""

MOST_ROWS = MOST_LINES = 0.05
"""Of the packets."""

MOST_GROWTH = 12.0
"""MB by which the second half may grow what the first half left."""


@dataclass(frozen=True)
class Traces:
    """What is there at a moment.

    :param rows: by table
    :param lines: of the server's log, by what they say
    :param memory: proportional set size of the server, MB
    """

    rows: Mapping[str, int]
    lines: Counter[str]
    memory: float


class Loud(Home):
    """A home that logs as Airflow does by default."""

    def environment(self, *, far: bool = False) -> dict[str, str]:
        return super().environment(far=far) | {"AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO"}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.flood", description="What does an attack leave behind?")
    parser.add_argument("--manager", choices=("ours", "FAB-mode"), default="ours")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--packets", type=int, default=20_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="airflow-oidc-auth-flood-") as folder:
        metadata = Path(folder) / "corp.xml"
        metadata.write_bytes(idp_metadata())
        with server_of(options.database, Path(folder)) as url:
            home = Loud(options.manager, Path(folder) / "home", "", url)
            with (
                deployed(home, 1, document=_document(metadata)) as issuer,
                running(home, "--proxy-headers") as server,
            ):
                limits = list(_attack(home, server, issuer, options))
    print()
    return judge(limits)


def _document(metadata: Path) -> str:
    """Return the document of the storm, with all doors that can be knocked at, and ``issuer`` to fill in."""
    saml = f"  corp: {{{{preset: saml, issuer: '{IDP}', metadata_file: {metadata}, subject_attribute: uid}}}}"
    api = f"api: {{{{audience: '{API}', opaque: true}}}},"
    return DOCUMENT.replace("client_id: airflow,", f"client_id: airflow, {api}").replace("grants:", f"{saml}\ngrants:")


def _attack(home: Home, server: Server, issuer: str, options: argparse.Namespace) -> Iterator[Limit]:
    packets = options.packets
    early = Browser(f"http://127.0.0.1:{server.port}", "198.51.100.1")
    early.sign_in(subject_of(0), LOGIN)
    # Imports, caches of statements, the first of each kind: not what a flood costs.
    _send(server.port, issuer, 10 * packets, packets // 10)
    before, half = _traces(home, server), packets // 2
    with Bystander(server.port, f"_token={early.cookies['_token']}").asking() as bystander:
        said = Counter(_send(server.port, issuer, 0, half))
        middle = _traces(home, server)
        say(f"first half: {middle.memory - before.memory:+.1f} MB")
        said += Counter(_send(server.port, issuer, half, packets - half))
        after = _traces(home, server)
    say("waiting for the last counts of the audit")
    time.sleep(QUIET)
    _send(server.port, issuer, 20 * packets, 16)  # whoever comes next brings them out
    last = _traces(home, server)
    limited = _one_address(server)
    print(f"\n{machine(options.database)}, {home.manager}, {packets:,} packets of {ADDRESSES:,} addresses\n")
    _tell(said, before, last)
    print(f"one address that begins 400 sign-ins: {limited}")
    waits = [wait for each in bystander.waits.values() for wait in each]
    print(f"others meanwhile: slowest 1 % {percentile(waits, 0.99):.2f} s, longest {max(waits):.2f} s")
    grown = middle.memory - before.memory, after.memory - middle.memory
    print(f"memory: {before.memory:.0f} MB, {grown[0]:+.1f}, {grown[1]:+.1f}\n")
    rows, lines = _more(last.rows, before.rows), _more(last.lines, before.lines)
    yield Limit("packets that were answered as if they were good", float(_good(said)), most=0)
    yield Limit("errors that others saw", float(bystander.errors), most=0)
    yield Limit("rows for each packet", rows / packets, most=MOST_ROWS)
    yield Limit("log lines for each packet, access log apart", lines / packets, most=MOST_LINES)
    yield Limit("MB that the second half adds", grown[1], most=MOST_GROWTH)


def _send(port: int, issuer: str, first: int, count: int) -> dict[str, int]:
    """Return how often each kind got each answer."""
    command = [sys.executable, "-m", "benchmarks.flood_packets", str(port), issuer, str(first), str(count)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    found = json.loads(done.stdout)
    return {f"{kind}: {status}": count for kind, counts in found.items() for status, count in counts.items()}


def _good(said: Mapping[str, int]) -> int:
    """Count answers that open something: a sign-in that begins is none."""
    return sum(count for what, count in said.items() if ": 2" in what) + sum(
        count for what, count in said.items() if ": 3" in what and not what.startswith("sign_in_begun")
    )


def _traces(home: Home, server: Server) -> Traces:
    engine = create_engine(home.database_url(far=False))
    with engine.connect() as connection:
        tables = [name for name in inspect(engine).get_table_names() if name == "log" or name.startswith("oidc_auth")]
        rows = {name: connection.execute(text(f'SELECT count(*) FROM "{name}"')).scalar_one() for name in tables}
    engine.dispose()
    log = (home.path / "api-server.log").read_text(encoding="utf-8", errors="replace")
    lines = Counter(_gist(line) for line in log.splitlines() if line.strip() and not _is_access(line))
    return Traces(rows, lines, server.memory())


def _is_access(line: str) -> bool:
    """Tell whether Airflow's own access log wrote this; it does so for each request, with any auth manager."""
    return "request finished" in line or '" 4' in line or '" 3' in line or '" 2' in line or '" 5' in line


def _gist(line: str) -> str:
    """Return what a line says without what differs: time, numbers, ids."""
    words = (word for word in line.split() if word.isalpha() or word.startswith("auth."))
    return " ".join(words)[:80]


def _more(after: Mapping[str, int], before: Mapping[str, int]) -> int:
    return sum(after.values()) - sum(before.values())


def _one_address(server: Server) -> str:
    """Begin four hundred sign-ins from one address, then one from another."""
    url, counts = f"http://127.0.0.1:{server.port}", Counter[int]()
    greedy = Browser(url, "203.0.113.9")
    for _ in range(400):
        counts[greedy.get(f"{url}{LOGIN}")[0]] += 1
    other = Browser(url, "203.0.113.10").get(f"{url}{LOGIN}")[0]
    version = ask_once(server.port, "/api/v2/version", patience=10)
    shown = ", ".join(f"{count} x {status}" for status, count in sorted(counts.items()))
    return f"{shown}; its other pages {version}; the address beside it {other}"


def _tell(said: Mapping[str, int], before: Traces, after: Traces) -> None:
    for what, count in sorted(said.items()):
        print(f"  {count:6} x {what}")
    for name, count in sorted(after.rows.items()):
        print(f"  {count - before.rows.get(name, 0):+6} rows in {name}")
    for gist, count in sorted(after.lines.items(), key=lambda each: -each[1])[:12]:
        if more := count - before.lines[gist]:
            print(f"  {more:+6} log lines like: {gist}")


if __name__ == "__main__":
    sys.exit(main())
