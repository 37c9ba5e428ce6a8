"""When the network is asked, when it is not, and what an outage is."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from airflow_oidc_auth.errors import ProviderError, TokenRefused
from airflow_oidc_auth.providers.bearer import build_bearer_issuers
from airflow_oidc_auth.providers.presets import preset
from airflow_oidc_auth.providers.relying_party import RelyingParty
from airflow_oidc_auth.providers.transport import RequestsTransport
from airflow_oidc_auth.testing import FakeIdp
from tests.unit.providers.bearer.test_shapes import CLIENT, ENTRA_SHARED, TIMES
from tests.unit.providers.bearer.tokens import API, KID, Documents, Rig, access_token, api_settings, claims, settings_of
from tests.unit.providers.making import ISSUER, Clock, make_settings, public, sign

JWKS = "/jwks"


def refused(rig: Rig, token: str) -> str:
    with pytest.raises(TokenRefused) as error:
        rig.issuer.verify(token)
    return error.value.code


def rotating() -> Rig:
    return Rig(make_settings(api=api_settings(), algorithms=("RS256", "ES384")))


def sign_with_new_key() -> str:
    return sign(claims(), "ES384", header={"kid": "new", "typ": "at+jwt"})


def test_nothing_is_asked_on_the_event_loop_and_nothing_is_decided_without_keys() -> None:
    rig = Rig()
    assert rig.issuer.verify_known(access_token()) is None
    assert not rig.documents.asked
    assert rig.issuer.verify(access_token())
    asked = rig.documents.asked.copy()
    assert rig.issuer.verify_known(access_token()) is not None
    assert rig.documents.asked == asked


def test_a_bad_algorithm_needs_no_keys_to_be_refused() -> None:
    rig = Rig()
    with pytest.raises(TokenRefused):
        rig.issuer.verify_known(access_token("EdDSA", header={"alg": "none"}))
    assert not rig.documents.asked


def test_a_new_key_is_fetched_and_invented_ones_are_not_asked_for_again_and_again() -> None:
    rig = rotating()
    rig.issuer.verify(access_token())
    new = sign_with_new_key()
    rig.clock.now += 31
    assert rig.issuer.verify_known(new) is None  # a thread may fetch, the loop may not
    assert refused(rig, new) == "token_key_unknown"
    assert rig.documents.asked[JWKS] == 2
    for number in range(50):
        invented = access_token(header={"kid": f"invented-{number}"})
        with pytest.raises(TokenRefused) as error:
            rig.issuer.verify_known(invented)  # answered at once: a flood does not fill the provider's threads
        assert error.value.code == "token_key_unknown"
        assert refused(rig, invented) == "token_key_unknown"
    assert rig.documents.asked[JWKS] == 2
    rig.documents.keys.append(public("ES384", kid="new"))
    rig.clock.now += 31
    assert rig.issuer.verify_known(new) is None
    assert rig.issuer.verify(new)
    assert rig.issuer.verify_known(new)
    assert rig.documents.asked[JWKS] == 3


def test_a_key_that_comes_while_the_old_ones_are_tried_is_no_reason_to_say_no(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = rotating()
    rig.issuer.verify(access_token())
    new = sign_with_new_key()
    rig.documents.keys.append(public("ES384", kid="new"))
    rig.clock.now += 31
    keys = rig.issuer.party.keys
    asked = keys.may_bring_more

    def after_the_fetch_of_another_thread() -> bool:
        keys.refresh()
        return asked()

    monkeypatch.setattr(keys, "may_bring_more", after_the_fetch_of_another_thread)
    assert rig.issuer.verify_known(new) is None
    assert rig.issuer.verify_known(new)


def test_while_another_thread_fetches_the_keys_nobody_says_no() -> None:
    rig = rotating()
    rig.issuer.verify(access_token())
    rig.clock.now += 31
    fetching, go_on = threading.Event(), threading.Event()
    original = rig.documents.get

    def slow(url: str, **more: object) -> object:
        if url.endswith(JWKS):
            fetching.set()
            assert go_on.wait(10)
        return original(url)

    rig.documents.get = slow  # type: ignore[method-assign,assignment]
    rig.documents.keys.append(public("ES384", kid="new"))
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(rig.issuer.verify(sign_with_new_key())))
    thread.start()
    assert fetching.wait(10)
    assert rig.issuer.verify_known(sign_with_new_key()) is None
    go_on.set()
    thread.join(10)
    assert found


def test_an_outage_is_no_refusal_and_no_acceptance() -> None:
    rig = Rig()
    rig.documents.down = True
    with pytest.raises(ProviderError):
        rig.issuer.verify(access_token())
    rig.documents.down = False
    rig.clock.now += 4  # a failure is repeated for a few seconds
    assert rig.issuer.verify(access_token())
    rig.documents.down = True
    assert rig.issuer.verify(access_token())
    assert rig.issuer.verify_known(access_token())


def test_while_new_keys_cannot_be_fetched_an_unknown_key_is_no_refusal_and_asks_nobody() -> None:
    rig = rotating()
    rig.issuer.verify(access_token())
    rig.clock.now += 31
    rig.documents.down = True
    for _ in range(3):
        with pytest.raises(ProviderError):
            rig.issuer.verify(sign_with_new_key())
        assert rig.issuer.verify_known(sign_with_new_key()) is None
    assert rig.issuer.verify_known(access_token())
    spoiled = access_token()[:-8] + "AAAAAAAA"
    assert refused(rig, spoiled) == "token_signature"  # its key is known: that is an answer
    with pytest.raises(TokenRefused):
        rig.issuer.verify_known(spoiled)
    rig.documents.down = False
    rig.documents.keys.append(public("ES384", kid="new"))
    rig.clock.now += 31
    assert rig.issuer.verify(sign_with_new_key())
    rig.clock.now += 1
    assert refused(rig, access_token(header={"kid": "invented"})) == "token_key_unknown"


def test_old_keys_are_read_again_in_the_background() -> None:
    rig = Rig()
    rig.issuer.verify(access_token())
    rig.clock.now += 3600
    now = int(rig.clock.now)
    assert rig.issuer.verify_known(access_token(iat=now, exp=now + 60))
    assert rig.spawned
    asked = rig.documents.asked[JWKS]
    for work in rig.spawned:
        work()
    assert rig.documents.asked[JWKS] == asked + 1


def test_keys_from_a_file_need_no_network(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.write_text(json.dumps({"keys": [public("RS256", kid=KID)]}))
    rig = Rig(make_settings(api=api_settings(), jwks_file=str(file)))
    rig.documents.down = True
    assert rig.issuer.verify(access_token())
    assert rig.issuer.verify_known(access_token())


def test_a_workload_issuer_publishes_keys_and_no_sign_in() -> None:
    rig = Rig(settings_of("jwt", ISSUER))
    for name in ("authorization_endpoint", "token_endpoint", "introspection_endpoint"):
        del rig.documents.metadata[name]
    assert rig.issuer.verify(access_token())
    people = Rig(documents=rig.documents)
    with pytest.raises(ProviderError) as error:
        people.issuer.verify(access_token())
    assert error.value.code == "discovery_malformed"


def test_a_genuine_token_of_a_foreign_tenant_is_refused() -> None:
    shared = "https://login.microsoftonline.com/{tenantid}/v2.0"
    ours, foreign = str(ENTRA_SHARED["tid"]), str(ENTRA_SHARED["tid"]).replace("0a1b", "ffff")
    settings = replace(
        settings_of("entra", "https://login.microsoftonline.com/organizations/v2.0"),
        issuer=shared,
        options={"tenants": (ours,)},
    )
    rig = Rig(settings, Documents(shared, settings.discovery_url))
    for tenant, expected in ((ours, None), (foreign, "token_not_accepted")):
        said = {**TIMES, **ENTRA_SHARED, "tid": tenant, "iss": shared.replace("{tenantid}", tenant), "aud": API}
        token = sign({**said, "azp": CLIENT, "scp": "x"}, header={"kid": KID, "typ": "JWT"})
        assert rig.issuers.of_token(token) is rig.issuer
        if expected is None:
            assert rig.issuer.verify(token).identity.issuer == shared.replace("{tenantid}", ours)
        else:
            assert refused(rig, token) == expected


def test_what_a_preset_would_ask_for_is_not_asked_on_the_event_loop() -> None:
    shared = "https://login.microsoftonline.com/{tenantid}/v2.0"
    settings = replace(
        settings_of("entra", "https://login.microsoftonline.com/organizations/v2.0"),
        issuer=shared,
        options={"tenants": ("acme.example",)},
    )
    documents = Documents(shared, settings.discovery_url)
    rig = Rig(settings, documents)
    tenant = str(ENTRA_SHARED["tid"])
    said = {**TIMES, **ENTRA_SHARED, "iss": shared.replace("{tenantid}", tenant), "aud": API, "azp": CLIENT, "scp": "x"}
    token = sign(said, header={"kid": KID, "typ": "JWT"})
    rig.issuer.party.keys.load()
    asked = documents.asked.copy()
    assert rig.issuer.verify_known(token) is None
    assert documents.asked == asked


def test_sign_in_and_the_api_read_the_keys_once() -> None:
    documents, clock = Documents(), Clock()
    settings = make_settings(api=api_settings())
    party = RelyingParty(settings, preset("oidc"), documents, clock, lambda work: None)
    party.keys.load()
    issuers = build_bearer_issuers([settings], clock=clock, parties={"fake": party})
    found = issuers.of_token(access_token())
    assert found is not None
    assert found.verify_known(access_token())
    assert documents.asked[JWKS] == 1


def test_with_a_real_provider_over_http_and_a_rotation_of_its_keys() -> None:
    with FakeIdp() as idp:
        clock = Clock()
        settings = make_settings(issuer=idp.issuer, api=api_settings())
        transport = RequestsTransport(settings.http)
        rig_issuers = build_bearer_issuers([settings], {"fake": transport}, clock)

        def token() -> str:
            key = idp.keys.key_for("RS256")
            return sign(claims(iss=idp.issuer), key=key, header={"typ": "at+jwt", "kid": key.kid})

        issuer = rig_issuers.of_token(token())
        assert issuer is not None
        assert issuer.verify_known(token()) is None
        assert issuer.verify(token()) == issuer.verify_known(token())
        idp.rotate_keys()
        clock.now += 31
        assert issuer.verify_known(token()) is None
        assert issuer.verify(token())
