"""``python -m tests.fuzz id_token --seconds 60``: look for inputs that break a parser, guided by coverage (atheris).

Begins with what is kept. Finds that reach new code stay in ``.cache/fuzz/`` and are where the next run goes on;
``--keep`` takes the smallest set of them that reaches it into the corpus. An input that breaks something is written
into the corpus at once: from then on the tests fail until that is mended.
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

from tests.fuzz import HARNESSES

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / ".cache" / "fuzz"
KEPT = 64
"""Files of a harness that are kept at most."""
# Not PyYAML: each of its scanner's branches was looked at for seven times the cost, and it is not ours.
INSTRUMENTED = ["airflow_oidc_auth", "joserfc.jws", "joserfc.jwk", "joserfc._rfc7517", "joserfc._rfc7518"]


def main() -> int:
    """Fuzz each harness that is named in a process of its own; return 1 if one of them broke."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("harness", nargs="+", choices=("all", *HARNESSES))
    parser.add_argument("--seconds", type=int, default=60, help="for each harness; 60 unless told")
    parser.add_argument("--keep", action="store_true", help="take what reaches new code into the corpus")
    options = parser.parse_args()
    names = HARNESSES if "all" in options.harness else options.harness
    broken = [name for name in names if not _fuzz(name, options.seconds)]
    if options.keep:
        for name in names:
            _keep(name)
    print(f"{len(names) - len(broken)} of {len(names)} harnesses passed" + (f"; broken: {broken}" if broken else ""))
    return 1 if broken else 0


def _fuzz(name: str, seconds: int) -> bool:
    from tests.fuzz.harness import CORPUS

    found, crashes = WORK / name, WORK / "crashes" / name
    for folder in (found, crashes):
        folder.mkdir(parents=True, exist_ok=True)
    began, before = time.monotonic(), len(list(found.iterdir()))
    arguments = [f"-max_total_time={seconds}", f"-artifact_prefix={crashes}/", "-timeout=30", "-rss_limit_mb=3000"]
    code, log = _run_child(name, [*arguments, str(found), str(CORPUS / name)])
    for crash in [path for path in crashes.iterdir() if path.name.startswith(("crash-", "timeout-", "oom-"))]:
        kept = CORPUS / name / crash.name[:18]
        kept.write_bytes(crash.read_bytes())
        print(f"  {name}: {kept.relative_to(ROOT)} breaks it; {log.relative_to(ROOT)} says how")
        crash.unlink()
    runs = next((line.split()[1] for line in reversed(_lines(log)) if line.startswith("Done ")), "?")
    grown = len(list(found.iterdir())) - before
    told = f"{runs:>9} runs, {time.monotonic() - began:.0f} s, {grown} finds"
    print(f"{'ok    ' if code == 0 else 'BROKEN'} {name:16} {told}", flush=True)
    return code == 0


def _keep(name: str) -> None:
    """Let libFuzzer choose the inputs that reach, together, what all of them reach."""
    from tests.fuzz.harness import CORPUS

    kept, chosen = CORPUS / name, WORK / f"{name}.chosen"
    chosen.mkdir(parents=True, exist_ok=True)
    for path in chosen.iterdir():
        path.unlink()
    folders = [str(chosen), str(kept), str(WORK / name)]
    _run_child(name, ["-set_cover_merge=1", "-use_counters=0", *folders])
    room = KEPT - len(list(kept.iterdir()))
    known = {path.read_bytes() for path in kept.iterdir()}
    fresh = [path for path in chosen.iterdir() if path.read_bytes() not in known]
    for path in sorted(fresh, key=lambda each: each.stat().st_size)[: max(0, room)]:
        (kept / f"found-{path.name[:10]}").write_bytes(path.read_bytes())
    print(f"{name}: {len(fresh)} finds, {len(list(kept.iterdir()))} files are kept")


def _run_child(name: str, arguments: Sequence[str]) -> tuple[int, Path]:
    log, temporary = WORK / f"{name}.log", WORK / "tmp" / name
    temporary.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-W", "ignore", "-m", "tests.fuzz.child", name, *arguments]
    with log.open("wb") as output:
        environ = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)}
        done = subprocess.run(command, cwd=ROOT, env=environ, stdout=output, stderr=output, check=False)
    shutil.rmtree(temporary)  # libFuzzer ends without any tidying up
    return done.returncode, log


def _lines(log: Path) -> list[str]:
    return log.read_text(encoding="utf-8", errors="replace").splitlines()


if __name__ == "__main__":
    sys.exit(main())
