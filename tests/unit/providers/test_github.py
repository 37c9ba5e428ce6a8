"""Sign-in with GitHub, over real HTTP with an Enterprise Server on loopback."""

from __future__ import annotations

import http.client
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from airflow_oidc_auth.errors import LoginRefused, ProtocolViolation, ProviderError
from airflow_oidc_auth.providers.attempt import LoginAttempt
from airflow_oidc_auth.providers.github_account import api_base
from airflow_oidc_auth.providers.registry import build_provider
from airflow_oidc_auth.secret import Secret
from airflow_oidc_auth.testing import FakeGithub, GithubUser
from airflow_oidc_auth.testing.loopback import Answer, json_answer
from airflow_oidc_auth.testing.urls import parameters_of, with_parameters
from tests.unit.providers.vendors import settings_for

REDIRECT_URI = "http://127.0.0.1:8080/auth/callback/github"
ADA = GithubUser(
    4711,
    "ada",
    "Ada Lovelace",
    organizations=("acme", "hobby"),
    teams=(("acme", "ops"), ("hobby", "ops")),
    emails=(
        {"email": "old@example.com", "primary": False, "verified": True, "visibility": None},
        {"email": "ada@example.com", "primary": True, "verified": True, "visibility": "private"},
    ),
)
ATTEMPT = LoginAttempt("github", "st", "n", Secret("v" * 43), REDIRECT_URI, "/", 0, "c")


@pytest.fixture
def fake():
    with FakeGithub([ADA], redirect_uris=[REDIRECT_URI]) as github:
        yield github


def settings_of(fake, **options):
    settings = settings_for("github", fake.issuer, **options)
    return replace(settings, client_id=fake.client_id, client_secret=Secret(fake.client_secret))


def browse(url):
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=5)
    connection.request("GET", f"{parts.path}?{parts.query}")
    location = connection.getresponse().getheader("Location")
    connection.close()
    return parameters_of(location)


def sign_in(fake, *, attempt=ATTEMPT, user="ada", response=None, settings=None, **options):
    provider = build_provider(settings or settings_of(fake, **options))
    answer = browse(with_parameters(provider.build_authorization_url(ATTEMPT), {"user": user}))
    return provider.complete(attempt, {**answer, **(response or {})})


def test_a_person_signs_in_with_organisations_and_teams_as_groups(fake):
    identity = sign_in(fake).identity
    assert (identity.issuer, identity.subject) == (fake.issuer, "4711")
    assert identity.groups == {"acme", "hobby", "acme/ops", "hobby/ops"}
    assert (identity.name, identity.email, identity.email_verified) == ("Ada Lovelace", "ada@example.com", True)


def test_a_renamed_account_is_the_same_person_and_its_old_name_is_not(fake):
    before = sign_in(fake).identity
    fake.users = (replace(ADA, login="countess"), replace(ADA, id=9000, name=None))
    assert sign_in(fake, user="countess").identity.subject == before.subject
    thief = sign_in(fake, user="ada").identity
    assert thief.subject != before.subject
    assert thief.name == "ada"


def test_only_configured_organisations_count(fake):
    identity = sign_in(fake, organizations=["ACME"]).identity
    assert identity.groups == {"acme", "acme/ops"}
    assert identity.claims["organizations"] == ["acme"]


def test_somebody_of_no_configured_organisation_is_refused(fake):
    with pytest.raises(LoginRefused) as caught:
        sign_in(fake, organizations=["other"])
    assert caught.value.code == "identity_refused"


@pytest.mark.parametrize(
    "emails",
    [
        (),
        ({"email": "ada@example.com", "primary": True, "verified": False},),
        ({"email": "ada@example.com", "primary": False, "verified": True},),
        ({"email": "ada@example.com", "primary": "true", "verified": "true"},),
        ({"email": ["ada@example.com"], "primary": True, "verified": True},),
    ],
)
def test_only_the_verified_primary_address_counts(fake, emails):
    fake.users = (replace(ADA, emails=emails),)
    identity = sign_in(fake).identity
    assert (identity.email, identity.email_verified) == (None, False)


def test_every_page_is_read(fake):
    fake.users = (replace(ADA, organizations=tuple(f"org-{n}" for n in range(205)), teams=()),)
    assert len(sign_in(fake).identity.groups) == 205
    assert [call.query["page"] for call in fake.requests if call.path.endswith("/orgs")] == ["1", "2", "3"]


def test_endless_pages_end_in_an_error(fake):
    link = {"Link": f'<{fake.issuer}/api/v3/user/orgs?page=2>; rel="next"', "Content-Type": "application/json"}
    fake.answers["/user/orgs"] = Answer(200, b'[{"login": "acme"}]', link)
    assert code_of(fake) == "groups_unavailable"


def test_an_address_out_of_an_answer_is_never_followed(fake):
    with FakeGithub([ADA]) as attacker:
        link = {"Link": f'<{attacker.issuer}/steal>; rel="next"', "Content-Type": "application/json"}
        fake.answers["/user/orgs"] = Answer(200, b'[{"login": "acme"}]', link)
        assert code_of(fake) == "groups_unavailable"
        assert attacker.requests == []


def code_of(fake, **arguments):
    with pytest.raises((ProviderError, ProtocolViolation, LoginRefused)) as caught:
        sign_in(fake, **arguments)
    assert "gho_" not in f"{caught.value!r} {caught.value.evidence} {caught.value.detail}"
    assert fake.client_secret not in f"{caught.value!r} {caught.value.evidence} {caught.value.detail}"
    return caught.value.code


