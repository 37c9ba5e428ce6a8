from __future__ import annotations

from pathlib import Path

import pytest

from airflow_oidc_auth.errors import ConfigurationError, Problem
from airflow_oidc_auth.fab.webserver_config import read_webserver_config
from tests.unit.fab.webserver_files import GOOD, read, write

SECRET = "hunter2-and-nobody-sees-it"


def problem(folder: Path, text: str | bytes) -> Problem:
    with pytest.raises(ConfigurationError) as caught:
        read(folder, text)
    (found,) = caught.value.problems
    assert SECRET not in str(found)
    return found


def test_what_the_file_sets_in_capitals_is_read_with_its_lines(tmp_path: Path) -> None:
    config = read(tmp_path, GOOD)
    assert config.values["AUTH_ROLES_MAPPING"] == {"admins": ["Admin"]}
    assert config.lines.of("AUTH_USER_REGISTRATION") == 4
    assert config.where("AUTH_ROLES_MAPPING") == f"{config.path}:5"


def test_defaults_of_flask_are_not_taken_for_settings_of_the_file(tmp_path: Path) -> None:
    assert set(read(tmp_path, "X = 1\nlower = 2\n").values) == {"X"}


def test_the_file_runs_in_the_context_of_a_flask_app(tmp_path: Path) -> None:
    text = "from flask import current_app\ncurrent_app.config['SEEN'] = True\nNAME = current_app.name\n"
    assert read(tmp_path, text).values == {"SEEN": True, "NAME": "airflow_oidc_auth"}


def test_what_the_file_prints_stays_out_of_standard_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    read(tmp_path, "print('noise')\n")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "noise\n")


def test_values_are_in_no_repr(tmp_path: Path) -> None:
    assert SECRET not in repr(read(tmp_path, f"OIDC_AUTH = {{'client_secret': '{SECRET}'}}\n"))


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (f"A = 1\nB = '{SECRET}\n", 2, "is not valid Python: unterminated string literal"),
        (f"def f():\nreturn '{SECRET}'\n", 2, "is not valid Python"),
        (b"A = '\xff'\n", None, "is not valid Python"),
        ("A = '\0'\n", None, "is not valid Python"),
        ("import no_such_package.inner\n", 1, "imports no_such_package"),
        ("\nfrom flask_appbuilder.security.manager import AUTH_OID2\n", 2, "imports a name that"),
        ("from airflow.www.security import AirflowSecurityManager\n", 1, "which is not in Airflow 3"),
        (
            "import os\nA = os.environ['NOT_SET_ANYWHERE']\n",
            2,
            "environment variable NOT_SET_ANYWHERE, which is not set",
        ),
        (f"A = {{}}['{SECRET} with spaces']\n", 1, "there is no such key"),
        ("A = OidcSecurityManager\n", 1, "uses the name OidcSecurityManager, which is not defined"),
        ("A = Fx7Kq2Lm9Pz4Rt6Vw8Yb3Nc5Jd1Gh0Se\n", 1, "uses a name, which is not defined"),
        ("raise NameError\n", 1, "stops with NameError"),
        ("A = open('/no/such/file')\n", 1, "cannot open /no/such/file: No such file or directory"),
        (f"A = int('{SECRET}')\n", 1, "stops with ValueError"),
        ("def f():\n    raise RuntimeError('x')\n\nf()\n", 2, "stops with RuntimeError"),
        ("import sys\nsys.exit(0)\n", 2, "leaves the program (SystemExit)"),
        ("raise SystemExit\n", 1, "leaves the program (SystemExit)"),
        ("def f():\n    f()\nf()\n", 2, "stops with RecursionError"),
    ],
)
def test_every_failure_is_one_problem_with_its_line(
    tmp_path: Path, text: str | bytes, line: int | None, says: str
) -> None:
    found = problem(tmp_path, text)
    assert says in found.text
    assert found.suggestion
    path = f"{tmp_path}/webserver_config.py"
    assert found.where.startswith(path if line is None else f"{path}:{line}")


def test_an_exception_in_an_imported_module_is_told_at_the_line_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "company_settings.py").write_text("raise RuntimeError\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert problem(tmp_path, "X = 1\nimport company_settings\n").where.endswith("webserver_config.py:2")


def test_an_import_of_fab_that_fails_names_the_extra(tmp_path: Path) -> None:
    found = problem(tmp_path, "import airflow.providers.fab.no_such_module\n")
    assert found.suggestion == "pip install 'airflow-oidc-auth[fab]'"


def test_without_flask_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "flask", None)
    found = problem(tmp_path, GOOD)
    assert (found.path, found.suggestion) == ("[core] auth_manager", "pip install 'airflow-oidc-auth[fab]'")


def test_a_missing_file_is_a_problem_although_fab_passes_over_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_webserver_config(str(tmp_path / "none.py"))
    (found,) = caught.value.problems
    assert (found.path, found.text) == ("[fab] config_file", f"there is no file {tmp_path}/none.py")


@pytest.mark.parametrize("path", ["webserver_config.py", "./x.py"])
def test_a_relative_path_is_a_problem(path: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_webserver_config(path)
    assert caught.value.problems[0].suggestion == "write the full path"


def test_a_folder_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_webserver_config(str(tmp_path))
    assert "cannot read" in caught.value.problems[0].text


def test_keyboard_interrupt_is_nobodys_configuration_problem(tmp_path: Path) -> None:
    path = write(tmp_path, "raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        read_webserver_config(path)
