from __future__ import annotations

import importlib.util
from pathlib import Path

SCRIPT = Path(__file__).with_name("roles_page.py")


def test_the_table_of_the_roles_page_is_current():
    spec = importlib.util.spec_from_file_location("roles_page", SCRIPT)
    roles_page = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(roles_page)
    page = roles_page.PAGE.read_text(encoding="utf-8")
    assert roles_page.rendered(page) == page, "run: python tests/unit/policy/roles_page.py"
    assert "| Connections | — | — |" in page
