"""Whether a caller holds the key that a token is bound to (RFC 9449 §7)."""

from __future__ import annotations

from airflow_oidc_auth.errors import TokenRefused
from airflow_oidc_auth.providers.bearer.dpop import check_proof
from airflow_oidc_auth.providers.bearer.proof_memory import ProofMemory
from airflow_oidc_auth.web.api_call import DPOP, ApiCall


class Possession:
    """Judge each call; a proof counts for one call, however often that asks who the user is.

    :param seen: the proofs that were used; outlives a reload
    """

    def __init__(self, seen: ProofMemory) -> None:
        self.seen = seen

    def check(self, call: ApiCall, jkt: str | None, now: float, *, required: bool = False) -> None:
        """Let a bound token pass with a proof for this method and address, an unbound one as a bearer token.

        :param jkt: thumbprint of the key that the token is bound to
        :param required: no unbound token is accepted
        :raises TokenRefused: ``dpop_…``
        """
        if jkt is None:
            if call.scheme == DPOP:
                raise TokenRefused("dpop_unbound")
            if required:
                raise TokenRefused("dpop_required")
        elif call.scheme != DPOP:
            # RFC 9449 §7.2: whoever stole it has no proof.
            raise TokenRefused("dpop_scheme")
        elif call.proven != jkt:
            check_proof(
                call.proofs,
                method=call.method,
                url=call.url,
                access_token=call.token,
                jkt=jkt,
                now=now,
                seen=self.seen,
            )
            call.proven = jkt
