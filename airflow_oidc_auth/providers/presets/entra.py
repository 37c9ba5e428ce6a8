"""Microsoft Entra ID: one tenant by id or domain, or several behind the shared endpoint with an allow-list.

Three modes, told apart by the settings alone:

* tenant id — ``issuer`` is exact, the v1 spelling of the same tenant is an alias;
* tenant domain — ``issuer`` is a template, and discovery says which tenant id the domain belongs to;
* ``common`` or ``organizations`` — ``issuer`` is a template, the token's ``tid`` must be in ``tenants``.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from airflow_oidc_auth.errors import LoginRefused, Problem
from airflow_oidc_auth.identity.claims import ClaimPath
from airflow_oidc_auth.providers.presets.entra_groups import read_overage
from airflow_oidc_auth.providers.presets.entra_tenants import (
    CLOUDS,
    GUID,
    TEMPLATE,
    Tenant,
    parse_issuer,
    tenant_of,
    v1_issuer,
    v2_issuer,
)
from airflow_oidc_auth.providers.presets.options import check_flag, check_texts, is_host, texts
from airflow_oidc_auth.providers.presets.preset import Derived, Given, HookContext, Preset, require_issuer
from airflow_oidc_auth.providers.settings import GroupSource, ProviderSettings

# Entra's consent includes offline_access whether or not it is asked for; only who asks gets refresh tokens.
_SCOPES = ("openid", "profile", "email", "offline_access")
_FORM = "write https://login.microsoftonline.com/TENANT_ID/v2.0"


def check(given: Given) -> tuple[Problem, ...]:
    """Whoever may come from several tenants must be told which: any tenant on earth would be everybody."""
    problems = [
        *require_issuer(given),
        *check_texts(given.options, "tenants"),
        *check_flag(given.options, "resolve_overage"),
    ]
    cloud = given.options.get("cloud")
    if cloud is not None and cloud not in {each.name for each in CLOUDS}:
        problems.append(Problem("cloud", "is unknown", f"one of {', '.join(each.name for each in CLOUDS)}"))
    return tuple(problems) or _check_tenant(given, parse_issuer(given.issuer or "", _cloud(given)))


def _check_tenant(given: Given, tenant: Tenant | None) -> tuple[Problem, ...]:
    if tenant is None:
        known = parse_issuer(given.issuer or "")
        if known is not None:
            return (Problem("cloud", f"does not fit the issuer, which is {known.cloud.name}", "remove it"),)
        return (Problem("issuer", "is not the address of an Entra tenant", _FORM),)
    if not (tenant.is_id or tenant.is_shared or (is_host(tenant.name) and not tenant.is_v1)):
        return (Problem("issuer", f"names the tenant {tenant.name!r}, which is neither an id nor a domain", _FORM),)
    tenants = texts(given.options, "tenants")
    if tenant.is_shared and not tenants:
        text = f"is the endpoint of every tenant ({tenant.name}), and `tenants` is missing"
        return (Problem("issuer", text, "list the tenant ids or domains that may sign in under `tenants`"),)
    if tenants and not tenant.is_shared:
        better = "write organizations instead of the tenant in the issuer, or remove tenants"
        return (Problem("tenants", "has no effect with the issuer of a single tenant", better),)
    bad = [index for index, name in enumerate(tenants) if not _is_tenant(name.lower())]
    return tuple(Problem(f"tenants[{index}]", "is neither a tenant id nor a domain") for index in bad)


def derive(given: Given) -> Derived:
    """Build the issuer, or its template, and where discovery is."""
    tenant = parse_issuer(given.issuer or "", _cloud(given))
    if tenant is None:
        raise ValueError("check() comes first")
    host, sts = tenant.cloud.login[0], tenant.cloud.sts
    metadata = v1_metadata(host, tenant.name) if tenant.is_v1 else v2_metadata(host, tenant.name)
    known = tenant.name if tenant.is_id else TEMPLATE
    spellings = (v2_issuer(host, known), v1_issuer(sts, known))
    issuer, alias = reversed(spellings) if tenant.is_v1 else spellings
    resolve = given.options.get("resolve_overage") is not False
    return Derived(
        issuer=issuer,
        issuer_aliases=(alias,),
        discovery_url=metadata,
        scopes=(*_SCOPES, "User.Read") if resolve else _SCOPES,
        options={
            "tenants": tuple(name.lower() for name in texts(given.options, "tenants")),
            "resolve_overage": resolve,
            "graph": tenant.cloud.graph,
        },
    )


def v2_metadata(login_host: str, tenant: str) -> str:
    """Address of a tenant's v2.0 discovery document."""
    return f"https://{login_host}/{tenant}/v2.0/.well-known/openid-configuration"


