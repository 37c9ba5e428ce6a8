"""RFC 9068: a good token is believed; a token that breaks one rule is refused under this rule's code."""

from __future__ import annotations

import hmac
import json
from typing import Any

import pytest
from joserfc.jwk import RSAKey

from airflow_oidc_auth.errors import TokenRefused
from airflow_oidc_auth.providers.bearer.claims import MAX_TEXT
from airflow_oidc_auth.providers.bearer.unverified import MAX_BEARER
from tests.unit.providers.bearer.tokens import API, KID, Rig, access_token, api_settings, claims, raw_token
from tests.unit.providers.making import CLIENT_SECRET, ISSUER, NOW, encode, make_key, make_settings, public, sign

SOON = int(NOW) + 300


@pytest.fixture(scope="module")
def rig() -> Rig:
    rig = Rig(required_scopes=("dags.read",))
    rig.issuer.verify(access_token())
    return rig


def code_of(rig: Rig, token: str) -> str:
    """Return the code under which both ways refuse the token."""
    with pytest.raises(TokenRefused) as refused:
        rig.issuer.verify(token)
    assert known_code(rig, token) in {None, refused.value.code}
    return refused.value.code


def known_code(rig: Rig, token: str) -> str | None:
    """Return the code under which the event loop refuses the token, None if it leaves that to the thread."""
    try:
        known = rig.issuer.verify_known(token)
    except TokenRefused as error:
        return error.code
    assert known is None, "believed on the event loop and refused on the thread"
    return None


def test_a_good_token_says_whose_it_is(rig: Rig) -> None:
    found = rig.issuer.verify_known(access_token())
    assert found is not None
    assert (found.provider, found.identity.issuer, found.identity.subject) == ("fake", ISSUER, "5d3a-0001")
    assert (found.issued_at, found.exp, found.expires_at) == (int(NOW), SOON, SOON + 60)
    assert (found.token_id, found.client_id, found.identity.client_id) == ("t-1", "ci", "ci")
    assert found.scopes == {"dags.read", "dags.run"}
    assert found.identity.groups == {"data", "ops"}
    assert (found.actors, found.jkt, found.identity.authentication) == ((), None, None)


def test_no_claim_and_no_token_is_seen_in_what_is_printed(rig: Rig) -> None:
    token = access_token(secret_claim="not-for-logs")
    found = rig.issuer.verify(token)
    assert "not-for-logs" not in repr(found)
    assert token.split(".")[2] not in repr(found)


@pytest.mark.parametrize("aud", [API, [API], ["https://other.example", API]])
def test_our_audience_may_be_one_of_several(rig: Rig, aud: object) -> None:
    assert rig.issuer.verify(access_token(aud=aud))


@pytest.mark.parametrize(
    "aud",
    [..., None, "", [], "https://other.example", ["https://other.example"], API + "/", API.upper(), [API, 7], [[API]],
     {API: True}, f"{API} https://other.example", 1, True, "airflow"],
)  # fmt: skip
@pytest.mark.parametrize("party", [{}, {"azp": API, "client_id": API}, {"azp": "airflow", "client_id": "airflow"}])
def test_a_token_for_another_audience_is_refused_whoever_it_was_issued_to(
    rig: Rig, aud: object, party: dict[str, str]
) -> None:
    assert code_of(rig, access_token(aud=aud, **party)) == "token_audience"


