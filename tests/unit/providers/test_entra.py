"""Entra ID: tenants, clouds, issuers of both versions, and groups that do not fit into a token."""

from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_oidc_auth.errors import LoginRefused, ProtocolViolation, ProviderError
from airflow_oidc_auth.identity.claims import ClaimPath
from airflow_oidc_auth.providers.presets import Given, preset
from airflow_oidc_auth.providers.settings import GroupSource
from tests.unit.providers.vendors import Vendor, settings_for

OURS = "11111111-2222-3333-4444-555555555555"
THEIRS = "99999999-8888-7777-6666-555555555555"
HOST = "https://login.microsoftonline.com"
V2 = f"{HOST}/{OURS}/v2.0"
V1 = f"https://sts.windows.net/{OURS}/"
GRAPH = "https://graph.microsoft.com/v1.0/me/getMemberObjects"
GROUP = "aaaaaaaa-0000-0000-0000-000000000001"
OVERAGE = {
    "groups": ...,
    "_claim_names": {"groups": "src1"},
    "_claim_sources": {"src1": {"endpoint": "https://graph.attacker.example/users/x/getMemberObjects"}},
}


def entra(tenant=OURS, *, discovered=V2, iss=V2, tid=OURS, **options):
    claims = {
        "sub": "pairwise-1",
        "oid": "oid-1",
        "tid": tid,
        "ver": "2.0",
        "name": "Ada Lovelace",
        "preferred_username": "ada@contoso.com",
        "email": "ada@contoso.com",
        "groups": [GROUP],
        "roles": ["Airflow.Admin"],
    }
    return Vendor(
        settings_for("entra", f"{HOST}/{tenant}/v2.0", **options),
        iss,
        f"{HOST}/{tenant}/oauth2/v2.0",
        f"{HOST}/{tenant}/v2.0/.well-known/openid-configuration",
        claims,
        discovery={"issuer": discovered},
    )


def shared(**options):
    return entra("organizations", discovered=f"{HOST}/{{tenantid}}/v2.0", **options)


def test_tenant_by_id_signs_in_with_groups_and_app_roles():
    identity = entra().sign_in().identity
    assert (identity.issuer, identity.subject) == (V2, "pairwise-1")
    assert identity.groups == {GROUP, "Airflow.Admin"}


def test_an_address_is_verified_only_if_its_domain_owner_agrees():
    assert entra().sign_in(email_verified=True).identity.email_verified is False
    assert entra().sign_in(xms_edov=True).identity.email_verified is True


def test_tenant_by_domain_takes_the_id_from_discovery():
    identity = entra("contoso.onmicrosoft.com").sign_in().identity
    assert identity.issuer == V2


def test_tenant_by_domain_rejects_the_token_of_another_tenant():
    with pytest.raises(LoginRefused) as caught:
        entra("contoso.onmicrosoft.com", iss=f"{HOST}/{THEIRS}/v2.0", tid=THEIRS).sign_in()
    assert caught.value.code == "identity_refused"


@pytest.mark.parametrize(
    "discovered", [f"{HOST}/{{tenantid}}/v2.0", f"https://evil.example/{OURS}/v2.0", f"{HOST}/x/v2.0"]
)
def test_tenant_by_domain_needs_a_discovery_document_with_an_id(discovered):
    with pytest.raises(ProviderError) as caught:
        entra("contoso.onmicrosoft.com", discovered=discovered).sign_in()
    assert caught.value.code == "discovery_issuer_mismatch"


def test_both_versions_of_a_tenant_are_the_same_person():
    assert entra().sign_in(iss=V1, ver="1.0").identity.issuer == V2


def test_v1_issuer_finds_its_own_discovery():
    settings = settings_for("entra", V1)
    assert settings.issuer == V1
    assert settings.issuer_aliases == (V2,)
    assert settings.discovery_url == f"{HOST}/{OURS}/.well-known/openid-configuration"


def test_multi_tenant_accepts_a_listed_tenant_and_names_it_in_the_identity():
    assert shared(tenants=[OURS.upper(), THEIRS]).sign_in().identity.issuer == V2


def test_multi_tenant_refuses_a_genuine_token_of_an_unlisted_tenant():
    with pytest.raises(LoginRefused) as caught:
        shared(tenants=[THEIRS]).sign_in()
    assert caught.value.code == "identity_refused"
    assert caught.value.evidence["tid"] == OURS


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"tid": THEIRS}, id="tid of a listed tenant, iss of another"),
        pytest.param({"tid": ...}, id="no tid"),
        pytest.param({"tid": 7}, id="tid is a number"),
        pytest.param({"tid": "{tenantid}", "iss": f"{HOST}/{{tenantid}}/v2.0"}, id="the template itself"),
        pytest.param({"tid": "", "iss": f"{HOST}//v2.0"}, id="empty tid"),
        pytest.param({"iss": f"https://login.microsoftonline.com.evil.example/{OURS}/v2.0"}, id="foreign host"),
        pytest.param({"iss": f"{HOST}/{OURS}/v2.0/"}, id="further slash"),
    ],
)
def test_multi_tenant_rejects_an_issuer_that_does_not_fit(changes):
    with pytest.raises(ProtocolViolation) as caught:
        shared(tenants=[OURS, THEIRS]).sign_in(**changes)
    assert caught.value.code == "id_token_issuer"


