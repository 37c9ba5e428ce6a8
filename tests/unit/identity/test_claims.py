from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_oidc_auth.identity.claims import ClaimPath, parse_claim_path

DOCUMENT = {
    "groups": ["a", "b"],
    "realm_access": {"roles": ["x", "y"]},
    "https://airflow.example/roles": ["auth0"],
    "a/b": {"~": "escaped"},
    "dotted.name": "literal",
    "nothing": None,
    "orgs": [{"name": "one"}, {"name": "two"}, {"other": 1}, "text"],
}


@pytest.mark.parametrize(
    ("spelling", "values"),
    [
        ("groups", (["a", "b"],)),
        ("groups.*", ("a", "b")),
        ("groups.1", ("b",)),
        ("groups.01", ()),
        ("groups.2", ()),
        ("groups.-1", ()),
        ("realm_access.roles", (["x", "y"],)),
        ("/realm_access/roles", (["x", "y"],)),
        ("https://airflow.example/roles", (["auth0"],)),
        ("/a~1b/~0", ("escaped",)),
        ("dotted.name", ()),
        (["dotted.name"], ("literal",)),
        ("orgs.*.name", ("one", "two")),
        ("nothing", (None,)),
        ("nothing.below", ()),
        ("absent", ()),
        ("groups.length", ()),
        ("realm_access.*", ()),
    ],
)
def test_a_path_finds_every_value_at_its_place(spelling: object, values: tuple[object, ...]) -> None:
    assert parse_claim_path(spelling).find(DOCUMENT) == values


@pytest.mark.parametrize("document", [None, "groups", 3, [], True])
def test_a_document_that_is_no_object_holds_nothing(document: object) -> None:
    assert parse_claim_path("groups").find(document) == ()


@pytest.mark.parametrize(
    ("spelling", "reason"),
    [
        ("", "no empty part"),
        ("a..b", "no empty part"),
        (".a", "no empty part"),
        ("/", "no empty part"),
        ([], "no empty part"),
        (["a", ""], "no empty part"),
        (["a", 1], "quote numbers"),
        (None, "a text or a list"),
        (7, "a text or a list"),
        ({"a": 1}, "a text or a list"),
        ("/a~2", "RFC 6901"),
        (["a"] * 17, "at most"),
        ("a" * 513, "at most"),
    ],
)
def test_a_spelling_that_names_no_place_is_refused(spelling: object, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_claim_path(spelling)


@pytest.mark.parametrize(
    ("segments", "shown"),
    [
        (("groups",), "groups"),
        (("a", "b"), "a.b"),
        (("https://x/roles",), "https://x/roles"),
        (("dotted.name",), "/dotted.name"),
        (("https://x", "deep"), "/https:~1~1x/deep"),
    ],
)
def test_a_path_is_shown_as_a_person_would_write_it(segments: tuple[str, ...], shown: str) -> None:
    assert str(ClaimPath(segments)) == shown


@given(st.lists(st.text("ab./~*:", min_size=1, max_size=6), min_size=1, max_size=4))
def test_what_is_shown_reads_back_as_the_same_path(segments: list[str]) -> None:
    path = parse_claim_path(segments)
    assert parse_claim_path(str(path)) == path
