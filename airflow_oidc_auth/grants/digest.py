"""A short name for what a grant allows."""

from __future__ import annotations

import base64
import hashlib
import json

from airflow_oidc_auth.grants.grant import Grant

_LENGTH = 22  # 132 bits


def grant_digest(grant: Grant) -> str:
    """Return 22 base64url characters of SHA-256 over the sorted roles and teams.

    It notices a change, so that the grant is loaded again; it never decides anything.
    """
    # JSON keeps the border between items: joined text would let ["a,b"] and ["a", "b"] collide.
    document = json.dumps([sorted(set(grant.roles)), sorted(set(grant.teams))], separators=(",", ":"))
    return base64.urlsafe_b64encode(hashlib.sha256(document.encode()).digest()).decode()[:_LENGTH]