def test_multi_tenant_resolves_a_tenant_that_is_listed_by_domain():
    paper = shared(tenants=["contoso.com"])
    paper.transport.answer("GET", f"{HOST}/contoso.com/v2.0/.well-known/openid-configuration", {"issuer": V2})
    assert paper.sign_in().identity.issuer == V2


def test_multi_tenant_does_not_accept_a_domain_that_belongs_to_another_tenant():
    paper = shared(tenants=["contoso.com"])
    other = {"issuer": f"{HOST}/{THEIRS}/v2.0"}
    paper.transport.answer("GET", f"{HOST}/contoso.com/v2.0/.well-known/openid-configuration", other)
    with pytest.raises(LoginRefused) as caught:
        paper.sign_in()
    assert caught.value.code == "identity_refused"


def test_group_overage_is_resolved_at_graph_and_nowhere_else():
    paper = entra()
    paper.transport.answer("POST", GRAPH, {"value": [GROUP, "b"]})
    assert paper.sign_in(**OVERAGE).identity.groups == {GROUP, "b", "Airflow.Admin"}
    (call,) = paper.transport.calls_to("https://graph.microsoft.com")
    assert call.json == {"securityEnabledOnly": True}
    assert call.headers["Authorization"] == "Bearer opaque-access-token"
    assert not paper.transport.calls_to("https://graph.attacker.example")


def test_graph_is_not_asked_when_the_groups_fit():
    paper = entra()
    paper.sign_in(_claim_names={"address": "src1"})
    assert not paper.transport.calls_to("https://graph")


@pytest.mark.parametrize(
    "status, document",
    [
        (403, {"error": {"code": "Authorization_RequestDenied"}}),
        (401, {}),
        (404, {}),
        (200, {"value": None}),
        (200, {"value": [GROUP, 7]}),
        (200, {"value": [GROUP, ""]}),
        (200, {"value": [GROUP], "@odata.nextLink": "https://graph.microsoft.com/v1.0/next"}),
    ],
)
def test_nobody_signs_in_with_fewer_groups_than_they_have(status, document):
    paper = entra()
    paper.transport.answer("POST", GRAPH, document, status=status)
    with pytest.raises(ProviderError) as caught:
        paper.sign_in(**OVERAGE)
    assert caught.value.code == "groups_unavailable"
    assert "opaque-access-token" not in f"{caught.value!r}{caught.value.evidence}"


def test_overage_that_may_not_be_resolved_refuses_sign_in():
    with pytest.raises(ProviderError) as caught:
        entra(resolve_overage=False).sign_in(**OVERAGE)
    assert caught.value.code == "groups_unavailable"


def test_who_maps_app_roles_only_does_not_depend_on_graph():
    paper = entra()
    paper.settings = replace(paper.settings, groups=(GroupSource("id_token", ClaimPath(("roles",))),))
    assert paper.sign_in(**OVERAGE).identity.groups == {"Airflow.Admin"}


@pytest.mark.parametrize(
    "issuer, cloud, expected, graph",
    [
        (f"{HOST}/{OURS.upper()}/v2.0/", None, V2, "https://graph.microsoft.com"),
        (f"{HOST}/{OURS}", None, V2, "https://graph.microsoft.com"),
        (
            f"https://login.microsoftonline.us/{OURS}/v2.0",
            None,
            f"https://login.microsoftonline.us/{OURS}/v2.0",
            "https://graph.microsoft.us",
        ),
        (
            f"https://login.partner.microsoftonline.cn/{OURS}/v2.0",
            "china",
            f"https://login.partner.microsoftonline.cn/{OURS}/v2.0",
            "https://microsoftgraph.chinacloudapi.cn",
        ),
        (V1, "usgov", V1, "https://graph.microsoft.us"),
    ],
)
def test_clouds_and_spellings(issuer, cloud, expected, graph):
    settings = settings_for("entra", issuer, **({"cloud": cloud} if cloud else {}))
    assert (settings.issuer, settings.options["graph"]) == (expected, graph)


@pytest.mark.parametrize(
    "issuer, options, path",
    [
        (None, {}, "issuer"),
        (f"{HOST}/common/v2.0", {}, "issuer"),
        (f"{HOST}/organizations/v2.0", {}, "issuer"),
        (f"{HOST}/organizations/v2.0", {"tenants": []}, "tenants"),
        (f"{HOST}/organizations/v2.0", {"tenants": [OURS, "my company"]}, "tenants[1]"),
        (f"{HOST}/organizations/v2.0", {"tenants": [7]}, "tenants[0]"),
        (V2, {"tenants": [THEIRS]}, "tenants"),
        (V2, {"cloud": "china"}, "cloud"),
        (V2, {"cloud": "germany"}, "cloud"),
        (V2, {"resolve_overage": "yes"}, "resolve_overage"),
        (f"{HOST}/acme/v2.0", {}, "issuer"),
        (f"{HOST}/v2.0", {}, "issuer"),
        (HOST, {}, "issuer"),
        ("https://acme.ciamlogin.com/x/v2.0", {}, "issuer"),
        (f"http://login.microsoftonline.com/{OURS}/v2.0", {}, "issuer"),
        ("https://sts.windows.net/contoso.com/", {}, "issuer"),
    ],
)
def test_configuration_mistakes_are_told_with_their_place(issuer, options, path):
    problems = preset("entra").check(Given(issuer=issuer, options=options))
    assert [problem.path for problem in problems] == [path]
