"""Rules as the configuration spells them: frozen, not yet checked. Made by ``config``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from airflow_oidc_auth.errors import ConfigurationError, Problem
from airflow_oidc_auth.grants.needs import Needs


class RuleError(ConfigurationError):
    """Rules that cannot be compiled. ``problems`` holds every one; the attributes show the first."""

    def __init__(self, path: str, text: str, suggestion: str = "") -> None:
        super().__init__([Problem(path, text, suggestion)])
        self.path = path
        self.text = text
        self.suggestion = suggestion

    @classmethod
    def of(cls, problems: Sequence[Problem]) -> RuleError:
        """Join problems found in several rules into one error."""
        error = cls(problems[0].path, problems[0].text, problems[0].suggestion)
        error.problems = tuple(problems)
        return error


class Findings:
    """Collect the problems of many parts, so that all are told at once."""

    def __init__(self) -> None:
        self._problems: list[Problem] = []

    @contextmanager
    def part(self) -> Iterator[None]:
        """Run one part; its :class:`RuleError` is kept and the next part gets its turn."""
        try:
            yield
        except RuleError as error:
            self._problems.extend(error.problems)

    def finish(self) -> None:
        """Raise every problem found.

        :raises RuleError: if there is any
        """
        if self._problems:
            raise RuleError.of(self._problems)


@dataclass(frozen=True, slots=True)
class RuleSettings:
    """One entry of ``grants.rules``.

    :param name: unique; shown in explain, my access and audit rows
    :param path: its place, ``grants.rules[2]``
    :param when: the mapping as written: ``group``, ``group_glob``, ``group_regex``, ``claims``, ``cel``, ``everyone``,
        ``delegated``
    :param roles: role names or templates such as ``{team}``
    :param teams: team names or templates; the roles hold within these alone, everywhere if there are none
    :param provider: id of the only provider whose identities it looks at, or None for all
    :param needs: what the authentication must be like, or the rule gives nothing yet
    """

    name: str
    path: str
    when: Mapping[str, object]
    roles: tuple[str, ...]
    teams: tuple[str, ...] = ()
    provider: str | None = None
    needs: Needs | None = None


@dataclass(frozen=True, slots=True)
class RequirementSettings:
    """One entry of ``grants.require``; every check in it must hold.

    :param checks: the mapping as written, without ``message`` and ``provider``: ``email_verified``,
        ``email_domain``, ``acr``, ``amr``, ``claims``, ``cel``
    :param message: what to tell the person; empty for the catalogue's text
    """

    path: str
    checks: Mapping[str, object] = field(default_factory=dict)
    message: str = ""
    provider: str | None = None
