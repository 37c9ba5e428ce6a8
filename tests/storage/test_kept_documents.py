"""The last accepted document, and what each server runs on: the same on every database."""

from __future__ import annotations

import json
import threading
from dataclasses import replace

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import sessionmaker

from airflow_oidc_auth.login.keys import derive_document_fernet
from airflow_oidc_auth.secret import Secret
from airflow_oidc_auth.sessions.documents import Accepted, KeptDocument, KeptDocuments
from airflow_oidc_auth.sessions.servers import GONE_AFTER, KEPT_FOR, ServerGroup, ServerReports
from tests.storage.backends import KEYS, Backend

NEW_KEY = "bmV3IGtleSBmb3IgdGVzdHMgb25seSwgMzIgYnl0ZXM="
NOW = 1_700_000_000
SOURCE = "native:/etc/oidc_auth.yaml"
A, B = (KeptDocument(SOURCE, digest * 22, NOW, {"version": 1, "roles": {digest: "ü"}}) for digest in "AB")


def kept(engine: Engine, keys: Secret = KEYS) -> KeptDocuments:
    return KeptDocuments(derive_document_fernet(keys), transactions=sessionmaker(engine).begin)


@pytest.fixture
def documents(database: Backend) -> KeptDocuments:
    return kept(database.database)


def change_row(engine: Engine, assignment: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE oidc_auth_document SET {assignment}"))


def test_only_the_first_to_accept_a_document_is_told_so_and_going_back_is_a_change_again(documents):
    assert documents.find(SOURCE) is None
    assert documents.keep(A) == Accepted(None)
    assert documents.keep(replace(A, accepted_at=NOW + 9)) is None
    assert documents.keep(B) == Accepted(A)
    assert documents.keep(A) == Accepted(B)
    assert documents.find(SOURCE) == A


def test_of_servers_that_accept_at_the_same_time_one_is_the_first(database: Backend):
    servers = 6
    found: list[Accepted | None] = []
    together = threading.Barrier(servers)

    def accept(document: KeptDocument) -> None:
        mine = kept(database.database)
        together.wait(30)
        found.append(mine.keep(document))

    for document in (A, B):
        found.clear()
        threads = [threading.Thread(target=accept, args=(document,)) for _ in range(servers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == servers
        assert [one for one in found if one is not None] == [Accepted(None if document is A else A)]


def test_a_document_of_another_place_is_never_found(documents):
    documents.keep(A)
    assert documents.find("native:/etc/other.yaml") is None
    assert documents.find("fab:/etc/oidc_auth.yaml") is None


def test_a_row_shows_nothing_of_the_document(database: Backend):
    kept(database.database).keep(replace(A, data={"roles": {"finance": {"description": "hush"}}}))
    with database.database.connect() as connection:
        row = connection.execute(text("SELECT * FROM oidc_auth_document")).one()
    assert "finance" not in str(row)
    assert SOURCE not in str(row)


def test_who_writes_rows_plants_no_document(database: Backend):
    documents = kept(database.database)
    documents.keep(A)
    forged = {"source": SOURCE, "digest": A.digest, "accepted_at": NOW, "data": {"version": 1}}
    theirs = derive_document_fernet(Secret(NEW_KEY)).encrypt(json.dumps(forged).encode()).decode()
    for assignment in (f"sealed = '{theirs}'", "sealed = 'x'", f"sealed = '{json.dumps(forged)}'"):
        change_row(database.database, assignment)
        assert documents.find(SOURCE) is None
    assert documents.keep(A) is None, "sealed anew, the document is the same"
    assert documents.find(SOURCE) == A


def test_who_writes_rows_moves_no_document_to_another_place_or_digest(database: Backend):
    documents = kept(database.database)
    other = replace(B, source="native:/etc/other.yaml")
    documents.keep(A)
    documents.keep(other)
    with database.database.begin() as connection:
        sealed = "SELECT sealed FROM oidc_auth_document WHERE digest = :digest"
        theirs = connection.execute(text(sealed), {"digest": B.digest}).scalar_one()
        moved = "UPDATE oidc_auth_document SET digest = :b, sealed = :sealed WHERE digest = :a"
        connection.execute(text(moved), {"a": A.digest, "b": B.digest, "sealed": theirs})
    assert documents.find(SOURCE) is None
    documents.keep(A)
    change_row(database.database, f"digest = '{'C' * 22}'")
    assert documents.find(SOURCE) is None


def test_a_rotated_key_opens_what_the_old_one_sealed_until_that_is_dropped(database: Backend):
    kept(database.database).keep(A)
    both, new = Secret(f"{NEW_KEY},{KEYS.reveal()}"), Secret(NEW_KEY)
    assert kept(database.database, both).find(SOURCE) == A
    assert kept(database.database, new).find(SOURCE) is None
    assert kept(database.database, new).keep(A) is None, "no other document, so nobody is told"
    assert kept(database.database, new).find(SOURCE) == A


def test_a_large_document_is_kept_whole(documents):
    large = replace(A, data={"roles": {f"role {number}": {"description": "ä" * 300} for number in range(1_000)}})
    documents.keep(large)
    assert documents.find(SOURCE) == large


def test_each_server_tells_of_all_that_live(database: Backend):
    reports = ServerReports(transactions=sessionmaker(database.database).begin)
    reports.report("one", A.digest, rejects=False, now=NOW)
    reports.report("two", B.digest, rejects=True, now=NOW)
    assert reports.report("three", A.digest, rejects=False, now=NOW) == (
        ServerGroup(A.digest, 2, 0),
        ServerGroup(B.digest, 1, 1),
    )
    assert reports.report("two", A.digest, rejects=False, now=NOW) == (ServerGroup(A.digest, 3, 0),)
    reports.leave("three")
    later = NOW + GONE_AFTER + 1
    assert reports.report("one", B.digest, rejects=False, now=later) == (ServerGroup(B.digest, 1, 0),)


def test_the_rows_of_servers_that_are_long_gone_are_deleted(database: Backend):
    reports = ServerReports(transactions=sessionmaker(database.database).begin)
    reports.report("killed", A.digest, rejects=False, now=NOW)
    reports.report("one", A.digest, rejects=False, now=NOW + KEPT_FOR + 1)
    with database.database.connect() as connection:
        assert connection.execute(text("SELECT id FROM oidc_auth_server")).scalars().all() == ["one"]
