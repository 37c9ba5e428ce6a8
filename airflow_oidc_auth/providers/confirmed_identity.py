"""From what the IdP says at a re-check, and what it said before, to an Identity. Sans-IO; nothing here is unverified.

A refresh answer may leave things out (OIDC Core §12.2). What was left out is not what was taken away: groups count
only where a document that must have them was read, and then also when they are gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.providers.identity_builder import VerifiedDocuments, build_identity, read_groups
from airflow_oidc_auth.providers.settings import GroupSource, ProviderSettings

Claims = Mapping[str, object]
# Facts about the sign-in itself, which a refresh repeats or leaves out.
_OF_THE_SIGN_IN = ("nonce", "auth_time", "acr", "amr", "iat", "aud")


@dataclass(frozen=True, slots=True)
class FreshDocuments:
    """What was read now; None for what the IdP did not give or was not asked for.

    :param id_token: with the preset's further claims laid over it
    :param whole: a claim that is missing in this id_token was taken away
    :param signed: the id_token as it was signed, empty if there was none
    """

    id_token: Claims | None = field(default=None, repr=False)
    userinfo: Claims | None = field(default=None, repr=False)
    access_token: Claims | None = field(default=None, repr=False)
    whole: bool = False
    signed: Claims = field(default_factory=dict, repr=False)

    def named(self, document: str) -> Claims | None:
        """Return one document by its name in :class:`GroupSource`."""
        known = {"id_token": self.id_token, "userinfo": self.userinfo, "access_token": self.access_token}
        return known.get(document)


def confirmed_identity(settings: ProviderSettings, fresh: FreshDocuments, known: Identity) -> Identity | None:
    """Return who it is now, or None where nothing authoritative was said."""
    if fresh.id_token is None and fresh.userinfo is None and fresh.access_token is None:
        return None
    groups: set[str] = set()
    for source in settings.groups:
        found = _groups_now(settings, source, fresh, known)
        if found is None:
            return None
        groups |= found
    claims = _merged(settings, fresh, known)
    built = build_identity(settings, VerifiedDocuments(known.issuer, known.subject, claims))
    named = any(path.find(claims) for path in settings.name_claims)
    return replace(
        built,
        groups=frozenset(groups),
        name=built.name if named else known.name,
        authentication=None if known.authentication is None else known.authentication.narrowed(fresh.signed),
    )


def lacks_groups(settings: ProviderSettings, fresh: FreshDocuments, known: Identity) -> bool:
    """Say whether a group source is not answered yet."""
    return any(_groups_now(settings, source, fresh, known) is None for source in settings.groups)


def _groups_now(
    settings: ProviderSettings, source: GroupSource, fresh: FreshDocuments, known: Identity
) -> frozenset[str] | None:
    """Return the groups of one source, or None where nobody can tell."""
    document = fresh.named(source.document)
    if document is not None:
        if source.path.find(document):
            return read_groups(settings.id, source, document)
        if source.document != "id_token" or fresh.whole or not source.path.find(known.claims):
            return frozenset()
    if source.document != "id_token" or fresh.userinfo is None or not source.path.find(fresh.userinfo):
        return None
    # Userinfo stands in for an id_token that says nothing. The administrator chose the other document, so this one
    # may take groups away and give none.
    return read_groups(settings.id, source, fresh.userinfo) & known.groups


def _merged(settings: ProviderSettings, fresh: FreshDocuments, known: Identity) -> Claims:
    now = {**(fresh.userinfo or {}), **(fresh.id_token or {})}
    before = known.claims
    if fresh.whole:
        before = {name: known.claims[name] for name in _OF_THE_SIGN_IN if name in known.claims}
    elif settings.email_verified_claim is not None and _has_new_address(settings, now, known):
        # The old address was verified; the new one was perhaps not.
        before = {n: v for n, v in before.items() if n != settings.email_verified_claim.segments[0]}
    # A refresh is no sign-in: it must not make an old one look fresh (OIDC Core §12.2).
    first = {"auth_time": known.claims["auth_time"]} if "auth_time" in known.claims else {}
    return {**before, **now, **first}


def _has_new_address(settings: ProviderSettings, now: Claims, known: Identity) -> bool:
    found = settings.email_claim.find(now) if settings.email_claim else ()
    return any(address != known.email for address in found)
