"""The pages about programs hold configurations that work, and snippets that can be read."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from airflow_oidc_auth.config.compile import compile_document
from airflow_oidc_auth.config.compiled import CompiledConfig
from airflow_oidc_auth.config.document import load_document
from airflow_oidc_auth.providers.presets import preset, preset_names, workload_preset_names

TASKS = Path(__file__).parents[3] / "docs" / "tasks"
PAGE = (TASKS / "workload-identity.md").read_text(encoding="utf-8")
MACHINES = (TASKS / "machines.md").read_text(encoding="utf-8")
ROLES = ("Admin", "Op", "User", "Viewer", "Public")
PEOPLE = {"preset": "oidc", "issuer": "https://idp.example.com", "client_id": "a", "client_secret": {"env": "X"}}


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)


def compiled(fragment: str) -> CompiledConfig:
    """Complete a piece of a document as its reader would."""
    told = yaml.safe_load(fragment)
    data = {"version": 1, "providers": {"people": PEOPLE}, "grants": {"rules": []}, **told}
    data["providers"] = {"people": PEOPLE, **told.get("providers", {})}
    rules = told.get("grants", {}).get("rules", [])
    admins = {"name": "administrators of the test", "when": {"group": "a"}, "roles": ["Admin"]}
    data["grants"] = {**told.get("grants", {}), "rules": [admins, *rules]}
    return compile_document(load_document(yaml.safe_dump(data), "docs"), secrets=None, known_roles=ROLES)


CONFIGURATIONS = [each for each in blocks(PAGE, "yaml") if each.startswith("providers:")]
SNIPPETS = [each for each in blocks(PAGE, "yaml") if not each.startswith("providers:")]


def test_every_workload_preset_has_a_section_that_compiles_without_a_warning() -> None:
    found = [compiled(text) for text in CONFIGURATIONS]
    assert [each.warnings for each in found] == [()] * len(found)
    used = [settings.preset for each in found for settings in each.providers.values() if not settings.signs_in]
    assert used == list(workload_preset_names())


def test_programs_are_told_to_ask_for_the_audience_that_is_configured() -> None:
    for section, text in zip(PAGE.split("\n## ")[1:], CONFIGURATIONS, strict=True):
        (settings,) = [each for each in compiled(text).providers.values() if not each.signs_in]
        assert settings.api is not None
        snippet = section.partition("grants:")[2]
        if settings.preset not in ("jwt", "cloudfoundry-clients"):
            assert settings.api.audiences[0] in snippet


@pytest.mark.parametrize("name", workload_preset_names())
def test_the_table_names_the_claims_that_bind(name: str) -> None:
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| [`{name}`]"))
    workload = preset(name).workload
    assert workload is not None
    assert name == "jwt" or all(f"`{each.claim}`" in row or name == "aws" for each in workload.bindings)
    assert ("a group" in row) is workload.groups_bind


def test_the_snippets_for_ci_are_yaml() -> None:
    assert len(SNIPPETS) == 3
    assert all(isinstance(yaml.safe_load(each), dict) for each in SNIPPETS)


@pytest.mark.parametrize("text", [*blocks(PAGE, "bash"), *blocks(MACHINES, "bash")])
def test_the_commands_are_shell(text: str) -> None:
    shell = shutil.which("bash")
    assert shell is not None
    subprocess.run([shell, "-n"], input=text, text=True, check=True, timeout=10)


@pytest.mark.parametrize("text", blocks(MACHINES, "yaml"))
def test_what_the_page_about_programs_shows_compiles(text: str, tmp_path: Path) -> None:
    compiled(text)


def test_the_page_about_programs_tells_every_preset_what_to_do() -> None:
    for name in preset_names():
        assert f"`{name}`" in MACHINES
    refused = next(line for line in MACHINES.splitlines() if line.startswith("| `github`"))
    assert {name for name in preset_names() if preset(name).no_access_tokens} == set(re.findall(r"`(\w+)`", refused))
