"""What a release consists of, built from the last commit."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.xdist_group("build")  # one build for all

PACKAGES = {
    *("audit", "cli", "config", "fab", "grants", "identity", "login", "managers", "messages", "policy", "providers"),
    *("sessions", "testing", "web"),
}
SUFFIXES = {".css", ".html", ".ini", ".js", ".json", ".mako", ".py", ".typed", ".yaml"}
MAX_WHEEL_BYTES = 1_500_000


def git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def build(commit: str, folder: Path, elsewhere: Path, **environ: str) -> dict[str, bytes]:
    elsewhere.mkdir()
    kept = {name: value for name, value in os.environ.items() if name != "SOURCE_DATE_EPOCH"}
    command = [
        "sh",
        "-c",
        'umask "$UMASK"; exec "$@"',
        "sh",
        ROOT / "scripts" / "build",
        folder,
        sys.executable,
        commit,
    ]
    environ = kept | {"TMPDIR": str(elsewhere)} | environ
    subprocess.run(command, cwd=elsewhere, env=environ, check=True, capture_output=True)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def commit() -> str:
    if not (ROOT / ".git").exists() or not shutil.which("git"):
        pytest.skip("a release is built from a commit, by git")
    return git("rev-parse", "HEAD")


@pytest.fixture(scope="module")
def built(commit: str, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    build(commit, folder, folder.parent / "one", UMASK="022", TZ="UTC")
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> zipfile.ZipFile:
    (path,) = built.glob("*.whl")
    assert path.stat().st_size < MAX_WHEEL_BYTES
    return zipfile.ZipFile(path)


def test_the_same_commit_gives_the_same_bytes_in_another_folder_umask_and_time_zone(
    commit: str, built: Path, tmp_path
) -> None:
    settings = {"UMASK": "077", "TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONHASHSEED": "7"}
    again = build(commit, tmp_path / "another place", tmp_path / "two", **settings)
    assert set(again) == {path.name for path in built.iterdir()}
    assert [name for name, content in again.items() if content != (built / name).read_bytes()] == []


def test_the_wheel_holds_the_package_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    paths = [Path(name) for name in wheel.namelist()]
    assert {path.parts[0].partition("-")[0] for path in paths} == {"airflow_oidc_auth"}
    ours = [path for path in paths if path.parts[0] == "airflow_oidc_auth"]
    assert {path.parts[1] for path in ours if len(path.parts) > 2} == PACKAGES
    assert {path.suffix for path in ours} == SUFFIXES
    assert [path for path in ours if "__pycache__" in path.parts or path.name.startswith(("test_", "conftest"))] == []


def test_the_wheel_holds_every_committed_file_of_the_package(commit: str, wheel: zipfile.ZipFile) -> None:
    ours = [name for name in wheel.namelist() if name.startswith("airflow_oidc_auth/")]
    listed = git("ls-tree", "-r", "--name-only", commit, "airflow_oidc_auth").split()
    assert Counter(ours) == Counter(listed)


def test_the_sdist_holds_what_the_wheel_is_made_of(built: Path, wheel: zipfile.ZipFile) -> None:
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert {name for name in wheel.namelist() if name.startswith("airflow_oidc_auth/")} <= names
    assert {"pyproject.toml", "README.md", "LICENSE", "NOTICE", "CHANGELOG.md", "requirements/dev.txt"} <= names


def test_the_bill_names_every_package_and_what_it_needs(built: Path) -> None:
    (path,) = built.glob("*.cdx.json")
    bill = json.loads(path.read_bytes())
    references = {each["bom-ref"]: each for each in bill["components"]}
    needs = {each["ref"]: set(each.get("dependsOn", ())) for each in bill["dependencies"]}
    root = bill["metadata"]["component"]["bom-ref"]
    assert {name.partition("@")[0] for name in needs[root]} >= {
        f"pkg:pypi/{name}" for name in ("apache-airflow-core", "joserfc", "xmlsec", "redis")
    }
    assert set().union(*needs.values()) == set(references)
    assert all(each["licenses"] and each["properties"] for each in references.values())
    assert "pytest" not in {each["name"] for each in references.values()}
