"""SimpleSAMLphp from Debian as a SAML identity provider; one run has a folder of its own.

Debian: ``apt-get install --no-install-recommends simplesamlphp php-cli php-xml php-mbstring php-sqlite3``.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.e2e.processes import Server, free_port

HERE = Path(__file__).parent
INSTALLED = Path("/usr/share/simplesamlphp/www")
PACKAGES = ("simplesamlphp", "php-cli", "php-xml", "php-mbstring", "php-sqlite3")
SWITCHES = {
    "encrypt": False,
    "sign_response": True,
    "signed_requests": True,
    "logout_type": "traditional",
    "name_id": "persistent",
    "context": "",
    "session_seconds": 8 * 3600,
    "metadata": True,
}


def install() -> str:
    """Install it where that is possible; return why it is not to be had, or an empty text."""
    if INSTALLED.is_dir() and shutil.which("php"):
        return ""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return f"SimpleSAMLphp is not installed (apt-get install {' '.join(PACKAGES)})"
    command = ["apt-get", "install", "-y", "--no-install-recommends", *PACKAGES]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else f"apt-get could not install SimpleSAMLphp: {done.stderr[-300:]}"


def install_or_skip() -> None:
    """Skip the test where it is not to be had; in CI root could have installed it, and nothing is skipped unseen."""
    if missing := install():
        assert not (os.environ.get("CI") and os.geteuid() == 0), missing
        pytest.skip(missing)


class SimpleSaml:
    """A running identity provider.

    :param home: keys, logs, sessions, and the metadata of the service provider that it knows
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.url = f"http://127.0.0.1:{free_port()}"
        self.entity_id = f"{self.url}/entity"
        self.metadata_url = f"{self.url}/simplesaml/saml2/idp/metadata.php"
        for folder in ("data", "tmp"):
            (home / folder).mkdir(parents=True, exist_ok=True)
        self.key, self.certificate = make_key_pair("idp.example.com")
        self.sign_with(self.key, self.certificate)
        self.switch()
        self._server: Server | None = None

    def switch(self, **changes: object) -> None:
        """Change how it behaves from the next request on; what is not named is as at the start."""
        unknown = changes.keys() - SWITCHES.keys()
        assert not unknown, unknown
        (self.home / "switches.json").write_text(json.dumps(SWITCHES | changes), encoding="utf-8")

    def sign_with(self, key: bytes, certificate: bytes) -> None:
        """Sign with this key from the next request on, and publish its certificate alone."""
        (self.home / "idp.pem").write_bytes(key)
        (self.home / "idp.crt").write_bytes(certificate)

    def know(self, metadata: str) -> None:
        """Register a service provider by its metadata; the one before is forgotten."""
        (self.home / "sp.xml").write_text(metadata, encoding="utf-8")

    def start(self) -> None:
        """Start it and wait until it serves its metadata."""
        if not (self.home / "sp.xml").exists():
            self.know('<EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata"/>')
        environ = os.environ | {
            "SIMPLESAMLPHP_CONFIG_DIR": str(HERE / "config"),
            "IDP_HOME": str(self.home),
            "IDP_URL": self.url,
            "PHP_CLI_SERVER_WORKERS": "3",
        }
        address = self.url.removeprefix("http://")
        # The distribution's defaults print notices of a SimpleSAMLphp that is older than this PHP into its pages.
        command = ["php", "-d", "display_errors=0", "-S", address, "-t", str(INSTALLED), str(HERE / "router.php")]
        self._server = Server(command, self.home / "idp.log", environ)
        self._server.wait_for(self.metadata_url)

    def stop(self) -> None:
        """Stop it; what it knows stays in its folder."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def sign_in_url(self, sp_entity_id: str, relay_state: str = "") -> str:
        """Return where a person begins at the identity provider itself."""
        more = f"&RelayState={relay_state}" if relay_state else ""
        return f"{self.url}/simplesaml/saml2/idp/SSOService.php?spentityid={sp_entity_id}{more}"

    def sign_out_url(self) -> str:
        """Return where a person signs out at the identity provider itself."""
        return f"{self.url}/simplesaml/saml2/idp/initSLO.php?RelayState={self.url}/simplesaml/logout.php"


def make_key_pair(name: str, days: float = 400) -> tuple[bytes, bytes]:
    """Return a private key and a certificate that it signed for itself, both PEM.

    :param days: how long the certificate is still good for; it began a year ago
    """
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.timezone.utc)
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=365))
        .not_valid_after(now + dt.timedelta(days=days))
        .sign(key, SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem, certificate.public_bytes(Encoding.PEM)
