"""What a vendor may say about itself: defaults, its own options, and hooks that the providers call.

Every hook has a default that does what the standards say, so a preset only holds the differences. The
provider runs the shared steps; a preset can add to them and cannot skip one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from airflow_oidc_auth.errors import Problem, ProviderError
from airflow_oidc_auth.identity.claims import ClaimPath
from airflow_oidc_auth.providers.endpoints import check_url
from airflow_oidc_auth.providers.presets.workload import Workload
from airflow_oidc_auth.providers.settings import GroupSource, ProviderSettings
from airflow_oidc_auth.providers.transport import Transport
from airflow_oidc_auth.secret import Secret

NAME_CLAIMS = (ClaimPath(("name",)), ClaimPath(("preferred_username",)))
EMAIL_CLAIM = ClaimPath(("email",))
EMAIL_VERIFIED_CLAIM = ClaimPath(("email_verified",))


@dataclass(frozen=True, slots=True)
class Given:
    """What the administrator wrote for one provider, as far as a preset looks at it.

    :param issuer: as written, or None when left out
    :param groups: configured group sources, or None when left out
    :param options: the preset's own keys (those in :attr:`Preset.option_keys`), unvalidated
    """

    issuer: str | None = None
    client_id: str = ""
    options: Mapping[str, object] = field(default_factory=dict)
    groups: tuple[GroupSource, ...] | None = None


@dataclass(frozen=True, slots=True)
class Derived:
    """What a preset makes of it: fields for :class:`ProviderSettings`.

    What the administrator wrote explicitly (``discovery_url``, ``scopes``, ``groups``, ``logout: false``) wins.

    :param scopes: replaces :attr:`Preset.scopes` when not None
    :param groups: replaces :attr:`Preset.groups` when not None
    :param authorization_parameters: added to the administrator's, which win
    :param options: normalised options for :attr:`ProviderSettings.options`
    """

    issuer: str
    issuer_aliases: tuple[str, ...] = ()
    discovery_url: str | None = None
    scopes: tuple[str, ...] | None = None
    groups: tuple[GroupSource, ...] | None = None
    authorization_parameters: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HookContext:
    """What the run-time hooks see. ``claims`` come from a token whose signature was verified.

    :param discovered_issuer: ``issuer`` of the discovery document in use
    :param claims: claims of the id_token (``check_issuer`` runs before the other checks of the claims)
    :param userinfo: the userinfo answer, if it was fetched and belongs to the same subject
    :param access_token: for further calls at the same vendor; never sent to another host
    """

    settings: ProviderSettings
    transport: Transport
    discovered_issuer: str
    claims: Mapping[str, object] = field(repr=False)
    userinfo: Mapping[str, object] | None = field(default=None, repr=False)
    access_token: Secret | None = None


@dataclass(frozen=True, slots=True)
class LogoutRequest:
    """What a vendor's logout address is made from. OIDC RP-Initiated Logout §2.

    :param end_session_endpoint: from cached discovery, or None
    """

    end_session_endpoint: str | None
    id_token_hint: Secret | None
    post_logout_redirect_uri: str


def require_issuer(given: Given) -> tuple[Problem, ...]:
    """An issuer must be an https URL without query and fragment (OIDC Core §2); http on the loopback only."""
    if not given.issuer:
        return (Problem("issuer", "is missing", "write the issuer URL of your identity provider"),)
    if problem := issuer_problem(given.issuer):
        return (Problem("issuer", problem, "copy it from the provider's /.well-known/openid-configuration"),)
    return ()


def issuer_problem(issuer: str) -> str | None:
    """Say what is wrong with an issuer URL, or None."""
    try:
        check_url(issuer)
    except ProviderError as error:
        return f"cannot be used: {error.detail}"
    parts = urlsplit(issuer)
    return "must have no query and no fragment" if parts.query or parts.fragment else None


def derive_nothing(given: Given) -> Derived:
    """The issuer as written, everything else by discovery."""
    return Derived(issuer=given.issuer or "", options=dict(given.options))


def standard_discovery_issuer(settings: ProviderSettings, discovered: str) -> bool:
    """OIDC Discovery §4.3: the document must name exactly the configured issuer."""
    return discovered == settings.issuer or discovered in settings.issuer_aliases


def standard_issuer(context: HookContext, iss: str) -> str | None:
    """OIDC Core §3.1.3.7 (2): exact match; an alias counts as the configured spelling."""
    settings = context.settings
    return settings.issuer if iss == settings.issuer or iss in settings.issuer_aliases else None


def no_claim_checks(context: HookContext) -> None:
    """Nothing beyond what OIDC asks."""


def no_enrichment(context: HookContext) -> Mapping[str, object]:
    """Nothing beyond the tokens and userinfo."""
    return {}


def any_token(claims: Mapping[str, object]) -> str | None:
    """Nothing but the standard checks tells this vendor's access tokens from its other tokens."""
    return None


