from __future__ import annotations

import time

import pytest

from airflow_oidc_auth.cli.command import CommandFailed
from airflow_oidc_auth.cli.people import find_person, people_since
from airflow_oidc_auth.sessions.session import CLI, PERSONAL, Session, TokenRequest
from tests.unit.cli.rights_desk import RightsDesk


def make_token(desk: RightsDesk, owner: Session, kind: str = PERSONAL, **more: object) -> Session:
    request = TokenRequest(kind, lifetime=600, **more)  # type: ignore[arg-type]
    return desk.store.open_token(owner, request, identity=None, now=int(time.time())).session


def test_what_the_provider_said_last_is_held_while_a_session_lives(desk: RightsDesk) -> None:
    desk.sign_in("ada", ["finance"])
    person = find_person("Ada")
    assert person.identity is not None
    assert (person.identity.groups, person.identity.provider) == (frozenset({"finance"}), "okta")
    assert "finance" not in repr(person), "claims are nobody's to print"


def test_of_a_session_that_is_never_rechecked_nothing_is_held(desk: RightsDesk) -> None:
    desk.sign_in("ada", ["finance"], held=False)
    assert find_person("Ada").identity is None


def test_a_row_that_was_tampered_with_says_nothing(desk: RightsDesk) -> None:
    session = desk.sign_in("ada", ["finance"])
    with desk.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE oidc_auth_session SET grant_digest = 'x'")
    person = find_person(session.principal_id)
    assert (person.session, person.grant, person.identity, person.last_roles) == (None, None, None, ("Viewer",))


def test_claims_that_cannot_be_decrypted_are_not_held(desk: RightsDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.sign_in("ada", ["finance"])
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "b3RoZXIga2V5IGZvciB0ZXN0cyBvbmx5ISEhISEhISE=")
    person = find_person("Ada")
    assert (person.identity, person.grant is not None) == (None, True)


def test_a_narrowed_token_does_not_say_what_its_owner_may(desk: RightsDesk) -> None:
    owner = desk.sign_in("ada", ["finance"], ["Admin", "Viewer"])
    make_token(desk, owner, CLI, scope=("Viewer",))
    desk.store.end(owner.id, reason="signed_out", now=int(time.time()))
    person = find_person("Ada")
    assert (person.session, person.last_roles) == (None, ("Admin", "Viewer"))


def test_a_browser_counts_before_a_token_that_was_made_later(desk: RightsDesk) -> None:
    owner = desk.sign_in("ada", ["finance"])
    make_token(desk, owner)
    found = find_person("Ada").session
    assert found is not None
    assert found.id == owner.id


def test_people_are_sorted_by_when_they_were_seen(desk: RightsDesk) -> None:
    old = desk.sign_in("old", [])
    desk.forget_session(old, signed_in_days_ago=2)
    desk.sign_in("new", [])
    assert [each.name for each in people_since(0)] == ["New", "Old"]
    assert [each.name for each in people_since(int(time.time()) - 3600)] == ["New"]


@pytest.mark.parametrize("text", ["", "nobody", "ADA", "ad", "%", "a_a", "\0", "\udcff", "Ada ", "x" * 5000])
def test_nobody_is_found_by_half_a_name(desk: RightsDesk, text: str) -> None:
    desk.sign_in("ada", [])
    with pytest.raises(CommandFailed, match="Nobody is known here"):
        find_person(text)