@pytest.mark.parametrize(
    "path, answer, code",
    [
        ("/user", json_answer({"message": "no"}, 403), "userinfo_refused"),
        ("/user", json_answer({"login": "ada"}), "provider_answer_malformed"),
        ("/user", json_answer({"id": "4711", "login": "ada"}), "provider_answer_malformed"),
        ("/user", json_answer({"id": True, "login": "ada"}), "provider_answer_malformed"),
        ("/user", json_answer({"id": 0, "login": "ada"}), "provider_answer_malformed"),
        ("/user", json_answer({"id": 4711, "login": "ci[bot]", "type": "Bot"}), "identity_refused"),
        ("/user", json_answer([]), "provider_answer_malformed"),
        ("/user/orgs", json_answer({"message": "no"}, 403), "groups_unavailable"),
        ("/user/orgs", json_answer({"message": "down"}, 502), "provider_failing"),
        ("/user/orgs", json_answer([{"id": 1}]), "groups_unavailable"),
        ("/user/orgs", json_answer([{"login": "acme/ops"}]), "groups_unavailable"),
        ("/user/orgs", json_answer({"login": "acme"}), "provider_answer_malformed"),
        ("/user/teams", json_answer([{"slug": "ops"}]), "groups_unavailable"),
        ("/user/teams", json_answer([{"slug": "a/b", "organization": {"login": "acme"}}]), "groups_unavailable"),
        ("/user/teams", json_answer({}, 404), "groups_unavailable"),
        ("/login/oauth/access_token", json_answer({"error": "bad_verification_code"}), "code_refused"),
        ("/login/oauth/access_token", json_answer({"error": "incorrect_client_credentials"}), "client_rejected"),
        ("/login/oauth/access_token", json_answer({"error": "redirect_uri_mismatch"}), "token_request_refused"),
        ("/login/oauth/access_token", json_answer({}), "token_answer_malformed"),
        ("/login/oauth/access_token", json_answer({"access_token": "x"}), "token_answer_malformed"),
        (
            "/login/oauth/access_token",
            json_answer({"access_token": "x\r\nX: y", "token_type": "bearer"}),
            "token_answer_malformed",
        ),
        ("/login/oauth/access_token", Answer(302, b"", {"Location": "https://evil.example"}), "provider_redirected"),
    ],
)
def test_a_strange_answer_ends_the_sign_in(fake, path, answer, code):
    fake.answers[path] = answer
    assert code_of(fake) == code


def test_a_grant_without_read_org_does_not_pass_for_no_organisation(fake):
    fake.granted = "user:email"
    assert code_of(fake) == "groups_unavailable"


def test_github_apps_have_permissions_instead_of_scopes(fake):
    fake.granted = ""
    assert "acme" in sign_in(fake).identity.groups


def test_without_read_org_in_the_settings_nobody_asks_for_organisations(fake):
    settings = replace(settings_of(fake), scopes=("read:user",))
    assert sign_in(fake, settings=settings).identity.groups == frozenset()
    assert not [call for call in fake.requests if call.path.endswith(("/orgs", "/teams"))]


@pytest.mark.parametrize(
    "response, attempt, code",
    [
        ({"state": "other"}, ATTEMPT, "state_mismatch"),
        ({"code": "guessed"}, ATTEMPT, "code_refused"),
        ({"error": "access_denied"}, ATTEMPT, "idp_denied"),
        ({"iss": "https://idp.attacker.example"}, ATTEMPT, "response_issuer_mismatch"),
        ({}, replace(ATTEMPT, code_verifier=Secret("w" * 43)), "code_refused"),
        ({}, replace(ATTEMPT, redirect_uri="http://127.0.0.1:8080/other"), "token_request_refused"),
    ],
    ids=["foreign state", "made-up code", "denied", "foreign iss", "foreign verifier", "foreign redirect URI"],
)
def test_a_forged_answer_ends_the_sign_in(fake, response, attempt, code):
    assert code_of(fake, response=response, attempt=attempt) == code


def test_the_authorization_request_has_state_and_pkce_and_no_nonce(fake):
    parameters = parameters_of(build_provider(settings_of(fake)).build_authorization_url(ATTEMPT))
    assert parameters["state"] == "st"
    assert parameters["code_challenge_method"] == "S256"
    assert parameters["scope"] == "read:user user:email read:org"
    assert "nonce" not in parameters


def test_another_account_can_be_chosen(fake):
    attempt = replace(ATTEMPT, other_account=True)
    assert (
        parameters_of(build_provider(settings_of(fake)).build_authorization_url(attempt))["prompt"] == "select_account"
    )


@pytest.mark.parametrize(
    "issuer, api",
    [
        ("https://github.com", "https://api.github.com"),
        ("https://acme.ghe.com", "https://api.acme.ghe.com"),
        ("https://git.example.com", "https://git.example.com/api/v3"),
        ("https://github.com.example.com", "https://github.com.example.com/api/v3"),
    ],
)
def test_every_kind_of_host_has_its_api(issuer, api):
    assert api_base(issuer) == api


def test_host_is_short_for_the_issuer():
    assert settings_for("github", host="git.example.com").issuer == "https://git.example.com"


def test_there_is_no_logout_and_the_check_reaches_the_api(fake):
    provider = build_provider(settings_of(fake))
    assert provider.build_logout_url(id_token_hint=None, post_logout_redirect_uri="https://a.example/") is None
    assert {finding.level for finding in provider.diagnose()} == {"ok"}
    provider.warm_up()