def v1_metadata(login_host: str, tenant: str) -> str:
    """Address of a tenant's v1.0 discovery document."""
    return f"https://{login_host}/{tenant}/.well-known/openid-configuration"


def accepts_discovery_issuer(settings: ProviderSettings, discovered: str) -> bool:
    """The shared endpoint's document holds the template itself; a domain's holds the id of its tenant."""
    if TEMPLATE not in settings.issuer or texts(settings.options, "tenants"):
        return discovered == settings.issuer
    return tenant_of(settings.issuer, discovered) is not None


def check_issuer(context: HookContext, iss: str) -> str | None:
    """Return the tenant's issuer in the configured version; the alias is the other version of the same tenant.

    :raises LoginRefused: ``identity_refused``: a genuine token of a tenant that is not in ``tenants``
    """
    settings = context.settings
    tid = context.claims.get("tid")
    if not isinstance(tid, str) or GUID.fullmatch(tid) is None:
        return None
    spellings = [each.replace(TEMPLATE, tid) for each in (settings.issuer, *settings.issuer_aliases)]
    if iss not in spellings:
        return None
    if TEMPLATE in settings.issuer:
        _check_allowed(context, tid)
    return spellings[0]


def _check_allowed(context: HookContext, tid: str) -> None:
    tenants = texts(context.settings.options, "tenants")
    if not tenants:
        allowed = tenant_of(context.settings.issuer, context.discovered_issuer) == tid
    else:
        allowed = tid in tenants or any(_tenant_id(context, name) == tid for name in tenants if is_host(name))
    if not allowed:
        raise LoginRefused(
            "identity_refused",
            f"tenant {tid} is not accepted",
            evidence={"tid": tid, "accepted": tenants or (context.discovered_issuer,)},
        )


def _tenant_id(context: HookContext, domain: str) -> str | None:
    """Ask Entra which tenant a domain belongs to; nothing in the token can tell.

    :raises ProviderError: Entra cannot be reached
    """
    host = urlsplit(context.settings.issuer).netloc
    if host not in {each for cloud in CLOUDS for each in cloud.login}:
        host = next(cloud.login[0] for cloud in CLOUDS if cloud.graph == context.settings.options.get("graph"))
    answer = context.transport.get(v2_metadata(host, domain))
    document = answer.json_object() if answer.status == 200 else {}
    issuer = document.get("issuer")
    return tenant_of(v2_issuer(host, TEMPLATE), issuer) if isinstance(issuer, str) else None


def enrich(context: HookContext) -> Mapping[str, object]:
    """Fetch the groups that did not fit into the token."""
    return read_overage(context)


def _cloud(given: Given) -> str | None:
    cloud = given.options.get("cloud")
    return cloud if isinstance(cloud, str) else None


def _is_tenant(name: str) -> bool:
    return GUID.fullmatch(name) is not None or is_host(name)


def check_token(claims: Mapping[str, object]) -> str | None:
    """Any application of the tenant gets a token for our API, but without a role; and an id_token has no scope."""
    granted = any(isinstance(claims.get(name), str | list) and claims.get(name) for name in ("scp", "roles"))
    return None if granted else "it gives no permission at this API: neither `scp` nor `roles`"


PRESET = Preset(
    name="entra",
    vendor="Microsoft Entra ID",
    scopes=(*_SCOPES, "User.Read"),
    groups=(GroupSource("id_token", ClaimPath(("groups",))), GroupSource("id_token", ClaimPath(("roles",)))),
    # `email` can be set by any tenant's administrator to anything; xms_edov says that its domain's owner agrees.
    email_verified_claim=ClaimPath(("xms_edov",)),
    client_auth="client_secret_post",
    other_account_prompt="select_account",
    option_keys=("tenants", "cloud", "resolve_overage"),
    # Without `openid` in the refresh there is no id_token, and so no groups.
    refresh_scope=True,
    whole_refreshed_id_token=True,
    refresh_by_default=True,
    check=check,
    derive=derive,
    accepts_discovery_issuer=accepts_discovery_issuer,
    check_issuer=check_issuer,
    enrich=enrich,
    token_types=("at+jwt", "jwt"),
    max_token_lifetime=29 * 3600,  # with continuous access evaluation a token lives up to 28 hours
    check_token=check_token,
)
