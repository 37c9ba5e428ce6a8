"""Google Workspace. The Workspace domain is a group; Google Groups are a further call, when asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from airflow_oidc_auth.errors import LoginRefused, Problem, ProviderError
from airflow_oidc_auth.identity.claims import ClaimPath
from airflow_oidc_auth.identity.display import clean_email
from airflow_oidc_auth.providers.presets.options import check_flag, check_texts, is_host, texts
from airflow_oidc_auth.providers.presets.preset import (
    Derived,
    Given,
    HookContext,
    Preset,
    no_logout_url,
    with_query,
)
from airflow_oidc_auth.providers.settings import GroupSource

ISSUER = "https://accounts.google.com"
GROUPS_SCOPE = "https://www.googleapis.com/auth/cloud-identity.groups.readonly"
GROUPS_URL = "https://cloudidentity.googleapis.com/v1/groups/-/memberships:searchTransitiveGroups"
_SCOPES = ("openid", "profile", "email")
_DOMAIN = GroupSource("id_token", ClaimPath(("hd",)))
_GROUPS = GroupSource("id_token", ClaimPath(("groups",)))
_MAX_PAGES = 20


def check(given: Given) -> tuple[Problem, ...]:
    """There is one Google; domains are spelled in lower case."""
    problems = [*check_texts(given.options, "hosted_domain"), *check_flag(given.options, "cloud_identity_groups")]
    if given.issuer and given.issuer.rstrip("/") not in (ISSUER, "accounts.google.com"):
        problems.append(Problem("issuer", "is not Google's", f"write {ISSUER}, or leave it out"))
    odd = [domain for domain in texts(given.options, "hosted_domain") if not is_host(domain.lower())]
    problems += [Problem("hosted_domain", f"{name!r} is not a domain", "write it like example.com") for name in odd]
    return tuple(problems)


def derive(given: Given) -> Derived:
    """``hd`` in the request only helps people to choose the right account; the claim is what is checked."""
    domains = tuple(domain.lower() for domain in texts(given.options, "hosted_domain"))
    asks_groups = given.options.get("cloud_identity_groups") is True
    hint = {"hd": domains[0] if len(domains) == 1 else "*"} if domains else {}
    return Derived(
        issuer=ISSUER,
        # Google's tokens have been seen with and without the scheme.
        issuer_aliases=("accounts.google.com",),
        scopes=(*_SCOPES, GROUPS_SCOPE) if asks_groups else _SCOPES,
        groups=(_DOMAIN, _GROUPS) if asks_groups else (_DOMAIN,),
        authorization_parameters=hint,
        options={"hosted_domain": domains, "cloud_identity_groups": asks_groups},
    )


def check_claims(context: HookContext) -> None:
    """The ``hd`` claim must be one of the domains; an address of that domain proves nothing without it.

    :raises LoginRefused: ``identity_refused``
    """
    domains = texts(context.settings.options, "hosted_domain")
    hosted = context.claims.get("hd")
    if domains and not (isinstance(hosted, str) and hosted.lower() in domains):
        raise LoginRefused(
            "identity_refused",
            "the account belongs to no accepted Workspace domain",
            evidence={"hd": str(hosted)[:100], "accepted": domains},
        )


def enrich(context: HookContext) -> Mapping[str, object]:
    """Ask Cloud Identity for the person's groups, direct and inherited, as group addresses.

    :raises ProviderError: ``groups_unavailable``
    """
    if context.settings.options.get("cloud_identity_groups") is not True:
        return {}
    return {"groups": sorted(set(_group_addresses(context)))}


def _group_addresses(context: HookContext) -> Iterator[str]:
    query = f"member_key_id == '{_member(context)}' && 'cloudidentity.googleapis.com/groups.discussion_forum' in labels"
    parameters = {"query": query, "pageSize": "200"}
    for _ in range(_MAX_PAGES):
        page = _fetch(context, parameters)
        memberships = page.get("memberships", [])
        if not isinstance(memberships, list):
            raise _unavailable("the answer holds no list of memberships")
        yield from map(_address, memberships)
        token = page.get("nextPageToken")
        if not token:
            return
        parameters["pageToken"] = str(token)
    raise _unavailable(f"more than {_MAX_PAGES} pages of groups")


def _member(context: HookContext) -> str:
    email = clean_email(context.claims.get("email"))
    # The address becomes part of a query: a quote in it would let a person ask for somebody else's groups.
    if email is None or "'" in email or context.claims.get("email_verified") is not True:
        raise _unavailable("the account has no verified e-mail address to ask with")
    return email


def _fetch(context: HookContext, parameters: Mapping[str, str]) -> Mapping[str, object]:
    if context.access_token is None:
        raise _unavailable("there is no access token to ask with")
    headers = {"Authorization": f"Bearer {context.access_token.reveal()}"}
    answer = context.transport.get(with_query(GROUPS_URL, parameters), headers=headers)
    if answer.status != 200:
        raise _unavailable(f"Cloud Identity answered {answer.status}")
    return answer.json_object()


def _address(membership: object) -> str:
    key = membership.get("groupKey") if isinstance(membership, dict) else None
    address = key.get("id") if isinstance(key, dict) else None
    # Without the @ it could be taken for a Workspace domain, which is a group as well.
    if not isinstance(address, str) or "@" not in address:
        raise _unavailable("a membership names no group address")
    return address.lower()


def _unavailable(detail: str) -> ProviderError:
    return ProviderError(
        "groups_unavailable",
        detail,
        hint="Enable the Cloud Identity API in the client's project (it needs a Workspace edition with transitive "
        "group search), or remove `cloud_identity_groups`.",
    )


PRESET = Preset(
    name="google",
    vendor="Google",
    scopes=_SCOPES,
    groups=(_DOMAIN,),
    client_auth="client_secret_post",
    logout="none",
    other_account_prompt="select_account",
    option_keys=("hosted_domain", "cloud_identity_groups"),
    whole_refreshed_id_token=True,
    check=check,
    derive=derive,
    check_claims=check_claims,
    enrich=enrich,
    logout_url=no_logout_url,
    no_access_tokens="Google's access tokens cannot be checked without asking Google about each",
)
