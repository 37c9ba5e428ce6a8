"""Whatever comes in, the answer is a token or an OAuth error, and no token is more than the one it is made of."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_oidc_auth.login.outcome import RequestContext
from airflow_oidc_auth.login.token_errors import TokenError
from airflow_oidc_auth.login.token_form import (
    ACCESS_TOKEN_TYPE,
    GRANT_TYPES,
    ID_TOKEN_TYPE,
    JWT_TYPE,
    TOKEN_EXCHANGE,
    spell_scope,
)
from airflow_oidc_auth.login.token_grants import TokenCall
from airflow_oidc_auth.providers.client_auth import ASSERTION_TYPE
from tests.unit.login.rig import BASE_URL
from tests.unit.login.token_rig import SECRET, TokenRig, run_token_rig

PRINTABLE = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]+")
often = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
anything = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)
names = st.sampled_from(
    [
        *("grant_type", "subject_token", "subject_token_type", "actor_token", "actor_token_type", "assertion"),
        *("requested_token_type", "scope", "expires_in", "label", "audience", "resource", "username", "password"),
        *("client_id", "client_secret", "client_assertion", "client_assertion_type", "provider", "token"),
    ]
)
known = st.sampled_from(
    [
        *(*GRANT_TYPES, ACCESS_TOKEN_TYPE, JWT_TYPE, ID_TOKEN_TYPE, ASSERTION_TYPE, "Op", "600", "okta", "__token__"),
        *("robot", "signer", SECRET, BASE_URL, "a.b.c", "e30.e30.", "."),
    ]
)
forms = st.dictionaries(names, known | anything, max_size=10)
headers = (
    st.none() | anything | st.sampled_from(["Basic Og==", "Basic cm9ib3Q6eA==", "Bearer x", "Basic", "Basic \xff"])
)


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TokenRig]:
    path: Path = tmp_path_factory.mktemp("keys")
    with run_token_rig(path) as rig:
        yield rig


def call(authorization: str | None = None, *proofs: str) -> TokenCall:
    return TokenCall(RequestContext("198.51.100.7", "reference"), f"{BASE_URL}/auth/token", authorization, proofs)


@often
@given(form=forms, authorization=headers, proofs=st.lists(anything, max_size=2))
def test_every_request_is_answered_in_the_words_of_oauth(tokens, form, authorization, proofs):
    grants = tokens.grants
    for answer in (
        asyncio.run(grants.exchange(form, call(authorization, *proofs))),
        asyncio.run(grants.exchange_cli(form, call(authorization, *proofs))),
    ):
        if isinstance(answer, TokenError):
            assert answer.status in {400, 401, 503}
            assert PRINTABLE.fullmatch(answer.description)
        else:
            assert form.get("client_secret") == SECRET


@often
@given(
    groups=st.sets(st.sampled_from(["airflow-admins", "team-ops", "airflow-viewers", "canteen"])),
    wishes=st.lists(st.none() | st.sets(st.sampled_from(["Admin", "Op", "Viewer"]), min_size=1), max_size=4),
    lifetimes=st.lists(st.none() | st.integers(1, 90_000), min_size=4, max_size=4),
)
def test_no_chain_of_exchanges_gains_a_role_or_a_second(tokens, groups, wishes, lifetimes):
    token = tokens.idp_token(groups=sorted(groups))
    held, until = None, None
    for wish, lifetime in zip([None, *wishes], lifetimes, strict=False):
        form = {"grant_type": TOKEN_EXCHANGE, "subject_token": token, "subject_token_type": ACCESS_TOKEN_TYPE}
        form |= {"scope": spell_scope(wish)} if wish else {}
        form |= {"expires_in": str(lifetime)} if lifetime else {}
        answer = asyncio.run(tokens.grants.exchange(form, call()))
        if isinstance(answer, TokenError):
            continue
        session = answer.issued.session
        roles = set(session.grant.roles)
        assert wish is None or roles == wish
        assert lifetime is None or answer.issued.expires_in == lifetime
        assert held is None or roles <= held
        assert until is None or session.expires_at <= until
        token, held, until = answer.issued.token, roles, session.expires_at
