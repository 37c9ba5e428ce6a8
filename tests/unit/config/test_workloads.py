"""Workload issuers: an audience of ours, a rule that names whose program it is, and nobody who signs in."""

from __future__ import annotations

import dataclasses

import pytest

from airflow_oidc_auth.errors import ConfigurationError
from airflow_oidc_auth.grants.grant import Grant, Refusal
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.providers.presets import preset, workload_preset_names
from airflow_oidc_auth.providers.registry import build_provider
from tests.unit.config.documents import compile_text, problems_in

ISSUERS = {
    "kubernetes": "https://kubernetes.default.svc.cluster.local",
    "aws": "https://abc123-def456.tokens.sts.global.api.aws",
    "azure-workload": "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0",
    "cloudfoundry-clients": "https://uaa.cf.example.com",
    "jwt": "https://agent.buildkite.com",
}
PEOPLE = """
  idp:
    preset: oidc
    issuer: https://idp.example.com
    client_id: airflow
    client_secret: {env: SECRET}
"""
ADMINS = "    - {when: {group: admins}, roles: [Admin]}\n"
AT = "grants.rules[1].when"


def document(name: str, when: str, *, more: str = "", provider: str = "machines", grants: str = "") -> str:
    issuer = f"\n    issuer: {ISSUERS[name]}" if name in ISSUERS else ""
    workload = f"  machines:\n    preset: {name}\n    audience: https://airflow.example.com{issuer}\n{more}"
    named = f"provider: {provider}, " if provider else ""
    rule = f"    - {{{named}when: {when}, roles: [User]}}\n"
    return f"version: 1\nproviders:{PEOPLE}{workload}\ngrants:\n  rules:\n{ADMINS}{rule}{grants}"


def told(name: str, when: str, **parts: str) -> list[tuple[str, str]]:
    return [(each.path, each.text) for each in problems_in(document(name, when, **parts))]


@pytest.mark.parametrize("name", workload_preset_names())
def test_a_rule_that_names_a_value_of_what_binds_is_accepted(name: str) -> None:
    workload = preset(name).workload
    assert workload is not None
    for each in workload.bindings:
        compiled = compile_text(document(name, f"{{claims: {each.suggestion()}}}"))
        settings = compiled.providers["machines"]
        assert compiled.warnings == ()
        assert (settings.signs_in, settings.client_id, settings.scopes) == (False, "", ())
        assert settings.api is not None
        assert settings.api.audiences == ("https://airflow.example.com",)
        assert list(compiled.sign_in_providers) == ["idp"]


@pytest.mark.parametrize("name", workload_preset_names())
@pytest.mark.parametrize(
    "when",
    [
        "{everyone: true}",
        "{everyone: true, delegated: false}",
        "{claims: {environment: production}}",
        "{group_glob: '*'}",
        "{cel: \"claims.repository == 'acme/etl' || true\"}",
    ],
)
def test_a_rule_that_strangers_could_meet_is_refused(name: str, when: str) -> None:
    ((path, text),) = told(name, when)
    assert path == AT
    assert text.startswith("may hold for any ")


@pytest.mark.parametrize("name", workload_preset_names())
def test_no_binding_is_fulfilled_by_a_star(name: str) -> None:
    workload = preset(name).workload
    assert workload is not None
    for each in workload.bindings:
        key = str(each.claim)
        for glob in ("*", "**", "?*", "*x"):
            assert [path for path, _ in told(name, f"{{claims: {{'{key}': {{glob: '{glob}'}}}}}}")] == [AT]


