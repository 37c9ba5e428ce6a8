"""What a token request may ask for beside its credentials: lifetime, roles, label, target. Sans-IO.

Whoever asks for more than they may have is told so and gets nothing: a token that silently lives shorter, or may do
less, fails at night in somebody's pipeline.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from airflow_oidc_auth.identity.text import is_clean
from airflow_oidc_auth.login.token_errors import INVALID_REQUEST, INVALID_SCOPE, INVALID_TARGET, TokenDenied

TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
CLIENT_CREDENTIALS = "client_credentials"
PASSWORD = "password"
GRANT_TYPES = (TOKEN_EXCHANGE, JWT_BEARER, CLIENT_CREDENTIALS, PASSWORD)

ACCESS_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token"
JWT_TYPE = "urn:ietf:params:oauth:token-type:jwt"
ID_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:id_token"
TOKEN_TYPES = (ACCESS_TOKEN_TYPE, JWT_TYPE)

MAX_LABEL = 100
MAX_ROLES = 64
# All that RFC 6749 §3.3 allows in a scope token, without the sign that begins an escape.
_IN_SCOPE = "".join(chr(c) for c in range(0x21, 0x7F) if chr(c) not in '"\\%')
_SECONDS = re.compile(r"[1-9][0-9]{0,9}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for.

    :param lifetime: seconds; None for the default
    :param scope: roles to narrow to, sorted; None for all
    :param label: for the list of tokens
    """

    lifetime: int | None = None
    scope: tuple[str, ...] | None = None
    label: str | None = None


def read_wanted(form: Mapping[str, str]) -> Wanted:
    """Read ``expires_in``, ``scope`` and ``label``.

    :raises TokenDenied: ``token_lifetime_malformed``, ``token_scope_malformed`` or ``token_label_malformed``
    """
    return Wanted(_lifetime(form.get("expires_in", "")), _scope(form.get("scope", "")), _label(form.get("label", "")))


def spell_scope(roles: Collection[str]) -> str:
    """Return roles as an OAuth scope; what a scope token cannot hold is percent-encoded (``Data%20Team``)."""
    return " ".join(quote(role, safe=_IN_SCOPE) for role in sorted(roles))


def check_target(form: Mapping[str, str], base_url: str, audiences: Collection[str]) -> None:
    """``audience`` and ``resource`` mean this Airflow, if they are given (RFC 8693 §2.1, RFC 8707).

    :param audiences: further names of ours
    :raises TokenDenied: ``token_target_foreign``
    """
    audience, resource = form.get("audience", ""), form.get("resource", "")
    if audience and audience not in audiences and not is_below(audience, base_url):
        raise TokenDenied(INVALID_TARGET, "token_target_foreign", "audience is not this Airflow")
    if resource and resource not in audiences and not is_below(resource, base_url):
        raise TokenDenied(INVALID_TARGET, "token_target_foreign", "resource is not this Airflow")


def is_below(url: str, base_url: str) -> bool:
    """Tell whether an absolute address is this Airflow or one of its paths; without query, fragment or detours."""
    # The parser drops tabs, line feeds and spaces around: what it reads would be another text than the one that came.
    if not url.isprintable() or " " in url:
        return False
    try:
        given, ours = urlsplit(url), urlsplit(base_url)
    except ValueError:
        return False
    if (given.scheme.lower(), given.netloc.lower()) != (ours.scheme.lower(), ours.netloc.lower()):
        return False
    if "?" in url or "#" in url or "\\" in url or "%" in given.path or ".." in given.path.split("/"):
        return False
    home = ours.path.rstrip("/")
    return given.path.rstrip("/") == home or given.path.startswith(f"{home}/")


def _lifetime(text: str) -> int | None:
    if not text:
        return None
    if not _SECONDS.fullmatch(text):
        raise TokenDenied(INVALID_REQUEST, "token_lifetime_malformed", "expires_in is no whole number of seconds")
    return int(text)


def _scope(text: str) -> tuple[str, ...] | None:
    names = [name for name in text.split(" ") if name]
    if not names:
        return None
    if len(names) > MAX_ROLES:
        raise TokenDenied(INVALID_SCOPE, "token_scope_malformed", f"{len(names)} roles")
    try:
        roles = {unquote(name, errors="strict") for name in names}
    except UnicodeDecodeError:
        raise TokenDenied(INVALID_SCOPE, "token_scope_malformed", "an escape is no UTF-8") from None
    return tuple(sorted(roles))


def _label(text: str) -> str | None:
    if not text:
        return None
    if len(text) > MAX_LABEL or not is_clean(text) or not text.strip():
        raise TokenDenied(INVALID_REQUEST, "token_label_malformed", f"a label of {len(text)} characters")
    return text
