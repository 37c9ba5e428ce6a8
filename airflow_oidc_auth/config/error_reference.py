"""Troubleshooting by code: ``python -m airflow_oidc_auth.config.error_reference > docs/reference/errors.md``."""

from __future__ import annotations

import sys

from airflow_oidc_auth.messages import all_messages

_HEAD = """# Error codes

<!-- Generated: python -m airflow_oidc_auth.config.error_reference > docs/reference/errors.md -->

Every page, JSON answer, audit row (`reason`) and log line of airflow-oidc-auth carries one of these codes, and a
correlation id: search the API server's log for that id to find the details, which pages never show.
"""

_ACTORS = {
    "user": "the person who signs in",
    "admin": "the Airflow administrator",
    "idp": "whoever runs the identity provider",
    "nobody": "nobody",
}


def build_error_reference() -> str:
    """Return the page: one section per code, in alphabetical order."""
    parts = [_HEAD, "\n| code | title | status | who acts |\n|---|---|---|---|\n"]
    messages = sorted(all_messages().items())
    parts += [f"| [`{code}`](#{code}) | {one.title} | {one.status} | {_actor(one.actor)} |\n" for code, one in messages]
    for code, one in messages:
        parts.append(f"\n## {code}\n\n**{one.title}.** {one.text}\n\n**What to do:** {one.hint}\n")
    return "".join(parts)


def _actor(actor: str) -> str:
    return _ACTORS.get(actor, actor)


if __name__ == "__main__":
    sys.stdout.write(build_error_reference())
