"""The fake IdP's refresh tokens, revocations and logout tokens are as real and as strict as a careful IdP's."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest

from airflow_oidc_auth.testing import FakeClient, FakeIdp, Misbehaviour
from airflow_oidc_auth.testing.logout_tokens import EVENT
from airflow_oidc_auth.testing.loopback import Answer
from tests.unit.testing.relying_party import decode, fetch, fetch_json, tokens

OFFLINE = "openid offline_access"


@pytest.fixture
def idp():
    with FakeIdp() as fake:
        yield fake


def refresh(idp, token, **changes):
    form = {"grant_type": "refresh_token", "refresh_token": token}
    form |= {"client_id": idp.client_id, "client_secret": idp.client_secret, **changes}
    return fetch(f"{idp.origin}/token", form)


def refreshed(idp, token):
    status, _, body = refresh(idp, token)
    assert status == 200, body
    return json.loads(body)


def userinfo(idp, access_token):
    return fetch(f"{idp.origin}/userinfo", headers={"Authorization": f"Bearer {access_token}"})


def introspected(idp, access_token):
    form = {"token": access_token, "client_id": idp.client_id, "client_secret": idp.client_secret}
    return fetch_json(f"{idp.origin}/introspect", form)


def test_a_refresh_token_used_twice_revokes_the_whole_grant(idp):
    first = tokens(idp, scope=OFFLINE)["refresh_token"]
    second = refreshed(idp, first)
    assert refresh(idp, first)[0] == 400
    assert refresh(idp, second["refresh_token"])[0] == 400
    assert userinfo(idp, second["access_token"])[0] == 401
    assert len(idp.reused) == 1


def test_another_sign_in_of_the_same_person_is_left_alone(idp):
    one, other = (tokens(idp, scope=OFFLINE)["refresh_token"] for _ in range(2))
    refreshed(idp, one)
    refresh(idp, one)
    assert refresh(idp, other)[0] == 200


def test_without_rotation_a_refresh_token_is_good_for_ever(idp):
    idp.misbehaviour = Misbehaviour(rotate=False)
    token = tokens(idp, scope=OFFLINE)["refresh_token"]
    assert ["refresh_token" in refreshed(idp, token) for _ in range(3)] == [False] * 3


@pytest.mark.parametrize("when, given", [("always", True), ("never", False)])
def test_refresh_tokens_can_come_by_themselves_or_not_at_all(when, given):
    with FakeIdp(refresh_tokens=when) as idp:
        assert ("refresh_token" in tokens(idp, scope="openid")) == given


def test_a_refresh_tells_todays_groups(idp):
    token = tokens(idp, scope=OFFLINE)["refresh_token"]
    idp.users = tuple(replace(user, groups=("canteen",)) for user in idp.users)
    assert decode(refreshed(idp, token)["id_token"])[1]["groups"] == ["canteen"]


def test_a_refreshed_id_token_has_no_nonce_unless_asked(idp):
    token = tokens(idp, scope=OFFLINE)["refresh_token"]
    answer = refreshed(idp, token)
    assert "nonce" not in decode(answer["id_token"])[1]
    idp.misbehaviour = Misbehaviour(nonce_in_refresh=True)
    assert decode(refreshed(idp, answer["refresh_token"])["id_token"])[1]["nonce"] == "no"


def test_a_disabled_person_is_gone_everywhere_until_enabled(idp):
    answer = tokens(idp, scope=OFFLINE)
    idp.misbehaviour = Misbehaviour(rotate=False)
    idp.disable("ada")
    assert refresh(idp, answer["refresh_token"])[0] == 400
    assert userinfo(idp, answer["access_token"])[0] == 401
    assert introspected(idp, answer["access_token"]) == {"active": False}
    idp.enable("ada")
    assert refresh(idp, answer["refresh_token"])[0] == 200


def test_a_person_who_was_deleted_is_gone(idp):
    answer = tokens(idp, scope=OFFLINE)
    idp.users = idp.users[1:]
    assert refresh(idp, answer["refresh_token"])[0] == 400
    assert userinfo(idp, answer["access_token"])[0] == 401


def test_introspection_speaks_of_live_tokens_of_the_asking_client_only(idp):
    access_token = tokens(idp)["access_token"]
    assert introspected(idp, access_token)["active"] is True
    assert introspected(idp, "made-up") == {"active": False}
    assert fetch(f"{idp.origin}/introspect", {"token": access_token})[0] == 401


def test_a_lost_answer_has_used_up_the_refresh_token(idp):
    token = tokens(idp, scope=OFFLINE)["refresh_token"]
    idp.misbehaviour = Misbehaviour(faults={"token": "answer_lost"})
    with pytest.raises(OSError):
        refresh(idp, token)
    idp.misbehaviour = Misbehaviour()
    assert refresh(idp, token)[0] == 400


def test_a_logout_token_says_whose_session_ends(idp):
    sid = decode(tokens(idp)["id_token"])[1]["sid"]
    assert idp.sids("ada") == (sid,)
    header, claims, _ = decode(idp.logout_token("ada", sid=sid))
    assert header["typ"] == "logout+jwt"
    assert (claims["iss"], claims["aud"], claims["sid"]) == (idp.issuer, idp.client_id, sid)
    assert claims["events"] == {EVENT: {}}
    assert claims["exp"] - claims["iat"] == 120
    assert claims["jti"] != decode(idp.logout_token("ada"))[1]["jti"]
    assert "sid" not in decode(idp.logout_token("ada"))[1]
    assert "sub" not in decode(idp.logout_token("ada", sid=sid, with_sub=False))[1]


def test_logout_tokens_lie_as_told(idp):
    idp.misbehaviour = Misbehaviour(
        logout_token_claims={"nonce": "n", "aud": None, "iss": "{issuer}/"},
        logout_token_offsets={"exp": -60},
        logout_token_header={"typ": None},
    )
    header, claims, _ = decode(idp.logout_token("ada"))
    assert "typ" not in header
    assert (claims["nonce"], claims.get("aud"), claims["iss"]) == ("n", None, f"{idp.issuer}/")
    assert claims["exp"] < time.time()


def test_ending_sessions_sends_a_token_for_each_to_every_taker():
    with FakeIdp() as receiver:
        receiver.route("POST", "/logout", lambda _: Answer(200))
        client = FakeClient("other", "s", backchannel_logout_uri=f"{receiver.origin}/logout")
        with FakeIdp(clients=[client], backchannel_logout_uri=f"{receiver.origin}/logout") as idp:
            signed_in = [tokens(idp, scope=OFFLINE) for _ in range(2)]
            assert idp.end_sessions("ada") == [200] * 4
            assert idp.sids("ada") == ()
            assert refresh(idp, signed_in[0]["refresh_token"])[0] == 400
        sent = [decode(request.form["logout_token"])[1] for request in receiver.calls("/logout")]
        assert {(each["aud"], each["sid"]) for each in sent} == {
            (aud, decode(one["id_token"])[1]["sid"]) for aud in ("airflow", "other") for one in signed_in
        }


def test_discovery_names_what_it_can(idp):
    document = fetch_json(f"{idp.issuer}/.well-known/openid-configuration")
    assert document["introspection_endpoint"] == f"{idp.origin}/introspect"
    assert document["backchannel_logout_supported"] is True
    assert document["backchannel_logout_session_supported"] is True
