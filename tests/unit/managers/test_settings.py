from __future__ import annotations

from collections.abc import Iterator

import pytest
from airflow.configuration import conf

from airflow_oidc_auth.errors import ConfigurationError, Problem
from airflow_oidc_auth.managers.address import base_url
from airflow_oidc_auth.managers.settings import load_settings

OPTIONS = {
    "PRESET": "okta",
    "ISSUER": "https://acme.okta.com",
    "CLIENT_ID": "0oa1",
    "CLIENT_SECRET": "hunter2",
    "ROLE_MAPPING": '{"admins": "Admin"}',
}


@pytest.fixture
def options(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.delenv("AIRFLOW__OIDC_AUTH__CONFIG_FILE", raising=False)
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example.com")
    for name, value in OPTIONS.items():
        monkeypatch.setenv(f"AIRFLOW__OIDC_AUTH__{name}", value)
    return monkeypatch


def problems() -> list[Problem]:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(resolve_secrets=True).compile()
    return list(caught.value.problems)


def test_five_options_in_the_environment_compile(options: pytest.MonkeyPatch) -> None:
    assert list(load_settings(resolve_secrets=True).compile().providers) == ["okta"]


def test_the_secret_may_come_from_a_command(options: pytest.MonkeyPatch) -> None:
    options.delenv("AIRFLOW__OIDC_AUTH__CLIENT_SECRET")
    options.setenv("AIRFLOW__OIDC_AUTH__CLIENT_SECRET_CMD", "printf 'from-a-command\\n'")
    secret = load_settings(resolve_secrets=True).compile().providers["okta"].client_secret
    assert secret is not None
    assert secret.reveal() == "from-a-command"


@pytest.mark.parametrize("command", ["sh -c 'echo hunter2; exit 1'", "/no/such/command", "'unbalanced"])
def test_a_command_that_fails_is_a_problem_among_the_others_and_shows_no_output(
    options: pytest.MonkeyPatch, command: str
) -> None:
    options.delenv("AIRFLOW__OIDC_AUTH__CLIENT_SECRET")
    options.setenv("AIRFLOW__OIDC_AUTH__CLIENT_SECRET_CMD", command)
    options.setenv("AIRFLOW__OIDC_AUTH__ROLE_MAPPING", '{"admins": "Amdin"}')
    found = problems()
    assert ("[oidc_auth] client_secret", "cannot be read") in {(each.path, each.text[:14]) for each in found}
    assert '[oidc_auth] role_mapping["admins"]' in {each.path for each in found}
    assert "hunter2" not in str(found)


def test_a_fernet_key_that_cannot_be_read_is_a_problem(options: pytest.MonkeyPatch) -> None:
    options.delenv("AIRFLOW__CORE__FERNET_KEY", raising=False)
    options.setenv("AIRFLOW__CORE__FERNET_KEY_CMD", "/no/such/command")
    assert [(each.path, each.text[:14]) for each in problems()] == [("[core] fernet_key", "cannot be read")]


def test_offline_commands_run_no_command(options: pytest.MonkeyPatch) -> None:
    options.delenv("AIRFLOW__OIDC_AUTH__CLIENT_SECRET")
    options.setenv("AIRFLOW__OIDC_AUTH__CLIENT_SECRET_CMD", "/no/such/command")
    assert load_settings(resolve_secrets=False).problems == ()


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [("ROLE_MAPING", "did you mean role_mapping?"), ("CLIENTID", "did you mean client_id?"), ("X", "use one of: cli")],
)
def test_an_option_that_does_not_exist_is_a_problem(options: pytest.MonkeyPatch, name: str, suggestion: str) -> None:
    options.setenv(f"AIRFLOW__OIDC_AUTH__{name}", "x")
    (problem,) = problems()
    assert (problem.path, problem.text) == (f"[oidc_auth] {name.lower()}", "is not an option")
    assert problem.suggestion.startswith(suggestion)


@pytest.mark.parametrize("name", ["AIRFLOW__OIDC_AUTH__config_file", "airflow__oidc_auth__role_mapping"])
def test_a_variable_in_small_letters_is_a_problem(options: pytest.MonkeyPatch, name: str) -> None:
    """Airflow passes over it: a stricter document that is named so would never be in force."""
    options.setenv(name, "x")
    (problem,) = problems()
    assert (problem.path, problem.suggestion) == (name, f"write it as {name.upper()}")


def test_each_option_beside_a_file_is_a_problem(options: pytest.MonkeyPatch) -> None:
    options.setenv("AIRFLOW__OIDC_AUTH__CONFIG_FILE", "/etc/oidc_auth.yaml")
    assert [each.path for each in problems()] == [f"[oidc_auth] {name.lower()}" for name in OPTIONS]


@pytest.fixture
def airflow_cfg() -> Iterator[None]:
    """Undo what a test writes into the section."""
    before = dict(conf._sections.get("oidc_auth", {}))
    yield
    conf._sections.get("oidc_auth", {}).clear()
    conf._sections.get("oidc_auth", {}).update(before)


@pytest.mark.usefixtures("airflow_cfg")
@pytest.mark.parametrize(
    ("option", "value"), [("client_secret", "hunter%2"), ("role_mapping", '{"50%": "Admin"}'), ("client_id", "%(x)s")]
)
def test_a_percent_sign_in_the_file_is_a_problem_that_does_not_show_the_value(
    options: pytest.MonkeyPatch, option: str, value: str
) -> None:
    options.delenv(f"AIRFLOW__OIDC_AUTH__{option.upper()}")
    conf.read_string(f"[oidc_auth]\n{option} = {value}\n")
    found = problems()
    assert [(each.path, each.suggestion) for each in found] == [
        (f"[oidc_auth] {option}", "write '%%' for each '%' in the file")
    ]
    assert value not in str(found)


@pytest.mark.parametrize("url", ["https://[", "https://airflow.example.com:port"])
def test_a_base_url_that_cannot_be_parsed_is_a_problem(options: pytest.MonkeyPatch, url: str) -> None:
    options.setenv("AIRFLOW__API__BASE_URL", url)
    assert [each.path for each in problems()] == ["[api] base_url"]
    assert base_url() == ""
