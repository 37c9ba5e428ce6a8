"""What the rules give to an identity, and why."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RuleMatch:
    """One rule that matched.

    :param rule: its name
    :param path: its place in the document, ``grants.rules[2]``
    :param because: the claims it looked at, in plain words (``group 'ops' is 'ops'``)
    """

    rule: str
    path: str
    roles: tuple[str, ...]
    teams: tuple[str, ...] = ()
    because: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Grant:
    """Roles and teams; never empty of roles.

    :param roles: sorted
    :param matches: the rules that gave them, in document order
    """

    roles: tuple[str, ...]
    teams: tuple[str, ...] = ()
    matches: tuple[RuleMatch, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """No grant: the code of the message catalogue and a sentence for this person.

    :param code: ``no_matching_rule`` or ``requirement_not_met``
    :param text: the configured human message of a requirement, or empty for the catalogue's
    """

    code: str
    text: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class RuleTrace:
    """What one rule or requirement did with this identity, for explain and my access."""

    rule: str
    path: str
    matched: bool
    because: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The decision and how it came about."""

    decision: Grant | Refusal
    trace: tuple[RuleTrace, ...] = ()
