"""``sessions``: how long people stay signed in."""

from __future__ import annotations

from pydantic import Field

from airflow_oidc_auth.config.schema.base import Strict
from airflow_oidc_auth.config.schema.values import Duration

SHORTEST = 5 * 60
LONGEST = 30 * 86400


class SessionsModel(Strict):
    """Sessions."""

    lifetime: Duration = Field(
        default=12 * 3600,
        ge=SHORTEST,
        le=LONGEST,
        description="How long a session lasts at most, 5m to 30d; after that people sign in again.",
        examples=["12h"],
    )
