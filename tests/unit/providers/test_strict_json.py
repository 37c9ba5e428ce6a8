"""JSON from outside has one meaning, and is nested no deeper than anybody here can follow."""

from __future__ import annotations

import pytest

from airflow_oidc_auth.providers.strict_json import MAX_DEPTH, load_json


@pytest.mark.parametrize(("opened", "closed"), [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")])
def test_what_is_nested_deeper_than_a_stack_can_follow_is_refused(opened: str, closed: str) -> None:
    """The parser could read it; writing it into the session then broke the sign-in with a RecursionError."""
    times = MAX_DEPTH // len(closed)
    assert load_json(opened * times + "1" + closed * times)
    with pytest.raises(ValueError, match="nested too deeply"):
        load_json(opened * (times + 1) + "1" + closed * (times + 1))


def test_many_lists_beside_each_other_are_not_deep() -> None:
    assert load_json("[" + ",".join(["[]", "{}"] * MAX_DEPTH) + "]")


@pytest.mark.parametrize("text", ['{"a": 1, "a": 2}', "NaN", "[Infinity]", "{} {}", "", b"\xff"])
def test_what_two_readers_could_read_differently_is_refused(text: str | bytes) -> None:
    with pytest.raises(ValueError):
        load_json(text)
