"""Decide once about what comes again and again: a program's next token says of its owner what the last one said."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

from airflow_oidc_auth.grants.grant import Grant, Refusal
from airflow_oidc_auth.grants.rules import GrantRules
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.identity.claims import ClaimPath

MAX_JUDGED = 1_000
_MAX_GROUPS = 200


class Judgements:
    """What the rules of one document gave, by all that they read: an equal question has the same answer.

    Whatever is not certainly an equal question is asked anew. Another document needs other judgements.

    :param limit: how many are remembered; the oldest go first
    """

    def __init__(self, rules: GrantRules, *, limit: int = MAX_JUDGED) -> None:
        self._rules = rules
        self._places = rules.claims_read()
        self._limit = limit
        self._judged: OrderedDict[Hashable, Grant | Refusal] = OrderedDict()

    def decide(self, identity: Identity, now: float) -> Grant | Refusal:
        """Return what the rules say; see :meth:`GrantRules.evaluate`."""
        question = None if self._places is None else _question(identity, self._places)
        if question is None:
            return self._rules.evaluate(identity, now).decision
        known = self._judged.get(question)
        if known is None:
            known = self._judged[question] = self._rules.evaluate(identity, now).decision
            if len(self._judged) > self._limit:
                self._judged.popitem(last=False)
        return known


def _question(identity: Identity, places: tuple[ClaimPath, ...]) -> Hashable | None:
    """Return all that rules may read of an identity; None where it cannot be compared, or the time has a say."""
    if identity.authentication is not None or len(identity.groups) > _MAX_GROUPS:
        return None
    found: list[Hashable] = []
    for place in places:
        values = tuple(map(_texts, place.find(identity.claims)))
        if None in values:
            return None
        found.append(values)
    return (
        identity.provider,
        identity.issuer,
        identity.subject,
        identity.client_id,
        identity.email,
        identity.email_verified,
        identity.groups,
        identity.actors,
        *found,
    )


def _texts(value: object) -> Hashable | None:
    """Return a text or a list of texts to compare; None for all else: true equals 1, and means another thing."""
    if isinstance(value, str):
        return value
    return tuple(value) if isinstance(value, list) and all(isinstance(each, str) for each in value) else None
