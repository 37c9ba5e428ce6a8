#!/usr/bin/env python3
"""Check everything, as CI does: ``python3 scripts/test.py``. What follows ``--`` goes to pytest.

Lint, types, import contracts, documentation, licences and known vulnerabilities of what we need, the contract tests on
the oldest supported Airflow, then all tests.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from console import Stop
from environment import ROOT, environment

OLDEST = ["tests/contract", "tests/unit/managers"]
# What stands before Airflow, and is the same on every release of it, is tried on the newest.
SAME = ("conformance", "test_any_input.py", "test_no_secret_leaks.py", "test_floods.py")
# The walk through every address of core's is one through those of the newest.
SAME += ("test_team_attacks.py",)
OLDEST += [f"--ignore=tests/contract/{each}" for each in SAME]
# Some wait, for browsers and databases, while others work: three for two processors.
PARALLEL = ["-n", "3", "--dist", "loadgroup"]
# Once more, in plain sight: on a machine that stands still for a second a real server may miss a test's moment. The
# closing lines name what needed it; whatever fails twice fails.
PARALLEL += ["--reruns", "1", "-rsxXfER"]
GROUPS = ("lint", "types", "imports", "docs", "supply", "oldest", "tests")


def main() -> int:
    """Run the checks; return 0 if all of them passed."""
    parser = argparse.ArgumentParser(prog="scripts/test.py", description=__doc__)
    parser.add_argument("--only", choices=GROUPS, action="append", help="run only this; may be repeated")
    parser.add_argument("pytest", nargs="*", help="arguments for pytest, after --")
    options = parser.parse_args()
    try:
        return _check(options.only or list(GROUPS), options.pytest)
    except Stop as stop:
        print(f"\n{stop}", file=sys.stderr)
        return stop.code


def _check(groups: Sequence[str], pytest: Sequence[str]) -> int:
    python = environment(".venv-dev", "dev.txt", minimum=(3, 11))
    bin_ = python.parent
    failed: list[str] = []
    if "lint" in groups:
        failed += _run("lint", [bin_ / "ruff", "check", "."])
        failed += _run("format", [bin_ / "ruff", "format", "--check", "--quiet", "."])
    if "types" in groups:
        failed += _run("types", [bin_ / "mypy", "--no-error-summary"])
    if "imports" in groups:
        failed += _run("imports", [bin_ / "lint-imports"])
    if "docs" in groups:
        failed += _run("docs", [bin_ / "mkdocs", "build", "--strict", "--quiet", "--site-dir", ".cache/site"])
    if "supply" in groups:
        failed += _run("licences", [python, "scripts/supply.py", "licences"])
        failed += _run("vulnerabilities", [python, "scripts/supply.py", "audit"])
    if "oldest" in groups:
        oldest = environment(".venv-3.3.0", "airflow-3.3.0.txt", minimum=(3, 11))
        failed += _run("tests on Airflow 3.3.0", [oldest, "-m", "pytest", *PARALLEL, "-q", *OLDEST])
    _say_what_is_missing()
    if "tests" in groups:
        failed += _run("tests", [python, "-m", "pytest", *PARALLEL, *pytest])
    if failed and failed != ["tests"]:
        print(f"\nfailed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _run(name: str, command: Sequence[str | Path]) -> list[str]:
    """Run one check in the open; return its name if it failed."""
    print(f"\n── {name}", flush=True)
    began = time.monotonic()
    code = subprocess.run([str(part) for part in command], cwd=ROOT, env=_environ(), check=False).returncode
    if name != "tests":  # the last line stays pytest's
        print(f"── {name}: {'ok' if code == 0 else 'FAILED'} ({time.monotonic() - began:.0f} s)", flush=True)
    return [] if code == 0 else [name]


def _environ() -> dict[str, str]:
    """Return the environment without a trace of other Airflows."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    # Installed without bytecode: each of a hundred Airflow processes would compile Airflow anew.
    return kept | {"PYTHONPYCACHEPREFIX": str(ROOT / ".cache" / "pycache"), "NO_MKDOCS_2_WARNING": "1"}


def _say_what_is_missing() -> None:
    """Tests skip what is not installed; say so before, not after."""
    wanted = {
        "chromium": "end-to-end tests",
        "mariadbd": "storage tests on MariaDB",
        "php": "end-to-end tests of SAML",
        "redis-server": "tests of shared rate limits",
    }
    for program, purpose in wanted.items():
        if not shutil.which(program):
            print(f"  ! {program} is not installed: {purpose} are skipped", flush=True)


if __name__ == "__main__":
    sys.exit(main())
