"""Two versions side by side, as during a rolling update: ``python -m benchmarks.two_versions [COMMIT …]``.

An API server of an older commit (by default the last one before the newest migration) and one of this tree on one
database, which this tree has migrated. People sign in on either, or begin on one and end on the other; every session is
asked for on both. Whatever one server grants the other may refuse, which is a clean sign-in; it may not grant more, and
nothing may end in an error of the server. Then the older one is started alone, as after a roll-back, and this tree
again after it. The older package is built and installed from its commit, with its own entry points.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

from benchmarks.homes import ROOT
from benchmarks.rig import ADA, ME, VICTOR, Browser, Rig
from tests.e2e.processes import wait_until

VERSIONS = "airflow_oidc_auth/sessions/migrations/versions"

NAMES = {ADA: "an administrator", VICTOR: "a viewer"}
CONNECTIONS = "/api/v2/connections"
CLEAN = {200, 401, 403}

Row = tuple[str, str, bool]


def git(*arguments: str) -> str:
    if shutil.which("git") is None:
        raise SystemExit("git is not installed: the older version is taken from the history")
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def before_the_newest_migration() -> str:
    newest = max(path.name for path in (ROOT / VERSIONS).glob("0*.py"))
    return git("log", "-1", "--diff-filter=A", "--format=%H^", "--", f"{VERSIONS}/{newest}")


def install(commit: str, folder: Path) -> Path:
    """Install the package of a commit, without what it needs, which is here; return the folder to import it from."""
    source = folder / "source"
    source.mkdir(parents=True)
    archive = subprocess.run(["git", "archive", commit], cwd=ROOT, check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", source], input=archive, check=True)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    done = subprocess.run([*command, "--target", folder / "installed", source], capture_output=True, check=False)
    # Without pip or hatchling the sources do, with this tree's entry points.
    if done.returncode:
        print(f"cannot install {commit}, its sources are used: {done.stderr.decode()[-300:]}", file=sys.stderr)
        return source
    return folder / "installed"


def sources(folder: Path) -> dict[str, str]:
    """Return the environment in which Python imports our package from this folder.

    :raises AssertionError: it comes from elsewhere, which would compare this tree with itself
    """
    more = {"PYTHONPATH": str(folder), "PYTHONSAFEPATH": "1"}  # the working folder, which is this tree, came first
    command = [sys.executable, "-c", "import airflow_oidc_auth as package; print(package.__file__)"]
    done = subprocess.run(command, env=os.environ | more, check=True, capture_output=True, text=True, cwd=ROOT)
    assert Path(done.stdout.strip()).is_relative_to(folder), done.stdout
    return more


class Pair:
    """The older and the newer server, by name."""

    def __init__(self, rig: Rig, older: Path) -> None:
        self.rig = rig
        self.ports = dict(zip(("older", "newer"), rig.ports, strict=True))
        self.source = sources(older)
        self.signed_in = 0
        rig.kill(self.ports["older"])
        rig.launch(self.ports["older"], **self.source)
        rig.wait_for(self.ports["older"])

    def sign_in(self, subject: str, begin: str, end: str) -> str:
        """Return the session's cookie."""
        browser = Browser(self.rig, self.ports[begin])
        url = browser.authenticate(subject)
        browser._base = f"http://localhost:{self.ports[end]}"
        done = browser.come_back(url)
        assert done.status_code in {302, 303}, f"{subject}, {begin} to {end}: {done.status_code} {done.text[:300]}"
        self.signed_in += 1
        return browser.cookie

    def ask(self, token: str, path: str) -> dict[str, int]:
        return {name: self.rig.ask(port, token, path).status_code for name, port in self.ports.items()}


