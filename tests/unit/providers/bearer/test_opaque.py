"""RFC 7662: a yes for a minute, a no for half, an outage for nobody; asked once for all."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from airflow_oidc_auth.config.schema.machines import LONGEST_TOKEN
from airflow_oidc_auth.errors import ProviderError, TokenRefused
from airflow_oidc_auth.providers.bearer import build_bearer_issuers, opaque
from airflow_oidc_auth.providers.transport import RequestsTransport
from airflow_oidc_auth.secret import Secret
from airflow_oidc_auth.sessions.live import LONGEST_SESSION, TOKEN_GRACE
from airflow_oidc_auth.testing import FakeIdp
from tests.unit.providers.bearer.tokens import API, Rig, access_token, api_settings, claims, settings_of
from tests.unit.providers.making import CLIENT_SECRET, ISSUER, NOW, make_settings

TOKEN = "ya29.opaque-0123456789"
ASKED = "/introspect"


def answering(answer: object, **api: Any) -> Rig:
    rig = Rig(opaque=True, **api)
    rig.documents.answer = lambda _: answer
    return rig


def active(**changes: Any) -> dict[str, Any]:
    return claims(**{"active": True, "token_type": "Bearer", **changes})


def code_of(rig: Rig, token: str = TOKEN) -> str:
    with pytest.raises(TokenRefused) as refused:
        rig.issuer.verify(token)
    return refused.value.code


def test_an_active_token_is_believed_for_a_minute_and_then_asked_for_again() -> None:
    rig = answering(active())
    assert rig.issuer.verify_known(TOKEN) is None
    found = rig.issuer.verify(TOKEN)
    assert (found.identity.subject, found.exp, found.issued_at) == ("5d3a-0001", int(NOW) + 300, int(NOW))
    assert found.expires_at == int(NOW) + opaque.BELIEVED == int(NOW) + 60
    rig.documents.answer = lambda _: {"active": False}
    rig.clock.now += 59
    assert rig.issuer.verify_known(TOKEN) == found == rig.issuer.verify(TOKEN)
    assert rig.documents.asked[ASKED] == 1
    rig.clock.now += 1
    assert rig.issuer.verify_known(TOKEN) is None
    assert code_of(rig) == "token_inactive"


def test_it_is_never_believed_for_longer_than_it_says() -> None:
    rig = answering(active(exp=int(NOW) - 30))
    assert rig.issuer.verify(TOKEN).expires_at == int(NOW) + 30  # exp and the leeway
    rig.clock.now += 30
    assert code_of(rig) == "token_expired"


def test_an_end_that_introspection_does_not_tell_is_not_invented() -> None:
    found = answering(active(exp=...)).issuer.verify(TOKEN)
    assert (found.issued_at, found.exp, found.expires_at) == (int(NOW), None, int(NOW) + 60)


def test_a_token_without_an_end_ends_before_a_revocation_that_it_is_older_than() -> None:
    """Revocations of all that somebody has are remembered for as long as the longest session."""
    rig = answering(active(exp=...), max_lifetime=LONGEST_TOKEN)
    revoked_at = int(NOW)
    assert rig.issuer.verify(TOKEN).issued_at <= revoked_at  # and so it is refused, while somebody remembers
    rig.clock.now = revoked_at + LONGEST_SESSION + TOKEN_GRACE
    assert code_of(rig) == "token_lifetime"


def test_a_clients_own_token_is_the_clients() -> None:
    found = answering(active(sub=...)).issuer.verify(TOKEN)
    assert (found.identity.subject, found.client_id) == ("ci", "ci")
    assert answering(active(sub=...), subject_claim="uid").issuer.verify(TOKEN).identity.subject == "ci"
    assert code_of(answering(active(sub="ada"), subject_claim="uid")) == "token_subject"


@pytest.mark.parametrize(
    "answer,code",
    [
        ({"active": False}, "token_inactive"),
        (active(iat=...), "token_age_unknown"),
        (active(iat=..., exp=...), "token_age_unknown"),
        (active(iat=None), "token_claim"),
        (active(exp=..., iat=int(NOW) - 86_400), "token_lifetime"),
        (active(aud=...), "token_audience"),
        (active(aud="https://other.example"), "token_audience"),
        (active(aud=[API, 7]), "token_audience"),
        (active(aud=..., client_id=API, azp=API), "token_audience"),
        (active(iss="https://evil.example"), "token_issuer"),
        (active(iss=None), "token_issuer"),
        (active(sub=..., username="ada"), "token_subject"),
        (active(sub=..., client_id=...), "token_subject"),
        (active(sub=..., client_id=["ci"]), "token_claim"),
        (active(sub=None), "token_subject"),
        (active(exp=int(NOW) - 61), "token_expired"),
        (active(exp="soon"), "token_claim"),
        (active(nbf=int(NOW) + 61), "token_not_yet_valid"),
        (active(exp=int(NOW) + 90_000), "token_lifetime"),
        (active(token_type=...), "token_is_no_access_token"),
        (active(token_type="refresh_token"), "token_is_no_access_token"),
        (active(token_type=["Bearer"]), "token_is_no_access_token"),
        (active(typ="Refresh"), "token_is_no_access_token"),
        (active(token_use="refresh_token"), "token_is_no_access_token"),
        (active(nonce="n"), "token_is_no_access_token"),
        (active(scope="dags.run"), "token_scope"),
        (active(cnf={"x5t#S256": "A" * 43}), "token_binding"),
    ],
)  # fmt: skip
def test_a_no_is_a_no_and_remembered_for_a_moment(answer: object, code: str) -> None:
    rig = answering(answer, required_scopes=("dags.read",))
    assert code_of(rig) == code
    rig.documents.answer = lambda _: active()
    with pytest.raises(TokenRefused) as refused:
        rig.issuer.verify_known(TOKEN)
    assert refused.value.code == code
    rig.clock.now += opaque.REFUSED
    assert rig.issuer.verify_known(TOKEN) is None
    assert rig.issuer.verify(TOKEN)
    assert rig.documents.asked[ASKED] == 2


@pytest.mark.parametrize("said", ["true", 1, "True", None, ..., [True], {"a": 1}])
def test_only_the_boolean_true_is_a_yes(said: object) -> None:
    rig = answering(active(active=said))
    with pytest.raises(ProviderError) as error:
        rig.issuer.verify(TOKEN)
    assert error.value.code == "provider_answer_malformed"


def test_an_outage_is_neither_a_yes_nor_a_no() -> None:
    rig = answering(active())
    rig.issuer.party.metadata.get()
    rig.documents.down = True
    with pytest.raises(ProviderError):
        rig.issuer.verify(TOKEN)
    assert rig.issuer.verify_known(TOKEN) is None
    rig.documents.down = False
    assert rig.issuer.verify(TOKEN)
    rig.documents.down = True
    assert rig.issuer.verify(TOKEN)  # what was believed goes on for its minute
    rig.clock.now += 60
    with pytest.raises(ProviderError):
        rig.issuer.verify(TOKEN)


def test_a_bound_token_says_to_which_key() -> None:
    assert answering(active(token_type="DPoP", cnf={"jkt": "A" * 43})).issuer.verify(TOKEN).jkt == "A" * 43


def test_uaa_does_not_say_the_kind_and_calls_only_access_tokens_active() -> None:
    settings = settings_of("cloudfoundry", ISSUER)
    assert settings.api is not None
    rig = Rig(replace(settings, api=replace(settings.api, opaque=True)))
    rig.documents.answer = lambda _: active(token_type=..., iss=f"{ISSUER}/oauth/token", client_id="ci")
    assert rig.issuer.verify(TOKEN).client_id == "ci"


def test_a_template_of_tenants_needs_an_issuer_in_the_answer() -> None:
    shared = "https://login.microsoftonline.com/{tenantid}/v2.0"
    rig = Rig(make_settings(preset="entra", issuer=shared, api=api_settings(opaque=True), options={"tenants": ("x",)}))
    rig.documents.answer = lambda _: active(iss=...)
    assert code_of(rig) == "token_issuer"


def test_many_who_bring_one_token_at_once_ask_once() -> None:
    rig = Rig(opaque=True)
    asked, go_on = threading.Event(), threading.Event()

    def slow(_: Mapping[str, str]) -> object:
        asked.set()
        assert go_on.wait(10)
        return active()

    rig.documents.answer = slow
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(rig.issuer.verify(TOKEN))) for _ in range(6)]
    threads[0].start()
    assert asked.wait(10)
    for thread in threads[1:]:
        thread.start()
    time.sleep(0.05)
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert len(found) == 6
    assert rig.documents.asked[ASKED] == 1


def test_those_who_wait_for_an_outage_hear_of_it_too() -> None:
    rig = Rig(opaque=True)
    asked, go_on = threading.Event(), threading.Event()

    def failing(_: Mapping[str, str]) -> object:
        asked.set()
        assert go_on.wait(10)
        raise ProviderError("provider_failing", "500")

    rig.documents.answer = failing
    codes: list[str] = []

    def bring() -> None:
        try:
            rig.issuer.verify(TOKEN)
        except ProviderError as error:
            codes.append(error.code)

    threads = [threading.Thread(target=bring) for _ in range(3)]
    threads[0].start()
    assert asked.wait(10)
    for thread in threads[1:]:
        thread.start()
    time.sleep(0.05)
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert codes == ["provider_failing"] * 3
    rig.documents.answer = lambda _: active()
    assert rig.issuer.verify(TOKEN)


def test_invented_tokens_do_not_fill_memory_and_no_token_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opaque, "MAX_ANSWERS", 10)
    rig = answering({"active": False})
    for number in range(50):
        code_of(rig, f"invented-{number}")
    kept = rig.issuer._opaque
    assert kept is not None
    assert len(kept._answers) == 10
    assert not kept._flights
    assert "invented" not in repr(kept._answers)


def test_forgetting_asks_again() -> None:
    rig = answering(active())
    rig.issuer.verify(TOKEN)
    rig.issuers.forget()
    assert rig.issuer.verify_known(TOKEN) is None


def test_a_jwt_is_never_introspected_and_an_opaque_token_only_where_it_is_configured() -> None:
    rig = answering(active())
    assert rig.issuers.of_token(TOKEN) is rig.issuer
    with pytest.raises(TokenRefused):
        rig.issuer.verify(access_token(aud="https://other.example"))
    assert not rig.documents.asked[ASKED]
    plain = Rig()
    assert plain.issuers.of_token(TOKEN) is None
    assert code_of(plain) == "token_malformed"
    assert not plain.documents.asked


def test_with_a_real_provider_over_http_until_it_revokes_the_token() -> None:
    with FakeIdp(client_secret=CLIENT_SECRET) as idp:
        settings = make_settings(issuer=idp.issuer, client_secret=Secret(CLIENT_SECRET), api=api_settings(opaque=True))
        now = [time.time()]
        issuers = build_bearer_issuers([settings], {"fake": RequestsTransport(settings.http)}, lambda: now[0])
        token = idp.programs.opaque("ada", API, claims={"token_type": "Bearer"})
        issuer = issuers.of_token(token)
        assert issuer is not None
        assert issuer.verify(token).client_id == "ci-job"
        idp.programs.revoke(token)
        now[0] += 61
        with pytest.raises(TokenRefused) as refused:
            issuer.verify(token)
        assert refused.value.code == "token_inactive"
        with pytest.raises(TokenRefused):
            issuer.verify(idp.programs.opaque("ada", "https://other.example", claims={"token_type": "Bearer"}))
        idp.stop()
        with pytest.raises(ProviderError):
            issuer.verify("never-seen-before")
