"""``airflow oidc login``: from an address to a token in airflowctl's place.

ask Airflow for its providers → choose → refresh what is there, or sign in by code or browser → exchange → keep.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from airflow_oidc_auth.cli.command import CommandFailed
from airflow_oidc_auth.cli.terminal import device, words
from airflow_oidc_auth.cli.terminal.addresses import check_airflow_url
from airflow_oidc_auth.cli.terminal.airflow_server import AirflowToken
from airflow_oidc_auth.cli.terminal.browser import has_browser, sign_in_with_browser
from airflow_oidc_auth.cli.terminal.environment import Environment
from airflow_oidc_auth.cli.terminal.identity_provider import IdentityProvider, IdpTokens
from airflow_oidc_auth.cli.terminal.listing import CliProvider, choose_provider
from airflow_oidc_auth.cli.terminal.renewal import RenewalRefused, renew
from airflow_oidc_auth.cli.terminal.stored_login import Kept, StoredLogin, digest_of, load_kept, store_token
from airflow_oidc_auth.cli.terminal.surroundings import Surroundings
from airflow_oidc_auth.cli.terminal.vault import Entry, Vault
from airflow_oidc_auth.errors import OidcAuthError

BROWSER, DEVICE, REFRESH = "browser", "device", "refresh"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the person asked for.

    :param way: ``browser`` or ``device``; None leaves it to us, a silent refresh included
    :param port: of 127.0.0.1 that the browser comes back to; 0 for any
    :param issuer: the only one that they accept, or None
    """

    url: str | None = None
    provider: str | None = None
    way: str | None = None
    environment: str | None = None
    port: int = 0
    issuer: str | None = None


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What came of it."""

    environment: Environment
    login: StoredLogin
    vault: Vault
    way: str


def sign_in(wishes: Wishes, around: Surroundings) -> SignedIn:
    """Sign in and keep the token.

    :raises Denied: the identity provider or Airflow says no
    :raises CommandFailed: it could not be done; nothing new is kept
    """
    environment = around.environment(wishes.environment)
    url = _url(wishes, environment)
    # Before anybody signs in, for nothing: a file in the way, and (below) a keyring that is locked.
    environment.check_free()
    vaults = around.vaults(environment)
    chosen = choose_provider(around.airflow(url).providers(), wishes.provider)
    trusted = _check_expected(chosen, wishes.issuer)
    with environment.locked():
        former = _kept(vaults)
        refreshed = _refreshed(wishes, around, vaults[0], former, url, chosen)
        if refreshed is not None:
            _end_former(around, former, url)
            environment.store_url(url)
            _leave_no_copy(vaults)
            return SignedIn(environment, refreshed, vaults[0], REFRESH)
    # Nobody else waits while a person signs in.
    tokens, way = _ask_person(wishes, around, around.identity_provider(url, chosen, trusted=trusted), url)
    token = around.airflow(url).exchange(chosen.id, tokens.id_token)
    login = _login(url, chosen, tokens, token, int(around.clock()), trusted=trusted)
    with environment.locked():
        former = _kept(vaults)
        _keep(environment, around, vaults, token, login)
        _end_former(around, former, url)
    return SignedIn(environment, login, vaults[0], way)


def _keep(
    environment: Environment, around: Surroundings, vaults: tuple[Vault, ...], token: AirflowToken, login: StoredLogin
) -> None:
    """Keep the token, or end it: one that lies nowhere could not be ended later."""
    try:
        environment.store_url(login.url)
        store_token(vaults[0], token, login)
    except CommandFailed:
        with contextlib.suppress(CommandFailed):
            around.airflow(login.url).revoke(token.token)
        raise
    _leave_no_copy(vaults)


def _url(wishes: Wishes, environment: Environment) -> str:
    url = wishes.url or environment.url()
    if url is None:
        raise CommandFailed("Name the Airflow with --url https://HOST; next time it is remembered.")
    return check_airflow_url(url)


def _check_expected(chosen: CliProvider, issuer: str | None) -> bool:
    """Tell whether the person named this very issuer.

    :raises CommandFailed: they named another
    """
    if issuer is None:
        return False
    if issuer.rstrip("/") != chosen.issuer.rstrip("/"):
        raise CommandFailed(
            f"This Airflow sends you to {chosen.issuer}, and not to the identity provider that you expect. "
            "Nothing was sent there. Is --url the right Airflow?"
        )
    return True


def _kept(vaults: tuple[Vault, ...]) -> Kept:
    """Return what is kept; a file that others can read is worth nothing, and is replaced."""
    try:
        return load_kept(vaults)
    except CommandFailed:
        return load_kept(vaults[:1]) if vaults[0].name == "keyring" else Kept(vaults[0], None, None)


def _refreshed(
    wishes: Wishes, around: Surroundings, vault: Vault, kept: Kept, url: str, chosen: CliProvider
) -> StoredLogin | None:
    """Return a silently refreshed sign-in, None where a person is needed."""
    login = kept.login
    if wishes.way is not None or login is None or login.refresh_token is None:
        return None
    if (login.url, login.provider) != (url, chosen):
        return None
    with contextlib.suppress(RenewalRefused):
        return renew(around, vault, login)
    return None


def _ask_person(wishes: Wishes, around: Surroundings, idp: IdentityProvider, url: str) -> tuple[IdpTokens, str]:
    around.say(f"{url} asks you to sign in at {idp.chosen.issuer} ({idp.chosen.label}).")
    way = wishes.way or (BROWSER if has_browser(around.environ, around.platform) else DEVICE)
    try:
        if way == BROWSER:
            now = int(around.clock())
            return sign_in_with_browser(idp, port=wishes.port, open_url=around.open_url, say=around.say, now=now), way
        return _by_code(around, idp), way
    except OidcAuthError as error:
        raise words.of_provider(error) from None


def _by_code(around: Surroundings, idp: IdentityProvider) -> IdpTokens:
    pending = device.begin(idp)
    around.say("Open this address in a browser, on this or any other device, and compare or enter the code:")
    around.say(f"  {pending.verification_uri}")
    around.say(f"  Code: {pending.user_code}")
    if pending.complete_uri is not None:
        around.say(f"  With the code in it: {pending.complete_uri}")
    around.say(f"Waiting, for up to {max(1, round(pending.lifetime / 60))} min …")
    return device.wait(idp, pending, around.timing)


def _login(
    url: str, chosen: CliProvider, tokens: IdpTokens, token: AirflowToken, now: int, *, trusted: bool
) -> StoredLogin:
    return StoredLogin(
        url=url,
        provider=chosen,
        subject=tokens.subject,
        name=tokens.name,
        expires_at=now + token.lifetime,
        lifetime=token.lifetime,
        token_digest=digest_of(token.token),
        trusted=trusted,
        refresh_token=tokens.refresh_token,
    )


def _end_former(around: Surroundings, kept: Kept, url: str) -> None:
    """End the token that was replaced, if that can be done at once; it ends by itself otherwise."""
    token, login = kept.token, kept.login
    if token is not None and login is not None and login.url == url and login.is_about(token):
        with contextlib.suppress(CommandFailed):
            around.airflow(url).revoke(token)


def _leave_no_copy(vaults: tuple[Vault, ...]) -> None:
    """Remove older copies from places that are no longer looked in first."""
    for vault in vaults[1:]:
        for entry in Entry:
            with contextlib.suppress(CommandFailed):
                vault.remove(entry)
