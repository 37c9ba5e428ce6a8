"""A promise of docs/security.md is worth the tests that it names: they are there, and no promise is without."""

from __future__ import annotations

import re

import pytest

from tests.references import REFERENCE, ROOT, problem_of, problems_in

PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
TABLE = PAGE.partition("## What is promised")[2].partition("\n## ")[0]
PROMISES = re.findall(r"^\| (.*?) \| (.*) \|$", TABLE, re.MULTILINE)[2:]
SHORT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("document", ["docs/security.md", "docs/conformance.md", "SECURITY.md"])
def test_every_test_that_a_document_names_is_there(document):
    assert problems_in((ROOT / document).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(("promise", "tests"), PROMISES, ids=lambda text: text[:40])
def test_every_promise_names_tests(promise, tests):
    assert REFERENCE.findall(tests), promise
    assert not REFERENCE.sub("", tests).strip("`, "), "and nothing else"


def test_there_are_promises():
    assert len(PROMISES) > 20


@pytest.mark.parametrize(
    "reference",
    [
        "tests/unit/nowhere.py",
        "tests/unit/test_security_page.py::test_of_something_else",
        "tests/references.py",
        "tests/unit/test_security_page.py::PROMISES",
    ],
)
def test_a_reference_that_leads_nowhere_is_found(reference):
    assert problem_of(reference)
    assert problems_in(f"see `{reference}`.") == [problem_of(reference)]


def test_a_reference_that_leads_somewhere_is_left_alone():
    assert problems_in("`tests/unit/test_security_page.py::test_there_are_promises`, `tests/e2e/test_saml.py`") == []


def test_the_short_form_leads_to_the_full_one():
    assert "(docs/security.md)" in SHORT
    assert len(SHORT.splitlines()) < 60
