"""Values that are made quickly are the very values."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError, dataclass, field, replace

import pytest

from airflow_oidc_auth.frozen import constructor_of


@dataclass(frozen=True, slots=True)
class Value:
    name: str
    groups: frozenset[str] = frozenset()
    secret: dict[str, str] = field(default_factory=dict, repr=False, hash=False)


make = constructor_of(Value)
QUICK, SLOW = make("ada", secret={"a": "b"}), Value("ada", secret={"a": "b"})


def test_is_the_value_that_the_class_itself_makes() -> None:
    assert type(QUICK) is Value
    assert QUICK == SLOW
    assert (hash(QUICK), repr(QUICK)) == (hash(SLOW), repr(SLOW))
    assert "b'" not in repr(QUICK)
    assert replace(QUICK, name="eve") == Value("eve", secret={"a": "b"})
    assert pickle.loads(pickle.dumps(QUICK)) == copy.copy(QUICK) == SLOW


def test_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        QUICK.name = "eve"  # type: ignore[misc]
    assert not hasattr(QUICK, "__dict__")


def test_defaults_are_the_class_s_and_are_shared_with_nobody() -> None:
    assert make("ada") == Value("ada")
    assert make("ada").secret is not make("ada").secret


@pytest.mark.parametrize("arguments", [(), ("ada", frozenset(), {}, 1)])
def test_takes_the_same_arguments(arguments: tuple[object, ...]) -> None:
    with pytest.raises(TypeError):
        make(*arguments)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Open:
    name: str


@dataclass(frozen=True, slots=True)
class Checked:
    name: str

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("empty")


@pytest.mark.parametrize("kind", [Open, Checked, str, print])
def test_refuses_a_class_that_it_would_make_another_one_of(kind: type) -> None:
    with pytest.raises(TypeError):
        constructor_of(kind)
