from __future__ import annotations

import pytest

from airflow_oidc_auth.managers.option_places import place_of


@pytest.mark.parametrize(
    "asked, read",
    [
        (("webserver", "base_url"), ("api", "base_url")),
        (("core", "sql_alchemy_conn"), ("database", "sql_alchemy_conn")),
        (("core", "parallelism"), ("core", "parallelism")),
        (("no", "such"), ("no", "such")),
    ],
)
def test_an_earlier_name_is_the_option_of_today(asked, read):
    assert place_of(*asked) == read


def test_an_earlier_name_of_a_section_is_the_section_of_today(monkeypatch):
    monkeypatch.setattr("airflow.configuration.conf.inversed_deprecated_sections", {"old": "new"}, raising=False)
    assert place_of("old", "option") == ("new", "option")
