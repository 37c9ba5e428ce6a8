from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from airflow_oidc_auth.cli.command import CommandFailed
from airflow_oidc_auth.cli.terminal.airflow_server import Denied
from airflow_oidc_auth.cli.terminal.loopback import LoopbackListener
from airflow_oidc_auth.cli.terminal.signing_in import Wishes, sign_in
from airflow_oidc_auth.testing import FakeIdp
from tests.unit.cli.terminal.conftest import MemoryKeyring, Terminal
from tests.unit.cli.terminal.servers import FakeAirflow, Person, TerminalIdp, fetch, ports_of


@pytest.fixture
def listener() -> Iterator[LoopbackListener]:
    with LoopbackListener(lambda response: response.get("state") == "mine") as listening:
        yield listening


def test_takes_the_answer_that_is_ours(listener: LoopbackListener) -> None:
    assert fetch(f"{listener.redirect_uri}?state=mine&code=c")[0] == 200
    assert listener.wait(1) == {"state": "mine", "code": "c"}


@pytest.mark.parametrize(
    "query", ["", "state=other&code=c", "code=c", "state=mine&state=mine&code=c", "state=mine&code=a&code=b"]
)
def test_a_forged_answer_is_refused_and_ends_nothing(listener: LoopbackListener, query: str) -> None:
    status, page = fetch(f"{listener.redirect_uri}?{query}")
    assert (status, "belongs to no sign-in" in page) == (400, True)
    assert listener.wait(0.01) is None
    fetch(f"{listener.redirect_uri}?state=mine&code=real")
    assert listener.wait(1) == {"state": "mine", "code": "real"}


def test_only_the_first_answer_counts(listener: LoopbackListener) -> None:
    assert fetch(f"{listener.redirect_uri}?state=mine&code=first")[0] == 200
    assert fetch(f"{listener.redirect_uri}?state=mine&code=second")[0] == 400
    assert listener.wait(1) == {"state": "mine", "code": "first"}


@pytest.mark.parametrize("host", ["evil.example", "localhost:80", "127.0.0.1", "127.0.0.1:1"])
def test_a_name_that_was_rebound_to_this_machine_reaches_nothing(listener: LoopbackListener, host: str) -> None:
    assert fetch(f"{listener.redirect_uri}?state=mine&code=c", host=host)[0] == 400
    assert listener.wait(0.01) is None


@pytest.mark.parametrize("path", ["/", "/favicon.ico", "/callback/", "/x/callback"])
def test_other_paths_are_nothing(listener: LoopbackListener, path: str) -> None:
    assert fetch(listener.redirect_uri.replace("/callback", path) + "?state=mine&code=c")[0] == 404
    assert listener.wait(0.01) is None


@pytest.mark.parametrize("method", ["POST", "PUT", "OPTIONS", "HEAD"])
def test_other_methods_are_nothing(listener: LoopbackListener, method: str) -> None:
    assert fetch(f"{listener.redirect_uri}?state=mine&code=c", method=method)[0] == 501
    assert listener.wait(0.01) is None


def test_an_endless_query_is_refused(listener: LoopbackListener) -> None:
    assert fetch(f"{listener.redirect_uri}?state=mine&code={'x' * 40_000}")[0] == 400
    assert fetch(f"{listener.redirect_uri}?state=mine&code=c&{'a=1&' * 60}")[0] == 400
    assert listener.wait(0.01) is None


def test_a_connection_that_says_nothing_keeps_nobody_waiting(listener: LoopbackListener) -> None:
    port = urlsplit(listener.redirect_uri).port
    silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(3)]
    assert fetch(f"{listener.redirect_uri}?state=mine&code=c")[0] == 200
    for each in silent:
        each.close()


def test_many_at_once_give_one_answer(listener: LoopbackListener) -> None:
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda n: fetch(f"{listener.redirect_uri}?state=mine&code={n}")[0], range(16)))
    assert sorted(statuses) == [200] + [400] * 15


def test_listens_to_this_machine_only_and_frees_the_port() -> None:
    with LoopbackListener(lambda response: True) as listener:
        parts = urlsplit(listener.redirect_uri)
        assert listener._server.server_address[0] == "127.0.0.1"
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", parts.port or 0), timeout=1)


