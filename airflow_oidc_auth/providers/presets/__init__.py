"""How each vendor differs: one small module per vendor, each holding one ``PRESET``.

A preset is a value. ``config`` reads its defaults and option keys, calls ``check`` and then ``derive``;
the providers call its hooks at run time. It knows no configuration file and no web framework.
"""

from __future__ import annotations

from airflow_oidc_auth.providers.presets.preset import Derived, Given, HookContext, LogoutRequest, Preset
from airflow_oidc_auth.providers.presets.registry import preset, preset_names, saml_preset_names, workload_preset_names

__all__ = [
    "Derived",
    "Given",
    "HookContext",
    "LogoutRequest",
    "Preset",
    "preset",
    "preset_names",
    "saml_preset_names",
    "workload_preset_names",
]
