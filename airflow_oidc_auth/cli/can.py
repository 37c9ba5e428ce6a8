"""``airflow oidc can``: allow or deny, and the line of the document that decides."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Iterator

from airflow_oidc_auth.cli.can_report import Answer, CanReport, answer_of
from airflow_oidc_auth.cli.command import CommandFailed, command
from airflow_oidc_auth.cli.configured import Configured, read_configured
from airflow_oidc_auth.cli.fab_answer import fab_decide
from airflow_oidc_auth.cli.inventory import Inventory, read_inventory
from airflow_oidc_auth.cli.people import Person, find_person
from airflow_oidc_auth.cli.questions import questions_of
from airflow_oidc_auth.cli.read_identity import choose_provider, read_identity
from airflow_oidc_auth.cli.resource import CUSTOM_VIEW, DAG, MENU, RESOURCES, TEAM, VIEW, Asked, read_asked
from airflow_oidc_auth.cli.standing import CLAIMS, HELD_CLAIMS, Standing, standing_by, standing_now
from airflow_oidc_auth.cli.standing import standing_of_evaluation as standing_of
from airflow_oidc_auth.managers.denials import describe_question
from airflow_oidc_auth.managers.settings import Settings, load_settings
from airflow_oidc_auth.policy.compile import Policy
from airflow_oidc_auth.policy.dag_index import FixedIndex
from airflow_oidc_auth.policy.decision import Question, explain_decision
from airflow_oidc_auth.policy.selectors import DagFacts

_NOTHING_HELD = "Nothing is held of what the identity provider said: the roles are those of the last sign-in."
_NO_FACTS = (VIEW, MENU, CUSTOM_VIEW, TEAM, "configuration")


@command
def can(args: Namespace) -> CanReport:
    """Answer the question as the server would."""
    asked = read_asked(args.action, args.resource)
    told = _told_facts(args, asked)
    read = load_settings(resolve_secrets=False)
    configured = read_configured(read, args.config_file)
    person, standing, notes = _read_standing(args, read, configured)
    if read.fab is not None:
        by_rules = standing.basis in (CLAIMS, HELD_CLAIMS)
        bound = configured.compiled.grants.bound_roles()
        return fab_decide(asked, standing, None if by_rules else person, bound, notes)
    needs_database = told is None and asked.kind not in _NO_FACTS
    inventory = _read_inventory(configured) if needs_database else Inventory()
    return _decide(asked, standing, configured, inventory, told, notes)


def _read_standing(
    args: Namespace, read: Settings, configured: Configured
) -> tuple[Person | None, Standing, tuple[str, ...]]:
    if (args.subject is None) == (args.claims is None):
        raise CommandFailed("Say who: SUBJECT ACTION RESOURCE, or --claims FILE ACTION RESOURCE.")
    rules = configured.compiled.grants
    if args.claims is not None:
        found = read_identity(choose_provider(configured.compiled.providers, args.provider), args.claims, read.base_url)
        standing = standing_of(found.identity.name, rules.evaluate(found.identity, time.time()), CLAIMS)
        if found.refusal is not None:
            standing = Standing(found.identity.name, (), refusal=(found.code, found.refusal))
        return None, standing, found.notes
    person = find_person(args.subject, args.issuer)
    if args.config_file is None:
        standing = standing_now(person, rules)
        return person, standing, tuple(_held_nowhere(standing))
    standing = standing_by(person, rules, time.time())
    return person, standing, () if standing.basis == HELD_CLAIMS else (_NOTHING_HELD,)


def _held_nowhere(standing: Standing) -> Iterator[str]:
    if standing.nowhere:
        named = ", ".join(standing.nowhere)
        yield f"Not counted: {named}. A rule gives it within teams, and nothing is held of which. Use --claims."


def _told_facts(args: Namespace, asked: Asked) -> DagFacts | None:
    """Return what the command line says of the thing; None where it says nothing."""
    attributes = (args.tag, args.owner, args.bundle)
    if not any(attributes) and args.team is None:
        return None
    if asked.kind in _NO_FACTS or (asked.kind != DAG and any(attributes)):
        allowed = "none of them" if asked.kind in _NO_FACTS else "--team only"
        raise CommandFailed(f"--tag, --owner, --bundle and --team are facts about a DAG; {asked.kind} takes {allowed}.")
    if asked.name is None:
        raise CommandFailed(f"Facts are about one thing: write {asked.kind}:NAME.")
    tags, owners = frozenset(args.tag or ()), frozenset(args.owner or ())
    return DagFacts(asked.name, tags, owners, args.bundle, args.team)


def _read_inventory(configured: Configured) -> Inventory:
    return read_inventory(access_control=configured.compiled.dag_access_control)


def _decide(
    asked: Asked,
    standing: Standing,
    configured: Configured,
    inventory: Inventory,
    told: DagFacts | None,
    notes: tuple[str, ...],
) -> CanReport:
    facts = _facts(asked, inventory, told)
    dags = {**inventory.dags, **({facts.id: facts} if facts else {})}
    compiled = configured.compiled
    policy = Policy(compiled.roles, FixedIndex(dags), access_control=compiled.dag_access_control)
    team = _team(asked, inventory.as_told(policy), told)
    answers = [_answer(policy, standing, configured, each) for each in questions_of(asked, team)]
    if asked.kind == TEAM:
        answers = [_team_answer(policy, standing, asked.name or "")]
    return CanReport(asked, standing, answers, facts, (*notes, *_unknown(asked, inventory, told)))


def _facts(asked: Asked, inventory: Inventory, told: DagFacts | None) -> DagFacts | None:
    if asked.kind != DAG or asked.name is None:
        return None
    return told or inventory.dags.get(asked.name)


def _team(asked: Asked, inventory: Inventory, told: DagFacts | None) -> str | None:
    if told is not None:
        return told.team
    return inventory.named.get(RESOURCES.get(asked.kind, ""), {}).get(asked.name or "")


def _answer(policy: Policy, standing: Standing, configured: Configured, question: Question) -> Answer:
    text = describe_question(question)
    if standing.refusal is not None:
        return Answer(text, allowed=False, reason="not_let_in")
    decision = explain_decision(policy, standing.roles, standing.team_roles, question)
    return answer_of(text, decision, configured.where(decision.path))


def _team_answer(policy: Policy, standing: Standing, team: str) -> Answer:
    if policy.permissions(standing.roles, standing.team_roles).in_team(team):
        role = next((role for of, role in standing.team_roles if of == team), "")
        return Answer(f"team {team}", allowed=True, reason="team_member", role=role, team=team if role else "")
    return Answer(f"team {team}", allowed=False, reason="no_team_member")


def _unknown(asked: Asked, inventory: Inventory, told: DagFacts | None) -> Iterator[str]:
    """Say what could not be looked up, and so did not count."""
    if told is not None or asked.kind in _NO_FACTS:
        return
    if inventory.missing:
        yield f"The metadata database cannot be read, so it did not count: {inventory.missing}"
    elif asked.kind == DAG and asked.name and asked.name not in inventory.dags:
        yield (
            "This database holds no such DAG: rights by tag, owner, bundle and team were not looked at, and denies by "
            "them close it. Say what it will be with --tag, --owner, --bundle and --team."
        )
    elif asked.name and asked.name not in inventory.named.get(RESOURCES.get(asked.kind, ""), {asked.name: None}):
        yield f"This database holds no {asked.kind} {asked.name!r}: it was taken for one without a team. See --team."
