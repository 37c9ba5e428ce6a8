"""A session of GitHub is confirmed with its API: 401 ends it, everything else that fails is an outage."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from airflow_oidc_auth.errors import LoginRefused, ProtocolViolation, ProviderError
from airflow_oidc_auth.providers.confirming import ConfirmationInterrupted, Confirms
from airflow_oidc_auth.providers.provider import HeldTokens
from airflow_oidc_auth.providers.registry import build_provider
from airflow_oidc_auth.secret import Secret
from airflow_oidc_auth.testing import FakeGithub
from airflow_oidc_auth.testing.loopback import Answer, json_answer
from airflow_oidc_auth.testing.urls import with_parameters
from tests.unit.providers.making import Clock
from tests.unit.providers.test_github import ADA, ATTEMPT, REDIRECT_URI, browse, settings_of


class Person:
    def __init__(self, fake, **options):
        self.fake, self.clock = fake, Clock(time.time())
        self.provider = build_provider(settings_of(fake, **options), clock=self.clock)
        answer = browse(with_parameters(self.provider.build_authorization_url(ATTEMPT), {"user": "ada"}))
        signed_in = self.provider.complete(ATTEMPT, answer)
        self.known = signed_in.identity
        self.tokens = HeldTokens(None, signed_in.refresh_token, signed_in.access_token)

    def confirm(self):
        return self.provider.confirm(self.tokens, self.known)


@pytest.fixture
def fake():
    with FakeGithub([ADA], redirect_uris=[REDIRECT_URI]) as github:
        yield github


@pytest.fixture
def app():
    with FakeGithub([ADA], redirect_uris=[REDIRECT_URI], expires_in=28800) as github:
        yield github


def test_the_api_tells_todays_organisations_and_teams(fake):
    person = Person(fake)
    assert isinstance(person.provider, Confirms)
    fake.users = (replace(ADA, teams=(), organizations=("acme",)),)
    confirmation = person.confirm()
    assert confirmation.identity.groups == {"acme"}
    assert confirmation.tokens == person.tokens


def test_access_that_was_taken_back_ends_the_session(fake):
    person = Person(fake)
    fake.revoke("ada")
    with pytest.raises(LoginRefused, match="session_refused_by_provider"):
        person.confirm()


def test_leaving_the_accepted_organisations_ends_the_session(fake):
    person = Person(fake, organizations=["acme"])
    fake.users = (replace(ADA, teams=(), organizations=("hobby",)),)
    with pytest.raises(LoginRefused, match="identity_refused"):
        person.confirm()


@pytest.mark.parametrize(
    "path, answer, code",
    [
        ("/user", Answer(403, b"{}", {"X-RateLimit-Remaining": "0"}), "userinfo_refused"),
        ("/user", Answer(404, b"{}"), "userinfo_refused"),
        ("/user", Answer(503), "provider_failing"),
        ("/user", Answer(429), "provider_failing"),
        ("/user", json_answer([]), "provider_answer_malformed"),
        ("/user/teams", Answer(403, b"{}"), "groups_unavailable"),
        ("/user/orgs", Answer(401, b"{}"), "groups_unavailable"),
    ],
)
def test_everything_else_is_an_outage(fake, path, answer, code):
    person = Person(fake)
    fake.answers[path] = answer
    with pytest.raises(ProviderError) as caught:
        person.confirm()
    assert (type(caught.value), caught.value.code) == (ProviderError, code)


def test_another_account_is_not_this_one(fake):
    person = Person(fake)
    fake.answers["/user"] = json_answer({"id": 9000, "login": "ada", "type": "User"})
    with pytest.raises(ProtocolViolation, match="refreshed_subject"):
        person.confirm()


def test_tokens_that_do_not_expire_are_good_for_ever(fake):
    person = Person(fake)
    person.clock.now += 10**8
    assert person.provider.can_confirm(person.tokens)
    assert person.confirm().identity is not None


def test_without_an_access_token_nothing_can_be_asked(fake):
    person = Person(fake)
    for tokens in (HeldTokens(), HeldTokens(refresh_token=Secret("ghr_1"))):
        assert not person.provider.can_confirm(tokens)
        with pytest.raises(ProviderError, match="confirmation_impossible"):
            person.provider.confirm(tokens, person.known)


def test_tokens_of_an_app_are_renewed_shortly_before_their_end_and_not_earlier(app):
    person = Person(app)
    assert person.confirm().tokens == person.tokens
    person.clock.now += 28800 - 60
    confirmation = person.confirm()
    assert confirmation.identity.groups == person.known.groups
    assert confirmation.tokens.refresh_token not in (None, person.tokens.refresh_token)
    assert confirmation.tokens.access_token != person.tokens.access_token
    with pytest.raises(LoginRefused, match="session_refused_by_provider"):
        person.confirm()  # with the tokens from before


def test_an_app_whose_access_was_taken_back_cannot_renew(app):
    person = Person(app)
    app.revoke("ada")
    person.clock.now += 28800 + 60
    assert person.provider.can_confirm(person.tokens)
    with pytest.raises(LoginRefused, match="session_refused_by_provider"):
        person.confirm()


def test_an_outage_after_a_renewal_keeps_the_new_tokens(app):
    person = Person(app)
    person.clock.now += 28800
    app.answers["/user"] = Answer(503)
    with pytest.raises(ConfirmationInterrupted, match="provider_failing") as caught:
        person.confirm()
    assert caught.value.tokens.refresh_token != person.tokens.refresh_token
    del app.answers["/user"]
    assert person.provider.confirm(caught.value.tokens, person.known).identity is not None


def test_a_wrong_secret_is_the_administrators_and_ends_no_session(app):
    person = Person(app)
    person.clock.now += 28800
    app.client_secret = "changed at GitHub"
    with pytest.raises(ProviderError, match="client_rejected"):
        person.confirm()
