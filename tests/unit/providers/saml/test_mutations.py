"""Whatever is done to the bytes of a signed response: it is refused, or says the same as before."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from airflow_oidc_auth.errors import OidcAuthError
from airflow_oidc_auth.secret import Secret
from tests.unit.providers.saml.making import ATTEMPT, build, encrypted, form, key_pair, make_provider, make_settings

WAYS = ["assertion", "response", "both", "encrypted cbc", "encrypted gcm"]


@cache
def genuine(way):
    if not way.startswith("encrypted"):
        return build(signed=way)
    return encrypted("assertion", cipher="AES256" if way.endswith("cbc") else "AES256_GCM")


class Forgetful:
    """The same assertion comes many times here."""

    def seen(self, assertion_id, expires_at):
        return False


@cache
def provider():
    return make_provider(make_settings(decryption_key=Secret(key_pair("sp").key)), replay=Forgetful())


def identity(data):
    """Return everything that a sign-in rests on, None if it was refused in a way that was planned for."""
    try:
        found = provider().complete(ATTEMPT, form(data))
    except OidcAuthError:
        return None
    return found.identity, found.saml, found.sid, found.auth_time


many = hypothesis_settings(max_examples=100, deadline=None)


@pytest.mark.parametrize("way", WAYS)
@many
@given(data=st.data())
def test_another_byte_never_yields_another_identity(way, data):
    original = genuine(way)
    position = data.draw(st.integers(0, len(original) - 1))
    byte = data.draw(st.integers(0, 255))
    altered = original[:position] + bytes([byte]) + original[position + 1 :]
    assert identity(altered) in (None, identity(original))


@pytest.mark.parametrize("way", WAYS)
@many
@given(data=st.data())
def test_a_part_that_is_cut_out_or_put_elsewhere_never_yields_another_identity(way, data):
    original = genuine(way)
    begin, end, place = sorted(data.draw(st.lists(st.integers(0, len(original)), min_size=3, max_size=3)))
    part = original[begin:end]
    moved = original[:begin] + original[end:place] + part + original[place:]
    doubled = original[:place] + part + original[place:]
    for altered in (original[:begin] + original[end:], moved, doubled):
        assert identity(altered) in (None, identity(original))


INSERTIONS = [
    b"<!---->",
    b"<?x?>",
    b"&#65;",
    b"&amp;",
    b"<![CDATA[x]]>",
    b" ",
    b"\x00",
    b"\r\n",
    b"<x/>",
    b"\xef\xbb\xbf",
    b"A",
]


@pytest.mark.parametrize("way", WAYS[:3])
@many
@given(data=st.data())
def test_xml_that_is_put_anywhere_never_yields_another_identity(way, data):
    original = genuine(way)
    position = data.draw(st.integers(0, len(original)))
    altered = original[:position] + data.draw(st.sampled_from(INSERTIONS)) + original[position:]
    assert identity(altered) in (None, identity(original))


@pytest.mark.parametrize("way", WAYS)
def test_the_unaltered_response_is_accepted(way):
    assert identity(genuine(way)) is not None
