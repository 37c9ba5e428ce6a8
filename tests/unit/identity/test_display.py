from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_oidc_auth.identity.display import MAX_DISPLAY, clean_email, display_name


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        (["Ada Lovelace"], "Ada Lovelace"),
        (["ada\nINFO root signed in"], "ada INFO root signed in"),
        (["ada\r\n\tx"], "ada x"),
        (["\u202egro.live"], "gro.live"),
        (["a\u200bda\x00\x1b[31m"], "ada[31m"),
        (["a\u2028b"], "a b"),
        (["   ", "\u200b", "Ada"], "Ada"),
        ([None, 7, True, ["Ada"], {"n": 1}, "Ada"], "Ada"),
        (["e\u0301"], "é"),
        ([], "sub-1"),
        (["x" * 1000], "x" * MAX_DISPLAY),
        (["\ud800"], "sub-1"),
    ],
)
def test_a_name_can_be_shown_and_logged(values: list[object], shown: str) -> None:
    assert display_name(values, "sub-1") == shown


def test_a_subject_that_cannot_be_shown_is_still_somebody() -> None:
    assert display_name([], "\u202e\x00") == "unnamed"


@given(st.lists(st.text() | st.integers() | st.none(), max_size=3), st.text())
def test_no_name_breaks_a_line_or_grows(values: list[object], fallback: str) -> None:
    name = display_name(values, fallback)
    assert name.isprintable()
    assert 0 < len(name) <= MAX_DISPLAY
    name.encode()


@pytest.mark.parametrize("address", ["ada@example.com", "a.b+c@sub.example.com", "Ada@Example.COM"])
def test_an_address_is_kept_as_it_is(address: str) -> None:
    assert clean_email(address) == address


@pytest.mark.parametrize(
    "value",
    [
        None,
        7,
        [],
        "",
        "ada",
        "@example.com",
        "ada@",
        "a@evil.com@example.com",
        "a b@example.com",
        "a@example.com\n",
        "<a@example.com>",
        '"a"@example.com',
        "a@exam\u200bple.com",
        "a@" + "b" * 260,
        "a,b@example.com",
        "\ud800@x.y",
    ],
)
def test_what_two_readers_could_read_differently_is_no_address(value: object) -> None:
    assert clean_email(value) is None
