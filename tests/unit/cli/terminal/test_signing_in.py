from __future__ import annotations

import fcntl
import json
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from keyring.errors import KeyringLocked, PasswordSetError

from airflow_oidc_auth.cli.command import CommandFailed
from airflow_oidc_auth.cli.terminal.airflow_server import Denied
from airflow_oidc_auth.cli.terminal.signing_in import SignedIn, Wishes, sign_in
from airflow_oidc_auth.testing.loopback import Answer, json_answer
from tests.unit.cli.terminal.conftest import MemoryKeyring, Terminal
from tests.unit.cli.terminal.servers import CLIENT, FakeAirflow, Person, TerminalIdp

TOKEN_KEY = ("airflowctl", "api_token_production")
LOGIN_KEY = ("airflow-oidc-auth", "login_production")


def by_browser(terminal: Terminal, airflow: FakeAirflow, **more: object) -> SignedIn:
    return sign_in(Wishes(url=airflow.url, way="browser", **more), terminal.around)  # type: ignore[arg-type]


def by_code(terminal: Terminal, airflow: FakeAirflow, idp: TerminalIdp, **more: object) -> SignedIn:
    idp.use_device_tokens()
    return sign_in(Wishes(url=airflow.url, way="device", **more), terminal.around)  # type: ignore[arg-type]


def test_the_browser_brings_a_token_to_where_airflowctl_looks(
    terminal: Terminal, airflow: FakeAirflow, idp: TerminalIdp, person: Person, ring: MemoryKeyring
) -> None:
    done = by_browser(terminal, airflow)
    person.done()
    assert ring.entries[TOKEN_KEY].startswith("airflow-token-1-")
    assert json.loads((terminal.home / "production.json").read_text()) == {"api_url": airflow.url}
    assert "close this page" in person.pages[0]
    (sent,) = airflow.exchanged
    assert sent["grant_type"] == "urn:ietf:params:oauth:grant-type:token-exchange"
    assert sent["subject_token_type"] == "urn:ietf:params:oauth:token-type:id_token"
    assert (sent["provider"], sent["label"]) == ("company", "terminal on laptop")
    assert (done.login.subject, done.vault.name) == (idp.fake.users[0].subject, "keyring")


def test_the_authorization_request_is_that_of_a_native_application(
    terminal: Terminal, airflow: FakeAirflow, idp: TerminalIdp, person: Person, ring: MemoryKeyring
) -> None:
    airflow.listing = {"providers": [airflow.entry("company", idp, resource="urn:airflow:api", audience="airflow")]}
    by_browser(terminal, airflow)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(person.opened[0]).query).items()}
    assert asked["client_id"] == CLIENT
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["state"]) >= 43
    assert asked["nonce"] != asked["state"]
    assert (asked["resource"], asked["audience"]) == ("urn:airflow:api", "airflow")
    redirect_uri = urlsplit(asked["redirect_uri"])
    assert (redirect_uri.scheme, redirect_uri.hostname, redirect_uri.path) == ("http", "127.0.0.1", "/callback")
    (token_request,) = idp.fake.calls("/token")
    assert token_request.form["client_id"] == CLIENT
    assert "client_secret" not in token_request.form
    assert "authorization" not in token_request.headers


def test_a_code_brings_a_token_too(
    terminal: Terminal, airflow: FakeAirflow, idp: TerminalIdp, ring: MemoryKeyring
) -> None:
    idp.flow.polls = ["authorization_pending", "authorization_pending"]
    done = by_code(terminal, airflow, idp)
    assert ring.entries[TOKEN_KEY].startswith("airflow-token-1-")
    assert f"{idp.fake.origin}/device\n" in terminal.text
    assert "WDJB-MJHT" in terminal.text
    assert f"{idp.fake.origin}/device?user_code=WDJB-MJHT" in terminal.text
    assert "a-device-code-nobody-sees" not in terminal.text
    assert done.login.refresh_token is not None
    assert idp.device_requests == [{"client_id": CLIENT, "scope": "openid profile offline_access"}]


