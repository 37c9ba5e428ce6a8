"""One row of a table: what a peer does, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_oidc_auth.testing import Misbehaviour

ACCEPTED = "accepted"
HONEST = Misbehaviour()


@dataclass(frozen=True)
class Row:
    """A named expectation.

    :param name: as its source calls it
    :param delivered: what the peer does, in words
    :param expected: :data:`ACCEPTED`, the code that refuses it, or a few words where there is neither
    :param lie: of the identity provider, where this row is driven by its data alone
    :param provider: which of the configured ones lies
    :param tests: who drives it otherwise, as ``file::test``
    :param absent: why there is nothing to deliver
    """

    name: str
    delivered: str
    expected: str = ""
    lie: Misbehaviour | None = None
    provider: str = "conform"
    tests: tuple[str, ...] = ()
    absent: str = ""

    def __post_init__(self) -> None:
        if bool(self.absent) == bool(self.expected):
            raise ValueError(f"{self.name}: either something is expected or it is said why nothing is")
        if self.expected and not self.tests:
            raise ValueError(f"{self.name}: no test")


def named(name: str, test: str) -> str:
    """Return the reference of a row that is a parameter of a test."""
    return f"{test}[{name}]"
