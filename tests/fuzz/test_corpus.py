"""What the fuzzer found once is asked at every run, and a little beside it; `make proof` looks for more."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz import HARNESSES
from tests.fuzz.harness import CORPUS, Harness, TooSlow, load

few = settings(max_examples=10)


@st.composite
def altered(draw: st.DrawFn, harness: Harness) -> bytes:
    """Cut a part out of a kept input, put it or something else elsewhere."""
    original = draw(st.sampled_from(harness.kept())).read_bytes()
    begin, end, place = sorted(draw(st.lists(st.integers(0, len(original)), min_size=3, max_size=3)))
    word = draw(st.sampled_from(harness.words) | st.text(max_size=3)).encode("utf-8", "surrogatepass")
    part = draw(st.sampled_from([b"", word, original[begin:end], original[begin:end] * 8]))
    return (original[:begin] + original[end:place] + part + original[place:])[: harness.largest]


def judge_all(harness: Harness) -> None:
    for path in harness.kept():
        harness.judge(path.read_bytes())


@pytest.mark.parametrize("name", HARNESSES)
def test_every_input_that_is_kept_passes(name: str) -> None:
    harness = load(name)
    assert harness.kept(), "a harness begins with inputs"
    for path in harness.kept():
        assert path.stat().st_size <= harness.largest, path
    judge_all(harness)


@pytest.mark.parametrize("name", HARNESSES)
def test_what_is_a_little_different_passes_too(name: str) -> None:
    harness = load(name)

    @few
    @given(altered(harness) | st.binary(max_size=200))
    def judge(data: bytes) -> None:
        harness.judge(data)

    judge()


@pytest.mark.parametrize("name", HARNESSES)
def test_a_part_that_comes_a_hundred_times_costs_no_seconds(name: str) -> None:
    """Whatever is quadratic or worse in the length of an input shows here."""
    harness = load(name)
    for path in harness.kept()[:3]:
        original = path.read_bytes()
        third = len(original) // 3
        harness.judge(original[:third] + original[third : 2 * third] * 100 + original[2 * third :])


def test_every_folder_belongs_to_a_harness() -> None:
    assert {path.name for path in CORPUS.iterdir()} == set(HARNESSES)


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("id_token", "airflow_oidc_auth.providers.id_token.check_nonce"),
        ("id_token", "airflow_oidc_auth.providers.id_token.check_audience"),
        ("logout_token", "airflow_oidc_auth.providers.logout_token.check_times"),
        ("proof", "airflow_oidc_auth.providers.bearer.dpop._check_access_token"),
        ("proof", "airflow_oidc_auth.providers.bearer.dpop._check_request"),
        ("return_address", "airflow_oidc_auth.web.return_address._is_ambiguous"),
        ("saml_response", "airflow_oidc_auth.providers.saml.checks._check_confirmations"),
        ("saml_response", "airflow_oidc_auth.providers.saml.checks._check_conditions"),
    ],
)
def test_a_check_that_is_left_out_is_noticed(name: str, spoil: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A harness that believes everything proves nothing: without the check, an input that is kept fails."""
    harness = load(name)
    monkeypatch.setattr(spoil, lambda *_, **__: None)
    with pytest.raises((AssertionError, ValueError)):
        judge_all(harness)


def test_a_run_that_takes_seconds_is_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fuzz.harness.LIMIT", 0.01)
    slow = Harness("slow", lambda data: sum(range(10**7)) and None, (), 1)  # type: ignore[func-returns-value]
    with pytest.raises(TooSlow):
        slow.judge(b"")