def test_without_display_and_over_ssh_the_code_is_the_way(
    terminal: Terminal, airflow: FakeAirflow, idp: TerminalIdp, ring: MemoryKeyring
) -> None:
    idp.use_device_tokens()
    terminal.environ.update(DISPLAY=":0", SSH_CONNECTION="10.0.0.1 1 10.0.0.2 22")
    assert sign_in(Wishes(url=airflow.url), terminal.around).way == "device"


def test_the_person_is_told_who_sends_them_where(
    terminal: Terminal, airflow: FakeAirflow, idp: TerminalIdp, ring: MemoryKeyring
) -> None:
    by_browser(terminal, airflow)
    assert terminal.said[0] == f"{airflow.url} asks you to sign in at {idp.issuer} (Company login)."


def test_nothing_secret_is_shown_or_in_the_repr_of_what_came_of_it(
    terminal: Terminal, airflow: FakeAirflow, ring: MemoryKeyring
) -> None:
    done = by_browser(terminal, airflow)
    kept = json.loads(ring.entries[LOGIN_KEY])
    for secret in (ring.entries[TOKEN_KEY], kept["refresh_token"], airflow.exchanged[0]["subject_token"]):
        assert secret not in terminal.text
        assert secret not in repr(done)


def test_a_second_login_refreshes_without_asking_anybody_and_ends_the_former_token(
    terminal: Terminal, airflow: FakeAirflow, person: Person, ring: MemoryKeyring
) -> None:
    by_browser(terminal, airflow)
    first = ring.entries[TOKEN_KEY]
    done = sign_in(Wishes(), terminal.around)
    assert (done.way, len(person.opened)) == ("refresh", 1)
    assert ring.entries[TOKEN_KEY] != first
    assert [sent["token"] for sent in airflow.revoked] == [first]


def test_a_refresh_that_does_not_repeat_the_name_leaves_it_as_it_was(
    terminal: Terminal, airflow: FakeAirflow, idp: TerminalIdp, ring: MemoryKeyring
) -> None:
    assert by_browser(terminal, airflow).login.name == "Ada Admin <ada@example.com>"
    nameless = ("name", "email", "preferred_username")
    idp.fake.misbehaviour = replace(idp.fake.misbehaviour, omit_id_token_claims=nameless)
    done = sign_in(Wishes(), terminal.around)
    assert (done.way, done.login.name) == ("refresh", "Ada Admin <ada@example.com>")


def test_a_name_cannot_move_the_cursor(
    terminal: Terminal, airflow: FakeAirflow, idp: TerminalIdp, ring: MemoryKeyring
) -> None:
    claims = {"name": "Ada\x1b[2J\n\N{RIGHT-TO-LEFT OVERRIDE}", "email": "no address <b>"}
    idp.fake.misbehaviour = replace(idp.fake.misbehaviour, id_token_claims=claims)
    assert by_browser(terminal, airflow).login.name == "Ada[2J"


def test_a_second_login_with_a_way_asks_again_and_ends_the_former_token(
    terminal: Terminal, airflow: FakeAirflow, person: Person, ring: MemoryKeyring
) -> None:
    by_browser(terminal, airflow)
    first = ring.entries[TOKEN_KEY]
    by_browser(terminal, airflow)
    assert len(person.opened) == 2
    assert [sent["token"] for sent in airflow.revoked] == [first]


def test_a_refresh_that_the_identity_provider_refuses_asks_the_person_again(
    terminal: Terminal, airflow: FakeAirflow, idp: TerminalIdp, person: Person, ring: MemoryKeyring
) -> None:
    by_browser(terminal, airflow)
    for sid in idp.fake.sids(idp.fake.users[0].subject):
        idp.fake._registry.grants.end(sid)
    terminal.environ["BROWSER"] = "firefox"
    assert sign_in(Wishes(), terminal.around).way == "browser"
    assert len(person.opened) == 2


def test_a_token_for_another_airflow_is_not_sent_to_this_one(
    terminal: Terminal, airflow: FakeAirflow, idp: TerminalIdp, ring: MemoryKeyring
) -> None:
    by_browser(terminal, airflow)
    with FakeAirflow(idp) as other:
        by_browser(terminal, other)
        assert other.revoked == []
    assert airflow.revoked == []


