"""How each vendor's refresh differs, with documents of the shape that the vendor publishes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_oidc_auth.errors import LoginRefused, ProtocolViolation, ProviderError
from airflow_oidc_auth.providers.confirming import ConfirmationInterrupted, Confirms
from airflow_oidc_auth.providers.presets import preset, preset_names, saml_preset_names
from airflow_oidc_auth.providers.presets.google import GROUPS_URL
from airflow_oidc_auth.providers.provider import HeldTokens
from airflow_oidc_auth.secret import Secret
from tests.unit.providers.test_entra import GRAPH, GROUP, OURS, OVERAGE, THEIRS, V2, entra, shared
from tests.unit.providers.test_google_groups import membership
from tests.unit.providers.test_presets_sign_in import (
    auth0,
    cloudfoundry,
    cognito,
    generic,
    gitlab,
    google,
    keycloak,
    okta,
)
from tests.unit.providers.vendors import NOW, Vendor, attempt, token

HELD = HeldTokens(Secret("a.b.c"), Secret("refresh-1"))
VENDORS = [generic, auth0, okta, entra, keycloak, gitlab, cognito, cloudfoundry, google]


def known(paper: Vendor):
    return paper.sign_in().identity


def refreshed(paper: Vendor, before, *, access_claims=None, rotated="refresh-2", **changes):
    """Confirm with a refresh answer whose id_token has these changes (``...`` removes a claim)."""
    access_token = "opaque-access-token"
    claims = access_claims or paper.access_claims
    if claims is not None:
        access_token = token({"iss": paper.iss, "iat": NOW, "exp": NOW + 3600, "sub": paper.claims["sub"], **claims})
    answer = {"access_token": access_token, "token_type": "bearer", "expires_in": 3600}
    answer["id_token"] = paper.id_token(**{"nonce": ..., **changes})
    answer |= {"refresh_token": rotated} if rotated else {}
    paper.transport.answer("POST", paper._token_endpoint, answer)
    return paper.provider().confirm(HELD, before)


def refused(paper: Vendor, before, error: str, status: int = 400):
    paper.transport.answer("POST", paper._token_endpoint, {"error": error}, status=status)
    return paper.provider().confirm(HELD, before)


def by_access_token(paper: Vendor, before):
    return paper.provider().confirm(HeldTokens(access_token=Secret(f"{NOW + 3600} the-access-token")), before)


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_refresh_confirms_the_same_person_with_the_same_groups(vendor):
    paper = vendor()
    before = known(paper)
    confirmation = refreshed(paper, before)
    assert (confirmation.identity.issuer, confirmation.identity.subject) == (before.issuer, before.subject)
    assert (confirmation.identity.groups, confirmation.identity.name) == (before.groups, before.name)
    assert (confirmation.identity.email, confirmation.identity.email_verified) == (before.email, before.email_verified)
    assert confirmation.tokens.refresh_token == Secret("refresh-2")


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_vendor_that_does_not_rotate_keeps_its_refresh_token(vendor):
    paper = vendor()
    assert refreshed(paper, known(paper), rotated=None).tokens.refresh_token == Secret("refresh-1")


@pytest.mark.parametrize("vendor", VENDORS)
def test_invalid_grant_ends_the_session_at_every_vendor(vendor):
    paper = vendor()
    before = known(paper)
    with pytest.raises(LoginRefused, match="session_refused_by_provider"):
        refused(paper, before, "invalid_grant")


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_refreshed_token_of_a_foreign_issuer_is_refused(vendor):
    paper = vendor()
    before = known(paper)
    with pytest.raises(ConfirmationInterrupted, match="id_token_issuer"):
        refreshed(paper, before, iss="https://idp.attacker.example")


@pytest.mark.parametrize(
    "vendor, claim", [(okta, "groups"), (keycloak, "groups"), (cognito, "cognito:groups"), (entra, "groups")]
)
def test_vendors_that_leave_an_empty_claim_out_mean_that_there_are_no_groups(vendor, claim):
    paper = vendor()
    before = known(paper)
    confirmation = refreshed(paper, before, **{claim: ...})
    assert confirmation.identity.groups == before.groups & {"Airflow.Admin"}
    assert claim not in confirmation.identity.claims


def test_an_unknown_vendor_that_leaves_the_claim_out_may_mean_anything():
    paper = generic()
    assert refreshed(paper, known(paper), groups=...).identity is None


def test_offline_access_is_asked_for_where_it_is_needed_and_cannot_hurt():
    asking = {name for name in preset_names() if "offline_access" in preset(name).scopes}
    assert asking == {"auth0", "entra"}
    assert "offline_access" in entra().settings.scopes
    assert "offline_access" in entra(resolve_overage=False).settings.scopes


def test_keycloak_is_never_asked_for_sessions_that_outlive_logout():
    assert "offline_access" not in keycloak().settings.scopes


@pytest.mark.parametrize("vendor", VENDORS)
def test_only_entra_is_told_the_scopes_again(vendor):
    paper = vendor()
    before = known(paper)
    refreshed(paper, before)
    form = paper.transport.calls_to(paper._token_endpoint)[-1].form
    expected = "openid profile email offline_access User.Read" if vendor is entra else None
    assert form.get("scope") == expected


def test_entra_overage_is_resolved_at_each_recheck():
    paper = entra()
    before = known(paper)
    paper.transport.answer("POST", GRAPH, {"value": [GROUP, "g-2"]})
    assert refreshed(paper, before, **OVERAGE).identity.groups == {GROUP, "g-2", "Airflow.Admin"}


@pytest.mark.parametrize("status, document", [(403, {}), (200, {"value": "x"})])
def test_entra_graph_that_does_not_answer_takes_no_group_away(status, document):
    paper = entra()
    before = known(paper)
    paper.transport.answer("POST", GRAPH, document, status=status)
    with pytest.raises(ConfirmationInterrupted, match="groups_unavailable") as caught:
        refreshed(paper, before, **OVERAGE)
    assert caught.value.tokens.refresh_token == Secret("refresh-2")


def test_entra_does_not_hand_a_session_to_another_tenant():
    paper = shared(tenants=[OURS, THEIRS])
    before = known(paper)
    with pytest.raises(ProtocolViolation, match="refreshed_issuer"):
        refreshed(paper, before, iss=V2.replace(OURS, THEIRS), tid=THEIRS)


def test_entra_tenant_that_is_accepted_no_longer_ends_the_session():
    before = known(shared(tenants=[OURS, THEIRS]))
    with pytest.raises(LoginRefused, match="identity_refused"):
        refreshed(shared(tenants=[THEIRS]), before)


def test_entra_that_asks_for_a_second_factor_ends_the_session():
    paper = entra()
    before = known(paper)
    with pytest.raises(LoginRefused, match="session_refused_by_provider"):
        refused(paper, before, "interaction_required")


def test_auth0_denial_by_an_action_ends_the_session():
    paper = auth0()
    before = known(paper)
    with pytest.raises(LoginRefused, match="session_refused_by_provider"):
        refused(paper, before, "access_denied", 403)
    other = generic()
    before = known(other)
    with pytest.raises(ProviderError, match="token_request_refused"):
        refused(other, before, "access_denied", 403)


def test_auth0_reads_the_url_named_claim_again():
    paper = auth0()
    before = known(paper)
    assert refreshed(paper, before, **{"https://airflow.example/groups": ["other"]}).identity.groups == {"other"}
    assert refreshed(paper, before, **{"https://airflow.example/groups": ...}).identity.groups == frozenset()


def test_uaa_revoked_token_ends_the_session_and_a_wrong_client_secret_does_not():
    paper = cloudfoundry()
    before = known(paper)
    with pytest.raises(LoginRefused, match="session_refused_by_provider"):
        refused(paper, before, "invalid_token", 401)
    for error in ("unauthorized", "invalid_client"):
        with pytest.raises(ProviderError):
            refused(paper, before, error, 401)


def test_uaa_scopes_of_the_new_access_token_count():
    paper = cloudfoundry()
    before = known(paper)
    now = {**paper.access_claims, "scope": ["openid", "airflow.read"]}
    assert refreshed(paper, before, access_claims=now).identity.groups == {"openid", "airflow.read"}


def test_gitlab_groups_of_userinfo_count():
    paper = gitlab()
    before = known(paper)
    paper.transport.answer("GET", "https://gitlab.com/oauth/userinfo", {**paper.userinfo, "groups": ["acme"]})
    assert refreshed(paper, before).identity.groups == {"acme"}


def with_userinfo(paper: Vendor, **claims) -> Vendor:
    return replace(paper, userinfo={"sub": paper.claims["sub"], "email": "ada@example.com", **claims})


def test_google_without_refresh_token_is_confirmed_by_userinfo():
    before = known(google())
    paper = with_userinfo(google(), hd="example.com", email_verified=True)
    assert by_access_token(paper, before).identity.groups == {"example.com"}


def test_google_asks_for_todays_groups_also_without_refresh_token():
    before = replace(known(google()), groups=frozenset({"example.com", "ops@example.com"}))
    paper = with_userinfo(google(cloud_identity_groups=True), hd="example.com", email_verified=True)
    paper.transport.answer("GET", GROUPS_URL, {"memberships": [membership("staff@example.com")]})
    assert by_access_token(paper, before).identity.groups == {"example.com", "staff@example.com"}


def test_google_account_that_left_the_workspace_domain_is_refused():
    paper = google(hosted_domain="example.com")
    before = known(paper)
    for changes in ({"hd": ...}, {"hd": "elsewhere.example"}):
        with pytest.raises(LoginRefused, match="identity_refused"):
            refreshed(paper, before, **changes)


def test_google_offline_access_is_a_parameter_and_not_a_scope():
    paper = google()
    offline = {"access_type": "offline", "prompt": "consent"}
    paper.settings = replace(paper.settings, authorization_parameters=offline)
    url = paper.provider().build_authorization_url(attempt())
    assert "access_type=offline" in url
    assert "offline_access" not in url


def test_userinfo_of_auth0_gives_fresh_groups_and_known_ones_are_not_taken_for_fresh():
    before = known(auth0())
    fresh = with_userinfo(auth0(), **{"https://airflow.example/groups": []})
    assert by_access_token(fresh, before).identity.groups == frozenset()
    silent = with_userinfo(auth0())
    assert by_access_token(silent, before).identity is None


def test_a_refreshed_token_about_another_person_is_refused_at_entra_too():
    paper = entra()
    before = known(paper)
    with pytest.raises(ProtocolViolation, match="refreshed_subject"):
        refreshed(paper, before, sub="pairwise-2")


def test_saml_providers_have_nothing_to_confirm_with():
    from airflow_oidc_auth.providers.saml.provider import SamlProvider

    assert saml_preset_names()
    assert not issubclass(SamlProvider, Confirms)
