"""A denial cannot be spelled around, and what is asked for does not stay in memory because it is long."""

from __future__ import annotations

import time

import pytest

from airflow_oidc_auth.policy import name_rules
from airflow_oidc_auth.policy.compile import Policy
from airflow_oidc_auth.policy.name_rules import LONGEST
from airflow_oidc_auth.policy.roles import RoleSettings
from airflow_oidc_auth.policy.selectors import DagSelector, NameSelector
from airflow_oidc_auth.policy.spelling import fold_name
from airflow_oidc_auth.policy.statements import Statement

SPELLINGS = ("fin-bank", "FIN-BANK", "fin-bank  ", "f\u00edn-bank", "\uff26in-bank", "\ufb01n-bank", "fin\u200b-bank")
SPELLINGS += ("fin-bank\0", "fin\x01-bank", "fin-ba\u00adnk", "fi\u0301n-bank")


def denied(*names: str):
    deny = Statement(("read",), "connections", NameSelector(names=names))
    return Policy({"custom": RoleSettings("custom", deny=(deny,), extends=("Op",))}).permissions(["custom"])


@pytest.mark.parametrize("name", SPELLINGS)
@pytest.mark.parametrize("glob", ["fin-bank", "FIN-*", "*-b\u00e1nk", "f?n-bank"])
def test_what_a_database_takes_for_a_denied_name_is_denied(glob, name):
    """MariaDB answers with fin-bank for each of these, under one collation or another."""
    assert not denied(glob).allows_named("GET", "Connections", name)


@pytest.mark.parametrize("name", ["fin-bang", "fin", "bank", "fin bank", " fin-bank", "x"])
def test_other_names_are_not(name):
    assert denied("fin-bank").allows_named("GET", "Connections", name)


def test_one_spelling_of_a_denied_name_is_denied_as_it_is_written():
    """Folding may make a text longer, so that a pattern for its length no longer fits."""
    assert not denied("stra?e").allows_named("GET", "Connections", "stra\u00dfe")


def test_an_allowed_name_is_allowed_as_it_is_written():
    allow = Statement(("read",), "variables", NameSelector(names=("fin_*",)))
    rights = Policy({"custom": RoleSettings("custom", (allow,))}).permissions(["custom"])
    assert [rights.allows_named("GET", "Variables", name) for name in ("fin_x", "FIN_x")] == [True, False]


@pytest.mark.parametrize("section", ["database", "DATABASE"])
def test_sections_of_the_configuration_have_no_letter_case(section):
    deny = Statement(("read",), "configuration", ("database",))
    rights = Policy({"custom": RoleSettings("custom", deny=(deny,), extends=("Op",))}).permissions(["custom"])
    assert not rights.allows_named("GET", "Configurations", section)


@pytest.mark.parametrize(
    "name, folded",
    [
        ("\u00d8RE ", "ore"),
        ("\u00e9 ", "e"),
        ("\u0110\u0141\u0126\u0166\u00d0\u0131", "dlhtdi"),
        ("\u00c6on-\u0152uvre", "aeon-oeuvre"),
        ("\u0416\u65e5", "\u0436\u65e5"),
        # Cherokee is folded to its capitals.
        ("\uab70", "\u13a0"),
        # Of each kind of what takes no place: a control, a format, a sign beside, around and above.
        ("a\x85b", "ab"),
        ("a\x7f\u00e9", "ae"),
        ("a\u00adb", "ab"),
        ("a\u0903b", "ab"),
        ("a\u20ddb", "ab"),
        ("a\u0301b", "ab"),
    ],
)
def test_what_some_database_takes_for_one_letter_is_folded_to_one(name, folded):
    assert fold_name(name) == folded


@pytest.mark.parametrize(
    "character",
    ["\u00df", "\u1e9e", "\ufe73", "\u1cf2", "\u1cf3", "\u00bd", "\u029e", "\uff9e", "\u037a", "\u2044", "\u0661"],
)
def test_what_databases_take_for_different_things_could_be_anything(character):
    assert fold_name(f"a{character}") is None


@pytest.mark.parametrize("name", ["f\u0456n", "\u65e5\u672c", "gef\u00fchl"])
def test_names_of_other_languages_are_not_denied_with_the_ascii_ones(name):
    assert denied("fin-*").allows_named("GET", "Connections", name)


@pytest.mark.parametrize("name", ["payroll_\u0661", "payro\u0363ll", "\U0001f17fayroll", "x\u00df", "\u263a"])
def test_a_name_that_could_be_read_as_anything_is_denied_to_who_is_denied_some(name):
    assert not denied("fin-bank").allows_named("GET", "Connections", name)
    assert fold_name(name) is None


def test_a_denial_of_a_name_that_could_be_read_as_anything_denies_all():
    assert not denied("payroll_\u0661").allows_named("GET", "Connections", "payroll_1")


def test_answers_about_names_that_no_thing_can_have_are_not_kept():
    """Eight thousand addresses of 60 KB each would be half a gigabyte."""
    rights, kept = denied("fin-bank"), name_rules._remember.cache_info
    before = kept().currsize + kept().misses
    assert rights.allows_named("GET", "Connections", "x" * (LONGEST + 1))
    assert kept().currsize + kept().misses == before


def test_no_pattern_is_tried_on_what_is_too_long_to_be_a_name():
    """Addresses may hold 60 KB: against such patterns, seconds of a processor for each request."""
    hard = tuple("*a" * 20 + f"{number}*" for number in range(50))
    lines = (
        Statement(("read",), "connections", NameSelector(names=hard)),
        Statement(("read",), "dags", DagSelector(ids=hard)),
    )
    rights = Policy({"custom": RoleSettings("custom", deny=lines, extends=("Op",))}).permissions(["custom"])
    begun = time.process_time()
    assert not rights.allows_named("GET", "Connections", "a" * 60_000)
    assert not rights.allows_dag("GET", None, "a" * 60_000)
    assert rights.allows_dag("PUT", None, "a" * 60_000)
    assert time.process_time() - begun < 0.2
