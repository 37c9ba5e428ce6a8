"""``sessions``: from the model to settings, and what does not fit the rest of the document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from airflow_oidc_auth.config.compiled import SessionSettings
from airflow_oidc_auth.config.document import RawDocument
from airflow_oidc_auth.config.reading import Parts
from airflow_oidc_auth.config.schema.sessions import SessionsModel
from airflow_oidc_auth.errors import Problem
from airflow_oidc_auth.grants.needs import readable
from airflow_oidc_auth.providers.presets import preset
from airflow_oidc_auth.providers.settings import ProviderSettings


def build_sessions(model: SessionsModel) -> SessionSettings:
    """Return the settings of a valid model."""
    return SessionSettings(
        lifetime=model.lifetime,
        recheck=model.recheck,
        idle_timeout=model.idle_timeout,
        max_per_user=model.max_per_user,
        reauthenticate_after=model.reauthenticate_after,
        break_glass=model.break_glass,
    )


def check_sessions(raw: RawDocument, parts: Parts, providers: Mapping[str, ProviderSettings]) -> Iterator[Problem]:
    """Yield a problem for a promise that a provider cannot keep."""
    if parts.sessions.reauthenticate_after is None:
        return
    for each in providers.values():
        # RFC 6749 knows neither `max_age` nor `auth_time`.
        if preset(each.preset).protocol == "github":
            yield raw.problem(
                ("sessions", "reauthenticate_after"),
                f"cannot be kept with provider {each.id}: GitHub does not tell when somebody authenticated",
                "remove it, or shorten `lifetime` instead",
            )


def warn_of_sessions(raw: RawDocument, model: SessionsModel) -> Iterator[Problem]:
    """Yield a warning for a limit that never bites."""
    for key in ("idle_timeout", "reauthenticate_after", "recheck"):
        limit: int | None = getattr(model, key)
        if limit is not None and limit > model.lifetime:
            text = f"is longer than `lifetime` ({readable(model.lifetime)}), so it never counts"
            yield raw.problem(("sessions", key), text, "shorten it, or remove it")
