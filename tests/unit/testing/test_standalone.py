"""``python -m airflow_oidc_auth.testing``: the embedded IdP of the demo."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest

from airflow_oidc_auth.testing import FakeIdp, load_users
from airflow_oidc_auth.testing.__main__ import main
from tests.unit.testing.relying_party import fetch_json

URI = ["--redirect-uri", "http://127.0.0.1:8080/auth/callback/demo"]


def test_it_prints_one_ready_line_and_ends_on_a_signal(tmp_path):
    users = tmp_path / "users.json"
    users.write_text(json.dumps([{"subject": "1", "name": "Ada", "email": "ada@example.com", "groups": ["ops"]}]))
    command = [sys.executable, "-m", "airflow_oidc_auth.testing", *URI, "--users", str(users), "--client-id", "demo"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            ready = process.stdout.readline().split()
            issuer = ready[1].removeprefix("issuer=")
            assert ready[0] == "ready"
            assert fetch_json(f"{issuer}/.well-known/openid-configuration")["issuer"] == issuer
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0


def test_a_port_in_use_is_a_clear_message(capsys):
    with FakeIdp() as idp:
        port = idp.origin.rpartition(":")[2]
        assert main([*URI, "--port", port]) == 2
    assert "in use" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "[1]", '[{"name": "x"}]', '[{"subject": "1", "name": "a", "email": "e", "admin": true}]']
)
def test_a_users_file_of_another_shape_is_refused(tmp_path, text):
    users = tmp_path / "users.json"
    users.write_text(text)
    with pytest.raises(ValueError):
        load_users(users)
    assert main([*URI, "--users", str(users)]) == 2


def test_two_users_with_one_subject_are_refused(tmp_path):
    users = tmp_path / "users.json"
    users.write_text(json.dumps([{"subject": "1", "name": "a", "email": "a@example.com"}] * 2))
    with pytest.raises(ValueError, match="same subject"):
        load_users(users)
