from __future__ import annotations

import webbrowser
from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

import pytest

from airflow_oidc_auth.cli.terminal.browser import has_browser
from airflow_oidc_auth.cli.terminal.signing_in import Wishes, sign_in
from tests.unit.cli.terminal.conftest import MemoryKeyring, Terminal
from tests.unit.cli.terminal.servers import FakeAirflow, Person, TerminalIdp

SSH = {"SSH_CONNECTION": "10.0.0.1 1 10.0.0.2 22"}
SCREEN = {"DISPLAY": ":0"}


@pytest.mark.parametrize(
    ("environ", "platform", "expected"),
    [
        ({}, "darwin", True),
        (SSH, "darwin", False),
        ({}, "linux", False),
        (SCREEN, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({**SCREEN, **SSH}, "linux", False),
        ({**SCREEN, "SSH_TTY": "/dev/pts/1"}, "linux", False),
        # An editor's remote terminal opens the browser at the right end, and says so.
        ({**SSH, "BROWSER": "/helpers/browser.sh"}, "linux", True),
    ],
)
def test_a_browser_is_expected_where_somebody_can_see_it(
    environ: Mapping[str, str], platform: str, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webbrowser, "get", lambda: None)
    assert has_browser(environ, platform) is expected


def test_a_display_without_any_browser_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> None:
        raise webbrowser.Error("could not locate runnable browser")

    monkeypatch.setattr(webbrowser, "get", none)
    assert not has_browser(SCREEN, "linux")


def test_a_provider_that_wants_pushed_requests_gets_one(
    terminal: Terminal, airflow: FakeAirflow, idp: TerminalIdp, person: Person, ring: MemoryKeyring
) -> None:
    idp.offer(require_pushed_authorization_requests=True)
    # Nobody can tell from the address where the listener is, so the person comes back by the redirect alone.
    sign_in(Wishes(url=airflow.url, way="browser"), terminal.around)
    assert set(parse_qs(urlsplit(person.opened[0]).query)) == {"client_id", "request_uri"}
    (pushed,) = idp.fake.calls("/par")
    assert pushed.form["redirect_uri"].startswith("http://127.0.0.1:")
    assert len(airflow.exchanged) == 1


def test_a_browser_that_does_not_open_leaves_the_address_to_the_person(
    terminal: Terminal, airflow: FakeAirflow, person: Person, ring: MemoryKeyring
) -> None:
    sign_in(Wishes(url=airflow.url, way="browser"), terminal.around)
    assert f"  {person.opened[0]}" in terminal.said
