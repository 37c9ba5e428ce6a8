"""Connections, variables, pools, assets and sections of the configuration, selected by name and team."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from airflow_oidc_auth.policy.globs import Globs, compile_globs, matches_everything
from airflow_oidc_auth.policy.selectors import NameSelector
from airflow_oidc_auth.policy.spelling import fold_name

LISTED = frozenset({"Connections", "Pools", "Variables"})
"""Resources whose lists Airflow filters item by item; a list of anything else shows all there is."""

LONGEST = 256
"""Characters of a name whose answer is remembered; only assets have longer ones."""

UNTOLD_TEAM = "?"
"""Stands for whichever team: somebody asks about a thing and does not say whose it is. No team is called so."""

NO_NAME = 1_500
"""Characters; nothing has a longer name, and hundreds of patterns would take seconds to find that out."""


@dataclass(frozen=True, slots=True)
class _Names:
    """Globs; what they are compiled to is kept for all combinations of roles together, not in each of them."""

    names: tuple[str, ...]
    teams: tuple[str, ...]

    def matches(self, name: str, team: str | None) -> bool:
        return (not self.names or compile_globs(self.names).match(name)) and self.is_in(team)

    def could_match(self, name: str, team: str | None) -> bool:
        """Return whether it matches the name as it is, or as some database reads it."""
        if not self.could_be_in(team) or not self.names:
            return self.could_be_in(team)
        folded = fold_name(name)
        return folded is None or compile_globs(self.names).match(name) or _fold_globs(self.names).match(folded)

    def is_in(self, team: str | None) -> bool:
        if not self.teams:
            return True
        return team is not None and team != UNTOLD_TEAM and compile_globs(self.teams).match(team)

    def could_be_in(self, team: str | None) -> bool:
        return team == UNTOLD_TEAM or self.is_in(team)

    @property
    def every_name(self) -> bool:
        return not self.names or matches_everything(self.names)


@dataclass(frozen=True, slots=True, eq=False)
class NameRule:
    """What is allowed of the things of one kind with one method; equal to itself alone.

    :param whole: all of them are allowed, but for what is denied
    """

    whole: bool
    allowed: tuple[_Names, ...]
    denied: tuple[_Names, ...]

    def allows(self, name: str | None, team: str | None) -> bool:
        """Return whether the thing may be touched; without a name, whether every thing of the team may."""
        if not name or len(name) > NO_NAME:
            return self._allows_every_name(team)
        return not any(each.could_match(name, team) for each in self.denied) and (
            self.whole or any(each.matches(name, team) for each in self.allowed)
        )

    @property
    def allows_list(self) -> bool:
        """Whether a list that Airflow filters item by item may be asked for."""
        closed = any(each.every_name and not each.teams for each in self.denied)
        return not closed and bool(self.whole or self.allowed)

    @property
    def allows_some(self) -> bool:
        """Whether there could be a thing that may be touched."""
        return bool(self.whole or self.allowed)

    def _allows_every_name(self, team: str | None) -> bool:
        # Airflow asks to create a connection without saying which: what might be denied is.
        return not any(each.could_be_in(team) for each in self.denied) and (
            self.whole or any(each.every_name and each.is_in(team) for each in self.allowed)
        )


def allows_name(rule: NameRule, name: str | None, team: str | None) -> bool:
    """Return what the rule says, remembered for the names that are asked for again and again."""
    # Whoever asks chooses the name, and an address may be 64 KB long.
    return rule.allows(name, team) if name and len(name) > LONGEST else _remember(rule, name, team)


@lru_cache(maxsize=8192)
def _remember(rule: NameRule, name: str | None, team: str | None) -> bool:
    return rule.allows(name, team)


@lru_cache(maxsize=256)
def _fold_globs(globs: tuple[str, ...]) -> Globs:
    folded = map(fold_name, globs)
    # What nobody can tell could be anything.
    return compile_globs(tuple("*" if glob is None else glob for glob in folded))


def compile_names(allowed: Iterable[NameSelector], denied: Iterable[NameSelector], *, whole: bool) -> NameRule:
    """Compile selectors; one without any key selects nothing."""
    return NameRule(whole, _compile(tuple(allowed)), _compile(tuple(denied)))


def _compile(selectors: tuple[NameSelector, ...]) -> tuple[_Names, ...]:
    anywhere = tuple(glob for each in selectors if not each.teams for glob in each.names)
    together = (_Names(anywhere, ()),) if anywhere else ()
    return (*together, *(_Names(each.names, each.teams) for each in selectors if each.teams))
