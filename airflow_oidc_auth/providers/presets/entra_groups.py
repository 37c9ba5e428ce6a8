"""Group overage at Entra ID: with more than 200 groups the claim is missing, and Microsoft Graph is asked.

The address in ``_claim_sources`` points at a retired API and is never followed: it is data from a token.
"""

from __future__ import annotations

from collections.abc import Mapping

from airflow_oidc_auth.errors import ProviderError
from airflow_oidc_auth.providers.presets.preset import HookContext


def is_overage(claims: Mapping[str, object]) -> bool:
    """OIDC Core §5.6.2 in Entra's use: ``_claim_names`` names ``groups``, and the claim itself is missing."""
    names = claims.get("_claim_names")
    told = isinstance(names, Mapping) and "groups" in names
    return "groups" not in claims and (told or claims.get("hasgroups") in (True, "true"))


def read_overage(context: HookContext) -> Mapping[str, object]:
    """Return ``groups`` from Graph when the token lacks them for being too many; nothing otherwise.

    Security groups only, direct and inherited, as the token would have had them.

    :raises ProviderError: ``groups_unavailable``; never fewer groups than the person has
    """
    if not is_overage(context.claims) or not _is_needed(context):
        return {}
    if context.settings.options.get("resolve_overage") is False:
        raise _unavailable("the person is in too many groups for the token, and resolve_overage is false")
    if context.access_token is None:
        raise _unavailable("there is no access token to ask Microsoft Graph with")
    answer = context.transport.post(
        f"{context.settings.options['graph']}/v1.0/me/getMemberObjects",
        json={"securityEnabledOnly": True},
        headers={"Authorization": f"Bearer {context.access_token.reveal()}"},
    )
    if answer.status != 200:
        raise _unavailable(f"Microsoft Graph answered {answer.status}")
    return {"groups": _ids(answer.json_object())}


def _is_needed(context: HookContext) -> bool:
    """Somebody who maps app roles only must not depend on Graph."""
    return any(source.path.segments[0] == "groups" for source in context.settings.groups)


def _ids(document: Mapping[str, object]) -> list[str]:
    value = document.get("value")
    if not isinstance(value, list) or "@odata.nextLink" in document:
        raise _unavailable("Microsoft Graph's answer is not the whole list of groups")
    ids = [each for each in value if isinstance(each, str) and each]
    if len(ids) != len(value):
        raise _unavailable("Microsoft Graph's answer holds something that is no group id")
    return ids


def _unavailable(detail: str) -> ProviderError:
    return ProviderError(
        "groups_unavailable",
        detail,
        hint="Keep `User.Read` in `scopes` and granted to the app registration, or let the token hold fewer groups: "
        "assign groups to the application and emit only those, or use app roles.",
    )
