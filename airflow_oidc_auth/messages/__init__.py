"""Every text that people see for a stable code: one catalogue, the source of docs/reference/errors.md.

Each area of the package has its own module here with a ``MESSAGES`` mapping; a code belongs to exactly
one of them. This package knows nothing of the rest.
"""

from airflow_oidc_auth.messages.catalogue import Message, all_messages, message

__all__ = ["Message", "all_messages", "message"]
