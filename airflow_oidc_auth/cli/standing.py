"""Which roles somebody has, where they hold, and how that is known."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from airflow_oidc_auth.cli.people import Person
from airflow_oidc_auth.cli.text import printable
from airflow_oidc_auth.grants.grant import Evaluation, Grant, Refusal
from airflow_oidc_auth.grants.rules import GrantRules
from airflow_oidc_auth.grants.scopes import TeamRole, placed_roles
from airflow_oidc_auth.messages import message
from airflow_oidc_auth.policy.builtin import BUILTIN_ROLES
from airflow_oidc_auth.policy.words import describe_role, is_denials

CLAIMS, HELD_CLAIMS, SESSION, LAST_SIGN_IN = "claims", "held_claims", "session", "last_sign_in"
# Built-in roles deny nothing, so nothing stays of one that may not be used.
_NOTHING_DENIED = frozenset(f"{{{role}}}" for role in BUILTIN_ROLES)
HOW_KNOWN = {
    CLAIMS: "what the rules give for the claims in the file, were they genuine",
    HELD_CLAIMS: "what the rules give for what the identity provider said last",
    SESSION: "the live session",
    LAST_SIGN_IN: "the last sign-in; nobody is signed in now",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """What somebody stands on.

    :param roles: that hold everywhere
    :param team_roles: teams, and roles that a rule gives within that team
    :param basis: how it is known; a key of :data:`HOW_KNOWN`
    :param rules: names of the rules that gave the roles, and their paths
    :param refusal: code and text, where the person would not be let in at all; there are no roles then
    :param nowhere: roles of the last sign-in that may hold within teams alone: nothing is held of where, so they do not
        count
    """

    who: str
    roles: tuple[str, ...]
    team_roles: tuple[TeamRole, ...] = ()
    basis: str = CLAIMS
    rules: tuple[tuple[str, str], ...] = ()
    refusal: tuple[str, str] | None = None
    nowhere: tuple[str, ...] = ()

    def described_roles(self) -> str:
        """Return ``Viewer; User in team blue``."""
        return describe_roles(self.roles, self.team_roles)

    def _all(self) -> Iterable[str]:
        return (*self.roles, *(role for _, role in self.team_roles))

    def data(self) -> dict[str, object]:
        """The same for a program."""
        return {
            "name": self.who,
            "roles": [role for role in self.roles if not is_denials(role)],
            "team_roles": [
                {"team": team, "role": role}
                for team, role in self.team_roles
                if role not in self.roles and not is_denials(role)
            ],
            "denials_of": sorted({role[1:-1] for role in self._all() if is_denials(role)} - set(BUILTIN_ROLES)),
            "basis": self.basis,
            "rules": [{"name": name, "path": path} for name, path in self.rules],
            "refusal": None if self.refusal is None else dict(zip(("code", "text"), self.refusal, strict=True)),
        }


def describe_roles(roles: Iterable[str], team_roles: Iterable[TeamRole]) -> str:
    """Return ``Viewer; User in team blue``, or ``none``."""
    by_team: dict[str, list[str]] = {}
    roles = tuple(roles)
    for team, role in team_roles:
        if role not in (*roles, *_NOTHING_DENIED):
            by_team.setdefault(team, []).append(describe_role(role))
    told = [
        ", ".join(describe_role(role) for role in roles if role not in _NOTHING_DENIED),
        *(f"{', '.join(held)} in team {team}" for team, held in by_team.items()),
    ]
    return printable("; ".join(filter(None, told))) or "none"


def standing_of(who: str, grant: Grant, basis: str) -> Standing:
    """Return the standing that a Grant gives."""
    roles, team_roles = placed_roles(grant)
    rules = tuple((match.rule, match.path) for match in grant.matches)
    return Standing(who, roles, team_roles, basis, rules)


def standing_of_evaluation(who: str, evaluation: Evaluation, basis: str) -> Standing:
    """Return the standing that the rules give, or their refusal."""
    decision = evaluation.decision
    if isinstance(decision, Refusal):
        text = decision.text or message(decision.code).text
        return Standing(who, (), basis=basis, refusal=(decision.code, text))
    return standing_of(who, decision, basis)


def standing_now(person: Person, rules: GrantRules) -> Standing:
    """Return what counts for somebody on the servers now; of who is not signed in, what counted last.

    :param rules: of the configured document
    """
    if person.grant is not None:
        return standing_of(person.label, person.grant, SESSION)
    # Only the names of roles are kept. One that a rule gives within teams would look as if it held everywhere.
    in_teams = replace(rules, rules=tuple(each for each in rules.rules if each.settings.teams))
    nowhere = in_teams.given_of(person.last_roles)
    roles = tuple(role for role in person.last_roles if role not in nowhere)
    return Standing(person.label, roles, basis=LAST_SIGN_IN, nowhere=tuple(sorted(nowhere)))


def standing_by(person: Person, rules: GrantRules, now: float) -> Standing:
    """Return what other rules would give to somebody, where their claims are held; else what counts now."""
    if person.identity is None:
        return standing_now(person, rules)
    return standing_of_evaluation(person.label, rules.evaluate(person.identity, now), HELD_CLAIMS)
