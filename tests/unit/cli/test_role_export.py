"""What is exported allows exactly what FAB's pairs allow; nothing is widened, nothing is dropped silently."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_oidc_auth.cli import role_export
from airflow_oidc_auth.cli.fab_roles import FabPair, FabRoles
from airflow_oidc_auth.cli.role_document import quoted, write_document
from airflow_oidc_auth.cli.role_export import PAGES_OF_FAB, RoleExport, export_roles
from airflow_oidc_auth.config.strict_yaml import parse_yaml
from airflow_oidc_auth.policy.builtin import BUILTIN_PAIRS, BUILTIN_ROLES
from airflow_oidc_auth.policy.compile import Policy
from airflow_oidc_auth.policy.fab import METHOD_OF_ACTION, compile_fab_pairs
from airflow_oidc_auth.policy.roles import RESOURCES
from tests.unit.config.documents import compile_text, document

ACTION_OF = {method: action for action, method in METHOD_OF_ACTION.items()}
SHIPPED = {
    role: frozenset((ACTION_OF[method], resource) for method, resource in pairs)
    for role, pairs in BUILTIN_PAIRS.items()
}
EVIL = "x\n  evil:\n    extends: [Op]\n#"
NAMES = st.sampled_from(
    ["finance", "Viewer", "viewer", "Admin", "no", "a: b", "{team}", "x #y", EVIL, "Ü✓🚀"]
) | st.text(min_size=1, max_size=8)
RESOURCE_NAMES = (
    st.sampled_from([*RESOURCES, *sorted(PAGES_OF_FAB), "A Plugin's View", "null", "a, b", "- x", EVIL, "\u2028", "🚀"])
    | st.builds(
        "{}{}".format, st.sampled_from(["DAG:", "DAG Run:"]), st.sampled_from(["d1", "d.2", "1", "", "a b", "x*"])
    )
    | st.text(min_size=1, max_size=6)
)
PAIRS = st.frozensets(st.tuples(st.sampled_from([*METHOD_OF_ACTION, "can_do"]), RESOURCE_NAMES), max_size=12)


def export(pairs: dict[str, frozenset[FabPair]]) -> RoleExport:
    return export_roles(FabRoles(pairs, frozenset().union(*pairs.values())))


def written(exported: RoleExport) -> str:
    return "\n".join(write_document(exported))


def left_out_of(exported: RoleExport, role: str) -> dict[str, set[FabPair]]:
    return {each.reason: set(each.pairs) for each in exported.left_out if each.role == role}


@given(fab=st.dictionaries(NAMES, PAIRS, max_size=4))
def test_exported_roles_answer_as_fabs_pairs_do(fab):
    exported = export(fab)
    roles = compile_text(document(top=written(exported))).roles
    assert list(roles) == [role.name for role in exported.roles]
    for role in exported.roles:
        missing = {pair for pairs in left_out_of(exported, role.fab_name).values() for pair in pairs}
        expected = compile_fab_pairs(fab[role.fab_name] - missing)
        assert Policy(roles).permissions([role.name]) == expected


@given(fab=st.dictionaries(NAMES, PAIRS, max_size=4))
def test_every_role_and_every_pair_is_exported_or_told(fab):
    exported = export(fab)
    told = {each.role for each in exported.left_out if not each.pairs}
    names = {role.fab_name for role in exported.roles}
    shipped = {name for name, pairs in fab.items() if pairs == SHIPPED.get(name)}
    assert names | told | shipped | ({"Admin"} & set(fab)) == set(fab)
    for role in exported.roles:
        allowed = {
            (action, name)
            for entry in role.allow
            for kind, names in entry.items()
            if kind != "actions"
            for name in (f"DAG:{each}" if kind == "dags" else each for each in names)
            for action in entry["actions"]
        }
        missing = [pair for pairs in left_out_of(exported, role.fab_name).values() for pair in pairs]
        assert len(allowed) + len(missing) == len(fab[role.fab_name])


# Control characters and lone surrogates are in no name that the configuration accepts.
TEXTS = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=10)


@given(text=TEXTS | st.sampled_from(["No", "1e3", "~", "null", "a #b", "\u2028", "0x1", "- a", "{a}", '"', "a\\nb"]))
def test_a_quoted_text_is_read_back_as_it_was(text):
    assert parse_yaml(f"k: [{quoted(text)}]").data == {"k": [text]}


def test_builtin_roles_as_fab_ships_them_are_not_exported():
    admin = frozenset(pair for pairs in SHIPPED.values() for pair in pairs)
    exported = export({**SHIPPED, "Admin": admin})
    assert exported == RoleExport((), ())
    assert written(exported).endswith("roles: {}")


def test_a_changed_builtin_role_gets_a_name_of_its_own_and_says_what_changed():
    pairs = SHIPPED["Viewer"] - {("can_read", "Pools")} | {("can_edit", "Variables")}
    exported = export({"Viewer": pairs})
    (role,) = exported.roles
    assert (role.name, role.fab_name) == ("Viewer (FAB)", "Viewer")
    assert role.changes == ("added in FAB: edit on Variables", "removed in FAB: read on Pools")
    assert "# removed in FAB: read on Pools" in written(exported)


def test_what_fabs_admin_may_not_do_is_told_because_the_native_admin_may():
    fab = FabRoles(
        {"Admin": frozenset({("can_read", "DAGs")})},
        frozenset({("can_read", "DAGs"), ("can_edit", "DAGs"), ("can_edit", "DAG:d1"), ("can_read", "DAG Run:d1")}),
    )
    exported = export_roles(fab)
    assert exported.roles == ()
    assert left_out_of(exported, "Admin") == {role_export.ADMIN_LACKS: {("can_edit", "DAGs")}}


@pytest.mark.parametrize(
    "pair, reason",
    [
        (("can_create", "DAG Run:d1"), role_export.RUNS_OF_ONE_DAG),
        (("can_create", "DAG:d1"), role_export.ACTION_ON_ONE_DAG),
        (("menu_access", "DAG:d1"), role_export.ACTION_ON_ONE_DAG),
        (("can_read", "DAG:"), role_export.NO_DAG_ID),
        (("can_read", "DAG:finance_*"), role_export.NO_DAG_ID),
        (("can_read", "Users"), role_export.PAGE_OF_FAB),
        (("can_do", "A Plugin's View"), role_export.OTHER_ACTION),
        (("can_read", EVIL), role_export.NO_NAME),
        (("can_read", " Pools"), role_export.NO_NAME),
    ],
)
def test_what_cannot_be_expressed_is_told_with_its_reason(pair, reason):
    exported = export({"finance": frozenset({pair, ("can_read", "Jobs")})})
    assert left_out_of(exported, "finance") == {reason: {pair}}
    text = written(exported)
    assert "# NOT EXPORTED from finance:" in text
    assert list(compile_text(document(top=text)).roles) == ["finance"]


@pytest.mark.parametrize(
    "name, expected",
    [
        ("viewer", "viewer (FAB)"),
        ("ADMIN", "ADMIN (FAB)"),
        ("{team}", None),
        ("x" * 65, None),
        (EVIL, None),
        (" a", None),
    ],
)
def test_a_name_that_the_configuration_refuses_is_changed_or_told(name, expected):
    exported = export({name: frozenset({("can_read", "Jobs")})})
    assert [role.name for role in exported.roles] == ([expected] if expected else [])
    assert ("NOT EXPORTED" in written(exported)) is (expected is None)
    assert set(compile_text(document(top=written(exported))).roles) == ({expected} if expected else set())


def test_a_new_name_never_takes_that_of_another_role():
    pairs = frozenset({("can_read", "Jobs")})
    other = frozenset({("can_edit", "Pools")})
    exported = export({"viewer": pairs, "viewer (FAB)": other})
    assert [(role.fab_name, role.name) for role in exported.roles] == [("viewer (FAB)", "viewer (FAB)")]
    assert left_out_of(exported, "viewer") == {role_export.NO_NAME: set()}


def test_a_role_without_rights_is_told():
    exported = export({"empty": frozenset(), "pages": frozenset({("can_read", "Users")})})
    assert exported.roles == ()
    assert [(each.role, each.reason) for each in exported.left_out if not each.pairs] == [
        ("empty", role_export.NOTHING_LEFT),
        ("pages", role_export.NOTHING_LEFT),
    ]


def test_the_builtin_names_are_those_of_the_policy():
    assert {*SHIPPED, "Admin"} == set(BUILTIN_ROLES)


def test_many_dags_are_listed_one_a_line():
    pairs = frozenset(("can_read", f"DAG:dag_{number:03}") for number in range(40))
    text = written(export({"all": pairs}))
    assert "          - dag_007\n" in text
    assert max(map(len, text.splitlines())) <= 110
