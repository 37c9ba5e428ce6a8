"""One browser in front of one sub-app per test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.login.rig import BASE_URL
from tests.unit.web.rig import Browser, open_browser


@pytest.fixture(autouse=True)
def airflow_at_base_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", BASE_URL)


@pytest.fixture
def browser() -> Iterator[Browser]:
    with open_browser() as opened:
        yield opened


@pytest.fixture
def browser_with_choice() -> Iterator[Browser]:
    with open_browser(provider_ids=("okta", "entra")) as opened:
        yield opened
