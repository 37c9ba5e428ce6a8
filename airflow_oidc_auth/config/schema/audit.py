"""``audit``: what happens when an auth event cannot be written down."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from airflow_oidc_auth.config.schema.base import Strict


class AuditModel(Strict):
    """Audit."""

    on_failure: Literal["fail", "continue"] = Field(
        default="fail",
        description="`fail`: nobody signs in without an audit row; `continue`: log loudly and go on.",
        examples=["fail"],
    )
