"""``examples/webserver_config.py`` is what it says: complete, and right with every part that is commented out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from airflow_oidc_auth.managers.settings import Settings, load_settings

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "webserver_config.py"
_CODE = re.compile(r"^( *)# ((?:    )?[\"{}\])].*|AUTH_\w+ = .*)$", re.MULTILINE)


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("AIRFLOW__CORE__AUTH_MANAGER", "airflow_oidc_auth.OidcFabAuthManager")
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example.com")
    for name in ("COMPANY", "OKTA", "ENTRA"):
        monkeypatch.setenv(f"{name}_CLIENT_SECRET", "made up")

    def settings(text: str) -> Settings:
        path = tmp_path / "webserver_config.py"
        path.write_text(text)
        monkeypatch.setenv("AIRFLOW__FAB__CONFIG_FILE", str(path))
        return load_settings(resolve_secrets=True)

    return settings


@pytest.mark.parametrize("page", ["README.md", "docs/tasks/fab-mode.md"])
def test_what_the_pages_show_is_a_file_without_a_problem(load, page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    (shown,) = re.findall(r"^( *)```python\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    settings = load(re.sub(rf"^{shown[0]}", "", shown[1], flags=re.MULTILINE))
    assert list(settings.compile().providers) == ["okta"]
    assert fab_warnings(settings) == []


def fab_warnings(settings: Settings) -> list[str]:
    return [str(each) for each in settings.warnings if "webserver_config.py" in each.where]


def test_the_example_has_neither_problem_nor_warning(load) -> None:
    settings = load(EXAMPLE.read_text(encoding="utf-8"))
    compiled = settings.compile()
    assert fab_warnings(settings) == []
    assert compiled.warnings == ()
    assert list(compiled.providers) == ["company"]
    assert settings.fab is not None
    assert settings.fab.registration


def test_everything_that_is_commented_out_is_right_too(load, tmp_path: Path) -> None:
    secret = tmp_path / "keycloak-client-secret"
    secret.write_text("made up")
    text = _CODE.sub(r"\1\2", EXAMPLE.read_text(encoding="utf-8"))
    settings = load(text.replace("/run/secrets/keycloak-client-secret", str(secret)))
    compiled = settings.compile()
    assert fab_warnings(settings) == []
    assert list(compiled.providers) == ["company", "okta", "entra", "keycloak"]
    assert settings.fab is not None
    assert settings.fab.keep_assigned_roles
    roles = {role for rule in compiled.grants.rules for role in rule.settings.roles}
    assert {"Team {team}", "Admin", "Viewer"} <= roles
    assert "AUTH_USER_REGISTRATION_ROLE" in {rule.settings.name for rule in compiled.grants.rules}
