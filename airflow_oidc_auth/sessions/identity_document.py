"""An Identity as text to be encrypted: what the IdP said last, for a re-check that is told less."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.identity.authentication import Authentication, read_time
from airflow_oidc_auth.secret import Secret

log = logging.getLogger(__name__)


def dump_identity(identity: Identity) -> Secret | None:
    """Return what the rules look at as ASCII JSON; None for claims that JSON cannot hold."""
    document = {
        "name": identity.name,
        "email": identity.email,
        "email_verified": identity.email_verified,
        "groups": sorted(identity.groups),
        "claims": identity.claims,
        "authentication": _dump_authentication(identity.authentication),
    }
    try:
        return Secret(json.dumps(document, separators=(",", ":"), default=_plain))
    except (TypeError, ValueError):
        log.warning("Claims of provider %s cannot be kept: they are no JSON", identity.provider)
        return None


def parse_identity(text: Secret | None, provider: str, issuer: str, subject: str) -> Identity | None:
    """Return the identity, or None where there is none or it cannot be read.

    :param issuer: of the principal's row; whose claims these are is never read from the document
    """
    if text is None:
        return None
    try:
        document = json.loads(text.reveal())
        groups = frozenset(document["groups"])
        name, email, verified = document["name"], document["email"], document["email_verified"] is True
        claims = document["claims"]
        authentication = _parse_authentication(document.get("authentication"))
    except (ValueError, KeyError, TypeError):
        log.warning("The claims of a session cannot be read; treated as absent")
        return None
    if not isinstance(claims, dict) or not all(isinstance(group, str) for group in groups):
        return None
    return Identity(provider, issuer, subject, name, email, verified, groups, claims, authentication)


def _dump_authentication(known: Authentication | None) -> Any:
    return None if known is None else {"acr": known.acr, "amr": sorted(known.amr), "at": known.at}


def _parse_authentication(document: Any) -> Authentication | None:
    """Return nothing for what is malformed: whoever needs it then authenticates again."""
    if not isinstance(document, dict):
        return None
    acr, amr = document["acr"], frozenset(map(str, document["amr"]))
    return Authentication(acr if isinstance(acr, str) else None, amr, read_time(document["at"]))


def _plain(value: object) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, frozenset | set):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
