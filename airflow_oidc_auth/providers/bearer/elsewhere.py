"""Groups that are not in the token although its owner has some (OIDC Core §5.6.2, Entra's overage). Sans-IO."""

from __future__ import annotations

from collections.abc import Mapping

from airflow_oidc_auth.errors import TokenRefused
from airflow_oidc_auth.providers.settings import ProviderSettings
from airflow_oidc_auth.providers.told_groups import named_elsewhere


def check_groups_are_here(settings: ProviderSettings, claims: Mapping[str, object]) -> None:
    """Refuse a token that tells only where its owner's groups are.

    Whoever asks there needs a token of that API, which ours is not; and to take no groups for the answer would grant
    what a rule gives to those who are in none.

    :raises TokenRefused: ``token_groups_elsewhere``
    """
    elsewhere = named_elsewhere(claims)
    for source in settings.groups if elsewhere else ():
        first = source.path.segments[0]
        if first in elsewhere and first not in claims:
            raise TokenRefused("token_groups_elsewhere", f"{first} is named in _claim_names only")


def check_groups_are_in_id_token(settings: ProviderSettings) -> None:
    """Refuse an id_token alone where the provider's groups come from another document too: some would be missing.

    :raises TokenRefused: ``token_groups_elsewhere``
    """
    for source in settings.groups:
        if source.document != "id_token":
            raise TokenRefused("token_groups_elsewhere", f"groups of this provider come from the {source.document}")
