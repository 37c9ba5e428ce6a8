"""Cookies: ``state⏎name=value⏎…``, where ``%v`` is the value of a genuine attempt and ``%n`` its name."""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace
from typing import cast

from starlette.requests import Request

from airflow_oidc_auth.errors import OidcAuthError
from airflow_oidc_auth.login.attempts import MAX_DROPPED, AttemptCookies, Cookie
from airflow_oidc_auth.login.keys import derive_attempt_fernet, derive_csrf_keys
from airflow_oidc_auth.secret import Secret
from airflow_oidc_auth.web.csrf import build_csrf_token, check_csrf
from airflow_oidc_auth.web.engine import Engine
from airflow_oidc_auth.web.logout_ticket import request_ids
from airflow_oidc_auth.web.zones import find_zone
from tests.unit.providers.making import STATE, Clock, make_attempt

_KEYS = Secret("Zm9yIHRlc3RzIG9ubHksIG5vdCBhIHJlYWwga2V5ISE=")
_HOME = "https://airflow.example/"
WORDS = ("oidc_attempt_", "%v", "%n", "%t", STATE, "gAAAAA", "=", "\n", "1800000000.", "Europe/Vienna", "../../etc")


@cache
def _cookies() -> AttemptCookies:
    return AttemptCookies(derive_attempt_fernet(_KEYS), Clock(), lambda provider: f"{_HOME}auth/{provider}", _HOME)


@cache
def _genuine() -> Cookie:
    return _cookies().seal(make_attempt())


@cache
def _engine() -> Engine:
    return cast("Engine", SimpleNamespace(csrf_keys=derive_csrf_keys(_KEYS), clock=Clock(), base_url=_HOME))


def run(data: bytes) -> None:
    """Open, prune, and read what else a browser keeps for us."""
    text = data.decode("latin-1")
    filled = text.replace("%v", _genuine().value).replace("%n", _genuine().name)
    state, *lines = filled.split("\n")
    pairs = [line.partition("=") for line in lines[:60]]
    cookies = {name: value for name, _, value in pairs}
    _open(state, cookies)
    dropped = _cookies().prune(cookies, _genuine())
    assert len(dropped) <= MAX_DROPPED
    assert set(dropped) <= cookies.keys() - {_genuine().name}
    _form_token(text.replace("%t", build_csrf_token(_engine(), "another-session")))
    assert find_zone(text) is None or "/" in text or text == "UTC" or text.isalnum() or "-" in text
    assert request_ids(_engine().csrf_keys, text)


def _open(state: str, cookies: dict[str, str]) -> None:
    try:
        found = _cookies().open(state, cookies)
    except OidcAuthError:
        return
    assert state == STATE, "an attempt of another state"
    assert found == make_attempt(redirect_uri=f"{_HOME}auth/fake")


def _form_token(token: str) -> None:
    request = Request({"type": "http", "method": "POST", "headers": []})
    try:
        check_csrf(_engine(), request, "a-session", token)
    except OidcAuthError:
        return
    raise AssertionError("a form token of nobody's page")
