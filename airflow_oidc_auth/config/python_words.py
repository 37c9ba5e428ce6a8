"""Say to somebody who writes Python what our messages say in YAML."""

from __future__ import annotations

import json
import re

import yaml

_SNIPPET = re.compile(r"`(?P<line>[a-z_]+: [^`]+)`|(?P<mapping>\{[a-z_]+: [^{}`]+\})")
_WORDS = {"must be true or false": "must be True or False", "value true": "value True", "value false": "value False"}


def in_python(text: str) -> str:
    """Return a message with its snippets of YAML written as entries of a Python dict."""
    for ours, python in _WORDS.items():
        text = text.replace(ours, python)
    return _SNIPPET.sub(_rewritten, text)


def _rewritten(found: re.Match[str]) -> str:
    try:
        value = yaml.safe_load(found["line"] or found["mapping"])
    except yaml.YAMLError:
        return found[0]
    if not isinstance(value, dict):
        return found[0]
    written = _python(value)
    return f"`{written[1:-1]}`" if found["line"] else written


def _python(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(str(key))}: {_python(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_python, value)) + "]"
    return json.dumps(value) if isinstance(value, str) else repr(value)
