"""``airflow oidc token``: the token that is kept, or a fresh one for the refresh token beside it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from airflow_oidc_auth.cli.command import CommandFailed
from airflow_oidc_auth.cli.terminal import words
from airflow_oidc_auth.cli.terminal.airflow_server import Denied
from airflow_oidc_auth.cli.terminal.identity_provider import IdentityProvider, IdpTokens, check_same_person
from airflow_oidc_auth.cli.terminal.stored_login import (
    Kept,
    StoredLogin,
    digest_of,
    load_kept,
    store_login,
    store_token,
)
from airflow_oidc_auth.cli.terminal.surroundings import Surroundings
from airflow_oidc_auth.cli.terminal.vault import Entry, Vault
from airflow_oidc_auth.errors import LoginRefused, OidcAuthError, ProviderError
from airflow_oidc_auth.providers.confirming import ConfirmationInterrupted
from airflow_oidc_auth.secret import Secret

_NEAR_SECONDS = 300
_NEAR_SHARE = 5
_AGAIN = "Run `airflow oidc login` to sign in again."


class RenewalRefused(CommandFailed):
    """The refresh token is no longer good: a person is needed."""


@dataclass(frozen=True, slots=True)
class Fresh:
    """A token that is good for a while.

    :param expires_at: epoch seconds
    """

    token: Secret = field(repr=False)
    expires_at: int


def fresh_token(environment: str | None, around: Surroundings) -> Fresh:
    """Return the token, refreshed if it is near its end.

    :raises CommandFailed: there is none, or it has ended and cannot be refreshed
    """
    place = around.environment(environment)
    vaults = around.vaults(place)
    fresh = _still_fresh(load_kept(vaults), around.clock())
    if fresh is not None:
        return fresh
    with place.locked():
        # Another process may have refreshed it while this one waited.
        kept = load_kept(vaults)
        return _still_fresh(kept, around.clock()) or _renewed(kept, around)


def _still_fresh(kept: Kept, now: float) -> Fresh | None:
    """Return the token if it is far from its end.

    :raises CommandFailed: nothing is kept, or nobody knows what it is
    """
    token, login = kept.token, kept.login
    if token is None and login is None:
        raise CommandFailed("Nobody is signed in here. Run `airflow oidc login --url https://HOST`.")
    if login is None or (token is not None and not login.is_about(token)):
        raise CommandFailed(
            "The token in this environment was not put there by `airflow oidc login`, so nobody knows how long it is "
            f"good. {_AGAIN}"
        )
    near = min(_NEAR_SECONDS, login.lifetime // _NEAR_SHARE)
    return Fresh(token, login.expires_at) if token is not None and now < login.expires_at - near else None


def _renewed(kept: Kept, around: Surroundings) -> Fresh:
    login = kept.login
    if login is None:
        raise CommandFailed(f"Nobody is signed in here. {_AGAIN}")
    try:
        renewed = renew(around, kept.vault, login)
    except (CommandFailed, Denied) as error:
        # Near its end is not at its end: what cannot be refreshed now may be a minute later.
        if kept.token is not None and around.clock() < login.expires_at:
            return Fresh(kept.token, login.expires_at)
        raise CommandFailed(str(error)) from None
    token = kept.vault.read(Entry.AIRFLOW_TOKEN)
    if token is None or not renewed.is_about(token):
        raise CommandFailed(f"The place that keeps the token has lost it. {_AGAIN}")
    return Fresh(token, renewed.expires_at)


def renew(around: Surroundings, vault: Vault, login: StoredLogin) -> StoredLogin:
    """Take new tokens for the refresh token and keep them. The caller holds the environment's lock.

    :raises RenewalRefused: a person must sign in again
    :raises Denied: Airflow says no
    :raises CommandFailed: it could not be done now
    """
    if login.refresh_token is None:
        raise RenewalRefused(f"The token has ended, and there is nothing to refresh it with. {_AGAIN}")
    idp = around.identity_provider(login.url, login.provider, trusted=login.trusted)
    try:
        tokens, login = _refresh(idp, vault, login, login.refresh_token)
        check_same_person(tokens, login.subject)
    except LoginRefused:
        raise RenewalRefused(f"The identity provider no longer refreshes this sign-in. {_AGAIN}") from None
    except OidcAuthError as error:
        raise words.of_provider(error) from None
    token = around.airflow(login.url).exchange(login.provider.id, tokens.id_token)
    renewed = replace(
        login,
        expires_at=int(around.clock()) + token.lifetime,
        lifetime=token.lifetime,
        token_digest=digest_of(token.token),
        name=tokens.name or login.name,
    )
    store_token(vault, token, renewed)
    return renewed


def _refresh(
    idp: IdentityProvider, vault: Vault, login: StoredLogin, refresh_token: Secret
) -> tuple[IdpTokens, StoredLogin]:
    """Refresh, and keep a rotated refresh token before anything else can fail: the old one is used up."""
    try:
        answer = idp.refresh(refresh_token)
        login = _rotated(vault, login, answer.refresh_token)
        if answer.id_token is None and login.refresh_token is not None:
            answer = idp.refresh_with_scopes(login.refresh_token)
            login = _rotated(vault, login, answer.refresh_token)
    except ConfirmationInterrupted as interrupted:
        _rotated(vault, login, interrupted.tokens.refresh_token)
        raise
    if answer.id_token is None:
        raise ProviderError("id_token_missing", "the refresh brings no id_token")
    return idp.verified(answer.id_token, answer.access_token, None, nonce=None), login


def _rotated(vault: Vault, login: StoredLogin, refresh_token: Secret | None) -> StoredLogin:
    if refresh_token is None or refresh_token == login.refresh_token:
        return login
    login = replace(login, refresh_token=refresh_token)
    store_login(vault, login)
    return login
