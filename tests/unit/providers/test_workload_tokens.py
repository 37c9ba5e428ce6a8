"""Tokens in the shapes that the vendors publish, signed by test keys: who they are, and what a rule makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from airflow_oidc_auth.config.compile import compile_document
from airflow_oidc_auth.config.document import load_document
from airflow_oidc_auth.errors import TokenRefused
from airflow_oidc_auth.grants.grant import Grant
from airflow_oidc_auth.providers.bearer import BearerToken, build_bearer_issuers
from airflow_oidc_auth.providers.presets import workload_preset_names
from airflow_oidc_auth.testing import RecordedTransport
from tests.unit.providers.vendors import NOW, keys, token

OURS = "https://airflow.example.com"
TENANT = "11111111-2222-3333-4444-555555555555"
OID = "5f0d9c1e-6f7b-4d3c-9a53-0c8a4f2b7d11"
APP = "9b1f3c5d-2a4e-4c6b-8d7f-1e3a5c7b9d20"
STS = "https://sts.amazonaws.com/"


@dataclass(frozen=True)
class Issued:
    """One vendor's token.

    :param when: a rule that is for it
    :param typ: of the header, None for none
    :param person: what a token of this issuer looks like that is not a program's; merged over the claims
    """

    preset: str
    iss: str
    claims: Mapping[str, Any]
    when: str
    name: str
    typ: str | None = "JWT"
    issuer: str | None = None
    lifetime: int = 300
    person: Mapping[str, Any] = field(default_factory=dict)
    more: str = ""


GITHUB = Issued(
    "github-actions",
    "https://token.actions.githubusercontent.com",
    {
        "jti": "6f2a1f4c-0d1e-4d7c-9f0a-3b9d3f6b5c11",
        "sub": "repo:acme/etl:environment:production",
        "environment": "production",
        "ref": "refs/heads/main",
        "sha": "9d1b6c3a7f0e4b2d8c5a6f1e0b3d4c7a8e9f0a1b",
        "repository": "acme/etl",
        "repository_owner": "acme",
        "actor_id": "12",
        "repository_visibility": "private",
        "repository_id": "74",
        "repository_owner_id": "65",
        "run_id": "4242424242",
        "run_number": "10",
        "run_attempt": "2",
        "runner_environment": "github-hosted",
        "actor": "octocat",
        "workflow": "deploy",
        "head_ref": "",
        "base_ref": "",
        "event_name": "workflow_dispatch",
        "ref_type": "branch",
        "job_workflow_ref": "acme/ci/.github/workflows/deploy.yml@refs/heads/main",
    },
    "{claims: {repository: acme/etl, environment: production}}",
    "acme/etl",
    person={"repository": ...},
)
GITLAB = Issued(
    "gitlab-ci",
    "https://gitlab.example.com",
    {
        "namespace_id": "72",
        "namespace_path": "acme",
        "project_id": "20",
        "project_path": "acme/etl",
        "user_id": "1",
        "user_login": "ada",
        "user_email": "ada@example.com",
        "user_access_level": "developer",
        "pipeline_id": "574",
        "pipeline_source": "push",
        "job_id": "302",
        "ref": "main",
        "ref_type": "branch",
        "ref_path": "refs/heads/main",
        "ref_protected": "true",
        "runner_id": 1,
        "runner_environment": "self-hosted",
        "sha": "714a629c0b401fdce83e847fc9589983fc6f46bc",
        "project_visibility": "private",
        "ci_config_ref_uri": "gitlab.example.com/acme/etl//.gitlab-ci.yml@refs/heads/main",
        "jti": "235b3a54-b797-45c7-ae9a-f72d7bc6ef5b",
        "sub": "project_path:acme/etl:ref_type:branch:ref:main",
    },
    '{claims: {project_path: acme/etl, ref_protected: "true"}}',
    "acme/etl",
    issuer="https://gitlab.example.com/",
    person={"sub": "42", "project_path": ..., "job_id": ..., "name": "Ada", "groups_direct": ["acme"]},
)
KUBERNETES = Issued(
    "kubernetes",
    "https://kubernetes.default.svc.cluster.local",
    {
        "jti": "ea28ed49-2e11-4280-9ec5-bc3d1d84661a",
        "kubernetes.io": {
            "namespace": "data",
            "node": {"name": "node-1", "uid": "646e7c5e-32d6-4d42-9dbd-e504e6cbe6b1"},
            "pod": {"name": "etl-5d9", "uid": "5e0bd49b-f040-43b0-99b7-22765a53f7f3"},
            "serviceaccount": {"name": "etl", "uid": "14ee3fa4-a7e2-420f-9f9a-dbc4507c3798"},
        },
        "sub": "system:serviceaccount:data:etl",
    },
    "{claims: {sub: 'system:serviceaccount:data:etl'}}",
    "system:serviceaccount:data:etl",
    typ=None,
    issuer="https://kubernetes.default.svc.cluster.local",
    lifetime=3607,
    person={"sub": "system:node:node-1"},
)
EKS = replace(
    KUBERNETES,
    preset="aws",
    iss="https://oidc.eks.eu-central-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE",
    issuer="https://oidc.eks.eu-central-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE",
    when="{claims: {/kubernetes.io/namespace: data}}",
)
AWS = Issued(
    "aws",
    "https://abc12345-def4-5678-90ab-cdef12345678.tokens.sts.global.api.aws",
    {
        "sub": "arn:aws:iam::123456789012:role/DataProcessingRole",
        "jti": "0c2d3e4f-5a6b-4c7d-8e9f-a0b1c2d3e4f5",
        STS: {
            "aws_account": "123456789012",
            "source_region": "eu-central-1",
            "org_id": "o-abc1234567",
            "principal_tags": {"team": "data"},
        },
    },
    '{claims: {"/https:~1~1sts.amazonaws.com~1/aws_account": "123456789012"}}',
    "arn:aws:iam::123456789012:role/DataProcessingRole",
    issuer="https://abc12345-def4-5678-90ab-cdef12345678.tokens.sts.global.api.aws",
    person={"sub": "ada@example.com"},
)
AZURE = Issued(
    "azure-workload",
    f"https://sts.windows.net/{TENANT}/",
    {
        "aio": "E2NgYPj…",
        "appid": APP,
        "appidacr": "2",
        "idp": f"https://sts.windows.net/{TENANT}/",
        "oid": OID,
        "rh": "0.AX…",
        "roles": ["Airflow.Run"],
        "sub": OID,
        "tid": TENANT,
        "uti": "x",
        "ver": "1.0",
        "xms_mirid": "/subscriptions/22222222-2222-3333-4444-555555555555/resourcegroups/data/providers/"
        "Microsoft.ManagedIdentity/userAssignedIdentities/etl",
    },
    "{group: Airflow.Run}",
    APP,
    issuer=f"https://login.microsoftonline.com/{TENANT}/v2.0",
    lifetime=86_700,
    person={"scp": "user_impersonation", "sub": "pairwise", "name": "Ada", "roles": ...},
)
AZURE_V2 = replace(
    AZURE,
    iss=f"https://login.microsoftonline.com/{TENANT}/v2.0",
    claims={"azp": APP, "azpacr": "2", "oid": OID, "sub": OID, "tid": TENANT, "ver": "2.0", "idtyp": "app"},
    when=f"{{claims: {{azp: {APP}}}}}",
    name=APP,
)
GOOGLE = Issued(
    "gcp-workload",
    "https://accounts.google.com",
    {
        "azp": "104857600000000000000",
        "email": "etl@acme-data.iam.gserviceaccount.com",
        "email_verified": True,
        "sub": "104857600000000000000",
        "google": {"compute_engine": {"project_id": "acme-data", "zone": "europe-west3-a"}},
    },
    '{claims: {email: {glob: "*@acme-data.iam.gserviceaccount.com"}}}',
    "etl@acme-data.iam.gserviceaccount.com",
    lifetime=3600,
    person={"azp": "client.apps.googleusercontent.com", "sub": "1", "email": "eve@acme-data.iam.gserviceaccount.com"},
)
UAA = Issued(
    "cloudfoundry-clients",
    "https://uaa.cf.example.com/oauth/token",
    {
        "jti": "f3a8b6c7d2e14b5f9a0c1d2e3f4a5b6c",
        "sub": "etl",
        "authorities": ["airflow.run", "uaa.none"],
        "scope": ["airflow.run"],
        "client_id": "etl",
        "cid": "etl",
        "azp": "etl",
        "grant_type": "client_credentials",
        "rev_sig": "8a2b3c4d",
        "zid": "uaa",
    },
    "{group: airflow.run}",
    "etl",
    issuer="https://uaa.cf.example.com",
    lifetime=43_200,
    person={"user_id": "0a1b", "user_name": "ada", "origin": "ldap", "sub": "0a1b", "grant_type": "password"},
)
BUILDKITE = Issued(
    "jwt",
    "https://agent.buildkite.com",
    {
        "sub": "organization:acme:pipeline:etl:ref:refs/heads/main:commit:9d1b:step:deploy",
        "organization_slug": "acme",
        "pipeline_slug": "etl",
        "build_number": 1,
    },
    "{claims: {organization_slug: acme, pipeline_slug: etl}}",
    "etl",
    issuer="https://agent.buildkite.com",
    more="    bind: [organization_slug]\n    name: pipeline_slug\n",
)
ALL = [GITHUB, GITLAB, KUBERNETES, EKS, AWS, AZURE, AZURE_V2, GOOGLE, UAA, BUILDKITE]
IDS = ["github", "gitlab", "kubernetes", "eks", "aws", "azure", "azure-v2", "google", "uaa", "buildkite"]
WITH_PEOPLE = [pytest.param(each, id=id_) for each, id_ in zip(ALL, IDS, strict=True) if each.person]


def configured(issued: Issued) -> Any:
    issuer = f"    issuer: {issued.issuer}\n" if issued.issuer else ""
    text = (
        "version: 1\nproviders:\n"
        "  idp: {preset: oidc, issuer: https://idp.example.com, client_id: a, client_auth: none}\n"
        f"  machines:\n    preset: {issued.preset}\n    audience: {OURS}\n{issuer}{issued.more}"
        "grants:\n  rules:\n    - {when: {everyone: true}, roles: [Admin]}\n"
        f"    - {{provider: machines, when: {issued.when}, roles: [User]}}\n"
    )
    return compile_document(load_document(text, "f.yaml"), secrets=None, known_roles=["Admin", "User"])


def written(issued: Issued, **changes: Any) -> str:
    basic = {"iss": issued.iss, "aud": OURS, "iat": NOW, "nbf": NOW - 60, "exp": NOW + issued.lifetime}
    claims = {name: value for name, value in {**basic, **issued.claims, **changes}.items() if value is not ...}
    header = {} if issued.typ is not None else {"typ": None}
    return token(claims, **({"typ": issued.typ} if issued.typ else header))  # type: ignore[arg-type]


def verify(issued: Issued, text: str) -> BearerToken:
    settings = configured(issued).providers["machines"]
    transport = RecordedTransport()
    # What GitHub, Kubernetes and STS publish: no sign-in, no token endpoint.
    document = {"issuer": settings.issuer, "jwks_uri": "https://keys.example.com/jwks"}
    transport.answer("GET", settings.discovery_url or f"{settings.issuer}/.well-known/openid-configuration", document)
    transport.answer("GET", "https://keys.example.com/jwks", {"keys": keys().public_keys()})
    issuers = build_bearer_issuers([settings], {"machines": transport}, lambda: NOW)
    issuer = issuers.of_token(text)
    assert issuer is not None
    return issuer.verify(text)


def test_every_preset_is_here() -> None:
    assert {each.preset for each in ALL} == set(workload_preset_names())


@pytest.mark.parametrize("issued", ALL, ids=IDS)
def test_a_published_token_is_believed_named_and_given_what_its_rule_says(issued: Issued) -> None:
    bearer = verify(issued, written(issued))
    assert (bearer.identity.subject, bearer.identity.name) == (issued.claims["sub"], issued.name)
    assert bearer.actors == ()
    decision = configured(issued).grants.evaluate(bearer.identity, NOW).decision
    assert isinstance(decision, Grant)
    assert decision.roles == ("User",)  # never Admin: the rule for everyone is for people


@pytest.mark.parametrize("issued", ALL, ids=IDS)
@pytest.mark.parametrize("aud", ["https://other.example.com", "https://github.com/acme", [], ..., [OURS + "/"]])
def test_a_token_for_somebody_else_is_refused(issued: Issued, aud: object) -> None:
    with pytest.raises(TokenRefused) as caught:
        verify(issued, written(issued, aud=aud))
    assert caught.value.code == "token_audience"


@pytest.mark.parametrize("issued", WITH_PEOPLE)
def test_another_token_of_the_same_issuer_is_refused(issued: Issued) -> None:
    with pytest.raises(TokenRefused) as caught:
        verify(issued, written(issued, **issued.person))
    assert caught.value.code == "token_is_no_access_token"


@pytest.mark.parametrize(
    ("issued", "changes"),
    [
        (GITHUB, {"repository": "acme-evil/etl", "repository_owner": "acme-evil"}),
        (GITHUB, {"repository": "ACME/etl"}),
        (GITLAB, {"project_path": "acme/etl-fork"}),
        (GITLAB, {"ref_protected": "false"}),
        (KUBERNETES, {"sub": "system:serviceaccount:data:other"}),
        (EKS, {"kubernetes.io": {"namespace": "other"}}),
        (AWS, {STS: {"aws_account": "210987654321"}}),
        (AZURE, {"roles": ["Airflow.Read"]}),
        (GOOGLE, {"email": "etl@acme-data-evil.iam.gserviceaccount.com"}),
        (UAA, {"authorities": ["other.run"]}),
        (BUILDKITE, {"organization_slug": "evil"}),
    ],
)
def test_somebody_elses_program_gets_nothing(issued: Issued, changes: dict[str, Any]) -> None:
    bearer = verify(issued, written(issued, **changes))
    assert not isinstance(configured(issued).grants.evaluate(bearer.identity, NOW).decision, Grant)


def test_a_service_accounts_token_without_end_is_refused() -> None:
    old = {"exp": ..., "iat": ..., "aud": ..., "kubernetes.io/serviceaccount/namespace": "data"}
    with pytest.raises(TokenRefused):
        verify(KUBERNETES, written(KUBERNETES, **old))


def test_a_token_that_lives_longer_than_its_issuer_lets_it_is_refused() -> None:
    with pytest.raises(TokenRefused) as caught:
        verify(GITHUB, written(GITHUB, exp=NOW + 86_401))
    assert caught.value.code == "token_lifetime"
