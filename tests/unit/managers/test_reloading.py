from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from airflow_oidc_auth.errors import ConfigurationError, Problem, SessionError
from airflow_oidc_auth.fab.settings import FabSettings
from airflow_oidc_auth.managers.starting import choose_start
from tests.unit.config.documents import SECRET, document
from tests.unit.managers.reload_rig import NOW, Deployment

BAD = "version: 1\nproviders: {}\n"
RELOADED, REJECTED = "auth.config_reloaded", "auth.config_rejected"


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", SECRET)


@pytest.fixture
def deployment(tmp_path: Path):
    running = Deployment(tmp_path, labelled("One"))
    yield running
    running.engine.dispose()


def labelled(label: str, top: str = "") -> str:
    return document(provider=f"label: {label}", top=top)


def test_a_config_map_is_followed_by_every_server_and_told_once(deployment):
    servers = [deployment.start() for _ in range(3)]
    [first] = deployment.told(RELOADED)
    assert first["reason"] == "document_first_seen"
    deployment.map.swap(labelled("Two", top="roles: {finance: {extends: [Viewer]}}"))
    for server in servers:
        server.reloading.look()
        assert server.label == "Two"
        server.reloading.look()
    [change] = deployment.told(RELOADED)
    assert (change["reason"], change["digest_before"]) == ("document_changed", first["digest"])
    lines = ["provider idp: changed label", "role finance: added", "role finance: extends + Viewer"]
    assert [change[f"change_{number}"] for number in (1, 2, 3)] == lines
    assert change["changes"] == 3


def test_a_rollback_is_a_new_good_document_and_wins_at_once(deployment):
    server = deployment.start()
    deployment.map.swap(labelled("Two"))
    server.reloading.look()
    deployment.told(RELOADED)
    deployment.map.swap(labelled("One"))
    server.reloading.look()
    assert server.label == "One"
    assert [each["reason"] for each in deployment.told(RELOADED)] == ["document_changed"]
    assert deployment.documents.find(deployment.settings().place).data["providers"]["idp"]["label"] == "One"


def test_a_document_that_changed_while_no_server_ran_is_told_by_the_first_that_starts(deployment):
    deployment.start()
    deployment.told(RELOADED)
    deployment.map.swap(labelled("Two"))
    deployment.start()
    deployment.start()
    [change] = deployment.told(RELOADED)
    assert change["change_1"] == "provider idp: changed label"


def test_a_bad_document_changes_nothing_and_is_told_once_and_again_each_hour(deployment):
    servers = [deployment.start() for _ in range(3)]
    deployment.map.swap(BAD)
    for server in servers * 2:
        server.reloading.look()
    assert {server.label for server in servers} == {"One"}
    assert all(server.reloading.rejects for server in servers)
    [told] = deployment.told(REJECTED)
    assert "providers: names no provider" in told["problem_2"]
    deployment.now += 3600
    for server in servers:
        server.reloading.look()
    assert len(deployment.told(REJECTED)) == 1
    assert servers[0].reloading.health() == {"configuration_rejected": {"since": NOW}}


def test_a_file_that_is_away_is_a_bad_document(deployment):
    server = deployment.start()
    deployment.map.file.unlink()
    server.reloading.look()
    assert server.label == "One"
    assert "cannot be read" in deployment.told(REJECTED)[0]["problem_1"]
    assert deployment.start().label == "One"


def test_a_server_that_restarts_on_a_bad_document_uses_the_last_accepted_one_and_says_so(deployment, caplog):
    others = deployment.start()
    deployment.map.swap(labelled("Two"))
    others.reloading.look()
    deployment.told(RELOADED)
    deployment.map.swap(BAD)
    deployment.now += 60
    with caplog.at_level(logging.WARNING):
        restarted = deployment.start()
    assert restarted.label == "Two"
    assert restarted.running.providers["idp"].client_secret.reveal() == SECRET
    assert "THE DOCUMENT CANNOT BE USED" in caplog.text
    [told] = deployment.told(REJECTED)
    assert (told["started_on"], told["accepted_at"]) == (others.running.digest[:12], NOW)
    facts = {"since": NOW + 60, "last_accepted_at": NOW}
    assert restarted.reloading.health() == {"configuration_rejected": facts}
    deployment.map.swap(labelled("Three"))
    restarted.reloading.look()
    assert restarted.label == "Three"
    assert restarted.reloading.health() == {}
    assert len(deployment.told(RELOADED)) == 1


