"""The closed list of presets."""

from __future__ import annotations

from airflow_oidc_auth.providers.presets import oidc
from airflow_oidc_auth.providers.presets.preset import Preset

_PRESETS = {each.PRESET.name: each.PRESET for each in (oidc,)}


def preset(name: str) -> Preset:
    """Return the preset of that name (``KeyError`` if there is none)."""
    return _PRESETS[name]


def preset_names() -> tuple[str, ...]:
    """Return every preset's name, the generic one first."""
    return tuple(_PRESETS)
