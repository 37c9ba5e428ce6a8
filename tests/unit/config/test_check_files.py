"""Named files and keys are looked at before anybody signs in."""

from __future__ import annotations

import datetime as dt

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from tests.unit.config.documents import compile_text, document, problems_in

PEM, PKCS8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
KEY = ec.generate_private_key(ec.SECP256R1())


def pem(key, password: bytes | None = None) -> bytes:
    how = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(PEM, PKCS8, how)


def certificate() -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    start = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)
    builder = x509.CertificateBuilder(name, name, KEY.public_key(), 1, start, start + dt.timedelta(days=9))
    return builder.sign(KEY, hashes.SHA256()).public_bytes(PEM)


@pytest.mark.parametrize(
    "provider, content, fragment",
    [
        ("http: {ca_file: FILE}", b"", "holds no PEM certificates"),
        ("http: {ca_file: FILE}", pem(KEY), "holds no PEM certificates"),
        ("http: {ca_file: FILE}", b"\xff", "holds no PEM certificates"),
        ("discovery_file: FILE", b"[]", "is not a discovery document"),
        ("discovery_file: FILE", b"{", "is not a discovery document"),
        ("jwks_file: FILE", b'{"keys": []}', "is not a JWK Set"),
        ("jwks_file: FILE", b"[" * 100_000, "is not a JWK Set"),
        ("jwks_file: FILE", b" " * 5_000_000, "is larger than 4 MiB"),
        ("-client_secret\nclient_auth: private_key_jwt\nprivate_key: {file: FILE}", b"hunter2", "is not a private key"),
        (
            "-client_secret\nclient_auth: private_key_jwt\nprivate_key: {file: FILE}",
            certificate(),
            "is not a private key",
        ),
        (
            "-client_secret\nclient_auth: private_key_jwt\nprivate_key: {file: FILE}",
            pem(KEY, b"p"),
            "with a passphrase",
        ),
        (
            "-client_secret\nclient_auth: private_key_jwt\nprivate_key: {file: FILE}",
            pem(rsa.generate_private_key(65537, 1024)),
            "less than 2048 bits",
        ),
    ],
)
def test_a_file_that_is_something_else_is_a_problem(tmp_path, provider, content, fragment):
    (tmp_path / "file").write_bytes(content)
    (problem,) = problems_in(document(provider=provider.replace("FILE", str(tmp_path / "file"))))
    assert fragment in problem.text
    assert "hunter2" not in str(problem)


@pytest.mark.parametrize(
    "provider, content",
    [
        ("http: {ca_file: FILE}", certificate()),
        ("discovery_file: FILE\njwks_file: FILE", b'{"issuer": "https://idp.example.com", "keys": [{"kty": "EC"}]}'),
        ("-client_secret\nclient_auth: private_key_jwt\nprivate_key: {file: FILE}", pem(KEY)),
    ],
)
def test_a_file_that_is_what_it_should_be_is_accepted(tmp_path, provider, content):
    (tmp_path / "file").write_bytes(content)
    compile_text(document(provider=provider.replace("FILE", str(tmp_path / "file"))))
