from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_oidc_auth.grants.digest import grant_digest
from airflow_oidc_auth.grants.grant import Grant, RuleMatch
from airflow_oidc_auth.sessions.grant_document import dump_grant, parse_grant, parse_roles

names = st.lists(st.text(), max_size=4).map(tuple)
grants = st.builds(
    Grant,
    roles=st.lists(st.text(), min_size=1, max_size=4).map(lambda items: tuple(sorted(items))),
    teams=names,
    matches=st.lists(st.builds(RuleMatch, st.text(), st.text(), names, names, names), max_size=3).map(tuple),
    verified_email=st.none() | st.emails(),
)


@given(grants)
def test_comes_back_whole_and_is_ascii(grant):
    text = dump_grant(grant)
    assert text.isascii()
    assert parse_grant(text, grant_digest(grant)) == grant


@given(grants, grants)
def test_roles_and_teams_of_another_grant_are_refused(grant, other):
    if grant_digest(grant) != grant_digest(other):
        with pytest.raises(ValueError, match="digest"):
            parse_grant(dump_grant(other), grant_digest(grant))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        '{"roles":null,"teams":[],"matches":[]}',
        '{"roles":["Admin",1],"teams":[],"matches":[]}',
        '{"roles":{"Admin":1},"teams":[],"matches":[]}',
        '{"roles":["Admin"],"teams":[],"matches":[{}]}',
        '{"roles":["Admin"],"teams":[],"matches":[null]}',
        '{"roles":["Admin"],"teams":[],"matches":[{"rule":"r","path":"p","roles":"Admin","teams":[],"because":[]}]}',
    ],
)
def test_malformed_documents_are_refused(text):
    with pytest.raises(ValueError, match=r".+"):
        parse_grant(text, grant_digest(Grant(("Admin",))))


def test_a_grant_without_roles_is_refused_even_with_its_digest():
    nothing = Grant(())
    with pytest.raises(ValueError, match="no roles"):
        parse_grant(dump_grant(nothing), grant_digest(nothing))


def test_role_names_are_strings():
    assert parse_roles(json.dumps(["Admin"])) == ("Admin",)
    with pytest.raises(ValueError, match="no string"):
        parse_roles("[null]")
