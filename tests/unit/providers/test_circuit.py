from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from airflow_oidc_auth.errors import ProviderError
from airflow_oidc_auth.providers.circuit import FAILURES, REST, CircuitBreaker
from airflow_oidc_auth.providers.settings import HttpSettings
from airflow_oidc_auth.providers.transport import RequestsTransport
from airflow_oidc_auth.testing import FakeIdp, Misbehaviour
from tests.unit.providers.making import Clock

DOWN = Misbehaviour(faults={"token": "error_503", "jwks": "error_503"})


@pytest.fixture
def clock() -> Clock:
    return Clock(1000.0)


@pytest.fixture
def circuit(clock: Clock) -> CircuitBreaker:
    return CircuitBreaker(clock)


@pytest.fixture
def idp() -> Iterator[FakeIdp]:
    with FakeIdp() as running:
        yield running


def fail(circuit: CircuitBreaker, code: str = "provider_timeout", form: dict[str, str] | None = None) -> None:
    with pytest.raises(ProviderError) as caught, circuit.guard("idp.example", form):
        raise ProviderError(code, "as told")
    assert caught.value.detail == "as told"


def refused(circuit: CircuitBreaker) -> bool:
    """Say whether the circuit lets nothing through. A passed exchange ends unplanned, which counts as neither."""
    with pytest.raises((KeyError, ProviderError)) as caught, circuit.guard("idp.example"):
        raise KeyError
    if isinstance(caught.value, KeyError):
        return False
    return caught.value.code == "provider_unreachable" and "15 s" in caught.value.hint


@pytest.mark.parametrize(
    "code", ["provider_unreachable", "provider_timeout", "provider_failing", "provider_proxy", "provider_tls"]
)
def test_five_failures_in_a_row_open_it(circuit: CircuitBreaker, code: str) -> None:
    for _ in range(FAILURES):
        assert not refused(circuit)
        fail(circuit, code)
    assert refused(circuit)
    assert circuit.is_open


def test_a_success_between_begins_the_count_again(circuit: CircuitBreaker) -> None:
    for _ in range(3):
        for _ in range(FAILURES - 1):
            fail(circuit)
        with circuit.guard("idp.example"):
            pass
    assert not refused(circuit)


@pytest.mark.parametrize("code", ["provider_redirected", "provider_answer_malformed", "provider_answer_too_large"])
def test_an_answer_that_cannot_be_used_is_an_answer(circuit: CircuitBreaker, code: str) -> None:
    for _ in range(FAILURES * 2):
        fail(circuit, code)
    assert not refused(circuit)


def test_invented_codes_that_an_idp_stumbles_over_close_the_door_to_nobody(circuit: CircuitBreaker) -> None:
    for _ in range(FAILURES * 2):
        fail(circuit, "provider_failing", {"grant_type": "authorization_code", "code": "\x00"})
    assert not refused(circuit)


def test_invented_tokens_that_an_idp_will_not_introspect_close_it_to_nobody(circuit: CircuitBreaker) -> None:
    """Also 429: whoever floods the REST API with opaque tokens has us ask more often than the IdP likes."""
    for _ in range(FAILURES * 2):
        fail(circuit, "provider_failing", {"token": "\x00", "token_type_hint": "access_token"})
    assert not refused(circuit)
    for _ in range(FAILURES):
        fail(circuit, "provider_timeout", {"token": "any", "token_type_hint": "access_token"})
    assert refused(circuit), "a host that does not answer is down, whatever it was asked"


def test_refreshes_that_fail_do_count(circuit: CircuitBreaker) -> None:
    for _ in range(FAILURES):
        fail(circuit, "provider_failing", {"grant_type": "refresh_token"})
    assert refused(circuit)


def test_after_a_rest_one_probe_at_a_time_goes_through(circuit: CircuitBreaker, clock: Clock) -> None:
    for _ in range(FAILURES):
        fail(circuit)
    clock.now += REST - 0.1
    assert refused(circuit)
    clock.now += 0.2
    with circuit.guard("idp.example"):
        assert refused(circuit)
    assert not circuit.is_open
    assert not refused(circuit)


