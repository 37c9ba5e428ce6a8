"""The keys of the audit's chain, as commands find them: in the configuration, or in a file that an auditor brings."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import ValidationError

from airflow_oidc_auth.audit.chain.keys import BadKey, SigningKey, TrustedKeys, read_jwks
from airflow_oidc_auth.cli.command import CommandFailed
from airflow_oidc_auth.cli.text import printable
from airflow_oidc_auth.config.compile_audit import MAX_BYTES, build_audit, check_audit
from airflow_oidc_auth.config.compiled import AuditSettings
from airflow_oidc_auth.config.document import RawDocument
from airflow_oidc_auth.config.problems import problems_of
from airflow_oidc_auth.config.schema.audit import AuditModel
from airflow_oidc_auth.config.secret_reader import SecretReader
from airflow_oidc_auth.config.secrets import SecretResolver
from airflow_oidc_auth.errors import ConfigurationError, Problem
from airflow_oidc_auth.managers.connections import read_connection_secret
from airflow_oidc_auth.managers.settings import load_settings

SETTING = "audit.signing_key"


def read_audit_settings() -> AuditSettings:
    """Return what the document says of the audit, with its key; nothing else of the document has to be right.

    :raises ConfigurationError: the document cannot be read, or what it says of the audit is wrong
    """
    settings = load_settings(resolve_secrets=False)
    if settings.document is None:
        raise ConfigurationError(settings.problems)
    return _read(settings.document)


def read_signing_key() -> SigningKey:
    """Return the configured key.

    :raises ConfigurationError: there is none, or it cannot be read here
    """
    return _key_of(read_audit_settings(), "this command signs what it does: add {file: /PATH}")


def read_trusted_keys(key_file: str | None) -> TrustedKeys:
    """Return the public keys of a file, or those of the configuration.

    :raises CommandFailed: the file holds none
    :raises ConfigurationError: the configuration names none
    """
    if key_file is not None:
        return TrustedKeys(_read_file(key_file))
    settings = read_audit_settings()
    key = _key_of(settings, "the audit is not signed; name public keys by --key FILE if it was")
    return TrustedKeys([key.public, *settings.retired_keys])


def _read(document: RawDocument) -> AuditSettings:
    try:
        model = AuditModel.model_validate(document.data.get("audit", {}))
    except ValidationError as error:
        raise ConfigurationError(list(problems_of(error, document, ("audit",)))) from None
    found = list(check_audit(document, model))
    resolver = SecretResolver(environ=os.environ, read_connection=read_connection_secret)
    audit = build_audit(document, model, SecretReader(document, resolver, found))
    if found:
        raise ConfigurationError(found)
    return audit


def _key_of(settings: AuditSettings, suggestion: str) -> SigningKey:
    if settings.signing_key is None:
        raise ConfigurationError([Problem(SETTING, "is not set", suggestion)])
    return SigningKey(settings.signing_key)


def _read_file(name: str) -> list[dict[str, object]]:
    if name.lower().startswith(("https://", "http://")):
        # Keys fetched anew each time are those of whoever has the server now, and vouch for any history.
        raise CommandFailed("--key takes a file: save what that address answers once, keep it, and name the file.")
    try:
        with Path(name).open("rb") as file:
            return [dict(each) for each in read_jwks(file.read(MAX_BYTES))]
    except OSError as error:
        raise CommandFailed(f"Cannot read {printable(name)}: {error.strerror}.") from None
    except BadKey as error:
        raise CommandFailed(f"The file {printable(name)} {error}.") from None
