"""Cloud Foundry UAA: access tokens of clients (``client_credentials``).

Clients and people have one issuer. A client's token names no person, and its subject is the client's id. Its rights
(``authorities``, repeated in ``scope``) were given to this client by UAA's administrator, so they bind; and they are
the groups.
"""

from __future__ import annotations

from collections.abc import Mapping

from airflow_oidc_auth.identity.claims import ClaimPath
from airflow_oidc_auth.providers.presets import cloudfoundry
from airflow_oidc_auth.providers.presets.preset import require_issuer
from airflow_oidc_auth.providers.presets.workload import Workload, binding
from airflow_oidc_auth.providers.presets.workload_preset import workload_preset
from airflow_oidc_auth.providers.settings import GroupSource

_OF_A_PERSON = ("user_id", "user_name", "origin")


def check_token(claims: Mapping[str, object]) -> str | None:
    """Neither a person's token nor one that somebody got on behalf of a person."""
    if any(name in claims for name in _OF_A_PERSON):
        return "it was issued for a person"
    subject = claims.get("sub")
    client = claims.get("client_id")
    return None if isinstance(subject, str) and subject == client else "it was not issued to a client for itself"


PRESET = workload_preset(
    "cloudfoundry-clients",
    "Cloud Foundry clients",
    Workload(
        "client of this UAA",
        (binding("client_id", "etl"), binding("sub", "etl"), binding("authorities", "airflow.run")),
        groups_bind=True,
    ),
    name_claims=(ClaimPath(("client_id",)),),
    groups=(GroupSource("access_token", ClaimPath(("authorities",))),),
    algorithms=("RS256", "RS512", "ES256"),
    check=require_issuer,
    derive=cloudfoundry.derive,
    check_token=check_token,
)
