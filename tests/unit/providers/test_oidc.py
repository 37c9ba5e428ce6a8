from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from airflow_oidc_auth.errors import LoginRefused, OidcAuthError, ProtocolViolation, ProviderError
from airflow_oidc_auth.identity.claims import ClaimPath
from airflow_oidc_auth.providers.oidc import OidcProvider
from airflow_oidc_auth.providers.presets import preset
from airflow_oidc_auth.providers.provider import Provider, SignIn
from airflow_oidc_auth.providers.settings import GroupSource, HttpSettings
from airflow_oidc_auth.providers.transport import RequestsTransport
from airflow_oidc_auth.secret import Secret
from airflow_oidc_auth.testing import ATTACKS, DOWN, ODD_BUT_HONEST, FakeClient, FakeIdp, Misbehaviour
from tests.unit.providers.making import (
    CLIENT_SECRET,
    REDIRECT,
    Clock,
    every_secret,
    make_attempt,
    make_key,
    make_settings,
)

Build = Callable[..., Provider]
Run = Callable[..., SignIn]

EXPECTED: dict[str, tuple[type[OidcAuthError], str]] = {
    "id_token of a foreign issuer": (ProtocolViolation, "id_token_issuer"),
    "id_token whose issuer has a further slash": (ProtocolViolation, "id_token_issuer"),
    "id_token without issuer": (ProtocolViolation, "id_token_issuer"),
    "id_token for another client": (ProtocolViolation, "id_token_audience"),
    "id_token for a list of other clients": (ProtocolViolation, "id_token_audience"),
    "id_token with foreign aud and our azp": (ProtocolViolation, "id_token_audience"),
    "id_token with empty aud": (ProtocolViolation, "id_token_audience"),
    "id_token with aud of a wrong type": (ProtocolViolation, "id_token_audience"),
    "id_token without aud": (ProtocolViolation, "id_token_audience"),
    "id_token with foreign azp": (ProtocolViolation, "id_token_azp"),
    "id_token with foreign nonce": (ProtocolViolation, "id_token_nonce"),
    "id_token without nonce": (ProtocolViolation, "id_token_nonce"),
    "id_token expired": (ProtocolViolation, "id_token_expired"),
    "id_token without exp": (ProtocolViolation, "id_token_claim"),
    "id_token with exp as text": (ProtocolViolation, "id_token_claim"),
    "id_token issued in the future": (ProtocolViolation, "id_token_not_yet_valid"),
    "id_token without iat": (ProtocolViolation, "id_token_claim"),
    "id_token not yet valid": (ProtocolViolation, "id_token_not_yet_valid"),
    "id_token without sub": (ProtocolViolation, "id_token_subject"),
    "id_token with empty sub": (ProtocolViolation, "id_token_subject"),
    "id_token with a number as sub": (ProtocolViolation, "id_token_subject"),
    "id_token with a list as sub": (ProtocolViolation, "id_token_subject"),
    "id_token with alg none": (ProtocolViolation, "id_token_algorithm"),
    "id_token with alg none that keeps a signature": (ProtocolViolation, "id_token_algorithm"),
    "id_token signed HS256 with the public key": (ProtocolViolation, "id_token_algorithm"),
    "id_token signed HS256 with the client secret": (ProtocolViolation, "id_token_algorithm"),
    "id_token with a broken signature": (ProtocolViolation, "id_token_signature"),
    "id_token tampered with after signing": (ProtocolViolation, "id_token_signature"),
    "id_token signed by a foreign key": (ProtocolViolation, "id_token_signature"),
    "id_token that brings its own key": (ProtocolViolation, "id_token_key_unknown"),
    "id_token that points at a key": (ProtocolViolation, "id_token_key_unknown"),
    "id_token with an unknown kid": (ProtocolViolation, "id_token_key_unknown"),
    "id_token with an unknown critical header": (ProtocolViolation, "id_token_malformed"),
    "at_hash of another access token": (ProtocolViolation, "id_token_at_hash"),
    "token response without id_token": (ProviderError, "id_token_missing"),
    "id_token that is no string": (ProviderError, "token_answer_malformed"),
    "id_token that is no JWT": (ProtocolViolation, "id_token_malformed"),
    "userinfo of another subject": (ProtocolViolation, "userinfo_subject"),
    "userinfo without subject": (ProtocolViolation, "userinfo_subject"),
    "discovery of a foreign issuer": (ProviderError, "discovery_issuer_mismatch"),
    "discovery with a token endpoint on plain http": (ProviderError, "provider_url_insecure"),
    "discovery without token endpoint": (ProviderError, "discovery_malformed"),
    "discovery without jwks_uri": (ProviderError, "discovery_malformed"),
    "answer without the promised iss": (ProtocolViolation, "response_issuer_missing"),
    "answer with a foreign iss": (ProtocolViolation, "response_issuer_mismatch"),
    "answer with a foreign state": (ProtocolViolation, "state_mismatch"),
    "answer without state": (ProtocolViolation, "state_mismatch"),
    "answer without code": (ProtocolViolation, "response_malformed"),
    "answer with a made-up code": (ProtocolViolation, "code_refused"),
    "token endpoint redirects": (ProviderError, "provider_redirected"),
    "token endpoint fails": (ProviderError, "provider_failing"),
    "token endpoint hangs up": (ProviderError, "provider_unreachable"),
    "token endpoint answers malformed JSON": (ProviderError, "provider_answer_malformed"),
    "token endpoint answers a JSON list": (ProviderError, "token_answer_malformed"),
    "token endpoint answers HTML": (ProviderError, "provider_answer_malformed"),
    "token endpoint answers nothing": (ProviderError, "provider_answer_malformed"),
    "token endpoint answers without end": (ProviderError, "provider_answer_too_large"),
    "token endpoint refuses the code": (ProtocolViolation, "code_refused"),
    "token endpoint refuses the client": (ProviderError, "client_rejected"),
    "token endpoint's answer is lost": (ProviderError, "provider_unreachable"),
    "userinfo refuses the token": (ProviderError, "userinfo_refused"),
    "userinfo forbids the token": (ProviderError, "userinfo_refused"),
    "keys fail": (ProviderError, "provider_failing"),
    "keys are malformed": (ProviderError, "provider_answer_malformed"),
    "discovery fails": (ProviderError, "provider_failing"),
    "discovery redirects": (ProviderError, "provider_redirected"),
}


