from __future__ import annotations

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"


@pytest.fixture
def processes(monkeypatch) -> Iterator[ModuleType]:
    """The module as the demo loads it: from its folder, beside its neighbours."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    spec = importlib.util.spec_from_file_location("processes", SCRIPTS / "processes.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    sys.modules.pop("console", None)


def start_sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)


def test_ends_what_an_earlier_run_noted(processes: ModuleType, tmp_path: Path) -> None:
    sleeper = start_sleeper()
    (tmp_path / "children.json").write_text(json.dumps({"one": [sleeper.pid, processes._birth(sleeper.pid)]}))
    assert processes.end_leftovers(tmp_path) == 1
    assert sleeper.wait(10) == -9


def test_leaves_somebody_elses_process_with_the_same_number_alone(processes: ModuleType, tmp_path: Path) -> None:
    sleeper = start_sleeper()
    (tmp_path / "children.json").write_text(json.dumps({"one": [sleeper.pid, "another time"], "two": [2**22, ""]}))
    assert processes.end_leftovers(tmp_path) == 0
    assert sleeper.poll() is None
    sleeper.kill()
    sleeper.wait()


LEADER = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])"


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
@pytest.mark.parametrize("ours", [True, False], ids=["ours", "somebody-elses"])
def test_ends_a_group_whose_leader_has_died_only_in_its_folder(
    processes: ModuleType, tmp_path: Path, ours: bool
) -> None:
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    home.mkdir()
    elsewhere.mkdir()
    leader = subprocess.Popen([sys.executable, "-c", LEADER], start_new_session=True, cwd=home if ours else elsewhere)
    noted = {"one": [leader.pid, processes._birth(leader.pid)]}
    assert leader.wait(10) == 0
    (home / "children.json").write_text(json.dumps(noted))
    assert len(processes._members(leader.pid)) == 1
    assert processes.end_leftovers(home) == int(ours)
    assert len(processes._members(leader.pid)) == int(not ours)
    for process in processes._members(leader.pid):
        os.kill(int(process.name), signal.SIGKILL)


@pytest.mark.parametrize("text", [None, "", "[]", '{"one": 3'])
def test_a_missing_or_torn_note_is_no_leftover(processes: ModuleType, tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "children.json").write_text(text)
    assert processes.end_leftovers(tmp_path) == 0


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_a_port_is_taken_on_either_loopback_address(processes: ModuleType, family: int, host: str) -> None:
    with socket.socket(family) as listener:
        try:
            listener.bind((host, 0))
        except OSError:
            pytest.skip(f"this machine has no {host}")
        listener.listen()
        port = listener.getsockname()[1]
        assert processes.is_taken(port)
        assert processes.free_port(port) != port


def test_a_child_that_ends_is_told_with_its_last_words(processes: ModuleType, tmp_path: Path) -> None:
    children = processes.Children(tmp_path, os.environ)
    children.start("talker", [sys.executable, "-c", "print('last words'); raise SystemExit(7)"])
    children._running["talker"].wait(10)
    with pytest.raises(Exception, match=r"(?s)exit code 7.*last words"):
        children.check()
    children.stop()


def test_a_child_that_may_be_started_again_is_and_not_for_ever(processes: ModuleType, tmp_path: Path) -> None:
    children = processes.Children(tmp_path, os.environ)
    children.start("fragile", [sys.executable, "-c", "print('fell over'); raise SystemExit(1)"], restarts=1)
    children._running["fragile"].wait(10)
    children.check()
    children._running["fragile"].wait(10)
    with pytest.raises(Exception, match="fragile ended by itself"):
        children.check()
    assert children.log("fragile").read_text().splitlines() == ["fell over", "fell over"]
    children.stop()
