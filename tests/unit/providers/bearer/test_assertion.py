"""The id_token of a sign-in at a terminal: of the command line's own client, minutes old, and accepted nowhere else."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_oidc_auth.errors import ProviderError, TokenRefused
from airflow_oidc_auth.identity.claims import ClaimPath
from airflow_oidc_auth.providers.bearer.assertion import MAX_AGE, verify_cli_id_token
from airflow_oidc_auth.providers.settings import CliSettings, GroupSource
from tests.unit.providers.bearer.tokens import API, KID, Rig, access_token, api_settings
from tests.unit.providers.making import CLIENT, ISSUER, NOW, make_settings, sign

CLI = "airflow-cli"


def make_rig(**changes: Any) -> Rig:
    return Rig(make_settings(**{"cli": CliSettings(CLI), "api": api_settings(), **changes}))


def id_token(header: dict[str, object] | None = None, **changes: Any) -> str:
    good = {
        "iss": ISSUER,
        "sub": "5d3a-0001",
        "aud": CLI,
        "exp": int(NOW) + 3600,
        "iat": int(NOW),
        "auth_time": int(NOW) - 5,
        "amr": ["pwd", "otp"],
        "groups": ["data"],
        "nonce": "of the command line",
    }
    claims = {name: value for name, value in {**good, **changes}.items() if value is not ...}
    said = {"typ": "JWT", "kid": KID, **(header or {})}
    return sign(claims, header={name: value for name, value in said.items() if value is not ...})


def verify(token: str, **changes: Any) -> Any:
    return verify_cli_id_token(make_rig(**changes).issuer, token, client_id=CLI)


def code_of(token: str, **changes: Any) -> str:
    with pytest.raises(TokenRefused) as refused:
        verify(token, **changes)
    return refused.value.code


def test_it_says_who_signed_in_and_how() -> None:
    found = verify(id_token())
    assert (found.identity.subject, found.identity.groups, found.client_id) == ("5d3a-0001", {"data"}, CLI)
    assert found.identity.authentication.at == int(NOW) - 5
    assert found.identity.authentication.amr == {"pwd", "otp"}
    assert (found.issued_at, found.exp) == (int(NOW), int(NOW) + 3600)


def test_it_is_accepted_of_a_provider_without_api() -> None:
    assert verify(id_token(), api=None).identity.subject == "5d3a-0001"


@pytest.mark.parametrize(
    "changes,code",
    [
        ({"aud": CLIENT}, "token_audience"),
        ({"aud": API}, "token_audience"),
        ({"aud": ...}, "token_audience"),
        ({"aud": [CLI, API]}, "token_audience"),
        ({"aud": [CLI, API], "azp": API}, "token_audience"),
        ({"azp": "another"}, "token_audience"),
        ({"iss": "https://evil.example"}, "token_issuer"),
        ({"iat": int(NOW) - MAX_AGE - 61}, "token_expired"),
        ({"exp": int(NOW) - 61}, "token_expired"),
        ({"iat": int(NOW) + 61}, "token_not_yet_valid"),
        ({"iat": ...}, "token_claim"),
        ({"exp": ...}, "token_claim"),
        ({"sub": ...}, "token_subject"),
        ({"sub": 7}, "token_subject"),
        ({"typ": "Bearer"}, "token_type"),
        ({"typ": "Refresh"}, "token_type"),
        ({"typ": ["ID"]}, "token_type"),
        ({"token_use": "access"}, "token_type"),
        ({"events": {}}, "token_type"),
        ({"act": "agent"}, "token_actor"),
        ({"groups": ..., "_claim_names": {"groups": "src1"}}, "token_groups_elsewhere"),
        ({"jti": 7}, "token_claim"),
    ],
)
def test_one_that_breaks_one_rule_is_refused(changes: dict[str, Any], code: str) -> None:
    assert code_of(id_token(**changes)) == code


@pytest.mark.parametrize("typ", ["at+jwt", "application/at+jwt", "logout+jwt", "dpop+jwt", 7, ["JWT"]])
def test_other_types_are_refused(typ: object) -> None:
    assert code_of(id_token(header={"typ": typ})) == "token_type"


@pytest.mark.parametrize("changes", [{"typ": "ID"}, {"token_use": "id"}, {"iat": int(NOW) - MAX_AGE}, {"azp": CLI}])
def test_what_vendors_write_is_accepted(changes: dict[str, Any]) -> None:
    assert verify(id_token(**changes))
    assert verify(id_token(header={"typ": ...}, **changes))


def test_no_access_token_passes_for_one_and_the_other_way_round() -> None:
    assert code_of(access_token(aud=CLI)) == "token_type"
    rig = make_rig(api=api_settings(audiences=(API, CLI), token_types=("at+jwt", "jwt", "")))
    with pytest.raises(TokenRefused) as refused:
        rig.issuer.verify(id_token())
    assert refused.value.code == "token_is_no_access_token"


def test_a_forged_one_is_refused_and_an_outage_is_no_refusal() -> None:
    head, _, signature = id_token().split(".")
    _, payload, _ = id_token(sub="root").split(".")
    assert code_of(f"{head}.{payload}.{signature}") == "token_signature"
    assert code_of("opaque") == "token_malformed"
    with pytest.raises(TokenRefused):
        verify_cli_id_token(make_rig().issuer, id_token(aud=""), client_id="")
    rig = make_rig()
    rig.documents.down = True
    with pytest.raises(ProviderError):
        verify_cli_id_token(rig.issuer, id_token(), client_id=CLI)


@pytest.mark.parametrize("document", ["userinfo", "access_token"])
def test_groups_that_are_in_another_document_are_not_taken_for_none(document: str) -> None:
    groups = (GroupSource("id_token", ClaimPath(("groups",))), GroupSource(document, ClaimPath(("groups",))))
    assert code_of(id_token(), groups=groups) == "token_groups_elsewhere"


def test_what_the_preset_demands_of_an_account_is_demanded_here_too() -> None:
    changes = {"preset": "google", "options": {"hosted_domain": ("acme.example",)}}
    assert verify(id_token(hd="acme.example"), **changes)
    assert code_of(id_token(hd="evil.example"), **changes) == "token_not_accepted"
    assert code_of(id_token(), **changes) == "token_not_accepted"
