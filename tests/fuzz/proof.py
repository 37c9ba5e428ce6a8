"""DPoP proofs: signed by the key that they bring, so that everything in them is a stranger's."""

from __future__ import annotations

import hashlib
import json
from functools import cache

from airflow_oidc_auth.errors import OidcAuthError
from airflow_oidc_auth.providers.bearer.dpop import check_proof
from airflow_oidc_auth.providers.bearer.proof_memory import ProofMemory
from tests.fuzz.jws import ALGORITHM, check_forgery, send
from tests.fuzz.jws import WORDS as COMMON
from tests.unit.providers.making import NOW, encode, make_key, public, sign

URL = "https://airflow.example/api/v2/dags"
TOKEN = "the-access-token"
ATH = encode(hashlib.sha256(TOKEN.encode()).digest())
WORDS = (
    *COMMON,
    *('"htm":', '"htu":', '"ath":', '"GET"', f'"{URL}"', f'"{ATH}"', '"dpop+jwt"', "%k", '"kty":', '"EC"', '"crv":'),
    *('"P-256"', '"x":', '"y":', '"RSA"', '"n":', '"e":', '"AQAB"', '"OKP"', '"d":', '"k":'),
)
CLAIMS = {"jti": "p-1", "htm": "GET", "htu": URL, "iat": int(NOW), "ath": ATH}


@cache
def _public() -> bytes:
    members = public(ALGORITHM)
    return json.dumps({name: members[name] for name in ("kty", "crv", "x", "y")}).encode()


@cache
def genuine() -> str:
    """Return a proof that is believed."""
    return sign(CLAIMS, ALGORITHM, header={"typ": "dpop+jwt", "jwk": json.loads(_public())})


def run(data: bytes) -> None:
    """Check the proof that these bytes stand for; ``%k`` is the key that signs it."""
    sent = send(data.replace(b"%k", _public()), genuine())
    mine = make_key(ALGORITHM).thumbprint()
    try:
        jkt = check_proof([sent.text], method="GET", url=URL, access_token=TOKEN, jkt=None, now=NOW, seen=ProofMemory())
    except OidcAuthError:
        return
    assert jkt == mine, "a key that did not sign"
    if check_forgery(sent, genuine()):
        return
    claims = sent.claims()
    assert sent.head()["typ"] == "dpop+jwt"
    assert claims.get("htm") == "GET"
    assert claims.get("ath") == ATH
    assert isinstance(claims["htu"], str)
    assert "://airflow.example" in claims["htu"].lower()
    assert isinstance(claims["iat"], (int, float))
    assert abs(claims["iat"] - NOW) <= 60
