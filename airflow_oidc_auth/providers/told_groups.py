"""Whether the documents of a sign-in tell the groups at all: none and "not told here" look alike, and differ.

Roles may deny, so whoever loses sight of a group may gain by it. What stands in a document's place for groups (too many
for a token, OIDC Core §5.6.2) comes about by joining many; and the browser carries the request for scopes, so that its
owner can strike out the one that brings the groups (RFC 6749 §3.3).
"""

from __future__ import annotations

from collections.abc import Mapping

from airflow_oidc_auth.errors import ProviderError
from airflow_oidc_auth.providers.settings import GroupSource, ProviderSettings

Claims = Mapping[str, object]


def named_elsewhere(claims: Claims) -> frozenset[object]:
    """Return the claims of which a document tells only where they are."""
    if "_claim_names" not in claims and "hasgroups" not in claims:
        return frozenset()
    names = claims.get("_claim_names")
    return frozenset((*(names if isinstance(names, dict) else ()), *(["groups"] if _has_groups(claims) else ())))


def check_groups_are_told(
    settings: ProviderSettings, documents: Mapping[str, Claims | None], granted: frozenset[str] | None
) -> None:
    """Refuse rather than take groups for none.

    :param documents: by their names in :class:`GroupSource`
    :param granted: scopes that the IdP says it granted (RFC 6749 §5.1), None where it does not say
    :raises ProviderError: ``groups_unavailable``
    """
    for source in settings.groups:
        document = documents.get(source.document) or {}
        if source.path.find(document):
            continue
        if source.path.segments[0] in named_elsewhere(document):
            raise _unavailable(f"{source.path} is named in _claim_names of the {source.document} only")
        if granted is not None and (struck := _scopes_of(source, settings) - granted):
            raise _unavailable(f"{source.path} is missing, and the scope {min(struck)!r} was not granted")


def _has_groups(claims: Claims) -> bool:
    return claims.get("hasgroups") in (True, "true")


def _scopes_of(source: GroupSource, settings: ProviderSettings) -> frozenset[str]:
    """Return the scopes that we ask for and that go by the name of the claim, or of groups."""
    return frozenset({source.path.segments[0], "groups"}) & frozenset(settings.scopes)


def _unavailable(detail: str) -> ProviderError:
    hint = "Let the identity provider put the groups into the token: only those assigned to this application, or roles."
    return ProviderError("groups_unavailable", detail, hint=hint)
