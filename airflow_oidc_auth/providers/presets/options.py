"""Reading a preset's own options: whatever the document held, out come typed values or problems."""

from __future__ import annotations

import re
from collections.abc import Mapping

from airflow_oidc_auth.errors import Problem

_HOST = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?")


def texts(options: Mapping[str, object], key: str) -> tuple[str, ...]:
    """Return a text or a list of texts as a tuple; whatever is neither is left out (``check`` complains)."""
    value = options.get(key)
    values = [value] if isinstance(value, str) else value if isinstance(value, list | tuple) else []
    return tuple(each for each in values if isinstance(each, str))


def check_texts(options: Mapping[str, object], key: str) -> tuple[Problem, ...]:
    """Complain about anything but a text or a list of non-empty texts. An empty list would mean nobody."""
    value = options.get(key)
    if value is None:
        return ()
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list | tuple) or not values:
        return (Problem(key, "must be a text or a list with at least one text", f"leave {key} out, or name one"),)
    problem = Problem(f"{key}[0]", "must be a non-empty text")
    bad = [index for index, each in enumerate(values) if not isinstance(each, str) or not each.strip()]
    return tuple(Problem(f"{key}[{index}]", problem.text) for index in bad)


def check_flag(options: Mapping[str, object], key: str) -> tuple[Problem, ...]:
    """Complain about anything but true and false."""
    value = options.get(key)
    return () if value is None or isinstance(value, bool) else (Problem(key, "must be true or false"),)


def is_host(text: object) -> bool:
    """True for a DNS name of two labels or more, lower case, without port."""
    return isinstance(text, str) and _HOST.fullmatch(text) is not None
