"""A short name for a document's content."""

from __future__ import annotations

import base64
import hashlib
import json

from airflow_oidc_auth.config.document import RawDocument


def document_digest(raw: RawDocument) -> str:
    """Return 22 characters that are equal for equal documents, whatever their layout, comments and key order.

    Only for documents that were validated: they hold references to secrets and never a secret, so neither
    does the digest (a digest over a short secret could be guessed backwards).
    """
    canonical = json.dumps(dict(raw.data), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return base64.urlsafe_b64encode(hashlib.sha256(canonical.encode("ascii")).digest()).decode("ascii")[:22]
