from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import keyring
import pytest
from keyring.backends import null

from airflow_oidc_auth.cli.command import CommandFailed
from airflow_oidc_auth.cli.terminal.environment import find_environment
from airflow_oidc_auth.cli.terminal.private_file import write_file
from airflow_oidc_auth.cli.terminal.stored_login import load_kept, load_login
from airflow_oidc_auth.cli.terminal.vault import Entry, FileVault, KeyringVault, find_vaults
from airflow_oidc_auth.secret import Secret
from tests.unit.cli.terminal.conftest import MemoryKeyring


@pytest.fixture
def files(tmp_path: Path) -> FileVault:
    return FileVault(find_environment(None, {"AIRFLOW_HOME": str(tmp_path)}))


def _path(files: FileVault, entry: Entry) -> Path:
    return files._path(entry)


@pytest.mark.parametrize("entry", list(Entry))
def test_what_is_written_is_read_and_removed(files: FileVault, ring: MemoryKeyring, entry: Entry) -> None:
    for vault in (files, KeyringVault(files.environment)):
        assert vault.read(entry) is None
        assert not vault.remove(entry)
        vault.write(entry, Secret("one"))
        vault.write(entry, Secret("two"))
        assert vault.read(entry) == Secret("two")
        assert vault.remove(entry)
        assert vault.read(entry) is None


@pytest.mark.parametrize("entry", list(Entry))
def test_a_file_is_for_its_owner_from_its_first_byte(
    files: FileVault, entry: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes = []
    fsync = os.fsync

    def look(descriptor: int) -> None:
        modes.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", look)
    before = os.umask(0)
    try:
        files.write(entry, Secret("a"))
    finally:
        os.umask(before)
    assert modes == [0o600]
    assert stat.S_IMODE(_path(files, entry).stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602, 0o660])
@pytest.mark.parametrize("entry", list(Entry))
def test_a_file_that_others_can_read_is_refused(files: FileVault, entry: Entry, mode: int) -> None:
    files.write(entry, Secret("a"))
    _path(files, entry).chmod(mode)
    with pytest.raises(CommandFailed, match="can be read by others"):
        files.read(entry)


def test_a_link_in_the_place_of_the_file_is_neither_read_nor_written_through(files: FileVault, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text('{"api_token_production": "planted"}')
    victim.chmod(0o600)
    path = _path(files, Entry.AIRFLOW_TOKEN)
    path.symlink_to(victim)
    with pytest.raises(CommandFailed, match="it is a link"):
        files.read(Entry.AIRFLOW_TOKEN)
    files.write(Entry.AIRFLOW_TOKEN, Secret("mine"))
    assert "planted" in victim.read_text()
    assert not path.is_symlink()


def test_a_full_disk_leaves_what_was_there_and_no_rest(files: FileVault, monkeypatch: pytest.MonkeyPatch) -> None:
    files.write(Entry.AIRFLOW_TOKEN, Secret("one"))

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CommandFailed, match="No space left on device"):
        files.write(Entry.AIRFLOW_TOKEN, Secret("two"))
    assert files.read(Entry.AIRFLOW_TOKEN) == Secret("one")
    assert [each.name for each in files.environment.home.iterdir()] == ["debug_creds_production.json"]


def test_a_home_that_is_made_is_for_its_owner(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write_file(tmp_path / "new" / "file", "x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


@pytest.mark.parametrize("name", ["../x", "a/b", "a\\b", "..", "x" * 65, "a\x1b[2J", "a\nb"])
def test_a_name_that_is_a_path_is_refused(name: str) -> None:
    with pytest.raises(CommandFailed) as refused:
        find_environment(name, {})
    assert "\x1b" not in str(refused.value)


def test_names_and_homes_are_airflowctls(tmp_path: Path) -> None:
    assert find_environment(None, {}).name == "production"
    assert find_environment(None, {"AIRFLOW_CLI_ENVIRONMENT": "staging"}).name == "staging"
    assert find_environment("mine", {"AIRFLOW_CLI_ENVIRONMENT": "staging"}).name == "mine"
    assert find_environment(None, {}).home == Path("~/airflow").expanduser()


def test_the_keyring_is_the_place_unless_airflowctl_was_told_to_use_files(
    ring: MemoryKeyring, files: FileVault
) -> None:
    environment = files.environment
    assert [vault.name for vault in find_vaults(environment, {})] == ["keyring", "file"]
    assert [vault.name for vault in find_vaults(environment, {"AIRFLOW_CLI_DEBUG_MODE": "true"})] == ["file"]
    keyring.set_keyring(null.Keyring())  # type: ignore[no-untyped-call]
    assert [vault.name for vault in find_vaults(environment, {})] == ["file"]


@pytest.mark.usefixtures("no_ring")
def test_without_a_keyring_files_are_the_place(files: FileVault) -> None:
    assert [vault.name for vault in find_vaults(files.environment, {})] == ["file"]


@pytest.mark.parametrize("error", [ValueError("hunter2"), RuntimeError("hunter2"), OSError("hunter2")])
def test_a_keyring_that_fails_is_named_without_what_it_says(
    ring: MemoryKeyring, files: FileVault, error: Exception
) -> None:
    ring.refuses = error
    vault = KeyringVault(files.environment)
    for act in (lambda: vault.read(Entry.LOGIN), lambda: vault.write(Entry.LOGIN, Secret("hunter2"))):
        with pytest.raises(CommandFailed, match=type(error).__name__) as refused:
            act()
        assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    ["", "x", "[]", "{}", '{"version": 1}', json.dumps({"version": 2, "scopes": []}), '{"scopes": 1}', "null"],
)
def test_an_entry_that_makes_no_sense_is_none(files: FileVault, text: str) -> None:
    write_file(_path(files, Entry.LOGIN), text)
    assert load_login(files) is None
    assert load_kept((files,)).login is None


@pytest.mark.parametrize("text", ["", "x", "[]", "{}", '{"api_token_production": 7}', '{"api_token_production": ""}'])
def test_airflowctls_file_without_a_token_is_none(files: FileVault, text: str) -> None:
    write_file(_path(files, Entry.AIRFLOW_TOKEN), text)
    assert files.read(Entry.AIRFLOW_TOKEN) is None
