from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from airflow_oidc_auth.errors import LoginRefused, OidcAuthError, ProtocolViolation, ProviderError
from airflow_oidc_auth.providers.authorization import (
    PROTECTED_PARAMETERS,
    authorization_parameters,
    authorization_url,
    code_challenge,
    read_authorization_response,
)
from airflow_oidc_auth.providers.issuers import accepts_response_issuer, fits_template, same_tenant
from airflow_oidc_auth.secret import Secret
from tests.unit.providers.making import CODE_VERIFIER, ISSUER, NONCE, STATE, make_attempt, make_metadata, make_settings

TEMPLATE = "https://login.microsoftonline.com/{tenantid}/v2.0"
TENANT = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490"


def read(response: dict[str, str], *, require_issuer: bool = False) -> Secret:
    return read_authorization_response(
        response, make_attempt(), accepts_issuer=lambda iss: iss == ISSUER, require_issuer=require_issuer
    )


def test_the_challenge_is_that_of_rfc_7636_appendix_b() -> None:
    verifier = Secret("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
    assert code_challenge(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_the_request_holds_state_nonce_and_challenge_but_no_secret() -> None:
    url = authorization_url(make_metadata(), authorization_parameters(make_settings(), make_attempt()))
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    assert query["response_type"] == "code"
    assert (query["state"], query["nonce"], query["code_challenge_method"]) == (STATE, NONCE, "S256")
    assert query["scope"] == "openid profile email"
    assert CODE_VERIFIER not in url


@pytest.mark.parametrize("name", sorted(PROTECTED_PARAMETERS))
def test_further_parameters_never_override_the_protocol(name: str) -> None:
    plain = authorization_parameters(make_settings(), make_attempt())
    forged = authorization_parameters(make_settings(authorization_parameters={name: "evil"}), make_attempt())
    assert forged == plain


def test_further_parameters_are_sent_and_a_query_is_kept() -> None:
    parameters = authorization_parameters(make_settings(authorization_parameters={"hd": "example.com"}), make_attempt())
    url = authorization_url(make_metadata(authorization_endpoint=f"{ISSUER}/authorize?policy=b2c"), parameters)
    query = parse_qs(urlsplit(url).query)
    assert (query["policy"], query["hd"]) == (["b2c"], ["example.com"])


def test_returns_the_code_as_a_secret() -> None:
    code = read({"state": STATE, "code": "c0de", "iss": ISSUER}, require_issuer=True)
    assert (code.reveal(), repr(code)) == ("c0de", "Secret(…)")


@pytest.mark.parametrize(
    ("response", "kind", "code"),
    [
        ({}, ProtocolViolation, "state_mismatch"),
        ({"code": "c"}, ProtocolViolation, "state_mismatch"),
        ({"state": "", "code": "c"}, ProtocolViolation, "state_mismatch"),
        ({"state": STATE + "x", "code": "c"}, ProtocolViolation, "state_mismatch"),
        ({"state": "\udcff", "code": "c"}, ProtocolViolation, "state_mismatch"),
        ({"error": "access_denied"}, ProtocolViolation, "state_mismatch"),
        ({"state": STATE, "code": "c", "iss": "https://evil.example"}, ProtocolViolation, "response_issuer_mismatch"),
        ({"state": STATE, "code": "c", "iss": ""}, ProtocolViolation, "response_issuer_mismatch"),
        ({"state": STATE, "error": "x", "iss": ISSUER + "/"}, ProtocolViolation, "response_issuer_mismatch"),
        ({"state": STATE}, ProtocolViolation, "response_malformed"),
        ({"state": STATE, "code": ""}, ProtocolViolation, "response_malformed"),
        ({"state": STATE, "code": "c" * 8193}, ProtocolViolation, "response_malformed"),
        ({"state": STATE, "code": "c\r\nd"}, ProtocolViolation, "response_malformed"),
        ({"state": STATE, "code": "ü"}, ProtocolViolation, "response_malformed"),
        ({"state": STATE, "code": "c", "session_state": "x" * 5000}, ProtocolViolation, "response_malformed"),
        ({"state": STATE, "code": "c", "error": "access_denied"}, LoginRefused, "idp_denied"),
        ({"state": STATE, "error": "access_denied"}, LoginRefused, "idp_denied"),
        ({"state": STATE, "error": "login_required"}, ProtocolViolation, "idp_interaction_required"),
        ({"state": STATE, "error": "consent_required"}, ProtocolViolation, "idp_interaction_required"),
        ({"state": STATE, "error": "server_error"}, ProviderError, "provider_failing"),
        ({"state": STATE, "error": "temporarily_unavailable"}, ProviderError, "provider_failing"),
        ({"state": STATE, "error": "invalid_scope"}, ProviderError, "authorization_request_refused"),
        ({"state": STATE, "error": ""}, ProviderError, "authorization_request_refused"),
    ],
)
def test_refuses_an_answer_with_the_code_of_its_fault(
    response: dict[str, str], kind: type[OidcAuthError], code: str
) -> None:
    with pytest.raises(OidcAuthError) as caught:
        read(response)
    assert (type(caught.value), caught.value.code) == (kind, code)


def test_a_promised_issuer_must_come_even_with_an_error() -> None:
    with pytest.raises(ProtocolViolation, match="response_issuer_missing"):
        read({"state": STATE, "error": "access_denied"}, require_issuer=True)


def test_what_the_idp_says_is_cut_in_the_log() -> None:
    with pytest.raises(ProviderError) as caught:
        read({"state": STATE, "error": "e" * 4000, "error_description": "d" * 4000})
    assert len(str(caught.value.evidence)) < 500


@pytest.mark.parametrize(
    ("iss", "fits"),
    [
        (f"https://login.microsoftonline.com/{TENANT}/v2.0", True),
        ("https://login.microsoftonline.com//v2.0", False),
        ("https://login.microsoftonline.com/a/b/v2.0", False),
        ("https://login.microsoftonline.com/{tenantid}/v2.0", False),
        (f"https://evil.example/{TENANT}/v2.0", False),
        (f"https://login.microsoftonline.com/{TENANT}/v2.0/", False),
    ],
)
def test_a_template_takes_one_tenant_and_nothing_else(iss: str, fits: bool) -> None:
    assert fits_template(TEMPLATE, iss) is fits


def test_no_template_fits_nothing() -> None:
    assert not fits_template(ISSUER, ISSUER)


def test_the_answer_and_the_token_name_the_same_tenant() -> None:
    iss = TEMPLATE.replace("{tenantid}", TENANT)
    assert same_tenant(TEMPLATE, iss, {"tid": TENANT})
    assert same_tenant(TEMPLATE, None, {"tid": "other"})
    assert not same_tenant(TEMPLATE, iss, {"tid": "other"})
    assert not same_tenant(TEMPLATE, iss, {})


def test_issuer_aliases_are_the_idp_that_was_asked() -> None:
    settings = make_settings(issuer="https://accounts.google.com", issuer_aliases=("accounts.google.com",))
    metadata = make_metadata(issuer="https://accounts.google.com")
    assert accepts_response_issuer(settings, metadata, "accounts.google.com")
    assert not accepts_response_issuer(settings, metadata, "accounts.google.com.evil.example")
