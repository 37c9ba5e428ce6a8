"""The IdP's own description (OIDC Discovery, RFC 8414): read strictly, from the network or from a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from airflow_oidc_auth.errors import ProviderError
from airflow_oidc_auth.providers.endpoints import check_endpoint
from airflow_oidc_auth.providers.settings import ProviderSettings
from airflow_oidc_auth.providers.strict_json import load_json
from airflow_oidc_auth.providers.transport import MAX_BODY, Transport

WELL_KNOWN = "/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True)
class ProviderMetadata:
    """What we use of the document. Every address was judged safe.

    :param issuer: as the document spells it; accepted for the configured issuer
    :param authorization_endpoint: empty where nobody signs in
    :param token_endpoint: empty where nobody signs in
    :param iss_parameter: it promises ``iss`` in authorization responses (RFC 9207 §3)
    :param document: all of it, for ``airflow oidc check``
    """

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str | None = None
    userinfo_endpoint: str | None = None
    end_session_endpoint: str | None = None
    introspection_endpoint: str | None = None
    par_endpoint: str | None = None
    par_required: bool = False
    iss_parameter: bool = False
    document: Mapping[str, object] = field(default_factory=dict, repr=False)

    def names(self, member: str) -> tuple[str, ...] | None:
        """Return a list member's texts, or None when the document does not have it."""
        value = self.document.get(member)
        return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else None


def discovery_url(settings: ProviderSettings) -> str:
    """Return where the document is (OIDC Discovery §4): below the issuer, its path included."""
    return settings.discovery_url or settings.issuer.rstrip("/") + WELL_KNOWN


def fetch_metadata(
    settings: ProviderSettings, transport: Transport, accepts_issuer: Callable[[ProviderSettings, str], bool]
) -> ProviderMetadata:
    """Read and check the document.

    :param accepts_issuer: may a document that names this issuer be used?
    :raises ProviderError: see :func:`parse_metadata` and :class:`Transport`
    """
    if settings.discovery_file:
        document = load_json_file(settings.discovery_file, "discovery_malformed")
    else:
        url = discovery_url(settings)
        answer = transport.get(url)
        if answer.status != 200:
            raise ProviderError(
                "discovery_malformed",
                f"{url} answered {answer.status}",
                evidence={"url": url, "status": answer.status},
            )
        document = answer.json()
    return parse_metadata(document, settings, accepts_issuer)


def parse_metadata(
    document: object, settings: ProviderSettings, accepts_issuer: Callable[[ProviderSettings, str], bool]
) -> ProviderMetadata:
    """Check a discovery document. Sans-IO.

    :raises ProviderError: ``discovery_malformed``, ``discovery_issuer_mismatch``, ``provider_url_insecure``
    """
    if not isinstance(document, dict):
        raise ProviderError("discovery_malformed", "the discovery document is no object")
    issuer = _text(document, "issuer", required=True)
    _check_issuer(issuer, settings, accepts_issuer)
    return ProviderMetadata(
        issuer=issuer,
        # Workload issuers (GitHub Actions, Kubernetes) publish keys and nothing else.
        authorization_endpoint=_address(document, "authorization_endpoint", settings, required=settings.signs_in),
        token_endpoint=_address(document, "token_endpoint", settings, required=settings.signs_in),
        jwks_uri=_address(document, "jwks_uri", settings, required=not settings.jwks_file) or None,
        userinfo_endpoint=_address(document, "userinfo_endpoint", settings) or None,
        end_session_endpoint=_address(document, "end_session_endpoint", settings) or None,
        introspection_endpoint=_if_usable(document, "introspection_endpoint", settings),
        par_endpoint=_address(document, "pushed_authorization_request_endpoint", settings) or None,
        par_required=document.get("require_pushed_authorization_requests") is True,
        iss_parameter=document.get("authorization_response_iss_parameter_supported") is True,
        document=document,
    )


def load_json_file(path: str, malformed: str) -> object:
    """Read a document that the administrator put beside the configuration (air-gapped).

    :raises ProviderError: ``discovery_file_unreadable``, or the code ``malformed``
    """
    try:
        with Path(path).open("rb") as file:
            text = file.read(MAX_BODY + 1)
    except OSError as error:
        raise ProviderError("discovery_file_unreadable", f"{path}: {type(error).__name__}") from None
    if len(text) > MAX_BODY:
        raise ProviderError(malformed, f"{path} is larger than {MAX_BODY} bytes")
    try:
        return load_json(text)
    except ValueError as error:
        raise ProviderError(malformed, f"{path} is no JSON: {type(error).__name__}") from None


def _check_issuer(
    issuer: str, settings: ProviderSettings, accepts_issuer: Callable[[ProviderSettings, str], bool]
) -> None:
    if accepts_issuer(settings, issuer):
        return
    slash = issuer.rstrip("/") == settings.issuer.rstrip("/")
    raise ProviderError(
        "discovery_issuer_mismatch",
        f"configured {settings.issuer!r}, discovered {issuer[:300]!r}",
        hint=f"Set `providers.{settings.id}.issuer` to {issuer[:300]!r}"
        + (": they differ by the trailing slash." if slash else ", if that is the provider you mean."),
        evidence={"configured": settings.issuer, "discovered": issuer[:300]},
    )


def _text(document: Mapping[str, object], name: str, *, required: bool = False) -> str:
    value = document.get(name)
    if value is None and not required:
        return ""
    if not isinstance(value, str) or not value:
        raise ProviderError("discovery_malformed", f"{name} is missing or no text", evidence={"member": name})
    return value


def _address(document: Mapping[str, object], name: str, settings: ProviderSettings, *, required: bool = False) -> str:
    url = _text(document, name, required=required)
    if not url:
        return ""
    try:
        return check_endpoint(url, settings.issuer)
    except ProviderError as error:
        raise ProviderError(error.code, f"{name}: {error.detail}", evidence={"member": name}) from None


def _if_usable(document: Mapping[str, object], name: str, settings: ProviderSettings) -> str | None:
    """Return the address of what sign-in does without, None where it is unsafe or malformed."""
    try:
        return _address(document, name, settings) or None
    except ProviderError:
        return None
