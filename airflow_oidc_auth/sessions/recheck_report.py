"""What a re-check asks of the configuration, and whom it tells what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from airflow_oidc_auth.grants.grant import Grant, Refusal
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.providers.confirming import Confirms
from airflow_oidc_auth.sessions.session import Ended, Regraded, Session
from airflow_oidc_auth.sessions.token_session import UNVERIFIED_LIFETIME


class Result(str, Enum):
    """What came of one re-check, for metrics.

    ``outage``: the IdP fails everybody; ``invalid``: it was of no use for this session; ``lost``: another server was
    quicker, or nothing could be stored; ``skipped``: the IdP was not asked.
    """

    CONFIRMED = "confirmed"
    REGRADED = "regraded"
    ENDED = "ended"
    OUTAGE = "outage"
    INVALID = "invalid"
    SKIPPED = "skipped"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules give now.

    :param regrade_at: when they would give something else although nothing else has changed, epoch seconds
    """

    decision: Grant | Refusal
    regrade_at: int | None = None


@dataclass(frozen=True, slots=True)
class RecheckRules:
    """The part of a re-check that follows the document.

    :param every: seconds between two confirmations of an active session; None for never
    :param providers: those that can confirm, by id
    :param judge: the rules, for a session, what the IdP says of the person, and the time
    :param unverified_lifetime: seconds for which a token may live without its owner being confirmed
    """

    every: int | None
    providers: Mapping[str, Confirms]
    judge: Callable[[Session, Identity, int], Verdict]
    unverified_lifetime: int = UNVERIFIED_LIFETIME


class RecheckReport(Protocol):
    """Hears of everything that a re-check did, on the re-check's thread; it may block and must not raise."""

    def regraded(self, regraded: Regraded) -> None:
        """Another Grant is in force."""

    def ended(self, ended: Ended, reason: str, withdrawn: tuple[str, ...]) -> None:
        """A session has ended.

        :param reason: code of the message catalogue
        :param withdrawn: roles that were taken from the account elsewhere
        """

    def counted(self, provider: str, result: Result) -> None:
        """One re-check is over."""
