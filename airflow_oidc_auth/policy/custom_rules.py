"""Views of plugins, selected by patterns."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_oidc_auth.policy.builtin import Pair
from airflow_oidc_auth.policy.globs import Globs
from airflow_oidc_auth.policy.roles import RESOURCES

_AIRFLOWS = frozenset(RESOURCES)


@dataclass(frozen=True, slots=True)
class CustomRule:
    """Which views one action, as FAB calls it, is allowed for, besides those that are named."""

    allowed: Globs
    denied: Globs

    def allows(self, asked: Pair, *, named: bool) -> bool:
        """Return whether the view is open.

        :param named: whether it is allowed by name
        """
        resource = asked[1]
        if self.denied.match(resource):
            return False
        # A plugin may ask about Airflow's own resources; no pattern for plugins' views was meant to open them.
        return named or (resource not in _AIRFLOWS and self.allowed.match(resource))
