from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli.running import Oidc


@pytest.fixture
def oidc(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Oidc:
    """The commands, in an empty directory and on a wide terminal."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    return Oidc(capsys)
