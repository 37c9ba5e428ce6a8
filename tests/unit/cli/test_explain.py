from __future__ import annotations

import io
import json
import os
import sys
import time
from pathlib import Path

import pytest

from tests.unit.cli.running import Oidc, Run

DOCUMENT = """
version: 1
providers:
  okta: {preset: okta, issuer: https://acme.okta.com, client_id: x, client_secret: {env: NOT_SET_ANYWHERE}}
  google: {preset: google, client_id: x, client_secret: {file: /nowhere}, hosted_domain: example.com,
           cloud_identity_groups: true}
  github: {preset: github, client_id: x, client_secret: {connection: none}}
grants:
  require:
    - {email_verified: true, message: Confirm your e-mail first.}
  rules:
    - {name: admins, when: {group: airflow-admins}, roles: [Admin]}
    - {name: users, when: {group_glob: "team-*"}, roles: [User, Viewer]}
    - {name: github, provider: github, when: {group: acme/data}, roles: [User]}
    - {name: google, provider: google, when: {group: example.com}, roles: [Viewer]}
"""
ADA: dict[str, object] = {
    "sub": "00u1",
    "name": "Ada",
    "email": "ada@example.com",
    "email_verified": True,
    "groups": ["team-red", "staff"],
    "salary": "very-private-value",
}


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "oidc_auth.yaml"
    path.write_text(DOCUMENT)
    return path


@pytest.fixture
def explain(oidc: Oidc, document: Path, tmp_path: Path):  # type: ignore[no-untyped-def]
    def run(claims: object, *arguments: str, provider: str = "okta") -> Run:
        path = tmp_path / "claims.json"
        path.write_text(claims if isinstance(claims, str) else json.dumps(claims))
        return oidc(
            "explain", "--claims", str(path), "--config-file", str(document), "--provider", provider, *arguments
        )

    return run


def test_roles_and_the_reasons_are_told(explain) -> None:  # type: ignore[no-untyped-def]
    told = explain(ADA)
    assert told.code == 0
    assert told.out.splitlines() == [
        "Identity",
        "  provider  okta (Okta)",
        "  issuer    https://acme.okta.com",
        "  subject   00u1",
        "  name      Ada",
        "  e-mail    ada@example.com (verified)",
        "  groups    staff",
        "            team-red",
        "",
        "Requirements (all must hold)",
        "  holds  email_verified  the e-mail address is verified",
        "",
        "Rules (roles add up)",
        "  -      admins  no group is 'airflow-admins'",
        "  match  users   group 'team-red' matches 'team-*'",
        "                 → User, Viewer",
        "  -      github  does not apply: it is for provider 'github'",
        "  -      google  does not apply: it is for provider 'google'",
        "",
        "Result",
        "  roles  User, Viewer",
    ]


def test_json_tells_the_same(explain) -> None:  # type: ignore[no-untyped-def]
    data = explain(ADA, "--json").data
    assert (data["granted"], data["roles"], data["refusal"], data["exit_code"]) == (True, ["User", "Viewer"], None, 0)
    assert [(rule["name"], rule["matched"]) for rule in data["rules"]][:2] == [("admins", False), ("users", True)]
    assert data["permissions"]["everything"] is False
    assert "read" in data["permissions"]["resources"]["DAGs"]


def test_no_claim_value_that_no_rule_compares_is_shown(explain) -> None:  # type: ignore[no-untyped-def]
    assert "very-private-value" not in explain(ADA).out + explain(ADA, "--json").out


