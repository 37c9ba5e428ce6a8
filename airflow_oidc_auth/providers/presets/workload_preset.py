"""What the presets of workload issuers share: nobody signs in, nothing is asked for, no client of ours exists."""

from __future__ import annotations

from typing import Any

from airflow_oidc_auth.errors import Problem
from airflow_oidc_auth.providers.presets.preset import Derived, Given, Preset, no_logout_url, require_issuer
from airflow_oidc_auth.providers.presets.workload import Workload

# Workload tokens are older than RFC 9068: they say JWT, or nothing.
TOKEN_TYPES = ("jwt", "")


def workload_preset(name: str, vendor: str, workload: Workload, **differences: Any) -> Preset:
    """Return the preset of a workload issuer."""
    shared: dict[str, Any] = {
        "protocol": "workload",
        "scopes": (),
        "name_claims": (),
        "email_claim": None,
        "email_verified_claim": None,
        "algorithms": ("RS256",),
        "client_auth": "none",
        "userinfo": "never",
        "logout": "none",
        "token_types": TOKEN_TYPES,
        "derive": same_issuer,
        "logout_url": no_logout_url,
    }
    return Preset(name=name, vendor=vendor, workload=workload, **{**shared, **differences})


def same_issuer(given: Given) -> Derived:
    """The issuer is compared as written."""
    return Derived(issuer=given.issuer or "", options=dict(given.options))


def optional_issuer(given: Given) -> tuple[Problem, ...]:
    """The vendor has one issuer for everybody, and some have their own."""
    return require_issuer(given) if given.issuer else ()
