"""What ``airflow oidc check`` found, as text and JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from airflow_oidc_auth.cli.command import ExitCode, problem_data
from airflow_oidc_auth.cli.text import INDENT, SUGGESTION, count, problem_rows, section, table
from airflow_oidc_auth.errors import Problem
from airflow_oidc_auth.providers.provider import Finding

AUDIENCE = "audience"
_WORDS = {"ok": "ok", "warning": "warning", "error": "ERROR"}


@dataclass(frozen=True, slots=True)
class Address:
    """One of our addresses, for somebody to register at a provider.

    :param key: its name in JSON
    :param url: empty without a base URL, or where there is nothing to register
    """

    key: str
    name: str
    url: str


@dataclass(frozen=True, slots=True)
class ProviderReport:
    """One provider.

    :param findings: empty if it was not asked
    :param for_programs: nobody signs in with it, and there is nothing to register
    """

    id: str
    label: str
    vendor: str
    issuer: str
    addresses: tuple[Address, ...]
    findings: tuple[Finding, ...] = ()
    for_programs: bool = False

    def text(self) -> list[str]:
        """One block of findings."""
        rows = [
            (_WORDS.get(each.level, each.level), each.check, _with_suggestion(each.text, each.suggestion))
            for each in self.findings
        ]
        return section(f"Provider {self.id} ({self.vendor}, {self.issuer})", table(rows))

    def registration(self) -> list[str]:
        """What to register at the provider."""
        rows = [(each.name, each.url) for each in self.addresses if each.url]
        what = "Let programs ask" if self.for_programs else "Register at"
        return section(f"{what} {self.label} ({self.id})", table(rows))

    def data(self) -> dict[str, object]:
        """The same for a program."""
        return {
            "id": self.id,
            "label": self.label,
            "vendor": self.vendor,
            "issuer": self.issuer,
            **{each.key: each.url for each in self.addresses if each.key != AUDIENCE},
            "audiences": [each.url for each in self.addresses if each.key == AUDIENCE],
            "findings": [
                {"level": each.level, "check": each.check, "text": each.text, "suggestion": each.suggestion}
                for each in self.findings
            ],
        }


@dataclass(frozen=True, slots=True)
class CheckReport:
    """Everything.

    :param source: where the configuration comes from
    :param problems: what keeps the API server from starting
    :param warnings: what it starts with all the same
    :param errors: what it starts with, and refuses people for
    :param notes: good to know
    """

    source: str
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    rules: int = 0
    requirements: int = 0
    providers: tuple[ProviderReport, ...] = ()
    offline: bool = False
    errors: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """A configuration that does not start comes before a provider that does not answer."""
        if self.problems:
            return ExitCode.BAD_CONFIGURATION
        return ExitCode.FAILED if self.errors or self._count("error") else ExitCode.OK

    def text(self) -> list[str]:
        """Worst things first, what to copy near the end, the verdict last."""
        return [
            *section(f"Configuration ({self.source})", table(self._configuration_rows())),
            *(line for provider in self.providers for line in provider.text()),
            *(line for provider in self.providers for line in provider.registration()),
            *section("Result", [f"{INDENT}{self._verdict()}"]),
        ]

    def data(self) -> dict[str, object]:
        """The same for a program."""
        return {
            "ok": self.exit_code is ExitCode.OK,
            "source": self.source,
            "offline": self.offline,
            "problems": [problem_data(problem) for problem in self.problems],
            "errors": [problem_data(problem) for problem in self.errors],
            "warnings": [problem_data(problem) for problem in self.warnings],
            "notes": list(self.notes),
            "providers": [provider.data() for provider in self.providers],
        }

    def _configuration_rows(self) -> list[tuple[str, str]]:
        rows = [
            *problem_rows("PROBLEM", self.problems),
            *problem_rows("ERROR", self.errors),
            *problem_rows("warning", self.warnings),
            *(("note", note) for note in self.notes),
        ]
        if self.providers:
            parts = (count(len(self.providers), "provider"), count(self.rules, "rule"))
            rows.append(("ok", f"{', '.join(parts)}, {count(self.requirements, 'requirement')}"))
        return rows

    def _verdict(self) -> str:
        warnings = len(self.warnings) + self._count("warning")
        tail = f" {count(warnings, 'warning')}." if warnings else ""
        if self.problems:
            untested = "" if self.providers else " The identity providers were not tested yet."
            return f"The API server would not start: {count(len(self.problems), 'problem')}.{untested}{tail}"
        if errors := self._count("error"):
            also = f" {_missing(self.errors)}" if self.errors else ""
            what = "Sign-in" if self._stops_people() else "Programs"
            return f"{what} would fail: {count(errors, 'error')} at the identity provider.{also}{tail}"
        if self.errors:
            return f"{_missing(self.errors)}{tail}"
        if self.offline:
            return f"The configuration is valid; the identity providers were not asked (--offline).{tail}"
        return f"Ready to sign in.{tail}"

    def _stops_people(self) -> bool:
        people = (each for each in self.providers if not each.for_programs)
        return any(finding.level == "error" for each in people for finding in each.findings)

    def _count(self, level: str) -> int:
        return sum(each.level == level for provider in self.providers for each in provider.findings)


def _missing(errors: Sequence[Problem]) -> str:
    return f"{count(len(errors), 'role')} missing in FAB: whom rules give nothing else cannot sign in."


def _with_suggestion(text: str, suggestion: str) -> str:
    return f"{text}\n{SUGGESTION}{suggestion}" if suggestion else text
