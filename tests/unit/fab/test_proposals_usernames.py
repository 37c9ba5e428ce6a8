from __future__ import annotations

import pytest

from airflow_oidc_auth.fab.oauth_usernames import Told, Untold, read_username
from tests.unit.fab.providers import providers

OKTA_ID = "00u1a2b3c4d5e6f7g8h9"
GOOGLE_ID = "117012345678901234567"
FULL_WIDTH = {ord("0") + n: 0xFF10 + n for n in range(10)}


@pytest.mark.parametrize(
    ("username", "configured", "subject"),
    [
        (f"okta_{OKTA_ID}", ("okta", "google"), OKTA_ID),
        (f"google_{GOOGLE_ID}", ("okta", "google"), GOOGLE_ID),
        ("auth0_auth0|5f7c8ec7c33c6c004bbafe82", ("auth0",), "auth0|5f7c8ec7c33c6c004bbafe82"),
        ("auth0_samlp|acme|Ada Lovelace", ("auth0",), "samlp|acme|Ada Lovelace"),
    ],
)
def test_a_name_that_holds_the_providers_own_id_tells_who_it_is(
    username: str, configured: tuple[str, ...], subject: str
) -> None:
    read = read_username(username, providers(*configured))
    assert isinstance(read, Told)
    assert (read.provider.id, read.subject) == (username.partition("_")[0], subject)


@pytest.mark.parametrize(
    ("username", "configured", "reason"),
    [
        # People choose their preferred_username, and others take it when it is free again.
        ("ada", ("keycloak",), "people can choose such a name"),
        ("ada@example.com", ("okta",), "people can choose such a name"),
        # The login of an account that was renamed can be taken by anybody.
        ("github_ada", ("github",), "its owner can give up"),
        # Entra makes its `sub` per application: the oid in the name is not what a sign-in brings.
        ("8d6e4a3c-0000-4000-8000-1234567890ab", ("entra",), "is an Entra object id"),
        # FAB compares without letter case, so that a hand-made user in another one was usable, too.
        (f"Okta_{OKTA_ID}", ("okta",), "it did not make this name"),
        (f"GOOGLE_{GOOGLE_ID}", ("google",), "it did not make this name"),
        ("okta_admin", ("okta",), "is not an id as okta gives them"),
        (f"okta_{OKTA_ID} ", ("okta",), "is not an id as okta gives them"),
        (f"okta_{OKTA_ID}\n", ("okta",), "is not an id as okta gives them"),
        ("google_ada", ("google",), "is not an id as google gives them"),
        (f"google_{GOOGLE_ID.translate(FULL_WIDTH)}", ("google",), "is not an id as google gives them"),
        ("auth0_ada", ("auth0",), "is not an id as auth0 gives them"),
        (f"auth0_auth0|{'x' * 256}", ("auth0",), "is not an id as auth0 gives them"),
        # A person of Keycloak chose this name; nobody of Google has ever signed in.
        (f"google_{GOOGLE_ID}", ("keycloak",), "no provider with the preset google is configured"),
        (f"okta_{OKTA_ID}", ("okta", "okta-test"), "it could be any of the providers okta, okta-test"),
        ("openshift_ada", ("keycloak",), "no preset is for OpenShift"),
    ],
)
def test_any_other_name_tells_nothing(username: str, configured: tuple[str, ...], reason: str) -> None:
    read = read_username(username, providers(*configured))
    assert isinstance(read, Untold)
    assert reason in read.reason


@pytest.mark.parametrize(
    ("username", "configured", "export"),
    [
        ("ada", ("keycloak",), "kcadm.sh"),
        ("github_ada", ("github", "keycloak"), "gh api users/LOGIN"),
        ("8d6e4a3c-0000-4000-8000-1234567890ab", ("entra", "okta"), "auth.login_refused"),
        ("ada", ("keycloak", "okta"), "List the users at the identity provider"),
    ],
)
def test_what_to_export_is_named_for_the_vendor(username: str, configured: tuple[str, ...], export: str) -> None:
    read = read_username(username, providers(*configured))
    assert isinstance(read, Untold)
    assert export in read.export
