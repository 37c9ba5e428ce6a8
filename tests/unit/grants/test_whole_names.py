"""Patterns over whole names, chosen by people elsewhere: where they end."""

from __future__ import annotations

import pytest

from airflow_oidc_auth.grants.patterns import compile_glob, compile_regex


@pytest.mark.parametrize("compiler", [compile_glob, compile_regex])
def test_a_pattern_has_a_text_of_bounded_length(compiler):
    assert compiler("x" * 1_000).match("x" * 1_000) == {}
    for source in ("", "x" * 1_001, "a\ud800"):
        with pytest.raises(ValueError, match="a pattern has 1 to 1000 characters"):
            compiler(source)


def test_a_text_that_is_too_long_to_be_a_name_matches_nothing():
    assert compile_glob("*").match("x" * 4_096) == {}
    assert compile_glob("*").match("x" * 4_097) is None
    assert compile_glob("*").match("\ud800") is None
    assert compile_glob("?").match("\u00e4") == {}


def test_only_what_took_part_is_captured():
    assert compile_regex("x(-(?P<r>.*))?").match("x") == {}
    assert compile_regex("x(-(?P<r>.*))?").match("x-") == {"r": ""}
    assert compile_regex("(?P<a>.)(?P<b>.)").captures == {"a", "b"}
    assert compile_regex("a").match("ba") is compile_regex("a").match("ab") is None


def test_in_a_glob_all_but_two_characters_mean_themselves():
    assert compile_glob("[a].+(b)|c\\d*?").match("[a].+(b)|c\\dxyz") == {}
    for text in ("a.+(b)|c\\dx", "[a].+(b)|c\\d", "[a]x+(b)|c\\dx"):
        assert compile_glob("[a].+(b)|c\\d*?").match(text) is None


def test_a_pattern_that_would_take_much_memory_is_refused():
    assert compile_regex(r"\pL{5}").match("\u00e4" * 5) == {}
    with pytest.raises(ValueError, match="too large"):
        compile_regex(r"\pL{100}")
