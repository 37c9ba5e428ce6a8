"""Who sends a token request: the programs of ``tokens.clients`` and how they prove themselves.

``client_secret_basic`` and ``client_secret_post`` (RFC 6749 §2.3.1), ``private_key_jwt`` (RFC 7523 §2.2); one of them,
never two. An unknown client takes as long as a wrong secret, and is answered the same.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote_plus

from airflow_oidc_auth.config.compiled import TokenClient
from airflow_oidc_auth.errors import ProtocolViolation
from airflow_oidc_auth.login.ports import Sessions
from airflow_oidc_auth.login.token_client_assertion import (
    ClientAssertion,
    UsedAssertion,
    parse_client_assertion,
)
from airflow_oidc_auth.login.token_errors import INVALID_CLIENT, INVALID_REQUEST, TokenDenied
from airflow_oidc_auth.providers.client_auth import ASSERTION_TYPE
from airflow_oidc_auth.secret import Secret

MAX_BASIC = 4096
CLIENT = "client_id"
"""In the evidence of a refusal: the client that it claims to be."""


@dataclass(frozen=True, slots=True)
class Presented:
    """A secret that somebody presents as a client's; as RFC 6749 spells it and, from the header, also unescaped."""

    pairs: tuple[tuple[str, Secret], ...] = field(repr=False)


class TokenClients:
    """The configured clients.

    :param endpoints: what an assertion's ``aud`` may say
    :param sessions: remembers used assertions
    :param clock: epoch seconds
    """

    def __init__(
        self,
        clients: Sequence[TokenClient],
        endpoints: Sequence[str],
        sessions: Sessions,
        clock: Callable[[], float],
    ) -> None:
        self._clients = {client.id: client for client in clients}
        self._endpoints = tuple(endpoints)
        self._sessions = sessions
        self._clock = clock
        # Compared with where there is no secret: who is unknown must not be told apart by the time it takes.
        self._nobody = _digest(secrets.token_hex(16))
        self._digests = {client.id: _digest(client.secret.reveal()) for client in clients if client.secret is not None}
        self._signing = next((client for client in clients if client.jwks_file is not None), None)

    def find(self, client_id: str) -> TokenClient | None:
        """Return a client by its id."""
        return self._clients.get(client_id)

    async def authenticate(self, form: Mapping[str, str], authorization: str | None) -> TokenClient | None:
        """Return the client that the request proves to come from, None if it claims nothing of the kind.

        :param authorization: the header's value
        :raises TokenDenied: ``token_client_…``
        :raises SessionError: nobody knows whether the assertion was used before
        """
        presented = _presented(form, authorization)
        if presented is None:
            if "client_assertion" in form:
                return await self._by_assertion(form)
            # Whether known or not: who only names a client has no business with it, and learns nothing of it.
            if "client_id" in form:
                raise TokenDenied(INVALID_CLIENT, "token_client_unproved", "client_id alone")
            return None
        found = [client for client_id, secret in presented.pairs if (client := self._check(client_id, secret))]
        if not found:
            known = next((client_id for client_id, _ in presented.pairs if client_id in self._clients), None)
            raise _refused("no client has this id and secret", known)
        _check_same_id(form, found[0].id)
        return found[0]

    def _check(self, client_id: str, secret: Secret) -> TokenClient | None:
        same = hmac.compare_digest(_digest(secret.reveal()), self._digests.get(client_id, self._nobody))
        return self._clients.get(client_id) if same else None

    async def _by_assertion(self, form: Mapping[str, str]) -> TokenClient:
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise _refused("client_assertion_type is another")
        try:
            client, used = await self._verify(form["client_assertion"])
        except ProtocolViolation as error:
            raise _refused(error.detail) from None
        _check_same_id(form, client.id)
        claim, now = self._sessions.store.claim, int(self._clock())
        if not await self._sessions.run(claim, used.key, expires_at=used.expires_at, now=now):
            raise _refused("the jti of the assertion was used before", client.id)
        return client

    async def _verify(self, text: str) -> tuple[TokenClient, UsedAssertion]:
        token, client_id = parse_client_assertion(text)
        client = self._clients.get(client_id)
        # An unknown client is verified with the keys of another: so it takes as long.
        known = client if client is not None and client.jwks_file is not None else self._signing
        if known is None or known.jwks_file is None:
            raise ProtocolViolation("token_client_refused", "no client signs assertions")
        assertion = ClientAssertion(known.id, known.jwks_file, self._endpoints)
        used = await self._sessions.run(assertion.verify, token, self._clock())
        # Its own check of ``sub`` has made sure that the token is of nobody else.
        return known, used


def _presented(form: Mapping[str, str], authorization: str | None) -> Presented | None:
    """Return the secret that the request holds, if it holds one; never one of several (RFC 6749 §2.3)."""
    basic = _read_basic(authorization) if authorization else None
    ways = (basic is not None, "client_secret" in form, "client_assertion" in form)
    if sum(ways) > 1:
        raise TokenDenied(INVALID_REQUEST, "token_client_twice", "more than one client authentication")
    if "client_secret" in form:
        return Presented(((form.get("client_id", ""), Secret(form["client_secret"])),))
    return basic


def _read_basic(authorization: str) -> Presented | None:
    scheme, space, value = authorization.partition(" ")
    if scheme.lower() != "basic":
        # Whoever forgets the scheme sends a secret in its place.
        told = f"is {scheme[:16]!r}" if space and scheme.isalpha() else "is missing, or no word"
        raise TokenDenied(INVALID_REQUEST, "token_client_scheme", f"the Authorization scheme {told}")
    try:
        text = base64.b64decode(value.strip(), validate=True).decode("utf-8") if len(value) <= MAX_BASIC else ""
    except (binascii.Error, ValueError):
        text = ""
    client_id, separator, secret = text.partition(":")
    if separator and not client_id and not secret:
        # Swagger UI's dialog sends the header also where both of its fields were left empty.
        return None
    if not client_id or not secret:
        raise _refused("the Authorization header names no client")
    # RFC 6749 §2.3.1 wants both form-encoded first; curl and Swagger UI do not.
    spelled = {(unquote_plus(client_id), unquote_plus(secret)), (client_id, secret)}
    return Presented(tuple((name, Secret(value)) for name, value in sorted(spelled) if value))


def _refused(detail: str, known: str | None = None) -> TokenDenied:
    """Return one answer for all that can be wrong.

    :param known: the client that it claims to be, for the log; what is none may be a secret in the wrong field
    """
    evidence = {CLIENT: known} if known else {}
    return TokenDenied(INVALID_CLIENT, "token_client_refused", detail, evidence=evidence)


def _check_same_id(form: Mapping[str, str], client_id: str) -> None:
    if form.get("client_id", client_id) != client_id:
        raise TokenDenied(INVALID_REQUEST, "token_client_twice", "client_id is another than the one that is proved")


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
