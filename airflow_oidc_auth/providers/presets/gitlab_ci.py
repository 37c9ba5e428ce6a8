"""GitLab CI: the ``id_tokens`` of one job.

The issuer also signs the id_tokens of people; a job's token is told from those by its project. Anybody may have a
project on gitlab.com. Boolean claims such as ``ref_protected`` are the texts "true" and "false".
"""

from __future__ import annotations

from collections.abc import Mapping

from airflow_oidc_auth.identity.claims import ClaimPath
from airflow_oidc_auth.providers.presets.preset import Derived, Given
from airflow_oidc_auth.providers.presets.workload import Workload, binding
from airflow_oidc_auth.providers.presets.workload_preset import optional_issuer, workload_preset

ISSUER = "https://gitlab.com"
_BELOW_A_GROUP = r"[^*?/]+/.*"


def derive(given: Given) -> Derived:
    """GitLab's issuer is its external URL without a trailing slash."""
    return Derived(issuer=(given.issuer or ISSUER).rstrip("/"))


def check_token(claims: Mapping[str, object]) -> str | None:
    """An id_token of a person has neither."""
    is_job = isinstance(claims.get("project_path"), str) and claims.get("job_id") is not None
    return None if is_job else "it is not the token of a CI job"


PRESET = workload_preset(
    "gitlab-ci",
    "GitLab CI",
    Workload(
        "project of this GitLab",
        (
            binding("project_path", "acme/etl", _BELOW_A_GROUP),
            binding("project_id", "22"),
            binding("namespace_path", "acme", _BELOW_A_GROUP),
            binding("namespace_id", "72"),
            binding("sub", "project_path:acme/etl:ref_type:branch:ref:main", rf"project_path:{_BELOW_A_GROUP}"),
        ),
    ),
    name_claims=(ClaimPath(("project_path",)),),
    check=optional_issuer,
    derive=derive,
    check_token=check_token,
)
