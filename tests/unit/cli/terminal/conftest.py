from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend

from airflow_oidc_auth.cli.terminal.device import Timing
from airflow_oidc_auth.cli.terminal.surroundings import Surroundings
from airflow_oidc_auth.providers.settings import HttpSettings
from airflow_oidc_auth.providers.transport import RequestsTransport
from tests.unit.cli.terminal.servers import FakeAirflow, Hours, Person, TerminalIdp


class MemoryKeyring(KeyringBackend):
    """A keyring as desktops have one."""

    priority = 1  # type: ignore[assignment]

    def __init__(self) -> None:
        self.entries: dict[tuple[str, str], str] = {}
        self.refuses: Exception | None = None

    def get_password(self, service: str, username: str) -> str | None:
        self._refuse()
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._refuse()
        self.entries[(service, username)] = password

    def delete_password(self, service: str, username: str) -> None:
        self._refuse()
        del self.entries[(service, username)]

    def _refuse(self) -> None:
        if self.refuses is not None:
            raise self.refuses


@pytest.fixture
def ring() -> Iterator[MemoryKeyring]:
    """The keyring that this process uses."""
    before, memory = keyring.get_keyring(), MemoryKeyring()
    keyring.set_keyring(memory)
    yield memory
    keyring.set_keyring(before)


@pytest.fixture
def no_ring() -> Iterator[None]:
    """A machine without any keyring, as servers and containers are."""
    from keyring.backends import fail

    before = keyring.get_keyring()
    keyring.set_keyring(fail.Keyring())
    yield
    keyring.set_keyring(before)


@pytest.fixture
def idp() -> Iterator[TerminalIdp]:
    made = TerminalIdp()
    with made.fake:
        yield made


@pytest.fixture
def airflow(idp: TerminalIdp) -> Iterator[FakeAirflow]:
    with FakeAirflow(idp) as made:
        yield made


@pytest.fixture
def person(idp: TerminalIdp) -> Iterator[Person]:
    somebody = Person(idp.fake)
    yield somebody
    somebody.done()


@pytest.fixture
def hours() -> Hours:
    return Hours()


class Terminal:
    """Everything that one terminal says, and its surroundings."""

    def __init__(self, home: Path, hours: Hours, open_url: Callable[[str], bool]) -> None:
        self.home, self.said = home, list[str]()
        self.environ = {"AIRFLOW_HOME": str(home)}
        self.skew = 0.0
        self.around = Surroundings(
            environ=self.environ,
            platform="linux",
            say=self.said.append,
            open_url=open_url,
            transport=RequestsTransport(HttpSettings(timeout=5)),
            clock=lambda: time.time() + self.skew,
            timing=Timing(hours.monotonic, hours.sleep),
            host="laptop",
        )

    @property
    def text(self) -> str:
        return "\n".join(self.said)


@pytest.fixture
def terminal(tmp_path: Path, hours: Hours, person: Person) -> Terminal:
    return Terminal(tmp_path / "home", hours, person.open)
