"""``email_verified`` speaks of the claim ``email``: an address that people choose must not borrow it."""

from __future__ import annotations

import pytest

from airflow_oidc_auth.grants.grant import Grant, Refusal
from airflow_oidc_auth.providers.identity_builder import VerifiedDocuments, build_identity
from tests.unit.config.documents import compile_text, document

GRANTS = "require: [{email_domain: corp.example}], rules: [{when: {everyone: true}, roles: [Admin]}]"
# Keycloak and others let people choose the user name; the address that was verified is another one.
MALLORY = {
    "email": "mallory@free.example",
    "email_verified": True,
    "preferred_username": "boss@corp.example",
    "username_verified": True,
}


def judge(claims: str, preset: str = "oidc", said: dict[str, object] | None = None) -> Grant | Refusal:
    config = compile_text(document(provider=f"preset: {preset}\nclaims: {claims}", grants=GRANTS))
    settings = config.providers["idp"]
    identity = build_identity(settings, VerifiedDocuments(settings.issuer, "1", {**MALLORY, **(said or {})}))
    return config.grants.evaluate(identity).decision


def test_a_user_name_is_not_verified_by_the_address_beside_it() -> None:
    assert isinstance(judge("{email: preferred_username}"), Refusal)


def test_entras_word_for_the_address_is_none_for_the_user_name() -> None:
    issuer = "issuer: https://login.microsoftonline.com/3f0c6f0e-0a1b-4c2d-8e3f-000000000001/v2.0"
    claims = f"{{email: preferred_username}}\n{issuer}"
    assert isinstance(judge(claims, "entra", {"xms_edov": True}), Refusal)


@pytest.mark.parametrize(
    "claims", ["{email: preferred_username, email_verified: username_verified}", "{name: preferred_username}"]
)
def test_a_claim_that_speaks_of_the_address_counts(claims: str) -> None:
    assert isinstance(judge(claims, said={"email": "ada@corp.example"}), Grant)


def test_the_usual_claim_may_be_written_out() -> None:
    assert isinstance(judge("{email: email}", said={"email": "ada@corp.example"}), Grant)


def test_warns_that_no_address_counts_as_verified() -> None:
    (warning,) = compile_text(document(provider="claims: {email: upn}")).warnings
    assert warning.path == "providers.idp.claims.email"
    assert "no address counts as verified" in warning.text
    assert compile_text(document(provider="claims: {email: upn, email_verified: upn_ok}")).warnings == ()