def test_the_table_knows_every_attack_of_the_fake_idp() -> None:
    assert EXPECTED.keys() == ATTACKS.keys()


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_refuses_the_attack_with_its_own_code_and_tells_no_secret(
    name: str, idp: FakeIdp, provider_at: Build, sign_in: Run
) -> None:
    idp.misbehaviour = ATTACKS[name]
    provider = provider_at(userinfo="always" if "userinfo" in name else "auto")
    kind, code = EXPECTED[name]
    with pytest.raises(OidcAuthError) as caught:
        sign_in(provider)
    assert (type(caught.value), caught.value.code) == (kind, code)
    told = f"{caught.value!r} {caught.value} {caught.value.hint} {caught.value.evidence}"
    assert not [secret for secret in every_secret() if secret in told]
    assert caught.value.__cause__ is None or not [s for s in every_secret() if s in repr(caught.value.__cause__)]


@pytest.mark.parametrize("name", sorted(ODD_BUT_HONEST))
def test_accepts_the_odd_but_honest_idp(name: str, idp: FakeIdp, provider_at: Build, sign_in: Run) -> None:
    idp.misbehaviour = ODD_BUT_HONEST[name]
    assert sign_in(provider_at()).identity.subject == "5d3a-0001"


@pytest.mark.parametrize("path", ["", "/", "/realms/demo", "/realms/demo/"])
def test_an_issuer_may_have_a_path_and_a_trailing_slash(path: str) -> None:
    with FakeIdp(redirect_uris=[REDIRECT], client_secret=CLIENT_SECRET, issuer_path=path) as idp:
        provider = _provider(idp)
        attempt = make_attempt()
        answer = provider.complete(attempt, idp.sign_in(provider.build_authorization_url(attempt), "ada"))
        assert answer.identity.issuer == idp.issuer


def test_a_sign_in_costs_one_call_once_discovery_and_keys_are_known(
    idp: FakeIdp, provider_at: Build, sign_in: Run
) -> None:
    provider = provider_at()
    provider.warm_up()
    before = len(idp.requests)
    sign_in(provider)
    assert [request.path for request in idp.requests[before:]] == ["/authorize", "/token"]


def test_the_identity_is_what_the_idp_says(provider_at: Build, sign_in: Run) -> None:
    result = sign_in(provider_at())
    identity = result.identity
    assert (identity.provider, identity.subject, identity.name) == ("fake", "5d3a-0001", "Ada Admin")
    assert (identity.email, identity.email_verified, identity.groups) == (
        "ada@example.com",
        True,
        frozenset({"airflow-admins"}),
    )
    assert result.sid
    assert result.auth_time
    assert result.id_token is not None
    assert result.id_token.reveal() not in repr(result)


def test_asks_userinfo_when_groups_live_there(idp: FakeIdp, provider_at: Build, sign_in: Run) -> None:
    result = sign_in(provider_at(groups=(GroupSource("userinfo", ClaimPath(("groups",))),)))
    assert result.identity.groups == {"airflow-admins"}
    assert len(idp.calls("/userinfo")) == 1


