"""An identity provider whose answers can be looked at afterwards, and the proof that a lie was among them."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry

from airflow_oidc_auth.testing import CLIENT_ID, FakeClient, FakeIdp, Misbehaviour
from airflow_oidc_auth.testing.keys import SigningKeys
from airflow_oidc_auth.testing.loopback import Answer, Request
from tests.contract.conftest import BASE_URL, USERS


def signing_keys() -> SigningKeys:
    """Return keys of both kinds, all published from the start: later ones are seen only when keys are fetched again."""
    keys = SigningKeys()
    for algorithm in ("RS256", "ES256"):
        keys.key_for(algorithm)
    return keys


class WatchedIdp(FakeIdp):
    """The fake identity provider of one configured provider; it keeps what it answered.

    :param keys: may be shared, because keys are slow to make
    :param client_key: the client proves itself with this public key (JWK) alone; there is no secret
    :ivar exchanges: every request with its answer, the oldest first
    """

    def __init__(
        self, name: str, keys: SigningKeys, *, client_key: Mapping[str, Any] | None = None, **options: Any
    ) -> None:
        self.exchanges: list[tuple[Request, Answer]] = []
        back = (f"{BASE_URL}/auth/callback/{name}", f"{BASE_URL}/auth/signed-out")
        if client_key is not None:
            options["clients"] = [FakeClient(CLIENT_ID, "", back, "private_key_jwt", client_key)]
        super().__init__(redirect_uris=back, users=USERS, refresh_tokens="always", **options)
        self.name, self.keys = name, keys
        self._registry.keys = keys

    def _answer(self, request: Request) -> Answer:
        answer = super()._answer(request)
        self.exchanges.append((request, answer))
        return answer

    def last(self, path: str) -> tuple[Request, Answer]:
        """Return the newest request of a path, with its answer."""
        return next(each for each in reversed(self.exchanges) if each[0].path == path)

    def told(self, path: str) -> Any:
        """Return what the newest answer of a path says."""
        return json.loads(self.last(path)[1].body)


def decode(token: str) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    """Return header, claims and signature of a token, unverified."""
    head, body, signature = (base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in token.split("."))
    return json.loads(head), json.loads(body), signature


def verifies(idp: FakeIdp, token: str) -> bool:
    """Say whether a published key verifies a token, by the library alone."""
    header, _, signature = decode(token)
    signing_input = token.rpartition(".")[0].encode()
    if header["alg"] not in JWSRegistry.algorithms or header["alg"][:2] in {"HS", "no"}:
        return False
    try:
        key = idp.keys.key_for(header["alg"])
        return bool(JWSRegistry.algorithms[header["alg"]].verify(signing_input, signature, key))
    except (JoseError, ValueError):
        return False


def assert_delivered(idp: WatchedIdp, lie: Misbehaviour) -> None:
    """Expect that the newest answers carry this lie: an attack that was not delivered proves nothing."""
    if lie.userinfo_claims or lie.omit_userinfo_claims:
        _assert_laid_over(idp, idp.told("/userinfo"), lie.userinfo_claims, lie.omit_userinfo_claims)
    if lie.faults:
        return
    answer = idp.told("/token")
    if "id_token" in lie.omit_from_token_response:
        assert "id_token" not in answer
        return
    header, claims, _ = decode(answer["id_token"])
    _assert_laid_over(idp, claims, lie.id_token_claims, lie.omit_id_token_claims)
    for name, offset in lie.id_token_offsets.items():
        assert abs(claims[name] - claims.get("auth_time", 0) - offset) < 120, name
    assert verifies(idp, answer["id_token"]) == (lie.signature in {"valid", "no_kid", "unknown_kid"})
    assert ("kid" in header) == (lie.signature not in {"no_kid", "none", "none_keeping_signature"})


def _assert_laid_over(
    idp: FakeIdp, document: Mapping[str, object], laid_over: Mapping[str, object], omitted: tuple[str, ...]
) -> None:
    written = json.dumps(dict(laid_over)).replace("{issuer}", idp.issuer).replace("{client_id}", idp.client_id)
    wanted = json.loads(written)
    assert {name: document.get(name) for name in wanted} == wanted
    assert not set(omitted) & set(document)
