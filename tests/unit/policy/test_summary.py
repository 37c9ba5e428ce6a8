from __future__ import annotations

from airflow_oidc_auth.policy.compile import Policy, compile_pairs
from airflow_oidc_auth.policy.permissions import EVERYTHING
from airflow_oidc_auth.policy.summary import ResourceAccess, summarize


def test_lists_resources_by_name_with_verbs_in_one_order():
    permissions = compile_pairs(frozenset({("MENU", "Pools"), ("PUT", "Pools"), ("GET", "Pools"), ("GET", "Assets")}))
    assert summarize(permissions) == (
        ResourceAccess("Assets", ("read",)),
        ResourceAccess("Pools", ("read", "edit", "menu")),
    )


def test_a_long_list_is_by_name_too():
    names = [row.resource for row in summarize(Policy().permissions(("Op",)))]
    assert names == sorted(names)


def test_admin_has_no_list():
    assert summarize(EVERYTHING) == ()


def test_public_has_nothing():
    assert summarize(Policy().permissions(("Public",))) == ()
