"""The address of this Airflow, from ``[api] base_url`` and never from a Host header."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

from airflow.configuration import conf


def base_url() -> str:
    """Return ``[api] base_url`` without trailing slash if it is absolute, else an empty string."""
    value = (conf.get("api", "base_url", fallback="") or "").rstrip("/")
    parts = split_url(value)
    return value if parts.scheme in {"http", "https"} and parts.netloc else ""


def split_url(value: str) -> SplitResult:
    """Return the parts of an address; all empty for what is none, such as ``https://[`` or a port in letters."""
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return urlsplit("")
    return parts
