"""Validating takes at most twice as long as python3-saml takes (it is a fifth), and asks nobody."""

from __future__ import annotations

from benchmarks.saml import measure
from tests.unit.providers.saml.making import (
    ATTEMPT,
    SUBJECT,
    FixedTransport,
    build,
    form,
    idp_metadata,
    make_provider,
)


def test_a_signed_and_encrypted_response_of_20_kb_takes_at_most_twice_as_long_as_with_python3_saml():
    times = measure(rounds=9)
    assert times["ours"] < 2 * times["python3-saml"]


def test_no_metadata_is_fetched_while_somebody_signs_in():
    transport = FixedTransport(idp_metadata())
    provider = make_provider(transport=transport)
    provider.warm_up()
    assert transport.fetched == 1
    provider.begin(ATTEMPT)
    assert provider.complete(ATTEMPT, form(build())).identity.subject == SUBJECT
    assert transport.fetched == 1
