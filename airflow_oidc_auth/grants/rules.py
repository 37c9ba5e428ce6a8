"""Compile rules once, evaluate them at every sign-in."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from airflow_oidc_auth.grants.conditions import Condition, Outcome, fails
from airflow_oidc_auth.grants.delegation import cap_delegated
from airflow_oidc_auth.grants.filling import Share, fill_rule
from airflow_oidc_auth.grants.grant import Evaluation, Grant, Refusal, RuleMatch, RuleTrace, StepUp, first_end
from airflow_oidc_auth.grants.needs import Needs, Standing
from airflow_oidc_auth.grants.settings import Findings, RequirementSettings, RuleError, RuleSettings
from airflow_oidc_auth.grants.spelling import read_checks, read_when
from airflow_oidc_auth.grants.template import could_become, placeholders
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.identity.claims import ClaimPath


@dataclass(frozen=True, slots=True)
class Requirement:
    """A compiled requirement."""

    settings: RequirementSettings
    conditions: tuple[Condition, ...]

    def evaluate(self, identity: Identity) -> RuleTrace:
        """Tell whether it holds; one of another provider holds."""
        name = ", ".join(self.settings.checks)
        if self.settings.provider not in (None, identity.provider):
            because = (f"does not apply: it is for provider {self.settings.provider!r}",)
            return RuleTrace(name, self.settings.path, matched=True, because=because)
        outcome = _all(self.conditions, identity)
        return RuleTrace(name, self.settings.path, outcome.holds, outcome.because)


@dataclass(frozen=True, slots=True)
class Rule:
    """A compiled rule.

    :param workloads: ids of the providers whose identities are programs
    """

    settings: RuleSettings
    conditions: tuple[Condition, ...]
    known_roles: frozenset[str] | None
    workloads: frozenset[str] = frozenset()

    def evaluate(self, identity: Identity, now: float | None) -> tuple[RuleTrace, tuple[RuleMatch | StepUp, ...]]:
        """Return what it did, and what it gives, or would give after another authentication."""
        outcome = self._outcome(identity)
        shares, refused = fill_rule(self.settings, self.known_roles, outcome.captures) if outcome.holds else ((), ())
        trace = RuleTrace(self.settings.name, self.settings.path, matched=False, because=(*outcome.because, *refused))
        return self._given(identity, now, trace, shares) if shares else (trace, ())

    def _given(
        self, identity: Identity, now: float | None, trace: RuleTrace, shares: tuple[Share, ...]
    ) -> tuple[RuleTrace, tuple[RuleMatch | StepUp, ...]]:
        """Hold the authentication against what the rule needs."""
        needs, name, path = self.settings.needs, trace.rule, trace.path
        standing = Standing() if needs is None else needs.check(identity.authentication, now)
        if needs is None or not standing.missed:
            told = trace.because if needs is None else (*trace.because, *needs.describe())
            held = (RuleMatch(name, path, each.roles, each.teams, told, needs, standing.until) for each in shares)
            return replace(trace, matched=True, because=told), tuple(held)
        missing = tuple(f"needs {words}" for words in needs.describe_missed(standing.missed))
        step_ups = tuple(StepUp(name, path, each.roles, needs, standing.missed, each.teams) for each in shares)
        told = (*trace.because, *missing)
        return replace(trace, because=told, step_up=_as_one(step_ups)), step_ups

    def _outcome(self, identity: Identity) -> Outcome:
        if self.settings.provider not in (None, identity.provider):
            return fails(f"does not apply: it is for provider {self.settings.provider!r}")
        if self.settings.provider is None and identity.provider in self.workloads:
            # Anybody may run a program that such an issuer vouches for: `everyone` would be the whole world.
            return fails("does not apply: it names no provider, so it is for people")
        return _all(self.conditions, identity)


@dataclass(frozen=True, slots=True)
class GrantRules:
    """All requirements and rules of a document, frozen.

    :param delegated_roles: what may be used on behalf of somebody, at most; None for no limit
    """

    requirements: tuple[Requirement, ...]
    rules: tuple[Rule, ...]
    delegated_roles: frozenset[str] | None = None

    def evaluate(self, identity: Identity, now: float | None = None) -> Evaluation:
        """Decide about one identity: requirements first, then additive rules, and nothing means no.

        Pure, local and deterministic. The trace holds every requirement and rule, also after a refusal.

        :param now: epoch seconds; without it no authentication is fresh
        """
        required = tuple(requirement.evaluate(identity) for requirement in self.requirements)
        asked = tuple(rule.evaluate(identity, now) for rule in self.rules)
        trace = (*required, *(trace for trace, _ in asked))
        for requirement, result in zip(self.requirements, required, strict=True):
            if not result.matched:
                refusal = Refusal("requirement_not_met", requirement.settings.message, requirement.settings.path)
                return Evaluation(refusal, trace)
        decision = _grant([each for _, given in asked for each in given])
        if isinstance(decision, Grant) and identity.email_verified is True and identity.email:
            decision = replace(decision, verified_email=identity.email)
        if self.delegated_roles is None or not identity.delegated:
            return Evaluation(decision, trace)
        capped, told = cap_delegated(decision, identity, self.delegated_roles)
        return Evaluation(capped, (*trace, told))

    def bound_roles(self) -> frozenset[str]:
        """Return the roles, by plain name, that some rule gives only for an authentication that it needs."""
        bound = (each.settings.roles for each in self.rules if each.settings.needs is not None)
        return frozenset(role for roles in bound for role in roles if "{" not in role)

    def needs_of(self, rule: str) -> Needs | None:
        """Return what the rule of this name needs of the authentication."""
        return next((each.settings.needs for each in self.rules if each.settings.name == rule), None)

    def claims_read(self) -> tuple[ClaimPath, ...] | None:
        """Return the places in the claims that requirements and rules may look at; None for anywhere."""
        read: dict[ClaimPath, None] = {}
        asked = (*(each.conditions for each in self.requirements), *(each.conditions for each in self.rules))
        for condition in chain.from_iterable(asked):
            if condition.claims_read is None:
                return None
            read.update(dict.fromkeys(condition.claims_read))
        return tuple(read)

    def may_give(self, role: str, *, everywhere: bool = False) -> bool:
        """Tell whether some rule could give this role; for warnings.

        :param everywhere: not within teams alone
        """
        return bool(self.given_of((role,), everywhere=everywhere))

    def given_of(self, roles: Iterable[str], *, everywhere: bool = False) -> frozenset[str]:
        """Return those of the roles that some rule could give; for warnings.

        :param everywhere: not within teams alone
        """
        rules = (each.settings for each in self.rules if not (everywhere and each.settings.teams))
        names = frozenset(chain.from_iterable(rule.roles for rule in rules))
        templates = [name for name in names if "{" in name]
        # Hundreds of rules name hundreds of roles, nearly all of them as they are.
        return frozenset(role for role in roles if role in names or any(could_become(each, role) for each in templates))


def compile_rules(
    rules: Sequence[RuleSettings],
    require: Sequence[RequirementSettings] = (),
    *,
    known_roles: Collection[str] | None,
    workloads: Collection[str] = (),
    delegated_roles: Collection[str] | None = None,
) -> GrantRules:
    """Compile; a document without a rule would let nobody in and is refused here.

    :param known_roles: roles that a rule may give; None where they are known elsewhere and change at run time
    :param workloads: ids of the providers whose identities are programs: a rule is for them only if it names them
    :param delegated_roles: what may be used on behalf of somebody, at most; none refuses, None is no limit
    :raises RuleError: with every problem of every rule and requirement
    """
    compiled: list[Rule] = []
    required: list[Requirement] = []
    findings = Findings()
    for requirement in require:
        with findings.part():
            required.append(Requirement(requirement, read_checks(requirement.checks, requirement.path)))
    for rule in rules:
        with findings.part():
            known = None if known_roles is None else frozenset(known_roles)
            compiled.append(replace(_rule(rule, known), workloads=frozenset(workloads)))
    with findings.part():
        _check_names(rules)
    findings.finish()
    cap = None if delegated_roles is None else frozenset(delegated_roles)
    return GrantRules(tuple(required), tuple(compiled), cap)


def _grant(given: Sequence[RuleMatch | StepUp]) -> Grant | Refusal:
    matches = tuple(each for each in given if isinstance(each, RuleMatch))
    step_ups = tuple(each for each in given if isinstance(each, StepUp))
    roles = sorted({role for match in matches for role in match.roles})
    if not roles and step_ups:
        return Refusal("step_up_needed", path=step_ups[0].path, rule=step_ups[0].rule)
    if not roles:
        return Refusal("no_matching_rule")
    teams = sorted({team for match in matches for team in match.teams})
    return Grant(tuple(roles), tuple(teams), matches, step_ups, first_end(matches))


def _as_one(step_ups: tuple[StepUp, ...]) -> StepUp:
    """Return what a rule would give altogether, to tell people."""
    roles = tuple(sorted({role for each in step_ups for role in each.roles}))
    return replace(step_ups[0], roles=roles, teams=tuple(sorted({team for each in step_ups for team in each.teams})))


def _all(conditions: tuple[Condition, ...], identity: Identity) -> Outcome:
    outcomes = [condition.evaluate(identity) for condition in conditions]
    holds = bool(outcomes) and all(outcome.holds for outcome in outcomes)
    told = [outcome for outcome in outcomes if holds or not outcome.holds]
    captures = [captured for outcome in outcomes for captured in outcome.captures if captured]
    return Outcome(tuple(text for outcome in told for text in outcome.because), tuple(captures), holds=holds)


def _rule(settings: RuleSettings, known: frozenset[str] | None) -> Rule:
    findings = Findings()
    conditions: tuple[Condition, ...] = ()
    with findings.part():
        _check_roles(settings, known)
    with findings.part():
        conditions = read_when(settings.when, f"{settings.path}.when")
        _check_templates(settings, frozenset().union(*(condition.capture_names for condition in conditions)))
    findings.finish()
    return Rule(settings, conditions, known)


def _check_templates(settings: RuleSettings, captures: frozenset[str]) -> None:
    findings = Findings()
    for field, templates in (("roles", settings.roles), ("teams", settings.teams)):
        for n, template in enumerate(templates):
            with findings.part():
                _check_captures(template, captures, f"{settings.path}.{field}[{n}]")
    findings.finish()


def _check_roles(settings: RuleSettings, known: frozenset[str] | None) -> None:
    if not settings.roles:
        suggestion = f"Known: {', '.join(sorted(known))}." if known else "Name at least one."
        raise RuleError(f"{settings.path}.roles", "the rule gives no role", suggestion)
    for n, role in enumerate(settings.roles):
        if known is None or role in known or "{" in role:
            continue
        close = difflib.get_close_matches(role.lower(), {name.lower(): name for name in known}, 1)
        meant = [name for name in known if close and name.lower() == close[0]]
        suggestion = f"Did you mean {meant[0]!r}?" if meant else f"Known: {', '.join(sorted(known))}."
        raise RuleError(f"{settings.path}.roles[{n}]", f"unknown role {role!r}", suggestion)


def _check_captures(template: str, captures: frozenset[str], path: str) -> None:
    try:
        unknown = placeholders(template) - captures
    except ValueError as error:
        raise RuleError(path, f"{template!r}: {error}") from None
    if unknown:
        named = ", ".join(sorted(captures)) or "none"
        suggestion = f"Captures that every pattern has: {named}. Add (?P<{min(unknown)}>…) to group_regex."
        raise RuleError(path, f"{template!r} uses unknown capture {min(unknown)!r}", suggestion)


def _check_names(rules: Sequence[RuleSettings]) -> None:
    if not rules:
        suggestion = "Add a rule; {when: {everyone: true}, roles: [Viewer]} is the explicit way to say everyone."
        raise RuleError("grants.rules", "no rule: nobody could sign in", suggestion)
    seen: dict[str, str] = {}
    for rule in rules:
        if rule.name in seen:
            raise RuleError(f"{rule.path}.name", f"{rule.name!r} is already the name of {seen[rule.name]}")
        seen[rule.name] = rule.path
