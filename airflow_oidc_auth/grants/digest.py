"""A short name for what a grant allows."""

from __future__ import annotations

import base64
import hashlib
import json

from airflow_oidc_auth.grants.grant import Grant
from airflow_oidc_auth.grants.scopes import scoped_roles

_LENGTH = 22  # 132 bits


def grant_digest(grant: Grant) -> str:
    """Return 22 base64url characters of SHA-256 over the sorted roles and teams, and which role holds or denies where.

    It notices a change, so that the grant is loaded again; it never decides anything.
    """
    parts: list[object] = [sorted(set(grant.roles)), sorted(set(grant.teams))]
    everywhere, within = scoped_roles(grant)
    if grant.teams or within or grant.withdrawn:
        # A role may move from one team to another while the roles and the teams stay what they are.
        parts += [everywhere, within]
    # JSON keeps the border between items: joined text would let ["a,b"] and ["a", "b"] collide.
    document = json.dumps(parts, separators=(",", ":"))
    return base64.urlsafe_b64encode(hashlib.sha256(document.encode()).digest()).decode()[:_LENGTH]
