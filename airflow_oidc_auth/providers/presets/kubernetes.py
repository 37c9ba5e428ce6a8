"""Kubernetes: projected tokens of service accounts.

The issuer is the cluster's (``--service-account-issuer``); its keys are often served by the API server alone, under
the cluster's own CA (``http.ca_file``) or not to us at all (``jwks_file``). The old kind of token, a Secret without
expiry, has another issuer and no audience, and is refused for both.
"""

from __future__ import annotations

from collections.abc import Mapping

from airflow_oidc_auth.providers.presets.workload import Workload, binding
from airflow_oidc_auth.providers.presets.workload_preset import workload_preset

ACCOUNT = "system:serviceaccount:"
BINDINGS = (
    binding("sub", f"{ACCOUNT}data:etl", rf"{ACCOUNT}[^*?:]+:.*"),
    # A namespace has no parts: whoever may make one could call it `data-evil`.
    binding(("kubernetes.io", "namespace"), "data"),
    binding(("kubernetes.io", "serviceaccount", "uid"), "0d4c6d5e-3b2a-4f0e-9a51-8d2c7e6f1a3b"),
)


def check_token(claims: Mapping[str, object]) -> str | None:
    """Nodes and people have other names."""
    subject = claims.get("sub")
    return None if isinstance(subject, str) and subject.startswith(ACCOUNT) else "it is not of a service account"


PRESET = workload_preset(
    "kubernetes",
    "Kubernetes",
    Workload("service account of the cluster", BINDINGS),
    algorithms=("RS256", "ES256", "ES384", "ES512"),
    check_token=check_token,
)
