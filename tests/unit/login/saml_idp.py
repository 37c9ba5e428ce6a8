"""A SAML provider whose messages are JSON: what the journey and the routes do is theirs, whoever checks signatures."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote_plus

from airflow_oidc_auth.errors import ProtocolViolation, ProviderError
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.providers.attempt import LoginAttempt
from airflow_oidc_auth.providers.provider import Finding, SignIn
from airflow_oidc_auth.providers.saml.bindings import LogoutMessage, Post, Redirect
from airflow_oidc_auth.providers.saml.logout import LogoutRequested
from airflow_oidc_auth.providers.saml.replay import ReplayCache
from airflow_oidc_auth.providers.saml.session import SamlSession, read_hint, session_key, session_key_prefix
from airflow_oidc_auth.secret import Secret

IDP_URL = "https://idp.example.net/sso"
SLO_URL = "https://idp.example.net/slo"
ENTITY_ID = "https://idp.example.net/entity"
CONTEXT = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"


class JsonSaml:
    """The provider, and with :meth:`answer` the IdP as well; the switches say what it is like."""

    def __init__(self, provider_id: str, replay: ReplayCache) -> None:
        self.id, self.label, self.preset, self.issuer = provider_id, "Company SAML", "saml", ENTITY_ID
        self.post_binding = False
        self.allow_idp_initiated = False
        self.has_logout = True
        self.hangs_up = False
        self.logout_answers: list[str] = []
        self._replay = replay

    def begin(self, attempt: LoginAttempt) -> Redirect | Post:
        request = _encode({"id": f"_{attempt.nonce}"})
        if self.post_binding:
            return Post(IDP_URL, {"SAMLRequest": request, "RelayState": attempt.state})
        return Redirect(f"{IDP_URL}?SAMLRequest={quote_plus(request)}&RelayState={attempt.state}")

    def build_authorization_url(self, attempt: LoginAttempt) -> str:
        return self.begin(attempt).url

    def complete(self, attempt: LoginAttempt | None, response: Mapping[str, str]) -> SignIn:
        assertion = _decode(response["SAMLResponse"])
        if attempt is None and (assertion["in_response_to"] or not self.allow_idp_initiated):
            raise ProtocolViolation("state_mismatch", "nobody asked for this response")
        if attempt is not None and assertion["in_response_to"] != f"_{attempt.nonce}":
            raise ProtocolViolation("state_mismatch", "the answer to another request")
        if self._replay.seen(assertion["id"], assertion["expires_at"]):
            raise ProtocolViolation("code_refused", "replayed")
        saml = SamlSession(
            assertion["sub"],
            session_index=assertion["index"],
            not_on_or_after=assertion["session_ends"],
            assertion_id=assertion["id"],
            authn_context=CONTEXT,
        )
        groups = frozenset(assertion["groups"])
        identity = Identity(self.id, ENTITY_ID, assertion["sub"], "Ada", "ada@example.com", True, groups, {})
        return SignIn(identity, id_token=saml.hint(), sid=saml.sid, saml=saml)

    def answer(self, request: str, **changes: Any) -> str:
        """Return the IdP's response to a request; the empty request is none."""
        asked = _decode(request)["id"] if request else ""
        assertion = {
            "id": secrets.token_hex(32),
            "in_response_to": asked,
            "sub": "ada",
            "groups": ["airflow-admins"],
            "index": "s1",
            "session_ends": None,
            "expires_at": 2**40,
        }
        return _encode(assertion | changes)

    def metadata(self) -> bytes:
        return b"<EntityDescriptor/>"

    def begin_logout(self, hint: Secret | None, *, request_id: str, relay_state: str) -> Redirect | Post | None:
        session = read_hint(hint)
        if self.hangs_up:
            raise ProviderError("provider_unreachable", "no IdP to be had")
        if session is None or not self.has_logout:
            return None
        request = _encode({"id": request_id, "name_id": session.name_id, "index": session.session_index})
        if self.post_binding:
            return Post(SLO_URL, {"SAMLRequest": request, "RelayState": relay_state})
        return Redirect(f"{SLO_URL}?SAMLRequest={quote_plus(request)}&RelayState={relay_state}")

    def complete_logout(self, message: LogoutMessage, *, request_id: str) -> bool:
        if _decode(message.parameters["SAMLResponse"])["in_response_to"] != request_id:
            raise ProtocolViolation("state_mismatch", "not the answer to this request")
        self.logout_answers.append(request_id)
        return True

    def logout_answer(self, request: str) -> str:
        """Return the IdP's answer to a LogoutRequest."""
        return _encode({"in_response_to": _decode(request)["id"]})

    def logout_request(self, name_id: str, *indexes: str, forged: bool = False) -> str:
        """Return the IdP's own LogoutRequest."""
        return _encode({"id": secrets.token_hex(8), "name_id": name_id, "indexes": indexes, "forged": forged})

    def answer_logout_request(self, message: LogoutMessage) -> LogoutRequested:
        request = _decode(message.parameters["SAMLRequest"])
        if request["forged"]:
            raise ProtocolViolation("response_malformed", "not signed")
        keys = tuple(session_key(request["name_id"], index) for index in request["indexes"])
        return LogoutRequested(
            name_id=request["name_id"],
            session_indexes=tuple(request["indexes"]),
            session_keys=keys,
            session_prefix=session_key_prefix(request["name_id"]),
            answer=Redirect(f"{SLO_URL}?SAMLResponse=done"),
            failed=Post(SLO_URL, {"SAMLResponse": "failed"}),
            replay_key=hashlib.sha256(message.parameters["SAMLRequest"].encode()).hexdigest(),
            usable_until=2**40,
        )

    def build_logout_url(self, *, id_token_hint: Secret | None, post_logout_redirect_uri: str) -> str | None:
        return None

    def warm_up(self) -> None:
        pass

    def diagnose(self, *, redirect_uri: str = "") -> Sequence[Finding]:
        return ()


def _encode(document: object) -> str:
    return base64.b64encode(json.dumps(document).encode()).decode()


def _decode(text: str) -> Any:
    return json.loads(base64.b64decode(text))
