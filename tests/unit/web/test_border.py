"""The border's own words in the log cannot be chosen from outside."""

from __future__ import annotations

import pytest

from tests.unit.web.rig import Browser


@pytest.mark.parametrize("character", ["%0d", "%1b", "%c2%85", "%e2%80%a8", "%00"])
def test_a_path_writes_no_control_character_into_the_log(
    browser: Browser, caplog: pytest.LogCaptureFixture, character: str
) -> None:
    answer = browser.get(f"/auth/login/x{character}forged?next=//evil.example")
    assert answer.status_code == 400
    lines = [record.getMessage() for record in caplog.records if record.name == "airflow_oidc_auth.web.border"]
    assert len(lines) == 1
    assert "forged" in lines[0]
    assert lines[0].isprintable()
