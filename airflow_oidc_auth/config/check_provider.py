"""What has to fit together inside one provider. Paths are relative to it."""

from __future__ import annotations

from collections.abc import Iterator

from airflow_oidc_auth.config.check_files import check_files
from airflow_oidc_auth.config.schema.providers import ProviderModel
from airflow_oidc_auth.errors import Problem
from airflow_oidc_auth.providers.presets import Preset


def check_provider(model: ProviderModel, chosen: Preset, *, files: bool) -> list[Problem]:
    """Return every contradiction.

    :param files: also look whether the named files can be read (not for offline commands)
    """
    found = [
        *_client_authentication(model, model.client_auth or chosen.client_auth),
        *_discovery(model),
        *_userinfo(model),
    ]
    if model.scopes is not None and chosen.protocol == "oidc" and "openid" not in model.scopes:
        found.append(Problem("scopes", "lacks openid, without which there is no id_token", "add openid"))
    return [*found, *check_files(model)] if files else found


def _client_authentication(model: ProviderModel, method: str) -> Iterator[Problem]:
    """RFC 6749 §2.3: one method per request, and it must have what it needs."""
    if method == "private_key_jwt":
        if model.private_key is None:
            yield Problem("private_key", "is missing; client_auth private_key_jwt needs it", "add {file: /PATH}")
        if model.client_secret is not None:
            yield Problem("client_secret", "is not used by client_auth private_key_jwt", "remove one of them")
        return
    if model.private_key is not None:
        yield Problem("private_key", f"is not used by client_auth {method}", "write `client_auth: private_key_jwt`")
    elif model.private_key_id is not None:
        yield Problem("private_key_id", "names a key, but there is no private_key", "remove it, or add private_key")
    if method == "none" and model.client_secret is not None:
        yield Problem("client_secret", "is not used by client_auth none", "remove one of them")
    if method.startswith("client_secret_") and model.client_secret is None and model.private_key is None:
        suggestion = "for example `client_secret: {env: NAME}`; a public client says `client_auth: none`"
        yield Problem("client_secret", "is missing", suggestion)


def _discovery(model: ProviderModel) -> Iterator[Problem]:
    if model.discovery_url and model.discovery_file:
        yield Problem("discovery_file", "contradicts discovery_url", "keep one of them")


def _userinfo(model: ProviderModel) -> Iterator[Problem]:
    if model.userinfo != "never":
        return
    for index, source in enumerate(model.groups or ()):
        if source.from_ == "userinfo":
            yield Problem(f"groups[{index}].from", "is userinfo, but `userinfo: never`", "write `userinfo: auto`")
