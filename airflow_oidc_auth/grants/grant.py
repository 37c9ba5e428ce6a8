"""What the rules give to an identity, and why."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace

from airflow_oidc_auth.grants.needs import WITHIN, Needs


@dataclass(frozen=True, slots=True)
class RuleMatch:
    """Roles that one rule gave; a rule may give several roles in several teams, and has several matches then.

    :param rule: its name
    :param path: its place in the document, ``grants.rules[2]``
    :param teams: the roles hold within these alone; everywhere if there are none
    :param because: the claims it looked at, in plain words (``group 'ops' is 'ops'``)
    :param needs: what it needed of the authentication, and got
    :param until: when the authentication is too old for it, epoch seconds; None for never
    """

    rule: str
    path: str
    roles: tuple[str, ...]
    teams: tuple[str, ...] = ()
    because: tuple[str, ...] = ()
    needs: Needs | None = None
    until: int | None = None


@dataclass(frozen=True, slots=True)
class StepUp:
    """A rule that is for this person and gives nothing before they authenticate as it needs.

    :param missed: the keys of ``needs`` that do not hold
    """

    rule: str
    path: str
    roles: tuple[str, ...]
    needs: Needs
    missed: tuple[str, ...]
    teams: tuple[str, ...] = ()


Places = tuple[tuple[str, ...], tuple[tuple[str, str], ...]]
"""Roles that hold everywhere; teams, and roles that hold within them."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Roles and teams; never empty of roles. Which role holds where, :func:`~.scopes.scoped_roles` tells.

    :param roles: sorted; also those that hold within a team alone
    :param matches: the rules that gave them, in document order
    :param step_ups: the rules that would give more after another authentication, in document order
    :param until: when the first of the matches ends by itself, epoch seconds; None for never
    :param verified_email: the address that the identity provider said belongs to the person; what required actions
        may be assigned to. It is here because it follows each re-check
    :param withdrawn: roles that it was narrowed away from, by the rules that gave them: they give nothing any more, and
        what they deny stays denied
    :param places: where its roles hold, once :func:`~.scopes.placed_roles` was asked; a copy is asked anew
    """

    roles: tuple[str, ...]
    teams: tuple[str, ...] = ()
    matches: tuple[RuleMatch, ...] = ()
    step_ups: tuple[StepUp, ...] = ()
    until: int | None = None
    verified_email: str | None = None
    withdrawn: tuple[RuleMatch, ...] = ()
    places: Places | None = field(default=None, init=False, repr=False, compare=False)

    def at(self, now: float) -> Grant | None:
        """Return what is left of it now, without asking anybody; None for no role."""
        if self.until is None or now < self.until:
            return self
        ended = tuple(match for match in self.matches if match.until is not None and match.until <= now)
        held = tuple(match for match in self.matches if match not in ended)
        # Lost is only what an ended rule gave and no other one gives.
        lost_roles = _roles_of(ended) - _roles_of(held)
        lost_teams = _teams_of(ended) - _teams_of(held)
        roles = tuple(role for role in self.roles if role not in lost_roles)
        if not roles:
            return None
        teams = tuple(team for team in self.teams if team not in lost_teams)
        step_ups = (*self.step_ups, *map(_step_up_again, ended))
        return replace(self, roles=roles, teams=teams, matches=held, step_ups=step_ups, until=first_end(held))

    def withdraw(self, kept: Collection[str]) -> tuple[RuleMatch, ...]:
        """Return ``withdrawn`` as it is once no other roles than these are kept.

        Without it, whoever is denied something by one role would make a token of the others and do it.
        """
        dropped = [(match, tuple(role for role in match.roles if role not in kept)) for match in self.matches]
        lost = tuple(RuleMatch(match.rule, match.path, roles, match.teams) for match, roles in dropped if roles)
        known = _roles_of(self.matches)
        others = tuple(role for role in self.roles if role not in kept and role not in known)
        return (*self.withdrawn, *lost, *((RuleMatch("", "", others),) if others else ()))

    @property
    def withheld(self) -> frozenset[str]:
        """Roles that this sign-in is not strong or fresh enough for."""
        return frozenset(role for each in self.step_ups for role in each.roles) - frozenset(self.roles)


@dataclass(frozen=True, slots=True)
class Refusal:
    """No grant: the code of the message catalogue and a sentence for this person.

    :param code: ``no_matching_rule``, ``requirement_not_met`` or ``step_up_needed``
    :param rule: name of a rule that would give something after another authentication
    :param text: the configured human message of a requirement, or empty for the catalogue's
    """

    code: str
    text: str = ""
    path: str = ""
    rule: str = ""


@dataclass(frozen=True, slots=True)
class RuleTrace:
    """What one rule or requirement did with this identity, for explain and my access.

    :param step_up: what it would give after another authentication
    """

    rule: str
    path: str
    matched: bool
    because: tuple[str, ...] = ()
    step_up: StepUp | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The decision and how it came about."""

    decision: Grant | Refusal
    trace: tuple[RuleTrace, ...] = ()


def first_end(matches: Iterable[RuleMatch]) -> int | None:
    """Return when the first of the matches ends by itself, epoch seconds; None for never."""
    return min((match.until for match in matches if match.until is not None), default=None)


def _roles_of(matches: Iterable[RuleMatch]) -> set[str]:
    return {role for match in matches for role in match.roles}


def _teams_of(matches: Iterable[RuleMatch]) -> set[str]:
    return {team for match in matches for team in match.teams}


def _step_up_again(match: RuleMatch) -> StepUp:
    return StepUp(match.rule, match.path, match.roles, match.needs or Needs(), (WITHIN,), match.teams)
