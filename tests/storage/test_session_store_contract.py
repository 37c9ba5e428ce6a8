"""What every session store promises, in memory and in each database."""

from __future__ import annotations

import pytest

from airflow_oidc_auth.errors import SessionError
from airflow_oidc_auth.grants.digest import grant_digest
from airflow_oidc_auth.sessions.principal import principal_id
from airflow_oidc_auth.sessions.session import Ending
from tests.storage.backends import Backend
from tests.storage.people import ADMIN, HOUR, ID_TOKEN, ISSUER, NOW, VIEWER, at_once, open_session, sign_in


@pytest.fixture
def store(backend: Backend):
    return backend.new_store()


def test_loads_what_was_opened(store):
    opened = store.open(
        sign_in(sid="idp-sid"), VIEWER, now=NOW, expires_at=NOW + HOUR, client_address="2001:db8::7"
    ).session
    assert store.load(opened.id, now=NOW) == opened
    assert opened.principal_id == principal_id(ISSUER, "ada")
    assert (opened.grant, opened.grant_digest) == (VIEWER, grant_digest(VIEWER))
    assert (opened.idp_sid, opened.client_address) == ("idp-sid", "2001:db8::7")
    assert (opened.name, opened.email, opened.provider) == ("Ada Lovelace", "ada@example.com", "okta")


def test_session_ids_are_random_and_of_one_shape(store):
    ids = {open_session(store).id for _ in range(20)}
    assert len(ids) == 20
    assert {len(session_id) for session_id in ids} == {22}


def test_another_server_loads_the_session(backend):
    session = open_session(backend.new_store())
    assert backend.new_store().load(session.id, now=NOW) == session


@pytest.mark.parametrize("later", [HOUR, HOUR + 1, 10 * HOUR])
def test_does_not_load_an_expired_session(store, later):
    session = open_session(store)
    assert store.load(session.id, now=NOW + HOUR - 1) == session
    assert store.load(session.id, now=NOW + later) is None


@pytest.mark.parametrize(
    "forged",
    ["", " ", "x", "A" * 22, "A" * 21 + "\0", "A" * 21 + "é", "A" * 23, "' OR 1=1 --", "%" * 22, "\ud800" * 22],
)
def test_does_not_load_an_unknown_session(store, forged):
    open_session(store)
    assert store.load(forged, now=NOW) is None
    assert store.end(forged, reason="user_logout", now=NOW) is None


def test_session_ids_differ_by_case(store):
    session = open_session(store)
    assert store.load(session.id.swapcase(), now=NOW) is None
    assert store.end(session.id.swapcase(), reason="user_logout", now=NOW) is None
    assert store.load(session.id + " ", now=NOW) is None, "padded comparison"


def test_ending_returns_what_the_idp_logout_needs_and_works_once(backend, store):
    session = open_session(store)
    ended = store.end(session.id, reason="user_logout", now=NOW + 1)
    assert ended.session == session
    assert ended.id_token.reveal() == ID_TOKEN
    assert store.load(session.id, now=NOW + 1) is None
    assert backend.new_store().load(session.id, now=NOW + 1) is None
    assert store.end(session.id, reason="user_logout", now=NOW + 1) is None


def test_says_why_a_session_ended_and_when_until_it_expires(backend, store):
    session = open_session(store)
    assert store.find_ending(session.id, now=NOW) == Ending("okta", None, None)
    store.end(session.id, reason="user_logout", now=NOW + 5)
    store.end(session.id, reason="ended_by_admin", now=NOW + 6)
    assert backend.new_store().find_ending(session.id, now=NOW + 7) == Ending("okta", NOW + 5, "user_logout")
    assert store.find_ending(session.id, now=NOW + HOUR) is None
    assert store.find_ending(open_session(store).id, now=NOW + HOUR) is None


@pytest.mark.parametrize("unknown", ["", "x", "A" * 22, "A" * 21 + "\0", "' OR 1=1 --", "\ud800" * 22])
def test_knows_nothing_of_the_end_of_an_unknown_session(store, unknown):
    open_session(store)
    assert store.find_ending(unknown, now=NOW) is None


def test_an_expired_session_cannot_be_ended(store):
    session = open_session(store)
    assert store.end(session.id, reason="user_logout", now=NOW + HOUR) is None


def test_ending_one_session_leaves_the_others(store):
    first, second = open_session(store), open_session(store)
    store.end(first.id, reason="user_logout", now=NOW)
    assert store.load(second.id, now=NOW) == second


