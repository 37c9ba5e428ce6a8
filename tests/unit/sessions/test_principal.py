from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_oidc_auth.sessions.principal import principal_id


@given(st.text(), st.text())
def test_is_short_lower_case_and_stable(issuer, subject):
    first = principal_id(issuer, subject)
    assert re.fullmatch(r"[a-z2-7]{24}", first)
    assert principal_id(issuer, subject) == first


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("https://a", "b"), ("https://ab", "")),
        (("https://a", "b"), ("b", "https://a")),
        (("https://a", "B"), ("https://a", "b")),
        (("", "\0" * 8), ("\0" * 8, "")),
    ],
)
def test_neighbours_differ(one, other):
    assert principal_id(*one) != principal_id(*other)


def test_never_changes_between_releases():
    """It is the ``sub`` of tokens and the key of rows."""
    assert principal_id("https://idp.example.com", "ada") == "ygbqy5ny447racknswilcpph"
