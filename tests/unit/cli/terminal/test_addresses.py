from __future__ import annotations

from collections.abc import Mapping

import pytest

from airflow_oidc_auth.cli.command import CommandFailed
from airflow_oidc_auth.cli.terminal.addresses import (
    GuardedTransport,
    check_airflow_url,
    neighbourhood_of,
    trusting,
)
from airflow_oidc_auth.cli.terminal.listing import parse_listing
from airflow_oidc_auth.cli.terminal.signing_in import Wishes, sign_in
from airflow_oidc_auth.testing import RecordedTransport
from tests.unit.cli.terminal.conftest import MemoryKeyring, Terminal
from tests.unit.cli.terminal.servers import FakeAirflow, TerminalIdp

NAMES: Mapping[str, tuple[str, ...]] = {
    "airflow.example": ("93.184.216.34",),
    "airflow.corp": ("10.1.2.3",),
    "both.example": ("93.184.216.34", "127.0.0.1"),
    "login.example": ("93.184.216.35",),
    "login.corp": ("10.1.2.4",),
    "rebound.example": ("93.184.216.36", "192.168.1.1"),
    "metadata.example": ("169.254.169.254",),
    "mapped.example": ("::ffff:127.0.0.1",),
}


def resolve(host: str) -> tuple[str, ...]:
    return NAMES.get(host, ())


def judge(airflow: str, issuer: str) -> str:
    return neighbourhood_of(airflow, resolve).check(issuer)


@pytest.mark.parametrize(
    ("airflow", "issuer"),
    [
        ("https://airflow.example", "https://login.example"),
        ("https://airflow.corp", "https://login.corp"),
        ("https://airflow.corp", "https://login.example"),
        ("https://airflow.corp", "https://10.9.9.9"),
        ("http://localhost:8080", "http://127.0.0.1:9000"),
        ("http://localhost:8080", "https://login.corp"),
        ("https://airflow.example", "https://known-to-the-proxy-only.example"),
    ],
)
def test_an_airflow_may_name_what_is_as_far_away_as_itself(airflow: str, issuer: str) -> None:
    assert judge(airflow, issuer) == issuer


@pytest.mark.parametrize(
    ("airflow", "issuer"),
    [
        ("https://airflow.example", "http://127.0.0.1:9200/"),
        ("https://airflow.example", "http://localhost:9200/"),
        ("https://airflow.example", "http://x.localhost:9200/"),
        ("https://airflow.example", "http://[::1]:9200/"),
        ("https://airflow.example", "https://[::ffff:127.0.0.1]/"),
        ("https://airflow.example", "https://10.0.0.1"),
        ("https://airflow.example", "https://[fd00::1]/"),
        ("https://airflow.example", "https://100.64.0.1"),
        ("https://airflow.example", "https://login.corp"),
        ("https://airflow.example", "https://rebound.example"),
        ("https://airflow.example", "https://mapped.example"),
        ("https://airflow.corp", "http://127.0.0.1:9200/"),
        ("https://airflow.corp", "https://mapped.example"),
        ("https://both.example", "http://127.0.0.1:9200/"),
        ("https://unresolvable.example", "http://127.0.0.1:9200/"),
        ("http://localhost:8080", "https://metadata.example"),
        ("http://localhost:8080", "https://169.254.169.254/latest"),
        ("http://localhost:8080", "https://0.0.0.0/"),
    ],
)
def test_an_airflow_may_not_point_into_a_network_that_it_is_outside_of(airflow: str, issuer: str) -> None:
    with pytest.raises(CommandFailed):
        judge(airflow, issuer)


def test_whoever_names_the_identity_provider_may_have_it_anywhere_but_link_local() -> None:
    assert trusting(resolve).check("https://10.0.0.1") == "https://10.0.0.1"
    with pytest.raises(CommandFailed):
        trusting(resolve).check("https://169.254.169.254")


def test_nothing_is_sent_to_an_address_that_was_refused() -> None:
    recorded = RecordedTransport()
    guarded = GuardedTransport(recorded, neighbourhood_of("https://airflow.example", resolve))
    for send in (guarded.get, guarded.post):
        with pytest.raises(CommandFailed):
            send("http://127.0.0.1:9200/")
    assert recorded.calls == []


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("airflow.example", "https://HOST"),
        ("http://airflow.example", "is not https"),
        ("https://user:password@airflow.example", "holds a user name"),
        ("https://airflow.example/?next=/", "no query"),
        ("https://airflow.example/#x", "no query"),
        ("file:///etc/passwd", "https://HOST"),
        ("https://airflow.example/\x1b[2J", "https://HOST"),
        ("", "https://HOST"),
    ],
)
def test_an_airflow_is_asked_over_tls_only(url: str, told: str) -> None:
    with pytest.raises(CommandFailed, match=told) as refused:
        check_airflow_url(url)
    assert "password@" not in str(refused.value)


