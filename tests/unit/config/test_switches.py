"""The switches of the native manager, and what is refused in FAB mode."""

from __future__ import annotations

import pytest

from airflow_oidc_auth.config.compile import compile_document
from airflow_oidc_auth.config.document import load_document
from airflow_oidc_auth.errors import ConfigurationError
from tests.unit.config.documents import compile_text, document, problems_in


@pytest.mark.parametrize("key", ["dag_access_control", "hitl_by_verified_email"])
def test_the_switches_are_off_until_they_are_written(key: str) -> None:
    rules = "rules: [{when: {group: a}, roles: [Admin]}]"
    assert getattr(compile_text(document(grants=rules)), key) is False
    assert getattr(compile_text(document(grants=f"{rules}, {key}: true")), key) is True
    (found,) = problems_in(document(grants=f"{rules}, {key}: 1"))
    assert (found.path, found.text) == (f"grants.{key}", "must be true or false, not a number")


@pytest.mark.parametrize("key", ["dag_access_control", "hitl_by_verified_email"])
def test_a_switch_of_the_native_manager_is_an_error_in_fab_mode(key: str) -> None:
    grants = "rules: [{when: {group: a}, roles: [Admin]}]"
    raw = load_document(document(grants=f"{grants}, {key}: true"), "f.yaml")
    with pytest.raises(ConfigurationError) as caught:
        compile_document(raw, secrets=None, known_roles=None)
    assert [each.path for each in caught.value.problems] == [f"grants.{key}"]
    off = load_document(document(grants=f"{grants}, {key}: false"), "f.yaml")
    assert getattr(compile_document(off, secrets=None, known_roles=None), key) is False


def test_teams_are_an_error_in_fab_mode_which_would_give_the_roles_everywhere() -> None:
    rules = "rules: [{when: {group: a}, roles: [Op]}, {when: {group: b}, roles: [Admin], teams: [red]}]"
    with pytest.raises(ConfigurationError) as caught:
        compile_document(load_document(document(grants=rules), "f.yaml"), secrets=None, known_roles=None)
    assert [each.path for each in caught.value.problems] == ["grants.rules[1].teams"]
    compile_text(document(grants=rules))
