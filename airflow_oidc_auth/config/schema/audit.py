"""``audit``: what happens when an auth event cannot be written down, and the chain that shows later changes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from airflow_oidc_auth.config.schema.base import Strict
from airflow_oidc_auth.config.schema.secrets import SecretReference
from airflow_oidc_auth.config.schema.values import AbsolutePath, Duration


class AuditModel(Strict):
    """Audit."""

    on_failure: Literal["fail", "continue"] = Field(
        default="fail",
        description="`fail`: nobody signs in, and no token is made, without an audit row; `continue`: log loudly and "
        "go on.",
        examples=["fail"],
    )
    signing_key: SecretReference | None = Field(
        default=None,
        description="Reference to an Ed25519 private key (PEM, PKCS#8, not encrypted). With it our audit rows form a "
        "signed chain, which `airflow oidc audit verify` checks.",
        examples=[{"file": "/run/secrets/audit-key.pem"}],
    )
    retired_keys_file: AbsolutePath | None = Field(
        default=None,
        description="Public keys (JWK Set) that signed before `signing_key` did; published and believed beside it.",
        examples=["/etc/airflow/audit-retired-keys.json"],
    )
    checkpoint_every: Annotated[Duration, Field(ge=5, le=3600)] = Field(
        default=60,
        description="How long a row waits for its signature at most, 5s to 1h.",
        examples=["30s"],
        json_schema_extra={"default": "1m"},
    )