@pytest.mark.parametrize(
    ("changes", "code", "text"),
    [
        ({"groups": ["staff"]}, "no_matching_rule", "none of your groups gives you access"),
        ({"groups": None}, "no_matching_rule", "none of your groups gives you access"),
        ({"groups": {"airflow-admins": True}}, "no_matching_rule", "none of your groups"),
        ({"groups": "airflow-admins,x"}, "no_matching_rule", "none of your groups"),
        ({"email_verified": "true"}, "requirement_not_met", "Confirm your e-mail first."),
        ({"iss": "https://evil.example"}, "identity_refused", "is not that of the provider"),
    ],
)
def test_a_refusal_has_its_own_exit_code(explain, changes: dict[str, object], code: str, text: str) -> None:  # type: ignore[no-untyped-def]
    told = explain({**ADA, **changes})
    assert told.code == 2
    assert f"REFUSED ({code})" in told.out
    assert text in told.out
    data = explain({**ADA, **changes}, "--json").data
    assert (data["granted"], data["roles"], data["refusal"]["code"]) == (False, [], code)
    assert data["permissions"] == {"everything": False, "resources": {}, "allow": [], "deny": [], "teams": {}}


def test_custom_roles_count(explain, document: Path) -> None:  # type: ignore[no-untyped-def]
    allow = "[{actions: [read, edit], dags: [finance_daily]}, {actions: [menu], resources: [Pools]}]"
    rule = "    - {name: finance, when: {group: finance}, roles: [finance]}"
    document.write_text(f"{DOCUMENT}{rule}\nroles: {{finance: {{allow: {allow}}}}}\n")
    told = explain({**ADA, "groups": ["finance"]}, "--permissions")
    assert told.code == 0
    assert "  roles  finance" in told.out.splitlines()
    rows = [" ".join(line.split()) for line in told.out.splitlines()]
    assert {"read, edit roles.finance.allow[0] DAGs with id finance_daily", "Pools menu"} <= set(rows)


RIGHTS = """
    - {name: finance, when: {group: finance}, roles: [finance]}
    - {name: teams, when: {group_regex: "(?P<team>[a-z]+)-users"}, roles: [finance, Op], teams: ["{team}"]}
roles:
  payroll:
    allow:
      - {actions: [read], dags: {ids: ["pay_*"], tags: [pii, hr]}, parts: [logs, dag]}
    deny:
      - {actions: [read, edit], dags: {owners: [board]}}
      - {actions: [read], resources: [Pools]}
  finance:
    extends: [payroll, Viewer]
    allow:
      - {actions: [run], dags: ["*"]}
      - {actions: [read], connections: {names: ["fin-*"], teams: [fin]}}
      - {actions: [read], configuration: [core, "log*"]}
"""


def test_selectors_and_denials_are_told_line_by_line(explain, document: Path) -> None:  # type: ignore[no-untyped-def]
    document.write_text(f"{DOCUMENT.rstrip()}{RIGHTS}")
    told = explain({**ADA, "groups": ["finance"]}, "--permissions")
    rows = [" ".join(line.split()) for line in told.out.splitlines()]
    for row in (
        "May do with some",
        "run roles.finance.allow[0] every DAG",
        "read roles.finance.allow[1] connections fin-* of team fin",
        "read roles.finance.allow[2] configuration sections core or log*",
        "read roles.payroll.allow[0] logs, the DAG itself of DAGs with id pay_* and tag pii or hr",
        f"role payroll, through finance, {document}:21",
        "May not do, whatever allows it",
        "read, edit roles.payroll.deny[0] DAGs of owner board, with all parts",
        "read roles.payroll.deny[1] Pools",
    ):
        assert row in rows, row
    assert "Pools read" not in rows, "a kind that is denied as a whole is not among what may be done"


def test_json_names_each_line_and_where_it_is(explain, document: Path) -> None:  # type: ignore[no-untyped-def]
    document.write_text(f"{DOCUMENT.rstrip()}{RIGHTS}")
    rights = explain({**ADA, "groups": ["finance"]}, "--json").data["permissions"]
    assert rights["deny"][1] == {
        "actions": ["read"],
        "kind": "resources",
        "parts": None,
        "things": "Pools",
        "role": "payroll",
        "through": "finance",
        "path": "roles.payroll.deny[1]",
        "where": f"{document}:24",
    }
    assert [each["path"] for each in rights["allow"]][:2] == ["roles.finance.allow[0]", "roles.finance.allow[1]"]


