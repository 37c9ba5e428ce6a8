"""Propose which FAB users of AUTH_OAUTH become which identities.

Nothing is proposed by e-mail, by name, or for a user whom somebody made by hand: a proposal rests on the identity
provider's own id in a username that stock FAB wrote at a sign-in, or on a line of the administrator's mapping file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from airflow_oidc_auth.fab.mapped_identities import Linked, MappedIdentities, PlannedIdentity
from airflow_oidc_auth.fab.oauth_usernames import Told, Untold, read_username
from airflow_oidc_auth.fab.users import FabUser
from airflow_oidc_auth.providers.presets import preset
from airflow_oidc_auth.providers.settings import ProviderSettings


class Outcome(str, Enum):
    """What happens to one FAB user."""

    LINK = "link"
    NEEDS_MAPPING = "needs_mapping"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Proposal:
    """What happens to one FAB user, and why.

    :param identity: only for :attr:`Outcome.LINK`
    :param export: what to look up at the identity provider for the mapping file
    """

    user: FabUser
    outcome: Outcome
    reason: str
    identity: PlannedIdentity | None = None
    export: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What proposals rest on.

    :param providers: those that people may be from
    :param own_password: says of a user id whether somebody set a password; slow
    """

    providers: Sequence[ProviderSettings]
    linked: Linked
    mapped: MappedIdentities
    own_password: Callable[[int], bool] = field(repr=False)


def propose(users: Sequence[FabUser], evidence: Evidence) -> tuple[Proposal, ...]:
    """Return one proposal per user, in the order of the users."""
    return tuple(_propose(user, evidence) for user in users)


def _propose(user: FabUser, evidence: Evidence) -> Proposal:
    if linked := evidence.linked.identity_of(user.username):
        return _skip(user, f"is linked to subject {linked[1]} of {linked[0]} already")
    if planned := evidence.mapped.identities.get(user.username):
        line = evidence.mapped.lines[user.username]
        return Proposal(user, Outcome.LINK, f"line {line} of the mapping file", planned)
    if not user.active:
        return _skip(user, "is not active in FAB")
    if not user.has_signed_in:
        return _skip(user, "has never signed in, so no sign-in has shown whose it is")
    read = read_username(user.username, evidence.providers)
    return _by_username(user, read, evidence) if isinstance(read, Told) else _unknown(user, read, evidence)


def _by_username(user: FabUser, read: Told, evidence: Evidence) -> Proposal:
    planned = PlannedIdentity(read.provider.id, read.provider.issuer, read.subject)
    if taken := _taken(planned.key, evidence):
        return _skip(user, taken)
    # FAB would have signed the person in as this user, whoever made it; whether that ever happened nobody knows.
    if user.created_by is not None:
        return Proposal(user, Outcome.NEEDS_MAPPING, f"{user.created_by} made this user by hand in FAB")
    if evidence.own_password(user.id):
        return Proposal(user, Outcome.NEEDS_MAPPING, "somebody made this user by hand: it has a password of its own")
    vendor = preset(read.provider.preset).vendor
    return Proposal(user, Outcome.LINK, f"stock FAB named this user after {vendor}'s id of the person", planned)


def _unknown(user: FabUser, read: Untold, evidence: Evidence) -> Proposal:
    if evidence.own_password(user.id):
        return _skip(user, "is a local user: it has a password of its own")
    return Proposal(user, Outcome.NEEDS_MAPPING, read.reason, export=read.export)


def _taken(key: tuple[str, str], evidence: Evidence) -> str | None:
    if other := evidence.linked.user_of(key):
        return f"the identity is linked to user {other} already"
    other = evidence.mapped.user_of(key)
    return f"line {evidence.mapped.lines[other]} of the mapping file gives the identity to {other}" if other else None


def _skip(user: FabUser, reason: str) -> Proposal:
    return Proposal(user, Outcome.SKIPPED, reason)
