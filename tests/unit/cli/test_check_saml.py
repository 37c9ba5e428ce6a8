"""``airflow oidc check`` with a SAML provider: what an administrator reads before the first sign-in."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import load_pem_x509_certificate

from airflow_oidc_auth.providers.saml import libraries
from tests.real_idp.simplesaml.server import make_key_pair
from tests.unit.cli.running import Oidc, Run
from tests.unit.providers.saml.making import KeyPair, idp_metadata

IDP = "https://idp.example/entity"
ADDRESSES = {
    "entity_id": "https://airflow.example/team/auth/saml/corp/metadata",
    "acs_url": "https://airflow.example/team/auth/saml/corp/acs",
    "slo_url": "https://airflow.example/team/auth/saml/corp/slo",
    "metadata_url": "https://airflow.example/team/auth/saml/corp/metadata",
}


def pair(name: str, days: float = 400) -> KeyPair:
    key, certificate = make_key_pair(name, days)
    return KeyPair(key.decode(), certificate.decode())


@dataclass
class Corp:
    """An Airflow's configuration and the metadata of its identity provider."""

    oidc: Oidc
    folder: Path
    url: str
    metadata: bytes = b""
    status: int = 200
    lines: dict[str, str] = field(default_factory=dict)

    def key(self, keys: KeyPair, name: str = "signing_key", certificate: str = "certificate") -> None:
        for setting, pem in ((name, keys.key), (certificate, keys.certificate)):
            path = self.folder / f"{setting}.pem"
            path.write_text(pem)
            self.lines[setting] = f"{{file: {path}}}"

    def check(self, *arguments: str) -> Run:
        lines = {"preset": "saml", "issuer": IDP, "metadata_url": self.url, **self.lines}
        provider = "\n".join(f"    {key}: {value}" for key, value in lines.items() if value)
        rules = "grants:\n  rules:\n    - {when: {group: admins}, roles: [Admin]}\n"
        (self.folder / "oidc_auth.yaml").write_text(f"version: 1\nproviders:\n  corp:\n{provider}\n{rules}")
        return self.oidc("check", *arguments)

    def findings(self) -> dict[str, list[tuple[str, str, str]]]:
        (provider,) = self.check("--json").data["providers"]
        found: dict[str, list[tuple[str, str, str]]] = {}
        for each in provider["findings"]:
            found.setdefault(each["check"], []).append((each["level"], each["text"], each["suggestion"]))
        return found


@pytest.fixture
def corp(oidc: Oidc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Corp]:
    monkeypatch.setenv("AIRFLOW__OIDC_AUTH__CONFIG_FILE", str(tmp_path / "oidc_auth.yaml"))
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example/team/")
    monkeypatch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", "x" * 64)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(corp.status)
            self.end_headers()
            self.wfile.write(corp.metadata)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        corp = Corp(oidc, tmp_path, f"http://127.0.0.1:{server.server_address[1]}/metadata")
        corp.metadata = idp_metadata(pair("idp"), entity_id=IDP)
        corp.key(pair("sp"))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield corp
        server.shutdown()
        thread.join()


def test_a_good_configuration_is_ready_and_says_what_to_register(corp: Corp) -> None:
    checked = corp.check()
    assert checked.code == 0, checked.out
    assert "Ready to sign in." in checked.out
    for address in ADDRESSES.values():
        assert checked.out.count(address) >= 1
    assert "redirect URI" not in checked.out
    assert "PRIVATE KEY" not in checked.out


def test_json_names_the_addresses(corp: Corp) -> None:
    (provider,) = corp.check("--json").data["providers"]
    assert {key: provider[key] for key in ADDRESSES} == ADDRESSES
    assert "redirect_uri" not in provider


def test_offline_says_what_to_register_and_asks_nobody(corp: Corp) -> None:
    corp.status = 500
    corp.lines["signing_key"] = "{file: /nowhere}"
    checked = corp.check("--offline")
    assert checked.code == 0, checked.out
    assert ADDRESSES["acs_url"] in checked.out


def test_our_own_entity_id_is_the_one_to_register(corp: Corp) -> None:
    corp.lines["entity_id"] = "urn:airflow:team"
    (provider,) = corp.check("--json").data["providers"]
    assert provider["entity_id"] == "urn:airflow:team"
    assert provider["metadata_url"] == ADDRESSES["metadata_url"]


def test_logout_that_is_switched_off_has_no_address_to_register(corp: Corp) -> None:
    corp.lines["logout"] = "false"
    assert "/slo" not in corp.check().out


