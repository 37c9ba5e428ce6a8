"""The conditions of rules and requirements: one small class each.

A condition is asked about one identity and answers with a value: whether it holds, what it looked at in words, and
what its pattern captured. The words name claims, groups and what the configuration wants, never other claim values.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from airflow_oidc_auth.grants.cel import CelExpression
from airflow_oidc_auth.grants.patterns import Pattern
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.identity.claims import ClaimPath
from airflow_oidc_auth.identity.groups import json_kind

_SHOWN = 5
_COMPARED = 500


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one condition says; closed unless it says otherwise.

    :param captures: named captures, one mapping for each group that matched
    """

    because: tuple[str, ...] = ()
    captures: tuple[Mapping[str, str], ...] = ()
    holds: bool = False


def holds(*because: str) -> Outcome:
    """Return the outcome of a condition that is fulfilled."""
    return Outcome(because, holds=True)


def fails(*because: str) -> Outcome:
    """Return the outcome of a condition that is not fulfilled."""
    return Outcome(because)


class Condition(Protocol):
    """Something an identity does or does not fulfil."""

    @property
    def capture_names(self) -> frozenset[str]:
        """Names that every match is able to capture."""

    @property
    def claims_read(self) -> tuple[ClaimPath, ...] | None:
        """Places in the claims that it may look at; None for anywhere."""

    def evaluate(self, identity: Identity) -> Outcome:
        """Judge one identity; pure and total."""


@dataclass(frozen=True, slots=True)
class _Plain:
    @property
    def capture_names(self) -> frozenset[str]:
        return frozenset()

    @property
    def claims_read(self) -> tuple[ClaimPath, ...] | None:
        return ()


@dataclass(frozen=True, slots=True)
class Everyone(_Plain):
    """Anybody who signed in: the one explicit way to say so."""

    def evaluate(self, identity: Identity) -> Outcome:  # noqa: D102 -- the protocol's contract
        return holds("everyone who signs in")


@dataclass(frozen=True, slots=True)
class Delegated(_Plain):
    """Somebody acts on behalf of the subject (``act``, RFC 8693 §4.1), or nobody does."""

    wanted: bool

    def evaluate(self, identity: Identity) -> Outcome:  # noqa: D102 -- the protocol's contract
        acting = f"{listed(identity.actors)} acts on behalf of the subject"
        told = acting if identity.delegated else "nobody acts on behalf of the subject"
        return holds(told) if identity.delegated is self.wanted else fails(told)


@dataclass(frozen=True, slots=True)
class GroupIs(_Plain):
    """Member of one of these groups, by exact name."""

    names: frozenset[str]

    def evaluate(self, identity: Identity) -> Outcome:  # noqa: D102 -- the protocol's contract
        found = sorted(self.names & identity.groups)
        if found:
            return holds(*(f"group {name!r} is {name!r}" for name in found))
        return fails(f"no group is {listed(sorted(self.names))}", *_near_misses(self.names, identity.groups))


@dataclass(frozen=True, slots=True)
class GroupMatches:
    """Member of a group whose whole name matches one of these patterns."""

    patterns: tuple[Pattern, ...]

    @property
    def capture_names(self) -> frozenset[str]:
        """Captures that every one of the patterns has."""
        return frozenset.intersection(*(pattern.captures for pattern in self.patterns))

    @property
    def claims_read(self) -> tuple[ClaimPath, ...]:
        """None of them; groups were read before."""
        return ()

    def evaluate(self, identity: Identity) -> Outcome:  # noqa: D102 -- the protocol's contract
        matches = [
            (group, pattern.source, captures)
            for group in sorted(identity.groups)
            for pattern in self.patterns
            if (captures := pattern.match(group)) is not None
        ]
        if not matches:
            return fails(f"no group matches {listed(pattern.source for pattern in self.patterns)}")
        told = [f"group {group!r} matches {source!r}" for group, source, _ in matches]
        more = [f"and {len(told) - _SHOWN} more groups"] if len(told) > _SHOWN else []
        return Outcome((*told[:_SHOWN], *more), tuple(captures for *_, captures in matches), holds=True)


@dataclass(frozen=True, slots=True)
class ClaimIs(_Plain):
    """A claim holds one of these texts, itself or as an item of a list.

    Only texts match: the text ``"true"`` and the boolean are different things, and null, numbers, booleans and
    objects never grant.
    """

    path: ClaimPath
    exact: frozenset[str]
    globs: tuple[Pattern, ...] = ()

    @property
    def claims_read(self) -> tuple[ClaimPath, ...]:
        """Its place."""
        return (self.path,)

    def evaluate(self, identity: Identity) -> Outcome:  # noqa: D102 -- the protocol's contract
        found = self.path.find(dict(identity.claims))
        wanted = listed((*sorted(self.exact), *(glob.source for glob in self.globs)))
        if not found:
            return fails(f"claim '{self.path}' is missing (wanted: {wanted})")
        texts = [text for value in found for text in _texts(value)]
        if any(text in self.exact or any(glob.match(text) is not None for glob in self.globs) for text in texts):
            return holds(f"claim '{self.path}' is {wanted}")
        kind = "" if texts else f": it is {json_kind(found[0])}, and only a text matches"
        return fails(f"claim '{self.path}' is not {wanted}{kind}")


