"""Random roles, DAGs, people and questions, out of few names, so that they meet often."""

from __future__ import annotations

from random import Random

from hypothesis import strategies as st

from airflow_oidc_auth.policy.compile import Policy
from airflow_oidc_auth.policy.dag_index import FixedIndex
from airflow_oidc_auth.policy.permissions import Permissions
from airflow_oidc_auth.policy.roles import RoleSettings
from airflow_oidc_auth.policy.selectors import DagFacts, DagSelector, NameSelector
from airflow_oidc_auth.policy.statements import MACROS, NAMED_RESOURCES, PARTS, Statement
from airflow_oidc_auth.policy.vocabulary import ENTITY_RESOURCES, MENU_RESOURCES, METHODS, VIEW_RESOURCES
from tests.unit.policy import reference
from tests.unit.policy.reference import Held, World

IDS = ("a", "ab", "abc", "b_1", "b_2", "c", "new", "*")
GLOBS = ("*", "**", "a", "ab", "a*", "*b", "*b*", "?", "b_?", "a?c", "*c", "a*c", "new")
TAGS, OWNERS, BUNDLES, TEAMS = ("red", "blue"), ("ann", "bob"), ("git", "local"), ("fin", "ops")
ROLES = ("one", "two", "three")
HELD = (*ROLES, "Admin", "Op", "User", "Viewer", "Public", "nobody")
VERBS = ("read", "create", "edit", "delete")
RESOURCES = (
    "DAGs",
    "DAG Runs",
    "Task Instances",
    "Task Logs",
    "XComs",
    "Audit Logs",
    "Connections",
    "Pools",
    "Website",
)
RESOURCES += ("Configurations", "Assets", "Documentation", "Jobs")
PLUGINS = ("My plugin", "My other", "Their plugin")

Question = tuple[object, ...]


def some(*values: str, most: int = 2, least: int = 0) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(values), min_size=least, max_size=most, unique=True).map(tuple)


_DAGS = st.builds(
    DagSelector,
    ids=st.one_of(some(*GLOBS, least=1), some(*GLOBS)),
    tags=st.one_of(st.just(()), some("red", "r*", "*")),
    owners=st.one_of(st.just(()), some("ann", "?ob")),
    bundles=st.one_of(st.just(()), some("git", "l*", "*")),
    teams=st.one_of(st.just(()), some("fin", "o*", "*")),
)
_NAMES = st.builds(NameSelector, names=some("a", "a*", "*", "b_?"), teams=st.one_of(st.just(()), some("fin", "*")))
_NAMED = tuple(kind for kind in NAMED_RESOURCES if kind != "configuration")

STATEMENTS = st.one_of(
    st.builds(Statement, some(*VERBS, "menu", least=1), st.just("resources"), some(*RESOURCES, least=1, most=4)),
    st.builds(Statement, some(*VERBS, *MACROS, least=1), st.just("dags"), _DAGS),
    st.builds(Statement, some(*VERBS, *MACROS, least=1), st.just("dags"), _DAGS, some(*PARTS, least=1)),
    st.builds(Statement, some(*VERBS, least=1), st.sampled_from(_NAMED), _NAMES),
    st.builds(Statement, st.just(("read",)), st.just("configuration"), some("core", "l*", "*", least=1)),
    st.builds(Statement, some("read", "menu", least=1), st.just("custom_views"), some(*PLUGINS, "My*", "*", least=1)),
)
_LINES = st.lists(STATEMENTS, max_size=4).map(tuple)


def _role(name: str) -> st.SearchStrategy[RoleSettings]:
    extends = st.one_of(st.just(()), some(*ROLES, "Viewer", "User", "Op", "Admin"))
    return st.builds(RoleSettings, st.just(name), _LINES, st.one_of(st.just(()), _LINES), extends)


ROLE_SETS = st.fixed_dictionaries({name: _role(name) for name in ROLES})


