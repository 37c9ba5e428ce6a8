"""GitHub Actions: the token of one workflow run.

Every repository of GitHub gets tokens for any audience that it asks for. ``job_workflow_ref`` binds nothing: anybody
may call a reusable workflow that is public. Owners and repositories can be renamed and their names taken by others;
the ``…_id`` claims stay.
"""

from __future__ import annotations

from collections.abc import Mapping

from airflow_oidc_auth.identity.claims import ClaimPath
from airflow_oidc_auth.providers.presets.preset import Derived, Given, no_logout_url
from airflow_oidc_auth.providers.presets.workload import Workload, binding
from airflow_oidc_auth.providers.presets.workload_preset import optional_issuer, workload_preset

ISSUER = "https://token.actions.githubusercontent.com"
_BELOW_AN_OWNER = r"[^*?/]+/.*"


def derive(given: Given) -> Derived:
    """GitHub.com unless another issuer is named: Enterprise Server's, or that of an enterprise (a path below it)."""
    return Derived(issuer=(given.issuer or ISSUER).rstrip("/"))


def check_token(claims: Mapping[str, object]) -> str | None:
    """A run always belongs to a repository."""
    return None if isinstance(claims.get("repository"), str) else "it names no repository"


PRESET = workload_preset(
    "github-actions",
    "GitHub Actions",
    Workload(
        "repository of GitHub",
        (
            binding("repository", "acme/etl", _BELOW_AN_OWNER),
            binding("repository_id", "123456789"),
            binding("repository_owner", "acme"),
            binding("repository_owner_id", "1234567"),
            # An organisation may choose other parts for its `sub`; those are bound by their own claims.
            binding("sub", "repo:acme/etl:ref:refs/heads/main", rf"repo:{_BELOW_AN_OWNER}"),
        ),
    ),
    name_claims=(ClaimPath(("repository",)),),
    check=optional_issuer,
    derive=derive,
    check_token=check_token,
    logout_url=no_logout_url,
)
