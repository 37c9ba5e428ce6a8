from __future__ import annotations

import time
from typing import Any

import pytest

from airflow_oidc_auth.cli import session_access
from airflow_oidc_auth.errors import SessionError
from airflow_oidc_auth.sessions.session import Session, TokenRequest
from tests.storage.people import ISSUER
from tests.unit.cli.office_database import OfficeDatabase
from tests.unit.cli.running import Oidc, Run


def revoke(oidc: Oidc, *arguments: str, reason: str = "laptop was stolen") -> Run:
    return oidc("tokens", "revoke", *arguments, "--reason", reason, "--yes")


def make(office: OfficeDatabase, owner: Session, **more: Any) -> Session:
    request = TokenRequest(**{"kind": "personal", "label": "laptop", "lifetime": 7200, **more})
    return office.store.open_token(owner, request, identity=None, now=int(time.time())).session


def test_the_list_says_whose_for_which_client_and_until_when(oidc: Oidc, office: OfficeDatabase) -> None:
    token = make(office, office.open(), kind="exchanged", client_id="dbt", actors=("agent-7",))
    told = oidc("tokens", "list")
    assert told.code == 0
    for text in ("1 token", token.id[:8], "exchanged", "Ada Lovelace <ada@example.com>", "laptop", "agent-7 for dbt"):
        assert text in told.out
    for text in ("just now", "never", "in 2 h", "Viewer"):
        assert text in told.out
    assert token.id not in told.out


def test_json_tells_the_same(oidc: Oidc, office: OfficeDatabase) -> None:
    token = make(office, office.open(), scope=("Viewer",), jkt="k" * 43)
    data = oidc("tokens", "list", "--json").data
    (listed,) = data["tokens"]
    assert (data["total"], listed["token"], listed["kind"]) == (1, token.id[:8], "personal")
    assert (listed["scope"], listed["bound"], listed["ends_at"]) == (["Viewer"], True, token.expires_at)
    assert "k" * 43 not in str(data)


def test_sessions_of_browsers_are_no_tokens(oidc: Oidc, office: OfficeDatabase) -> None:
    office.open()
    assert (oidc("tokens", "list").code, oidc("tokens", "list").out) == (0, "No live token.\n")
    assert revoke(oidc, "--all").code == 1


@pytest.mark.parametrize("arguments", [("--all",), ("--client", "dbt"), ("--id=abcdefgh",), ("--user", "nobody")])
def test_where_there_is_no_live_token_nobody_is_asked_and_it_is_told(
    oidc: Oidc, office: OfficeDatabase, arguments: tuple[str, ...]
) -> None:
    token = make(office, office.open())
    office.store.end(token.id, reason="ended_by_user", now=int(time.time()))
    told = oidc("tokens", "revoke", *arguments, "--reason", "x")
    assert (told.code, told.out) == (1, "No live token matches; nothing was revoked.\n")
    assert office.audit() == []


@pytest.mark.parametrize(
    "arguments",
    [("--user", "ada"), ("--issuer", ISSUER, "--subject", "ada"), ("--client", "dbt"), ("--user", "Ada Lovelace")],
)
def test_filters_choose_and_the_browser_goes_on(oidc: Oidc, office: OfficeDatabase, arguments: tuple[str, ...]) -> None:
    session = office.open()
    ada, bob = make(office, session, client_id="dbt"), make(office, office.open("bob", name="Bob"), client_id="DBT")
    assert [each["subject"] for each in oidc("tokens", "list", *arguments, "--json").data["tokens"]] == ["ada"]
    assert revoke(oidc, *arguments).code == 0
    assert [office.lives(each) for each in (session, ada, bob)] == [True, False, True]


def test_one_token_is_named_by_the_beginning_of_its_id(oidc: Oidc, office: OfficeDatabase) -> None:
    session = office.open()
    first, second = make(office, session), make(office, session)
    assert revoke(oidc, f"--id={first.id[:8]}").code == 0
    assert (office.lives(first), office.lives(second)) == (False, True)
    assert revoke(oidc, f"--id={session.id[:8]}").code == 1, "a browser's session is none"
    told = revoke(oidc, "--id=short")
    assert (told.code, "--id must be" in told.err) == (1, True)


def test_a_revocation_is_audited_with_reason_and_label(oidc: Oidc, office: OfficeDatabase) -> None:
    token = make(office, office.open(), label="laptop of Ada")
    told = revoke(oidc, "--all", "--json").data
    (row,) = office.audit()
    assert (row["event"], row["reason"], row["explanation"]) == (
        *("auth.session_ended", "ended_by_admin"),
        "laptop was stolen",
    )
    assert (row["kind"], row["label"], row["session_ref"]) == ("personal", "laptop of Ada", token.id[:8])
    assert row["correlation_id"] == told["correlation_id"]


@pytest.mark.parametrize("signed_in", [True, False])
def test_whoever_has_no_token_of_ours_loses_what_the_provider_issued(
    oidc: Oidc, office: OfficeDatabase, signed_in: bool
) -> None:
    """Nothing is stored of an identity provider's token: somebody who has no other must not be passed over."""
    session = office.open()
    if not signed_in:
        office.store.end(session.id, reason="user_logout", now=int(time.time()))
    told = revoke(oidc, "--user", "ada", "--json")
    assert (told.code, told.data["revoked"], told.data["people"]) == (0, [], 1)
    words = revoke(oidc, "--user", "ada").out
    assert words.startswith("No live token of this Airflow matches.\n")
    assert ("0 tokens" in words, "what was issued until now to 1 principal" in words) == (False, True)
    entries = office.store.revocations(after=0, now=int(time.time()))
    # Two, if the second command came in another second.
    assert {each.key.partition(".")[0] for each in entries if each.kind == "principal"} == {session.principal_id}
    assert office.lives(session) is signed_in
    assert revoke(oidc, "--user", "ad").code == 1


def test_whoever_is_named_loses_what_the_provider_issued_too(oidc: Oidc, office: OfficeDatabase) -> None:
    token = make(office, office.open())
    before = int(time.time())
    assert revoke(oidc, "--user", "ada").code == 0
    entries = [each for each in office.store.revocations(after=0, now=before) if each.kind == "principal"]
    assert [each.key.partition(".")[0] for each in entries] == [token.principal_id]


def test_browsers_only_leaves_tokens_alone(oidc: Oidc, office: OfficeDatabase) -> None:
    session = office.open()
    token = make(office, session)
    assert oidc("sessions", "end", "--user", "ada", "--kind", "browser", "--reason", "x", "--yes").code == 0
    assert (office.lives(session), office.lives(token)) == (False, True)
    assert not [each for each in office.store.revocations(after=0, now=0) if each.kind == "principal"]


@pytest.mark.parametrize("arguments", [(), ("--all", "--user", "ada"), ("--subject", "ada")])
def test_says_what_it_needs_to_know(oidc: Oidc, office: OfficeDatabase, arguments: tuple[str, ...]) -> None:
    token = make(office, office.open())
    assert revoke(oidc, *arguments).code == 1
    assert office.lives(token)


def test_a_database_that_fails_is_told(oidc: Oidc, office: OfficeDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise SessionError("session_store_unavailable", "gone")

    monkeypatch.setattr(session_access, "open_transaction", fail)
    assert oidc("tokens", "list").code == 1
