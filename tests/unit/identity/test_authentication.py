"""What an id_token says of the authentication, and what it cannot say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_oidc_auth.identity.authentication import Authentication, read_authentication

NOW = 1_800_000_000
LEEWAY = 60


def read(**claims: object) -> Authentication:
    return read_authentication(claims, NOW, LEEWAY)


def test_a_whole_authentication_is_read() -> None:
    told = read(acr="urn:mfa", amr=["pwd", "otp"], auth_time=NOW - 5)
    assert told == Authentication("urn:mfa", frozenset({"pwd", "otp"}), NOW - 5)


@pytest.mark.parametrize(
    "moment",
    [None, True, False, str(NOW), "", -1, float("nan"), float("inf"), 10**400, [NOW], {"at": NOW}, NOW + LEEWAY + 1],
)
def test_what_is_no_past_time_is_no_time(moment: object) -> None:
    assert read(auth_time=moment).at is None
    assert read().at is None


def test_a_clock_that_is_a_little_ahead_makes_nobody_fresher() -> None:
    assert read(auth_time=NOW + LEEWAY).at == NOW
    assert read(auth_time=NOW - 0.75).at == NOW - 1


@pytest.mark.parametrize("acr", [None, "", 1, True, ["urn:mfa"], {"urn:mfa": 1}])
def test_a_context_is_one_text(acr: object) -> None:
    assert read(acr=acr).acr is None


@pytest.mark.parametrize(
    ("amr", "methods"),
    [
        (None, set()),
        ("mfa", {"mfa"}),
        ("pwd mfa", {"pwd mfa"}),
        ("pwd,mfa", {"pwd,mfa"}),
        ('["mfa"]', {'["mfa"]'}),
        ([["mfa"]], set()),
        ([{"mfa": True}], set()),
        ({"mfa": True}, set()),
        ([True, None, 1, "pwd"], {"pwd"}),
        (["MFA", " mfa", "mfa\u200b"], {"MFA", " mfa", "mfa\u200b"}),
    ],
)
def test_methods_are_texts_of_a_list_and_nothing_is_split_or_mended(amr: object, methods: set[str]) -> None:
    assert read(amr=amr).amr == methods


authentications = st.builds(
    Authentication,
    st.sampled_from([None, "a", "b"]),
    st.frozensets(st.sampled_from(["pwd", "mfa"])),
    st.none() | st.integers(0, 5),
)
told = st.fixed_dictionaries(
    {},
    optional={
        "acr": st.sampled_from(["a", "b", None, 1]),
        "amr": st.lists(st.sampled_from(["pwd", "mfa", 1])) | st.just("mfa"),
        "auth_time": st.integers(0, 9) | st.sampled_from(["5", None, True, 2.5]),
    },
)


@given(authentications, told)
def test_a_refresh_adds_nothing(known: Authentication, claims: dict[str, object]) -> None:
    left = known.narrowed(claims)
    assert left.acr in (known.acr, None)
    assert left.amr <= known.amr
    assert left.at is None or (known.at is not None and left.at <= known.at)


def test_a_refresh_without_an_id_token_leaves_it_as_it_was() -> None:
    known = Authentication("a", frozenset({"mfa"}), 5)
    assert known.narrowed({}) == known
    assert known.narrowed({"sub": "x", "acr": "a", "amr": ["mfa", "otp"], "auth_time": 9}) == known
