"""From verified documents to an Identity. Sans-IO; nothing here may be unverified."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from airflow_oidc_auth.errors import ProviderError
from airflow_oidc_auth.frozen import constructor_of
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.identity.claims import ClaimPath
from airflow_oidc_auth.identity.display import clean_email, display_name
from airflow_oidc_auth.identity.groups import normalize_groups
from airflow_oidc_auth.providers.settings import GroupSource, ProviderSettings

_LOG = logging.getLogger(__name__)
Claims = Mapping[str, object]
_identity = constructor_of(Identity)
_DOCUMENTS = frozenset({"id_token", "userinfo", "access_token"})


@dataclass(frozen=True, slots=True)
class VerifiedDocuments:
    """What the IdP says about one subject.

    :param id_token: with the preset's further claims laid over it
    :param userinfo: about the same subject, if it was fetched
    :param access_token: claims of the access token, if a group source needs them
    """

    issuer: str
    subject: str
    id_token: Claims = field(repr=False)
    userinfo: Claims | None = field(default=None, repr=False)
    access_token: Claims | None = field(default=None, repr=False)

    def claims(self) -> Claims:
        """Return the claims for rules; where both speak, the signed id_token wins over userinfo."""
        return {**self.userinfo, **self.id_token} if self.userinfo else self.id_token

    def named(self, document: str) -> Claims:
        """Return one document by its name in :class:`GroupSource`; an unknown or absent one is empty."""
        return (getattr(self, document) if document in _DOCUMENTS else None) or {}


def build_identity(
    settings: ProviderSettings,
    documents: VerifiedDocuments,
    *,
    actors: tuple[str, ...] = (),
    client_id: str | None = None,
) -> Identity:
    """Build the identity.

    Claims of the access token give groups where configured, and are otherwise left out: they are addressed
    to somebody else.

    :param actors: who acts for the subject
    :param client_id: of a token that a program brought
    """
    claims = documents.claims()
    email, verified = _email(settings, documents)
    return Identity(
        provider=settings.id,
        issuer=documents.issuer,
        subject=documents.subject,
        name=_name(settings, claims, documents.subject),
        email=email,
        email_verified=verified,
        groups=_groups(settings, documents),
        claims=claims,
        actors=actors,
        client_id=client_id,
    )


def build_identity_of_one(
    settings: ProviderSettings,
    issuer: str,
    subject: str,
    claims: Claims,
    *,
    actors: tuple[str, ...] = (),
    client_id: str | None = None,
) -> Identity:
    """Build the identity of whom one document alone tells of; whatever a group source names, there is no other.

    :param actors: who acts for the subject
    :param client_id: of a token that a program brought
    """
    email = _address(settings, claims)
    groups: frozenset[str] = frozenset()
    for source in settings.groups:
        found = read_groups(settings.id, source, claims)
        groups = groups | found if groups else found
    return _identity(
        settings.id,
        issuer,
        subject,
        _name(settings, claims, subject),
        email,
        email is not None and _says_verified(settings, claims),
        groups,
        claims,
        None,
        actors,
        client_id,
    )


def wants_userinfo(settings: ProviderSettings, id_token: Claims, *, available: bool) -> bool:
    """Say whether the userinfo endpoint must be asked.

    ``auto``: when groups come from there, or when the id_token lacks the name or the e-mail that its scopes
    promise (OIDC Core §5.4: with an access token at hand, an IdP may keep these for userinfo).

    :param available: the IdP has such an endpoint
    """
    if settings.userinfo != "auto":
        return settings.userinfo == "always"
    if any(source.document == "userinfo" for source in settings.groups):
        return True
    return available and (
        ("profile" in settings.scopes and _absent(settings.name_claims, id_token))
        or (
            "email" in settings.scopes
            and settings.email_claim is not None
            and _absent((settings.email_claim,), id_token)
        )
    )


def wants_access_token(settings: ProviderSettings) -> bool:
    """Say whether groups come from the access token."""
    return any(source.document == "access_token" for source in settings.groups)


def _absent(paths: tuple[ClaimPath, ...], claims: Claims) -> bool:
    return bool(paths) and not any(path.find(claims) for path in paths)


def _name(settings: ProviderSettings, claims: Claims, subject: str) -> str:
    return display_name([value for path in settings.name_claims for value in path.find(claims)], subject)


def _email(settings: ProviderSettings, documents: VerifiedDocuments) -> tuple[str | None, bool]:
    """Return the first usable address, and whether a document that names this very address calls it verified."""
    email, verified = None, False
    for document in (documents.id_token, documents.userinfo):
        address = None if document is None else _address(settings, document)
        if document is not None and address is not None:
            email = email or address
            verified = verified or (address == email and _says_verified(settings, document))
    return email, verified


def _address(settings: ProviderSettings, document: Claims) -> str | None:
    if settings.email_claim is not None:
        for value in settings.email_claim.find(document):
            if email := clean_email(value):
                return email
    return None


def _says_verified(settings: ProviderSettings, document: Claims) -> bool:
    """Only the boolean ``true`` counts: ``"false"`` is a true text."""
    values = settings.email_verified_claim.find(document) if settings.email_verified_claim else ()
    return bool(values) and all(value is True for value in values)


def _groups(settings: ProviderSettings, documents: VerifiedDocuments) -> frozenset[str]:
    found = [read_groups(settings.id, source, documents.named(source.document)) for source in settings.groups]
    return found[0] if len(found) == 1 else frozenset().union(*found)


def read_groups(provider_id: str, source: GroupSource, document: Claims) -> frozenset[str]:
    """Return the groups that a document has at a source's place; what is no group is left out and logged.

    :raises ProviderError: ``groups_unavailable``: too many, which whoever may make groups can bring about
    """
    groups: frozenset[str] = frozenset()
    rejected: dict[str, None] = {}  # once each: `*` in a path finds thousands of values
    for value in source.path.find(document):
        result = normalize_groups(value, source.format, source.strip_prefix)
        if result.too_many:
            raise ProviderError("groups_unavailable", f"{source.path} of the {source.document}: {result.rejected[-1]}")
        groups = groups | result.groups if groups else result.groups
        if result.rejected:
            rejected.update(dict.fromkeys(result.rejected))
    for reason in [*rejected][:5]:
        _LOG.warning("%s: groups at %s of the %s: left out %s", provider_id, source.path, source.document, reason)
    return groups