def test_ending_publishes_one_revocation_that_lives_as_long_as_the_session_would(backend, store):
    session = open_session(store)
    store.end(session.id, reason="user_logout", now=NOW)
    store.end(session.id, reason="user_logout", now=NOW)
    (revocation,) = backend.new_store().revocations(after=0, now=NOW)
    assert (revocation.kind, revocation.key, revocation.expires_at) == ("session", session.id, session.expires_at)
    assert store.revocations(after=revocation.sequence, now=NOW) == ()
    assert store.revocations(after=0, now=session.expires_at) == ()


@pytest.mark.parametrize("jti", ["abc", "A" * 100, "A" * 500, "käse", "sha256:" + "0" * 64, "a\nb", "\ud800"])
def test_revoking_a_token_twice_is_revoking_it_once(store, jti):
    store.revoke_token(jti, expires_at=NOW + HOUR, now=NOW)
    store.revoke_token(jti, expires_at=NOW + HOUR, now=NOW)
    store.revoke_token(jti + "2", expires_at=NOW + HOUR, now=NOW)
    assert [r.kind for r in store.revocations(after=0, now=NOW)] == ["token", "token"]


def test_tokens_that_differ_by_case_are_two(store):
    store.revoke_token("abc", expires_at=NOW + HOUR, now=NOW)
    store.revoke_token("ABC", expires_at=NOW + HOUR, now=NOW)
    assert [r.key for r in store.revocations(after=0, now=NOW)] == ["abc", "ABC"]


def test_revocations_come_in_order_and_never_reuse_a_number(store):
    for number in range(5):
        store.revoke_token(f"t{number}", expires_at=NOW + 1, now=NOW)
    before = [r.sequence for r in store.revocations(after=0, now=NOW)]
    assert before == sorted(set(before))
    # A feed that has read up to here must see what comes now, even when the rows before are gone.
    assert store.delete_expired(now=NOW + 1) == 5
    store.revoke_token("later", expires_at=NOW + HOUR, now=NOW + 1)
    assert [r.key for r in store.revocations(after=before[-1], now=NOW + 1)] == ["later"]


def test_tells_the_roles_of_the_previous_sign_in(store):
    opened = [
        store.open(sign_in(who), grant, now=NOW, expires_at=NOW + HOUR, client_address=None).previous_roles
        for who, grant in [("ada", ADMIN), ("ada", VIEWER), ("bob", ADMIN), ("ada", VIEWER)]
    ]
    assert opened == [None, ("Admin",), None, ("Viewer",)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("ada", ISSUER), ("Ada", ISSUER)),
        (("ada", ISSUER), ("ada ", ISSUER)),
        (("ada", ISSUER), ("ada", ISSUER.lower())),
        (("straße", ISSUER), ("strasse", ISSUER)),
        (("café", ISSUER), ("cafe\u0301", ISSUER)),
        (("a", "https://idp.example.com/b"), ("/ba", "https://idp.example.com")),
    ],
)
def test_subjects_and_issuers_that_a_database_might_take_for_equal_are_two_principals(store, one, other):
    sessions = [open_session(store, subject, issuer=issuer) for subject, issuer in (one, other)]
    assert sessions[0].principal_id != sessions[1].principal_id
    for session in sessions:
        listed = store.list_sessions(now=NOW, principal_id=session.principal_id)
        assert [(s.issuer, s.subject) for s in listed] == [(session.issuer, session.subject)]


@pytest.mark.parametrize("subject", ["", "a\0b", "a\nb", "a\u202eb", "\ud800", "a" * 1025])
def test_refuses_an_identity_that_no_column_holds_whole(store, subject):
    with pytest.raises(SessionError) as caught:
        open_session(store, subject)
    assert caught.value.code == "identity_not_storable"
    assert store.list_sessions(now=NOW) == ()


@pytest.mark.parametrize("subject", ["a" * 1024, "日本" * 512, "😀" * 1024, "o'brien\"; --", "%_\\"])
def test_keeps_an_odd_subject_whole(store, subject):
    session = open_session(store, subject[:1024])
    assert store.load(session.id, now=NOW).subject == subject[:1024]


def test_keeps_odd_names_and_cuts_long_ones(store):
    assert store.load(open_session(store, name="Ada 😀 \0 Łukasz").id, now=NOW).name == "Ada 😀  Łukasz"
    assert store.load(open_session(store, name="😀" * 300).id, now=NOW).name == "😀" * 250


def test_leaves_out_an_idp_sid_that_would_have_to_be_cut(store):
    assert open_session(store, sid="s" * 256).idp_sid is None
    assert store.load(open_session(store, sid="s" * 255).id, now=NOW).idp_sid == "s" * 255


