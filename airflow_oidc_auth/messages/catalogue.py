"""Look a code up; refuse codes that are unknown or defined twice."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from airflow_oidc_auth.messages import (
    configuration,
    confirming,
    fab,
    login,
    machines,
    office,
    protocol,
    provider,
    saml,
    session,
    token_requests,
    tokens,
)
from airflow_oidc_auth.messages.message import Message

__all__ = ["Message", "all_messages", "message"]


def _merge(*areas: Mapping[str, Message]) -> Mapping[str, Message]:
    merged: dict[str, Message] = {}
    for area in areas:
        if twice := merged.keys() & area.keys():
            raise ValueError(f"message codes defined twice: {sorted(twice)}")
        merged.update(area)
    return MappingProxyType(merged)


_CATALOGUE = _merge(
    configuration.MESSAGES,
    confirming.MESSAGES,
    fab.MESSAGES,
    login.MESSAGES,
    machines.MESSAGES,
    office.MESSAGES,
    protocol.MESSAGES,
    provider.MESSAGES,
    saml.MESSAGES,
    session.MESSAGES,
    token_requests.MESSAGES,
    tokens.MESSAGES,
)


def message(code: str) -> Message:
    """Return the entry of ``code``; an unknown code is a programming error (``KeyError``)."""
    return _CATALOGUE[code]


def all_messages() -> Mapping[str, Message]:
    """Return the whole catalogue, for the generated documentation."""
    return _CATALOGUE
