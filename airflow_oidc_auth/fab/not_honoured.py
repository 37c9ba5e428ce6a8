"""FAB's settings about signing in that do nothing any more: what each did, and what to write instead.

Names and meanings are those of the FAB provider (``security_manager/override.py``, ``get_provider_info.py``) and of
Flask-AppBuilder and Flask-Login below it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from airflow_oidc_auth.config.paths import did_you_mean
from airflow_oidc_auth.errors import Problem
from airflow_oidc_auth.fab.mapped_rules import MAPPING, REGISTRATION, REGISTRATION_ROLE
from airflow_oidc_auth.fab.webserver_config import WebserverConfig

HONOURED = (MAPPING, REGISTRATION, REGISTRATION_ROLE, "AUTH_ROLES_SYNC_AT_LOGIN", "AUTH_ROLE_ADMIN")
REMOVE = "remove it"
# Constants that files import to name a kind of sign-in; they set nothing.
_CONSTANTS = frozenset({"AUTH_OID", "AUTH_DB", "AUTH_LDAP", "AUTH_REMOTE_USER", "AUTH_OAUTH"})


@dataclass(frozen=True, slots=True)
class Dropped:
    """A setting without effect.

    :param did: what it did, as the end of "it …"
    :param instead: what to write
    """

    did: str
    instead: str = REMOVE

    def text(self) -> str:
        """Say both halves: what it did, and that it does not any more."""
        return f"does nothing here; it {self.did}"


_PUBLIC = Dropped(
    "let everybody in without signing in, with this role. NOBODY gets in without signing in now",
    "remove it; a role for everyone who signs in is a rule: "
    '{"when": {"everyone": True}, "roles": ["Viewer"]} in grants.rules',
)
_PASSWORDS = Dropped("made passwords safer; nobody signs in with a password of FAB now")
_LDAP = Dropped(
    "connected FAB to LDAP", "remove it; let the identity provider ask LDAP, and read groups from its tokens"
)
_COOKIES = Dropped(
    "shaped the session cookie of Flask, which signs nobody in now", "remove it; `sessions` says how long"
)
_RATE = Dropped("slowed down guessing of passwords; there is no password form now")
_OLD_API = Dropped("belonged to FAB's own login API, which is closed")

_SETTINGS: Mapping[str, Dropped] = {
    "AUTH_ROLE_PUBLIC": _PUBLIC,
    "AUTH_TYPE": Dropped("chose how people sign in; they always sign in with the providers of OIDC_AUTH now"),
    "OAUTH_PROVIDERS": Dropped(
        "listed the identity providers of AUTH_OAUTH",
        'remove it; write each under OIDC_AUTH["providers"] (`airflow oidc init` shows one of each kind)',
    ),
    "AUTH_USER_REGISTRATION_ROLE_JMESPATH": Dropped(
        "computed the role of new users from claims",
        "remove it; write rules with `claims` or `cel`: "
        '{"when": {"claims": {"department": "finance"}}, "roles": ["Finance"]}',
    ),
    "AUTH_ROLES_SYNC_AT_LOGIN": Dropped(
        "could be False, so that roles were computed once and kept; roles are computed at every sign-in now",
        'remove it; `"keep_assigned_roles": True` in grants keeps the roles that somebody assigned in FAB',
    ),
    "AUTH_OAUTH_ROLE_KEYS": Dropped(
        "chose the claim that holds groups", 'remove it; write "groups": {"claim": "roles"} at the provider'
    ),
    "AUTH_REMOTE_USER_ENV_VAR": Dropped("believed a user name from the web server in front"),
    "AUTH_USERNAME_CI": Dropped("made letter case of user names not count; a name never decides who somebody is now"),
    "AUTH_API_LOGIN_ALLOW_MULTIPLE_PROVIDERS": _OLD_API,
    "AUTH_DB_FAKE_PASSWORD_HASH_CHECK": _PASSWORDS,
    "AUTH_RATE_LIMITED": _RATE,
    "AUTH_RATE_LIMIT": _RATE,
    "AUTH_HEADER_NAME": _OLD_API,
    "FAB_API_KEY_ENABLED": Dropped("opened FAB's API to keys"),
    "FAB_ROLES": Dropped(
        "defined roles outside of FAB's database", "remove it; define them in [fab] custom_roles or on the Roles page"
    ),
    "SESSION_PROTECTION": _COOKIES,
    "PERMANENT_SESSION_LIFETIME": _COOKIES,
}
_PREFIXES: Mapping[str, Dropped] = {
    "AUTH_LDAP_": _LDAP,
    "FAB_PASSWORD_": _PASSWORDS,
    "REMEMBER_COOKIE_": Dropped("kept people signed in", "remove it; `sessions` says how long people stay signed in"),
    "SESSION_COOKIE_": _COOKIES,
    "RECAPTCHA_": Dropped("protected FAB's registration form, which is closed"),
    "JWT_": _OLD_API,
}
_SESSION = Dropped(
    "said how long Flask's session lasts", 'remove it; write "sessions": {"lifetime": "12h"} in the document'
)
FAB_OPTIONS: Mapping[str, Dropped] = {
    "auth_role_public": _PUBLIC,
    "auth_backends": Dropped(
        "opened the REST API to passwords, Kerberos or FAB's session",
        "remove it; people call the API with a token that they make when they are signed in",
    ),
    "session_backend": Dropped("chose where Flask's sessions are; ours are in Airflow's metadata database"),
    "session_lifetime_minutes": _SESSION,
    "session_max_lifetime_minutes": _SESSION,
    "auth_rate_limited": _RATE,
    "auth_rate_limit": _RATE,
    "cookie_secure": _COOKIES,
    "cookie_samesite": _COOKIES,
    "cache_ttl": Dropped("kept users in memory for that long; changes in FAB count within 5 seconds now"),
}


def dropped_settings(config: WebserverConfig, fab_options: Mapping[str, str]) -> Iterator[Problem]:
    """Yield a warning for each setting that is set and does nothing.

    :param fab_options: options of ``[fab]`` that differ from their default
    """
    for name in config.values:
        if (found := _dropped(name, config.values[name])) is not None:
            yield config.problem(name, found.text(), found.instead)
        elif name.startswith("AUTH_") and name not in {*HONOURED, *_SETTINGS, *_CONSTANTS}:
            suggestion = did_you_mean(name, (*HONOURED, *_SETTINGS)) or REMOVE
            yield config.problem(name, "is not a setting of FAB and does nothing", suggestion)
    yield from _whitelists(config)
    for name in fab_options:
        if name in FAB_OPTIONS:
            yield Problem(f"[fab] {name}", FAB_OPTIONS[name].text(), FAB_OPTIONS[name].instead)


def _dropped(name: str, value: object) -> Dropped | None:
    if name == "AUTH_ROLES_SYNC_AT_LOGIN" and value is True:
        return None
    if name == "AUTH_ROLE_PUBLIC" and not value:
        return None
    if name in _SETTINGS:
        return _SETTINGS[name]
    return next((found for prefix, found in _PREFIXES.items() if name.startswith(prefix)), None)


def _whitelists(config: WebserverConfig) -> Iterator[Problem]:
    """A whitelist that is not asked any more would let more people in than before."""
    providers = config.values.get("OAUTH_PROVIDERS")
    for index, provider in enumerate(providers if isinstance(providers, list) else []):
        if isinstance(provider, Mapping) and provider.get("whitelist"):
            place = f"OAUTH_PROVIDERS[{index}].whitelist"
            text = "is not asked any more: people of every e-mail domain could sign in"
            suggestion = 'write "require": [{"email_domain": ["example.com"]}] in grants'
            yield config.problem("OAUTH_PROVIDERS", text, suggestion, place=place)
