"""``airflow oidc logout``: end what can be ended, remove everything, and say what is left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from airflow_oidc_auth.cli.command import CommandFailed
from airflow_oidc_auth.cli.terminal import words
from airflow_oidc_auth.cli.terminal.environment import Environment
from airflow_oidc_auth.cli.terminal.stored_login import StoredLogin, load_login
from airflow_oidc_auth.cli.terminal.surroundings import Surroundings
from airflow_oidc_auth.cli.terminal.vault import Entry, Vault
from airflow_oidc_auth.errors import OidcAuthError
from airflow_oidc_auth.secret import Secret

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SignedOut:
    """What came of it.

    :param done: sentences
    :param left: what could not be done, and what to do about it
    """

    environment: Environment
    done: tuple[str, ...]
    left: tuple[str, ...]


class _Tally:
    """Collects what was done and what was not: one failure must not keep the rest from being tried."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.left: list[str] = []

    def attempt(self, act: Callable[[], str | None], otherwise: str) -> None:
        """Do one thing; ``otherwise`` says what it means that it failed."""
        try:
            told = act()
        except CommandFailed as error:
            self.left.append(f"{otherwise} {error}")
            return
        if told:
            self.done.append(told)


def sign_out(environment: str | None, around: Surroundings) -> SignedOut:
    """Revoke at both ends and remove what is kept, whatever the ends say."""
    place = around.environment(environment)
    tally = _Tally()
    with place.locked():
        for vault in around.vaults(place):
            _empty(vault, around, tally)
    return SignedOut(place, tuple(tally.done), tuple(tally.left))


def _empty(vault: Vault, around: Surroundings, tally: _Tally) -> None:
    token = _read(lambda: vault.read(Entry.AIRFLOW_TOKEN), tally)
    login = _read(lambda: load_login(vault), tally)
    if token is not None:
        tally.attempt(
            lambda: _end_at_airflow(token, login, around),
            "The Airflow token is not revoked: it is good until it ends, or until you end it on the page `my access`.",
        )
    if login is not None and login.refresh_token is not None:
        tally.attempt(
            lambda: _end_at_idp(login, around),
            "The sign-in at the identity provider is not ended: it ends by itself, or on its own pages.",
        )
    tally.attempt(
        lambda: f"The Airflow token is removed from the {vault.name}." if vault.remove(Entry.AIRFLOW_TOKEN) else None,
        f"The Airflow token is still in the {vault.name}.",
    )
    tally.attempt(
        lambda: f"What refreshed it is removed from the {vault.name}." if vault.remove(Entry.LOGIN) else None,
        f"What refreshed the token is still in the {vault.name}.",
    )


def _read(read: Callable[[], T], tally: _Tally) -> T | None:
    try:
        return read()
    except CommandFailed as error:
        tally.left.append(str(error))
        return None


def _end_at_airflow(token: Secret, login: StoredLogin | None, around: Surroundings) -> str:
    if login is None or not login.is_about(token):
        raise CommandFailed("It is not from `airflow oidc login`, so nobody knows whose it is.")
    around.airflow(login.url).revoke(token)
    return f"The token is revoked at {login.url}."


def _end_at_idp(login: StoredLogin, around: Surroundings) -> str:
    if login.refresh_token is None:
        return ""
    idp = around.identity_provider(login.url, login.provider, trusted=login.trusted)
    try:
        offered = idp.revoke(login.refresh_token)
    except OidcAuthError as error:
        raise words.of_provider(error) from None
    if not offered:
        raise CommandFailed("It offers no way to end it from here.")
    return f"The sign-in is ended at {login.provider.issuer}."
