"""When two spellings are one address (RFC 3986 §6.2.2 and §6.2.3, as RFC 9449 §4.3 asks). Sans-IO."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")
_MAX_URL = 4096


def same_address(given: str, expected: str) -> bool:
    """Compare scheme, host, port and path; query and fragment do not count. What is no address equals none."""
    ours = _normal(expected)
    return ours is not None and _normal(given) == ours


def _normal(url: str) -> tuple[str, str, int | None, str] | None:
    if len(url) > _MAX_URL or not url.isascii() or any(character <= " " or character == "\x7f" for character in url):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname or parts.username is not None or parts.password is not None:
        return None
    return parts.scheme, parts.hostname, port or _PORTS[parts.scheme], _path(parts.path)


def _path(path: str) -> str:
    """Return the path with needless escapes undone and ``.`` and ``..`` resolved; ``%2F`` stays what it is."""
    return _without_dots(_ESCAPE.sub(_unescaped, path)) or "/"


def _unescaped(escape: re.Match[str]) -> str:
    character = chr(int(escape[1], 16))
    return character if _UNRESERVED.fullmatch(character) else escape[0].upper()


def _without_dots(path: str) -> str:
    """RFC 3986 §5.2.4 for a path that begins with a slash."""
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments and segments[-1] in {".", ".."}:
        kept.append("")
    return "".join(f"/{segment}" for segment in kept)
