from __future__ import annotations

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from airflow_oidc_auth.policy.globs import (
    _TOGETHER,
    _portions,
    compile_globs,
    is_exact,
    matches_everything,
    select_texts,
)
from tests.unit.policy import reference

TEXTS = st.text(alphabet="ab_.?*", max_size=6)
GLOBS = st.text(alphabet="ab_.*?", min_size=1, max_size=5)


@pytest.mark.parametrize(
    "glob, text, expected",
    [
        ("finance_*", "finance_daily", True),
        ("finance_*", "finance_", True),
        ("finance_*", "my_finance_daily", False),
        ("finance_*", "Finance_daily", False),
        ("*_daily", "finance_daily", True),
        ("*_daily", "finance_daily_2", False),
        ("fin?", "find", True),
        ("fin?", "fin", False),
        ("fin?", "fin\n", True),
        ("a.c", "abc", False),
        ("a*", "a\nb", True),
        ("(a|b)", "a", False),
        ("(a|b)*", "(a|b)c", True),
        ("a+*", "aa", False),
        ("^a*$", "a", False),
        ("ü?", "üé", True),
        ("a?", "a\udcff", True),
        ("*", "", True),
        ("a", "", False),
        ("a*c", "bac", False),
        ("a*c", "ac", True),
        ("ab*b", "ab", False),
        ("ab*b", "abb", True),
        ("ab*bc", "abc", False),
        ("ab*bc", "abbc", True),
        ("a*b*a", "aba", True),
        ("a*b*a", "aa", False),
    ],
)
def test_a_glob_matches_the_whole_text_and_means_nothing_else(glob, text, expected):
    assert compile_globs((glob,)).match(text) is expected
    assert (text in select_texts(glob, [text])) is expected


@given(globs=st.lists(GLOBS, max_size=3).map(tuple), texts=st.lists(TEXTS, max_size=4))
def test_globs_match_what_the_obvious_matcher_matches(globs, texts):
    compiled = compile_globs(globs)
    for text in texts:
        assert compiled.match(text) == reference.any_matches(globs, text)
    assert compiled.match_any(texts) == any(map(compiled.match, texts))
    for glob in globs:
        assert select_texts(glob, texts) == [text for text in texts if reference.matches(glob, text)]


def test_no_glob_matches_nothing():
    assert not compile_globs(()).match("")
    assert not compile_globs(()).match_any(["a"])


@pytest.mark.parametrize("length", [1, 200, 1900])
def test_any_number_of_patterns_of_any_length_is_compiled(length):
    long = "ü" * length
    compiled = compile_globs(tuple(f"team_{number}_*_{long}" for number in range(300)))
    assert compiled.match(f"team_299_a_{long}")
    assert compiled.match(f"team_0_a_{long}")
    assert not compiled.match(f"team_300_a_{long}")


def test_a_pattern_that_is_too_long_for_any_company_means_what_it_says():
    long = "a" * (_TOGETHER + 1)
    compiled = compile_globs((f"{long}*", "b*"))
    assert compiled.match(f"{long}c")
    assert compiled.match("bc")
    assert not compiled.match("")


@pytest.mark.parametrize(
    "lengths, expected",
    [
        ([], []),
        ([_TOGETHER - 1, 1, 1], [[_TOGETHER - 1, 1], [1]]),
        ([1, _TOGETHER, 1], [[1], [_TOGETHER], [1]]),
        ([_TOGETHER + 1, _TOGETHER + 1], [[_TOGETHER + 1], [_TOGETHER + 1]]),
        ([_TOGETHER // 2] * 5, [[_TOGETHER // 2] * 2, [_TOGETHER // 2] * 2, [_TOGETHER // 2]]),
    ],
)
def test_an_expression_holds_as_many_patterns_as_may_stand_together(lengths, expected):
    """RE2 refuses what outgrows its memory, and each expression is matched by itself."""
    assert [list(map(len, portion)) for portion in _portions(["a" * length for length in lengths])] == expected


def test_a_pattern_that_cannot_be_compiled_is_not_written_to_the_log(capfd):
    with pytest.raises(re2.error):
        compile_globs(("s3cret?" * 50_000,))
    assert capfd.readouterr() == ("", "")


def test_a_pattern_that_would_take_others_for_ever_takes_no_time():
    assert not compile_globs(("*a" * 60,)).match("a" * 59 + "b" * 2000)


@pytest.mark.parametrize(
    "globs, expected",
    [
        (("a", "*"), True),
        (("**",), True),
        (("?*",), False),
        (("X*", "*X", "*X*"), False),
        ((), False),
        (("",), False),
    ],
)
def test_only_stars_match_everything(globs, expected):
    assert matches_everything(globs) is expected


def test_no_character_but_two_is_a_wildcard():
    assert {character for character in map(chr, range(32, 127)) if not is_exact(f"a{character}b")} == {"*", "?"}
