"""What FAB mode reads from ``webserver_config.py`` beside the document."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FabSettings:
    """FAB's settings that decide who gets an account and which roles stay; the defaults are the closed ones.

    :param registration: a person who signs in for the first time gets a FAB user (``AUTH_USER_REGISTRATION``)
    :param keep_assigned_roles: roles that somebody assigned in FAB stay (``grants.keep_assigned_roles``)
    """

    registration: bool = False
    keep_assigned_roles: bool = False
