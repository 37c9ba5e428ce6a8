"""The authorization request and the answer to it (RFC 6749 §4.1, OIDC Core §3.1.2, RFC 7636, RFC 9207). Sans-IO."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from urllib.parse import urlencode

from airflow_oidc_auth.errors import LoginRefused, OidcAuthError, ProtocolViolation, ProviderError
from airflow_oidc_auth.providers.attempt import LoginAttempt
from airflow_oidc_auth.providers.discovery import ProviderMetadata
from airflow_oidc_auth.providers.same_text import same_text
from airflow_oidc_auth.providers.settings import ProviderSettings
from airflow_oidc_auth.secret import Secret

PROTECTED_PARAMETERS = frozenset(
    {
        "response_type",
        "response_mode",
        "client_id",
        "redirect_uri",
        "scope",
        "state",
        "nonce",
        "code_challenge",
        "code_challenge_method",
        "request",
        "request_uri",
        "client_secret",
        "client_assertion",
        "client_assertion_type",
    }
)
"""Parameters that hold the protocol together; ``authorization_parameters`` may not name them."""

_MAX_CODE = 8192
_MAX_PARAMETER = 4096
# The person or the IdP's policy said no: nothing is broken.
_DENIED = frozenset({"access_denied", "user_cancelled_login", "user_cancelled_authorize"})
# OpenID Connect Core Unmet Authentication Requirements 1.0 §2
_UNMET = "unmet_authentication_requirements"
_INTERACTION = frozenset({"login_required", "interaction_required", "account_selection_required", "consent_required"})
_DOWN = frozenset({"server_error", "temporarily_unavailable"})


def authorization_parameters(
    settings: ProviderSettings, attempt: LoginAttempt, other_account_prompt: str = "login"
) -> dict[str, str]:
    """Return the parameters of the authorization request.

    :param other_account_prompt: the vendor's ``prompt`` for a person who wants to sign in as somebody else
    """
    chosen = {
        name: value for name, value in settings.authorization_parameters.items() if name not in PROTECTED_PARAMETERS
    }
    if attempt.other_account:
        chosen["prompt"] = other_account_prompt
    elif attempt.reauthenticate:
        chosen["prompt"] = "login"
    if attempt.max_age is not None:
        chosen["max_age"] = str(_stricter(attempt.max_age, chosen.get("max_age", "")))
    if attempt.acr_values:
        chosen["acr_values"] = " ".join(attempt.acr_values)
    return {
        **chosen,
        "response_type": "code",
        "client_id": settings.client_id,
        "redirect_uri": attempt.redirect_uri,
        # Without any, the IdP gives what the client is registered for (UAA); an empty parameter asks for nothing.
        **({"scope": " ".join(settings.scopes)} if settings.scopes else {}),
        "state": attempt.state,
        "nonce": attempt.nonce,
        "code_challenge": code_challenge(attempt.code_verifier),
        "code_challenge_method": "S256",
    }


def _stricter(max_age: int, configured: str) -> int:
    """Return the smaller one: the administrator's own ``max_age`` may ask for more, never for less."""
    return min(max_age, int(configured)) if configured.isascii() and configured.isdecimal() else max_age


def code_challenge(code_verifier: Secret) -> str:
    """Return the S256 challenge (RFC 7636 §4.2)."""
    digest = hashlib.sha256(code_verifier.reveal().encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def authorization_url(metadata: ProviderMetadata, parameters: Mapping[str, str]) -> str:
    """Put the parameters behind the endpoint, which may have a query of its own (RFC 6749 §3.1)."""
    endpoint = metadata.authorization_endpoint
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(parameters)}"


def read_authorization_response(
    response: Mapping[str, str],
    attempt: LoginAttempt,
    *,
    accepts_issuer: Callable[[str], bool],
    require_issuer: bool,
) -> Secret:
    """Check the answer and return the code.

    The order matters: nothing of an answer is looked at, not even an error, before ``state`` shows that it
    belongs to this attempt and ``iss`` that it comes from the IdP that was asked (mix-up, RFC 9207 §2.4).

    :param accepts_issuer: is this ``iss`` the IdP that was asked?
    :param require_issuer: refuse an answer without ``iss``
    :raises ProtocolViolation: ``state_mismatch``, ``response_issuer_missing``, ``response_issuer_mismatch``,
        ``response_malformed``, ``idp_interaction_required``
    :raises LoginRefused: ``idp_denied``, ``step_up_unmet``
    :raises ProviderError: ``provider_failing``, ``authorization_request_refused``
    """
    if not same_text(response.get("state"), attempt.state):
        raise ProtocolViolation("state_mismatch", "state is missing or another")
    if any(len(value) > _MAX_PARAMETER for name, value in response.items() if name != "code"):
        raise ProtocolViolation("response_malformed", "a parameter is too long")
    _check_issuer(response.get("iss"), accepts_issuer, require_issuer)
    if "error" in response:
        raise _refusal(response)
    code = response.get("code", "")
    if not 0 < len(code) <= _MAX_CODE or not (code.isascii() and code.isprintable()):
        raise ProtocolViolation("response_malformed", "the answer has neither a usable code nor an error")
    return Secret(code)


def _check_issuer(iss: str | None, accepts_issuer: Callable[[str], bool], require_issuer: bool) -> None:
    if iss is None:
        if require_issuer:
            raise ProtocolViolation("response_issuer_missing", "the answer has no iss")
    elif not accepts_issuer(iss):
        raise ProtocolViolation("response_issuer_mismatch", f"iss is {iss[:200]!r}", evidence={"iss": iss[:200]})


def _refusal(response: Mapping[str, str]) -> OidcAuthError:
    error = response["error"][:64]
    told = {"error": error, "error_description": response.get("error_description", "")[:300]}
    detail = f"the identity provider says {error!r}"
    if error in _DENIED:
        return LoginRefused("idp_denied", detail, evidence=told)
    if error == _UNMET:
        return LoginRefused("step_up_unmet", detail, evidence=told)
    if error in _DOWN:
        return ProviderError("provider_failing", detail, evidence=told)
    if error in _INTERACTION:
        return ProtocolViolation("idp_interaction_required", detail, evidence=told)
    return ProviderError("authorization_request_refused", detail, evidence=told)
