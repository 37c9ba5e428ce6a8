"""Attempt cookies: sealed, small, few, and worth nothing to anybody else."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from airflow_oidc_auth.errors import ProtocolViolation
from airflow_oidc_auth.login.attempts import (
    MAX_ATTEMPTS,
    MAX_COOKIE_BYTES,
    MAX_DROPPED,
    MAX_TOTAL_BYTES,
    AttemptCookies,
    attempt_cookie_name,
)
from airflow_oidc_auth.login.keys import derive_attempt_fernet, derive_csrf_keys
from airflow_oidc_auth.providers.attempt import LoginAttempt
from airflow_oidc_auth.secret import Secret
from tests.unit.login.rig import FERNET_KEYS

NOW = 1_800_000_000
HOME = "https://airflow.example/data/"
OTHER_KEY = "b3RoZXIgdGVzdHMgb25seSwgbm90IGEga2V5ISEhISE="


class Clock:
    now = float(NOW)

    def __call__(self) -> float:
        return self.now


def cookies_with(keys: Secret = FERNET_KEYS, clock: Clock | None = None) -> AttemptCookies:
    return AttemptCookies(derive_attempt_fernet(keys), clock or Clock(), lambda provider: f"{HOME}cb/{provider}", HOME)


def attempt(state: str = "s" * 22, **changes: object) -> LoginAttempt:
    made = LoginAttempt("okta", state, "n" * 22, Secret("v" * 43), f"{HOME}cb/okta", f"{HOME}dags/a?x=1#y", NOW, "ref")
    return replace(made, **changes)  # type: ignore[arg-type]


def test_an_attempt_comes_back_as_it_was() -> None:
    cookies = cookies_with()
    begun = attempt(other_account=True)
    sealed = cookies.seal(begun)
    assert cookies.open(begun.state, {sealed.name: sealed.value}) == begun


def test_nothing_can_be_read_from_the_cookie_or_its_repr() -> None:
    sealed = cookies_with().seal(attempt())
    raw = base64.urlsafe_b64decode(sealed.value + "==")
    for hidden in (b"s" * 22, b"n" * 22, b"v" * 43, b"okta"):
        assert hidden not in raw
        assert hidden.decode() not in sealed.name
    assert sealed.value not in repr(sealed)


def test_every_key_opens_and_the_first_seals() -> None:
    old, both = FERNET_KEYS, Secret(f"{OTHER_KEY}, {FERNET_KEYS.reveal()}")
    sealed = cookies_with(old).seal(attempt())
    assert cookies_with(both).open("s" * 22, {sealed.name: sealed.value}) == attempt()
    fresh = cookies_with(both).seal(attempt())
    with pytest.raises(ProtocolViolation, match="attempt_unknown"):
        cookies_with(old).open("s" * 22, {fresh.name: fresh.value})


def test_a_value_sealed_for_another_use_does_not_open() -> None:
    csrf_fernet = Fernet(base64.urlsafe_b64encode(derive_csrf_keys(FERNET_KEYS)[0]))
    for fernet in (csrf_fernet, Fernet(FERNET_KEYS.reveal())):
        value = fernet.encrypt(b'[1,"okta","s","n","v",1,"r",0,"eJw="]').decode()
        with pytest.raises(ProtocolViolation, match="attempt_unknown"):
            cookies_with().open("s", {attempt_cookie_name("s"): value})


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"[2,1,2,3,4,5,6,7,8]",
        b'[1,"okta"]',
        b'[1,"okta","s","n","",1,"r",0,"eJw="]',
        b"\xff",
    ],
)
def test_a_document_of_another_shape_is_unknown(document: bytes) -> None:
    value = derive_attempt_fernet(FERNET_KEYS).encrypt(document).decode()
    with pytest.raises(ProtocolViolation) as caught:
        cookies_with().open("s", {attempt_cookie_name("s"): value})
    assert caught.value.code == "attempt_unknown"


@pytest.mark.parametrize(
    ("passed", "code"),
    [
        (0, None),
        (600, None),
        (601, "attempt_expired"),
        (10**9, "attempt_expired"),
        (-60, None),
        (-61, "attempt_expired"),
    ],
)
def test_an_attempt_lives_ten_minutes(passed: int, code: str | None) -> None:
    clock = Clock()
    cookies = cookies_with(clock=clock)
    sealed = cookies.seal(attempt())
    clock.now += passed
    if code is None:
        assert cookies.open("s" * 22, {sealed.name: sealed.value}) == attempt()
        return
    with pytest.raises(ProtocolViolation) as caught:
        cookies.open("s" * 22, {sealed.name: sealed.value})
    assert caught.value.code == code


def test_the_name_alone_does_not_match_an_attempt_to_a_state() -> None:
    sealed = cookies_with().seal(attempt("one"))
    with pytest.raises(ProtocolViolation, match="attempt_unknown"):
        cookies_with().open("two", {attempt_cookie_name("two"): sealed.value})


@given(st.text(max_size=3000))
def test_no_next_makes_a_cookie_too_large(tail: str) -> None:
    cookies = cookies_with()
    begun = attempt(next_url=HOME + tail, provider="p" * 32)
    sealed = cookies.seal(begun)
    assert len(sealed.name) + 1 + len(sealed.value) <= MAX_COOKIE_BYTES
    opened = cookies.open(begun.state, {sealed.name: sealed.value})
    assert opened.next_url in (begun.next_url, HOME)


def test_an_ordinary_deep_link_of_airflow_fits() -> None:
    link = f"{HOME}dags/{'finance_' * 12}/runs/scheduled__2026-11-21T10:00:00+00:00/tasks/load_everything?try_number=2"
    cookies = cookies_with()
    sealed = cookies.seal(attempt(next_url=link))
    assert cookies.open("s" * 22, {sealed.name: sealed.value}).next_url == link


def test_beginning_again_and_again_keeps_the_newest_few() -> None:
    clock = Clock()
    cookies, jar, begun = cookies_with(clock=clock), {"other": "x"}, []
    for number in range(20):
        clock.now += 1
        sealed = cookies.seal(attempt(f"state{number}", started_at=int(clock.now)))
        for name in cookies.prune(jar, sealed):
            del jar[name]
        jar[sealed.name] = sealed.value
        begun.append(sealed.name)
    assert [name for name in jar if name != "other"] == begun[-MAX_ATTEMPTS:]


def test_long_links_make_fewer_attempts_fit() -> None:
    clock = Clock()
    cookies, jar = cookies_with(clock=clock), {}
    for number in range(10):
        clock.now += 1
        link = HOME + "".join(chr(97 + (i * i * number + i) % 26) for i in range(550))
        sealed = cookies.seal(attempt(f"state{number}", started_at=int(clock.now), next_url=link))
        for name in cookies.prune(jar, sealed):
            del jar[name]
        jar[sealed.name] = sealed.value
    assert sum(len(name) + len(value) for name, value in jar.items()) <= MAX_TOTAL_BYTES
    assert len(jar) >= 2


def test_expired_and_foreign_attempts_are_dropped_and_other_cookies_are_not() -> None:
    clock = Clock()
    cookies = cookies_with(clock=clock)
    old = cookies.seal(attempt("old"))
    clock.now += 700
    fresh = cookies.seal(attempt("fresh", started_at=int(clock.now)))
    foreign = attempt_cookie_name("foreign")
    jar = {old.name: old.value, foreign: "garbage", "oidc_attempt_x": "y", "_token": "z"}
    assert set(cookies.prune(jar, fresh)) == {old.name, foreign}


def test_hundreds_of_planted_cookies_do_not_make_an_answer_too_large() -> None:
    cookies = cookies_with()
    jar = {attempt_cookie_name(str(number)): "planted" for number in range(300)}
    assert len(cookies.prune(jar, cookies.seal(attempt("new")))) == MAX_DROPPED


@pytest.mark.parametrize("keys", [" ", ",", "short", "x" * 44, f"{OTHER_KEY},broken", OTHER_KEY.replace("b", "!")])
def test_keys_that_are_no_fernet_keys_are_refused(keys: str) -> None:
    for derive in (derive_attempt_fernet, derive_csrf_keys):
        with pytest.raises(ValueError, match="Fernet key"):
            derive(Secret(keys))
