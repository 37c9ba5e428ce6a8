"""The extra is missing, or its parts do not fit: said in one sentence; everything else works without it."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
PAIR = "xmlsec 1.3.16 or later and lxml 6 or later, together"
SAML = """
version: 1
providers:
  corp:
    preset: saml
    issuer: https://idp.example/entity
    metadata_url: https://idp.example/metadata
grants:
  rules:
    - {when: {group: admins}, roles: [Admin]}
"""
OIDC = """
version: 1
providers:
  corp:
    preset: oidc
    issuer: https://idp.example
    client_id: airflow
    client_secret: {env: CLIENT_SECRET}
grants:
  rules:
    - {when: {group: admins}, roles: [Admin]}
"""

# What stands in the way is put in front of the real import, in a process of its own.
MISSING = """
    import sys
    class Missing:
        def find_spec(self, name, path=None, target=None):
            if name.partition(".")[0] in {names}:
                raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
    sys.meta_path.insert(0, Missing())
"""
# As xmlsec does it itself: an error of its own class while it is imported.
MISMATCH = """
    import sys
    class Mismatch:
        def find_spec(self, name, path=None, target=None):
            if name == "xmlsec":
                raise type("InternalError", (Exception,), {{}})((-1, "lxml & xmlsec libxml2 library version mismatch"))
    sys.meta_path.insert(0, Mismatch())
"""
CLASH = "(-1, 'lxml & xmlsec libxml2 library version mismatch')"
WAYS = {
    "nothing": (MISSING.format(names=("lxml", "xmlsec")), "lxml is not installed"),
    "no xmlsec": (MISSING.format(names=("xmlsec",)), "xmlsec is not installed"),
    "mismatch": (
        MISMATCH.format(),
        "xmlsec cannot be imported: (-1, 'lxml & xmlsec libxml2 library version mismatch')",
    ),
}


def run(tmp_path, way, code, document=SAML):
    """Run a piece of code, or our command line, where the libraries are not as they should be."""
    file = tmp_path / "oidc_auth.yaml"
    file.write_text(document)
    program = textwrap.dedent(WAYS[way][0]) + textwrap.dedent(code)
    return subprocess.run(
        [sys.executable, "-W", "error::ImportWarning", "-c", program],
        cwd=ROOT,
        env={
            "PATH": "/usr/bin:/bin",
            "AIRFLOW_HOME": str(tmp_path),
            "AIRFLOW__API__BASE_URL": "https://airflow.example",
            "AIRFLOW__API_AUTH__JWT_SECRET": "x" * 64,
            "AIRFLOW__CORE__FERNET_KEY": "Zm9yIHRlc3RzIG9ubHksIG5vdCBhIHJlYWwga2V5ISE=",
            "AIRFLOW__CORE__AUTH_MANAGER": "airflow_oidc_auth.OidcAuthManager",
            "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{tmp_path / 'airflow.db'}",
            "AIRFLOW__OIDC_AUTH__CONFIG_FILE": str(file),
            "CLIENT_SECRET": "not a secret, only for tests",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize("way", WAYS)
def test_says_what_is_wrong_in_one_sentence(way, tmp_path):
    code = """
        from airflow_oidc_auth.errors import ProviderError
        from airflow_oidc_auth.providers.saml.libraries import require_libraries
        try:
            require_libraries()
        except ProviderError as error:
            print(error.code, error.detail, error.hint, sep="|")
    """
    done = run(tmp_path, way, code)
    assert done.stderr == ""
    told, detail, hint = done.stdout.strip().split("|")
    assert told == "saml_library_unusable"
    assert detail.startswith(WAYS[way][1])
    assert PAIR in hint
    if way == "mismatch":
        assert "installed: lxml " in detail


CHECK = """
    import sys
    from airflow.__main__ import main
    sys.argv = ["airflow", "oidc", "check", "--json"]
    main()
"""


@pytest.mark.parametrize("way", WAYS)
def test_airflow_oidc_check_says_which_pair_is_needed(way, tmp_path):
    done = run(tmp_path, way, CHECK)
    assert done.returncode == 3, done.stderr[-2000:]
    report = json.loads(done.stdout)
    text = json.dumps(report)
    assert WAYS[way][1].partition(":")[0] in text
    assert PAIR in text


START = """
    from airflow_oidc_auth.managers.native import OidcAuthManager
    manager = OidcAuthManager()
    manager.init()
    print("started")
"""


@pytest.mark.parametrize("way", WAYS)
def test_the_api_server_does_not_start_and_says_why(way, tmp_path):
    done = run(tmp_path, way, START)
    assert done.returncode == 3, done.stderr[-2000:]
    assert "started" not in done.stdout
    told = done.stdout + done.stderr
    assert WAYS[way][1].partition(":")[0] in told
    assert PAIR in told


@pytest.mark.parametrize("way", WAYS)
def test_oidc_starts_without_the_extra(way, tmp_path):
    done = run(tmp_path, way, START, OIDC)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "started" in done.stdout


def test_every_module_outside_of_saml_is_importable_without_the_extra(tmp_path):
    code = """
        import importlib, pkgutil, sys
        import airflow_oidc_auth
        for each in pkgutil.walk_packages(airflow_oidc_auth.__path__, "airflow_oidc_auth."):
            if ".saml." not in each.name and ".migrations." not in each.name and not each.name.endswith("__main__"):
                importlib.import_module(each.name)
        print(sorted({"lxml", "xmlsec"} & set(sys.modules)))
    """
    done = run(tmp_path, "nothing", code)
    assert done.stdout.strip().endswith("[]"), done.stderr[-2000:]
