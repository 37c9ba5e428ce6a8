"""Whether a locked version has a known vulnerability, asked of the index by pip-audit.

pip-audit reports "no known vulnerabilities" also where the index does not answer that question. So a version of which
everybody knows better is asked about first: only if it is found to be vulnerable, the rest means something.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomllib

CANARY = "requests==2.19.1\n"
"""Sends passwords to other hosts after a redirect (CVE-2018-18074)."""
PATIENCE_SECONDS = 300

Report = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Vulnerability:
    """One that a locked version has.

    :ivar names: its identifiers, the index's own first
    """

    package: str
    version: str
    names: tuple[str, ...]
    fixed_in: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Findings:
    """What a report says beside what was accepted.

    :ivar accepted: with the reason
    :ivar unasked: packages that nobody was asked about
    :ivar needless: identifiers that were accepted and are in no locked version any more
    """

    open: tuple[Vulnerability, ...]
    accepted: tuple[tuple[Vulnerability, str], ...]
    unasked: tuple[str, ...]
    needless: tuple[str, ...]


def read_accepted(path: Path) -> dict[str, str]:
    """Return why each identifier was accepted.

    :raises ValueError: an entry without reason or date
    """
    accepted = {}
    for name, entry in tomllib.loads(path.read_text(encoding="utf-8")).items():
        if not entry.get("reason") or not entry.get("date"):
            raise ValueError(f"{path.name}: {name} needs a reason and a date")
        accepted[name] = f"{entry['reason']} ({entry['date']})"
    return accepted


def judge(report: Report, accepted: Mapping[str, str]) -> Findings:
    """Hold pip-audit's report against what was accepted."""
    found = [each for entry in report["dependencies"] for each in _vulnerabilities(entry)]
    why = {each: next((accepted[name] for name in each.names if name in accepted), None) for each in found}
    present = {name for each in found for name in each.names}
    return Findings(
        open=tuple(each for each in found if why[each] is None),
        accepted=tuple((each, reason) for each, reason in why.items() if reason is not None),
        unasked=tuple(entry["name"] for entry in report["dependencies"] if "skip_reason" in entry),
        needless=tuple(sorted(accepted.keys() - present)),
    )


def ask(requirements: Path, *options: str) -> Report | None:
    """Return pip-audit's report on pinned requirements; None if it could not make one."""
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--progress-spinner", "off", "--format", "json"]
    command += [*options, "--requirement", str(requirements)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS)
        report: Report = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError):
        return None
    return report


def sees_vulnerabilities() -> bool:
    """Tell whether the index that is asked knows of vulnerabilities at all."""
    with tempfile.TemporaryDirectory() as folder:
        canary = Path(folder) / "canary.txt"
        canary.write_text(CANARY, encoding="utf-8")
        report = ask(canary, "--no-deps")
    return report is not None and bool(judge(report, {}).open)


def _vulnerabilities(entry: Mapping[str, Any]) -> Sequence[Vulnerability]:
    name, version = entry["name"], entry.get("version", "")
    return [
        Vulnerability(name, version, (each["id"], *each.get("aliases", ())), tuple(each.get("fix_versions", ())))
        for each in entry.get("vulns", ())
    ]
