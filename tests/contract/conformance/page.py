"""docs/conformance.md, from the rows that the tests are made of: ``python -m tests.contract.conformance.page``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.contract.conformance import oidc_rows, saml_rows
from tests.contract.conformance.row import ACCEPTED, Row

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
SAML = """\
## SAML

The identity provider really signs. Each attack is sent across sites by HTTP-POST, as a browser does. The same cases,
and some hundred more, run against the verification alone in `tests/unit/providers/saml`.
"""


def render() -> str:
    """Return the whole page."""
    parts = [INTRODUCTION, OIDC, *_tables(oidc_rows.TABLES), SAML, *_tables(saml_rows.TABLES)]
    return "\n".join(parts)


def _tables(tables: Mapping[str, Iterable[Row]]) -> Iterable[str]:
    for title, rows in tables.items():
        lines = ["| name | what is delivered | outcome | test |", "| --- | --- | --- | --- |", *map(_line, rows)]
        yield f"### {title}\n\n" + "\n".join(lines) + "\n"


def _line(row: Row) -> str:
    if row.absent:
        return f"| {row.name} | not offered: {row.absent} | | |"
    outcome = row.expected if row.expected == ACCEPTED or " " in row.expected else f"`{row.expected}`"
    return f"| {row.name} | {row.delivered} | {outcome} | {'<br>'.join(map(_short, row.tests))} |"


def _short(reference: str) -> str:
    """Leave out the parameter, which is the row's name."""
    return f"`{reference.partition('[')[0]}`"


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
