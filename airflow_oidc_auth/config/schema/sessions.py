"""``sessions``: how long people stay signed in, and how closely their sessions follow the identity provider."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from airflow_oidc_auth.config.schema.base import Strict
from airflow_oidc_auth.config.schema.limits import (
    COUNT_OR_NONE,
    DURATION_OR_NONE,
    DURATION_OR_OFF,
    NONE,
    OFF,
    count_or,
    duration_or,
)
from airflow_oidc_auth.config.schema.values import Duration

SHORTEST = 5 * 60
LONGEST = 30 * 86400

Recheck = Annotated[int | None, duration_or(OFF, 60, 86400), DURATION_OR_OFF]
Timeout = Annotated[int | None, duration_or(NONE, SHORTEST, LONGEST), DURATION_OR_NONE]
Count = Annotated[int | None, count_or(NONE, 1, 1000), COUNT_OR_NONE]


class SessionsModel(Strict):
    """Sessions. ``None`` is what the document calls ``none`` or ``off``."""

    lifetime: Duration = Field(
        default=12 * 3600,
        ge=SHORTEST,
        le=LONGEST,
        description="How long a session lasts at most, 5m to 30d; after that people sign in again.",
        examples=["12h"],
    )
    recheck: Recheck = Field(
        default=300,
        description="How often an active session is confirmed at its identity provider, 1m to 1d: lost groups lose "
        "their roles, refused people their session. `off`: not before the next sign-in.",
        examples=["5m"],
    )
    idle_timeout: Timeout = Field(
        default=None,
        description="After how long without activity a session ends, 5m to 30d. A page that refreshes itself is none.",
        examples=["1h"],
        json_schema_extra={"default": "none"},
    )
    max_per_user: Count = Field(
        default=None,
        description="How many sessions one person may have at a time, 1 to 1000; the oldest ends for a new one.",
        examples=[5],
        json_schema_extra={"default": "none"},
    )
    reauthenticate_after: Timeout = Field(
        default=None,
        description="How long ago somebody may have shown the identity provider who they are, 5m to 30d: sessions end "
        "then, and the provider must ask anew (`max_age`) instead of answering from its own session.",
        examples=["8h"],
        json_schema_extra={"default": "none"},
    )
    break_glass: bool = Field(
        default=True,
        description="Whether `airflow oidc break-glass` may let somebody in while the identity provider is down.",
        examples=[False],
    )
