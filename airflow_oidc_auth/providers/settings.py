"""A provider's configuration, compiled and frozen. Made by ``config``, read by providers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from airflow_oidc_auth.identity.claims import ClaimPath, GroupFormat
from airflow_oidc_auth.providers.saml.settings import SamlSettings
from airflow_oidc_auth.secret import Secret

ASYMMETRIC_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
CLIENT_AUTH_METHODS = ("client_secret_basic", "client_secret_post", "private_key_jwt", "none")


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """How to reach the IdP.

    :param timeout: seconds, for connecting and for each read
    :param ca_file: PEM bundle that replaces the system's, or None
    :param proxy: outbound proxy URL, or None for the environment's
    """

    timeout: float = 5.0
    ca_file: str | None = None
    proxy: str | None = None


@dataclass(frozen=True, slots=True)
class GroupSource:
    """Where one set of groups is found.

    :param document: ``id_token``, ``userinfo`` or ``access_token``
    :param path: claim path inside that document
    :param format: how the value spells several groups
    :param strip_prefix: removed from each group that begins with it (Keycloak's ``/``); may be empty
    """

    document: str
    path: ClaimPath
    format: GroupFormat = GroupFormat.LIST
    strip_prefix: str = ""


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """Which access tokens of this provider the REST API takes.

    :param audiences: ``aud`` values that mean us and nobody else; never empty
    :param opaque: also ask the provider about tokens that are no JWT (RFC 7662)
    :param token_types: accepted ``typ`` headers, lower case and without ``application/``; ``""`` accepts none at all.
        ``at+jwt`` is RFC 9068; some vendors say ``JWT`` or nothing
    :param subject_claim: the claim that never changes for an account
    :param max_lifetime: seconds; a token that lives longer (``exp`` less ``iat``) is refused
    :param required_scopes: each must be in the token's ``scope``
    """

    audiences: tuple[str, ...]
    opaque: bool = False
    token_types: tuple[str, ...] = ("at+jwt",)
    subject_claim: str = "sub"
    max_lifetime: int = 86_400
    required_scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CliSettings:
    """The public client that ``airflow oidc login`` uses at this provider.

    :param resource: resource indicator (RFC 8707) that it asks for, or None
    :param audience: the same for vendors that call it ``audience``, or None
    """

    client_id: str
    scopes: tuple[str, ...] = ("openid", "profile", "email", "offline_access")
    resource: str | None = None
    audience: str | None = None


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """Everything one provider needs; presets fill what the administrator leaves out.

    :param id: key in the configuration, used in URLs
    :param preset: ``oidc``, ``auth0``, …
    :param issuer: expected ``iss``; may be a template with ``{tenantid}`` for Entra's multi-tenant endpoint
    :param issuer_aliases: other spellings of the same issuer (Google without scheme, Entra v1)
    :param discovery_url: overrides ``{issuer}/.well-known/openid-configuration``
    :param discovery_file: discovery document from a file (air-gapped), never fetched
    :param jwks_file: keys from a file (air-gapped), never fetched
    :param client_auth: one of :data:`CLIENT_AUTH_METHODS`
    :param private_key: PEM for private_key_jwt (RFC 7523)
    :param algorithms: accepted id_token signature algorithms, asymmetric only
    :param leeway: seconds of clock difference tolerated
    :param userinfo: ``auto`` (only when a claim or group source needs it), ``always`` or ``never``
    :param require_iss_parameter: refuse answers without RFC 9207 ``iss`` even if discovery does not promise it
    :param logout: ``rp_initiated`` (OIDC RP-Initiated Logout), ``none``, or a vendor form of the preset
    :param saml: only for presets that speak SAML
    :param api: the REST API takes this provider's access tokens; None when it does not
    :param cli: people sign in at this provider from a terminal; None when they do not
    :param signs_in: people can sign in with a browser; False for workload issuers, which are never on the chooser,
        never asked again about a session, and need no client of ours
    :param options: preset-specific, already validated (tenants, hosted_domain, organizations, …)
    """

    id: str
    label: str
    preset: str
    issuer: str
    client_id: str
    client_secret: Secret | None = None
    client_auth: str = "client_secret_basic"
    private_key: Secret | None = None
    private_key_id: str | None = None
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    issuer_aliases: tuple[str, ...] = ()
    discovery_url: str | None = None
    discovery_file: str | None = None
    jwks_file: str | None = None
    algorithms: tuple[str, ...] = ("RS256", "RS512", "PS256", "ES256", "EdDSA")
    leeway: int = 60
    userinfo: str = "auto"
    par: bool = False
    require_iss_parameter: bool = False
    authorization_parameters: Mapping[str, str] = field(default_factory=dict)
    name_claims: tuple[ClaimPath, ...] = ()
    email_claim: ClaimPath | None = None
    email_verified_claim: ClaimPath | None = None
    groups: tuple[GroupSource, ...] = ()
    http: HttpSettings = field(default_factory=HttpSettings)
    logout: str = "rp_initiated"
    options: Mapping[str, object] = field(default_factory=dict)
    saml: SamlSettings | None = None
    api: ApiSettings | None = None
    cli: CliSettings | None = None
    signs_in: bool = True
