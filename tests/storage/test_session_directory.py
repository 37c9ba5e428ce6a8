"""Search over everybody's sessions, break-glass links and forgetting, on each database."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from airflow.models.log import Log
from sqlalchemy import insert, select, update
from sqlalchemy.orm import sessionmaker

from airflow_oidc_auth.audit.airflow_log import AirflowLogSink
from airflow_oidc_auth.audit.chain.keys import SigningKey
from airflow_oidc_auth.audit.pseudonym import Person
from airflow_oidc_auth.cli.audit_rows import rewrite
from airflow_oidc_auth.login.outcome import RequestContext
from airflow_oidc_auth.login.session_office import Order, build_ended
from airflow_oidc_auth.sessions import models
from airflow_oidc_auth.sessions.administration import MAX_FOUND, SessionDirectory, Wanted, is_reference
from airflow_oidc_auth.sessions.break_glass import BreakGlassLinks, insert_link, new_link
from airflow_oidc_auth.sessions.cleaning import count_expired
from airflow_oidc_auth.sessions.forgetting import delete_kept, find_kept
from airflow_oidc_auth.sessions.principal import principal_id
from airflow_oidc_auth.sessions.transactions import TransactionRunner
from tests.storage.people import ADMIN, HOUR, ISSUER, NOW, VIEWER, open_session

KEY = b"for tests only"


@pytest.fixture
def transactions(database):
    return sessionmaker(database.database).begin


@pytest.fixture
def store(database):
    return database.new_store()


@pytest.fixture
def directory(transactions):
    return SessionDirectory(transactions=transactions)


def subjects(directory, **wanted) -> list[str]:
    found = directory.find(Wanted(**wanted), now=NOW)
    assert found.total == len(found.sessions)
    return [session.subject for session in found.sessions]


def test_without_a_filter_everybody_is_listed_newest_first(store, directory):
    for second, subject in enumerate(("ada", "bob", "cy")):
        open_session(store, subject, VIEWER, now=NOW - 10 + second)
    open_session(store, "gone", now=NOW - 100, lifetime=50)
    ended = open_session(store, "ended", now=NOW - 5)
    store.end(ended.id, reason="user_logout", now=NOW)
    assert subjects(directory) == ["cy", "bob", "ada"]
    assert directory.providers(now=NOW) == ("okta",)


def test_whoever_is_to_be_ended_is_ended_however_much_they_have(store, directory, transactions):
    ada = open_session(store, "ada")
    with transactions() as transaction:
        row = dict(transaction.execute(select(models.sessions).where(models.sessions.c.id == ada.id)).one()._mapping)
        transaction.execute(insert(models.sessions), [{**row, "id": f"{n:022}"} for n in range(MAX_FOUND + 1)])
    assert len(directory.ids(Wanted(user="ada"), now=NOW)) == MAX_FOUND + 2


@pytest.mark.parametrize("name", ["ada", "Ada Lovelace", "ada@example.com"])
def test_people_are_known_after_their_last_session(store, directory, name):
    store.end(open_session(store, "ada", now=NOW - 5).id, reason="user_logout", now=NOW)
    open_session(store, "bob", name="Bob")
    assert directory.people(Wanted(user=name, kind="personal"), now=NOW) == frozenset()
    assert directory.people(Wanted(user=name, kind="token"), now=NOW) == {principal_id(ISSUER, "ada")}
    assert directory.people(Wanted(user=name, provider="okta"), now=NOW) == frozenset()
    assert directory.people(Wanted(user=f"{name} "), now=NOW) == frozenset()
    stranger = principal_id(ISSUER, "never-seen")
    assert directory.people(Wanted(principal_id=stranger), now=NOW) == {stranger}


def test_pages_hold_each_session_once(store, directory):
    opened = {open_session(store, f"s{number}", now=NOW - number // 3).id for number in range(10)}
    pages = [directory.find(Wanted(), now=NOW, offset=offset, limit=4) for offset in (0, 4, 8, 12)]
    assert [len(page.sessions) for page in pages] == [4, 4, 2, 0]
    assert {page.total for page in pages} == {10}
    assert {session.id for page in pages for session in page.sessions} == opened


@pytest.mark.parametrize(
    "text", ["ADA", "ada@", "lovelace", "Lovelace", "okta", "192.0.2.7", "Ölsen", "ölsen", "ö", "100%", "a_b", "\\"]
)
def test_the_search_finds_parts_in_any_letter_case_and_wildcards_literally(store, directory, text):
    open_session(store, "ada", name="Ada Lovelace Ölsen ölsen 100% a_b \\")
    assert subjects(directory, text=text) == ["ada"]


@pytest.mark.parametrize("text", ["%", "ada%", "a_a", "nobody", "é", "😀", "\0", "\ud800", "' OR 1=1 --"])
def test_the_search_takes_no_wildcards(store, directory, text):
    open_session(store, "ada", name="Ada")
    for wanted in ({"text": text}, {"user": text}, {"provider": text}, {"principal_id": text}):
        assert subjects(directory, **wanted) == []


def test_user_is_exact_and_may_be_name_email_or_subject(store, directory):
    open_session(store, "ada", name="Ada")
    open_session(store, "ADA", name="ADA")
    for user in ("Ada", "ada@example.com", "ada"):
        assert subjects(directory, user=user) == ["ada"]
    assert subjects(directory, user="ada ") == []
    assert subjects(directory, user="%") == []


def test_a_person_is_issuer_and_subject(store, directory):
    open_session(store, "ada")
    open_session(store, "ada", issuer="https://other.example")
    assert len(subjects(directory, user="ada")) == 2
    assert subjects(directory, principal_id=principal_id(ISSUER, "ada")) == ["ada"]
    for nobody in ("", "é", "😀"):
        assert subjects(directory, principal_id=nobody) == subjects(directory, provider=nobody) == []
        assert subjects(directory, reference=nobody + "_" * 8) == []


def test_a_reference_names_one_session_letter_by_letter(store, directory):
    session = open_session(store)
    open_session(store, "bob")
    assert subjects(directory, reference=session.id[:8]) == ["ada"]
    assert subjects(directory, reference=session.id) == ["ada"]
    assert subjects(directory, reference="_" * 8) == []
    swapped = session.id[:12].swapcase()
    assert directory.ids(Wanted(reference=swapped), now=NOW) == () or swapped == session.id[:12]


@pytest.mark.parametrize(
    ("text", "good"),
    [("A" * 8, True), ("A" * 22, True), ("A" * 7, False), ("A" * 23, False), ("AAAAAAA%", False), ("", False)],
)
def test_what_can_be_a_reference(text, good):
    assert is_reference(text) is good


def test_a_tampered_session_is_not_shown_and_can_be_ended(store, directory, transactions):
    session = open_session(store, grant=VIEWER)
    with transactions() as transaction:
        document = json.dumps({"roles": ["Admin"], "teams": [], "matches": []})
        transaction.execute(update(models.sessions).values(grant_document=document))
    assert directory.find(Wanted(), now=NOW).sessions == ()
    assert directory.ids(Wanted(), now=NOW) == (session.id,)


def made(transactions, **more):
    terms = {"role": "Admin", "reason": "IdP “down” 😀", "created_by": "root", "minutes": 30, "now": NOW, **more}
    link, token, token_hash = new_link([KEY], **terms)
    with transactions() as transaction:
        insert_link(transaction, link, token_hash)
    return link, token.reveal()


def test_of_many_servers_that_use_a_link_one_wins(transactions):
    link, token = made(transactions)
    links = BreakGlassLinks([KEY], transactions=transactions)
    assert links.find(token) == link
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda _: links.use(link, now=NOW, used_from="192.0.2.7"), range(8)))
    assert [each for each in won if each] == [links.find(token)]
    links.note_session(link, "s" * 22)
    (running,) = links.running()
    assert (running.used_at, running.used_from, running.session_id) == (NOW, "192.0.2.7", "s" * 22)
    with ThreadPoolExecutor(8) as pool:
        closed = list(pool.map(lambda _: links.close(link, now=NOW), range(8)))
    assert sum(closed) == 1
    assert links.running() == ()


def test_a_link_cannot_be_used_late(transactions):
    link, _ = made(transactions)
    links = BreakGlassLinks([KEY], transactions=transactions)
    assert links.waiting(now=NOW + 599) == (link,)
    assert links.waiting(now=NOW + 600) == ()
    assert links.use(link, now=NOW + 600, used_from=None) is None


def test_counting_agrees_with_cleaning(store, transactions):
    open_session(store)
    ended = open_session(store, "bob")
    store.end(ended.id, reason="user_logout", now=NOW)
    store.claim("x", expires_at=NOW + 5, now=NOW)
    made(transactions)
    late = NOW + 40 * 24 * HOUR
    with transactions() as transaction:
        assert count_expired(transaction, now=NOW) == 0
        expected = count_expired(transaction, now=late)
    links = BreakGlassLinks([KEY], transactions=transactions)
    assert store.delete_expired(now=late) + links.delete_old(now=late) == expected == 5


def test_forgetting_takes_a_person_and_nobody_else(store, transactions, database):
    ada, bob = open_session(store), open_session(store, "bob")
    mine = principal_id(ISSUER, "ada")
    with transactions() as transaction:
        kept = find_kept(transaction, mine)
    assert (kept.known, kept.sessions, kept.fab_user_id) == (True, 1, None)
    assert kept.names == {"Ada Lovelace", "ada@example.com"}
    store.end(ada.id, reason="forgotten", now=NOW)
    with transactions() as transaction:
        delete_kept(transaction, mine)
    with transactions() as transaction:
        assert not find_kept(transaction, mine).known
        assert transaction.execute(select(models.principals.c.subject)).scalars().all() == ["bob"]
    assert store.load(ada.id, now=NOW) is None
    assert store.load(bob.id, now=NOW) == bob
    assert ada.id in {each.key for each in store.revocations(after=0, now=NOW)}


def test_audit_rows_lose_the_person_on_each_database(store, transactions, database):
    Log.metadata.create_all(database.database, [Log.__table__])
    sink = AirflowLogSink(transactions)
    context = RequestContext("192.0.2.7", "reference")
    ada, bob = open_session(store, 'a"\\da😀', name="Ada"), open_session(store, "bob", ADMIN, name="Ada")
    with transactions() as transaction:
        transaction.execute(Log.__table__.delete())
    for session in (ada, bob):
        sink.write(build_ended(session, Order("root", "", "why"), context))
    person = Person(ISSUER, ada.subject, ada.principal_id, frozenset({"Ada"}))
    runner = TransactionRunner(transactions)

    def never() -> SigningKey:
        raise AssertionError("no row is sealed")

    assert rewrite(runner, person, "forgotten-1", dry_run=True, read_key=never) == 1
    assert rewrite(runner, person, "forgotten-1", dry_run=False, read_key=never) == 1
    assert rewrite(runner, person, "forgotten-1", dry_run=False, read_key=never) == 0
    with transactions() as transaction:
        rows = transaction.execute(select(Log.owner, Log.owner_display_name, Log.extra).order_by(Log.id)).all()
    assert [row.owner for row in rows] == ["forgotten-1", "Ada"]
    assert rows[0].owner_display_name == "forgotten-1"
    assert json.loads(rows[0].extra)["subject"] == "forgotten-1"
    assert ada.principal_id not in rows[0].extra
    assert json.loads(rows[1].extra)["subject"] == "bob"
