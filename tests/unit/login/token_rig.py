"""The token endpoint with everything real around it but the desk, which keeps its rows in a dictionary."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import jwt
from joserfc.jwk import ECKey

from airflow_oidc_auth.audit.log import AuditLog
from airflow_oidc_auth.config.compiled import TokenClient, TokenSettings
from airflow_oidc_auth.grants.digest import grant_digest
from airflow_oidc_auth.grants.rules import compile_rules
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.login.outcome import RequestContext
from airflow_oidc_auth.login.ports import SignedCaller
from airflow_oidc_auth.login.rate_limits import RateLimits
from airflow_oidc_auth.login.token_cli import CliProvider, CliTokens
from airflow_oidc_auth.login.token_clients import TokenClients
from airflow_oidc_auth.login.token_grants import TokenGrants
from airflow_oidc_auth.login.token_subject import SubjectTokens
from airflow_oidc_auth.providers.bearer import BearerIssuer, BearerIssuers, BearerToken, build_bearer_issuers
from airflow_oidc_auth.providers.bearer.assertion import verify_cli_id_token
from airflow_oidc_auth.providers.bearer.dpop import check_proof
from airflow_oidc_auth.providers.bearer.proof_memory import ProofMemory
from airflow_oidc_auth.providers.settings import ApiSettings, CliSettings
from airflow_oidc_auth.secret import Secret
from airflow_oidc_auth.sessions.scope import narrow
from airflow_oidc_auth.sessions.session import Session, TokenRequest
from airflow_oidc_auth.testing.keys import sign
from tests.unit.login.rig import BASE_URL, ROLES, RULES, Clock, Rig, provider_settings, run_rig

AUDIENCE = "api://airflow"
CLI_CLIENT = "airflow-cli"
SECRET = "correct horse battery staple"


@dataclass(frozen=True)
class Made:
    token: str
    expires_in: int
    session: Session


class Desk:
    """Makes tokens that name a row, and ends them; also what knows our own tokens."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.rows: dict[str, Session] = {}
        self.requests: list[TokenRequest] = []
        self.identities: list[Identity | None] = []
        self.revoked: dict[str, int] = {}

    async def issue(
        self, owner: Session, request: TokenRequest, context: RequestContext, *, identity: Identity | None = None
    ) -> Made:
        self.requests.append(request)
        self.identities.append(identity)
        return self.make(owner, request)

    def make(self, owner: Session, request: TokenRequest) -> Made:
        grant = narrow(owner.grant, request.scope)
        assert grant is not None
        now, lifetime = int(self.clock()), request.lifetime or 60
        session = replace(
            owner,
            id=secrets.token_urlsafe(16),
            grant=grant,
            grant_digest=grant_digest(grant),
            created_at=now,
            expires_at=now + lifetime,
            kind=request.kind,
            label=request.label,
            client_id=request.client_id,
            actors=request.actors,
            jkt=request.jkt,
            scope=request.scope,
            parent=request.parent,
        )
        token = jwt.encode(
            {"sub": session.principal_id, "sid": session.id}, "for tests only, not a real key!!" * 2, "HS512"
        )
        self.rows[token] = session
        return Made(token, lifetime, session)

    async def caller_of(self, token: str) -> SignedCaller | None:
        session = self.rows.get(token)
        if session is None or session.is_over(self.clock()):
            return None
        return SignedCaller(session, "jti", session.expires_at)

    async def revoke_by_token(self, token: str, context: RequestContext) -> bool:
        return self.rows.pop(token, None) is not None

    def check_fresh(self) -> None:
        pass

    def revoked_at(self, principal_id: str) -> int | None:
        return self.revoked.get(principal_id)


