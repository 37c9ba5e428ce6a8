"""Sign in with the browser of this machine (RFC 8252), where there is one."""

from __future__ import annotations

import secrets
import webbrowser
from collections.abc import Callable, Mapping

from airflow_oidc_auth.cli.command import CommandFailed
from airflow_oidc_auth.cli.terminal.airflow_server import Denied
from airflow_oidc_auth.cli.terminal.identity_provider import IdentityProvider, IdpTokens
from airflow_oidc_auth.cli.terminal.loopback import LoopbackListener
from airflow_oidc_auth.errors import LoginRefused
from airflow_oidc_auth.providers.attempt import LoginAttempt
from airflow_oidc_auth.providers.same_text import same_text
from airflow_oidc_auth.secret import Secret

WAIT_SECONDS = 600.0
_REMOTE = ("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY")


def has_browser(environ: Mapping[str, str], platform: str) -> bool:
    """Tell whether a browser that opens here is likely in front of the person.

    Over SSH it would open at the other end, and without a display only browsers that draw over the terminal are left.
    """
    if environ.get("BROWSER"):
        return True
    if any(environ.get(name) for name in _REMOTE):
        return False
    if platform.startswith(("darwin", "win", "cygwin")):
        return True
    if not (environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY")):
        return False
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True


def sign_in_with_browser(
    idp: IdentityProvider,
    *,
    port: int,
    open_url: Callable[[str], bool],
    say: Callable[[str], None],
    now: int,
) -> IdpTokens:
    """Send the browser to the identity provider and wait for it to come back.

    :param port: of 127.0.0.1; 0 for any free one
    :param now: epoch seconds
    :raises Denied: the person cancelled or may not enter
    :raises CommandFailed: nobody came back
    :raises OidcAuthError: the answer, or the identity provider, cannot be believed or used
    """
    state = secrets.token_urlsafe(32)
    with LoopbackListener(lambda response: same_text(response.get("state"), state), port) as listener:
        attempt = LoginAttempt(
            provider=idp.chosen.id,
            state=state,
            nonce=secrets.token_urlsafe(32),
            code_verifier=Secret(secrets.token_urlsafe(48)),
            redirect_uri=listener.redirect_uri,
            next_url="",
            started_at=now,
            correlation_id="",
        )
        url = idp.authorization_url(attempt)
        say("Your browser should open now. If it does not, open this address on this machine:")
        say(f"  {url}")
        open_url(url)
        response = listener.wait(WAIT_SECONDS)
    if response is None:
        raise CommandFailed("Nobody came back from the browser in time. Run the command again, or use --device.")
    try:
        return idp.redeem(attempt, response)
    except LoginRefused as error:
        raise Denied(error.message.text) from None
