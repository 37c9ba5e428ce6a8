"""Fuzzing of everything that reads what strangers, IdPs or templates wrote.

Each module of ``HARNESSES`` reads one kind of input: ``run(data)`` takes any bytes and raises only for a bug — an
exception that is not one of our typed errors, something believed that must not be, or a run that takes too long.
``test_corpus.py`` replays what is kept below ``corpus/``; ``python -m tests.fuzz`` looks for more, guided by coverage.
"""

from __future__ import annotations

HARNESSES = (
    "access_token",
    "attempt_cookie",
    "configuration",
    "expression",
    "form",
    "id_token",
    "idp_documents",
    "logout_token",
    "proof",
    "return_address",
    "rules",
    "saml_logout",
    "saml_metadata",
    "saml_response",
)