def test_what_holds_within_a_team_is_told_apart(explain, document: Path) -> None:  # type: ignore[no-untyped-def]
    document.write_text(f"{DOCUMENT.rstrip()}{RIGHTS}")
    told = explain({**ADA, "groups": ["blue-users"]}, "--permissions")
    assert "May do in team blue (Op, finance)" in told.out
    assert "  roles  Op, finance in team blue" in told.out.splitlines()
    data = explain({**ADA, "groups": ["blue-users"]}, "--json").data
    team = data["permissions"]["teams"]["blue"]
    assert (data["team_roles"][0], team["roles"]) == ({"team": "blue", "role": "Op"}, ["Op", "finance"])
    assert "Connections" in team["resources"]
    assert not {"Jobs", "Plugins", "Configurations", "Assets"} & team["resources"].keys(), "no team owns these"
    assert data["permissions"]["resources"] == {}


def test_a_denial_holds_for_an_admin_too(explain, document: Path) -> None:  # type: ignore[no-untyped-def]
    document.write_text(f"{DOCUMENT.rstrip()}{RIGHTS}")
    told = explain({**ADA, "groups": ["finance", "airflow-admins"]}, "--permissions")
    assert "  everything" in told.out
    assert "May do with some" not in told.out
    assert "roles.payroll.deny[0]" in told.out


def test_permissions_are_listed_on_demand(explain) -> None:  # type: ignore[no-untyped-def]
    assert "May do" not in explain(ADA).out
    assert "  DAGs " in explain(ADA, "--permissions").out
    assert "  everything" in explain({**ADA, "groups": ["airflow-admins"]}, "--permissions").out


def test_documents_can_be_given_apart(explain) -> None:  # type: ignore[no-untyped-def]
    claims = {"id_token": {**ADA, "groups": ["airflow-admins"]}, "userinfo": {"groups": ["team-x"]}}
    assert explain(claims, "--json").data["identity"]["groups"] == ["airflow-admins"]


def test_the_provider_itself_can_refuse(explain) -> None:  # type: ignore[no-untyped-def]
    told = explain({**ADA, "hd": "evil.example"}, provider="google")
    assert told.code == 2
    assert "REFUSED (identity_refused)" in told.out


def test_what_a_sign_in_would_fetch_is_noted(explain) -> None:  # type: ignore[no-untyped-def]
    told = explain({**ADA, "hd": "example.com"}, provider="google")
    assert told.code == 0
    assert "At a sign-in the provider is asked for the groups." in told.out


def test_github_accounts_are_known_by_their_number(explain) -> None:  # type: ignore[no-untyped-def]
    claims = {"id": 7, "login": "ada", "groups": ["acme/data"], "email": "ada@example.com", "email_verified": True}
    data = explain(claims, "--json", provider="github").data
    assert (data["identity"]["subject"], data["roles"]) == ("7", ["User"])


def test_a_name_cannot_act_on_the_terminal(explain) -> None:  # type: ignore[no-untyped-def]
    hostile = {**ADA, "name": "A\x1b[2Jda\nResult: Admin", "sub": "\x1b]0;x\x07", "groups": ["team-\x1b[1m", "team-a"]}
    told = explain(hostile)
    assert "\x1b" not in told.out
    assert "\x07" not in told.out


@pytest.mark.parametrize(
    ("claims", "text"),
    [
        ("", "is not JSON"),
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        (f'{{"sub": "a", "n": {"1" * 5000}}}', "is not JSON"),
        ("[]", "must be a JSON object"),
        ('{"id_token": []}', "id_token must be a JSON object"),
        ("{}", "no subject"),
        ('{"sub": ""}', "no subject"),
        ('{"sub": true}', "no subject"),
        ('{"sub": null}', "no subject"),
    ],
)
def test_a_file_that_holds_no_claims_is_a_clean_failure(explain, claims: str, text: str) -> None:  # type: ignore[no-untyped-def]
    failed = explain(claims)
    assert (failed.code, failed.out) == (1, "")
    assert text in failed.err


