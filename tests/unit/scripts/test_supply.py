"""Licences and vulnerabilities: what is found, what is said, and what nobody could look at."""

from __future__ import annotations

from email.message import Message
from pathlib import Path

import pytest

LICENCE = "License :: OSI Approved :: "
RULES = """
allowed = ["MIT", "Apache-2.0"]
[words]
"MIT License" = "MIT"
[accepted.odd]
licence = "GPL-2.0-or-later"
reason = "read by a person"
"""


def part(script, name: str = "some", **fields: str | list[str]):
    metadata = Message()
    for field, value in fields.items():
        for each in [value] if isinstance(value, str) else value:
            metadata[field.replace("_", "-")] = each
    return script("closure").Part(name, "1.0", metadata, frozenset())


@pytest.mark.parametrize(
    "fields, refused",
    [
        ({"License_Expression": "MIT"}, None),
        ({"License_Expression": "GPL-3.0-only OR Apache-2.0"}, None),
        ({"License_Expression": "MIT AND GPL-3.0-only"}, "MIT AND GPL-3.0-only"),
        ({"License_Expression": "(MIT)"}, "(MIT)"),
        ({"Classifier": LICENCE + "MIT License"}, None),
        ({"Classifier": [LICENCE + "MIT License", LICENCE + "Sleepycat"]}, "MIT AND Sleepycat"),
        ({"Classifier": ["License :: OSI Approved", LICENCE + "MIT License"]}, None),
        ({"License": "MIT"}, None),
        ({"License": "free for friends"}, "free for friends"),
        ({"License": "MIT", "Classifier": LICENCE + "Sleepycat"}, "Sleepycat"),
        ({}, ""),
        ({"name": "odd", "License_Expression": "GPL-2.0-or-later"}, None),
    ],
)
def test_a_licence_that_is_not_on_the_list_is_refused(script, tmp_path: Path, fields, refused) -> None:
    path = tmp_path / "licences.toml"
    path.write_text(RULES, encoding="utf-8")
    found = part(script, **fields)
    told = script("licences").find_refused({found.name: found}, script("licences").read_rules(path))
    assert told == ({} if refused is None else {found.name: refused})


def test_whoever_excepts_a_licence_says_why(script, tmp_path: Path) -> None:
    path = tmp_path / "licences.toml"
    path.write_text(RULES.replace("read by a person", ""), encoding="utf-8")
    with pytest.raises(ValueError, match="odd needs a reason"):
        script("licences").read_rules(path)


def test_all_that_comes_with_this_package_is_locked_and_may_come(script) -> None:
    closure, supply = script("closure"), script("supply")
    parts = closure.closure()
    assert {"apache-airflow-core", "apache-airflow-providers-fab", "lxml", "redis"} <= set(parts)
    assert script("licences").find_refused(parts, supply._rules()) == {}
    pinned = {name for name, _ in closure.read_hashes(supply.LOCK)}
    assert set(parts) - pinned == {"airflow-oidc-auth"}


@pytest.mark.parametrize("name", ["airflow-3.3.0.txt", "bootstrap.txt", "demo.txt", "dev.txt"])
def test_every_locked_version_has_hashes(script, name: str) -> None:
    hashes = script("closure").read_hashes(script("supply").REQUIREMENTS / name)
    assert hashes
    assert [pin for pin, known in hashes.items() if not known] == []


REPORT = {
    "dependencies": [
        {"name": "a", "version": "1", "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["2"]}]},
        {"name": "b", "skip_reason": "nobody knows it"},
        {"name": "c", "version": "1", "vulns": []},
    ]
}


@pytest.mark.parametrize("name", ["PYSEC-1", "CVE-1"])
def test_a_vulnerability_is_accepted_by_any_of_its_names(script, name: str) -> None:
    found = script("vulnerabilities").judge(REPORT, {name: "why", "CVE-0": "long gone"})
    assert (found.open, found.unasked, found.needless) == ((), ("b",), ("CVE-0",))
    assert [(each.package, reason) for each, reason in found.accepted] == [("a", "why")]


@pytest.mark.parametrize("entry", ['reason = "why"', "date = 2026-11-22", 'reason = ""\ndate = 2026-11-22'])
def test_whoever_accepts_a_vulnerability_says_why_and_since_when(script, tmp_path: Path, entry: str) -> None:
    path = tmp_path / "accepted.toml"
    path.write_text(f"[CVE-1]\n{entry}\n", encoding="utf-8")
    with pytest.raises(ValueError, match="CVE-1 needs a reason and a date"):
        script("vulnerabilities").read_accepted(path)


def test_a_new_vulnerability_is_told_with_how_to_go_on(script, capsys) -> None:
    supply = script("supply")
    with pytest.raises(script("console").Stop, match=r"(?s)a 1: PYSEC-1, CVE-1; fixed in 2.*\[PYSEC-1\]\n.*reason"):
        supply._tell(script("vulnerabilities").judge(REPORT, {}), total=3)
    assert "2 of 3 locked packages audited" in capsys.readouterr().out


def answer_with(script, monkeypatch, text: str) -> None:
    run = script("vulnerabilities").subprocess.run
    fake = ["printf", "%s", text]
    monkeypatch.setattr(script("vulnerabilities").subprocess, "run", lambda command, **options: run(fake, **options))


@pytest.mark.parametrize(
    "text",
    [
        '{"dependencies": [{"name": "requests", "skip_reason": "not found"}]}',
        '{"dependencies": [{"name": "requests", "version": "2.19.1", "vulns": []}]}',
        "no network",
    ],
)
def test_an_index_that_does_not_know_the_best_known_vulnerability_audits_nothing(
    script, monkeypatch, capsys, text: str
) -> None:
    """pip-audit itself says "no known vulnerabilities" and ends with 0."""
    answer_with(script, monkeypatch, text)
    script("supply")._audit()
    assert "NOT AUDITED" in capsys.readouterr().out
