"""What is kept of a sign-in: the Airflow token for airflowctl, and beside it how to get the next one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from airflow_oidc_auth.cli.terminal.airflow_server import AirflowToken
from airflow_oidc_auth.cli.terminal.listing import CliProvider
from airflow_oidc_auth.cli.terminal.vault import Entry, Vault
from airflow_oidc_auth.errors import ProviderError
from airflow_oidc_auth.providers.endpoints import check_url
from airflow_oidc_auth.secret import Secret

_VERSION = 1


@dataclass(frozen=True, slots=True)
class StoredLogin:
    """How a token came about.

    :param url: the Airflow
    :param subject: the person, at the provider's issuer
    :param expires_at: epoch seconds, of the Airflow token
    :param lifetime: seconds it had in the beginning
    :param token_digest: which token that is; another one was put there by somebody else, such as airflowctl
    :param name: of the person, to be shown; may be empty
    :param trusted: the issuer was named with ``--issuer``
    """

    url: str
    provider: CliProvider
    subject: str
    expires_at: int
    lifetime: int
    token_digest: str
    name: str = ""
    trusted: bool = False
    refresh_token: Secret | None = field(default=None, repr=False)

    def is_about(self, token: Secret) -> bool:
        """Tell whether this is the token that it came with."""
        return self.token_digest == digest_of(token)


def digest_of(token: Secret) -> str:
    """Return what names a token and does not tell it."""
    return hashlib.sha256(token.reveal().encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Kept:
    """What a vault holds; either may be missing."""

    vault: Vault
    token: Secret | None
    login: StoredLogin | None


def load_kept(vaults: Sequence[Vault]) -> Kept:
    """Return what the first vault holds that holds anything."""
    for vault in vaults:
        token, login = vault.read(Entry.AIRFLOW_TOKEN), load_login(vault)
        if token is not None or login is not None:
            return Kept(vault, token, login)
    return Kept(vaults[0], None, None)


def load_login(vault: Vault) -> StoredLogin | None:
    """Return our entry; None for what no longer makes sense."""
    kept = vault.read(Entry.LOGIN)
    if kept is None:
        return None
    try:
        return _parse(json.loads(kept.reveal()))
    except (KeyError, TypeError, ValueError, ProviderError):
        return None


def store_token(vault: Vault, token: AirflowToken, login: StoredLogin) -> None:
    """Keep both. The login goes first: a token that nobody knows how to revoke would be worse than none."""
    store_login(vault, login)
    vault.write(Entry.AIRFLOW_TOKEN, token.token)


def store_login(vault: Vault, login: StoredLogin) -> None:
    """Keep how to get the next token."""
    provider = login.provider
    document = {
        "version": _VERSION,
        "url": login.url,
        "provider": provider.id,
        "label": provider.label,
        "issuer": provider.issuer,
        "client_id": provider.client_id,
        "scopes": list(provider.scopes),
        "resource": provider.resource,
        "audience": provider.audience,
        "subject": login.subject,
        "name": login.name,
        "expires_at": login.expires_at,
        "lifetime": login.lifetime,
        "token_digest": login.token_digest,
        "trusted": login.trusted,
        "refresh_token": login.refresh_token.reveal() if login.refresh_token else None,
    }
    vault.write(Entry.LOGIN, Secret(json.dumps(document)))


def _parse(document: dict[str, object]) -> StoredLogin:
    def text(name: str) -> str:
        value = document[name]
        if not isinstance(value, str):
            raise TypeError(name)
        return value

    def optional(name: str) -> str | None:
        return text(name) if document.get(name) is not None else None

    scopes, refresh_token = document["scopes"], optional("refresh_token")
    if document.get("version") != _VERSION or not isinstance(scopes, list):
        raise ValueError("another version")
    check_url(text("url"))
    check_url(text("issuer"))
    return StoredLogin(
        url=text("url"),
        provider=CliProvider(
            id=text("provider"),
            label=text("label"),
            issuer=text("issuer"),
            client_id=text("client_id"),
            scopes=tuple(map(str, scopes)),
            resource=optional("resource"),
            audience=optional("audience"),
        ),
        subject=text("subject"),
        expires_at=int(str(document["expires_at"])),
        lifetime=int(str(document["lifetime"])),
        token_digest=text("token_digest"),
        name=optional("name") or "",
        trusted=document.get("trusted") is True,
        refresh_token=Secret(refresh_token) if refresh_token else None,
    )