@dataclass(frozen=True, slots=True)
class AuthenticatedBy(_Plain):
    """The person authenticated in one of these contexts (``acr``) or by one of these methods (``amr``).

    Only the signed statement about the sign-in tells; a claim of the same name in userinfo does not count. An identity
    without such a statement (of a protocol that has none) is asked for the claim.
    """

    claim: str
    accepted: frozenset[str]

    @property
    def claims_read(self) -> tuple[ClaimPath, ...]:
        """The claim, where there is no statement about the sign-in."""
        return (ClaimPath((self.claim,)),)

    def evaluate(self, identity: Identity) -> Outcome:  # noqa: D102 -- the protocol's contract
        known = identity.authentication
        if known is None:
            return ClaimIs(ClaimPath((self.claim,)), self.accepted).evaluate(identity)
        told = known.amr if self.claim == "amr" else frozenset({known.acr} if known.acr else ())
        wanted = listed(sorted(self.accepted))
        if told & self.accepted:
            return holds(f"claim '{self.claim}' is {wanted}")
        missing = "not" if told else "missing in the id_token or assertion; wanted:"
        return fails(f"claim '{self.claim}' is {missing} {wanted}")


@dataclass(frozen=True, slots=True)
class EmailVerified(_Plain):
    """The IdP says, with the boolean true, that it verified the e-mail address."""

    def evaluate(self, identity: Identity) -> Outcome:  # noqa: D102 -- the protocol's contract
        if identity.email_verified is True and identity.email:
            return holds("the e-mail address is verified")
        return fails("the e-mail address is missing or not verified")


@dataclass(frozen=True, slots=True)
class EmailDomain(_Plain):
    """A verified e-mail address in exactly one of these domains; a subdomain is another domain.

    :param domains: lower case
    """

    domains: frozenset[str]

    def evaluate(self, identity: Identity) -> Outcome:  # noqa: D102 -- the protocol's contract
        verified = EmailVerified().evaluate(identity)
        if not verified.holds or identity.email is None:
            return verified
        _, _, domain = identity.email.partition("@")
        accepted = listed(sorted(self.domains))
        # The Kelvin sign becomes k in lower case: only ASCII is compared without case.
        if domain.isascii() and domain.lower() in self.domains:
            return holds(f"the e-mail domain is {accepted}")
        return fails(f"the e-mail domain is not {accepted}")


@dataclass(frozen=True, slots=True)
class Cel(_Plain):
    """A CEL expression whose result is the boolean true."""

    expression: CelExpression

    @property
    def claims_read(self) -> tuple[ClaimPath, ...] | None:
        """Any of them, if it names them at all."""
        return None if "claims" in self.expression.variables else ()

    def evaluate(self, identity: Identity) -> Outcome:  # noqa: D102 -- the protocol's contract
        outcome = self.expression.evaluate(
            {
                "claims": dict(identity.claims),
                "groups": sorted(identity.groups),
                "email": identity.email,
                "email_verified": identity.email_verified is True,
                "provider": identity.provider,
                "issuer": identity.issuer,
                "subject": identity.subject,
                "delegated": identity.delegated,
                "actors": list(identity.actors),
                "client_id": identity.client_id,
            }
        )
        looked_at = ", ".join(self.expression.variables) or "nothing"
        return Outcome((f"expression over {looked_at}: {outcome.why}",), holds=outcome.granted)


def listed(names: Iterable[str]) -> str:
    """Join quoted names with ``or``; a long list is cut, since people read it."""
    quoted = [repr(name) for name in names]
    shown = quoted[:_SHOWN] + ([f"{len(quoted) - _SHOWN} more"] if len(quoted) > _SHOWN else [])
    return " or ".join(shown)


def _near_misses(wanted: Iterable[str], groups: frozenset[str]) -> list[str]:
    """Name a group that looks like a wanted one: names are compared exactly, and eyes do not see the difference."""
    if len(groups) > _COMPARED:
        return []
    loose = {_loose(name) for name in wanted}
    near = sorted(group for group in groups if _loose(group) in loose)
    return [f"group {group!a} differs in case, spaces or Unicode form only" for group in near[:_SHOWN]]


@lru_cache(maxsize=8 * _COMPARED)
def _loose(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _texts(value: object) -> list[str]:
    items = value if isinstance(value, list | tuple) else (value,)
    return [item for item in items if isinstance(item, str)]
