"""An IdP that answers refreshes and nothing else, as cheaply as it can: ``python -m benchmarks.refresh_stub``.

Prints its issuer. Every refresh token is new, and every id_token the same: what it costs is not ours.
"""

from __future__ import annotations

import json
import secrets
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.unit.providers.making import CLIENT, public, sign

SUBJECT = "5d3a-0001"
KEY_ID = "one"


def claims_of(issuer: str) -> dict[str, object]:
    now = int(time.time())
    about = {"name": "Ann", "email": "ann@example.com", "email_verified": True, "groups": ["ops"]}
    return {"iss": issuer, "sub": SUBJECT, "aud": CLIENT, "exp": now + 7200, "iat": now, **about}


def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    issuer = f"http://127.0.0.1:{server.server_address[1]}"
    Handler.documents = {
        "/.well-known/openid-configuration": {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/authorize",
            "token_endpoint": f"{issuer}/token",
            "jwks_uri": f"{issuer}/jwks",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        },
        "/jwks": {"keys": [public("RS256", kid=KEY_ID, use="sig", alg="RS256")]},
    }
    Handler.id_token = sign(claims_of(issuer), header={"kid": KEY_ID})
    print(f"{issuer} {Handler.id_token}", flush=True)
    server.serve_forever()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    documents: dict[str, object]
    id_token = ""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
        pass

    def do_GET(self) -> None:  # the base class's name
        self._answer(self.documents[self.path])

    def do_POST(self) -> None:  # the base class's name
        self.rfile.read(int(self.headers["Content-Length"]))
        tokens = {name: secrets.token_urlsafe(32) for name in ("access_token", "refresh_token")}
        self._answer({**tokens, "id_token": self.id_token, "token_type": "Bearer", "expires_in": 300})

    def _answer(self, document: object) -> None:
        body = json.dumps(document).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        # In one piece: two would wait for the other side's acknowledgement.
        self.wfile.write(head.encode() + body)


if __name__ == "__main__":
    main()
