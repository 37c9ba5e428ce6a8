from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_oidc_auth.identity.claims import GroupFormat
from airflow_oidc_auth.identity.groups import MAX_GROUPS, normalize_groups

LIST, CSV, SPACE = GroupFormat.LIST, GroupFormat.CSV, GroupFormat.SPACE


@pytest.mark.parametrize(
    ("value", "group_format", "groups"),
    [
        (["ops", "dev", "ops"], LIST, {"ops", "dev"}),
        ("ops", LIST, {"ops"}),
        ("ops,dev", LIST, {"ops,dev"}),
        ('["Admin"]', LIST, {'["Admin"]'}),
        ("ops, dev,,", CSV, {"ops", "dev"}),
        ("ops dev  qa", SPACE, {"ops", "dev", "qa"}),
        (["ops,Admin"], CSV, {"ops,Admin"}),
        (["ops Admin"], SPACE, {"ops Admin"}),
        (["", "  ", "ops"], LIST, {"ops"}),
        (["نام\u200cتیم"], LIST, {"نام\u200cتیم"}),
        ([], LIST, set()),
        (None, LIST, set()),
    ],
)
def test_groups_are_read_in_each_spelling(value: object, group_format: GroupFormat, groups: set[str]) -> None:
    assert normalize_groups(value, group_format) == normalize_groups(sorted(groups), LIST)
    assert normalize_groups(value, group_format).groups == groups


@pytest.mark.parametrize(
    ("value", "rejected"),
    [
        (7, "a value that is a number"),
        (True, "a value that is true or false"),
        ({"Admin": True}, "a value that is an object"),
        ([1], "an item that is a number"),
        ([None], "an item that is null"),
        ([["Admin"]], "an item that is a list"),
        ([{"name": "Admin"}], "an item that is an object"),
        (["Admin\n"], "a name with control characters"),
        (["Admin\u202e"], "a name with control characters"),
        (["\ud800"], "a name with control characters"),
        (["a" * 1025], "a name longer than 1024 characters"),
        (["a"] * (MAX_GROUPS + 1), f"more than {MAX_GROUPS} groups"),
    ],
)
def test_what_is_no_group_is_left_out_and_told(value: object, rejected: str) -> None:
    result = normalize_groups(value, LIST)
    assert result.groups == frozenset()
    assert result.rejected == (rejected,)


@pytest.mark.parametrize(
    ("name", "group"),
    [("/ops", {"ops"}), ("//ops", {"/ops"}), ("ops", {"ops"}), ("/", set()), ("/a/b", {"a/b"})],
)
def test_a_prefix_is_removed_once_from_groups_that_have_it(name: str, group: set[str]) -> None:
    assert normalize_groups([name], LIST, strip_prefix="/").groups == group


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(JSON, st.sampled_from(list(GroupFormat)))
def test_any_value_yields_only_clean_texts(value: object, group_format: GroupFormat) -> None:
    for group in normalize_groups(value, group_format).groups:
        assert group.strip()
        assert "\n" not in group
        group.encode()