@pytest.mark.parametrize(
    ("name", "claim", "glob", "bound"),
    [
        ("github-actions", "repository", "acme/*", True),
        ("github-actions", "repository", "acme/etl-?", True),
        # Anybody can register an organisation of the name acme-evil.
        ("github-actions", "repository", "acme*", False),
        ("github-actions", "repository", "acm?/etl", False),
        ("github-actions", "repository", "*/etl", False),
        ("github-actions", "repository_owner", "acme*", False),
        ("github-actions", "sub", "repo:acme/*", True),
        ("github-actions", "sub", "repo:*", False),
        ("github-actions", "sub", "repo:acme*:ref:refs/heads/main", False),
        ("github-actions", "sub", "*:environment:production", False),
        # A public reusable workflow can be called by everybody's repository.
        ("github-actions", "job_workflow_ref", "acme/ci/.github/workflows/deploy.yml@*", False),
        ("github-actions", "actor", "octocat", False),
        ("gitlab-ci", "project_path", "acme/data/*", True),
        ("gitlab-ci", "project_path", "acme*", False),
        ("gitlab-ci", "namespace_path", "acme/*", True),
        ("gitlab-ci", "sub", "project_path:acme/*", True),
        ("gitlab-ci", "sub", "project_path:*:ref_type:branch:ref:main", False),
        ("gitlab-ci", "user_email", "*@example.com", False),
        ("kubernetes", "sub", "system:serviceaccount:data:*", True),
        ("kubernetes", "sub", "system:serviceaccount:*", False),
        ("kubernetes", "sub", "system:serviceaccount:data*:etl", False),
        # A namespace is one name: whoever may make one chooses how it goes on.
        ("kubernetes", "/kubernetes.io/namespace", "data-*", False),
        ("kubernetes", "/kubernetes.io/namespace", "data*", False),
        ("kubernetes", "/kubernetes.io/serviceaccount/name", "etl*", False),
        ("aws", "sub", "arn:aws:iam::123456789012:role/etl-*", True),
        ("aws", "sub", "arn:aws:iam::*:role/etl", False),
        ("azure-workload", "oid", "5f0d*", False),
        ("gcp-workload", "email", "*@acme-data.iam.gserviceaccount.com", True),
        ("gcp-workload", "email", "etl@*.iam.gserviceaccount.com", False),
        # The default accounts of every project, and Google's own.
        ("gcp-workload", "email", "*@developer.gserviceaccount.com", False),
        ("gcp-workload", "email", "*@gcp-sa-pubsub.iam.gserviceaccount.com", False),
        ("cloudfoundry-clients", "client_id", "etl-*", False),
        ("jwt", "sub", "organization:acme:*", True),
        ("jwt", "sub", "spiffe://example.com/*", True),
        ("jwt", "sub", "org/0d4c6d5e/project/*", True),
        ("jwt", "sub", "acme*", False),
        ("jwt", "sub", "organization:acme*", False),
        # Names what it is, and nobody.
        ("jwt", "sub", "organization:*", False),
        ("jwt", "sub", "spiffe://*", False),
        ("jwt", "sub", "spiffe://example.com*", False),
        ("jwt", "sub", "//*", False),
    ],
)
def test_a_pattern_binds_if_nobody_else_can_become_its_owner(name: str, claim: str, glob: str, bound: bool) -> None:
    text = document(name, f"{{claims: {{{claim!r}: {{glob: {glob!r}}}}}}}")
    if bound:
        compile_text(text)
    else:
        assert [each.path for each in problems_in(text)] == [AT]


def test_of_a_list_every_item_must_bind_since_one_is_enough() -> None:
    fine, loose = "[acme/etl, {glob: 'acme/*'}]", "[acme/etl, {glob: '*'}]"
    compile_text(document("github-actions", f"{{claims: {{repository: {fine}}}}}"))
    assert told("github-actions", f"{{claims: {{repository: {loose}}}}}")[0][0] == AT


def test_an_expression_may_stand_beside_a_claim_that_binds() -> None:
    compile_text(document("github-actions", "{claims: {repository: acme/etl}, cel: \"claims.ref != ''\"}"))


@pytest.mark.parametrize(("name", "bound"), [("azure-workload", True), ("cloudfoundry-clients", True), ("aws", False)])
def test_a_right_that_an_administrator_gave_to_one_client_binds(name: str, bound: bool) -> None:
    text = document(name, "{group: airflow.run}")
    if bound:
        assert compile_text(text).warnings == ()
    else:
        assert [each.path for each in problems_in(text)] == [AT]


