from __future__ import annotations

import logging

import pytest
from cryptography.fernet import Fernet

from airflow_oidc_auth.errors import ConfigurationError
from airflow_oidc_auth.secret import Secret
from airflow_oidc_auth.sessions.fernet import TokenCipher

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()
TOKEN = Secret("an id_token")


def test_reads_what_it_wrote_and_shows_nothing():
    cipher = TokenCipher(Secret(OLD))
    ciphertext = cipher.encrypt(TOKEN, "id_token:s1")
    assert ciphertext is not None
    assert TOKEN.reveal() not in ciphertext
    assert cipher.decrypt(ciphertext, "id_token:s1") == TOKEN
    assert OLD not in f"{cipher!r}"


def test_no_token_is_no_ciphertext():
    cipher = TokenCipher(Secret(OLD))
    assert cipher.encrypt(None, "id_token:s1") is None
    assert cipher.decrypt(None, "id_token:s1") is None
    assert cipher.decrypt("", "id_token:s1") is None


def test_rotation_reads_old_tokens_and_writes_with_the_first_key():
    old, both, new = (TokenCipher(Secret(keys)) for keys in (OLD, f"{NEW}, {OLD}", NEW))
    assert both.decrypt(old.encrypt(TOKEN, "x"), "x") == TOKEN
    assert new.decrypt(both.encrypt(TOKEN, "x"), "x") == TOKEN


def test_what_an_older_key_encrypted_is_encrypted_anew_and_stays_bound_to_its_row(caplog):
    old, both, new = (TokenCipher(Secret(keys)) for keys in (OLD, f"{NEW},{OLD}", NEW))
    resealed = both.reseal(old.encrypt(TOKEN, "id_token:s1"))
    assert new.decrypt(resealed, "id_token:s1") == TOKEN
    assert new.decrypt(resealed, "id_token:s2") is None


def test_nothing_is_encrypted_anew_that_need_not_or_cannot_be(caplog):
    old, both, foreign = (TokenCipher(Secret(keys)) for keys in (OLD, f"{NEW},{OLD}", Fernet.generate_key().decode()))
    for ciphertext in (both.encrypt(TOKEN, "x"), foreign.encrypt(TOKEN, "x"), None, "", "not fernet", "é"):
        assert both.reseal(ciphertext) is None
    assert old.reseal(both.encrypt(TOKEN, "x")) is None
    assert not caplog.records


@pytest.mark.parametrize("ciphertext", ["gAAAA", "not fernet", "é", "\0"])
def test_what_cannot_be_decrypted_is_absent_and_logged(ciphertext, caplog):
    assert TokenCipher(Secret(OLD)).decrypt(ciphertext, "x") is None
    assert caplog.records[0].levelno == logging.WARNING


def test_a_ciphertext_is_bound_to_its_row_and_column(caplog):
    cipher = TokenCipher(Secret(OLD))
    ciphertext = cipher.encrypt(TOKEN, "refresh_token:s1")
    assert cipher.decrypt(ciphertext, "id_token:s1") is None
    assert cipher.decrypt(ciphertext, "refresh_token:s2") is None
    assert TOKEN.reveal() not in caplog.text


@pytest.mark.parametrize(
    "keys", [None, Secret(","), Secret("   "), Secret("short"), Secret(f"{OLD},short"), Secret(OLD + ",")]
)
def test_refuses_to_run_without_usable_keys(keys):
    """Airflow itself would then store clear text."""
    with pytest.raises(ConfigurationError) as caught:
        TokenCipher(keys)
    (problem,) = caught.value.problems
    assert problem.path == "[core] fernet_key"
    assert caught.value.code == "configuration_invalid"
    assert OLD not in f"{caught.value} {problem.suggestion}"
