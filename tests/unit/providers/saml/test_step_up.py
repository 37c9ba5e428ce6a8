"""A step-up by SAML: what is asked of the IdP, and what its answer is believed about the authentication."""

from __future__ import annotations

import base64
import zlib
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from airflow_oidc_auth.identity.authentication import Authentication
from airflow_oidc_auth.providers.saml.times import write_instant
from tests.unit.providers.saml.making import ATTEMPT, NOW, build, form, make_provider, make_settings

MFA, PASSWORD = "https://refeds.org/profile/mfa", "urn:oasis:names:tc:SAML:2.0:ac:classes:Password"


def request_of(provider, **changes) -> str:
    """Return the AuthnRequest that a step-up sends."""
    begun = provider.begin(replace(ATTEMPT, **changes))
    packed = parse_qs(urlsplit(begun.url).query)["SAMLRequest"][0]
    return zlib.decompress(base64.b64decode(packed), -15).decode()


def test_a_plain_sign_in_asks_for_nothing():
    request = request_of(make_provider())
    assert "ForceAuthn" not in request
    assert "RequestedAuthnContext" not in request


@pytest.mark.parametrize("changes", [{"max_age": 3600}, {"reauthenticate": True}])
def test_what_must_be_fresh_is_forced(changes):
    assert 'ForceAuthn="true"' in request_of(make_provider(), **changes)


def test_the_contexts_of_the_rule_are_asked_for():
    request = request_of(make_provider(), acr_values=(MFA, PASSWORD))
    assert 'Comparison="exact"' in request
    assert request.index(MFA) < request.index(PASSWORD)
    assert "ForceAuthn" not in request


def test_only_contexts_that_are_accepted_at_all_are_asked_for():
    provider = make_provider(make_settings(authn_contexts=(MFA,)))
    assert PASSWORD not in request_of(provider, acr_values=(PASSWORD, MFA))
    assert MFA in request_of(provider, acr_values=(PASSWORD,)), "as at every sign-in"


@pytest.mark.parametrize(
    ("parts", "known"),
    [
        ({"authn_context": MFA}, Authentication(MFA, at=NOW - 5)),
        ({"authn_context": MFA, "authn_instant": write_instant(NOW - 7200)}, Authentication(MFA, at=NOW - 7200)),
        ({"attributes": {"acr": (MFA,), "amr": ("mfa",), "auth_time": (str(NOW),)}}, None),
    ],
)
def test_the_statement_tells_and_no_attribute_does(parts, known):
    told = make_provider().complete(ATTEMPT, form(build(**parts))).identity.authentication
    if known is not None:
        assert told == known
    else:
        assert (told.acr == MFA, told.amr, told.at) == (False, frozenset(), NOW - 5)