def test_lists_live_sessions_newest_first(store):
    old, new = open_session(store, now=NOW - 10), open_session(store, "bob")
    ended, _expired = open_session(store), open_session(store, now=NOW - 2 * HOUR)
    store.end(ended.id, reason="user_logout", now=NOW)
    assert list(store.list_sessions(now=NOW)) == [new, old]
    assert list(store.list_sessions(now=NOW, principal_id=old.principal_id)) == [old]
    assert list(store.list_sessions(now=NOW, principal_id="unknown")) == []


def test_deletes_only_what_has_expired(store):
    live, expired = open_session(store), open_session(store, now=NOW - HOUR)
    store.revoke_token("live", expires_at=NOW + 1, now=NOW)
    store.revoke_token("expired", expires_at=NOW, now=NOW)
    assert store.delete_expired(now=NOW) == 2
    assert store.delete_expired(now=NOW) == 0
    assert store.load(live.id, now=NOW) == live
    assert store.load(expired.id, now=NOW - 1) is None
    assert [r.key for r in store.revocations(after=0, now=NOW)] == ["live"]


def test_keeps_the_previous_roles_when_the_session_is_deleted(store):
    open_session(store, now=NOW - HOUR)
    store.delete_expired(now=NOW)
    again = store.open(sign_in(), VIEWER, now=NOW, expires_at=NOW + HOUR, client_address=None)
    assert again.previous_roles == ("Admin",)


def test_first_sign_ins_of_one_person_at_the_same_moment_make_one_principal(backend):
    opened = at_once(
        backend,
        6,
        lambda store: store.open(sign_in(), ADMIN, now=NOW, expires_at=NOW + HOUR, client_address=None),
    )
    assert sorted(str(o.previous_roles) for o in opened) == ["('Admin',)"] * 5 + ["None"]
    store = backend.new_store()
    assert {s.id for s in store.list_sessions(now=NOW)} == {o.session.id for o in opened}
    assert all(store.load(o.session.id, now=NOW) == o.session for o in opened)


def test_one_of_many_that_end_a_session_at_the_same_moment_ends_it(backend):
    session = open_session(backend.new_store())
    ended = at_once(backend, 6, lambda store: store.end(session.id, reason="user_logout", now=NOW))
    assert sum(e is not None for e in ended) == 1
    assert len(backend.new_store().revocations(after=0, now=NOW)) == 1


def test_servers_may_clean_up_at_the_same_moment(backend):
    store = backend.new_store()
    for number in range(30):
        store.revoke_token(f"t{number}", expires_at=NOW, now=NOW)
    assert sum(at_once(backend, 4, lambda store: store.delete_expired(now=NOW))) == 30


def test_a_message_can_be_used_once_whichever_server_sees_it_again(backend):
    assert backend.new_store().claim("a" * 64, expires_at=NOW + HOUR, now=NOW)
    assert not backend.new_store().claim("a" * 64, expires_at=NOW + HOUR, now=NOW)
    assert backend.new_store().claim("A" * 64, expires_at=NOW + HOUR, now=NOW), "keys that differ by case are two"


def test_one_of_many_that_use_a_message_at_the_same_moment_wins(backend):
    won = at_once(backend, 6, lambda store: store.claim("a" * 64, expires_at=NOW + HOUR, now=NOW))
    assert sorted(won) == [False] * 5 + [True]


def test_a_message_that_is_too_old_to_be_remembered_cannot_be_used(store):
    assert not store.claim("a" * 64, expires_at=NOW, now=NOW)


def test_forgets_used_messages_only_when_they_have_expired(store):
    store.claim("live", expires_at=NOW + 1, now=NOW - 1)
    store.claim("expired", expires_at=NOW, now=NOW - 1)
    assert store.delete_expired(now=NOW) == 1
    assert not store.claim("live", expires_at=NOW + HOUR, now=NOW)


def test_finds_the_sessions_that_the_idp_means(store):
    names = [
        open_session(store, sid=sid).id for sid in ("saml:ab%c:1", "saml:ab%c:2", "saml:abxc:1", "SAML:ab%c:1", None)
    ]

    def found(provider="okta", **named):
        return {session.id for session in store.list_sessions(now=NOW, provider=provider, **named)}

    assert found(sid_begins="saml:ab%c:") == set(names[:2])
    assert found(sid_begins="saml:ab%c:2") == found(idp_sid="saml:ab%c:2") == {names[1]}
    assert found(sid_begins="saml:ab%c:", provider="entra") == found(idp_sid="saml:ab%c:2", provider="entra") == set()
    assert found(idp_sid="saml:ab%c:") == found(idp_sid="SAML:AB%C:1") == set()
