"""``AUTH_USER_REGISTRATION``: whether somebody who signs in for the first time gets a FAB user."""

from __future__ import annotations

from airflow_oidc_auth.errors import Problem
from airflow_oidc_auth.fab.mapped_rules import REGISTRATION, REGISTRATION_ROLE
from airflow_oidc_auth.fab.webserver_config import WebserverConfig


def read_registration(config: WebserverConfig, problems: list[Problem], warnings: list[Problem]) -> bool:
    """Return whether registration is open; FAB's default, closed, is kept and told."""
    value = config.values.get(REGISTRATION)
    if REGISTRATION not in config.values:
        text = "is not set, which means False as in FAB: only people who are linked to a FAB user get in"
        suggestion = f"write {REGISTRATION} = True to make FAB users at first sign-ins, or = False to agree"
        warnings.append(Problem(REGISTRATION, text, suggestion, config.path))
    elif not isinstance(value, bool):
        # FAB takes "False", a text, for true.
        text = f"must be True or False, not {type(value).__name__}"
        problems.append(config.problem(REGISTRATION, text, f"write {REGISTRATION} = True"))
    if value is not True and config.values.get(REGISTRATION_ROLE) is not None:
        text = f"gives nothing to anybody: {REGISTRATION} is not True"
        warnings.append(config.problem(REGISTRATION_ROLE, text, f"remove it, or write {REGISTRATION} = True"))
    return value is True
