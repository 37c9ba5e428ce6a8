"""No value of ours shows the secret that it holds, however it is turned into text; new types are found, too."""

from __future__ import annotations

import copy
import dataclasses
import json
import logging
import pickle
import traceback
import typing
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache

import pytest

from airflow_oidc_auth.secret import Secret
from tests.leaks.instances import FOUND, MARK, Maker, classes, holds_secret, is_sensitive

CLASSES = sorted(set(classes()), key=lambda each: (each.__module__, each.__qualname__))
DATACLASSES = [each for each in CLASSES if dataclasses.is_dataclass(each)]
NAME, ADDRESS, CHOICE = "a name, no token", "an address that everybody may know", "a choice of the configuration"
# Fields whose name sounds worse than what they hold; whoever adds one says why.
HARMLESS = {
    "ApiSettings.token_types": CHOICE,
    "BearerToken.token_id": "the jti: it opens nothing, and audit rows hold it",
    "Derived.authorization_parameters": "they are in the browser's address bar",
    "Granted.issued_token_type": NAME,
    "Preset.no_access_tokens": "words for an administrator",
    "Preset.token_types": CHOICE,
    "Preset.userinfo": CHOICE,
    "ProviderChoice.state": "of the provider: ok, failing",
    "ProviderMetadata.authorization_endpoint": ADDRESS,
    "ProviderMetadata.token_endpoint": ADDRESS,
    "ProviderMetadata.userinfo_endpoint": ADDRESS,
    "ProviderSettings.authorization_parameters": "they are in the browser's address bar",
    "ProviderSettings.userinfo": CHOICE,
    "RateLimitSettings.token": CHOICE,
    "Row.token": "what kind of token it is",
    "SamlSession.assertion_id": "it opens nothing, and audit rows hold it",
    "StoredLogin.token_digest": "a hash",
}


def in_log(value: object) -> str:
    record = logging.LogRecord("x", logging.DEBUG, "x", 1, "%s %r", (value, value), None)
    return logging.Formatter("%(message)s %(args)s").format(record)


def in_traceback(value: object) -> str:
    def fail(argument: object) -> None:
        raise RuntimeError(argument)

    try:
        fail(value)
    except RuntimeError as error:
        told = traceback.TracebackException.from_exception(error, capture_locals=True)
        return "".join(told.format()) + repr(error.args)
    return ""


TEXTS: dict[str, Callable[[object], str]] = {
    "repr": repr,
    "str": str,
    "format": lambda value: f"{value} {value!s} {value!r} {value!a}",
    "in a list": lambda value: str([value, {"key": value}, (value,)]),
    "log": in_log,
    "traceback with locals": in_traceback,
}
# A text that is no Secret is in these whatever its type does: there the field's type has to change.
COPIES: dict[str, Callable[[object], object]] = {
    "pickle": pickle.dumps,
    "deepcopy": lambda value: repr(copy.deepcopy(value)),
    "copy": lambda value: repr(copy.copy(value)),
    "asdict": lambda value: repr(dataclasses.asdict(value)),  # type: ignore[call-overload]
    "asdict as JSON": lambda value: json.dumps(dataclasses.asdict(value), default=str),  # type: ignore[call-overload]
    "JSON": lambda value: json.dumps(value, default=lambda each: getattr(each, "__dict__", None) or str(each)),
    "vars": lambda value: repr(getattr(value, "__dict__", {})),
}


def name_of(kind: type) -> str:
    return f"{kind.__module__.removeprefix('airflow_oidc_auth.')}.{kind.__qualname__}"


def secret_fields(kind: type) -> Iterator[str]:
    hints = typing.get_type_hints(kind)
    yield from (each.name for each in dataclasses.fields(kind) if holds_secret(hints[each.name]))


def test_there_are_types_to_look_at() -> None:
    assert len(DATACLASSES) > 250
    assert sum(1 for kind in DATACLASSES for _ in secret_fields(kind)) > 30
    assert any(is_sensitive(field) for kind in DATACLASSES for field in dataclasses.fields(kind))


def marks_in(text: object) -> set[str]:
    return set(FOUND.findall(text.decode("latin-1") if isinstance(text, bytes) else str(text)))


@cache
def hiding() -> list[object]:
    """Return an instance of each class with a mark in every field that may hold a secret."""
    return [Maker(HARMLESS).make(kind) for kind in DATACLASSES]


@cache
def holding() -> list[object]:
    """Return an instance of each class that holds a :class:`Secret`, with marks in these alone."""
    return [Maker(texts=False).make(kind) for kind in DATACLASSES if list(secret_fields(kind))]


@pytest.mark.parametrize("how", TEXTS)
def test_no_text_of_a_value_shows_what_it_hides(how: str) -> None:
    assert not {mark for value in hiding() for mark in marks_in(TEXTS[how](value))}


@pytest.mark.parametrize("how", COPIES)
def test_no_copy_of_a_value_carries_a_secret_along(how: str) -> None:
    """It is refused, or the secret is not in it."""
    shown = set()
    for value in holding():
        with suppress(TypeError, AttributeError, ValueError, pickle.PicklingError):
            shown |= marks_in(COPIES[how](value))
    assert not shown


def test_a_harmless_field_is_one_that_there_is() -> None:
    fields = {f"{kind.__qualname__}.{each.name}" for kind in DATACLASSES for each in dataclasses.fields(kind)}
    assert set(HARMLESS) <= fields


def test_a_type_that_shows_its_secret_would_be_noticed() -> None:
    @dataclasses.dataclass(frozen=True, slots=True)
    class Careless:
        access_token: str
        secret: Secret

    careless = Careless(f"{MARK}<a token>", Secret(f"{MARK}<a secret>"))
    assert all(marks_in(text(careless)) == {"a token"} for text in TEXTS.values())