def test_a_port_that_is_taken_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(CommandFailed, match=f"Port {port} .* --port"):
            LoopbackListener(lambda response: True, port)


def test_the_page_frames_nothing_and_remembers_nothing(listener: LoopbackListener) -> None:
    page = fetch(f"{listener.redirect_uri}?state=mine&error=access_denied&error_description=<script>")[1]
    assert "did not succeed" in page
    assert "<script" not in page


# ------------------------------------------------------------------------------------------- through a whole sign-in


def _login(terminal: Terminal, airflow: FakeAirflow) -> None:
    sign_in(Wishes(url=airflow.url, way="browser"), terminal.around)


def test_a_foreign_page_cannot_slip_its_own_code_in(
    terminal: Terminal, airflow: FakeAirflow, idp: TerminalIdp, person: Person, ring: MemoryKeyring
) -> None:
    answers = []

    def attack(redirect_uri: str) -> None:
        forged = ("code=attackers", "code=attackers&state=guess", "error=access_denied", "")
        answers.extend(fetch(f"{redirect_uri}?{query}&iss={idp.issuer}")[0] for query in forged)

    person.before = attack
    _login(terminal, airflow)
    assert answers == [400, 400, 400, 400]
    (asked,) = idp.fake.calls("/token")
    assert asked.form["code"] != "attackers"
    assert len(airflow.exchanged) == 1


def test_an_answer_of_another_issuer_is_a_mix_up(
    terminal: Terminal, airflow: FakeAirflow, idp: TerminalIdp, ring: MemoryKeyring
) -> None:
    with FakeIdp() as other:
        idp.fake.misbehaviour.authorization_response["iss"] = other.issuer  # type: ignore[index]
        with pytest.raises(CommandFailed, match="Do not try again from the same page"):
            _login(terminal, airflow)
    assert idp.fake.calls("/token") == []
    assert airflow.exchanged == []


def test_an_answer_without_the_issuer_that_was_promised_is_refused(
    terminal: Terminal, airflow: FakeAirflow, idp: TerminalIdp, ring: MemoryKeyring
) -> None:
    idp.fake.misbehaviour.authorization_response["iss"] = None  # type: ignore[index]
    with pytest.raises(CommandFailed, match="does not say which identity provider"):
        _login(terminal, airflow)
    assert idp.fake.calls("/token") == []


@pytest.mark.parametrize("nonce", ["another", None])
def test_an_id_token_of_another_sign_in_is_refused(
    terminal: Terminal, airflow: FakeAirflow, idp: TerminalIdp, ring: MemoryKeyring, nonce: str | None
) -> None:
    if nonce is None:
        object.__setattr__(idp.fake.misbehaviour, "omit_id_token_claims", ("nonce",))
    else:
        idp.fake.misbehaviour.id_token_claims["nonce"] = nonce  # type: ignore[index]
    with pytest.raises(CommandFailed, match="does not belong to this sign-in"):
        _login(terminal, airflow)
    assert airflow.exchanged == []


def test_somebody_who_cancels_is_denied(
    terminal: Terminal, airflow: FakeAirflow, idp: TerminalIdp, person: Person, ring: MemoryKeyring
) -> None:
    object.__setattr__(idp.fake.misbehaviour, "authorization_error", "access_denied")
    with pytest.raises(Denied, match="cancelled"):
        _login(terminal, airflow)
    person.done()
    assert "did not succeed" in person.pages[0]


def test_the_port_is_free_after_the_answer_and_another_each_time(
    terminal: Terminal, airflow: FakeAirflow, person: Person, ring: MemoryKeyring
) -> None:
    _login(terminal, airflow)
    person.done()
    (port,) = ports_of(person.opened)
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=1)


def test_a_registered_port_can_be_asked_for(
    terminal: Terminal, airflow: FakeAirflow, person: Person, ring: MemoryKeyring
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    sign_in(Wishes(url=airflow.url, way="browser", port=port), terminal.around)
    assert list(ports_of(person.opened)) == [port]
