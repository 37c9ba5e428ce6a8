"""Check the rows of the mapping file against FAB's users, the links and the configured providers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from airflow_oidc_auth.config.paths import did_you_mean, shorten
from airflow_oidc_auth.fab.known_identity import KnownIssuer, find_issuer, subject_problem
from airflow_oidc_auth.fab.mapping import MappingProblem, MappingRow
from airflow_oidc_auth.providers.presets.entra_tenants import TEMPLATE
from airflow_oidc_auth.providers.settings import ProviderSettings


@dataclass(frozen=True, slots=True)
class PlannedIdentity:
    """Whom a FAB user becomes: (issuer, subject), as a sign-in with the provider brings them."""

    provider: str
    issuer: str
    subject: str

    @property
    def key(self) -> tuple[str, str]:
        """What identity is."""
        return self.issuer, self.subject


class Linked:
    """The links that exist, both ways; names compare exactly.

    :param identities: of each linked username
    """

    def __init__(self, identities: Mapping[str, tuple[str, str]]) -> None:
        self._identities = dict(identities)
        self._usernames = {key: username for username, key in self._identities.items()}

    def identity_of(self, username: str) -> tuple[str, str] | None:
        """Return the identity that the user is linked to."""
        return self._identities.get(username)

    def user_of(self, key: tuple[str, str]) -> str | None:
        """Return the username that the identity is linked to."""
        return self._usernames.get(key)


class MappedIdentities:
    """Collects the rows that hold and what is wrong with the others.

    :ivar identities: of each username in the file that can be linked
    :ivar lines: where each of them stands
    """

    def __init__(self, usernames: Iterable[str], linked: Linked, providers: Sequence[ProviderSettings]) -> None:
        self._known = frozenset(usernames)
        self._linked = linked
        self._providers = providers
        self._usernames: dict[tuple[str, str], str] = {}
        self.identities: dict[str, PlannedIdentity] = {}
        self.lines: dict[str, int] = {}
        self.problems: list[MappingProblem] = []

    def add(self, row: MappingRow) -> None:
        """Take a row, or note what is wrong with it."""
        found = self._user_problem(row) or self._identify(row)
        if isinstance(found, str):
            self.problems.append(MappingProblem(row.line, found))
            return
        self.lines[row.username] = row.line
        self.identities[row.username] = found
        self._usernames[found.key] = row.username

    def user_of(self, key: tuple[str, str]) -> str | None:
        """Return the username that the file gives the identity to."""
        return self._usernames.get(key)

    def _user_problem(self, row: MappingRow) -> str | None:
        if row.username not in self._known:
            near = did_you_mean(row.username, self._known)
            return f"FAB has no user {shorten(row.username)!r}{f': {near}' if near else ''}"
        if row.username in self.lines:
            return f"user {row.username!r} is in line {self.lines[row.username]} already"
        return None

    def _identify(self, row: MappingRow) -> PlannedIdentity | str:
        issuer = self._issuer(row)
        if isinstance(issuer, str):
            return issuer
        if problem := subject_problem(row.subject, issuer.provider):
            return problem
        planned = PlannedIdentity(issuer.provider.id, issuer.issuer, row.subject)
        return self._conflict(row.username, planned.key) or planned

    def _issuer(self, row: MappingRow) -> KnownIssuer | str:
        if row.issuer is not None:
            return find_issuer(row.issuer, self._providers)
        if len(self._providers) != 1:
            return "the issuer is missing: add the column issuer, or name the provider with --provider"
        provider = self._providers[0]
        if TEMPLATE in provider.issuer:
            return f"the issuer is missing: people of several tenants sign in with {provider.id}; add the column issuer"
        return KnownIssuer(provider, provider.issuer)

    def _conflict(self, username: str, key: tuple[str, str]) -> str | None:
        mine = self._linked.identity_of(username)
        if mine is not None and mine != key:
            return f"user {username!r} is linked to subject {mine[1]!r} of {mine[0]} already: unlink it first"
        other = self._linked.user_of(key)
        if other not in (None, username):
            return f"subject {key[1]!r} is linked to user {other!r} already: unlink that first"
        twin = self.user_of(key)
        return None if twin is None else f"subject {key[1]!r} is in line {self.lines[twin]} already, for {twin!r}"
