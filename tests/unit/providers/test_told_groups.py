"""Nobody loses sight of a group that denies: what is not told is not taken for none."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from airflow_oidc_auth.errors import ProviderError
from airflow_oidc_auth.identity.claims import ClaimPath
from airflow_oidc_auth.identity.groups import MAX_GROUPS
from airflow_oidc_auth.providers.provider import Provider, SignIn
from airflow_oidc_auth.providers.settings import GroupSource
from airflow_oidc_auth.testing import FakeIdp, Misbehaviour
from tests.unit.providers.making import make_attempt

Build = Callable[..., Provider]
Run = Callable[..., SignIn]

SCOPES = ("openid", "profile", "email", "groups")
WITHOUT_GROUPS = Misbehaviour(omit_id_token_claims=("groups",))
IN_USERINFO = (GroupSource("userinfo", ClaimPath(("groups",))),)


def with_scopes(provider: Provider, idp: FakeIdp, scopes: str) -> SignIn:
    """Sign in as somebody who edits the address of the sign-in page in their browser."""
    attempt = make_attempt()
    url = provider.build_authorization_url(attempt)
    asked = "scope=openid+profile+email+groups"
    assert asked in url
    return provider.complete(attempt, idp.sign_in(url.replace(asked, f"scope={scopes}"), "ada"))


@pytest.mark.parametrize("told", [{"_claim_names": {"groups": "src1"}}, {"hasgroups": "true"}])
def test_who_is_in_too_many_groups_for_the_token_is_not_in_none(
    told: dict[str, object], idp: FakeIdp, provider_at: Build, sign_in: Run
) -> None:
    """Entra by the generic preset: its people can make groups and join them until the claim is left out."""
    idp.misbehaviour = Misbehaviour(omit_id_token_claims=("groups",), id_token_claims=told)
    with pytest.raises(ProviderError) as caught:
        sign_in(provider_at())
    assert caught.value.code == "groups_unavailable"


def test_a_claim_elsewhere_that_is_no_group_source_does_not_matter(
    idp: FakeIdp, provider_at: Build, sign_in: Run
) -> None:
    idp.misbehaviour = Misbehaviour(id_token_claims={"_claim_names": {"address": "src1", "groups": "src1"}})
    assert sign_in(provider_at()).identity.groups


def test_a_scope_that_the_browser_struck_out_hides_no_group(idp: FakeIdp, provider_at: Build) -> None:
    idp.misbehaviour = WITHOUT_GROUPS  # as Okta does without the scope
    with pytest.raises(ProviderError) as caught:
        with_scopes(provider_at(scopes=SCOPES), idp, "openid+profile+email")
    assert caught.value.code == "groups_unavailable"


def test_the_same_for_groups_in_userinfo(idp: FakeIdp, provider_at: Build) -> None:
    idp.misbehaviour = Misbehaviour(omit_userinfo_claims=("groups",))
    with pytest.raises(ProviderError) as caught:
        with_scopes(provider_at(scopes=SCOPES, groups=IN_USERINFO), idp, "openid+profile")
    assert caught.value.code == "groups_unavailable"


def test_who_is_in_no_group_gets_in_without(idp: FakeIdp, provider_at: Build) -> None:
    idp.misbehaviour = WITHOUT_GROUPS
    assert with_scopes(provider_at(scopes=SCOPES), idp, "openid+profile+email+groups").identity.groups == frozenset()


def test_groups_that_are_there_need_no_scope(idp: FakeIdp, provider_at: Build) -> None:
    assert with_scopes(provider_at(scopes=SCOPES), idp, "openid").identity.groups


def test_a_provider_that_tells_no_scopes_is_believed(idp: FakeIdp, provider_at: Build) -> None:
    idp.misbehaviour = Misbehaviour(omit_id_token_claims=("groups",), omit_from_token_response=("scope",))
    assert with_scopes(provider_at(scopes=SCOPES), idp, "openid").identity.groups == frozenset()


def test_more_groups_than_anybody_looks_at_are_not_none(idp: FakeIdp, provider_at: Build, sign_in: Run) -> None:
    """Whoever may make groups (GitLab: everybody) could make so many that those that deny are not looked at."""
    many = ["contractors", *(f"{number:x}" for number in range(MAX_GROUPS))]
    idp.misbehaviour = Misbehaviour(userinfo_claims={"groups": many})
    with pytest.raises(ProviderError) as caught:
        sign_in(provider_at(groups=IN_USERINFO))
    assert caught.value.code == "groups_unavailable"
