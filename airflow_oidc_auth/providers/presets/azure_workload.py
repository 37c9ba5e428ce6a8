"""Azure: access tokens that Entra ID gives to managed identities and other applications for our API.

Any application of the tenant may ask for such a token, with or without a role at our API, unless the API requires
assignment. Roles (``roles``) are given to one application by an administrator, so they bind; and they are the groups.
"""

from __future__ import annotations

from collections.abc import Mapping

from airflow_oidc_auth.errors import Problem
from airflow_oidc_auth.identity.claims import ClaimPath
from airflow_oidc_auth.providers.presets import entra
from airflow_oidc_auth.providers.presets.entra_tenants import parse_issuer
from airflow_oidc_auth.providers.presets.preset import Given
from airflow_oidc_auth.providers.presets.workload import Workload, binding
from airflow_oidc_auth.providers.presets.workload_preset import workload_preset
from airflow_oidc_auth.providers.settings import GroupSource

_SUBSCRIPTION = r"/subscriptions/[0-9A-Fa-f-]{36}/.*"


def check(given: Given) -> tuple[Problem, ...]:
    """One tenant, by its id: a token names it so, and nothing has to be asked."""
    if problems := entra.check(given):
        return problems
    tenant = parse_issuer(given.issuer or "")
    if tenant is not None and tenant.is_id:
        return ()
    return (Problem("issuer", "names no tenant by its id", "write https://login.microsoftonline.com/TENANT_ID/v2.0"),)


def check_token(claims: Mapping[str, object]) -> str | None:
    """A person's token has delegated permissions (``scp``), and a subject that is another one than their ``oid``."""
    if "scp" in claims or claims.get("idtyp") not in (None, "app"):
        return "it was issued for a person"
    subject = claims.get("sub")
    return None if isinstance(subject, str) and subject == claims.get("oid") else "it was not issued to an application"


PRESET = workload_preset(
    "azure-workload",
    "Azure workload identity",
    Workload(
        "application of the tenant",
        (
            binding("oid", "5f0d9c1e-6f7b-4d3c-9a53-0c8a4f2b7d11"),
            binding("sub", "5f0d9c1e-6f7b-4d3c-9a53-0c8a4f2b7d11"),
            binding("appid", "9b1f3c5d-2a4e-4c6b-8d7f-1e3a5c7b9d20"),
            binding("azp", "9b1f3c5d-2a4e-4c6b-8d7f-1e3a5c7b9d20"),
            binding(
                "xms_mirid",
                "/subscriptions/11111111-2222-3333-4444-555555555555/resourcegroups/data/providers/"
                "Microsoft.ManagedIdentity/userAssignedIdentities/etl",
                _SUBSCRIPTION,
            ),
            binding("roles", "Airflow.Run"),
        ),
        groups_bind=True,
    ),
    name_claims=tuple(ClaimPath((name,)) for name in ("app_displayname", "appid", "azp")),
    groups=(GroupSource("access_token", ClaimPath(("roles",))),),
    # Tokens of managed identities live a day, and are dated a few minutes back.
    max_token_lifetime=29 * 3600,
    check=check,
    derive=entra.derive,
    check_issuer=entra.check_issuer,
    check_token=check_token,
)
