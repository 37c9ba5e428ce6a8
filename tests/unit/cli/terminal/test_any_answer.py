"""Whatever a server sends, the terminal's readers take it, or refuse it in words that a terminal can show."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from airflow_oidc_auth.cli.command import CommandFailed
from airflow_oidc_auth.cli.terminal.device import read_device_authorization
from airflow_oidc_auth.cli.terminal.listing import parse_listing
from airflow_oidc_auth.errors import ProviderError
from airflow_oidc_auth.identity.text import is_printable

NASTY = st.sampled_from(
    ["\x1b[2J", "\x9b31m", "https://login.example/\x07", "http://evil.example", "//", "https://[", ""]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | NASTY,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
ENTRY = {"id": "a", "label": "A", "issuer": "https://login.example", "client_id": "cli", "scopes": ["openid"]}
DEVICE = {"device_code": "d", "user_code": "AB", "verification_uri": "https://login.example/d", "expires_in": 9}
CHANGES = st.dictionaries(st.sampled_from([*ENTRY, "resource", "audience"]), VALUES, max_size=3)
DEVICE_CHANGES = st.dictionaries(
    st.sampled_from([*DEVICE, "interval", "verification_uri_complete"]), VALUES, max_size=3
)


def shown(text: str) -> bool:
    return all(map(is_printable, text))


@given(VALUES | st.builds(lambda entry: {"providers": [entry]}, VALUES))
def test_any_document_is_a_list_of_providers_or_refused(document: object) -> None:
    with contextlib.suppress(CommandFailed):
        parse_listing(document)


@given(CHANGES)
def test_any_provider_is_safe_to_show_and_to_ask_or_refused(changes: Mapping[str, object]) -> None:
    said, providers = "", ()
    try:
        providers = parse_listing({"providers": [{**ENTRY, **changes}]})
    except CommandFailed as error:
        said = str(error)
    assert shown(said)
    for provider in providers:
        assert shown(provider.label)
        assert provider.issuer.startswith(("https://", "http://127.", "http://localhost"))
        assert provider.issuer.isascii()
        assert provider.issuer.isprintable()


@given(DEVICE_CHANGES)
def test_any_device_answer_is_safe_to_show_and_to_poll_or_refused(changes: Mapping[str, object]) -> None:
    with contextlib.suppress(ProviderError):
        pending = read_device_authorization({**DEVICE, **changes}, "https://login.example")
        assert shown(pending.user_code)
        assert pending.verification_uri.startswith("https://")
        assert pending.verification_uri.isprintable()
        assert 1 <= pending.interval <= 60
        assert 0 <= pending.lifetime <= 1800
