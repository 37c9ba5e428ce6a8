from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.identity.claims import ClaimPath, GroupFormat
from airflow_oidc_auth.providers.identity_builder import VerifiedDocuments, build_identity, wants_userinfo
from airflow_oidc_auth.providers.settings import GroupSource
from tests.unit.providers.making import ISSUER, make_settings

GROUPS = ClaimPath(("groups",))


def build(id_token: dict[str, Any], userinfo: dict[str, Any] | None = None, **settings: Any) -> Identity:
    return build_identity(make_settings(**settings), VerifiedDocuments(ISSUER, "s-1", id_token, userinfo))


def test_a_person_without_anything_is_still_somebody() -> None:
    identity = build({})
    assert (identity.name, identity.email, identity.email_verified, identity.groups) == (
        "s-1",
        None,
        False,
        frozenset(),
    )


@pytest.mark.parametrize("name", [7, ["Ada"], {"a": 1}, None, "", "\n"])
def test_a_name_that_is_no_text_falls_back(name: object) -> None:
    assert build({"name": name, "preferred_username": "ada"}).name == "ada"


@pytest.mark.parametrize("verified", [False, "true", "false", 1, None, [True], ["false"]])
def test_only_the_boolean_true_verifies_an_address(verified: object) -> None:
    assert not build({"email": "a@example.com", "email_verified": verified}).email_verified


def test_verified_belongs_to_the_address_it_was_said_of() -> None:
    other = {"email": "admin@example.com", "email_verified": True}
    assert not build({"email": "eve@example.com"}, other).email_verified
    assert build({"email": "eve@example.com"}, {"email": "eve@example.com", "email_verified": True}).email_verified


def test_a_verified_claim_without_address_verifies_nothing() -> None:
    assert not build({"email_verified": True}, {"email": "eve@example.com"}).email_verified


def test_the_signed_document_wins_where_both_speak() -> None:
    identity = build({"name": "Ada", "acr": "mfa"}, {"name": "Eve", "acr": "pwd", "team": "x"})
    assert (identity.name, identity.claims["acr"], identity.claims["team"]) == ("Ada", "mfa", "x")


def test_groups_come_only_from_the_configured_documents() -> None:
    sources = (GroupSource("id_token", GROUPS), GroupSource("userinfo", ClaimPath(("more",)), GroupFormat.CSV))
    assert build({"groups": ["a"]}, {"groups": ["admin"], "more": "b,c"}, groups=sources).groups == {"a", "b", "c"}
    assert build({"groups": ["a"]}, groups=(GroupSource("elsewhere", GROUPS),)).groups == frozenset()


def test_claims_stay_out_of_the_repr() -> None:
    assert "hidden-claim" not in repr(build({"x": "hidden-claim"}, {"y": "hidden-claim"}))
    assert "hidden-claim" not in repr(VerifiedDocuments(ISSUER, "s", {"x": "hidden-claim"}))


@given(st.dictionaries(st.text(), st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists)))
def test_no_document_makes_it_fail(document: dict[str, Any]) -> None:
    identity = build(document, document)
    assert identity.name
    assert all(isinstance(group, str) for group in identity.groups)


@pytest.mark.parametrize(
    ("settings", "claims", "available", "wanted"),
    [
        ({}, {"name": "Ada", "email": "a@example.com"}, True, False),
        ({}, {"name": "Ada"}, True, True),
        ({}, {"email": "a@example.com"}, True, True),
        ({}, {}, False, False),
        ({"scopes": ("openid",)}, {}, True, False),
        ({"userinfo": "always"}, {"name": "Ada", "email": "a@example.com"}, False, True),
        ({"userinfo": "never"}, {}, True, False),
        ({"userinfo": "never", "groups": (GroupSource("userinfo", GROUPS),)}, {}, True, False),
        ({"groups": (GroupSource("userinfo", GROUPS),)}, {"name": "A", "email": "a@b.c"}, False, True),
    ],
)
def test_userinfo_is_asked_only_when_needed(
    settings: dict[str, Any], claims: dict[str, Any], available: bool, wanted: bool
) -> None:
    assert wants_userinfo(make_settings(**settings), claims, available=available) is wanted


def test_thousands_of_values_that_are_no_groups_are_one_line_for_each_reason(caplog: pytest.LogCaptureFixture) -> None:
    """Each token of a program would write them again."""
    source = GroupSource("id_token", ClaimPath(("roles", "*", "name")))
    assert build({"roles": [{"name": n} for n in range(2_000)]}, groups=(source,)).groups == frozenset()
    assert len(caplog.records) == 1
