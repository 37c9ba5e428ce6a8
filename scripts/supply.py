#!/usr/bin/env python3
"""What comes with this package: ``scripts/supply.py licences|audit|sbom FILE``, by the Python of ``.venv-dev``.

``licences`` and ``sbom`` read what is installed; ``audit`` asks the index that pip is configured for.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import vulnerabilities
from closure import closure, read_hashes
from console import Stop
from licences import Rules, find_refused, licence_of, read_rules

REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements"
LOCK = REQUIREMENTS / "dev.txt"
LICENCES = REQUIREMENTS / "licences.toml"
ACCEPTED = REQUIREMENTS / "accepted-vulnerabilities.toml"


def main() -> int:
    """Do what is asked for; return 0 if there is nothing to object to."""
    parser = argparse.ArgumentParser(prog="scripts/supply.py", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("licences", help="refuse licences that are not on the list")
    commands.add_parser("audit", help="look for known vulnerabilities of locked versions")
    commands.add_parser("sbom", help="write the bill of materials").add_argument("file", type=Path)
    options = parser.parse_args()
    try:
        if options.command == "sbom":
            _write_sbom(options.file)
        elif options.command == "licences":
            _check_licences()
        else:
            _audit()
    except Stop as stop:
        print(stop, file=sys.stderr)
        return stop.code
    return 0


def _rules() -> Rules:
    return read_rules(LICENCES)


def _check_licences() -> None:
    parts = closure()
    if refused := find_refused(parts, _rules()):
        lines = [f"  {name} {parts[name].version}: {licence or 'says nothing'}" for name, licence in refused.items()]
        raise Stop("\n".join(["Licences that are not on the list of requirements/licences.toml:", *lines]))
    print(f"{len(parts)} packages, all with a licence of the list")


def _write_sbom(file: Path) -> None:
    from sbom import build_sbom

    rules = _rules()
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
    parts = closure()
    text = build_sbom(parts, read_hashes(LOCK), lambda part: licence_of(part, rules), epoch=epoch)
    file.write_text(text, encoding="utf-8")
    print(f"{file.name}: {len(parts)} packages")


def _audit() -> None:
    accepted = vulnerabilities.read_accepted(ACCEPTED)
    if not vulnerabilities.sees_vulnerabilities():
        print(
            "  ! NOT AUDITED: the package index that pip uses here tells of no vulnerabilities, not even of an old one"
        )
        print("    that everybody knows. Run `scripts/supply.py audit` where it does before a release.")
        return
    report = vulnerabilities.ask(LOCK, "--require-hashes")
    if report is None:
        raise Stop("pip-audit gave no report on requirements/dev.txt; run it by hand to see why.")
    _tell(vulnerabilities.judge(report, accepted), total=len(report["dependencies"]))


def _tell(found: vulnerabilities.Findings, *, total: int) -> None:
    print(f"{total - len(found.unasked)} of {total} locked packages audited")
    for each, reason in found.accepted:
        print(f"  accepted: {each.package} {each.version} {each.names[0]}: {reason}")
    if found.unasked:
        print(f"  ! not audited: {', '.join(found.unasked)}")
    if found.needless:
        print(f"  ! accepted, and gone: {', '.join(found.needless)}; take it out of {ACCEPTED.name}")
    if not found.open:
        return
    lines = [
        f"  {each.package} {each.version}: {', '.join(each.names)}; fixed in {', '.join(each.fixed_in) or 'no version'}"
        for each in found.open
    ]
    how = (
        "They may have become known today, with nothing wrong in this change. `scripts/lock --upgrade-package NAME`\n"
        f"takes a fixed version. To live with one for now, write into requirements/{ACCEPTED.name}:\n\n"
        f'  [{found.open[0].names[0]}]\n  reason = "…"\n  date = YYYY-MM-DD\n'
    )
    raise Stop("\n".join(["Known vulnerabilities:", *lines, how]))


if __name__ == "__main__":
    sys.exit(main())