def test_an_airflow_below_a_path_keeps_it() -> None:
    assert check_airflow_url("https://data.example/airflow/") == "https://data.example/airflow"


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": "http://login.example"},
        {"issuer": "ftp://login.example"},
        {"issuer": "https://login.example/?a=b"},
        {"issuer": "https://login.example/{tenantid}/v2.0"},
        {"issuer": "https://login.example/\x1b[2J"},
        {"issuer": "https://l\N{CYRILLIC SMALL LETTER O}gin.example"},
        {"issuer": "https://login.example/\N{RIGHT-TO-LEFT OVERRIDE}"},
        {"issuer": None},
        {"issuer": ["https://login.example"]},
        {"id": "../x"},
        {"id": ""},
        {"client_id": None},
        {"client_id": "x" * 3000},
        {"scopes": None},
        {"scopes": ["openid profile"]},
        {"scopes": [7]},
        {"scopes": ['"']},
        {"resource": 7},
    ],
)
def test_a_listing_that_cannot_be_followed_safely_is_refused(change: dict[str, object]) -> None:
    entry = {"id": "a", "label": "A", "issuer": "https://login.example", "client_id": "cli", "scopes": ["openid"]}
    assert parse_listing({"providers": [entry]})[0].scopes == ("openid",)
    with pytest.raises(CommandFailed) as refused:
        parse_listing({"providers": [{**entry, **change}]})
    assert "\x1b" not in str(refused.value)


# ------------------------------------------------------------------------------------------- through a whole sign-in


@pytest.mark.parametrize("issuer", ["http://login.example", "https://10.0.0.1@login.example"])
def test_a_malicious_airflow_that_names_an_unsafe_issuer_is_refused_before_anything_is_sent(
    terminal: Terminal, airflow: FakeAirflow, idp: TerminalIdp, ring: MemoryKeyring, issuer: str
) -> None:
    airflow.listing = {"providers": [{**airflow.entry("company", idp), "issuer": issuer}]}
    with pytest.raises(CommandFailed, match="must not be asked"):
        sign_in(Wishes(url=airflow.url), terminal.around)
    assert idp.fake.requests == []


def test_an_issuer_that_calls_itself_another_is_refused(
    terminal: Terminal, airflow: FakeAirflow, idp: TerminalIdp, ring: MemoryKeyring
) -> None:
    idp.offer(issuer="https://login.example")
    with pytest.raises(CommandFailed, match="another issuer"):
        sign_in(Wishes(url=airflow.url), terminal.around)
    assert airflow.exchanged == []


@pytest.mark.parametrize(
    "name", ["token_endpoint", "jwks_uri", "authorization_endpoint", "device_authorization_endpoint"]
)
def test_an_endpoint_without_tls_is_never_used(
    terminal: Terminal, airflow: FakeAirflow, idp: TerminalIdp, ring: MemoryKeyring, name: str
) -> None:
    idp.offer(**{name: "http://login.example/x"})
    with pytest.raises(CommandFailed):
        sign_in(Wishes(url=airflow.url, way="device"), terminal.around)
    assert airflow.exchanged == []


def test_an_identity_provider_that_redirects_is_not_followed(
    terminal: Terminal, airflow: FakeAirflow, idp: TerminalIdp, ring: MemoryKeyring
) -> None:
    from airflow_oidc_auth.testing.loopback import Answer

    path = "/.well-known/openid-configuration"
    idp.fake.route("GET", path, lambda request: Answer(302, b"", {"Location": f"{airflow.url}/stolen"}))
    with pytest.raises(CommandFailed, match="redirect"):
        sign_in(Wishes(url=airflow.url), terminal.around)
    assert all(request.path != "/stolen" for request in airflow.requests)


def test_another_issuer_than_the_one_expected_is_refused(
    terminal: Terminal, airflow: FakeAirflow, idp: TerminalIdp, ring: MemoryKeyring
) -> None:
    with pytest.raises(CommandFailed, match="not to the identity provider that you expect"):
        sign_in(Wishes(url=airflow.url, issuer="https://login.example", way="browser"), terminal.around)
    assert idp.fake.requests == []
    done = sign_in(Wishes(url=airflow.url, issuer=idp.issuer, way="browser"), terminal.around)
    assert done.login.trusted
