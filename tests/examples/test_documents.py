"""README, quick start and examples say what is true: commands and files exist, configurations compile."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import pytest

from airflow_oidc_auth.config.document import load_document
from airflow_oidc_auth.config.single import document_from_options
from airflow_oidc_auth.managers.options import SINGLE_PROVIDER_OPTIONS
from airflow_oidc_auth.secret import Secret

ROOT = Path(__file__).resolve().parents[2]
OPENERS = ("README.md", "docs/quickstart.md")
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")]
)
YAML_EXAMPLES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("examples/**/*.yaml"))


def blocks(page: str, language: str) -> list[str]:
    text = (ROOT / page).read_text(encoding="utf-8")
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    return [re.sub(rf"^{indent}", "", body, flags=re.MULTILINE) for indent, body in found]


@pytest.mark.parametrize("page", OPENERS)
def test_every_script_that_is_named_exists(page: str) -> None:
    commands = [line for block in blocks(page, "sh") for line in block.splitlines()]
    scripts = [word for line in commands for word in line.split() if word.startswith("scripts/")]
    assert scripts
    assert [script for script in scripts if not (ROOT / script).is_file()] == []


@pytest.mark.parametrize("page", OPENERS)
def test_the_five_lines_are_a_configuration_that_compiles(page: str, compiles) -> None:
    (text,) = (block for block in blocks(page, "ini") if "role_mapping" in block)
    config = configparser.ConfigParser(interpolation=None)
    config.read_string(text)
    assert config["core"]["auth_manager"] == "airflow_oidc_auth.OidcAuthManager"
    options = {name.removesuffix("_cmd"): value for name, value in config["oidc_auth"].items()}
    assert set(options) == set(SINGLE_PROVIDER_OPTIONS)
    options["client_secret"] = Secret("made up")
    compiled = compiles(document_from_options(**options))
    assert list(compiled.providers) == ["okta"]


@pytest.mark.parametrize("example", [path for path in YAML_EXAMPLES if "/helm/" not in path and "compose" not in path])
def test_every_example_document_compiles(example: str, compiles) -> None:
    compiles(load_document((ROOT / example).read_text(encoding="utf-8"), source=example))


@pytest.mark.parametrize("page", PAGES)
def test_every_link_to_a_file_leads_somewhere(page: str) -> None:
    text = re.sub(r"```.*?```", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = [target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in target]
    missing = [target for target in targets if target and not ((ROOT / page).parent / target).exists()]
    assert missing == []


def test_nothing_names_a_registry() -> None:
    hosts = ("files." + "pythonhosted", "registry." + "npmjs", "pypi." + "org", "deb." + "debian")
    folders = ("airflow_oidc_auth", "docs", "examples", "requirements", "scripts", "tests", ".ci")
    suffixes = {".py", ".md", ".yaml", ".yml", ".txt", ".in", ".json", ".mjs", ".toml", ".html", ".css", ""}
    files = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in suffixes]
    ours = [path for path in files if path.is_file() and "node_modules" not in path.parts]
    named = [path for path in ours if any(host in path.read_text(encoding="utf-8", errors="replace") for host in hosts)]
    assert named == []


def test_the_demo_says_in_the_readme_what_it_says_on_the_screen() -> None:
    demo = (ROOT / "scripts" / "demo.py").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in re.findall(r'"name": "([^"]+)"', demo):
        assert name in readme
