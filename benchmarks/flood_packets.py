"""Bad packets from many addresses: ``python -m benchmarks.flood_packets PORT ISSUER FIRST COUNT`` prints JSON.

A process of its own. Packet N is the same in every run, and no two are alike: a server that remembers each would show.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import sys
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

CONNECTIONS = 8
PATIENCE = 120.0
ADDRESSES = 5000
API = "urn:airflow:api"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True)
class Packet:
    """One request of an attacker."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""


def _noise(number: int, salt: str, length: int = 43) -> str:
    return base64.urlsafe_b64encode(hashlib.sha512(f"{salt}{number}".encode()).digest()).decode()[:length]


def _jwt(number: int, issuer: str, **claims: object) -> str:
    """Return what looks like a token of the issuer, with a key that it never had and no signature of anybody."""

    def part(document: Mapping[str, object]) -> str:
        return base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")

    header = {"alg": "RS256", "typ": "at+jwt", "kid": _noise(number, "kid", 12)}
    facts = {"iss": issuer, "sub": _noise(number, "sub"), "aud": API, "exp": 4_000_000_000, "iat": 1, **claims}
    return f"{part(header)}.{part(facts)}.{_noise(number, 'signature', 86)}"


def callback(number: int, issuer: str) -> Packet:
    query = {"state": _noise(number, "state"), "code": _noise(number, "code"), "iss": issuer}
    cookie = f"__Host-oidc-attempt-{_noise(number, 'attempt', 8)}=gAAAAA{_noise(number, 'cookie', 80)}"
    return Packet("GET", f"/auth/callback/oidc?{urlencode(query)}", {"Cookie": cookie})


def opaque_bearer(number: int, issuer: str) -> Packet:
    return Packet("GET", "/api/v2/dags", {"Authorization": f"Bearer {_noise(number, 'bearer')}"})


def signed_bearer(number: int, issuer: str) -> Packet:
    return Packet("GET", "/api/v2/dags", {"Authorization": f"Bearer {_jwt(number, issuer)}"})


def cookie(number: int, issuer: str) -> Packet:
    return Packet("GET", "/ui/auth/me", {"Cookie": f"_token={_jwt(number, 'airflow', sid=_noise(number, 'sid', 22))}"})


def logout_token(number: int, issuer: str) -> Packet:
    event = {"http://schemas.openid.net/event/backchannel-logout": {}}
    body = urlencode({"logout_token": _jwt(number, issuer, events=event, jti=_noise(number, "jti"))})
    return Packet("POST", "/auth/backchannel-logout/oidc", FORM, body)


def assertion(number: int, issuer: str) -> Packet:
    document = f'<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="_{number}" Version="2.0"/>'
    form = {"SAMLResponse": base64.b64encode(document.encode()).decode(), "RelayState": _noise(number, "relay")}
    # The first address has the browser bring it again, with its cookies; the second one judges.
    return Packet("POST", "/auth/saml/corp/finish", FORM, urlencode(form))


def token_request(number: int, issuer: str) -> Packet:
    form = {"grant_type": "client_credentials", "client_id": _noise(number, "client", 12), "client_secret": "guess"}
    return Packet("POST", "/auth/token", FORM, urlencode(form))


def sign_in_begun(number: int, issuer: str) -> Packet:
    return Packet("GET", f"/auth/login/oidc?{urlencode({'next': f'/dags/{number}'})}")


KINDS: tuple[Callable[[int, str], Packet], ...] = (
    callback,
    opaque_bearer,
    signed_bearer,
    cookie,
    logout_token,
    assertion,
    token_request,
    sign_in_begun,
)


def address_of(number: int) -> str:
    """Return one of five thousand addresses, half of them IPv6 (RFC 2544, RFC 3849)."""
    which = number % ADDRESSES
    if which % 2:
        return f"2001:db8:{which:x}::1"
    return f"198.18.{which // 250}.{which % 250 + 1}"


def main(port: int, issuer: str, first: int, count: int) -> dict[str, dict[str, int]]:
    answers: dict[str, Counter[str]] = {kind.__name__: Counter() for kind in KINDS}

    def send(worker: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        for number in range(first + worker, first + count, CONNECTIONS):
            # Not by the number alone: eight workers would each send one kind.
            kind = KINDS[(number // CONNECTIONS) % len(KINDS)]
            packet = kind(number, issuer)
            headers = {**packet.headers, "X-Forwarded-For": address_of(number)}
            try:
                connection.request(packet.method, packet.path, packet.body or None, headers)
                answer = connection.getresponse()
                answer.read()
                answers[kind.__name__][str(answer.status)] += 1
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                answers[kind.__name__][type(error).__name__] += 1
        connection.close()

    workers = [threading.Thread(target=send, args=(number,)) for number in range(CONNECTIONS)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    return {kind: dict(counts) for kind, counts in answers.items()}


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))))