class Proofs:
    """Checks proofs by a clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._seen = clock, ProofMemory()

    def check(self, proofs: Sequence[str], *, method: str, url: str, jkt: str | None) -> str:
        now = self._clock()
        return check_proof(proofs, method=method, url=url, access_token=None, jkt=jkt, now=now, seen=self._seen)


@dataclass
class TokenRig:
    rig: Rig
    desk: Desk
    issuers: BearerIssuers
    grants: TokenGrants
    keys: dict[str, ECKey] = field(default_factory=dict)

    def claims(self, user: str = "ada", **changes: Any) -> dict[str, Any]:
        now = int(self.rig.clock())
        claims = {
            "iss": self.rig.idp.issuer,
            "sub": user,
            "aud": AUDIENCE,
            "client_id": "ci",
            "iat": now,
            "exp": now + 300,
            "jti": secrets.token_hex(8),
            "groups": ["airflow-admins", "team-ops"],
            **changes,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def idp_token(self, user: str = "ada", *, typ: str = "at+jwt", **changes: Any) -> str:
        key = self.rig.idp.keys.key_for("RS256")
        return sign({"alg": "RS256", "typ": typ, "kid": key.kid}, self.claims(user, **changes), key)

    def cli_token(self, user: str = "ada", **changes: Any) -> str:
        return self.idp_token(user, typ="JWT", aud=CLI_CLIENT, client_id=None, jti=None, **changes)

    def key(self, name: str = "mine") -> ECKey:
        return self.keys.setdefault(name, ECKey.generate_key("P-256"))

    def proof(self, path: str = "/auth/token", *, key: str = "mine", **changes: Any) -> str:
        signer = self.key(name=key)
        claims = {"htm": "POST", "htu": BASE_URL + path, "iat": int(self.rig.clock()), "jti": secrets.token_hex(8)}
        header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": signer.as_dict(private=False)}
        return sign(header, claims | changes, signer)

    def assertion(self, **changes: Any) -> str:
        now, signer = int(self.rig.clock()), self.key("client")
        claims = {
            "iss": "signer",
            "sub": "signer",
            "aud": f"{BASE_URL}/auth/token",
            "iat": now,
            "exp": now + 60,
            "jti": secrets.token_hex(8),
        }
        return sign({"alg": "ES256"}, claims | changes, signer)


def thumbprint(key: ECKey) -> str:
    document = key.as_dict(private=False)
    members = {name: document[name] for name in ("crv", "kty", "x", "y")}
    digest = hashlib.sha256(json.dumps(members, sort_keys=True, separators=(",", ":")).encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def write_keys(path: Path, *keys: ECKey) -> str:
    path.write_text(json.dumps({"keys": [key.as_dict(private=False) for key in keys]}), encoding="utf-8")
    return str(path)


@contextmanager
def run_token_rig(tmp_path: Path, settings: TokenSettings | None = None, **options: Any) -> Iterator[TokenRig]:
    with run_rig() as rig:
        key = ECKey.generate_key("P-256")
        signer = TokenClient("signer", None, write_keys(tmp_path / "keys.json", key), ("Viewer",))
        yield build_tokens(rig, settings, (signer,), {"client": key}, **options)


def build_tokens(
    rig: Rig,
    settings: TokenSettings | None = None,
    signers: tuple[TokenClient, ...] = (),
    keys: dict[str, ECKey] | None = None,
    limits: RateLimits | None = None,
    **options: Any,
) -> TokenRig:
    clients = (
        TokenClient("robot", Secret(SECRET), None, ("Op", "Viewer")),
        TokenClient("brief", Secret("a secret: with colon & more"), None, ("Viewer",), max_lifetime=120),
        *signers,
    )
    api = replace(
        provider_settings(rig.idp), api=ApiSettings((AUDIENCE,)), cli=CliSettings(CLI_CLIENT, resource=AUDIENCE)
    )
    issuers, desk = build_bearer_issuers([api], clock=rig.clock), Desk(rig.clock)
    rules = compile_rules(RULES, (), known_roles=ROLES, **options)
    grants = TokenGrants(
        settings=replace(settings or TokenSettings(), clients=clients),
        clients=TokenClients(clients, (f"{BASE_URL}/auth/token", BASE_URL), rig.sessions, rig.clock),
        subjects=SubjectTokens(issuers, Lanes(rig), rules, desk, rig.clock),
        cli=CliTokens(cli_providers(rig, issuers), rig.sessions, rig.clock),
        desk=desk,
        proofs=Proofs(rig.clock),
        sessions=rig.sessions,
        audit=AuditLog([rig.sink], fail_login=True),
        base_url=BASE_URL,
        audiences=(AUDIENCE,),
        clock=rig.clock,
        limits=limits,
    )
    return TokenRig(rig, desk, issuers, grants, keys or {})


class Lanes:
    """The provider's own threads."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig

    async def verify(self, issuer: BearerIssuer, token: str, digest: bytes) -> BearerToken:
        return await self._rig.providers[issuer.provider].pool.run(issuer.verify, token)


def cli_providers(rig: Rig, issuers: BearerIssuers) -> Mapping[str, CliProvider]:
    issuer = issuers.get("okta")
    assert issuer is not None

    def verify(token: str) -> Any:
        return verify_cli_id_token(issuer, token, client_id=CLI_CLIENT)

    facts = ("okta", "Company login", rig.idp.issuer, CLI_CLIENT, ("openid", "profile"), AUDIENCE, None)
    return {"okta": CliProvider(*facts, verify, rig.providers["okta"].pool)}