def test_the_claims_that_bind_at_any_other_issuer_are_named_by_the_administrator() -> None:
    more = "    bind: [organization_slug]\n"
    compile_text(document("jwt", "{claims: {organization_slug: acme}}", more=more))
    ((path, text),) = told("jwt", "{claims: {sub: 'organization:acme'}}", more=more)
    assert (path, "organization_slug" in text) == (AT, True)


@pytest.mark.parametrize(
    ("bind", "glob", "bound"),
    [
        ("[pipeline]", "acme/*", True),
        ("[pipeline]", "acme/etl-?", True),
        ("[pipeline]", "acme*", False),
        ("[pipeline]", "acme-*", False),
        ("[pipeline]", "/*", False),
        ("sub", "acme/*", False),
        ("sub", "org:acme:*", True),
    ],
)
def test_a_pattern_over_a_claim_that_the_administrator_names_holds_a_whole_name(
    bind: str, glob: str, bound: bool
) -> None:
    claim = bind.strip("[]")
    text = document("jwt", f"{{claims: {{{claim}: {{glob: {glob!r}}}}}}}", more=f"    bind: {bind}\n")
    if bound:
        compile_text(text)
    else:
        assert [each.path for each in problems_in(text)] == [AT]


@pytest.mark.parametrize(
    ("name", "claim", "suggestion"),
    [
        ("github-actions", "repository", "write whole values of repository, or a pattern such as 'acme/*'"),
        ("gitlab-ci", "namespace_path", "write whole values of namespace_path, or a pattern such as 'acme/*'"),
        ("kubernetes", "sub", "write whole values of sub, or a pattern such as 'system:serviceaccount:data:*'"),
        ("kubernetes", "/kubernetes.io/namespace", "write whole values of /kubernetes.io/namespace, in a list"),
        (
            "gcp-workload",
            "email",
            "write whole values of email, or a pattern such as '*@acme-data.iam.gserviceaccount.com'",
        ),
        ("jwt", "sub", "write whole values of sub, or a pattern such as 'spiffe://example.com/*'"),
    ],
)
def test_a_pattern_that_binds_nobody_is_told_how_one_does(name: str, claim: str, suggestion: str) -> None:
    (found,) = problems_in(document(name, f"{{claims: {{{claim!r}: {{glob: 'acme*'}}}}}}"))
    assert (found.path, found.suggestion) == (AT, suggestion)
    assert "up to the sign that ends it" in found.text


def test_every_rule_is_looked_at() -> None:
    more = "    - {name: other, provider: machines, when: {everyone: true}, roles: [Admin]}\n"
    found = problems_in(document("github-actions", "{everyone: true}", grants=more))
    assert [each.path for each in found] == [AT, "grants.rules[2].when"]


def test_a_rule_without_a_provider_is_not_for_programs_whatever_it_says() -> None:
    compiled = compile_text(document("github-actions", "{everyone: true}", provider=""))
    program = Identity("machines", "https://token.actions.githubusercontent.com", "repo:evil/x", "evil/x")
    assert compiled.grants.evaluate(program).decision == Refusal("no_matching_rule")
    person = dataclasses.replace(program, provider="idp")
    assert isinstance(compiled.grants.evaluate(person).decision, Grant)
    assert {each.path for each in compiled.warnings} == {"grants.rules[1].roles", "providers.machines"}


@pytest.mark.parametrize("name", workload_preset_names())
def test_an_audience_of_ours_is_mandatory(name: str) -> None:
    text = document(name, "{everyone: true}").replace("    audience: https://airflow.example.com\n", "")
    assert ("providers.machines.audience", "is missing") in [(each.path, each.text) for each in problems_in(text)]


@pytest.mark.parametrize("key", ["client_id: x", "client_secret: {env: SECRET}", "scopes: [openid]", "api: {}"])
def test_a_workload_issuer_knows_no_client(key: str) -> None:
    when = "{claims: {repository: acme/etl}}"
    ((path, text),) = told("github-actions", when, more=f"    {key}\n")
    assert (path, text) == (f"providers.machines.{key.partition(':')[0]}", "is not a known key")


