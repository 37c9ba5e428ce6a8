"""GitHub.com, Enterprise Cloud with its own host, and Enterprise Server: OAuth 2, no OpenID Connect for people."""

from __future__ import annotations

from urllib.parse import urlsplit

from airflow_oidc_auth.errors import Problem
from airflow_oidc_auth.providers.presets.options import check_texts, is_host, texts
from airflow_oidc_auth.providers.presets.preset import Derived, Given, Preset, issuer_problem, no_logout_url

ISSUER = "https://github.com"


def check(given: Given) -> tuple[Problem, ...]:
    """``issuer`` and ``host`` are two spellings of the same thing."""
    problems = list(check_texts(given.options, "organizations"))
    host = given.options.get("host")
    if host is not None and not is_host(host):
        problems.append(Problem("host", "is not a host name", "write it without https://, such as git.example.com"))
    if given.issuer and (text := issuer_problem(given.issuer) or _path_problem(given.issuer)):
        problems.append(Problem("issuer", text, f"write {ISSUER} or https://YOUR-HOST"))
    elif given.issuer and host and urlsplit(given.issuer).hostname != host:
        problems.append(Problem("host", "differs from the issuer's", "keep one of them"))
    return tuple(problems)


def derive(given: Given) -> Derived:
    """The issuer of the identities is the host's address."""
    host = given.options.get("host")
    issuer = given.issuer or (f"https://{host}" if host else ISSUER)
    organizations = tuple(name.lower() for name in texts(given.options, "organizations"))
    return Derived(issuer=issuer.rstrip("/"), options={"organizations": organizations})


def _path_problem(issuer: str) -> str | None:
    return None if urlsplit(issuer).path in ("", "/") else "must be the host alone, without a path"


PRESET = Preset(
    name="github",
    vendor="GitHub",
    protocol="github",
    scopes=("read:user", "user:email", "read:org"),
    client_auth="client_secret_post",
    logout="none",
    other_account_prompt="select_account",
    option_keys=("host", "organizations"),
    check=check,
    derive=derive,
    logout_url=no_logout_url,
    no_access_tokens="GitHub's access tokens name no audience and cannot be checked",
)
