"""Limits that one word switches off."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import BeforeValidator, WithJsonSchema

from airflow_oidc_auth.config.schema.base import kind_of, refuse
from airflow_oidc_auth.config.schema.values import DURATION_CHOICES, parse_duration
from airflow_oidc_auth.grants.needs import readable

OFF = "off"
NONE = "none"

# YAML 1.1 takes an unquoted `off` for a yes/no value, and so do some editors.
DURATION_OR_OFF = WithJsonSchema({"anyOf": [*DURATION_CHOICES, {"enum": [OFF, False]}]})
DURATION_OR_NONE = WithJsonSchema({"anyOf": [*DURATION_CHOICES, {"const": NONE}]})
COUNT_OR_NONE = WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1}, {"const": NONE}]})


def duration_or(word: str, least: int, most: int) -> BeforeValidator:
    """Return what reads a duration within bounds, both included, or the word as None.

    :param least: seconds
    :param most: seconds
    """

    def read(value: object) -> int:
        return parse_duration(value, f"write a number and a unit (45s, 30m, 12h or 7d), or `{word}`")

    return _limit(word, read, (least, most), readable)


def count_or(word: str, least: int, most: int) -> BeforeValidator:
    """Return what reads a number within bounds, both included, or the word as None."""

    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise refuse(f"must be a whole number, not {kind_of(value)}", f"write a number, or `{word}`")
        return value

    return _limit(word, read, (least, most), str)


def _limit(
    word: str, read: Callable[[object], int], bounds: tuple[int, int], shown: Callable[[int], str]
) -> BeforeValidator:
    least, most = bounds

    def check(value: object) -> int | None:
        if value == word or (word == OFF and value is False):
            return None
        number = read(value)
        if not least <= number <= most:
            raise refuse(f"must be at least {shown(least)}" if number < least else f"must be at most {shown(most)}")
        return number

    return BeforeValidator(check)
