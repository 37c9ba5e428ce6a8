"""Any issuer of signed JWTs for programs: Buildkite, CircleCI, Vault, SPIFFE.

Nothing is known about its claims, so the administrator says which of them bind (``bind``), ``sub`` unless told
otherwise.
"""

from __future__ import annotations

from airflow_oidc_auth.identity.claims import ClaimPath
from airflow_oidc_auth.providers.presets.workload import BELOW_TWO_NAMES, Workload, binding
from airflow_oidc_auth.providers.presets.workload_preset import TOKEN_TYPES, workload_preset

PRESET = workload_preset(
    "jwt",
    "JWT",
    Workload("program with a token of this issuer", (binding("sub", "spiffe://example.com/etl", BELOW_TWO_NAMES),)),
    name_claims=(ClaimPath(("name",)),),
    algorithms=("RS256", "RS512", "PS256", "ES256", "EdDSA"),
    option_keys=("bind",),
    token_types=("at+jwt", *TOKEN_TYPES),
)
