"""From groups to what they open: rules give roles, roles give rights, and one group fewer never opens more.

Of documents without denials this holds as it stands. A role that denies something can be lost with a group, too: what
was closed is open then, as far as other roles open it. So of documents with denials it holds where these stay.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_oidc_auth.grants.cel import compile_cel
from airflow_oidc_auth.grants.grant import Grant
from airflow_oidc_auth.grants.rules import GrantRules, compile_rules
from airflow_oidc_auth.grants.scopes import denials_of, placed_roles
from airflow_oidc_auth.grants.settings import RequirementSettings, RuleSettings
from airflow_oidc_auth.policy.compile import Policy
from airflow_oidc_auth.policy.roles import denying_roles
from tests.unit.grants.people import person, rule
from tests.unit.policy.documents import ASKED, HELD, ROLES, TEAMS, WORLDS, answer, policy
from tests.unit.policy.reference import Held, World

compile_cel("true")  # the first use imports the runtime, which is slower than all of this

NAMES = tuple(name for name in HELD if name != "nobody")
GROUPS = ("a", "b", "dev", "fin-one", "ops-two", "fin-Viewer", "ops-Admin", "x-nobody")
CAPTURING: dict[str, object] = {"group_regex": "(?P<team>.*)-(?P<role>.*)"}
WHENS: list[dict[str, object]] = [
    {"group": "a"},
    {"group": ["b", "dev"]},
    {"group": "a", "group_glob": "*-*"},
    {"group_glob": "fin-*"},
    {"cel": "'b' in groups && claims.d == 'it'"},
    {"claims": {"d": "it"}},
    {"everyone": True},
]
IN_TEAMS = st.sampled_from([(), (), *((team,) for team in TEAMS), TEAMS])
PLAIN = st.builds(
    lambda when, role, teams: rule(when, role, teams=teams),
    *(st.sampled_from(WHENS), st.sampled_from((*ROLES, *NAMES)), IN_TEAMS),
)
FILLED = st.builds(
    lambda role, teams: rule(CAPTURING, role, teams=teams),
    *(st.sampled_from(("{role}", "one")), st.sampled_from([("{team}",), ("{team}", "ops"), ()])),
)
CHECKS = st.lists(st.sampled_from([{"cel": "'a' in groups || 'dev' in groups"}, {"email_verified": True}]), max_size=1)


def build(rules: list[RuleSettings], checks: list[dict[str, object]], cap: set[str] | None) -> GrantRules:
    numbered = [replace(each, name=f"rule {n}") for n, each in enumerate(rules)]
    require = [RequirementSettings("grants.require[0]", each) for each in checks]
    return compile_rules(numbered, require, known_roles=NAMES, delegated_roles=cap)


RULES = st.builds(
    build,
    *(st.lists(PLAIN | FILLED, min_size=1, max_size=5), CHECKS),
    st.none() | st.sets(st.sampled_from(NAMES), min_size=1, max_size=4),
)
MEMBERSHIPS = st.frozensets(st.sampled_from(GROUPS), min_size=2, max_size=4)
CLAIMS = st.fixed_dictionaries({}, optional={"d": st.sampled_from(["it", "hr", 3])})
SOME = settings(max_examples=30, deadline=None)


def held_by(rules: GrantRules, groups: frozenset[str], claims: dict[str, object]) -> Held:
    """The roles of somebody with these groups; for whom somebody acts, where there is a limit for that."""
    acting = () if rules.delegated_roles is None else ("agent",)
    decision = rules.evaluate(replace(person(*groups, **claims), actors=acting)).decision
    return placed_roles(decision) if isinstance(decision, Grant) else ((), ())


def opened(judge: Policy, held: Held, asked: list[tuple[object, ...]]) -> set[object]:
    found = judge.permissions(*held)
    return {question for question in asked if answer(found, question)}


def without_denials(world: World) -> World:
    return replace(world, roles={name: replace(role, deny=()) for name, role in world.roles.items()})


def and_denials(fewer: Held, before: Held, world: World) -> Iterator[Held]:
    """What is left and the roles that deny something, or of these the denials alone."""
    denying = denying_roles(world.roles)
    everywhere, within = before
    for name in (str, denials_of):
        # Those in braces have lost their rights already: delegated access.
        kept = {
            role: role if "{" in role else name(role) for _, role in (*within, *((None, role) for role in everywhere))
        }
        kept = {role: held for role, held in kept.items() if "{" in role or role in denying}
        yield (
            (*fewer[0], *(kept[role] for role in everywhere if role in kept)),
            (*fewer[1], *((team, kept[role]) for team, role in within if role in kept)),
        )


@SOME
@given(WORLDS.map(without_denials), RULES, MEMBERSHIPS, CLAIMS, ASKED)
def test_one_group_fewer_never_opens_more_where_nothing_is_denied(world, rules, groups, claims, asked):
    judge = policy(world)
    everything = opened(judge, held_by(rules, groups, claims), asked)
    for group in groups:
        assert opened(judge, held_by(rules, groups - {group}, claims), asked) <= everything


@SOME
@given(WORLDS, RULES, MEMBERSHIPS, CLAIMS, ASKED)
def test_one_group_fewer_never_opens_more_where_denials_stay(world, rules, groups, claims, asked):
    judge, before = policy(world), held_by(rules, groups, claims)
    everything = opened(judge, before, asked)
    for group in groups:
        for held in and_denials(held_by(rules, groups - {group}, claims), before, world):
            assert opened(judge, held, asked) <= everything
