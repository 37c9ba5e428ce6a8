from __future__ import annotations

from typing import Any

import pytest

from airflow_oidc_auth.errors import ConfigurationError
from airflow_oidc_auth.messages import all_messages
from airflow_oidc_auth.messages.protocol import MESSAGES as PROTOCOL
from airflow_oidc_auth.messages.provider import MESSAGES as PROVIDER
from airflow_oidc_auth.providers.registry import build_provider
from tests.unit.providers.making import make_settings


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"preset": "acme"}, "providers.fake.preset"),
        ({"issuer": ""}, "providers.fake.issuer"),
        ({"client_id": ""}, "providers.fake.client_id"),
        ({"algorithms": ()}, "providers.fake.algorithms"),
        ({"algorithms": ("RS256", "HS256")}, "providers.fake.algorithms[1]"),
        ({"algorithms": ("none",)}, "providers.fake.algorithms[0]"),
        ({"client_auth": "tls"}, "providers.fake.client_auth"),
        ({"client_auth": "private_key_jwt"}, "providers.fake.private_key"),
        ({"client_secret": None}, "providers.fake.client_secret"),
        ({"authorization_parameters": {"state": "x"}}, "providers.fake.authorization_parameters.state"),
    ],
)
def test_refuses_settings_that_may_never_run(changes: dict[str, Any], path: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        build_provider(make_settings(**changes))
    assert [problem.path for problem in caught.value.problems] == [path]


def test_tells_every_problem_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        build_provider(make_settings(preset="acme", client_id="", algorithms=("HS256",)))
    assert len(caught.value.problems) == 3


def test_building_opens_no_connection() -> None:
    provider = build_provider(make_settings())
    assert (provider.id, provider.label, provider.preset, provider.issuer) == (
        "fake",
        "Company login",
        "oidc",
        "https://idp.example",
    )


@pytest.mark.parametrize("code", sorted({**PROTOCOL, **PROVIDER}))
def test_every_message_is_whole(code: str) -> None:
    entry = all_messages()[code]
    assert entry.title
    assert entry.text.endswith(".")
    assert entry.hint.endswith(".")
    assert entry.actor in {"user", "admin", "idp", "nobody"}
    assert 400 <= entry.status < 600