@pytest.mark.parametrize(
    "changes,code",
    [
        ({"iss": ISSUER + "/"}, "token_issuer"),
        ({"iss": "https://evil.example"}, "token_issuer"),
        ({"iss": ...}, "token_issuer"),
        ({"iss": [ISSUER]}, "token_issuer"),
        ({"iss": ""}, "token_issuer"),
        ({"exp": int(NOW) - 61}, "token_expired"),
        ({"exp": int(NOW) - 60}, "token_expired"),
        ({"exp": ...}, "token_claim"),
        ({"exp": None}, "token_claim"),
        ({"exp": str(SOON)}, "token_claim"),
        ({"exp": True}, "token_claim"),
        ({"exp": 10**400}, "token_claim"),
        ({"exp": -1}, "token_claim"),
        ({"exp": int(NOW) + 86_401}, "token_lifetime"),
        ({"iat": int(NOW) - 86_400}, "token_lifetime"),
        ({"iat": int(NOW) + 61}, "token_not_yet_valid"),
        ({"iat": ...}, "token_claim"),
        ({"iat": "now"}, "token_claim"),
        ({"nbf": int(NOW) + 61}, "token_not_yet_valid"),
        ({"nbf": "now"}, "token_claim"),
        ({"sub": ...}, "token_subject"),
        ({"sub": ""}, "token_subject"),
        ({"sub": " "}, "token_subject"),
        ({"sub": 7}, "token_subject"),
        ({"sub": ["5d3a-0001"]}, "token_subject"),
        ({"sub": "a\nb"}, "token_subject"),
        ({"sub": "\u0430"}, "token_subject"),
        ({"sub": "x" * 256}, "token_subject"),
        ({"jti": 7}, "token_claim"),
        ({"jti": ""}, "token_claim"),
        ({"jti": "x" * (MAX_TEXT + 1)}, "token_claim"),
        ({"client_id": {"id": "ci"}}, "token_claim"),
        ({"client_id": "ci\r\nx: y"}, "token_claim"),
        ({"client_id": ..., "azp": 7}, "token_claim"),
        ({"scope": "dags.run"}, "token_scope"),
        ({"scope": ...}, "token_scope"),
        ({"scope": "dags.read2 xdags.read"}, "token_scope"),
        ({"scope": 7}, "token_claim"),
        ({"scope": [7]}, "token_claim"),
        ({"scope": {"dags.read": True}}, "token_claim"),
        ({"scp": [["dags.read"]]}, "token_claim"),
        ({"act": "agent"}, "token_actor"),
        ({"act": None}, "token_actor"),
        ({"act": {}}, "token_actor"),
        ({"act": {"sub": 7}}, "token_actor"),
        ({"act": {"sub": ""}}, "token_actor"),
        ({"act": {"sub": "a\nb"}}, "token_actor"),
        ({"act": {"sub": "agent", "act": []}}, "token_actor"),
        ({"cnf": {"x5t#S256": "A" * 43}}, "token_binding"),
        ({"cnf": {"jkt": "A" * 43, "x5t#S256": "A" * 43}}, "token_binding"),
        ({"cnf": {"jkt": "A" * 42}}, "token_binding"),
        ({"cnf": {"jkt": 7}}, "token_binding"),
        ({"cnf": {}}, "token_binding"),
        ({"cnf": None}, "token_binding"),
        ({"cnf": "A" * 43}, "token_binding"),
        ({"nonce": "n"}, "token_is_no_access_token"),
        ({"at_hash": "h"}, "token_is_no_access_token"),
        ({"c_hash": "h"}, "token_is_no_access_token"),
        ({"s_hash": None}, "token_is_no_access_token"),
        ({"events": {}}, "token_is_no_access_token"),
        ({"token_use": "id"}, "token_is_no_access_token"),
        ({"token_use": "refresh_token"}, "token_is_no_access_token"),
        ({"typ": "ID"}, "token_is_no_access_token"),
        ({"typ": "Refresh"}, "token_is_no_access_token"),
        ({"typ": "Logout"}, "token_is_no_access_token"),
        ({"groups": ..., "_claim_names": {"groups": "src1"}}, "token_groups_elsewhere"),
        ({"groups": ..., "hasgroups": True}, "token_groups_elsewhere"),
    ],
)  # fmt: skip
def test_a_token_that_breaks_one_rule_is_refused(rig: Rig, changes: dict[str, Any], code: str) -> None:
    assert code_of(rig, access_token(**changes)) == code


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": int(NOW) - 59},
        {"iat": int(NOW) + 60},
        {"nbf": int(NOW) + 60},
        {"exp": NOW + 300.5, "iat": NOW - 0.5},
        {"exp": int(NOW) + 86_400},
        {"scope": ["dags.read"]},
        {"scope": ..., "scp": "dags.read"},
        {"scope": ..., "scp": ["dags.read"]},
        {"jti": ...},
        {"client_id": ...},
        {"groups": ..., "_claim_names": {"address": "src1"}},
        {"_claim_names": {"groups": "src1"}},
    ],
)
def test_what_the_rules_allow_is_believed(rig: Rig, changes: dict[str, Any]) -> None:
    assert rig.issuer.verify_known(access_token(**changes))


@pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "application/at+jwt"])
def test_the_type_of_rfc_9068_in_its_spellings(rig: Rig, typ: str) -> None:
    assert rig.issuer.verify(access_token(header={"typ": typ}))


@pytest.mark.parametrize("typ", [..., None, "JWT", "", "jwt", "dpop+jwt", "logout+jwt", "at+jwt ", 7, ["at+jwt"], "at"])
def test_any_other_type_is_refused_where_the_vendor_types_its_tokens(rig: Rig, typ: object) -> None:
    assert code_of(rig, access_token(header={"typ": typ})) == "token_type"


def test_a_missing_type_is_accepted_where_it_is_configured_and_only_there() -> None:
    rig = Rig(token_types=("jwt", ""))
    assert rig.issuer.verify(access_token(header={"typ": ...}))
    assert rig.issuer.verify(access_token(header={"typ": "JWT"}))
    assert code_of(rig, access_token()) == "token_type"
    assert code_of(rig, access_token(header={"typ": 7})) == "token_type"


def test_who_acts_for_whom_is_told_outermost_first(rig: Rig) -> None:
    chain = {"sub": "agent", "client_id": "x", "act": {"client_id": "planner", "act": {"azp": "bot"}}}
    found = rig.issuer.verify(access_token(act=chain))
    assert found.actors == found.identity.actors == ("agent", "planner", "bot")
    assert found.identity.delegated


def test_a_chain_of_actors_ends() -> None:
    rig, chain = Rig(), {"sub": "last"}
    for _ in range(7):
        chain = {"sub": "next", "act": chain}  # type: ignore[dict-item]
    assert len(rig.issuer.verify(access_token(act=chain)).actors) == 8
    assert code_of(rig, access_token(act={"sub": "ninth", "act": chain})) == "token_actor"


def test_a_bound_token_says_to_which_key(rig: Rig) -> None:
    assert rig.issuer.verify(access_token(cnf={"jkt": "A" * 43})).jkt == "A" * 43


def test_the_configured_claim_is_the_subject_and_nothing_stands_in_for_it() -> None:
    rig = Rig(subject_claim="uid")
    assert rig.issuer.verify(access_token(uid="00u1", sub="ada@example")).identity.subject == "00u1"
    assert rig.issuer.verify(access_token(sub="ci")).identity.subject == "ci"  # a client acting for itself
    assert code_of(rig, access_token(sub="ada@example")) == "token_subject"
    assert code_of(rig, access_token(sub="ci", uid=7)) == "token_subject"
    assert code_of(rig, access_token(sub="ci", client_id=...)) == "token_subject"


# ------------------------------------------------------------------------------------------------- signature and key


def hmac_tokens(name: str) -> list[str]:
    """Return tokens signed with what an attacker may know: our client's secret, the public key in its encodings."""
    key = make_key("RS256")
    known = [
        CLIENT_SECRET.encode(),
        key.as_pem(private=False),
        key.as_der(private=False),
        json.dumps(public("RS256", kid=KID)).encode(),
        b"",
    ]
    said = f"{encode({'alg': name, 'typ': 'at+jwt', 'kid': KID})}.{encode(claims())}"
    return [f"{said}.{encode(hmac.digest(secret, said.encode(), f'sha{name[2:]}'))}" for secret in known]


@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512"])
def test_no_shared_secret_signs(rig: Rig, alg: str) -> None:
    for token in hmac_tokens(alg):
        assert code_of(rig, token) == "token_algorithm"


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "", "RS1", "rs256", "RSA-OAEP", "dir", None, 7, ["RS256"]])
def test_no_other_algorithm_is_taken(rig: Rig, alg: object) -> None:
    header, payload, signature = access_token().split(".")
    header = encode({"typ": "at+jwt", "kid": KID, "alg": alg})
    for last in ("", signature):
        assert code_of(rig, f"{header}.{payload}.{last}") == "token_algorithm"


@pytest.mark.parametrize("alg", ["RS384", "PS256", "ES256", "ES384", "EdDSA"])
def test_a_key_verifies_only_what_it_is_for(rig: Rig, alg: str) -> None:
    """The header names a key of another kind, or an algorithm that is not on the list."""
    token = sign(claims(), alg, header={"typ": "at+jwt", "kid": KID})
    assert code_of(rig, token) in {"token_algorithm", "token_key_unknown", "token_signature"}


