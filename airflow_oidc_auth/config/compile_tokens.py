"""``tokens`` and ``rate_limits``: from the models to settings, and what does not fit together."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from importlib.util import find_spec

from airflow_oidc_auth.config.check_files import check_key_set
from airflow_oidc_auth.config.compiled import RateLimitSettings, TokenClient, TokenSettings
from airflow_oidc_auth.config.document import RawDocument
from airflow_oidc_auth.config.paths import Path, did_you_mean, one_of
from airflow_oidc_auth.config.schema.tokens import RateLimitsModel, TokenClientModel, TokensModel
from airflow_oidc_auth.config.secret_reader import SecretReader
from airflow_oidc_auth.errors import Problem
from airflow_oidc_auth.grants.needs import readable
from airflow_oidc_auth.secret import Secret

_DAY = 86_400
_SHORTEST_SECRET = 16
_STORES = re.compile(r"(redis|rediss|redis\+unix)://.+")
_INSTALL = "pip install 'airflow-oidc-auth[redis]'"
_LIMITS = ("default_lifetime", "unverified_lifetime")


def check_tokens(
    raw: RawDocument, model: TokensModel, known_roles: Collection[str] | None, *, files: bool
) -> Iterator[Problem]:
    """Yield what does not fit together.

    :param known_roles: None where FAB's database knows them
    :param files: also look whether the named files can be read
    """
    for key in _LIMITS:
        yield from _too_long(raw, ("tokens", key), getattr(model, key), model.max_lifetime)
    for client_id, client in model.clients.items():
        path: Path = ("tokens", "clients", client_id)
        yield from _too_long(raw, (*path, "max_lifetime"), client.max_lifetime, model.max_lifetime)
        yield from _unknown_roles(raw, path, client, known_roles)
        if files and client.jwks_file is not None:
            yield from (raw.place(each, path) for each in check_key_set("jwks_file", client.jwks_file))


def build_tokens(model: TokensModel, reader: SecretReader) -> TokenSettings:
    """Return the settings; a secret that cannot be read is told by the reader."""
    return TokenSettings(
        max_lifetime=model.max_lifetime,
        default_lifetime=model.default_lifetime or min(_DAY, model.max_lifetime),
        unverified_lifetime=model.unverified_lifetime or min(_DAY, model.max_lifetime),
        personal=model.personal,
        require_dpop=model.require_dpop,
        clients=tuple(_client(client_id, each, reader) for client_id, each in model.clients.items()),
    )


def build_rate_limits(model: RateLimitsModel, reader: SecretReader) -> RateLimitSettings:
    """Return the settings; a secret that cannot be read is told by the reader."""
    hint = f"write redis://HOST:6379/0, rediss://… or redis+unix://…; {_INSTALL}"
    storage = reader.read(("rate_limits", "storage"), model.storage, _storage_problem, hint)
    return RateLimitSettings(model.token, model.login, model.callback, model.principal, model.bearer, storage)


def _client(client_id: str, model: TokenClientModel, reader: SecretReader) -> TokenClient:
    path: Path = ("tokens", "clients", client_id, "secret")
    secret = reader.read(path, model.secret, _secret_problem, "generate one: `openssl rand -base64 32`")
    return TokenClient(client_id, secret, model.jwks_file, tuple(model.roles), model.max_lifetime)


def _secret_problem(secret: Secret) -> str:
    """RFC 6819 §5.1.4.2.2: nobody may guess it."""
    return "is too short to withstand guessing" if len(secret.reveal()) < _SHORTEST_SECRET else ""


def _storage_problem(secret: Secret) -> str:
    if _STORES.fullmatch(secret.reveal()) is None:
        return "is not the address of a store that servers can share"
    return "" if find_spec("redis") else "needs the package redis"


def _too_long(raw: RawDocument, path: Path, lifetime: int | None, limit: int) -> Iterator[Problem]:
    if lifetime is not None and lifetime > limit:
        yield raw.problem(path, f"is longer than `tokens.max_lifetime` ({readable(limit)})", "shorten it")


def _unknown_roles(
    raw: RawDocument, path: Path, client: TokenClientModel, known: Collection[str] | None
) -> Iterator[Problem]:
    for index, role in enumerate(client.roles):
        if known is not None and role not in known:
            suggestion = did_you_mean(role, known) or one_of(known)
            yield raw.problem((*path, "roles", index), "is not a known role", suggestion)