def test_asks_userinfo_when_the_id_token_is_thin(idp: FakeIdp, provider_at: Build, sign_in: Run) -> None:
    idp.misbehaviour = Misbehaviour(omit_id_token_claims=("name", "preferred_username", "email", "email_verified"))
    identity = sign_in(provider_at()).identity
    assert (identity.name, identity.email, identity.email_verified) == ("Ada Admin", "ada@example.com", True)


def test_never_asks_userinfo_when_told_not_to(idp: FakeIdp, provider_at: Build, sign_in: Run) -> None:
    idp.misbehaviour = Misbehaviour(omit_id_token_claims=("name", "preferred_username"))
    sign_in(provider_at(userinfo="never", groups=(GroupSource("userinfo", ClaimPath(("groups",))),)))
    assert not idp.calls("/userinfo")


def test_reads_groups_from_the_access_token_where_configured() -> None:
    with FakeIdp(redirect_uris=[REDIRECT], client_secret=CLIENT_SECRET, groups_in=("access_token",)) as idp:
        provider = _provider(idp, groups=(GroupSource("access_token", ClaimPath(("groups",))),))
        attempt = make_attempt()
        result = provider.complete(attempt, idp.sign_in(provider.build_authorization_url(attempt), "ada"))
        assert result.identity.groups == {"airflow-admins"}
        assert "groups" not in result.identity.claims


@pytest.mark.parametrize("shape", ["json_string", "object", "null", "number", "boolean"])
def test_odd_groups_never_become_the_admin_group(shape: str, idp: FakeIdp, provider_at: Build, sign_in: Run) -> None:
    idp.misbehaviour = Misbehaviour(groups_shape=shape)
    assert "airflow-admins" not in sign_in(provider_at()).identity.groups


def test_fetches_the_keys_again_after_a_rotation(idp: FakeIdp) -> None:
    clock = Clock(time.time())
    provider = _provider(idp, clock=clock)
    _complete(idp, provider)
    idp.rotate_keys()
    clock.now += 31
    assert _complete(idp, provider).identity.subject == "5d3a-0001"
    assert len(idp.calls("/jwks")) == 2


def test_does_not_flood_the_idp_with_key_requests(idp: FakeIdp, provider_at: Build, sign_in: Run) -> None:
    provider = provider_at()
    idp.misbehaviour = ATTACKS["id_token with an unknown kid"]
    for _ in range(3):
        with pytest.raises(ProtocolViolation, match="id_token_key_unknown"):
            sign_in(provider)
    assert len(idp.calls("/jwks")) == 1


def test_discovery_survives_an_outage(idp: FakeIdp) -> None:
    clock = Clock(time.time())
    provider = _provider(idp, clock=clock)
    provider.warm_up()
    clock.now += 7200
    idp.misbehaviour = DOWN
    assert provider.build_authorization_url(make_attempt()).startswith(idp.issuer)
    assert provider.build_logout_url(id_token_hint=None, post_logout_redirect_uri="http://127.0.0.1:8080/out")


def test_says_that_the_idp_is_down(idp: FakeIdp, provider_at: Build) -> None:
    idp.misbehaviour = DOWN
    with pytest.raises(ProviderError, match="provider_unreachable"):
        provider_at().build_authorization_url(make_attempt())


def test_warming_up_logs_a_failure_and_goes_on(
    idp: FakeIdp, provider_at: Build, caplog: pytest.LogCaptureFixture
) -> None:
    idp.misbehaviour = DOWN
    with caplog.at_level(logging.WARNING):
        provider_at().warm_up()
    assert "provider_unreachable" in caplog.text


def test_a_code_is_sent_once_even_if_the_answer_is_lost(idp: FakeIdp, provider_at: Build, sign_in: Run) -> None:
    idp.misbehaviour = ATTACKS["token endpoint hangs up"]
    with pytest.raises(ProviderError, match="provider_unreachable"):
        sign_in(provider_at())
    assert len(idp.calls("/token")) == 1


def test_the_code_cannot_be_used_a_second_time(idp: FakeIdp, provider_at: Build) -> None:
    provider, attempt = provider_at(), make_attempt()
    answer = idp.sign_in(provider.build_authorization_url(attempt), "ada")
    provider.complete(attempt, answer)
    with pytest.raises(ProtocolViolation, match="code_refused"):
        provider.complete(attempt, answer)


def test_a_code_of_another_browser_is_refused_by_pkce(idp: FakeIdp, provider_at: Build) -> None:
    provider = provider_at()
    answer = idp.sign_in(provider.build_authorization_url(make_attempt(code_verifier=Secret("x" * 43))), "ada")
    with pytest.raises(ProtocolViolation, match="code_refused"):
        provider.complete(make_attempt(), answer)


