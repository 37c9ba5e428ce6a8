"""A bound token counts with a proof of its key alone, an unbound one as a bearer token alone."""

from __future__ import annotations

import time

import pytest

from airflow_oidc_auth.errors import TokenRefused
from airflow_oidc_auth.managers.possession import Possession
from airflow_oidc_auth.providers.bearer.proof_memory import ProofMemory
from airflow_oidc_auth.testing import ProofKey
from airflow_oidc_auth.web.api_call import BEARER, DPOP
from tests.unit.login.rig import BASE_URL
from tests.unit.managers.door_rig import ME, make_call

KEY = ProofKey()


@pytest.mark.parametrize(
    ("scheme", "jkt", "proof", "required", "code"),
    [
        (BEARER, None, None, False, None),
        (BEARER, None, None, True, "dpop_required"),
        (DPOP, None, KEY, False, "dpop_unbound"),
        (BEARER, KEY.jkt, KEY, False, "dpop_scheme"),
        (BEARER, KEY.jkt, None, True, "dpop_scheme"),
        (DPOP, KEY.jkt, None, False, "dpop_missing"),
        (DPOP, KEY.jkt, ProofKey(), False, "dpop_other_key"),
        (DPOP, KEY.jkt, KEY, False, None),
        (DPOP, KEY.jkt, KEY, True, None),
    ],
)
def test_scheme_key_and_proof_must_agree(
    scheme: str, jkt: str | None, proof: ProofKey | None, required: bool, code: str | None
) -> None:
    headers = {"DPoP": proof.prove("GET", BASE_URL + ME, "token")} if proof else {}
    call = make_call("token", scheme, headers)
    possession = Possession(ProofMemory())
    if code is None:
        possession.check(call, jkt, time.time(), required=required)
        return
    with pytest.raises(TokenRefused) as raised:
        possession.check(call, jkt, time.time(), required=required)
    assert raised.value.code == code
