"""Names and e-mails for people to read: never an identity, never able to forge a log line or a page."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from itertools import chain

from airflow_oidc_auth.identity.text import is_printable, is_shown

MAX_DISPLAY = 128
_MAX_EMAIL = 254  # RFC 5321 §4.5.3.1.3, less the angle brackets
_EMAIL = re.compile(r"""[^\s@<>()\[\],;:\\"]+@[^\s@<>()\[\],;:\\"]+""")


def display_name(values: Iterable[object], fallback: str) -> str:
    """Return the first usable name, cleaned and at most 128 characters long.

    :param values: candidate claim values; whatever is not a string is passed over
    :param fallback: the subject; cleaned in the same way
    """
    for value in chain(values, (fallback,)):
        if isinstance(value, str) and (name := _clean(value)):
            return name
    return "unnamed"


def clean_email(value: object) -> str | None:
    """Return an e-mail address that is safe to show and to take a domain from, or None.

    Exactly one ``@``: with two, different readers see different domains.
    """
    if not isinstance(value, str) or len(value) > _MAX_EMAIL or not is_shown(value):
        return None
    return value if _EMAIL.fullmatch(value) else None


def _clean(text: str) -> str:
    # Cut first: normalising is not linear for every input, and nobody's name is this long.
    text = text[: 8 * MAX_DISPLAY]
    if text.isascii() and text.isprintable():
        return " ".join(text.split())[:MAX_DISPLAY].rstrip()
    composed = unicodedata.normalize("NFC", text)
    shown = "".join(c if is_printable(c) else " " if c in "\t\r\n\u2028\u2029" else "" for c in composed)
    return " ".join(shown.split())[:MAX_DISPLAY].rstrip()
