"""A real, honest IdP for each test that asks for one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from airflow_oidc_auth.providers.provider import Provider, SignIn
from airflow_oidc_auth.providers.registry import build_provider
from airflow_oidc_auth.secret import Secret
from airflow_oidc_auth.testing import FakeIdp
from tests.unit.providers.making import CLIENT_SECRET, REDIRECT, make_attempt, make_settings


@pytest.fixture
def idp() -> Iterator[FakeIdp]:
    with FakeIdp(redirect_uris=[REDIRECT], client_secret=CLIENT_SECRET) as running:
        yield running


@pytest.fixture
def provider_at(idp: FakeIdp) -> Callable[..., Provider]:
    def build(**changes: Any) -> Provider:
        fields = {"issuer": idp.issuer, "client_id": idp.client_id, "client_secret": Secret(CLIENT_SECRET)}
        return build_provider(make_settings(**{**fields, **changes}))

    return build


@pytest.fixture
def sign_in(idp: FakeIdp) -> Callable[..., SignIn]:
    def run(provider: Provider, user: str = "ada", **changes: Any) -> SignIn:
        attempt = make_attempt(**changes)
        return provider.complete(attempt, idp.sign_in(provider.build_authorization_url(attempt), user))

    return run
