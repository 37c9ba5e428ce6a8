"""What the contract servers of one process sign their audit with: they share a database, and so their chains."""

from __future__ import annotations

from tests.unit.audit.keys import make_pem

AUDIT_KEY = make_pem()
