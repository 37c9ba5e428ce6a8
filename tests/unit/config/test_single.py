from __future__ import annotations

import json

import pytest

from airflow_oidc_auth.config.compile import compile_document
from airflow_oidc_auth.config.compiled import CompiledConfig
from airflow_oidc_auth.config.secrets import SecretResolver
from airflow_oidc_auth.config.single import both_configured, document_from_options
from airflow_oidc_auth.errors import ConfigurationError
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.secret import Secret
from tests.unit.config.documents import ROLES

GOOD = {
    "preset": "okta",
    "issuer": "https://acme.okta.com",
    "client_id": "0oa1",
    "client_secret": Secret("hunter2"),
    "role_mapping": '{"admins": "Admin", "data": ["User", "Op"]}',
}
MAPPING = "[oidc_auth] role_mapping"


def compile_options(*, offline: bool = False, **changed: object) -> CompiledConfig:
    raw = document_from_options(**{**GOOD, **changed})
    return compile_document(raw, secrets=None if offline else SecretResolver(environ={}), known_roles=ROLES)


def test_five_options_are_a_configuration():
    compiled = compile_options()
    settings = compiled.providers["okta"]
    assert (settings.id, settings.preset, settings.issuer, settings.label) == (
        "okta",
        "okta",
        "https://acme.okta.com",
        "Okta",
    )
    assert settings.client_secret == Secret("hunter2")
    identity = Identity("okta", settings.issuer, "s", "n", groups=frozenset({"data"}))
    assert compiled.grants.evaluate(identity).decision.roles == ("Op", "User")
    assert compiled.warnings == ()
    assert "hunter2" not in repr(compiled)


def test_offline_commands_need_no_secret():
    assert compile_options(offline=True, client_secret=None).providers["okta"].client_secret is None


def test_the_digest_does_not_depend_on_the_secret():
    assert compile_options().digest == compile_options(client_secret=Secret("other")).digest


@pytest.mark.parametrize(
    "changed, expected",
    [
        ({"preset": None}, [("[oidc_auth] preset", "is missing")]),
        ({"preset": "okat"}, [("[oidc_auth] preset", "did you mean okta?")]),
        ({"preset": "Not An Id"}, [("[oidc_auth] preset", "is not a known preset")]),
        ({"issuer": None}, [("[oidc_auth] issuer", "is missing")]),
        ({"issuer": "http://acme.okta.com"}, [("[oidc_auth] issuer", "uses plain http")]),
        ({"client_id": ""}, [("[oidc_auth] client_id", "is missing — for example `client_id = ")]),
        ({"client_secret": None}, [("[oidc_auth] client_secret", "set client_secret, client_secret_cmd")]),
        ({"role_mapping": None}, [(MAPPING, "is missing")]),
        ({"role_mapping": "hunter2"}, [(MAPPING, "is not valid JSON (line 1, column 1)")]),
        ({"role_mapping": "[" * 50_000}, [(MAPPING, "is not valid JSON")]),
        ({"role_mapping": "9" * 5000}, [(MAPPING, "")]),
        ({"role_mapping": " " * 70_000}, [(MAPPING, "is larger than 64 KiB")]),
        ({"role_mapping": '["hunter2"]'}, [(MAPPING, "must be a JSON object, not a list")]),
        ({"role_mapping": '"hunter2"'}, [(MAPPING, "must be a JSON object, not text")]),
        ({"role_mapping": "null"}, [(MAPPING, "must be a JSON object, not empty")]),
        ({"role_mapping": "{}"}, [(MAPPING, "is empty")]),
        ({"role_mapping": '{"a": 5}'}, [(f'{MAPPING}["a"]', "must be a role or a list of roles, not a number")]),
        ({"role_mapping": '{"a": null}'}, [(f'{MAPPING}["a"]', "not empty")]),
        ({"role_mapping": '{"a": {"b": "Op"}}'}, [(f'{MAPPING}["a"]', "must be a role")]),
        ({"role_mapping": '{"a": []}'}, [(f'{MAPPING}["a"]', "must not be empty")]),
        ({"role_mapping": '{"a": [5]}'}, [(f'{MAPPING}["a"]', "must be text, not a number")]),
        ({"role_mapping": '{"": "Op"}'}, [(f'{MAPPING}[""]', "must not be empty")]),
        ({"role_mapping": '{"a": "Op", "a": "Admin"}'}, [(f'{MAPPING}["a"]', "is given twice")]),
        (
            {"role_mapping": '{"a": "admin", "b": ["Usr"]}', "issuer": "ftp://x"},
            [
                (f'{MAPPING}["a"]', "did you mean Admin?"),
                (f'{MAPPING}["b"]', "did you mean User?"),
                ("[oidc_auth] issuer", "is not an absolute URL"),
            ],
        ),
    ],
)
def test_problems_name_the_option(changed, expected):
    with pytest.raises(ConfigurationError) as caught:
        compile_options(**changed)
    found = caught.value.problems
    assert sorted(each.path for each in found) == sorted(path for path, _ in expected)
    for path, fragment in expected:
        assert any(each.path == path and fragment in f"{each.text} — {each.suggestion}" for each in found), found
    assert "hunter2" not in str(caught.value)


def test_reasons_name_the_group_and_the_option_not_a_number():
    identity = Identity("okta", "https://acme.okta.com", "s", "n", groups=frozenset({"data"}))
    admins, data = compile_options().grants.evaluate(identity).trace
    assert (admins.rule, admins.path) == ("role_mapping: admins", f'{MAPPING}["admins"]')
    assert (data.rule, data.path) == ("role_mapping: data", f'{MAPPING}["data"]')


def test_groups_that_differ_only_far_out_are_different_rules():
    long = "g" * 200
    rules = compile_options(role_mapping=json.dumps({f"{long}{n}": "Op" for n in range(3)})).grants.rules
    assert len({rule.settings.name for rule in rules}) == 3


def test_nothing_at_all_is_one_problem():
    with pytest.raises(ConfigurationError) as caught:
        document_from_options(preset=None, issuer=None, client_id=None, client_secret=None, role_mapping=None)
    (problem,) = caught.value.problems
    assert problem.path == "[oidc_auth] config_file"
    assert problem.text == "nothing is configured"


def test_options_beside_a_file_are_each_a_problem():
    assert [each.path for each in both_configured(["preset", "issuer"])] == ["[oidc_auth] preset", "[oidc_auth] issuer"]