def standard_logout_url(settings: ProviderSettings, request: LogoutRequest) -> str | None:
    """OIDC RP-Initiated Logout §2, with both the hint and the client id when there is a hint."""
    if not request.end_session_endpoint:
        return None
    parameters = {"client_id": settings.client_id, "post_logout_redirect_uri": request.post_logout_redirect_uri}
    if request.id_token_hint is not None:
        parameters["id_token_hint"] = request.id_token_hint.reveal()
    return with_query(request.end_session_endpoint, parameters)


def no_logout_url(settings: ProviderSettings, request: LogoutRequest) -> str | None:
    """The vendor has no logout address."""
    return None


def with_query(url: str, parameters: Mapping[str, str]) -> str:
    """Append query parameters to an address that may already have some."""
    return f"{url}{'&' if '?' in url else '?'}{urlencode(parameters)}"


@dataclass(frozen=True, slots=True)
class Preset:
    """How one vendor differs.

    :param name: value of ``preset:``
    :param vendor: the vendor's name, default button text
    :param protocol: ``oidc``, ``github`` for OAuth 2 login without an id_token, ``saml``, or ``workload``
    :param option_keys: the preset's own configuration keys
    :param other_account_prompt: ``prompt`` that lets a person choose another account, OIDC Core §3.1.2.1
    :param scopes: empty sends no ``scope`` at all (Cloud Foundry grants everything the client may have)
    :param userinfo: default of ``userinfo``: ``auto``, ``always`` or ``never``
    :param logout: default of ``ProviderSettings.logout``: ``rp_initiated``, ``vendor`` or ``none``
    :param check: problems with what was written, paths relative to the provider (``tenants[0]``)
    :param derive: called only when ``check`` found nothing
    :param accepts_discovery_issuer: may this discovery document be used?
    :param check_issuer: canonical issuer of an accepted ``iss``, None to reject it as forged;
        raises LoginRefused for a genuine issuer that is not allowed (a foreign tenant)
    :param check_claims: raises LoginRefused
    :param enrich: further claims, laid over the id_token's before groups are read; may call the vendor
        with the access token; raises ProviderError rather than answer with fewer or more groups
    :param logout_url: where to send the browser at logout; never calls anybody
    :param refresh_refusals: further ``error`` codes with which the vendor says that a refresh token is no longer good
    :param refresh_scope: send the scopes with each refresh, without which this vendor leaves the id_token out
    :param whole_refreshed_id_token: a refreshed id_token has every claim of the first one, so that a claim that is
        missing was taken away; elsewhere it may only have been left out (OIDC Core §12.2)
    :param refresh_by_default: the vendor issues refresh tokens with the preset's own scopes and parameters
    :param no_access_tokens: why the REST API cannot take this vendor's access tokens; empty where it can
    :param token_types: ``typ`` of its access tokens, lower case and without ``application/``, ``""`` for none at all;
        RFC 9068 §2.1 says ``at+jwt``
    :param subject_claim: claim of the access token that holds what ``sub`` of the id_token holds
    :param max_token_lifetime: seconds that its access tokens live at most, unless the administrator says otherwise
    :param check_token: says why verified claims are not those of an access token (or of a workload), None if they are
    :param workload: its tokens are those of programs, and nobody signs in with it; None for people's providers
    """

    name: str
    vendor: str
    protocol: str = "oidc"
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    groups: tuple[GroupSource, ...] = ()
    name_claims: tuple[ClaimPath, ...] = NAME_CLAIMS
    email_claim: ClaimPath | None = EMAIL_CLAIM
    email_verified_claim: ClaimPath | None = EMAIL_VERIFIED_CLAIM
    algorithms: tuple[str, ...] = ("RS256", "RS512", "PS256", "ES256", "EdDSA")
    client_auth: str = "client_secret_basic"
    userinfo: str = "auto"
    logout: str = "rp_initiated"
    other_account_prompt: str = "login"
    option_keys: tuple[str, ...] = ()
    refresh_refusals: frozenset[str] = frozenset()
    refresh_scope: bool = False
    whole_refreshed_id_token: bool = False
    refresh_by_default: bool = False
    no_access_tokens: str = ""
    token_types: tuple[str, ...] = ("at+jwt",)
    subject_claim: str = "sub"
    max_token_lifetime: int = 86_400
    workload: Workload | None = None
    check: Callable[[Given], tuple[Problem, ...]] = require_issuer
    derive: Callable[[Given], Derived] = derive_nothing
    accepts_discovery_issuer: Callable[[ProviderSettings, str], bool] = standard_discovery_issuer
    check_issuer: Callable[[HookContext, str], str | None] = standard_issuer
    check_claims: Callable[[HookContext], None] = no_claim_checks
    enrich: Callable[[HookContext], Mapping[str, object]] = no_enrichment
    check_token: Callable[[Mapping[str, object]], str | None] = any_token
    logout_url: Callable[[ProviderSettings, LogoutRequest], str | None] = standard_logout_url
