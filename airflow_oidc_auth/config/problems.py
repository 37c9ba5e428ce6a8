"""pydantic's errors in words for administrators: exact place, what is wrong, what to write instead.

No text here ever holds a value from the document, because any value may be a secret in the wrong place;
only keys, and the words of closed lists, are quoted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from airflow_oidc_auth.config.document import RawDocument
from airflow_oidc_auth.config.known import known_words, property_example, vendor_of
from airflow_oidc_auth.config.paths import Path, did_you_mean, one_of
from airflow_oidc_auth.config.schema.base import REFUSED, kind_of
from airflow_oidc_auth.config.schema.values import quoting_hint
from airflow_oidc_auth.errors import Problem
from airflow_oidc_auth.grants.needs import readable

_EXPECTED = {
    "string_type": "text",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "float_type": "a number",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}


def problems_of(error: ValidationError, raw: RawDocument, prefix: Path = ()) -> list[Problem]:
    """Return one problem for each of pydantic's errors, in document order.

    :param prefix: where the validated part sits in the document
    """
    return [_problem(each, raw, prefix) for each in error.errors(include_url=False)]


def _problem(error: ErrorDetails, raw: RawDocument, prefix: Path) -> Problem:
    path = real_path(raw.data, (*prefix, *error["loc"]), keep_last=error["type"] == "missing")
    words = _WORDS.get(error["type"])
    text, suggestion = words(error, raw, path) if words else _other(error, path)
    if error["type"] in _NAMES_A_KEY:
        path = (*path, _NAMES_A_KEY[error["type"]])
    return raw.problem(path, text, suggestion)


_NAMES_A_KEY = {"union_tag_not_found": "preset", "union_tag_invalid": "preset"}


def real_path(data: object, loc: Sequence[str | int], *, keep_last: bool = False) -> Path:
    """Drop the steps that pydantic adds for unions, validators and keys, and that nobody wrote."""
    path: Path = ()
    for number, step in enumerate(loc):
        if has_step(data, step):
            data = value_at(data, (step,))
        elif not (keep_last and number == len(loc) - 1):
            continue
        path = (*path, step)
    return path


def has_step(data: object, step: str | int) -> bool:
    """Tell whether a mapping has this key, or a list this index."""
    if isinstance(data, Mapping):
        return isinstance(step, str) and step in data
    return isinstance(data, list) and isinstance(step, int) and step < len(data)


def value_at(data: object, path: Sequence[str | int]) -> object:
    """Return the value at a path that exists."""
    for step in path:
        data = data[step]  # type: ignore[index]  # the path exists
    return data


Words = tuple[str, str]


def _missing(error: ErrorDetails, raw: RawDocument, path: Path) -> Words:
    example = property_example(path, raw.data)
    if raw.names:  # options of airflow.cfg, which is no YAML
        example = example.replace(": ", " = ", 1)
    return "is missing", f"for example `{example}`" if example else ""


def _unknown_key(error: ErrorDetails, raw: RawDocument, path: Path) -> Words:
    key = str(path[-1])
    known = known_words(path[:-1], raw.data)
    if path[0] == "providers" and (vendor := vendor_of(key)):
        return f"belongs to preset {vendor}", f"remove it, or use `preset: {vendor}`"
    if path[0] == "providers" and path[-2:] == ("cli", "client_secret"):
        return "is not a known key", "remove it: terminals are public clients, which keep no secret"
    return "is not a known key", did_you_mean(key, known) or one_of(known)


def _wrong_type(error: ErrorDetails, raw: RawDocument, path: Path) -> Words:
    expected, value = _EXPECTED[error["type"]], value_at(raw.data, path)
    if expected == "text":
        return f"must be text, not {kind_of(value)}", quoting_hint(value)
    if expected == "a list":
        return f"must be a list, not {kind_of(value)}", "write it in brackets: [item, item]"
    if isinstance(value, str) and expected in ("true or false", "a whole number", "a number"):
        return f"must be {expected}, not {kind_of(value)}", "remove the quotes" if value else ""
    return f"must be {expected}, not {kind_of(value)}", ""


def _not_in_list(error: ErrorDetails, raw: RawDocument, path: Path) -> Words:
    value = value_at(raw.data, path)
    words = known_words(path, raw.data)
    if not isinstance(value, str):
        return f"must be {' or '.join(words)}", quoting_hint(value) if not isinstance(value, bool) else ""
    return "is not a known value", did_you_mean(value, words) or one_of(words)


def _preset(error: ErrorDetails, raw: RawDocument, path: Path) -> Words:
    value = value_at(raw.data, path)
    given = value.get("preset") if isinstance(value, Mapping) else None
    presets = known_words((*path, "preset"), raw.data)
    if given is None:
        return "is missing", f"{one_of(presets)}; `oidc` works with any provider"
    if not isinstance(given, str):
        return f"must be text, not {kind_of(given)}", one_of(presets)
    return "is not a known preset", did_you_mean(given, presets) or one_of(presets)


def _refused(error: ErrorDetails, raw: RawDocument, path: Path) -> Words:
    context: dict[str, Any] = error.get("ctx", {})
    return str(context["text"]), str(context["suggestion"])


def _too_short(error: ErrorDetails, raw: RawDocument, path: Path) -> Words:
    return _EMPTY.get(path, ("must not be empty", "write a value, or remove the key"))


_EMPTY: Mapping[Path, Words] = {
    ("providers",): (
        "names no provider, so nobody could sign in",
        "configure one; `airflow oidc init oidc` writes a start",
    ),
    ("grants", "rules"): ("holds no rule, so nobody could sign in", "write at least one rule that grants Admin"),
}


def _too_long(error: ErrorDetails, raw: RawDocument, path: Path) -> Words:
    return f"is too long (at most {error.get('ctx', {}).get('max_length')})", ""


def _pattern(error: ErrorDetails, raw: RawDocument, path: Path) -> Words:
    if path[0] == "tokens":
        return "is not a client id", "use letters, digits, '.', '_' and '-', begin with a letter or digit, at most 64"
    return "is not a provider id", "use a-z, 0-9 and '-', begin with a letter, at most 32 characters"


def _out_of_bounds(error: ErrorDetails, raw: RawDocument, path: Path) -> Words:
    context = error.get("ctx", {})
    seconds = str(path[-1]).endswith(("lifetime", "leeway", "within"))
    for key, words in _BOUNDS.items():
        if key in context:
            return f"must be {words} {readable(context[key]) if seconds else context[key]}", ""
    return "is out of bounds", ""


_BOUNDS = {"ge": "at least", "le": "at most", "gt": "more than", "lt": "less than"}


def _other(error: ErrorDetails, path: Path) -> Words:
    return "is not valid", "see docs/reference/configuration.md"


_WORDS = {
    "missing": _missing,
    "extra_forbidden": _unknown_key,
    "literal_error": _not_in_list,
    "union_tag_not_found": _preset,
    "union_tag_invalid": _preset,
    REFUSED: _refused,
    "string_too_short": _too_short,
    "too_short": _too_short,
    "string_too_long": _too_long,
    "too_long": _too_long,
    "string_pattern_mismatch": _pattern,
    **dict.fromkeys(("greater_than_equal", "less_than_equal", "greater_than", "less_than"), _out_of_bounds),
    **dict.fromkeys(_EXPECTED, _wrong_type),
}
