"""Break-glass where FAB keeps the users: a user of its own for each link, whose roles go with the session."""

from __future__ import annotations

import pytest

from airflow_oidc_auth.errors import LoginRefused
from airflow_oidc_auth.fab.settings import FabSettings
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.login.break_glass_records import grant_of, identity_of
from airflow_oidc_auth.providers.provider import SignIn
from airflow_oidc_auth.sessions.break_glass import PROVIDER, Link
from tests.storage.people import NOW

CLOSED = FabSettings(registration=False)


def link(number: int = 1, role: str = "Admin") -> Link:
    return Link(f"link{number:012}", role, "IdP down", "root", NOW, NOW + 600, 30, used_at=NOW)


def open_link(store, made: Link):
    sign_in = SignIn(identity_of(made))
    return store.open(sign_in, grant_of(made), now=NOW, expires_at=NOW + 1800, client_address=None).session


def test_a_link_makes_its_user_where_registration_is_closed_to_everybody_else(fab):
    store = fab.store(CLOSED)
    session = open_link(store, link())
    (user,) = fab.users()
    assert session.name == user.username
    assert user.username.startswith("break-glass (root)~")
    assert (user.password, fab.roles_of(user.id)) == ("!", {"Admin"})


def test_nobody_gets_in_by_calling_their_provider_break_glass(fab):
    """Attack: the provider's id is chosen in the configuration; the issuer is what nobody can have."""
    forged = SignIn(Identity(PROVIDER, "https://idp.example.com", "eve", "Eve"))
    with pytest.raises(LoginRefused, match="fab_registration_closed"):
        fab.store(CLOSED).open(forged, grant_of(link()), now=NOW, expires_at=NOW + 60, client_address=None)
    assert fab.users() == []


def test_two_links_are_two_users_and_never_share_roles(fab):
    store = fab.store(CLOSED)
    open_link(store, link(1, "Admin"))
    open_link(store, link(2, "Viewer"))
    assert [fab.roles_of(user.id) for user in fab.users()] == [{"Admin"}, {"Viewer"}]


def test_the_roles_go_when_the_session_is_over(fab):
    store = fab.store(CLOSED)
    open_link(store, link())
    assert store.withdraw(identity_of(link())) == ("Admin",)
    (user,) = fab.users()
    assert fab.roles_of(user.id) == set()


def test_a_role_that_fab_does_not_have_lets_nobody_in(fab):
    with pytest.raises(LoginRefused, match="fab_role_missing"):
        open_link(fab.store(CLOSED), link(role="Rescue"))
    assert fab.users() == []
