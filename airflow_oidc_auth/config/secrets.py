"""From references to secrets. Only the API server and the commands that need secrets resolve them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from airflow_oidc_auth.config.schema.secrets import SecretReference
from airflow_oidc_auth.secret import Secret

MAX_BYTES = 64 * 1024


class SecretUnavailable(Exception):
    """The reference leads to no secret.

    :param text: what is wrong; names the variable, file or connection and never a value
    """

    def __init__(self, text: str, suggestion: str) -> None:
        super().__init__(text)
        self.text = text
        self.suggestion = suggestion


class SecretResolver:
    """Fetch what references name.

    :param environ: the environment
    :param read_connection: password of an Airflow connection, None if there is none; ``LookupError``, ``OSError`` or
        ``ValueError`` if it cannot be told
    """

    def __init__(
        self, *, environ: Mapping[str, str], read_connection: Callable[[str], str | None] | None = None
    ) -> None:
        self._environ = environ
        self._read_connection = read_connection

    def resolve(self, reference: SecretReference) -> Secret:
        """Return the secret.

        :raises SecretUnavailable: not set, empty, unreadable, too large, or not text
        """
        if reference.env is not None:
            return self._from_environment(reference.env)
        if reference.file is not None:
            return _from_file(reference.file)
        return self._from_connection(reference.connection or "")

    def _from_environment(self, name: str) -> Secret:
        value = self._environ.get(name)
        if value is None:
            raise SecretUnavailable(f"environment variable {name} is not set", "set it for the API server")
        return _secret(value, f"environment variable {name}")

    def _from_connection(self, connection_id: str) -> Secret:
        if self._read_connection is None:
            raise SecretUnavailable("connections cannot be read here", "use {env: NAME} or {file: /PATH}")
        try:
            value = self._read_connection(connection_id)
        except (LookupError, OSError, ValueError) as error:
            # The type only: a database's message may hold its own address and password.
            text = f"connection {connection_id} cannot be read: {type(error).__name__}"
            raise SecretUnavailable(text, "look at the secrets backend and the metadata database") from None
        if not value:
            text = f"there is no connection {connection_id}, or it has no password"
            raise SecretUnavailable(text, "create it with the secret as its password")
        return _secret(value, f"the password of connection {connection_id}")


def _from_file(name: str) -> Secret:
    try:
        with Path(name).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SecretUnavailable(f"cannot read {name}: {reason}", "check the path and its permissions") from None
    if len(data) > MAX_BYTES:
        raise SecretUnavailable(f"{name} is larger than {MAX_BYTES // 1024} KiB", "is this the right file?")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        # Not chained: the exception holds the bytes.
        raise SecretUnavailable(f"{name} is not UTF-8 text", "is this the right file?") from None
    # Editors and `echo` end a file with one line end, which belongs to no secret; a second one was meant.
    return _secret(text.removesuffix("\n").removesuffix("\r"), name)


def _secret(value: str, origin: str) -> Secret:
    if not value.strip():
        raise SecretUnavailable(f"{origin} is empty", "put the secret there")
    return Secret(value)
