"""``python -m benchmarks.bearer_verify [--rounds N]``: a token never seen, verified by us and by joserfc.

The part of a cold request that is verification alone; ``benchmarks.bearer`` measures the whole door. Both get the same
tokens in turns, in one process. joserfc decodes with the algorithm given and validates iss, aud, exp, iat and sub. We
also choose the issuer, tell other kinds of token apart, look at nbf, lifetime, scopes, actors and binding, refuse JSON
with two meanings, and build the Identity. The time is that of the thread, so that a neighbour on the machine counts
less. Needs no Airflow and no network.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from joserfc import jwt
from joserfc.jwk import KeySet

from airflow_oidc_auth.providers.bearer import build_bearer_issuers
from airflow_oidc_auth.providers.settings import ApiSettings
from tests.unit.providers.making import ISSUER, make_settings, public, sign

ALGORITHMS = ("RS256", "ES256")
TOKENS = 100
API = "https://airflow.example/api"
Read = Callable[[str], object]


def tokens(algorithm: str, groups: int) -> list[str]:
    """Return tokens as RFC 9068 has them."""
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": API,
        "iat": now,
        "exp": now + 3600,
        "client_id": "nightly-build",
        "scope": "dags.read dags.run",
        "name": "Ada Lovelace",
        "groups": [f"department-{number}" for number in range(groups)],
    }
    header = {"typ": "at+jwt", "kid": algorithm}
    return [
        sign({**claims, "sub": f"user-{number}", "jti": f"{number}"}, algorithm, header=header)
        for number in range(TOKENS)
    ]


def keys() -> dict[str, list[dict[str, object]]]:
    return {"keys": [public(algorithm, kid=algorithm, alg=algorithm) for algorithm in ALGORITHMS]}


def by_us(folder: Path) -> Read:
    file = folder / "keys.json"
    file.write_text(json.dumps(keys()))
    settings = make_settings(jwks_file=str(file), api=ApiSettings((API,)), algorithms=ALGORITHMS)
    issuers = build_bearer_issuers([settings])

    def read(token: str) -> object:
        issuer = issuers.of_token(token)
        return issuer and (issuer.verify_known(token) or issuer.verify(token))

    return read


def by_joserfc(algorithm: str) -> Read:
    key_set = KeySet.import_key_set(keys())  # type: ignore[arg-type]
    wanted = {name: {"essential": True} for name in ("exp", "iat", "sub")}
    values = {"iss": {"essential": True, "value": ISSUER}, "aud": {"essential": True, "value": API}}
    registry = jwt.JWTClaimsRegistry(leeway=60, **wanted, **values)  # type: ignore[arg-type]

    def read(token: str) -> object:
        decoded = jwt.decode(token, key_set, algorithms=[algorithm])
        registry.validate(decoded.claims)
        return decoded

    return read


def cost(read: Read, batch: Sequence[str]) -> float:
    """Return the thread's seconds for one token."""
    begun = time.thread_time()
    for token in batch:
        read(token)
    return (time.thread_time() - begun) / len(batch)


def compare(algorithm: str, groups: int, rounds: int, ours: Read) -> tuple[float, float]:
    """Return the medians, ours first."""
    batch, theirs = tokens(algorithm, groups), by_joserfc(algorithm)
    pairs = [(cost(ours, batch), cost(theirs, batch)) for _ in range(rounds + 1)][1:]
    return median(mine for mine, _ in pairs), median(other for _, other in pairs)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bearer_verify")
    parser.add_argument("--rounds", type=int, default=50, help=f"turns of {TOKENS} tokens (50)")
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="airflow-oidc-auth-benchmarks-") as folder:
        ours = by_us(Path(folder))
        print("| a token never seen | ours   | joserfc | ours takes |")
        print("|--------------------|--------|---------|------------|")
        for algorithm in ALGORITHMS:
            for groups in (0, 20):
                mine, theirs = compare(algorithm, groups, rounds, ours)
                name = f"{algorithm}, {groups} groups"
                print(f"| {name:<18} | {mine * 1e6:3.0f} µs | {theirs * 1e6:4.0f} µs | {mine / theirs:9.2f}x |")


if __name__ == "__main__":
    main()