def test_another_airflow_or_provider_is_never_signed_in_to_silently(
    terminal: Terminal, airflow: FakeAirflow, idp: TerminalIdp, person: Person, ring: MemoryKeyring
) -> None:
    terminal.environ["BROWSER"] = "firefox"
    by_browser(terminal, airflow)
    with FakeAirflow(idp) as other:
        assert sign_in(Wishes(url=other.url), terminal.around).way == "browser"
        other.listing = {"providers": [other.entry("company", idp, scopes=["openid"])]}
        assert sign_in(Wishes(url=other.url), terminal.around).way == "browser"
    assert len(person.opened) == 3


def test_nobody_else_waits_while_a_person_signs_in(
    terminal: Terminal, airflow: FakeAirflow, person: Person, ring: MemoryKeyring
) -> None:
    held = []

    def try_lock(redirect_uri: str) -> None:
        with (terminal.home / "oidc_login" / "production.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            held.append(True)

    person.before = try_lock
    by_browser(terminal, airflow)
    assert held == [True]


def test_a_token_that_cannot_be_kept_is_ended(
    terminal: Terminal, airflow: FakeAirflow, ring: MemoryKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(service: str, username: str, password: str) -> None:
        raise PasswordSetError(password)

    monkeypatch.setattr(ring, "set_password", refuse)
    with pytest.raises(CommandFailed, match="The keyring refuses") as refused:
        by_browser(terminal, airflow)
    (revoked,) = airflow.revoked
    assert revoked["token"].startswith("airflow-token-1-")
    assert revoked["token"] not in str(refused.value)


def test_an_environment_has_a_token_of_its_own(terminal: Terminal, airflow: FakeAirflow, ring: MemoryKeyring) -> None:
    by_browser(terminal, airflow, environment="staging")
    assert ("airflowctl", "api_token_staging") in ring.entries
    assert TOKEN_KEY not in ring.entries
    assert (terminal.home / "staging.json").exists()


def test_without_a_keyring_the_token_is_in_airflowctls_file_for_its_owner_alone(
    terminal: Terminal, airflow: FakeAirflow, no_ring: None
) -> None:
    done = by_browser(terminal, airflow)
    path = terminal.home / "debug_creds_production.json"
    assert json.loads(path.read_text())["api_token_production"].startswith("airflow-token-1-")
    assert done.vault.name == "file"
    for kept in (path, terminal.home / "oidc_login" / "production.json"):
        assert kept.stat().st_mode & 0o777 == 0o600
    assert (terminal.home / "oidc_login").stat().st_mode & 0o777 == 0o700


def test_airflowctl_would_not_take_our_file_for_an_environment(
    terminal: Terminal, airflow: FakeAirflow, no_ring: None
) -> None:
    by_browser(terminal, airflow)
    ours = {path.name for path in terminal.home.glob("*.json")}
    assert ours == {"production.json", "debug_creds_production.json"}


def test_a_locked_keyring_says_so_before_anybody_signs_in(
    terminal: Terminal, airflow: FakeAirflow, person: Person, ring: MemoryKeyring
) -> None:
    ring.refuses = KeyringLocked("the password is hunter2")
    with pytest.raises(CommandFailed, match="Unlock it") as refused:
        by_browser(terminal, airflow)
    assert "hunter2" not in str(refused.value)
    assert person.opened == []


def test_a_file_of_airflowctls_that_others_can_read_is_replaced_by_the_keyring(
    terminal: Terminal, airflow: FakeAirflow, ring: MemoryKeyring
) -> None:
    terminal.home.mkdir()
    old = terminal.home / "debug_creds_production.json"
    old.write_text('{"api_token_production": "old"}')
    old.chmod(0o644)
    by_browser(terminal, airflow)
    assert TOKEN_KEY in ring.entries
    assert not old.exists()


def test_what_airflow_refuses_is_said_and_nothing_is_kept(
    terminal: Terminal, airflow: FakeAirflow, ring: MemoryKeyring
) -> None:
    told = {"error": "invalid_request", "error_description": "No rule\x1b[2J fits you.", "code": "token_no_role"}
    airflow.refusal = json_answer(told, 400)
    with pytest.raises(Denied, match="does not let you in: No rule\N{REPLACEMENT CHARACTER}\\[2J fits you"):
        by_browser(terminal, airflow)
    assert ring.entries == {}
    assert not (terminal.home / "production.json").exists()


def test_a_malformed_request_is_no_denial(terminal: Terminal, airflow: FakeAirflow, ring: MemoryKeyring) -> None:
    told = {"error": "invalid_grant", "error_description": "too old", "correlation_id": "7f3a"}
    airflow.refusal = json_answer(told, 400)
    with pytest.raises(CommandFailed, match=r"gives no token: too old \[7f3a\]"):
        by_browser(terminal, airflow)


@pytest.mark.parametrize(
    ("listing", "said"),
    [
        ({"providers": []}, "offers no sign-in to terminals"),
        ({"detail": "x"}, "no list of identity providers"),
        ([], "no list of identity providers|is no object|No usable answer"),
        (json_answer({"detail": "Not Found"}, 404), "answered 404"),
        (Answer(302, b"", {"Location": "https://elsewhere.example/"}), "redirects to elsewhere.example"),
        (Answer(500), "Try again in a minute"),
        (Answer(200, b"<html>"), "address of an Airflow"),
        (Answer(hang_up=True), "Check the address"),
    ],
)
def test_what_is_no_airflow_is_named_in_plain_words(
    terminal: Terminal, airflow: FakeAirflow, ring: MemoryKeyring, listing: object, said: str
) -> None:
    airflow.listing = listing
    with pytest.raises(CommandFailed, match=said):
        by_browser(terminal, airflow)


def test_several_providers_ask_for_a_choice(
    terminal: Terminal, airflow: FakeAirflow, idp: TerminalIdp, ring: MemoryKeyring
) -> None:
    airflow.listing = {"providers": [airflow.entry("one", idp, label="One\x1b]0;x"), airflow.entry("two", idp)]}
    with pytest.raises(CommandFailed, match="--provider: one \\(One\N{REPLACEMENT CHARACTER}\\]0;x\\), two"):
        by_browser(terminal, airflow)
    by_browser(terminal, airflow, provider="two")
    assert airflow.exchanged[0]["provider"] == "two"
    with pytest.raises(CommandFailed, match="no provider 'three'"):
        by_browser(terminal, airflow, provider="three")


def test_an_address_is_needed_once(terminal: Terminal, airflow: FakeAirflow, ring: MemoryKeyring) -> None:
    with pytest.raises(CommandFailed, match="--url https://HOST"):
        sign_in(Wishes(way="browser"), terminal.around)
    by_browser(terminal, airflow)
    assert sign_in(Wishes(way="browser"), terminal.around).login.url == airflow.url


def test_a_file_that_is_not_airflowctls_is_not_overwritten(
    terminal: Terminal, airflow: FakeAirflow, ring: MemoryKeyring
) -> None:
    terminal.home.mkdir()
    (terminal.home / "variables.json").write_text('{"mine": 1}')
    with pytest.raises(CommandFailed, match="no environment of airflowctl"):
        by_browser(terminal, airflow, environment="variables")
    assert (terminal.home / "variables.json").read_text() == '{"mine": 1}'
    assert ring.entries == {}


def test_nobody_who_comes_back_is_waited_for_for_ever(
    terminal: Terminal, airflow: FakeAirflow, ring: MemoryKeyring, monkeypatch: pytest.MonkeyPatch, person: Person
) -> None:
    monkeypatch.setattr("airflow_oidc_auth.cli.terminal.browser.WAIT_SECONDS", 0.1)
    monkeypatch.setattr(person, "_browse", lambda url: None)
    with pytest.raises(CommandFailed, match="Nobody came back"):
        by_browser(terminal, airflow)
