from __future__ import annotations

import pytest

from airflow_oidc_auth.fab.known_identity import KnownIssuer, find_issuer, subject_problem
from tests.unit.fab.providers import OTHER_TENANT, TENANT, providers

V2 = "https://login.microsoftonline.com/{}/v2.0"
V1 = "https://sts.windows.net/{}/"


@pytest.mark.parametrize(
    ("configured", "typed", "stored"),
    [
        (("okta", "keycloak"), "https://acme.okta.com", "https://acme.okta.com"),
        (("auth0",), "https://acme.eu.auth0.com/", "https://acme.eu.auth0.com/"),
        # Sign-ins bring the canonical spelling; a link to the other one would be a link to nobody.
        (("google",), "accounts.google.com", "https://accounts.google.com"),
        (("entra",), V2.format(TENANT), V2.format(TENANT)),
        (("entra",), V1.format(TENANT), V2.format(TENANT)),
        (("entra-many",), V2.format(TENANT), V2.format(TENANT)),
        (("entra-many",), V1.format(TENANT), V2.format(TENANT)),
        # Only discovery knows the tenant of a domain; every sign-in asks it.
        (("entra-domain",), V2.format(OTHER_TENANT), V2.format(OTHER_TENANT)),
    ],
)
def test_an_issuer_is_found_in_the_spelling_that_sign_ins_bring(
    configured: tuple[str, ...], typed: str, stored: str
) -> None:
    found = find_issuer(typed, providers(*configured))
    assert isinstance(found, KnownIssuer)
    assert found.issuer == stored


@pytest.mark.parametrize(
    ("configured", "typed"),
    [
        (("okta",), "https://acme.okta.com/"),
        (("okta",), "https://ACME.okta.com"),
        (("okta",), "https://evil.example"),
        (("okta",), ""),
        (("entra",), V2.format(OTHER_TENANT)),
        (("entra-many",), V2.format(OTHER_TENANT)),
        (("entra-many",), V2.format("{tenantid}")),
        (("entra-many",), V2.format("organizations")),
        (("entra-many",), V2.format(TENANT.replace("1", "A"))),
        (("entra-domain",), V2.format("{tenantid}")),
    ],
)
def test_an_issuer_that_no_sign_in_brings_is_refused_with_those_that_are_known(
    configured: tuple[str, ...], typed: str
) -> None:
    told = find_issuer(typed, providers(*configured))
    assert isinstance(told, str)
    assert "No configured provider has the issuer" in told
    assert f"({configured[0]})" in told


def test_a_near_miss_is_named() -> None:
    told = find_issuer("https://acme.okta.com/", providers("okta", "keycloak"))
    assert "did you mean https://acme.okta.com?" in str(told)


@pytest.mark.parametrize(
    ("provider", "subject", "problem"),
    [
        ("okta", "", "1 to 255"),
        ("okta", "x" * 256, "1 to 255"),
        ("okta", "00u\x00", "printable ASCII"),
        ("okta", "00ü", "printable ASCII"),
        ("okta", " 00u", "spaces"),
        ("google", "1.17E+20", "gives numbers"),
        ("github", "ada", "gives numbers"),
        ("gitlab", "ada", "gives numbers"),
    ],
)
def test_a_subject_that_no_sign_in_brings_is_refused(provider: str, subject: str, problem: str) -> None:
    assert problem in str(subject_problem(subject, providers(provider)[0]))


@pytest.mark.parametrize(("provider", "subject"), [("okta", "00u1"), ("google", "117"), ("auth0", "auth0|a b")])
def test_other_subjects_pass(provider: str, subject: str) -> None:
    assert subject_problem(subject, providers(provider)[0]) is None
