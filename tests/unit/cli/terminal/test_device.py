from __future__ import annotations

import pytest

from airflow_oidc_auth.cli.command import CommandFailed
from airflow_oidc_auth.cli.terminal.airflow_server import Denied
from airflow_oidc_auth.cli.terminal.device import read_device_authorization
from airflow_oidc_auth.cli.terminal.signing_in import Wishes, sign_in
from airflow_oidc_auth.errors import ProviderError
from tests.unit.cli.terminal.conftest import MemoryKeyring, Terminal
from tests.unit.cli.terminal.servers import FakeAirflow, Hours, TerminalIdp

ISSUER = "https://login.example"
ANSWER = {
    "device_code": "a-device-code",
    "user_code": "WDJB-MJHT",
    "verification_uri": "https://login.example/device",
    "expires_in": 600,
    "interval": 5,
}


@pytest.fixture
def code(
    terminal: Terminal, airflow: FakeAirflow, idp: TerminalIdp, ring: MemoryKeyring
) -> tuple[Terminal, FakeAirflow, TerminalIdp]:
    idp.use_device_tokens()
    return terminal, airflow, idp


Code = tuple[Terminal, FakeAirflow, TerminalIdp]


def go(code: Code) -> None:
    sign_in(Wishes(url=code[1].url, way="device"), code[0].around)


def test_polls_no_faster_than_it_is_told(code: Code, hours: Hours) -> None:
    code[2].flow.answer = {"interval": 7}
    code[2].flow.polls = ["authorization_pending"] * 3
    go(code)
    assert hours.slept == [7, 7, 7, 7]


def test_slow_down_is_for_the_rest_of_the_time(code: Code, hours: Hours) -> None:
    code[2].flow.polls = ["slow_down", "authorization_pending", "slow_down"]
    go(code)
    assert hours.slept == [5, 10, 10, 15]


@pytest.mark.parametrize("interval", [0, -1, 0.001, None, "0", True, float("1e300"), []])
def test_no_interval_makes_a_flood_of_polls(code: Code, hours: Hours, interval: object) -> None:
    code[2].flow.answer = {"interval": interval, "expires_in": 60}
    code[2].flow.polls = ["authorization_pending"] * 1000
    with pytest.raises(CommandFailed, match="not entered in time"):
        go(code)
    assert min(hours.slept) >= 1
    assert len(code[2].polled) <= 60


def test_a_lifetime_of_years_ends_after_half_an_hour(code: Code, hours: Hours) -> None:
    code[2].flow.answer = {"interval": 60, "expires_in": 10**8}
    code[2].flow.polls = ["authorization_pending"] * 1000
    with pytest.raises(CommandFailed, match="not entered in time"):
        go(code)
    assert sum(hours.slept) <= 1800


def test_a_connection_that_fails_is_tried_again_each_time_later(code: Code, hours: Hours) -> None:
    code[2].flow.polls = ["hang up", "hang up", "authorization_pending"]
    go(code)
    assert hours.slept == [5, 10, 20, 20]


def test_a_refusal_is_a_denial(code: Code) -> None:
    code[2].flow.polls = ["access_denied"]
    with pytest.raises(Denied, match="cancelled"):
        go(code)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("expired_token", "Run the command again for a new one"),
        ("invalid_client", "Tell the administrator"),
        ("invalid_grant", "Run the command again"),
        ("unheard_of\x1b[2J", "Tell the administrator"),
    ],
)
def test_other_errors_end_it_at_once(code: Code, error: str, said: str) -> None:
    code[2].flow.polls = [error, error]
    with pytest.raises(CommandFailed, match=said) as failed:
        go(code)
    assert len(code[2].polled) == 1
    assert "\x1b" not in str(failed.value)


def test_an_identity_provider_without_codes_says_what_to_do(code: Code) -> None:
    code[2].offer(device_authorization_endpoint=None)
    with pytest.raises(CommandFailed, match="Use --browser"):
        go(code)


def test_an_id_token_for_another_client_is_not_sent_on(code: Code) -> None:
    _, airflow, idp = code
    idp.fake.misbehaviour.id_token_claims["aud"] = "somebody-else"  # type: ignore[index]
    with pytest.raises(CommandFailed, match="another application"):
        go(code)
    assert airflow.exchanged == []


def test_the_code_is_asked_for_the_resource(code: Code) -> None:
    _, airflow, idp = code
    airflow.listing = {"providers": [airflow.entry("company", idp, resource="urn:airflow:api", audience="airflow")]}
    go(code)
    (asked,) = idp.device_requests
    assert (asked["resource"], asked["audience"]) == ("urn:airflow:api", "airflow")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"device_code": None}, "provider_answer_malformed"),
        ({"device_code": "two\nlines"}, "token_answer_malformed"),
        ({"user_code": None}, "provider_answer_malformed"),
        ({"user_code": ""}, "provider_answer_malformed"),
        ({"user_code": "X" * 65}, "provider_answer_malformed"),
        ({"user_code": "AB\x1b[8mCD"}, "provider_answer_malformed"),
        ({"user_code": "AB\N{RIGHT-TO-LEFT OVERRIDE}CD"}, "provider_answer_malformed"),
        ({"verification_uri": None}, "provider_answer_malformed"),
        ({"verification_uri": 7}, "provider_answer_malformed"),
        ({"verification_uri": "https://login.example/\x1b]8;;https://evil.example\x07"}, "provider_answer_malformed"),
        ({"verification_uri": "https://l\N{CYRILLIC SMALL LETTER O}gin.example/"}, "provider_answer_malformed"),
        ({"verification_uri": "http://login.example/device"}, "provider_url_insecure"),
        ({"verification_uri": "http://127.0.0.1/device"}, "provider_url_insecure"),
        ({"verification_uri": "javascript:alert(1)"}, "provider_url_insecure"),
        ({"verification_uri_complete": "file:///etc/passwd"}, "provider_url_insecure"),
    ],
)
def test_an_answer_that_could_mislead_somebody_is_refused(change: dict[str, object], error: str) -> None:
    with pytest.raises(ProviderError) as refused:
        read_device_authorization({**ANSWER, **change}, ISSUER)
    assert refused.value.code == error


def test_an_old_spelling_of_the_address_is_understood() -> None:
    old = {name: value for name, value in ANSWER.items() if name != "verification_uri"}
    read = read_device_authorization({**old, "verification_url": "https://login.example/device"}, ISSUER)
    assert read.verification_uri == "https://login.example/device"
    assert "a-device-code" not in repr(read)
