"""The document that a running server follows: kept, counted, and replaced as a whole or not at all."""

from __future__ import annotations

import os

import pytest

from airflow_oidc_auth.errors import ConfigurationError, Problem
from airflow_oidc_auth.login.keys import derive_document_fernet
from airflow_oidc_auth.secret import Secret
from airflow_oidc_auth.sessions.documents import KeptDocuments
from tests.contract.conftest import Server
from tests.e2e.processes import wait_until


def engine_of(server: Server):
    return server.client().app.state.auth_manager.engine


def test_what_a_server_started_on_is_kept_for_those_that_start_after_it(server: Server) -> None:
    engine = engine_of(server)
    documents = KeptDocuments(derive_document_fernet(Secret(os.environ["AIRFLOW__CORE__FERNET_KEY"])))
    place = engine._reloading._place
    assert place.startswith(f"{server.mode}:")
    wait_until(lambda: documents.find(place), "the first look")
    kept = documents.find(place)
    assert kept.digest == engine._runtime.config.digest
    assert kept.data["providers"]["oidc"]["client_secret"] == {"env": "TEST_IDP_SECRET"}
    assert server.idp.client_secret not in str(kept.data)


def test_the_health_page_counts_the_servers_by_their_document(server: Server) -> None:
    wait_until(lambda: "servers" in server.client().get("/auth/health").json(), "the first report")
    health = server.client().get("/auth/health").json()
    assert {"configuration": health["configuration"], "processes": 1, "rejecting": 0} in health["servers"]
    assert "configuration_rejected" not in health


def test_a_document_that_cannot_be_put_to_use_changes_no_part(server: Server, monkeypatch) -> None:
    engine = engine_of(server)

    def refuse(config) -> None:
        raise ConfigurationError([Problem("roles", "cannot be compiled")])

    monkeypatch.setattr(engine._admission, "accept", refuse)
    before = (engine._runtime, engine.token_grants)
    with pytest.raises(ConfigurationError):
        engine._reload(engine._runtime.config)
    assert (engine._runtime, engine.token_grants) == before
