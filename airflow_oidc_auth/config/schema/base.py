"""What every model of the document shares."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from pydantic_core import PydanticCustomError

REFUSED = "refused"


class Strict(BaseModel):
    """Nothing unknown, nothing coerced, nothing changed afterwards; errors never show the input."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        hide_input_in_errors=True,
        validate_by_name=False,
        validate_by_alias=True,
        regex_engine="python-re",
    )


def refuse(text: str, suggestion: str = "") -> PydanticCustomError:
    """Return an error in our own words; ``text`` and ``suggestion`` must not hold the value."""
    return PydanticCustomError(REFUSED, "{text}", {"text": text, "suggestion": suggestion})


def kind_of(value: object) -> str:
    """Say what a value is, in the words of somebody who writes YAML."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return f"the yes/no value {str(value).lower()}"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "text"
    if isinstance(value, list):
        return "a list"
    return "a mapping"