@pytest.mark.parametrize("name", workload_preset_names())
def test_nobody_can_ever_sign_in_with_a_workload_issuer(name: str) -> None:
    workload = preset(name).workload
    assert workload is not None
    compiled = compile_text(document(name, f"{{claims: {workload.bindings[0].suggestion()}}}"))
    with pytest.raises(ConfigurationError) as caught:
        build_provider(compiled.providers["machines"])
    assert caught.value.problems[0].path == "providers.machines.preset"


def test_a_document_of_workload_issuers_alone_is_refused() -> None:
    text = document("github-actions", "{claims: {repository: acme/etl}}").replace(PEOPLE, "\n").replace(ADMINS, "")
    assert ("providers", "holds workload issuers only, so nobody could sign in") in [
        (each.path, each.text) for each in problems_in(text)
    ]


@pytest.mark.parametrize(
    ("name", "issuer", "text"),
    [
        ("aws", "https://sts.amazonaws.com", "is neither the issuer of an AWS account nor of an EKS cluster"),
        ("azure-workload", "https://login.microsoftonline.com/common/v2.0", "is the endpoint of every tenant"),
        ("azure-workload", "https://login.microsoftonline.com/acme.example/v2.0", "names no tenant by its id"),
        ("gcp-workload", "https://sts.googleapis.com", "is not Google's"),
        ("kubernetes", "http://kubernetes.default.svc", "uses plain http"),
    ],
)
def test_an_issuer_that_is_not_the_vendors_is_refused(name: str, issuer: str, text: str) -> None:
    written = document(name, "{claims: {sub: x}}")
    old = f"    issuer: {ISSUERS[name]}\n" if name in ISSUERS else "    audience: https://airflow.example.com\n"
    new = f"    issuer: {issuer}\n" + ("" if name in ISSUERS else old)
    found = problems_in(written.replace(old, new))
    assert [each.path for each in found][:1] == ["providers.machines.issuer"]
    assert text in found[0].text


def test_a_program_cannot_need_to_authenticate() -> None:
    text = document("github-actions", "{claims: {repository: acme/etl}}").replace(
        "roles: [User]", "roles: [User], needs: {amr: [mfa]}"
    )
    assert [each.path for each in problems_in(text)] == ["grants.rules[1].needs"]


def test_a_need_of_people_is_not_asked_of_programs() -> None:
    text = document("github-actions", "{claims: {repository: acme/etl}}").replace(
        "roles: [Admin]", "roles: [Admin], needs: {amr: [mfa]}"
    )
    assert compile_text(text).warnings == ()


def test_a_requirement_that_programs_cannot_meet_is_told() -> None:
    grants = "  require:\n    - {email_verified: true}\n    - {amr: [mfa], provider: idp}\n"
    text = document("github-actions", "{claims: {repository: acme/etl}}", grants=grants)
    assert [each.path for each in compile_text(text).warnings] == ["grants.require[0]"]
    program = Identity("machines", "i", "s", "n", claims={"repository": "acme/etl"})
    assert compile_text(text).grants.evaluate(program).decision == Refusal(
        "requirement_not_met", "", "grants.require[0]"
    )


def test_a_misspelled_preset_is_the_only_complaint() -> None:
    text = document("github-actions", "{everyone: true}").replace("preset: github-actions", "preset: github-action")
    ((path, said),) = [(each.path, each.suggestion) for each in problems_in(text)]
    assert (path, said) == ("providers.machines.preset", "did you mean github-actions?")


def test_one_mistake_does_not_hide_what_else_is_wrong() -> None:
    found = told("github-actions", "{everyone: true}", more="    leeway: 9m\n    max_lifetime: 90d\n")
    assert [path for path, _ in found] == ["providers.machines.leeway", "providers.machines.max_lifetime", AT]
