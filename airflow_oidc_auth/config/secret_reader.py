"""References of one document to secrets; what leads to none becomes a problem at its place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from airflow_oidc_auth.config.document import RawDocument
from airflow_oidc_auth.config.paths import Path
from airflow_oidc_auth.config.schema.secrets import SecretReference
from airflow_oidc_auth.config.secrets import SecretResolver, SecretUnavailable
from airflow_oidc_auth.errors import Problem
from airflow_oidc_auth.secret import Secret

PEM_HINT = "give an unencrypted PEM private key"


@dataclass(slots=True)
class SecretReader:
    """Reads the secrets of one document.

    :param secrets: None leaves them unresolved
    :param found: where problems go
    """

    raw: RawDocument
    secrets: SecretResolver | None
    found: list[Problem]

    def read(
        self,
        path: Path,
        reference: SecretReference | None,
        check: Callable[[Secret], str] | None = None,
        hint: str = PEM_HINT,
    ) -> Secret | None:
        """Return the secret, or None where there is none.

        :param check: says what is wrong with it, without its value; empty for nothing
        :param hint: what to do about that
        """
        if reference is None or self.secrets is None:
            return None
        if path in self.raw.given_secrets:
            return self.raw.given_secrets[path]
        if path in self.raw.names:
            text = "set client_secret, client_secret_cmd or client_secret_secret"
            self.found.append(self.raw.problem(path, "is missing", text))
            return None
        try:
            secret = self.secrets.resolve(reference)
        except SecretUnavailable as error:
            self.found.append(self.raw.problem(path, error.text, error.suggestion))
            return None
        if check is not None and (text := check(secret)):
            self.found.append(self.raw.problem(path, text, hint))
        return secret
