from __future__ import annotations

import pytest

from airflow_oidc_auth.config.schema.secrets import SecretReference
from airflow_oidc_auth.config.secrets import SecretResolver, SecretUnavailable

ENVIRON = {"GOOD": "s3cret", "BLANK": "  \n", "NONE": ""}
PASSWORDS = {"good": "s3cret", "empty": ""}


def resolve(**reference: str) -> str:
    resolver = SecretResolver(environ=ENVIRON, read_connection=PASSWORDS.get)
    return resolver.resolve(SecretReference(**reference)).reveal()


def test_reads_the_environment_a_connection_and_a_file(tmp_path):
    (tmp_path / "s").write_text("s3cret")
    assert resolve(env="GOOD") == resolve(connection="good") == resolve(file=str(tmp_path / "s")) == "s3cret"


@pytest.mark.parametrize(
    "content, secret",
    [("s\n", "s"), ("s\r\n", "s"), ("s\n\n", "s\n"), (" s ", " s "), ("a\nb\n", "a\nb"), ("\u00e4\n", "\u00e4")],
)
def test_ignores_exactly_one_line_end_at_the_end_of_a_file(tmp_path, content, secret):
    (tmp_path / "s").write_bytes(content.encode())
    assert resolve(file=str(tmp_path / "s")) == secret


@pytest.mark.parametrize(
    "reference, fragment",
    [
        ({"env": "MISSING"}, "environment variable MISSING is not set"),
        ({"env": "BLANK"}, "environment variable BLANK is empty"),
        ({"env": "NONE"}, "environment variable NONE is empty"),
        ({"connection": "nope"}, "there is no connection nope"),
        ({"connection": "empty"}, "it has no password"),
        ({"file": "/nowhere/secret"}, "cannot read /nowhere/secret: No such file or directory"),
        ({"file": "/usr"}, "cannot read /usr: Is a directory"),
    ],
)
def test_says_which_reference_leads_nowhere(reference, fragment):
    with pytest.raises(SecretUnavailable) as caught:
        resolve(**reference)
    assert fragment in caught.value.text
    assert caught.value.suggestion


@pytest.mark.parametrize(
    "content, fragment",
    [(b"", "is empty"), (b"\n", "is empty"), (b"\xff\xfe", "not UTF-8"), (b"x" * 70_000, "larger than 64 KiB")],
)
def test_refuses_files_that_hold_no_secret(tmp_path, content, fragment):
    (tmp_path / "s").write_bytes(content)
    with pytest.raises(SecretUnavailable) as caught:
        resolve(file=str(tmp_path / "s"))
    assert fragment in caught.value.text
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("error", [LookupError("s3cret"), ConnectionError("s3cret"), ValueError("s3cret")])
def test_a_connection_that_cannot_be_read_is_told_without_the_reason_s_words(error):
    def fail(connection_id: str) -> str:
        raise error

    with pytest.raises(SecretUnavailable) as caught:
        SecretResolver(environ={}, read_connection=fail).resolve(SecretReference(connection="okta"))
    assert caught.value.text == f"connection okta cannot be read: {type(error).__name__}"
    assert caught.value.__cause__ is None
