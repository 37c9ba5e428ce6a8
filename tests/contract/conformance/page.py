"""docs/conformance.md, from the rows that the tests are made of: ``python -m tests.contract.conformance.page``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.contract.conformance import oidc_rows, rfc_rows, saml_rows
from tests.contract.conformance.row import Row

PAGE = Path(__file__).parents[3] / "docs" / "conformance.md"
INTRODUCTION = """\
# Conformance

What others have a name for, and what comes of it here. Each row is driven against a real API server (Airflow, its
database, our auth manager) in both modes, native and FAB. The peer really does it: the test looks for the lie in what
the identity provider answered before it looks at what became of it. A refusal gives exactly that code, on a page
without a stack trace, and leaves no session, no cookie and no `auth.login` in the audit.
[What the codes mean](reference/errors.md).

```bash
.venv-dev/bin/python -m pytest -n 0 tests/contract/conformance
```

This page is written from the rows that the tests run (`python -m tests.contract.conformance.page`), so neither can say
what the other does not. It is our own run, not a certification.
"""
OIDC = """\
## OpenID Connect

The OpenID Foundation's tests of relying parties, by the names that its conformance suite gives them, for the flow that
is offered here: the authorization code flow with PKCE.
"""
RFCS = """\
## What RFCs recommend

RFC 9700 is the best current practice of OAuth; the others are those whose promises this package makes.
"""
SAML = """\
## SAML

The identity provider really signs. Each attack is sent across sites by HTTP-POST, as a browser does. The same cases,
and some hundred more, run against the verification alone in `tests/unit/providers/saml`.
"""


def render() -> str:
    """Return the whole page."""
    parts = [INTRODUCTION]
    for heading, module in ((OIDC, oidc_rows), (RFCS, rfc_rows), (SAML, saml_rows)):
        parts += [heading, *_tables(module.TABLES)]
    return "\n".join(parts)


def _tables(tables: Mapping[str, Iterable[Row]]) -> Iterable[str]:
    for title, rows in tables.items():
        lines = ["| name | what is delivered | outcome | test |", "| --- | --- | --- | --- |", *map(_line, rows)]
        yield f"### {title}\n\n" + "\n".join(lines) + "\n"


def _line(row: Row) -> str:
    if row.absent:
        return f"| {row.name} | does not apply: {row.absent} | | |"
    outcome = f"`{row.expected}`" if is_code(row.expected) else row.expected
    return f"| {row.name} | {row.delivered} | {outcome} | {'<br>'.join(map(_short, row.tests))} |"


def is_code(expected: str) -> bool:
    """Tell a code from words."""
    return re.fullmatch(r"[a-z]+(_[a-z0-9]+)+", expected) is not None


def _short(reference: str) -> str:
    """Leave out the parameter, which is the row's name."""
    return f"`{reference.partition('[')[0]}`"


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
