"""Claims from a file: an Identity as the provider would build it, were the claims genuine."""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from airflow_oidc_auth.cli.command import CommandFailed
from airflow_oidc_auth.errors import LoginRefused, ProviderError
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.identity.authentication import read_authentication
from airflow_oidc_auth.identity.claims import ClaimPath
from airflow_oidc_auth.providers.identity_builder import VerifiedDocuments, build_identity
from airflow_oidc_auth.providers.no_network import NoNetwork
from airflow_oidc_auth.providers.presets import preset
from airflow_oidc_auth.providers.presets.preset import HookContext, Preset
from airflow_oidc_auth.providers.settings import GroupSource, ProviderSettings

DOCUMENTS = ("id_token", "userinfo", "access_token")
MAX_BYTES = 1_000_000
Claims = Mapping[str, object]


@dataclasses.dataclass(frozen=True, slots=True)
class ReadClaims:
    """What the file says.

    :param refusal: why the provider itself would refuse (a foreign tenant or domain), or None
    :param code: of that refusal
    :param for_api: they are an access token's, and a program is answered
    :param notes: what could not be found out offline
    """

    identity: Identity
    refusal: str | None = None
    notes: tuple[str, ...] = ()
    code: str = "identity_refused"
    for_api: bool = False


def read_claims(source: str) -> dict[str, Claims]:
    """Read the documents; a file of plain claims stands for each of them.

    :raises CommandFailed: it cannot be read or is no JSON object
    """
    document = parse_object(read_source(source), source)
    if "sub" not in document and document and set(document) <= set(DOCUMENTS):
        return {name: _object(document.get(name, {}), f"{source}: {name}") for name in DOCUMENTS}
    return dict.fromkeys(DOCUMENTS, document)


def identify(settings: ProviderSettings, documents: Mapping[str, Claims]) -> ReadClaims:
    """Build the identity, with the preset's own rules as far as they need no network.

    :raises CommandFailed: there is no subject
    """
    vendor = preset(settings.preset)
    claims = documents["id_token"]
    subject = claims.get("sub", claims.get("id") if vendor.protocol == "github" else None)
    if not isinstance(subject, str | int) or isinstance(subject, bool) or subject == "":
        raise CommandFailed("The claims have no subject: add `sub`, which every id_token has.")
    issuer, refusal, notes = _ask_preset(vendor, settings, claims)
    enriched, further = _enrich(vendor, settings, documents)
    identity = build_identity(
        _with_groups(vendor, settings),
        VerifiedDocuments(
            issuer, str(subject), {**claims, **enriched}, documents["userinfo"], documents["access_token"]
        ),
    )
    if vendor.protocol != "github":
        told = read_authentication(claims, time.time(), settings.leeway)
        identity = dataclasses.replace(identity, authentication=told)
    return ReadClaims(identity, refusal, (*notes, *further))


def _ask_preset(vendor: Preset, settings: ProviderSettings, claims: Claims) -> tuple[str, str | None, tuple[str, ...]]:
    context = HookContext(settings, NoNetwork("explain"), settings.issuer, claims)
    told = claims.get("iss")
    try:
        issuer = vendor.check_issuer(context, told) if isinstance(told, str) else settings.issuer
        vendor.check_claims(context)
    except LoginRefused as error:
        return settings.issuer, f"{error.code}: {error.detail}", ()
    except ProviderError:
        return settings.issuer, None, ("The provider would have to be asked whether it knows this issuer.",)
    if issuer is None:
        return settings.issuer, f"the issuer {told!r} in the claims is not that of the provider", ()
    return issuer, None, ()


def _enrich(
    vendor: Preset, settings: ProviderSettings, documents: Mapping[str, Claims]
) -> tuple[Claims, tuple[str, ...]]:
    context = HookContext(settings, NoNetwork("explain"), settings.issuer, documents["id_token"], documents["userinfo"])
    try:
        return vendor.enrich(context), ()
    except ProviderError:
        note = "At a sign-in the provider is asked for the groups. Add them to the file as `groups` to include them."
        return {}, (note,)


def _with_groups(vendor: Preset, settings: ProviderSettings) -> ProviderSettings:
    if vendor.protocol != "github":
        return settings
    # GitHub has no id_token; its groups come from API calls, and the file gives them by this name.
    return dataclasses.replace(settings, groups=(GroupSource("id_token", ClaimPath(("groups",))),))


def read_source(source: str) -> bytes:
    """Return the bytes of a file, or of standard input for ``-``.

    :raises CommandFailed: it cannot be read, or is too large
    """
    try:
        data = sys.stdin.buffer.read(MAX_BYTES + 1) if source == "-" else Path(source).read_bytes()
    except OSError as error:
        raise CommandFailed(f"Cannot read {source}: {error.strerror}.") from None
    if len(data) > MAX_BYTES:
        raise CommandFailed(f"{source} is larger than {MAX_BYTES} bytes.")
    return data


def parse_object(data: bytes, source: str) -> Claims:
    """Return a JSON object.

    :raises CommandFailed: it is none
    """
    try:
        return _object(json.loads(data), source)
    except json.JSONDecodeError as error:
        raise CommandFailed(f"{source} is not JSON: {error.msg} in line {error.lineno}.") from None
    except (ValueError, RecursionError):  # not UTF-8, or a number of more digits than Python reads
        raise CommandFailed(f"{source} is not JSON.") from None


def _object(value: object, name: str) -> Claims:
    if not isinstance(value, dict):
        raise CommandFailed(f"{name} must be a JSON object of claims.")
    return value
