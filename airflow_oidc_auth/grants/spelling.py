"""Read conditions as the configuration spells them; every problem gets its exact path."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping

from airflow_oidc_auth.grants.cel import compile_cel
from airflow_oidc_auth.grants.conditions import (
    AuthenticatedBy,
    Cel,
    ClaimIs,
    Condition,
    Delegated,
    EmailDomain,
    EmailVerified,
    Everyone,
    GroupIs,
    GroupMatches,
)
from airflow_oidc_auth.grants.patterns import Pattern, compile_glob, compile_regex
from airflow_oidc_auth.grants.settings import Findings, RuleError
from airflow_oidc_auth.identity.claims import parse_claim_path
from airflow_oidc_auth.identity.groups import json_kind

_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")


def read_when(when: Mapping[str, object], path: str) -> tuple[Condition, ...]:
    """Return the conditions of a rule, all of which must hold.

    :raises RuleError: with every problem of this ``when``
    """
    others = when.keys() - {"delegated"}
    if "everyone" in when and len(others) > 1:
        raise RuleError(f"{path}.everyone", "everyone stands alone", "Remove it, or the other conditions beside it.")
    if when and not others:
        text = "delegated says how somebody comes, not who"
        raise RuleError(f"{path}.delegated", text, "Add a condition, or `everyone: true`.")
    return _read(when, path, _WHEN)


def read_checks(checks: Mapping[str, object], path: str) -> tuple[Condition, ...]:
    """Return the conditions of a requirement, all of which must hold.

    :raises RuleError: with every problem of this requirement
    """
    return _read(checks, path, _CHECKS)


def texts(value: object, path: str) -> tuple[str, ...]:
    """Return one text or a non-empty list of texts as a tuple.

    :raises RuleError: something else; an empty list would be a condition that nobody meant
    """
    items = value if isinstance(value, list | tuple) else (value,)
    if not items:
        raise RuleError(path, "the list is empty", "Name at least one, or remove the key.")
    return tuple(_text(item, f"{path}[{n}]" if items is value else path) for n, item in enumerate(items))


_Reader = Callable[[object, str], "Condition | tuple[Condition, ...]"]


def _read(given: Mapping[str, object], path: str, readers: Mapping[str, _Reader]) -> tuple[Condition, ...]:
    if not given:
        raise RuleError(path, "no condition", f"Write one of: {', '.join(readers)}.")
    conditions: list[Condition] = []
    findings = Findings()
    for key, value in given.items():
        with findings.part():
            read = _condition(value, f"{path}.{key}", key, readers)
            conditions.extend(read if isinstance(read, tuple) else (read,))
    findings.finish()
    return tuple(conditions)


def _condition(value: object, path: str, key: str, readers: Mapping[str, _Reader]) -> Condition | tuple[Condition, ...]:
    reader = readers.get(key)
    if reader is None:
        close = difflib.get_close_matches(key, readers, 1)
        raise RuleError(
            path, "unknown condition", f"Did you mean {close[0]!r}?" if close else f"Known: {', '.join(readers)}."
        )
    return reader(value, path)


def _text(value: object, path: str) -> str:
    if not isinstance(value, str):
        suggestion = "Use cel: for numbers and booleans; quote it if it is a text."
        raise RuleError(path, f"a text is needed, this is {json_kind(value)}", suggestion)
    if not value.strip():
        raise RuleError(path, "the text is empty", "Name at least one, or remove the key.")
    return value


def _everyone(value: object, path: str) -> Condition:
    _only_true(value, path)
    return Everyone()


def _delegated(value: object, path: str) -> Condition:
    if not isinstance(value, bool):
        raise RuleError(path, "must be true or false", "Remove the key for both.")
    return Delegated(value)


def _email_verified(value: object, path: str) -> Condition:
    _only_true(value, path)
    return EmailVerified()


def _only_true(value: object, path: str) -> None:
    if value is not True:
        raise RuleError(path, "the only value is true", "Write true, or remove the key.")


def _groups(value: object, path: str) -> Condition:
    return GroupIs(frozenset(texts(value, path)))


def _patterns(compiler: Callable[[str], Pattern]) -> _Reader:
    def read(value: object, path: str) -> Condition:
        return GroupMatches(tuple(_pattern(compiler, source, path) for source in texts(value, path)))

    return read


def _pattern(compiler: Callable[[str], Pattern], source: str, path: str) -> Pattern:
    try:
        return compiler(source)
    except ValueError as error:
        suggestion = "Patterns are RE2: no look-around, no back-references; they match the whole name."
        raise RuleError(path, f"{source!r} is no valid pattern: {error}", suggestion) from None


def _domains(value: object, path: str) -> Condition:
    domains = frozenset(domain.lower() for domain in texts(value, path))
    for domain in sorted(domains):
        if not _DOMAIN.fullmatch(domain):
            suggestion = "Write a plain domain such as example.com; name each subdomain."
            raise RuleError(path, f"{domain!r} is no domain", suggestion)
    return EmailDomain(domains)


def _authenticated(name: str) -> _Reader:
    return lambda value, path: AuthenticatedBy(name, frozenset(texts(value, path)))


def _claims(value: object, path: str) -> tuple[Condition, ...]:
    if not isinstance(value, Mapping) or not value:
        raise RuleError(path, "claim paths with the wanted values are needed", "Write {department: finance}.")
    conditions: list[Condition] = []
    findings = Findings()
    for name, wanted in value.items():
        with findings.part():
            conditions.append(_claim_is(name, wanted, f"{path}.{name}"))
    findings.finish()
    return tuple(conditions)


def _claim_is(name: object, wanted: object, path: str) -> Condition:
    try:
        claim_path = parse_claim_path(name)
    except ValueError as error:
        raise RuleError(path, str(error)) from None
    items = wanted if isinstance(wanted, list | tuple) else [wanted]
    globs = tuple(_glob(item, path) for item in items if isinstance(item, Mapping))
    plain = [item for item in items if not isinstance(item, Mapping)]
    exact = frozenset(texts(plain, path)) if plain or not globs else frozenset()
    return ClaimIs(claim_path, exact, globs)


def _glob(item: Mapping[str, object], path: str) -> Pattern:
    if set(item) != {"glob"}:
        raise RuleError(path, "an object here holds only 'glob'", 'Write {glob: "team-*"}.')
    return _pattern(compile_glob, _text(item["glob"], f"{path}.glob"), f"{path}.glob")


def _cel(value: object, path: str) -> Condition:
    source = _text(value, path)
    try:
        return Cel(compile_cel(source))
    except ValueError as error:
        raise RuleError(
            path, f"the expression cannot be used: {error}", "See https://cel.dev for the language."
        ) from None


_WHEN: Mapping[str, _Reader] = {
    "group": _groups,
    "group_glob": _patterns(compile_glob),
    "group_regex": _patterns(compile_regex),
    "claims": _claims,
    "cel": _cel,
    "everyone": _everyone,
    "delegated": _delegated,
}
_CHECKS: Mapping[str, _Reader] = {
    "email_verified": _email_verified,
    "email_domain": _domains,
    "acr": _authenticated("acr"),
    "amr": _authenticated("amr"),
    "claims": _claims,
    "cel": _cel,
}
