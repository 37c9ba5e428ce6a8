"""Any provider that follows OpenID Connect Core and Discovery."""

from __future__ import annotations

from airflow_oidc_auth.identity.claims import ClaimPath
from airflow_oidc_auth.providers.presets.preset import Preset
from airflow_oidc_auth.providers.settings import GroupSource

PRESET = Preset(
    name="oidc",
    vendor="OpenID Connect",
    groups=(GroupSource("id_token", ClaimPath(("groups",))),),
)