def _facts(seed: int) -> dict[str, DagFacts]:
    chance = Random(seed)
    return {dag_id: _fact(dag_id, chance) for dag_id in IDS[:6] if chance.random() < 0.9}


def _fact(dag_id: str, chance: Random) -> DagFacts:
    tags, owners = (frozenset(chance.sample(names, chance.randint(0, 2))) for names in (TAGS, OWNERS))
    said = {chance.choice(HELD): frozenset(chance.sample(("GET", "PUT", "DELETE"), 2))} if chance.random() < 0.3 else {}
    return DagFacts(dag_id, tags, owners, chance.choice((None, *BUNDLES)), chance.choice((None, None, *TEAMS)), said)


# What is drawn by Hypothesis can be made smaller; roles are worth it, and the rest costs time only.
SEEDS = st.integers(min_value=0, max_value=1 << 32)
FACTS = SEEDS.map(_facts)
WORLDS = st.builds(World, ROLE_SETS, FACTS, st.booleans())
PEOPLE: st.SearchStrategy[Held] = st.tuples(
    st.lists(st.sampled_from((*ROLES, *HELD)), max_size=2).map(tuple),
    st.lists(st.tuples(st.sampled_from(TEAMS), st.sampled_from((*ROLES, *HELD))), max_size=2).map(tuple),
)
METHODS_ASKED = (*METHODS, "GET", "PUT", "LOOK")
ENTITIES_ASKED = (None, None, *ENTITY_RESOURCES, "SHADOW")
_TEAMS_ASKED = (None, None, *TEAMS)
_THINGS = (*NAMED_RESOURCES.values(), *RESOURCES)
_ASKED: tuple[tuple[tuple[object, ...], ...], ...] = (
    (("dag",), METHODS_ASKED, ENTITIES_ASKED, (*IDS, None, None), _TEAMS_ASKED),
    (("dag",), ("GET", "PUT", "POST"), (None, "RUN", "TASK_INSTANCE"), IDS[:7], (None,)),
    (("thing",), METHODS_ASKED, _THINGS, ("a", "ab", "core", None), _TEAMS_ASKED),
    (("thing",), ("GET", "PUT", "POST"), ("Connections", "Pools"), ("a", "ab", None), _TEAMS_ASKED),
    (("view",), (*VIEW_RESOURCES, "CRYSTAL_BALL")),
    (("menu",), (*MENU_RESOURCES, "CRYSTAL_BALL")),
    (("custom",), ("GET", "can_read", "menu_access", "LOOK"), (*_THINGS, *PLUGINS, *PLUGINS)),
    (("team",), TEAMS),
)


def _questions(seed: int) -> list[Question]:
    chance = Random(seed)
    kinds = chance.choices(_ASKED, weights=(6, 6, 3, 3, 1, 1, 2, 1), k=60)
    return [tuple(chance.choice(values) for values in kind) for kind in kinds]


ASKED = SEEDS.map(_questions)


def policy(world: World) -> Policy:
    return Policy(world.roles, FixedIndex(world.dags), access_control=world.access_control)


def permissions(world: World, held: Held) -> Permissions:
    return policy(world).permissions(*held)


def answer(found: Permissions, question: Question) -> bool:
    """The answer of the compiled policy."""
    kind, *asked = question
    return {
        "dag": found.allows_dag,
        "thing": found.allows_named,
        "view": found.allows_view,
        "menu": found.allows_menu_item,
        "custom": found.allows_custom_view,
        "team": found.in_team,
    }[str(kind)](*asked)


def obvious(world: World, held: Held, question: Question) -> bool:
    """The answer of the reference."""
    kind, *asked = question
    if kind == "dag" and not asked[2]:
        return reference.allows_dag_list(world, held, *asked[:2])
    return {
        "dag": reference.allows_dag,
        "thing": reference.allows_thing,
        "view": reference.allows_view,
        "menu": reference.allows_menu,
        "custom": reference.allows_custom,
        "team": reference.in_team,
    }[str(kind)](world, held, *asked)