def test_an_algorithm_that_the_provider_does_not_use_is_refused_with_a_good_signature() -> None:
    rig = Rig(make_settings(api=api_settings(), algorithms=("ES256",)))
    assert code_of(rig, access_token()) == "token_algorithm"
    assert rig.issuer.verify(access_token("ES256"))


def test_a_configured_symmetric_algorithm_changes_nothing() -> None:
    rig = Rig(make_settings(api=api_settings(), algorithms=("HS256",)))
    for token in hmac_tokens("HS256"):
        assert code_of(rig, token) == "token_algorithm"


def test_keys_and_addresses_in_the_header_are_not_looked_at(rig: Rig) -> None:
    own = RSAKey.generate_key(2048)
    jwk = own.as_dict(private=False)
    for said in (
        {"jwk": jwk},
        {"jku": "https://evil.example/keys"},
        {"x5u": "https://evil.example"},
        {"x5c": ["AA=="]},
    ):
        header = {"typ": "at+jwt", "kid": KID, **said}
        assert code_of(rig, sign(claims(), "RS256", key=own, header=header)) == "token_signature"
        assert rig.issuer.verify(access_token(header=said))


@pytest.mark.parametrize("said", [{"crit": ["exp"]}, {"crit": []}, {"b64": False}, {"kid": 7}, {"kid": None}])
def test_a_header_that_must_be_understood_and_is_not_ends_it(rig: Rig, said: dict[str, object]) -> None:
    token = sign(claims(), "RS256", header={"typ": "at+jwt", "kid": KID, **said})
    assert code_of(rig, token) == "token_malformed"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda token: token[:-6] + ("AAAAAA" if not token.endswith("AAAAAA") else "BBBBBB"),
        lambda token: token.rpartition(".")[0] + ".",
        lambda token: ".".join([token.split(".")[0], encode(claims(sub="root")), token.split(".")[2]]),
        lambda token: ".".join([encode({"alg": "RS256", "typ": "at+jwt"}), *token.split(".")[1:]]),
    ],
)
def test_a_token_that_was_changed_is_refused(rig: Rig, spoil: Any) -> None:
    assert code_of(rig, spoil(access_token())) == "token_signature"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda token: token + "=",
        lambda token: token + "\n",
        lambda token: token + "é",
        lambda token: token.replace(".", ".\x00", 1),
        lambda token: token[:-1],
        lambda token: token[:-1] + chr(ord(token[-1]) + 1),  # the same bytes to a lenient reader
    ],
)
def test_one_signature_has_one_spelling(rig: Rig, spoil: Any) -> None:
    assert code_of(rig, spoil(access_token())) == "token_malformed"


@pytest.mark.parametrize(
    "header,payload",
    [
        ('{"alg":"RS256","alg":"none"}', "{}"),
        ('{"alg":"RS256"}', json.dumps(claims())[:-1] + ',"sub":"root"}'),
        ('{"alg":"RS256"}', '{"groups":{"a":1,"a":2}}'),
        ('{"alg":"RS256"}', '{"exp":NaN}'),
        ('{"alg":"RS256"}', '{"exp":Infinity}'),
        ('{"alg":"RS256"}', '{"exp":' + "9" * 5000 + "}"),
        ('{"alg":"RS256"}', '{"a":' + "[" * 9000 + "]" * 9000 + "}"),
        ('{"alg":"RS256"}', "[]"),
        ('{"alg":"RS256"}', "null"),
        ('{"alg":"RS256"}', ""),
        ('{"alg":"RS256"}', '{"a":1} {}'),
        ('{"alg":"RS256"}', "\ufeff{}"),
    ],
)
def test_json_with_two_meanings_or_none_is_refused(rig: Rig, header: str, payload: str) -> None:
    assert code_of(rig, raw_token(header, payload)) == "token_malformed"


def test_the_size_is_looked_at_before_anything_else(rig: Rig) -> None:
    assert code_of(rig, access_token(padding="x" * MAX_BEARER)) == "token_too_large"
    assert code_of(rig, "x" * (MAX_BEARER + 1)) == "token_too_large"


@pytest.mark.parametrize("token", ["", ".", "..", "eyJ", "eyJ.eyJ", "a.b.c.d.e", "Bearer x", "eyJ.a.b", "null"])
def test_what_is_no_token_is_refused(rig: Rig, token: str) -> None:
    assert code_of(rig, token) == "token_malformed"
