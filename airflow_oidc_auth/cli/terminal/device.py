"""The device authorization grant (RFC 8628): a code that is entered in a browser anywhere.

ask → show address and code → poll, never faster than the identity provider allows, until tokens or an end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from airflow_oidc_auth.cli.command import CommandFailed
from airflow_oidc_auth.cli.terminal.airflow_server import Denied
from airflow_oidc_auth.cli.terminal.identity_provider import IdentityProvider, IdpTokens
from airflow_oidc_auth.errors import ProviderError
from airflow_oidc_auth.identity.text import is_printable
from airflow_oidc_auth.providers.endpoints import check_endpoint
from airflow_oidc_auth.providers.oauth_error import oauth_error
from airflow_oidc_auth.providers.token_endpoint import read_token, read_token_answer, token_refusal
from airflow_oidc_auth.providers.transport import HttpAnswer
from airflow_oidc_auth.secret import Secret

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
DEFAULT_INTERVAL = 5.0
SLOWER = 5.0
_SHORTEST, _LONGEST = 1.0, 60.0
_MAX_LIFETIME = 1800.0
_MAX_CODE = 64
# RFC 8628 §3.5: a connection that fails is tried again, each time later.
_TRANSIENT = frozenset({"provider_unreachable", "provider_timeout", "provider_failing"})


@dataclass(frozen=True, slots=True)
class DeviceAuthorization:
    """What the person is shown, and what is polled with.

    :param complete_uri: the same with the code in it, or None
    :param lifetime: seconds
    :param interval: seconds between two polls, at least
    """

    user_code: str
    verification_uri: str
    complete_uri: str | None
    lifetime: float
    interval: float
    device_code: Secret = field(repr=False)


@dataclass(frozen=True, slots=True)
class Timing:
    """Time, injected.

    :param monotonic: seconds
    """

    monotonic: Callable[[], float]
    sleep: Callable[[float], None]


def begin(idp: IdentityProvider) -> DeviceAuthorization:
    """Ask for a code (§3.1, §3.2).

    :raises CommandFailed: the identity provider does not offer it
    :raises OidcAuthError: it cannot be asked, or its answer cannot be used
    """
    endpoint = idp.endpoint("device_authorization_endpoint")
    if endpoint is None:
        raise CommandFailed(
            "The identity provider offers no sign-in by code. Use --browser on a machine that has one, or ask the "
            "people who run it for the device authorization grant."
        )
    form = {**idp.credentials(), **({"scope": " ".join(idp.chosen.scopes)} if idp.chosen.scopes else {})}
    asked = {"resource": idp.chosen.resource, "audience": idp.chosen.audience}
    form |= {name: value for name, value in asked.items() if value}
    answer = idp.transport.post(endpoint, form=form)
    if answer.status != 200:
        raise token_refusal(answer, ())
    pending = read_device_authorization(answer.json_object(), idp.chosen.issuer)
    idp.for_people(pending.verification_uri)
    return pending


def read_device_authorization(document: Mapping[str, object], issuer: str) -> DeviceAuthorization:
    """Check the answer. Sans-IO.

    :raises ProviderError: ``provider_answer_malformed``, ``provider_url_insecure``, ``token_answer_malformed``
    """
    device_code = read_token(document, "device_code")
    user_code = document.get("user_code")
    if device_code is None or not isinstance(user_code, str) or not _is_shown(user_code):
        raise ProviderError("provider_answer_malformed", "device_code or user_code is missing or no code")
    # Some vendors still say verification_url, as drafts of RFC 8628 did.
    uri = _address(document, "verification_uri", issuer) or _address(document, "verification_url", issuer)
    if uri is None:
        raise ProviderError("provider_answer_malformed", "verification_uri is missing")
    return DeviceAuthorization(
        user_code=user_code,
        verification_uri=uri,
        complete_uri=_address(document, "verification_uri_complete", issuer),
        lifetime=min(_seconds(document, "expires_in", 600.0), _MAX_LIFETIME),
        interval=min(max(_seconds(document, "interval", DEFAULT_INTERVAL), _SHORTEST), _LONGEST),
        device_code=device_code,
    )


def wait(idp: IdentityProvider, pending: DeviceAuthorization, timing: Timing) -> IdpTokens:
    """Poll until the person is done (§3.4, §3.5).

    :raises Denied: they refused, or may not use this client
    :raises CommandFailed: nobody entered the code in time
    :raises OidcAuthError: the answer cannot be used
    """
    deadline, interval = timing.monotonic() + pending.lifetime, pending.interval
    # The first answer can only be "pending": a person is slower than that.
    while timing.monotonic() + interval < deadline:
        timing.sleep(interval)
        try:
            answer = _poll(idp, pending)
        except ProviderError as error:
            if error.code not in _TRANSIENT:
                raise
            interval = min(interval * 2, _LONGEST)
            continue
        if answer.status == 200:
            tokens = read_token_answer(answer.json())
            return idp.verified(tokens.id_token, tokens.access_token, tokens.refresh_token, nonce=None)
        interval += _slower(answer, pending)
    raise _expired()


def _poll(idp: IdentityProvider, pending: DeviceAuthorization) -> HttpAnswer:
    form = {"grant_type": GRANT, "device_code": pending.device_code.reveal(), **idp.credentials()}
    return idp.transport.post(idp.metadata.token_endpoint, form=form)


def _slower(answer: HttpAnswer, pending: DeviceAuthorization) -> float:
    """Return by how much to slow down, if it goes on at all."""
    error, _ = oauth_error(answer, (pending.device_code,))
    if error == "authorization_pending":
        return 0.0
    if error == "slow_down":
        return SLOWER
    if error == "access_denied":
        raise Denied("The identity provider says that you cancelled, or that you may not use this application.")
    if error == "expired_token":
        raise _expired()
    raise token_refusal(answer, (pending.device_code,))


def _expired() -> CommandFailed:
    return CommandFailed("The code was not entered in time. Run the command again for a new one.")


def _is_shown(code: str) -> bool:
    return 0 < len(code) <= _MAX_CODE and all(map(is_printable, code))


def _address(document: Mapping[str, object], name: str, issuer: str) -> str | None:
    value = document.get(name)
    if value is None:
        return None
    # A person copies it from the terminal: what would move the cursor, or is spelt to look like another, is none.
    if not isinstance(value, str) or not (value.isascii() and value.isprintable()):
        raise ProviderError("provider_answer_malformed", f"{name} is no address")
    return check_endpoint(value, issuer)


def _seconds(document: Mapping[str, object], name: str, otherwise: float) -> float:
    value = document.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 10**9:
        return otherwise
    return float(value)
