"""Compose the token endpoint of one document."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from airflow_oidc_auth.errors import LoginRefused
from airflow_oidc_auth.login.ports import SignedTokens, TokenDesk
from airflow_oidc_auth.login.rate_limits import RateLimits
from airflow_oidc_auth.login.token_cli import CliProvider, CliTokens
from airflow_oidc_auth.login.token_clients import TokenClients
from airflow_oidc_auth.login.token_grants import TokenGrants
from airflow_oidc_auth.login.token_subject import SubjectTokens
from airflow_oidc_auth.managers.admission import Admission
from airflow_oidc_auth.managers.bearer_lanes import BearerLanes
from airflow_oidc_auth.managers.runtime import Runtime
from airflow_oidc_auth.managers.services import Services
from airflow_oidc_auth.policy.roles import denying_roles
from airflow_oidc_auth.providers.bearer.assertion import verify_cli_id_token
from airflow_oidc_auth.providers.bearer.dpop import check_proof
from airflow_oidc_auth.providers.bearer.proof_memory import ProofMemory
from airflow_oidc_auth.sessions.session import BEARER, Session

T = TypeVar("T")

TOKEN_PATH = "/auth/token"


def build_token_grants(  # everything that outlives a document is handed in
    runtime: Runtime,
    services: Services,
    desk: TokenDesk,
    signed: SignedTokens,
    seen: ProofMemory,
    limits: RateLimits,
    admission: Admission | None = None,
) -> TokenGrants:
    """Return the grants of a document; starts nothing and calls nobody."""
    config, base_url, sessions, clock = runtime.config, services.base_url, services.live, services.clock
    return TokenGrants(
        settings=config.tokens,
        clients=TokenClients(config.tokens.clients, (f"{base_url}{TOKEN_PATH}", base_url), sessions, clock),
        subjects=SubjectTokens(runtime.issuers, runtime.lanes, config.grants, signed, clock),
        cli=CliTokens(_cli_providers(runtime), sessions, clock),
        desk=desk,
        proofs=CheckedProofs(seen, clock),
        sessions=sessions,
        audit=runtime.audit,
        base_url=base_url,
        audiences=[name for each in config.providers.values() if each.api for name in each.api.audiences],
        clock=clock,
        admit=None if admission is None else partial(_admit, admission),
        limits=limits,
        denying=denying_roles(config.roles),
    )


class CheckedProofs:
    """Proofs at the token endpoint, where there is no token yet that they could be made for (RFC 9449 §5)."""

    def __init__(self, seen: ProofMemory, clock: Callable[[], float]) -> None:
        self._seen = seen
        self._clock = clock

    def check(self, proofs: Sequence[str], *, method: str, url: str, jkt: str | None) -> str:
        """Return the thumbprint of the key.

        :raises TokenRefused: ``dpop_…``
        """
        now = self._clock()
        return check_proof(proofs, method=method, url=url, access_token=None, jkt=jkt, now=now, seen=self._seen)


class _Lane:
    """The threads on which tokens of one provider are verified, apart from those of sign-ins."""

    def __init__(self, lanes: BearerLanes, provider: str) -> None:
        self._lanes = lanes
        self._provider = provider

    async def run(self, fn: Callable[..., T], *args: object) -> T:
        """Run ``fn`` there."""
        return await self._lanes.run(self._provider, fn, *args)


def _admit(admission: Admission, owner: Session) -> None:
    """Make sure that the account elsewhere lets the owner in; whoever comes with an IdP's token may be new there.

    :raises LoginRefused: it does not
    """
    if owner.kind == BEARER:
        admission.enroll(owner)
    elif admission.load(owner) is None:
        raise LoginRefused("fab_user_inactive", f"principal {owner.principal_id} is not admitted")


def _cli_providers(runtime: Runtime) -> Mapping[str, CliProvider]:
    found = {}
    for key, settings in runtime.config.providers.items():
        cli, issuer = settings.cli, runtime.issuers.get(key)
        # A terminal needs the address of one tenant; a template is for those who come with a token.
        if cli is None or issuer is None or "{" in settings.issuer:
            continue
        verify = partial(verify_cli_id_token, issuer, client_id=cli.client_id)
        found[key] = CliProvider(
            id=key,
            label=settings.label,
            issuer=settings.issuer,
            client_id=cli.client_id,
            scopes=cli.scopes,
            resource=cli.resource,
            audience=cli.audience,
            verify=verify,
            pool=_Lane(runtime.lanes, key),
        )
    return found
