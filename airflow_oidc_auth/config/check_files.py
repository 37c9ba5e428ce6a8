"""The files that a provider names: whether they can be read, and are what they should be.

Looked at when the server starts, so that a wrong file is a configuration error and not a failed sign-in.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

from airflow_oidc_auth.config.schema.providers import ProviderModel
from airflow_oidc_auth.errors import Problem

_MAX_BYTES = 4 * 1024 * 1024
_HINT = "check the path and its permissions"


def check_files(model: ProviderModel) -> Iterator[Problem]:
    """Yield a problem for each file that cannot be used; paths are relative to the provider."""
    yield from check_named_files(model.http.ca_file, model.discovery_file, model.jwks_file)


def check_named_files(ca_file: str | None, discovery_file: str | None, jwks_file: str | None) -> Iterator[Problem]:
    """Yield a problem for each of these files that cannot be used."""
    if ca_file is not None:
        yield from _check("http.ca_file", ca_file, _certificates)
    if discovery_file is not None:
        yield from _check("discovery_file", discovery_file, _discovery)
    if jwks_file is not None:
        yield from check_key_set("jwks_file", jwks_file)


def check_key_set(path: str, name: str) -> Iterator[Problem]:
    """Yield a problem if a file holds no JWK Set."""
    yield from _check(path, name, _key_set)


def check_file(path: str, name: str) -> Iterator[Problem]:
    """Yield a problem if a file holds no PEM certificates."""
    yield from _check(path, name, _certificates)


def _check(path: str, name: str, judge: Callable[[bytes], str]) -> Iterator[Problem]:
    try:
        with Path(name).open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        yield Problem(path, f"cannot read the file {name}: {error.strerror or type(error).__name__}", _HINT)
        return
    text = "is larger than 4 MiB" if len(data) > _MAX_BYTES else judge(data)
    if text:
        yield Problem(path, f"the file {name} {text}", "is this the right file?")


def _certificates(data: bytes) -> str:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=data.decode("ascii"))
    except (ssl.SSLError, ValueError):
        return "holds no PEM certificates"
    return ""


def _discovery(data: bytes) -> str:
    document = _json(data)
    is_one = isinstance(document, dict) and isinstance(document.get("issuer"), str)
    return "" if is_one else "is not a discovery document (a JSON object with `issuer`)"


def _key_set(data: bytes) -> str:
    document = _json(data)
    keys = document.get("keys") if isinstance(document, dict) else None
    return "" if isinstance(keys, list) and keys else "is not a JWK Set (a JSON object with `keys`)"


def _json(data: bytes) -> object:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None
