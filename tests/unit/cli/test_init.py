from __future__ import annotations

import re
from pathlib import Path

import pytest

from airflow_oidc_auth.cli.definition import PRESETS
from airflow_oidc_auth.config.compile import compile_document
from airflow_oidc_auth.config.document import load_document
from airflow_oidc_auth.policy.builtin import BUILTIN_ROLES
from airflow_oidc_auth.providers.presets import preset_names, saml_preset_names, workload_preset_names
from tests.unit.cli.running import Oidc

_KEYS = "provider|when|roles|delegated_roles|tokens|rate_limits|max_lifetime"
_COMMENTED = re.compile(rf"^( *)# ((?:- name|  (?:{_KEYS})|(?:{_KEYS})): .*)$")


def test_there_is_a_document_for_every_preset() -> None:
    assert {*PRESETS} == {*preset_names(), *saml_preset_names(), *workload_preset_names()}


@pytest.mark.parametrize("preset", PRESETS)
def test_every_document_compiles_without_problem_or_warning(oidc: Oidc, preset: str) -> None:
    printed = oidc("init", preset)
    assert printed.code == 0
    compiled = compile_document(load_document(printed.out, preset), secrets=None, known_roles=BUILTIN_ROLES)
    assert compiled.warnings == ()
    *people, last = [settings.preset for settings in compiled.providers.values()]
    assert (people, last) == (["oidc"] if preset in workload_preset_names() else [], preset)
    assert compiled.grants.may_give("Admin")


@pytest.mark.parametrize("preset", PRESETS)
def test_every_commented_line_compiles_as_well(oidc: Oidc, preset: str) -> None:
    lines = oidc("init", preset).out.splitlines()
    examples = [line.replace("# - {when", "- {when") for line in lines]
    if preset in workload_preset_names():  # whole rules, and settings of their own, are commented out
        examples = [_COMMENTED.sub(r"\1\2", line) for line in lines]
    compile_document(load_document("\n".join(examples), preset), secrets=None, known_roles=BUILTIN_ROLES)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_document_says_how_to_go_on_and_fits_the_screen(oidc: Oidc, preset: str) -> None:
    document = oidc("init", preset).out
    assert "airflow oidc check" in document
    assert ("client_secret: {env: " in document) is (preset not in saml_preset_names())
    assert ("signing_key: {file: " in document) is (preset in saml_preset_names())
    assert max(map(len, document.splitlines())) <= 120


def test_a_file_is_written_once_and_never_over_another(oidc: Oidc, tmp_path: Path) -> None:
    target = tmp_path / "oidc_auth.yaml"
    first = oidc("init", "okta", "--output", str(target))
    assert first.code == 0
    assert f"config_file = {target}" in first.out
    target.write_text("mine")
    second = oidc("init", "okta", "--output", str(target))
    assert (second.code, second.out) == (1, "")
    assert "exists already" in second.err
    assert target.read_text() == "mine"


def test_a_file_that_cannot_be_written_is_a_clean_failure(oidc: Oidc, tmp_path: Path) -> None:
    failed = oidc("init", "okta", "--output", str(tmp_path / "nowhere" / "x.yaml"), "--json")
    assert failed.code == 1
    assert failed.data["exit_code"] == 1
    assert "Cannot write" in failed.data["error"]


def test_json_holds_the_document(oidc: Oidc) -> None:
    assert oidc("init", "entra", "--json").data["document"].startswith("# Sign-in for Airflow with Microsoft Entra ID")


def test_an_unknown_preset_is_a_usage_error(oidc: Oidc) -> None:
    with pytest.raises(SystemExit) as left:
        oidc("init", "octa")
    assert left.value.code == 2