def test_claims_are_read_from_standard_input(oidc: Oidc, document: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(json.dumps(ADA).encode())))
    told = oidc("explain", "--claims", "-", "--config-file", str(document), "--provider", "okta")
    assert told.code == 0


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((), "Say which provider the claims come from: --provider with one of okta, google, github."),
        (("--provider", "octa"), "There is no provider 'octa'. Configured: okta, google, github."),
    ],
)
def test_the_provider_must_be_known(oidc: Oidc, document: Path, arguments: tuple[str, ...], text: str) -> None:
    failed = oidc("explain", "--claims", os.devnull, "--config-file", str(document), *arguments)
    assert (failed.code, failed.err.strip()) == (1, text)


def test_a_bad_document_tells_every_problem(oidc: Oidc, tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(DOCUMENT.replace("roles: [Admin]", "roles: [Amdin]").replace("issuer:", "isuer:"))
    failed = oidc("explain", "--claims", os.devnull, "--config-file", str(path))
    assert failed.code == 3
    assert "grants.rules[0].roles[0]" in failed.err
    assert "providers.okta.isuer" in failed.err
    as_json = oidc("explain", "--claims", os.devnull, "--config-file", str(path), "--json")
    assert (as_json.code, as_json.data["exit_code"]) == (3, 3)
    assert len(as_json.data["problems"]) >= 2


def test_a_configuration_for_one_provider_needs_no_file_and_no_secret(
    oidc: Oidc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "PRESET": "okta",
        "ISSUER": "https://acme.okta.com",
        "CLIENT_ID": "x",
        "ROLE_MAPPING": '{"team-red": "Op"}',
        "CLIENT_SECRET_CMD": "false",
    }.items():
        monkeypatch.setenv(f"AIRFLOW__OIDC_AUTH__{name}", value)
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "")
    path = tmp_path / "claims.json"
    path.write_text(json.dumps(ADA))
    told = oidc("explain", "--claims", str(path), "--json")
    assert (told.code, told.data["roles"]) == (0, ["Op"])


STEP_UP = """
version: 1
providers:
  okta: {preset: okta, issuer: https://acme.okta.com, client_id: x, client_secret: {env: NOT_SET_ANYWHERE}}
grants:
  rules:
    - {name: admins, when: {group: staff}, roles: [Admin], needs: {acr: "urn:mfa", within: 1h}}
    - {name: all, when: {group: staff}, roles: [Viewer]}
"""


def test_a_rule_that_waits_for_a_step_up_is_told_with_what_is_missing(explain, document: Path) -> None:  # type: ignore[no-untyped-def]
    document.write_text(STEP_UP)
    told = explain({**ADA, "acr": "urn:pwd", "auth_time": int(time.time()) - 7200})
    assert told.code == 0
    assert "needs authentication context (acr) 'urn:mfa'" in told.out
    assert "needs authentication within the last 1h" in told.out
    assert "step-up" in told.out
    assert "acr 'urn:pwd'" in told.out
    data = json.loads(explain({**ADA, "acr": "urn:pwd"}, "--json").out)
    assert (data["roles"], data["until"]) == (["Viewer"], None)
    assert data["rules"][0]["step_up"] == {
        "roles": ["Admin"],
        "teams": [],
        "needs": {"acr": ["urn:mfa"], "within": 3600},
        "missed": ["acr", "within"],
    }
    assert data["rules"][1]["step_up"] is None


def test_a_role_for_a_time_is_told_with_its_end(explain, document: Path) -> None:  # type: ignore[no-untyped-def]
    document.write_text(STEP_UP)
    claims = {**ADA, "acr": "urn:mfa", "auth_time": int(time.time())}
    assert "→ Admin until 2" in explain(claims).out
    assert json.loads(explain(claims, "--json").out)["until"].endswith("Z")


def test_userinfo_in_the_file_is_not_believed_about_the_authentication(explain, document: Path) -> None:  # type: ignore[no-untyped-def]
    document.write_text(STEP_UP)
    strong = {"acr": "urn:mfa", "auth_time": int(time.time())}
    data = json.loads(explain({"id_token": ADA, "userinfo": strong}, "--json").out)
    assert data["roles"] == ["Viewer"]
