"""``audit``: from the model to settings, and what is wrong with its keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path as File

from airflow_oidc_auth.audit.chain.keys import BadKey, SigningKey, TrustedKeys, read_jwks
from airflow_oidc_auth.config.compiled import AuditSettings
from airflow_oidc_auth.config.document import RawDocument
from airflow_oidc_auth.config.schema.audit import AuditModel
from airflow_oidc_auth.config.secret_reader import SecretReader
from airflow_oidc_auth.errors import Problem
from airflow_oidc_auth.secret import Secret

MAX_BYTES = 1024 * 1024
_MAKE_ONE = "make one: `openssl genpkey -algorithm ed25519`"


def build_audit(raw: RawDocument, model: AuditModel, reader: SecretReader) -> AuditSettings:
    """Return the settings; what is wrong with a key is told by the reader."""
    key = reader.read(("audit", "signing_key"), model.signing_key, _key_problem, _MAKE_ONE)
    retired: tuple[Mapping[str, object], ...] = ()
    if model.retired_keys_file is not None and reader.secrets is not None:
        try:
            retired = read_retired(model.retired_keys_file)
        except BadKey as error:
            path = ("audit", "retired_keys_file")
            reader.found.append(raw.problem(path, str(error), "save /auth/audit/jwks.json there before a rotation"))
    return AuditSettings(model.on_failure == "fail", key, retired, model.checkpoint_every)


def check_audit(raw: RawDocument, model: AuditModel) -> Iterator[Problem]:
    """Yield what does not fit together."""
    if model.signing_key is None and model.retired_keys_file is not None:
        yield raw.problem(("audit", "retired_keys_file"), "is of no use without signing_key", "remove it")


def read_retired(name: str) -> tuple[Mapping[str, object], ...]:
    """Return the public keys of a file.

    :raises BadKey: it cannot be read, or holds none
    """
    try:
        with File(name).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise BadKey(f"cannot read the file {name}: {error.strerror or type(error).__name__}") from None
    try:
        return tuple(TrustedKeys(read_jwks(data[:MAX_BYTES])).jwks()["keys"])
    except BadKey as error:
        raise BadKey(f"the file {name} {error}") from None


def _key_problem(secret: Secret) -> str:
    try:
        SigningKey(secret)
    except BadKey as error:
        return str(error)
    return ""
