"""Where the document comes from: a YAML file, options of ``[oidc_auth]``, or ``OIDC_AUTH`` in FAB mode."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass

from airflow_oidc_auth.config.document import RawDocument, load_document
from airflow_oidc_auth.config.single import both_configured, document_from_options
from airflow_oidc_auth.errors import ConfigurationError, Problem
from airflow_oidc_auth.managers.fab_source import FabSource
from airflow_oidc_auth.managers.options import SECTION, SINGLE_PROVIDER_OPTIONS
from airflow_oidc_auth.managers.secret_option import read_secret_option
from airflow_oidc_auth.secret import Secret

MAX_DOCUMENT_BYTES = 1_000_000
CONFIG_FILE = f"[{SECTION}] config_file"
# `airflow oidc plan <(…)`: a pipe that somebody writes to already.
_OF_THE_SHELL = ("/dev/", "/proc/")


@dataclass(slots=True)
class DocumentSource:
    """The places that may hold the document; exactly one does.

    :param config_file: the YAML document, if one is named: in ``[oidc_auth]``, or by ``OIDC_AUTH``
    :param named: where the configuration comes from, for people; known after :meth:`read`
    :param file_problems: what is wrong with the YAML document itself; known after :meth:`read`
    """

    config_file: str | None
    fab: FabSource | None
    named: str = ""
    file_problems: tuple[Problem, ...] = ()

    def read(self, problems: list[Problem], *, resolve_secrets: bool) -> RawDocument | None:
        """Return the document; None where what should hold it is among the problems already.

        :raises ConfigurationError: no place holds it, several do, or it cannot be read
        """
        # Reading the secret may run a command or ask a secrets backend: offline commands must not.
        given = read_option("client_secret", problems) if resolve_secrets else None
        secret = Secret(given) if given else None
        single = {name: read_option(name, problems) for name in SINGLE_PROVIDER_OPTIONS if name != "client_secret"}
        written = [name for name in SINGLE_PROVIDER_OPTIONS if single.get(name) or (name == "client_secret" and secret)]
        self.named = self.config_file or (f"airflow.cfg [{SECTION}]" if written or self.fab is None else self.fab.path)
        if self.config_file and written:
            raise ConfigurationError(both_configured(written))
        if self.fab is not None:
            others = ["config_file"] if self.config_file else written
            if wrong := self.fab.source_problems(others):
                raise ConfigurationError(wrong)
            if self.fab.holds_document:
                return self._read_oidc_auth(self.fab)
            if not others:
                return None
        if self.config_file:
            return self._read_file(self.config_file, CONFIG_FILE)
        rules_elsewhere = self.fab is not None and bool(self.fab.document.rules.rules)
        return document_from_options(
            preset=single["preset"],
            issuer=single["issuer"],
            client_id=single["client_id"],
            role_mapping=single["role_mapping"],
            client_secret=secret,
            rules_elsewhere=rules_elsewhere,
        )

    def _read_oidc_auth(self, fab: FabSource) -> RawDocument:
        self.named = f"OIDC_AUTH in {fab.path}"
        found = fab.read_oidc_auth()
        if isinstance(found, RawDocument):
            return found
        self.config_file, self.named = found, f"{found}, named by OIDC_AUTH"
        return self._read_file(found, "OIDC_AUTH")

    def _read_file(self, path: str, option: str) -> RawDocument:
        try:
            return read_document_file(path, option=option)
        except ConfigurationError as error:
            self.file_problems = error.problems
            raise


def read_document_file(path: str, *, option: str = CONFIG_FILE) -> RawDocument:
    """Read the YAML document.

    :param option: the setting that names it
    :raises ConfigurationError: unreadable, too large or not YAML
    """
    try:
        data = read_bounded(path)
    except OSError as error:
        raise ConfigurationError([_unreadable(option, path, error.strerror or type(error).__name__)]) from error
    return load_bytes(data, path, option=option)


def read_bounded(path: str) -> bytes:
    """Read a file, at most one byte more than a document may have.

    :raises OSError: it cannot be read, or is a named pipe: whoever put one there would keep the server waiting for a
        writer, and nobody would hear that the document is not followed any more
    """
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
        if stat.S_ISFIFO(os.fstat(file.fileno()).st_mode) and not path.startswith(_OF_THE_SHELL):
            raise OSError(errno.ESPIPE, "it is a named pipe")
        os.set_blocking(file.fileno(), True)
        return file.read(MAX_DOCUMENT_BYTES + 1)


def load_bytes(data: bytes, path: str, *, option: str = CONFIG_FILE) -> RawDocument:
    """Read the YAML document of a file that was read.

    :raises ConfigurationError: too large, not UTF-8 or not YAML
    """
    if len(data) > MAX_DOCUMENT_BYTES:
        raise ConfigurationError([Problem(option, f"{path} is larger than {MAX_DOCUMENT_BYTES} bytes")])
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise ConfigurationError([_unreadable(option, path, "it is not UTF-8 text")]) from None
    return load_document(text, source=path)


def read_option(name: str, problems: list[Problem]) -> str | None:
    """Return an option of ``[oidc_auth]``; one that cannot be read is a problem beside the others and hides none."""
    try:
        return read_secret_option(SECTION, name) or None
    except ConfigurationError as error:
        problems += error.problems
        return None


def _unreadable(option: str, path: str, reason: str) -> Problem:
    return Problem(option, f"cannot read {path}: {reason}", "check the path and its permissions")
