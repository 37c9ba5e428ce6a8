"""What the import of our auth managers costs beyond Airflow's own: ``python -m benchmarks.imports``.

Every component of Airflow imports the class that ``[core] auth_manager`` names. The CPU time of that import in a fresh
interpreter that has imported what asks for it (``airflow.api_fastapi.app``; in FAB mode FAB's own auth manager, too),
with compiled files as pip leaves them. The least of several turns: other work only ever adds.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.homes import ROOT

TURNS = 5
MOST_MS = 50.0
SCRIPT = """
import importlib, sys, time
for name in {before!r}:
    importlib.import_module(name)
known, begun = set(sys.modules), time.process_time()
importlib.import_module({module!r})
spent = time.process_time() - begun
print("SPENT", spent * 1000, len([name for name in sys.modules if name not in known]))
"""
SEAM = "airflow.api_fastapi.app"


@dataclass(frozen=True)
class Import:
    """One import, and what was imported before it."""

    label: str
    module: str
    before: tuple[str, ...]
    most_ms: float | None = None


IMPORTS = (
    Import("Airflow's auth manager seam, of nothing", SEAM, ()),
    Import("OidcAuthManager", "airflow_oidc_auth.managers.native", (SEAM,), MOST_MS),
    Import(
        "OidcFabAuthManager",
        "airflow_oidc_auth.managers.fab",
        (SEAM, "airflow.providers.fab.auth_manager.fab_auth_manager"),
        MOST_MS,
    ),
)


def measure(each: Import, home: Path) -> tuple[float, int]:
    """Return the least CPU time in milliseconds, and how many modules came."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environ = kept | {
        "AIRFLOW_HOME": str(home),
        "PYTHONPATH": str(ROOT),
        "PYTHONPYCACHEPREFIX": str(home / "compiled"),
        "PYTHONWARNINGS": "ignore",
    }
    command = [sys.executable, "-c", SCRIPT.format(before=each.before, module=each.module)]
    found = []
    for _ in range(TURNS + 1):  # the first one compiles
        done = subprocess.run(command, cwd=home, env=environ, capture_output=True, text=True, check=True)
        (line,) = (line for line in done.stdout.splitlines() if line.startswith("SPENT"))
        found.append((float(line.split()[1]), int(line.split()[2])))
    return min(found[1:])


def main() -> int:
    slow = []
    print("| import | CPU | modules | wanted |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="oidc-auth-imports-") as folder:
        for each in IMPORTS:
            spent, modules = measure(each, Path(folder))
            wanted = f"{each.most_ms:.0f} ms" if each.most_ms else ""
            print(f"| {each.label} | {spent:.0f} ms | {modules} | {wanted} |", flush=True)
            if each.most_ms and spent > each.most_ms:
                slow.append(each.label)
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
