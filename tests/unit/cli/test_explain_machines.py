"""``airflow oidc explain`` for programs: whose they are, on whose behalf they act, and what the cap leaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.running import Oidc

OURS = "https://airflow.example.com"
DOCUMENT = f"""
version: 1
providers:
  okta:
    preset: okta
    issuer: https://acme.okta.com/oauth2/default
    client_id: web
    client_secret: {{env: X}}
    api: {{audience: {OURS}, required_scopes: [airflow]}}
  actions: {{preset: github-actions, audience: {OURS}}}
grants:
  delegated_roles: [Viewer]
  rules:
    - {{name: admins, provider: okta, when: {{group: admins}}, roles: [Admin]}}
    - {{name: people, when: {{everyone: true}}, roles: [Viewer]}}
    - {{name: etl, provider: actions, when: {{claims: {{repository: acme/etl}}}}, roles: [User]}}
"""
RUN = {
    "iss": "https://token.actions.githubusercontent.com",
    "aud": OURS,
    "sub": "repo:acme/etl:ref:refs/heads/main",
    "repository": "acme/etl",
    "run_id": "42",
}
ACCESS = {
    "iss": "https://acme.okta.com/oauth2/default",
    "aud": OURS,
    "sub": "ada@example.com",
    "uid": "00u1",
    "cid": "agent-client",
    "scp": ["airflow"],
    "groups": ["admins"],
}


@pytest.fixture
def explained(oidc: Oidc, tmp_path: Path) -> Any:
    (tmp_path / "oidc_auth.yaml").write_text(DOCUMENT)

    def run(provider: str, claims: dict[str, Any], *flags: str) -> Any:
        (tmp_path / "claims.json").write_text(json.dumps(claims))
        files = ("--claims", str(tmp_path / "claims.json"), "--config-file", str(tmp_path / "oidc_auth.yaml"))
        return oidc("explain", "--provider", provider, *files, *flags)

    return run


def test_a_programs_claims_give_what_its_rule_says_and_not_what_everyone_gets(explained: Any) -> None:
    told = explained("actions", RUN, "--json")
    assert (told.code, told.data["roles"], told.data["identity"]["name"]) == (0, ["User"], "acme/etl")
    assert told.data["rules"][1]["because"] == ["does not apply: it names no provider, so it is for people"]


def test_somebody_elses_program_is_denied_with_the_reason(explained: Any) -> None:
    told = explained("actions", {**RUN, "repository": "evil/etl"})
    assert told.code == 2
    assert "claim 'repository' is not 'acme/etl'" in told.out
    assert "REFUSED (token_no_role)" in told.out, "what the program was told"


def test_a_token_for_another_audience_is_refused_before_any_rule(explained: Any) -> None:
    told = explained("actions", {**RUN, "aud": "https://github.com/acme"})
    assert told.code == 2
    assert "REFUSED (token_audience)" in told.out
    assert f"aud is 'https://github.com/acme', and not {OURS}" in told.out


def test_an_access_token_of_a_person_is_the_persons_and_shows_its_client(explained: Any) -> None:
    told = explained("okta", ACCESS, "--json")
    assert told.data["roles"] == ["Admin", "Viewer"]
    identity = told.data["identity"]
    assert (identity["subject"], identity["client_id"], identity["actors"]) == ("00u1", "agent-client", [])


def test_who_acts_on_behalf_is_shown_with_what_the_cap_took(explained: Any) -> None:
    acting = {**ACCESS, "act": {"sub": "agent-7", "act": {"sub": "agent-6"}}}
    told = explained("okta", acting)
    assert told.code == 0
    assert "agent-7 for agent-6" in told.out
    assert "not on behalf of somebody: Admin" in told.out
    data = explained("okta", acting, "--json").data
    assert (data["roles"], data["identity"]["actors"]) == (["Viewer"], ["agent-7", "agent-6"])
    assert data["delegation"][0]["path"] == "grants.delegated_roles"


CAREFUL = """\
    - {name: careful, provider: okta, when: {group: admins}, roles: [careful]}
roles:
  careful:
    allow: [{actions: [run], dags: ["*"]}]
    deny: [{actions: [read], dags: ["pay_*"]}]
"""


def test_denials_stay_of_a_role_that_may_not_be_used_on_behalf(explained: Any, oidc: Oidc, tmp_path: Path) -> None:
    explained("okta", {**ACCESS, "act": {"sub": "agent-7"}})
    (tmp_path / "oidc_auth.yaml").write_text(f"{DOCUMENT.rstrip()}\n{CAREFUL}")
    files = ("--claims", str(tmp_path / "claims.json"), "--config-file", str(tmp_path / "oidc_auth.yaml"))
    data = oidc("explain", "--provider", "okta", *files, "--json").data
    assert (data["roles"], data["permissions"]["allow"]) == (["Viewer"], [])
    assert [each["path"] for each in data["permissions"]["deny"]] == ["roles.careful.deny[0]"]
    told = oidc("explain", "--provider", "okta", *files, "--permissions").out
    assert "  roles  Viewer, denials of careful" in told.splitlines()


@pytest.mark.parametrize("act", ["agent", {"iss": "x"}, [{"sub": "a"}]])
def test_an_actor_that_cannot_be_named_refuses(explained: Any, act: object) -> None:
    told = explained("okta", {**ACCESS, "act": act})
    assert told.code == 2
    assert "token_actor" in told.out


def test_a_missing_scope_refuses(explained: Any) -> None:
    told = explained("okta", {**ACCESS, "scp": ["openid"]})
    assert told.code == 2
    assert "token_scope" in told.out


def test_an_id_token_is_still_explained_as_a_sign_in(explained: Any) -> None:
    told = explained("okta", {"sub": "00u1", "aud": "web", "groups": ["admins"]}, "--json")
    assert (told.code, told.data["roles"], told.data["identity"]["client_id"]) == (0, ["Admin", "Viewer"], None)


@pytest.mark.parametrize(
    ("provider", "claims", "times", "code"),
    [
        ("okta", ACCESS, {"exp": 1_700_000_000}, "token_expired"),
        ("actions", RUN, {"exp": 1_700_000_000.5}, "token_expired"),
        ("okta", {"sub": "00u1", "aud": "web", "groups": ["admins"]}, {"exp": 1_700_000_000}, "id_token_expired"),
        ("okta", ACCESS, {"nbf": 4_000_000_000}, "token_not_yet_valid"),
        ("okta", ACCESS, {"iat": 4_000_000_000}, "token_not_yet_valid"),
    ],
)
def test_a_token_that_is_too_old_is_told_and_the_rules_are_shown_all_the_same(
    explained: Any, provider: str, claims: dict[str, Any], times: dict[str, Any], code: str
) -> None:
    told = explained(provider, {**claims, **times}, "--json")
    (note,) = told.data["notes"]
    assert f"({code})" in note
    assert ("2023-11-14 22:13 UTC" in note) == ("exp" in times)
    assert told.data["roles"] == explained(provider, claims, "--json").data["roles"]


@pytest.mark.parametrize("times", [{}, {"exp": 4_000_000_000, "iat": 1}, {"exp": "soon"}, {"exp": True}, {"exp": 1e99}])
def test_times_that_are_fine_or_mean_nothing_are_not_told(explained: Any, times: dict[str, Any]) -> None:
    assert explained("okta", {**ACCESS, **times}, "--json").data["notes"] == []
