"""The page says what the tests do, and names tests that are there."""

from __future__ import annotations

from collections import Counter

import pytest

from airflow_oidc_auth.messages import message
from tests.contract.conformance import oidc_rows, rfc_rows, saml_rows
from tests.contract.conformance.page import PAGE, is_code, render
from tests.contract.conformance.row import Row
from tests.references import problem_of

ROWS = (*oidc_rows.ROWS, *rfc_rows.ROWS, *saml_rows.ROWS)


def test_the_page_is_what_the_rows_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(), "run: python -m tests.contract.conformance.page"


def test_the_tests_of_each_row_are_there() -> None:
    assert [problem for row in ROWS for test in row.tests if (problem := problem_of(test))] == []


def test_each_code_is_one_that_people_can_look_up() -> None:
    for code in {row.expected for row in ROWS if is_code(row.expected)}:
        assert message(code).title


def test_no_name_is_given_twice() -> None:
    assert [name for name, times in Counter(row.name for row in ROWS).items() if times > 1] == []


def test_a_row_without_test_or_reason_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="no test"):
        Row("x", "something", "accepted")
    with pytest.raises(ValueError, match="said why"):
        Row("x", "something")
