"""FAB mode: FAB's database says what its roles allow; there is no line of a document that could decide."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from airflow_oidc_auth.cli.can_report import Answer, CanReport
from airflow_oidc_auth.cli.command import CommandFailed
from airflow_oidc_auth.cli.fab_roles import FabRoles, read_fab_roles
from airflow_oidc_auth.cli.people import Person
from airflow_oidc_auth.cli.questions import questions_of
from airflow_oidc_auth.cli.resource import TEAM, Asked
from airflow_oidc_auth.cli.session_access import open_transaction
from airflow_oidc_auth.cli.standing import Standing
from airflow_oidc_auth.fab.directory_rows import read_accounts, read_role_names
from airflow_oidc_auth.managers.denials import describe_question
from airflow_oidc_auth.policy.fab import compile_fab_pairs
from airflow_oidc_auth.policy.permissions import Permissions
from airflow_oidc_auth.policy.questions import Question, ask

NOTE = "FAB mode: FAB's roles decide, as its database has them now; the document says who gets which role."
GIVEN = "The roles are those of the rules; what somebody assigned in FAB is not among them."


def fab_decide(
    asked: Asked, standing: Standing, person: Person | None, bound: frozenset[str], notes: Sequence[str]
) -> CanReport:
    """Answer from FAB's tables.

    :param person: whose FAB user is asked for the roles; None for a file of claims, whose rules are
    :param bound: roles that a rule gives only for an authentication that it needs
    :raises CommandFailed: FAB knows no teams; there are no tables; the person has no active FAB user
    """
    if asked.kind == TEAM:
        raise CommandFailed("FAB mode knows no teams: they exist with airflow_oidc_auth.OidcAuthManager only.")
    known = read_fab_roles()
    roles = standing.roles if person is None else _roles_of(person, bound)
    standing = replace(standing, roles=tuple(roles), team_roles=(), basis=standing.basis)
    told = NOTE if person is not None else f"{NOTE} {GIVEN}"
    answers = [_answer(each, standing, known) for each in questions_of(asked, None)]
    return CanReport(asked, standing, answers, notes=(*notes, told, *_missing(roles, known)))


def _roles_of(person: Person, bound: frozenset[str]) -> Sequence[str]:
    with open_transaction() as transaction:
        found = read_accounts(transaction, [person.principal_id]).get(person.principal_id)
        names = read_role_names(transaction)
    if found is None or not found.exists or not found.active:
        raise CommandFailed(f"{person.label} has no active FAB user: they are signed out, whatever their roles allow.")
    # As the server does: whoever assigned such a role in FAB gave it to no session that did not authenticate for it.
    grant = person.grant
    withheld = grant.withheld | bound.difference(grant.roles) if grant is not None else frozenset()
    return sorted({names[role] for role in found.role_ids if role in names} - withheld)


def _answer(question: Question, standing: Standing, known: FabRoles) -> Answer:
    asked = describe_question(question)
    if standing.refusal is not None:
        return Answer(asked, allowed=False, reason="not_let_in")
    if not ask(_permissions(standing.roles, known), question):
        return Answer(asked, allowed=False, reason="no_right")
    alone = next((role for role in standing.roles if ask(_permissions([role], known), question)), "")
    text = f"FAB's role {alone!r} allows it" if alone else "FAB's roles allow it together"
    return Answer(asked, allowed=True, reason="allowed", text=text, role=alone)


def _permissions(roles: Iterable[str], known: FabRoles) -> Permissions:
    return compile_fab_pairs(pair for role in roles for pair in known.pairs.get(role, frozenset()))


def _missing(roles: Iterable[str], known: FabRoles) -> list[str]:
    return [f"FAB has no role {role!r}: it counts for nothing." for role in roles if role not in known.pairs]