def test_a_probe_that_fails_opens_it_for_another_rest(circuit: CircuitBreaker, clock: Clock) -> None:
    for _ in range(FAILURES):
        fail(circuit)
    clock.now += REST
    fail(circuit)
    clock.now += REST - 0.1
    assert refused(circuit)
    clock.now += 0.1
    assert not refused(circuit)


def test_a_probe_that_ends_unplanned_frees_its_place(circuit: CircuitBreaker, clock: Clock) -> None:
    for _ in range(FAILURES):
        fail(circuit)
    clock.now += REST
    assert not refused(circuit)  # raises KeyError inside
    assert not refused(circuit)


def test_a_probe_that_hangs_keeps_the_next_one_waiting_for_a_rest_and_no_longer(
    circuit: CircuitBreaker, clock: Clock
) -> None:
    for _ in range(FAILURES):
        fail(circuit)
    clock.now += REST
    slow = circuit.guard("idp.example", {"grant_type": "refresh_token"})
    slow.__enter__()
    assert refused(circuit)
    clock.now += REST
    with circuit.guard("idp.example"):
        pass
    error = ProviderError("provider_timeout", "a minute later")
    assert not slow.__exit__(ProviderError, error, None)
    assert not circuit.is_open
    assert not refused(circuit)


def test_failures_that_began_before_it_opened_do_not_push_the_probe_away(circuit: CircuitBreaker, clock: Clock) -> None:
    late = [circuit.guard("idp.example") for _ in range(3)]
    for each in late:
        each.__enter__()
    for _ in range(FAILURES):
        fail(circuit)
    clock.now += REST
    for each in late:
        assert not each.__exit__(ProviderError, ProviderError("provider_timeout"), None)
    assert not refused(circuit)


def test_a_dead_idp_is_asked_five_times_by_forty_threads(idp: FakeIdp) -> None:
    idp.misbehaviour = DOWN
    transport = RequestsTransport(HttpSettings())
    for _ in range(FAILURES):
        with pytest.raises(ProviderError, match="provider_failing"):
            transport.get(f"{idp.origin}/jwks")
    seen: list[str] = []

    def ask() -> None:
        try:
            transport.get(f"{idp.origin}/jwks")
        except ProviderError as error:
            seen.append(error.code)

    threads = [threading.Thread(target=ask) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == ["provider_unreachable"] * 40
    assert len(idp.calls("/jwks")) == FAILURES
    assert transport.state == "failing"
    assert transport.open_circuits() == (idp.origin.removeprefix("http://"),)


def test_the_transport_recovers_by_itself(idp: FakeIdp, clock: Clock) -> None:
    transport = RequestsTransport(HttpSettings(), monotonic=clock)
    idp.misbehaviour = DOWN
    for _ in range(FAILURES + 3):
        with pytest.raises(ProviderError):
            transport.get(f"{idp.origin}/jwks")
    idp.misbehaviour = Misbehaviour()
    clock.now += REST
    assert transport.get(f"{idp.origin}/jwks").status == 200
    assert transport.open_circuits() == ()
    assert transport.state == "ok"


def test_one_host_that_is_down_does_not_stop_another(idp: FakeIdp) -> None:
    transport = RequestsTransport(HttpSettings())
    with FakeIdp(misbehaviour=DOWN) as api:
        for _ in range(FAILURES + 1):
            with pytest.raises(ProviderError):
                transport.get(f"{api.origin}/jwks")
    assert transport.get(f"{idp.origin}/jwks").status == 200


def test_exchanges_are_told_to_the_metrics_and_refusals_of_the_circuit_are_not(idp: FakeIdp, clock: Clock) -> None:
    told: list[tuple[str, float]] = []
    transport = RequestsTransport(HttpSettings(), monotonic=clock, observe=lambda *each: told.append(each))
    transport.get(f"{idp.origin}/jwks")
    idp.misbehaviour = DOWN
    for _ in range(FAILURES + 4):
        with pytest.raises(ProviderError):
            transport.get(f"{idp.origin}/jwks")
    assert told == [("ok", 0.0)] + [("provider_failing", 0.0)] * FAILURES