def check_sign_ins(pair: Pair) -> Iterator[Row]:
    tokens = {}
    for subject, begin, end in product(NAMES, pair.ports, pair.ports):
        token = tokens[subject, begin, end] = pair.sign_in(subject, begin, end)
        known, secret = pair.ask(token, ME), pair.ask(token, CONNECTIONS)
        may = CLEAN if subject == ADA else {401, 403}
        fine = known[end] == 200 and set(known.values()) <= CLEAN and set(secret.values()) <= may
        yield (
            f"{NAMES[subject]} begins on the {begin}, ends on the {end}",
            f"session {known}, connections {secret}",
            fine,
        )
    yield from check_ends(pair, {end: tokens[ADA, end, end] for end in pair.ports})


def check_ends(pair: Pair, tokens: dict[str, str]) -> Iterator[Row]:
    for name, token in tokens.items():
        for path in ("/api/v2/auth/logout", "/auth/logout"):
            pair.rig.ask(pair.ports[name], token, path)
        wait_until(lambda token=token: set(pair.ask(token, ME).values()) == {401}, "the end on both", 30)
        yield f"signs out on the {name}", f"session {pair.ask(token, ME)}", True


def check_errors(pair: Pair) -> Row:
    log = pair.rig.airflow.home / "api-server.log"
    errors = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if "Traceback" in line]
    return "both servers' logs", f"{len(errors)} tracebacks", not errors


def check_roll_back(pair: Pair, older: Path) -> Iterator[Row]:
    """The older server starts again, alone, on the tables that the newer one has migrated."""
    airflow = pair.rig.airflow
    for command in (("db", "check-migrations", "--migration-wait-timeout", "2"), ("db", "migrate")):
        code = airflow.run(*command, **pair.source).returncode
        can = "is_ahead" in (older / "airflow_oidc_auth/sessions/db_manager.py").read_text(encoding="utf-8")
        yield f"airflow {' '.join(command[:2])} of the older", f"exit code {code}", code == 0 or not can
    for port in pair.ports.values():
        pair.rig.kill(port)
    pair.rig.launch(pair.ports["older"], **pair.source)
    pair.rig.wait_for(pair.ports["older"])
    token = pair.sign_in(ADA, "older", "older")
    status = pair.rig.ask(pair.ports["older"], token, ME).status_code
    yield "the older alone, rolled back to", f"session {status}", status == 200
    yield from check_forward(pair, token)


def check_forward(pair: Pair, token: str) -> Iterator[Row]:
    """This tree starts again after the older one, with the sessions that the older one opened.

    :param token: of such a session
    """
    rig, port = pair.rig, pair.ports["newer"]
    rig.kill(pair.ports["older"])
    code = rig.airflow.run("db", "migrate").returncode
    yield "airflow db migrate of the newer, forward again", f"exit code {code}", code == 0
    rig.launch(port)
    rig.wait_for(port)
    kept = rig.ask(port, token, ME).status_code
    yield "a session that the rolled-back server opened", f"session {kept} on the newer", kept == 200
    new = pair.sign_in(VICTOR, "newer", "newer")
    status = rig.ask(port, new, ME).status_code
    yield "a sign-in, forward again", f"session {status}", status == 200
    rows = rig.rows("SELECT count(*) FROM log WHERE event = 'auth.login'")[0][0]
    yield "audit rows of all these sign-ins", str(rows), rows == pair.signed_in


def main(commits: Sequence[str]) -> int:
    return max([run(commit) for commit in commits or [before_the_newest_migration()]])


def run(commit: str) -> int:
    commit = git("rev-parse", "--short", commit)
    print(f"\nolder: {commit}, newer: this tree\n\n| what | seen | fine |\n|---|---|---|", flush=True)
    fine = True
    with tempfile.TemporaryDirectory(prefix="oidc-auth-versions-") as folder:
        older = install(commit, Path(folder) / "older")
        rig = Rig(Path(folder))
        try:
            rig.start()
            for row in check(Pair(rig, older), older):
                print(f"| {row[0]} | {row[1]} | {'yes' if row[2] else 'NO'} |", flush=True)
                fine = fine and row[2]
        finally:
            rig.stop()
    return 0 if fine else 1


def check(pair: Pair, older: Path) -> Iterator[Row]:
    yield from check_sign_ins(pair)
    yield check_errors(pair)
    yield from check_roll_back(pair, older)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
