"""On a real API server, in both modes: what it writes is what it signed, and anybody can fetch the public keys."""

from __future__ import annotations

import pytest
from airflow.utils.session import create_session

from airflow_oidc_auth.audit.chain.keys import SigningKey, TrustedKeys
from airflow_oidc_auth.audit.chain.row import find_place
from airflow_oidc_auth.audit.chain.verify import Verification, verify
from airflow_oidc_auth.cli.audit_table import DatabaseTrail, read_rows
from airflow_oidc_auth.secret import Secret
from tests.contract.audit_key import AUDIT_KEY
from tests.contract.conftest import TOKEN_CLIENT_SECRET
from tests.e2e.processes import wait_until

SIGNED_SECONDS = 60


def verify_now(server) -> Verification:
    keys = server.client().get("/auth/audit/jwks.json").json()["keys"]
    with create_session(scoped=False) as transaction:
        return verify(DatabaseTrail(transaction), TrustedKeys(keys))


def chain_of_newest_row() -> str:
    with create_session(scoped=False) as transaction:
        *_, newest = read_rows(transaction)
    place = find_place(newest.extra)
    assert place is not None
    return place.chain


def test_the_public_keys_are_there_for_everybody_and_nothing_else(server):
    answer = server.client().get("/auth/audit/jwks.json")
    key = SigningKey(Secret(AUDIT_KEY))
    assert (answer.status_code, answer.json()) == (200, {"keys": [key.public]})
    assert "d" not in answer.json()["keys"][0]


def test_sign_ins_and_what_programs_do_are_signed_within_seconds(server):
    server.sign_in("ada").get("/auth/logout")
    form = {"grant_type": "client_credentials"}
    token = server.client().post("/auth/token", data=form, auth=("dbt", TOKEN_CLIENT_SECRET)).json()["access_token"]
    # Airflow's listener adds who calls to rows that a program's request writes; the seal must hold that already.
    made = server.client().post("/auth/token/revoke", data={"token": token}, auth=("dbt", TOKEN_CLIENT_SECRET))
    assert made.status_code == 200
    chain = chain_of_newest_row()

    def is_signed() -> bool:
        state = next((each for each in verify_now(server).chains if each.chain == chain), None)
        return state is not None and state.signed > 0 and state.unsigned == 0

    wait_until(is_signed, "the checkpoint", seconds=SIGNED_SECONDS)
    assert not verify_now(server).findings


@pytest.mark.parametrize("method", ["post", "head"])
def test_the_keys_are_only_read(server, method):
    assert server.client().request(method, "/auth/audit/jwks.json").status_code == 405
