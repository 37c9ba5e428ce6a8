"""What only a database can do: hold ciphertext, be written by others, be locked, be gone."""

from __future__ import annotations

import logging
import threading

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import create_engine, insert, select, update
from sqlalchemy.orm import sessionmaker

from airflow_oidc_auth.errors import SessionError
from airflow_oidc_auth.secret import Secret
from airflow_oidc_auth.sessions import database as database_module
from airflow_oidc_auth.sessions import resealing
from airflow_oidc_auth.sessions.database import DatabaseSessionStore
from airflow_oidc_auth.sessions.feed import RevocationFeed
from airflow_oidc_auth.sessions.fernet import TokenCipher
from airflow_oidc_auth.sessions.models import metadata, principals, revocations, sessions
from tests.storage.backends import KEYS, Backend, database_backend
from tests.storage.people import ADMIN, HOUR, ID_TOKEN, NOW, REFRESH_TOKEN, open_session, sign_in


def store_with(database: Backend, keys: str) -> DatabaseSessionStore:
    return DatabaseSessionStore(TokenCipher(Secret(keys)), transactions=sessionmaker(database.database).begin)


def change(database: Backend, table, **values) -> None:
    with database.database.begin() as connection:
        assert connection.execute(update(table).values(values)).rowcount


def test_tokens_are_in_no_row_as_clear_text_and_gone_when_the_session_has_ended(database):
    store = database.new_store()
    session = open_session(store)
    with database.database.connect() as connection:
        everything = repr([connection.execute(select(table)).all() for table in metadata.sorted_tables])
        assert "gAAAA" in everything
        assert ID_TOKEN not in everything
        assert REFRESH_TOKEN not in everything
    store.end(session.id, reason="user_logout", now=NOW)
    with database.database.connect() as connection:
        row = connection.execute(select(sessions)).one()
    assert (row.id_token, row.refresh_token, row.ended_at, row.end_reason) == (None, None, NOW, "user_logout")


def test_a_strangers_guess_at_a_name_of_the_idps_reads_no_session_of_others(database, monkeypatch):
    """Front-channel logout asks for whatever somebody writes into an address, as often as they like."""
    store, read = database.new_store(), []
    for number in range(9):
        open_session(store, f"person-{number}", sid=f"00u{number}")
    real = database_module.parse_session
    monkeypatch.setattr(database_module, "parse_session", lambda row: read.append(row) or real(row))
    assert store.list_sessions(now=NOW, provider="okta", idp_sid="00u") == ()
    assert read == []
    assert len(store.list_sessions(now=NOW, provider="okta", idp_sid="00u3")) == len(read) == 1


def test_a_rotated_key_still_reads_old_tokens(database):
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    session = open_session(store_with(database, old))
    ended = store_with(database, f"{new},{old}").end(session.id, reason="user_logout", now=NOW)
    assert ended.id_token == Secret(ID_TOKEN)


def test_an_old_key_can_be_dropped_once_the_tokens_are_encrypted_anew(database, monkeypatch):
    monkeypatch.setattr(resealing, "BATCH", 2)
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    ids = [open_session(store_with(database, old), f"person-{number}").id for number in range(5)]
    both = store_with(database, f"{new},{old}")
    assert both.reseal_tokens() >= 2 * len(ids)
    assert both.reseal_tokens() == 0
    ended = [store_with(database, new).end(each, reason="user_logout", now=NOW) for each in ids]
    assert [each.id_token for each in ended] == [Secret(ID_TOKEN)] * len(ids)


def test_encrypting_anew_leaves_alone_what_a_recheck_stored_meanwhile(database, monkeypatch):
    """Else the refresh token that the IdP has just replaced would be back, and its next use taken for theft."""
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    session = open_session(store_with(database, old))
    rotated = TokenCipher(Secret(f"{new},{old}")).encrypt(Secret("rotated"), f"refresh_token:{session.id}")
    real = TokenCipher.reseal

    def reseal(cipher, ciphertext):
        change(database, sessions, refresh_token=rotated)
        return real(cipher, ciphertext)

    monkeypatch.setattr(TokenCipher, "reseal", reseal)
    store_with(database, f"{new},{old}").reseal_tokens()
    with database.database.connect() as connection:
        assert connection.execute(select(sessions.c.refresh_token)).scalar_one() == rotated


def test_a_single_key_reads_no_row_to_encrypt_it_anew(database):
    open_session(store_with(database, KEYS.reveal()))
    change(database, sessions, id_token="gAAAA of a key that is gone")
    assert store_with(database, Fernet.generate_key().decode()).reseal_tokens() == 0


def test_a_dropped_key_makes_the_token_absent_and_logout_still_works(database, caplog):
    session = open_session(database.new_store())
    ended = store_with(database, Fernet.generate_key().decode()).end(session.id, reason="user_logout", now=NOW)
    assert (ended.session, ended.id_token) == (session, None)
    assert "fernet_key" in caplog.text
    assert KEYS.reveal() not in caplog.text


def test_a_token_moved_to_another_session_is_not_given_out(database):
    store = database.new_store()
    victim, attacker = open_session(store), open_session(store, "mallory")
    with database.database.begin() as connection:
        stolen = connection.execute(select(sessions.c.id_token).where(sessions.c.id == victim.id)).scalar_one()
        connection.execute(update(sessions).where(sessions.c.id == attacker.id).values(id_token=stolen))
    assert store.end(attacker.id, reason="user_logout", now=NOW).id_token is None