def test_a_document_that_is_put_back_is_in_force_without_a_change(deployment):
    deployment.start()
    deployment.map.swap(BAD)
    restarted = deployment.start()
    assert restarted.reloading.rejects
    deployment.map.swap(labelled("One"))
    deployment.told(RELOADED)
    restarted.reloading.look()
    assert not restarted.reloading.rejects
    assert deployment.told(RELOADED) == []


def refuses(deployment: Deployment, settings=None) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        deployment.start(settings)
    return caught.value


def test_the_start_is_refused_where_no_document_was_accepted(deployment):
    deployment.map.swap(BAD)
    assert "providers" in str(refuses(deployment))


def test_the_document_of_another_file_or_manager_never_stands_in(deployment, tmp_path):
    deployment.start()
    other = tmp_path / "other.yaml"
    other.write_text(BAD, encoding="utf-8")
    refuses(deployment, deployment.settings(other))
    deployment.map.swap(BAD)
    refuses(deployment, deployment.settings(fab=FabSettings()))
    assert deployment.start().label == "One"


def test_nothing_stands_in_where_airflow_cfg_is_wrong(deployment):
    """An empty fernet_key is no fault of the document, and must not be passed over with it."""
    deployment.start()
    deployment.map.swap(BAD)
    settings = deployment.settings()
    wrong = Problem("[core] fernet_key", "is empty")
    for more in (replace(settings, problems=(*settings.problems, wrong)), replace(settings, config_file=None)):
        refuses(deployment, more)


def test_a_kept_document_whose_secret_is_gone_does_not_stand_in(deployment, monkeypatch, caplog):
    deployment.start()
    monkeypatch.delenv("SECRET")
    error = refuses(deployment)
    assert [each.path for each in error.problems] == ["providers.idp.client_secret"]
    assert "cannot be used, either" in caplog.text


def test_a_database_that_cannot_be_asked_refuses_the_start_with_the_problems_of_the_document(deployment):
    def fail(_settings):
        raise SessionError("session_store_unavailable", "it is down")

    deployment.map.swap(BAD)
    with pytest.raises(ConfigurationError, match="providers"):
        choose_start(deployment.settings(), fail)


def test_a_database_that_is_down_keeps_no_document_from_its_way_and_hears_of_it_later(deployment):
    server, real = deployment.start(), deployment.transactions
    deployment.told(RELOADED)

    def down():
        raise OperationalError("", {}, Exception("down"))

    deployment.transactions = down
    deployment.map.swap(labelled("Two"))
    for _ in range(2):
        with pytest.raises(SessionError):
            server.reloading.look()
    assert server.label == "Two"
    deployment.map.swap(BAD)
    with pytest.raises(SessionError):
        server.reloading.look()
    deployment.transactions = real
    server.reloading.look()
    server.reloading.look()
    assert len(deployment.told(RELOADED)) == 1
    assert len(deployment.told(REJECTED)) == 1
    assert deployment.start().label == "Two"


def test_a_rotated_secret_is_told_without_another_digest(deployment, monkeypatch):
    server = deployment.start()
    deployment.told(RELOADED)
    monkeypatch.setenv("SECRET", "rotated")
    deployment.map.swap("# touched\n" + labelled("One"))
    server.reloading.look()
    assert server.running.providers["idp"].client_secret.reveal() == "rotated"
    assert [each["reason"] for each in deployment.told(RELOADED)] == ["secrets_changed"]


def test_neither_a_secret_nor_a_comment_is_kept(deployment):
    deployment.map.swap(f"# the secret is {SECRET}\n" + labelled("One"))
    deployment.start()
    kept = deployment.documents.find(deployment.settings().place)
    assert SECRET not in str(kept.data)
    assert kept.data["providers"]["idp"]["client_secret"] == {"env": "SECRET"}
    with deployment.engine.connect() as connection:
        rows = connection.execute(text("SELECT * FROM oidc_auth_document")).all()
    assert SECRET not in str(rows)


def test_a_document_that_cannot_be_put_to_use_is_not_kept(deployment, monkeypatch):
    server = deployment.start()

    def refuse(config) -> None:
        raise ConfigurationError([Problem("providers.idp", "cannot be built")])

    object.__setattr__(server.reloading._with, "apply", refuse)
    deployment.told(RELOADED)
    deployment.map.swap(labelled("Two"))
    server.reloading.look()
    assert deployment.told(RELOADED) == []
    assert deployment.told(REJECTED)[0]["problem_1"] == "providers.idp: cannot be built"
    assert deployment.documents.find(deployment.settings().place).data["providers"]["idp"]["label"] == "One"
