"""Connections, variables, pools, assets and sections of the configuration, selected by name and team."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from airflow_oidc_auth.policy.globs import Globs, compile_globs, matches_everything
from airflow_oidc_auth.policy.selectors import NameSelector

LISTED = frozenset({"Connections", "Pools", "Variables"})
"""Resources whose lists Airflow filters item by item; a list of anything else shows all there is."""


@dataclass(frozen=True, slots=True)
class _Compiled:
    names: Globs | None
    teams: Globs | None

    def matches(self, name: str, team: str | None) -> bool:
        return (self.names is None or self.names.match(name)) and self.is_in(team)

    def is_in(self, team: str | None) -> bool:
        return self.teams is None or (team is not None and self.teams.match(team))

    @property
    def every_name(self) -> bool:
        return self.names is None or self.names.everything


@dataclass(frozen=True, slots=True, eq=False)
class NameRule:
    """What is allowed of the things of one kind with one method; equal to itself alone.

    :param whole: all of them are allowed, but for what is denied
    """

    whole: bool
    allowed: tuple[_Compiled, ...]
    denied: tuple[_Compiled, ...]

    def allows(self, name: str | None, team: str | None) -> bool:
        """Return whether the thing may be touched; without a name, whether every thing of the team may."""
        if not name:
            return self._allows_every_name(team)
        return not any(each.matches(name, team) for each in self.denied) and (
            self.whole or any(each.matches(name, team) for each in self.allowed)
        )

    @property
    def allows_list(self) -> bool:
        """Whether a list that Airflow filters item by item may be asked for."""
        closed = any(each.every_name and each.teams is None for each in self.denied)
        return not closed and bool(self.whole or self.allowed)

    @property
    def allows_some(self) -> bool:
        """Whether there could be a thing that may be touched."""
        return bool(self.whole or self.allowed)

    def _allows_every_name(self, team: str | None) -> bool:
        # Airflow asks to create a connection without saying which: what might be denied is.
        return not any(each.is_in(team) for each in self.denied) and (
            self.whole or any(each.every_name and each.is_in(team) for each in self.allowed)
        )


@lru_cache(maxsize=8192)
def allows_name(rule: NameRule, name: str | None, team: str | None) -> bool:
    """Return what the rule says, remembered for the names that are asked for again and again."""
    return rule.allows(name, team)


def compile_names(allowed: Iterable[NameSelector], denied: Iterable[NameSelector], *, whole: bool) -> NameRule:
    """Compile selectors; one without any key selects nothing."""
    return NameRule(whole, _compile(tuple(allowed)), _compile(tuple(denied)))


def selects_every_name(selector: NameSelector) -> bool:
    """Return whether the selector leaves the name open."""
    return matches_everything(selector.names) if selector.names else bool(selector.teams)


def _compile(selectors: tuple[NameSelector, ...]) -> tuple[_Compiled, ...]:
    anywhere = tuple(glob for each in selectors if not each.teams for glob in each.names)
    together = (_Compiled(compile_globs(anywhere), None),) if anywhere else ()
    in_teams = (each for each in selectors if each.teams)
    return (*together, *(_Compiled(_globs(each.names), compile_globs(each.teams)) for each in in_teams))


def _globs(globs: tuple[str, ...]) -> Globs | None:
    return compile_globs(globs) if globs else None
