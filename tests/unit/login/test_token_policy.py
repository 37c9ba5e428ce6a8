"""What a new token may be at most."""

from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_oidc_auth.config.compiled import TokenClient, TokenSettings
from airflow_oidc_auth.errors import OidcAuthError
from airflow_oidc_auth.grants.grant import Grant
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.login.token_form import is_below, read_wanted, spell_scope
from airflow_oidc_auth.login.token_owner import TokenOwner, owner_of_client
from airflow_oidc_auth.login.token_policy import choose_lifetime, choose_scope, longest_lifetime
from airflow_oidc_auth.secret import Secret

SETTINGS = TokenSettings(max_lifetime=1000, default_lifetime=500, unverified_lifetime=800)
CLIENT = TokenClient("robot", Secret("x"), None, ("Op", "Viewer"))
BY_CLIENT = owner_of_client(CLIENT, "https://airflow.example", 0, 1000)
BY_IDP = replace(BY_CLIENT, identity=Identity("okta", "i", "s", "n"))
BY_IDP = replace(BY_IDP, session=replace(BY_IDP.session, provider="okta"))
OWN = replace(BY_IDP, identity=None, not_after=300, parent="p")


@pytest.mark.parametrize(
    "owner, client, longest",
    [
        (BY_CLIENT, CLIENT, 1000),
        (BY_CLIENT, replace(CLIENT, max_lifetime=60), 60),
        (BY_IDP, None, 800),
        (BY_IDP, replace(CLIENT, max_lifetime=900), 800),
        (OWN, None, 200),
        (replace(OWN, not_after=5000), None, 1000),
    ],
)
def test_the_shortest_of_all_limits_counts(owner: TokenOwner, client: TokenClient | None, longest: int) -> None:
    now = 100 if owner.parent else 0
    assert longest_lifetime(SETTINGS, owner, client, now) == longest
    assert choose_lifetime(SETTINGS, owner, client, longest, now) == longest
    assert choose_lifetime(SETTINGS, owner, client, None, now) == min(500, longest)
    with pytest.raises(OidcAuthError) as refused:
        choose_lifetime(SETTINGS, owner, client, longest + 1, now)
    assert refused.value.code == "token_lifetime_too_long"


@pytest.mark.parametrize("now", [300, 301])
def test_a_token_in_its_last_moment_makes_no_other(now: int) -> None:
    with pytest.raises(OidcAuthError) as refused:
        choose_lifetime(SETTINGS, OWN, None, None, now)
    assert refused.value.code == "token_not_exchangeable"


def test_a_scope_counts_even_where_the_grant_says_more() -> None:
    narrowed = replace(OWN, session=replace(OWN.session, scope=("Viewer",)))
    assert narrowed.session.grant == Grant(("Op", "Viewer"), matches=narrowed.session.grant.matches)
    assert choose_scope(narrowed, None) == ("Viewer",)
    with pytest.raises(OidcAuthError) as refused:
        choose_scope(narrowed, ("Op",))
    assert refused.value.code == "token_scope_not_held"


def test_only_what_is_made_of_an_unnarrowed_token_of_ours_follows_its_owner() -> None:
    assert choose_scope(OWN, None) is None
    assert choose_scope(BY_IDP, None) == ("Op", "Viewer")
    assert choose_scope(BY_CLIENT, None) == ("Op", "Viewer")


@pytest.mark.parametrize("roles", [("Data Team", "Op"), ("100%",), ('a"b', "c\\d"), ("Größe", "日本"), ("a%20b",)])
def test_a_role_of_any_name_survives_the_spelling_of_scopes(roles: tuple[str, ...]) -> None:
    text = spell_scope(roles)
    assert text.isascii()
    assert not set(text) & set('"\\')
    assert read_wanted({"scope": text}).scope == tuple(sorted(roles))


@pytest.mark.parametrize("url", ["https://a.example/x", "https://a.example/x/", "https://A.example/x/api/v2"])
def test_an_address_below_ours_is_ours(url: str) -> None:
    assert is_below(url, "https://a.example/x")


@pytest.mark.parametrize(
    "url",
    [
        "https://a.example",
        "https://a.example/",
        "https://a.example/xy",
        "https://a.example:444/x",
        "https://a.example.evil/x",
        "https://b@a.example/x",
        "https://a.example/x/../y",
        "https://a.example/x\\y",
        "https://a.example/x?y",
        "//a.example/x",
        "\thttps://a.example/x",
        "ht\ntps://a.example/x",
        " https://a.example/x",
        "https://a.example/x\x00",
        "/x",
        "",
    ],
)
def test_every_other_address_is_not(url: str) -> None:
    assert not is_below(url, "https://a.example/x")
