"""The address of this Airflow, from ``[api] base_url`` and never from a Host header."""

from __future__ import annotations

from urllib.parse import urlsplit

from airflow.configuration import conf


def base_url() -> str:
    """Return ``[api] base_url`` without trailing slash if it is absolute, else an empty string."""
    value = (conf.get("api", "base_url", fallback="") or "").rstrip("/")
    parts = urlsplit(value)
    return value if parts.scheme in {"http", "https"} and parts.netloc else ""
