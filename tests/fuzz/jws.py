"""Tokens out of bytes: ones that nobody signed, and ones that the IdP signed whatever they say.

An input is ``header⏎payload``, signed here as it stands; or ``raw⏎text``, where ``%h``, ``%p`` and ``%s`` stand for
the parts of a genuine token. So the files name no key, and keys are made anew in each process.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass

from joserfc.jws import JWSRegistry

from tests.unit.providers.making import make_key

ALGORITHM, KID = "ES256", "k2"
RAW = b"raw\n"
WORDS = (
    *('"iss":', '"sub":', '"aud":', '"exp":', '"iat":', '"nbf":', '"nonce":', '"azp":', '"at_hash":', '"groups":'),
    *('"jti":', '"client_id":', '"scope":', '"act":', '"cnf":', '"events":', '"sid":', '"email":', '"auth_time":'),
    *('"https://idp.example"', '"airflow"', "1800000000", "1800000300", "1e999", "true", "null", "[", "{", '"raw'),
    *('"alg":', '"ES256"', '"none"', '"HS256"', '"kid":', '"k2"', '"typ":', '"at+jwt"', '"crit":', '"b64":', "%h"),
    *("%p", "%s", '"jwk":', '"jku":', '"x5c":', '"_claim_names":', '"acr":', '"amr":', "\\u0000", "\\ud800"),
)


@dataclass(frozen=True, slots=True)
class Sent:
    """A token as it would come.

    :param payload: what the IdP signed; None for a text that nobody signed
    """

    text: str
    header: bytes = b""
    payload: bytes | None = None

    def claims(self) -> dict[str, object]:
        """Return what was signed, as anybody reads it; a name given twice fails."""
        assert self.payload is not None
        found = json.loads(self.payload, object_pairs_hook=_unique)
        assert isinstance(found, dict)
        return found

    def head(self) -> dict[str, object]:
        """Return the header as anybody reads it."""
        found = json.loads(self.header, object_pairs_hook=_unique)
        assert isinstance(found, dict)
        return found


def send(data: bytes, genuine: str, algorithm: str = ALGORITHM) -> Sent:
    """Return the token that an input stands for."""
    if data.startswith(RAW):
        text = data[len(RAW) :].decode("latin-1")
        for place, part in zip(("%h", "%p", "%s"), genuine.split("."), strict=True):
            text = text.replace(place, part)
        return Sent(text)
    header, _, payload = data.partition(b"\n")
    signing_input = f"{_encode(header)}.{_encode(payload)}"
    signature = JWSRegistry.algorithms[algorithm].sign(signing_input.encode(), make_key(algorithm))
    return Sent(f"{signing_input}.{_encode(signature)}", header, payload)


def check_forgery(sent: Sent, genuine: str) -> bool:
    """Tell whether nobody signed it; it was believed, so it must be the genuine one."""
    if sent.payload is not None:
        return False
    assert sent.text == genuine, "believed a token that nobody signed"
    return True


def check_common(sent: Sent, audience: str, now: float, leeway: float) -> Mapping[str, object]:
    """Check what holds for every token that is believed, in other words than the product's."""
    head, claims = sent.head(), sent.claims()
    assert head["alg"] == ALGORITHM
    assert "crit" not in head
    assert claims.get("iss") == "https://idp.example"
    aud = claims.get("aud")
    assert aud == audience or (isinstance(aud, list) and audience in aud)
    for name, least, most in (("exp", now - leeway, 1e12), ("iat", 0, now + leeway), ("nbf", 0, now + leeway)):
        if name in claims or name != "nbf":
            value = claims.get(name)
            assert type(value) in (int, float), name
            assert least <= value <= most, name
    return claims


def _encode(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    assert len(found) == len(pairs), "believed a document with a name given twice"
    return found
