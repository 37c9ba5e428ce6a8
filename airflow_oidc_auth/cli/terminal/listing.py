"""The identity providers that an Airflow offers to terminals: public facts, read strictly. Sans-IO."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from airflow_oidc_auth.cli.command import CommandFailed
from airflow_oidc_auth.cli.text import printable
from airflow_oidc_auth.errors import ProviderError
from airflow_oidc_auth.providers.endpoints import check_url

_MAX_PROVIDERS = 100
_MAX_TEXT = 2048
_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
# RFC 6749 §3.3
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,200}")


@dataclass(frozen=True, slots=True)
class CliProvider:
    """One identity provider, and the public client that terminals use there.

    :param label: for people; nothing in it moves a cursor
    :param resource: resource indicator to ask for (RFC 8707), or None
    :param audience: the same for vendors that call it ``audience``, or None
    """

    id: str
    label: str
    issuer: str
    client_id: str
    scopes: tuple[str, ...]
    resource: str | None = None
    audience: str | None = None


def parse_listing(document: object) -> tuple[CliProvider, ...]:
    """Read the answer of ``GET /auth/token/cli``.

    :raises CommandFailed: it is none, or names an issuer that must not be asked
    """
    listed = document.get("providers") if isinstance(document, dict) else None
    if not isinstance(listed, list) or len(listed) > _MAX_PROVIDERS:
        raise CommandFailed("The answer is no list of identity providers. Is --url the address of an Airflow?")
    return tuple(map(_read_provider, listed))


def choose_provider(providers: Sequence[CliProvider], wanted: str | None) -> CliProvider:
    """Return the one that is asked for, or the only one.

    :raises CommandFailed: there is none, or a choice
    """
    if not providers:
        raise CommandFailed(
            "This Airflow offers no sign-in to terminals. Its administrator can add `cli` to a provider of the "
            "configuration; see the page `Sign in from a terminal` of the documentation."
        )
    names = ", ".join(f"{each.id} ({each.label})" if each.label != each.id else each.id for each in providers)
    if wanted is None:
        if len(providers) > 1:
            raise CommandFailed(f"This Airflow has several identity providers. Choose one with --provider: {names}.")
        return providers[0]
    for each in providers:
        if each.id == wanted:
            return each
    raise CommandFailed(f"This Airflow has no provider {printable(wanted)!r} for terminals. It has: {names}.")


def _read_provider(entry: object) -> CliProvider:
    if not isinstance(entry, dict):
        raise _malformed("provider")
    name = _text(entry, "id")
    if not _ID.fullmatch(name):
        raise _malformed("id")
    return CliProvider(
        id=name,
        label=printable(_optional(entry, "label") or name)[:80],
        issuer=_read_issuer(_text(entry, "issuer")),
        client_id=_text(entry, "client_id"),
        scopes=_read_scopes(entry.get("scopes")),
        resource=_optional(entry, "resource"),
        audience=_optional(entry, "audience"),
    )


def _read_issuer(issuer: str) -> str:
    """Return an issuer that may be asked: https, or this machine (OIDC Discovery §4.2, RFC 8252 §8.3)."""
    try:
        parts = check_url(issuer)
    except ProviderError as error:
        raise CommandFailed(
            f"This Airflow names an identity provider that must not be asked: {printable(error.detail)}. "
            "Is --url the right Airflow? If it is, tell its administrator."
        ) from None
    # Letters that look like others would send somebody to a page that looks like their company's.
    if parts.query or parts.fragment or "{" in issuer or not issuer.isascii():
        raise CommandFailed(
            f"This Airflow names {printable(issuer)[:200]!r} as an identity provider, which is no issuer that a "
            "terminal can ask. Its administrator must configure one tenant."
        )
    return issuer


def _read_scopes(value: object) -> tuple[str, ...]:
    scopes = value.split() if isinstance(value, str) else value
    if not isinstance(scopes, list) or len(scopes) > _MAX_PROVIDERS:
        raise _malformed("scopes")
    if not all(isinstance(each, str) and _SCOPE.fullmatch(each) for each in scopes):
        raise _malformed("scopes")
    return tuple(scopes)


def _text(entry: dict[object, object], name: str) -> str:
    value = _optional(entry, name)
    if value is None:
        raise _malformed(name)
    return value


def _optional(entry: dict[object, object], name: str) -> str | None:
    value = entry.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > _MAX_TEXT:
        raise _malformed(name)
    return value


def _malformed(name: str) -> CommandFailed:
    return CommandFailed(f"This Airflow's list of identity providers cannot be understood ({name}).")
