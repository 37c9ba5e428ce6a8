"""FAB's settings: those that count, those that count no more, and every wrong type."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_oidc_auth.config.compile import compile_document
from airflow_oidc_auth.config.compiled import CompiledConfig
from airflow_oidc_auth.config.document import RawDocument
from airflow_oidc_auth.errors import ConfigurationError, Problem
from airflow_oidc_auth.fab.fab_document import FabDocument, read_fab_document
from airflow_oidc_auth.fab.missing_roles import missing_roles
from airflow_oidc_auth.fab.oidc_auth import read_oidc_auth
from airflow_oidc_auth.grants.grant import Grant, Refusal
from airflow_oidc_auth.identity import Identity
from tests.unit.fab.webserver_files import CLASS, DOCUMENT, GOOD, PROVIDERS, read

REGISTRATION = "AUTH_USER_REGISTRATION = True\n"
SECRET = "hunter2-and-nobody-sees-it"


def settings(folder: Path, text: str, **options: str) -> FabDocument:
    return read_fab_document(read(folder, CLASS + text), options)


def compiled(folder: Path, text: str) -> CompiledConfig:
    config = read(folder, CLASS + text)
    found = read_oidc_auth(config)
    assert isinstance(found, RawDocument)
    return compile_document(read_fab_document(config, {}).rules.extend(found), secrets=None, known_roles=None)


def problems(folder: Path, text: str) -> dict[str, Problem]:
    with pytest.raises(ConfigurationError) as caught:
        compiled(folder, text)
    assert SECRET not in str(caught.value)
    return {each.path: each for each in caught.value.problems}


def person(*groups: str) -> Identity:
    return Identity("okta", "https://acme.okta.com", "ada", name="Ada", email=None, groups=frozenset(groups))


def roles(config: CompiledConfig, *groups: str) -> tuple[str, ...]:
    decision = config.grants.evaluate(person(*groups)).decision
    return decision.roles if isinstance(decision, Grant) else ()


def test_fabs_mapping_may_hold_the_only_rules(tmp_path: Path) -> None:
    text = f'AUTH_ROLES_MAPPING = {{"data": ["Analyst", "User"], "ops": ("Op",)}}\nOIDC_AUTH = {DOCUMENT}\n'
    config = compiled(tmp_path, text)
    assert roles(config, "data") == ("Analyst", "User")
    assert roles(config, "ops", "data") == ("Analyst", "Op", "User")
    assert [rule.settings.name for rule in config.grants.rules] == [
        "AUTH_ROLES_MAPPING['data']",
        "AUTH_ROLES_MAPPING['ops']",
    ]


@pytest.mark.parametrize("group", ["Data", "data ", "dat", "data*"])
def test_groups_are_compared_exactly(tmp_path: Path, group: str) -> None:
    config = compiled(tmp_path, f'AUTH_ROLES_MAPPING = {{"data": ["User"]}}\nOIDC_AUTH = {DOCUMENT}\n')
    assert isinstance(config.grants.evaluate(person(group)).decision, Refusal)


def test_rules_of_the_document_come_first_and_keep_their_places(tmp_path: Path) -> None:
    rules = '"grants": {"rules": [{"when": {"group": "x"}, "roles": ["Foo"]}]}'
    text = f'AUTH_ROLES_MAPPING = {{"data": ["User"]}}\nOIDC_AUTH = {{**{DOCUMENT}, {rules}}}\n'
    paths = [rule.settings.path for rule in compiled(tmp_path, text).grants.rules]
    assert paths == ["OIDC_AUTH.grants.rules[0]", "AUTH_ROLES_MAPPING['data']"]


def test_losing_every_group_leaves_no_role(tmp_path: Path) -> None:
    config = compiled(tmp_path, f'{REGISTRATION}AUTH_ROLES_MAPPING = {{"data": ["User"]}}\nOIDC_AUTH = {DOCUMENT}\n')
    assert roles(config) == ()


def test_the_registration_role_is_for_everyone_while_registration_is_open(tmp_path: Path) -> None:
    role = f'AUTH_USER_REGISTRATION_ROLE = "Guest"\nAUTH_ROLES_MAPPING = {{"x": ["User"]}}\nOIDC_AUTH = {DOCUMENT}\n'
    assert roles(compiled(tmp_path, REGISTRATION + role)) == ("Guest",)
    assert roles(compiled(tmp_path, role)) == ()
    assert roles(compiled(tmp_path, "AUTH_USER_REGISTRATION = False\n" + role)) == ()


@pytest.mark.parametrize(
    ("mapping", "place"),
    [
        ('{"b": "User"}', "AUTH_ROLES_MAPPING['b']"),
        ('{"b": None}', "AUTH_ROLES_MAPPING['b']"),
        ('{"b": {"User"}}', "AUTH_ROLES_MAPPING['b']"),
        ('{"b": ["User", 1]}', "AUTH_ROLES_MAPPING['b']"),
        ('{1: ["User"]}', "AUTH_ROLES_MAPPING"),
        ('{("a", "b"): ["User"]}', "AUTH_ROLES_MAPPING"),
        ('[("b", ["User"])]', "AUTH_ROLES_MAPPING"),
        ('"b"', "AUTH_ROLES_MAPPING"),
        ('{"b": ["User"], "b": ["Admin"]}', "AUTH_ROLES_MAPPING['b']"),
    ],
)
def test_a_mapping_of_another_shape_is_a_problem_at_its_place(tmp_path: Path, mapping: str, place: str) -> None:
    (found,) = settings(tmp_path, f"{REGISTRATION}AUTH_ROLES_MAPPING = {mapping}\n").problems
    assert found.path == place
    assert found.where.endswith("webserver_config.py:4")
    assert found.suggestion


@pytest.mark.parametrize("value", ['{"b": []}', '{"": ["User"]}', '{" b": ["User"]}', '{"b": [""]}', '{"b": ["{x}"]}'])
def test_a_mapping_that_is_no_rule_is_a_problem_at_its_place(tmp_path: Path, value: str) -> None:
    (found,) = problems(tmp_path, f"AUTH_ROLES_MAPPING = {value}\nOIDC_AUTH = {DOCUMENT}\n").values()
    assert found.path.startswith("AUTH_ROLES_MAPPING['")
    assert found.where.endswith("webserver_config.py:3")


@pytest.mark.parametrize("value", ['"False"', "1", "None", "[]"])
def test_registration_is_true_or_false_and_nothing_that_fab_would_take_for_true(tmp_path: Path, value: str) -> None:
    found = settings(tmp_path, f"AUTH_USER_REGISTRATION = {value}\n")
    assert [each.path for each in found.problems] == ["AUTH_USER_REGISTRATION"]
    assert not found.registration


def test_registration_is_closed_where_it_is_not_set_and_that_is_told(tmp_path: Path) -> None:
    found = settings(tmp_path, "")
    assert not found.settings(None).registration
    assert [each.path for each in found.warnings] == ["AUTH_USER_REGISTRATION"]
    assert settings(tmp_path, "AUTH_USER_REGISTRATION = False\n").warnings == ()


@pytest.mark.parametrize("value", ['""', '["Viewer"]', "1"])
def test_a_registration_role_that_is_no_name_is_a_problem(tmp_path: Path, value: str) -> None:
    found = settings(tmp_path, f"{REGISTRATION}AUTH_USER_REGISTRATION_ROLE = {value}\n")
    assert [each.path for each in found.problems] == ["AUTH_USER_REGISTRATION_ROLE"]


def test_roles_assigned_by_hand_are_kept_only_where_the_document_says_so(tmp_path: Path) -> None:
    found = settings(tmp_path, REGISTRATION)
    assert not found.settings(None).keep_assigned_roles
    for value, keeps in ((True, True), (False, False), ("yes", False)):
        raw = RawDocument("f", {"grants": {"keep_assigned_roles": value}})
        assert found.settings(raw).keep_assigned_roles is keeps


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ('AUTH_ROLE_PUBLIC = "Admin"', "NOBODY gets in without signing in"),
        ("AUTH_TYPE = 1", "chose how people sign in"),
        ("AUTH_ROLES_SYNC_AT_LOGIN = False", "at every sign-in"),
        ('AUTH_USER_REGISTRATION_ROLE_JMESPATH = "x"', "from claims"),
        ("OAUTH_PROVIDERS = []", "AUTH_OAUTH"),
        ('AUTH_LDAP_SERVER = "ldap://x"', "LDAP"),
        ('AUTH_REMOTE_USER_ENV_VAR = "X"', "web server in front"),
        ("AUTH_RATE_LIMITED = True", "no password form"),
        ("FAB_PASSWORD_COMPLEXITY_ENABLED = True", "password"),
        ("REMEMBER_COOKIE_DURATION = 1", "kept people signed in"),
        ("SESSION_COOKIE_SAMESITE = 'Strict'", "Flask"),
        ("FAB_API_KEY_ENABLED = True", "keys"),
        ("AUTH_ROLES_MAPING = {}", "is not a setting of FAB"),
    ],
)
def test_a_setting_that_does_nothing_says_what_it_did_and_what_to_write(
    tmp_path: Path, setting: str, says: str
) -> None:
    (found,) = settings(tmp_path, f"{REGISTRATION}{setting}\n").warnings
    assert found.path == setting.partition(" ")[0]
    assert says in found.text
    assert found.suggestion
    assert found.where.endswith("webserver_config.py:4")


@pytest.mark.parametrize(
    "setting",
    ["AUTH_ROLES_SYNC_AT_LOGIN = True", "AUTH_ROLE_PUBLIC = None", "WTF_CSRF_ENABLED = True", "APP_NAME = 'Airflow'"],
)
def test_a_setting_that_changes_nothing_or_is_still_honoured_is_not_warned_about(tmp_path: Path, setting: str) -> None:
    assert settings(tmp_path, f"{REGISTRATION}{setting}\n").warnings == ()


def test_a_constant_that_a_file_imports_is_no_setting(tmp_path: Path) -> None:
    assert settings(tmp_path, f"{REGISTRATION}from flask_appbuilder.const import AUTH_OAUTH\n").warnings == ()


def test_a_whitelist_is_told_because_more_people_would_get_in(tmp_path: Path) -> None:
    text = f'{REGISTRATION}OAUTH_PROVIDERS = [{{"name": "g", "whitelist": ["@example.com"]}}]\n'
    found = {each.path: each for each in settings(tmp_path, text).warnings}
    assert "email_domain" in found["OAUTH_PROVIDERS[0].whitelist"].suggestion


def test_what_let_everybody_in_is_told_first(tmp_path: Path) -> None:
    found = settings(
        tmp_path, 'AUTH_TYPE = 4\nAUTH_ROLE_PUBLIC = "Admin"\n', cache_ttl="1", auth_role_public="Op"
    ).warnings
    assert [each.path for each in found[:2]] == ["AUTH_ROLE_PUBLIC", "[fab] auth_role_public"]


def test_options_of_airflow_cfg_are_told_too(tmp_path: Path) -> None:
    (found,) = settings(tmp_path, REGISTRATION, auth_role_public="Admin").warnings
    assert found.path == "[fab] auth_role_public"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is missing"),
        ("SECURITY_MANAGER_CLASS = 'airflow_oidc_auth.OidcSecurityManager'\n", "do not quote it"),
        ("SECURITY_MANAGER_CLASS = object\n", "does not inherit from OidcSecurityManager"),
        (
            "from airflow.providers.fab.auth_manager.security_manager.override import FabAirflowSecurityManagerOverride"
            "\nSECURITY_MANAGER_CLASS = FabAirflowSecurityManagerOverride\n",
            "does not inherit from OidcSecurityManager",
        ),
    ],
)
def test_another_security_manager_is_a_problem(tmp_path: Path, text: str, says: str) -> None:
    (found,) = read_fab_document(read(tmp_path, REGISTRATION + text), {}).problems
    assert found.path == "SECURITY_MANAGER_CLASS"
    assert says in found.text
    assert "from airflow_oidc_auth import OidcSecurityManager" in found.suggestion


def test_an_overridden_method_that_is_not_called_any_more_is_told(tmp_path: Path) -> None:
    text = "class Ours(OidcSecurityManager):\n    def get_oauth_user_info(self, provider, resp): ...\n"
    found = settings(tmp_path, f"{REGISTRATION}{text}SECURITY_MANAGER_CLASS = Ours\n")
    assert found.problems == ()
    assert ["Ours.get_oauth_user_info is not called" in each.text for each in found.warnings] == [True]


def with_key(entry: str) -> str:
    """Return the good document with one more entry of the provider."""
    return DOCUMENT.replace('"client_secret"', f'{entry}, "client_secret"')


def oidc(value: str) -> str:
    return f'AUTH_ROLES_MAPPING = {{"a": ["Admin"]}}\nOIDC_AUTH = {value}\n'


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ("[]", "OIDC_AUTH"),
        ("None", "OIDC_AUTH"),
        ("{}", "OIDC_AUTH"),
        ('""', "OIDC_AUTH"),
        ('"oidc_auth.yaml"', "OIDC_AUTH"),
        ('{"providers": {}}', "OIDC_AUTH.version"),
        ('{"version": True}', "OIDC_AUTH.version"),
        ('{"version": "1"}', "OIDC_AUTH.version"),
        (DOCUMENT.replace('"0oa1"', "123"), "OIDC_AUTH.providers.okta.client_id"),
        (with_key('"scopes": ("openid",)'), "OIDC_AUTH.providers.okta.scopes"),
        (with_key('"scopes": {"openid"}'), "OIDC_AUTH.providers.okta.scopes"),
        (with_key('"label": b"x"'), "OIDC_AUTH.providers.okta.label"),
        (with_key('"label": "\\ud800"'), "OIDC_AUTH.providers.okta.label"),
        (with_key('"label": object()'), "OIDC_AUTH.providers.okta.label"),
        (with_key('"label": None'), "OIDC_AUTH.providers.okta.label"),
        (with_key('("a", 1): 1'), "OIDC_AUTH.providers.okta"),
        (with_key("5: 1"), "OIDC_AUTH.providers.okta"),
        (with_key('"lable": "x"'), "OIDC_AUTH.providers.okta.lable"),
        (f'{{**{DOCUMENT}, "roles": {{"x": {{}}}}}}', "OIDC_AUTH.roles"),
        (f'{{**{DOCUMENT}, "audits": 1}}', "OIDC_AUTH.audits"),
        (
            f'{{"version": 1, "providers": {PROVIDERS}, "client_secret": "{SECRET}"}}}}}}',
            "OIDC_AUTH.providers.okta.client_secret",
        ),
        (
            f'{{"version": 1, "providers": {PROVIDERS}, "client_secret": b"{SECRET}"}}}}}}',
            "OIDC_AUTH.providers.okta.client_secret",
        ),
        (
            f'{{"version": 1, "providers": {PROVIDERS}, "client_secret": {{"{SECRET}": ("x",)}}}}}}}}',
            "OIDC_AUTH.providers.okta.client_secret",
        ),
    ],
)
def test_what_is_wrong_with_the_dict_is_told_at_its_exact_place(tmp_path: Path, value: str, place: str) -> None:
    found = problems(tmp_path, oidc(value))
    assert list(found) == [place]
    assert found[place].where.startswith(f"{tmp_path}/webserver_config.py:4")


def test_a_dict_that_holds_itself_is_a_problem(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, oidc(DOCUMENT) + 'OIDC_AUTH["providers"]["okta"]["claims"] = OIDC_AUTH\n').values()
    assert "hold itself" in found.suggestion


def test_a_reference_to_a_secret_is_shown_as_python(tmp_path: Path) -> None:
    value = f'{{"version": 1, "providers": {PROVIDERS}, "client_secret": "{SECRET}"}}}}}}'
    (found,) = problems(tmp_path, oidc(value)).values()
    assert '{"env": "NAME"}' in found.suggestion


def test_a_key_written_twice_is_a_problem(tmp_path: Path) -> None:
    found = problems(tmp_path, oidc(DOCUMENT.replace('"version": 1', '"version": 1, "version": 1')))
    assert "twice" in found["OIDC_AUTH.version"].text


def test_a_path_of_the_yaml_may_be_text_or_a_path(tmp_path: Path) -> None:
    assert read_oidc_auth(read(tmp_path, "OIDC_AUTH = '/etc/oidc.yaml'\n")) == "/etc/oidc.yaml"
    text = "from pathlib import Path\nOIDC_AUTH = Path('/etc') / 'oidc.yaml'\n"
    assert read_oidc_auth(read(tmp_path, text)) == "/etc/oidc.yaml"


def missing(config: CompiledConfig, *existing: str) -> list[tuple[str, str]]:
    return [(each.path, each.suggestion) for each in missing_roles(config.grants, existing)]


def test_a_mapped_role_that_fab_does_not_have_is_told_with_what_was_meant(tmp_path: Path) -> None:
    config = compiled(tmp_path, oidc(DOCUMENT))
    assert missing(config, "Admin") == []
    ((path, suggestion),) = missing(config, "admin", "Public")
    assert path == "AUTH_ROLES_MAPPING['a']"
    assert suggestion.startswith("did you mean admin? Or create it")
    assert missing(config, "Public")[0][1].startswith("create it")


def test_roles_with_captures_are_not_asked_about(tmp_path: Path) -> None:
    rule = '{"when": {"group_regex": "t-(?P<team>[a-z]+)"}, "roles": ["Team {team}"]}'
    config = compiled(tmp_path, f'OIDC_AUTH = {{**{DOCUMENT}, "grants": {{"rules": [{rule}]}}}}\n')
    assert missing(config) == []
    assert roles(config, "t-red") == ("Team red",)


def test_a_good_file_has_neither_problem_nor_warning(tmp_path: Path) -> None:
    found = read_fab_document(read(tmp_path, GOOD), {})
    assert (found.problems, found.warnings, found.registration) == ((), (), True)


def test_the_good_document_compiles(tmp_path: Path) -> None:
    value: Any = compiled(tmp_path, oidc(DOCUMENT))
    assert list(value.providers) == ["okta"]