@pytest.mark.parametrize(
    ("days", "level", "text"), [(400, "ok", "valid until"), (20, "warning", "soon"), (-1, "error", "not valid now")]
)
def test_dates_of_the_providers_certificate(corp: Corp, days: float, level: str, text: str) -> None:
    corp.metadata = idp_metadata(pair("idp", days), entity_id=IDP)
    [finding] = corp.findings()["certificate"]
    assert finding[0] == level
    assert text in finding[1]


@pytest.mark.parametrize(("days", "level"), [(400, "ok"), (20, "warning"), (-1, "error")])
def test_dates_of_our_own_certificate(corp: Corp, days: float, level: str) -> None:
    corp.key(pair("sp", days))
    [finding] = corp.findings()["own certificate"]
    assert finding[0] == level
    assert (level == "ok") == (finding[2] == "" or level == "ok")


def test_a_certificate_of_another_key_is_a_problem_and_the_addresses_are_told_all_the_same(corp: Corp) -> None:
    (corp.folder / "certificate.pem").write_text(pair("another").certificate)
    checked = corp.check()
    assert checked.code == 3
    assert "providers.corp.certificate: belongs to another key than signing_key" in checked.out
    assert ADDRESSES["acs_url"] in checked.out


def test_a_key_that_cannot_be_read_is_a_problem(corp: Corp) -> None:
    corp.lines["signing_key"] = "{file: /nowhere/key.pem}"
    checked = corp.check()
    assert checked.code == 3
    assert "/nowhere/key.pem" in checked.out
    assert "are not signed" not in checked.out, "that is not what is wrong"


def test_another_entity_id_is_named(corp: Corp) -> None:
    corp.lines["issuer"] = f"{IDP}/"
    checked = corp.check()
    assert checked.code == 1
    assert IDP in checked.out
    assert "providers.corp.issuer" in checked.out


@pytest.mark.parametrize(
    ("status", "body", "named"),
    [(404, b"", "metadata_url"), (200, b"<html/>", "issuer"), (200, b"not xml", "metadata_url"), (503, b"", "")],
)
def test_metadata_that_cannot_be_used_names_the_setting(corp: Corp, status: int, body: bytes, named: str) -> None:
    corp.status, corp.metadata = status, body
    [(level, _, suggestion)] = corp.findings()["metadata"]
    assert level == "error"
    assert named in suggestion


def test_nobody_at_the_address_is_an_error(corp: Corp) -> None:
    corp.url = "http://127.0.0.1:9/metadata"
    checked = corp.check()
    assert checked.code == 1
    assert "Sign-in would fail: 1 error" in checked.out


def test_a_pin_that_fits_no_certificate_is_an_error(corp: Corp) -> None:
    corp.lines["fingerprints"] = f"[{'ab' * 32}]"
    checked = corp.check()
    assert checked.code == 1
    assert "is not pinned" in checked.out
    known = pair("idp")
    corp.metadata = idp_metadata(known, entity_id=IDP)
    corp.lines["fingerprints"] = (
        f"[{load_pem_x509_certificate(known.certificate.encode()).fingerprint(SHA256()).hex()}]"
    )
    assert corp.check().code == 0


def test_a_provider_that_wants_signed_requests_needs_a_key(corp: Corp) -> None:
    corp.metadata = idp_metadata(pair("idp"), entity_id=IDP, signed_requests=True)
    corp.lines["signing_key"] = corp.lines["certificate"] = ""
    [(level, _, suggestion)] = corp.findings()["requests"]
    assert level == "error"
    assert "signing_key" in suggestion


def test_opting_in_to_what_is_less_safe_is_a_warning(corp: Corp) -> None:
    corp.lines |= {"allow_idp_initiated": "true", "name_id_formats": "[email]"}
    checked = corp.check()
    assert checked.code == 0
    assert "login CSRF" in checked.out
    assert "who is given the address later" in checked.out


def test_an_entity_id_that_begins_with_http_is_only_a_name(corp: Corp) -> None:
    corp.lines["issuer"] = "http://www.okta.com/exk1"
    corp.metadata = idp_metadata(pair("idp"), entity_id=corp.lines["issuer"])
    checked = corp.check()
    assert "corp.issuer" not in checked.out
    assert "corp.metadata_url: uses plain http on this machine" in checked.out


def test_libraries_that_do_not_fit_together_are_named_with_the_remedy(
    corp: Corp, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = "xmlsec cannot be imported: libxml2 library version mismatch (installed: lxml 5.4.0, xmlsec 1.3.16)"
    for module in ("airflow_oidc_auth.config.compile_saml", "airflow_oidc_auth.providers.registry", libraries.__name__):
        monkeypatch.setattr(f"{module}.libraries_problem", lambda: problem)
    checked = corp.check()
    assert checked.code == 3
    assert "libxml2 library version mismatch" in checked.out
    assert "lxml 6 or later" in checked.out
