"""What lies where the document should lie."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from airflow_oidc_auth.managers.document_source import read_bounded

A_WHILE = 30


def test_a_named_pipe_in_its_place_is_an_error_and_keeps_nobody_waiting(tmp_path: Path) -> None:
    """The thread that follows the document waited for a writer for ever, and told nobody."""
    pipe = tmp_path / "oidc_auth.yaml"
    os.mkfifo(pipe)
    told: list[OSError] = []

    def read() -> None:
        try:
            read_bounded(str(pipe))
        except OSError as error:
            told.append(error)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    thread.join(A_WHILE)
    assert [each.strerror for each in told] == ["it is a named pipe"]


def test_what_a_shell_pipes_to_a_command_is_read() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"version: 1")
    os.close(writing)
    try:
        assert read_bounded(f"/dev/fd/{reading}") == b"version: 1"
    finally:
        os.close(reading)


def test_a_folder_in_its_place_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        read_bounded(str(tmp_path))