def test_pushes_the_request_when_configured(idp: FakeIdp, provider_at: Build, sign_in: Run) -> None:
    provider = provider_at(par=True)
    url = provider.build_authorization_url(make_attempt())
    assert parse_qs(urlsplit(url).query).keys() == {"client_id", "request_uri"}
    assert sign_in(provider).identity.subject == "5d3a-0001"


def test_says_when_pushed_requests_are_not_offered(idp: FakeIdp, provider_at: Build) -> None:
    idp.misbehaviour = Misbehaviour(discovery={"pushed_authorization_request_endpoint": None})
    with pytest.raises(ProviderError, match="par_unsupported"):
        provider_at(par=True).build_authorization_url(make_attempt())


@pytest.mark.parametrize(
    ("fault", "code"),
    [("invalid_client", "client_rejected"), ("invalid_grant", "authorization_request_refused")],
)
def test_says_why_a_pushed_request_was_refused(fault: str, code: str, idp: FakeIdp, provider_at: Build) -> None:
    idp.misbehaviour = Misbehaviour(faults={"par": fault})
    with pytest.raises(ProviderError, match=code):
        provider_at(par=True).build_authorization_url(make_attempt())


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_authenticates_with_a_private_key(algorithm: str) -> None:
    key = make_key(algorithm)
    client = FakeClient(
        "key-client", "", (REDIRECT,), "private_key_jwt", jwk={**key.as_dict(private=False), "kid": "k1"}
    )
    with FakeIdp(redirect_uris=[REDIRECT], clients=[client]) as idp:
        provider = _provider(
            idp,
            client_id="key-client",
            client_secret=None,
            client_auth="private_key_jwt",
            private_key=Secret(key.as_pem(private=True).decode()),
            private_key_id="k1",
        )
        assert _complete(idp, provider).identity.subject == "5d3a-0001"


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_authenticates_with_a_secret_that_needs_encoding(method: str) -> None:
    client = FakeClient("an id:with/colon", "p%40ss: wörd+&", (REDIRECT,), method)
    with FakeIdp(redirect_uris=[REDIRECT], clients=[client]) as idp:
        provider = _provider(
            idp, client_id=client.client_id, client_secret=Secret(client.client_secret), client_auth=method
        )
        assert _complete(idp, provider).identity.subject == "5d3a-0001"


def test_a_public_client_needs_no_secret() -> None:
    client = FakeClient("public", "", (REDIRECT,), "none")
    with FakeIdp(redirect_uris=[REDIRECT], clients=[client]) as idp:
        provider = _provider(idp, client_id="public", client_secret=None, client_auth="none")
        assert _complete(idp, provider).identity.subject == "5d3a-0001"


def test_works_with_discovery_and_keys_from_files(idp: FakeIdp, tmp_path: Path) -> None:
    transport = RequestsTransport(HttpSettings())
    for name, url in (("d.json", "/.well-known/openid-configuration"), ("k.json", "/jwks")):
        (tmp_path / name).write_bytes(transport.get(idp.issuer + url).body)
    before = len(idp.requests)
    provider = _provider(idp, discovery_file=str(tmp_path / "d.json"), jwks_file=str(tmp_path / "k.json"))
    assert _complete(idp, provider).identity.subject == "5d3a-0001"
    assert [request.path for request in idp.requests[before:]] == ["/authorize", "/token"]


def test_a_refusal_at_the_idp_is_a_refusal_here(idp: FakeIdp, provider_at: Build, sign_in: Run) -> None:
    idp.misbehaviour = Misbehaviour(authorization_error="access_denied")
    with pytest.raises(LoginRefused, match="idp_denied"):
        sign_in(provider_at())


def test_another_account_is_asked_for_with_prompt(provider_at: Build) -> None:
    url = provider_at(authorization_parameters={"prompt": "none"}).build_authorization_url(
        make_attempt(other_account=True)
    )
    assert parse_qs(urlsplit(url).query)["prompt"] == ["login"]


def test_neither_provider_nor_settings_show_a_secret(provider_at: Build) -> None:
    provider = provider_at()
    assert not [secret for secret in every_secret() if secret in repr(provider) + repr(vars(provider))]


def _provider(idp: FakeIdp, *, clock: Callable[[], float] | None = None, **changes: object) -> OidcProvider:
    fields = {"issuer": idp.issuer, "client_id": idp.client_id, "client_secret": Secret(idp.client_secret)}
    settings = make_settings(**{**fields, **changes})
    return OidcProvider(
        settings, preset("oidc"), RequestsTransport(settings.http), clock or time.time, spawn=lambda work: work()
    )


def _complete(idp: FakeIdp, provider: OidcProvider) -> SignIn:
    attempt = make_attempt()
    return provider.complete(attempt, idp.sign_in(provider.build_authorization_url(attempt), "ada"))
