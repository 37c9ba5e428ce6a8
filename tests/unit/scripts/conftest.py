from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"
MODULES = ("closure", "console", "licences", "sbom", "supply", "vulnerabilities")


@pytest.fixture
def script(monkeypatch) -> Iterator:
    """Import a script's module as it is imported when it runs: from its folder, beside its neighbours."""
    monkeypatch.syspath_prepend(str(SCRIPTS))

    def load(name: str) -> ModuleType:
        return import_module(name)

    yield load
    for name in MODULES:
        sys.modules.pop(name, None)