@pytest.mark.parametrize(
    "tampered",
    [
        {"grant_document": '{"roles":["Admin","Op"],"teams":[],"matches":[]}'},
        {"grant_document": '{"roles":[],"teams":[],"matches":[]}'},
        {"grant_document": '{"roles":"Admin","teams":[],"matches":[]}'},
        {"grant_document": "[]"},
        {"grant_document": "not JSON"},
        {"grant_digest": "A" * 22},
        {"grant_digest": ""},
    ],
)
def test_a_grant_that_does_not_match_its_digest_makes_the_session_invalid(database, tampered, caplog):
    store = database.new_store()
    session = open_session(store)
    change(database, sessions, **tampered)
    assert store.load(session.id, now=NOW) is None
    assert store.list_sessions(now=NOW) == ()
    assert session.principal_id in caplog.text


@pytest.mark.parametrize("stolen", [{"subject": "mallory"}, {"issuer": "https://evil.example.com"}])
def test_a_principal_row_of_somebody_else_lets_nobody_in(database, stolen):
    store = database.new_store()
    session = open_session(store)
    change(database, principals, **stolen)
    assert store.load(session.id, now=NOW) is None
    with pytest.raises(SessionError) as caught:
        open_session(store)
    assert caught.value.code == "principal_conflict"
    with database.database.connect() as connection:
        assert len(connection.execute(select(sessions)).all()) == 1, "the refused sign-in left a session"


def test_unreadable_previous_roles_count_as_none(database):
    store = database.new_store()
    open_session(store)
    change(database, principals, roles="{")
    assert store.open(sign_in(), ADMIN, now=NOW, expires_at=NOW + HOUR, client_address=None).previous_roles == ()


def test_a_missing_table_says_what_to_run(database):
    metadata.drop_all(database.database)
    with pytest.raises(SessionError) as caught:
        open_session(database.new_store())
    assert caught.value.code == "session_store_unavailable"
    assert "airflow db migrate" in caught.value.hint
    shown = f"{caught.value} {caught.value.__cause__} {caught.value.detail}"
    assert "ada@example.com" not in shown
    assert "INSERT" not in shown


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:////nonexistent/directory/sessions.db",
        "postgresql+psycopg2://airflow:topsecret@127.0.0.1:1/airflow",
        "mysql+pymysql://airflow:topsecret@127.0.0.1:1/airflow",
    ],
)
def test_a_database_that_is_away_is_a_session_error_of_one_code(url):
    engine = create_engine(url)
    store = DatabaseSessionStore(TokenCipher(KEYS), transactions=sessionmaker(engine).begin)
    for call in (
        lambda: open_session(store),
        lambda: store.load("A" * 22, now=NOW),
        lambda: store.end("A" * 22, reason="user_logout", now=NOW),
        lambda: store.revoke_token("t", expires_at=NOW, now=NOW),
        lambda: store.list_sessions(now=NOW),
        lambda: store.revocations(after=0, now=NOW),
        lambda: store.delete_expired(now=NOW),
    ):
        with pytest.raises(SessionError) as caught:
            call()
        assert caught.value.code == "session_store_unavailable"
        assert "topsecret" not in f"{caught.value!r} {caught.value.detail}"
        assert caught.value.__suppress_context__, "the cause shows statements and parameters"


def test_a_feed_sees_a_lower_number_that_commits_after_a_higher_one(engine_of, request):
    # SQLite has one writer at a time: numbers appear in order there.
    for name in ("postgresql", "mariadb"):
        database = database_backend(name, engine_of(name))
        _check_late_commit(database)


def _check_late_commit(database: Backend) -> None:
    heard: list[str] = []
    clock = iter(range(1_000))
    feed = RevocationFeed(
        database.new_store(), lambda: NOW, monotonic=lambda: float(next(clock)), on_session_ended=heard.append
    )
    feed.poll()
    row = {"kind": "session", "expires_at": NOW + HOUR, "created_at": NOW}
    with database.database.connect() as slow, slow.begin():
        slow.execute(insert(revocations).values(revoked_key="slow", **row))
        with database.database.begin() as quick:
            quick.execute(insert(revocations).values(revoked_key="quick", **row))
        feed.poll()
        assert heard == ["quick"]
    for _ in range(3):
        feed.poll()
    assert heard == ["quick", "slow"]
    assert feed.is_session_revoked("slow")


def test_a_second_sign_in_waits_for_the_first_instead_of_failing(database):
    """One transaction holds the principal's row while another server signs the same person in."""
    store = database.new_store()
    open_session(store)
    opened = []
    with database.database.connect() as other, other.begin():
        other.execute(update(principals).values(signed_in_at=NOW + 1))
        waiting = threading.Thread(target=lambda: opened.append(open_session(store)))
        waiting.start()
        waiting.join(0.3)
        assert opened == []
    waiting.join(20)
    assert len(opened) == 1


def test_nothing_secret_in_any_log_or_repr(database, caplog):
    caplog.set_level(logging.DEBUG)
    store = database.new_store()
    session = open_session(store)
    ended = store.end(session.id, reason="user_logout", now=NOW)
    shown = f"{caplog.text} {session!r} {ended!r} {store!r} {vars(store)!r}"
    for secret in (ID_TOKEN, REFRESH_TOKEN, KEYS.reveal()):
        assert secret not in shown
