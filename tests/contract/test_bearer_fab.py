"""Programs' tokens where FAB keeps the users: an account like anybody's, and out when it is deactivated."""

from __future__ import annotations

import time

import pytest

from airflow_oidc_auth.sessions.principal import principal_id
from tests.contract.bearer import assert_refused, call, engine_of, forget, job_token, token_of


@pytest.fixture(autouse=True)
def _anew(server):
    forget(server)


@pytest.fixture
def users(server):
    """FAB's own way to its users."""
    if server.mode != "fab":
        pytest.skip("FAB mode only")
    manager = server.client().app.state.auth_manager
    with manager.flask_app.app_context():
        yield manager.security_manager


def set_active(users, username, *, active):
    user = users.find_user(username=username)
    user.active = active
    users.update_user(user)


def job_name(server, subject):
    return f"{subject}~{principal_id(server.jobs.issuer, subject)[:10]}"


def own_job(server, name):
    """Return a token whose owner no other test has seen."""
    subject = f"job-{name}"
    claims = {"groups": ["users"]}
    return subject, server.idp.programs.jwt(subject, "urn:airflow:api", claims=claims)


def test_a_program_that_was_never_seen_gets_a_user_once(server, users):
    subject, token = own_job(server, "first")
    name = f"{subject}~{principal_id(server.idp.issuer, subject)[:10]}"
    assert users.find_user(username=name) is None
    assert call(server, token).json()["username"] == name
    user = users.find_user(username=name)
    assert ([role.name for role in user.roles], user.password) == (["User"], "!")
    forget(server)
    assert call(server, token).status_code == 200
    users.session.expire_all()
    assert users.find_user(username=name).login_count == 1


def test_a_deactivated_user_is_out_within_seconds_and_comes_back(server, users):
    _, token = own_job(server, "leaver")
    name = call(server, token).json()["username"]
    set_active(users, name, active=False)
    directory = engine_of(server)._admission._directory
    directory.poll()
    refused = call(server, token)
    assert_refused(refused, "fab_user_inactive", 403)
    forget(server)
    assert_refused(call(server, token), "fab_user_inactive", 403)
    set_active(users, name, active=True)
    forget(server)
    assert call(server, token).status_code == 200


def test_permissions_are_those_that_fab_gives_to_the_mapped_roles(server, users):
    _, token = own_job(server, "permissions")
    assert call(server, token, "/api/v2/connections").status_code == 403
    role, permission = users.find_role("User"), users.get_permission("can_read", "Connections")
    users.add_permission_to_role(role, permission)
    try:
        engine_of(server)._admission._directory.poll()
        assert call(server, token, "/api/v2/connections").status_code == 200
    finally:
        users.remove_permission_from_role(role, permission)
        engine_of(server)._admission._directory.poll()
    assert call(server, token, "/api/v2/connections").status_code == 403


def test_a_role_that_fab_does_not_have_opens_nothing(server, users, monkeypatch):
    from dataclasses import replace

    from airflow_oidc_auth.managers import bearer_door

    real = bearer_door.judge
    monkeypatch.setattr(bearer_door, "judge", lambda *args: replace(real(*args), roles=("Nowhere",)))
    assert_refused(call(server, token_of(server, "vic")), "fab_role_missing", 403)
    monkeypatch.undo()
    forget(server)
    # The person's own user keeps its roles.
    assert call(server, token_of(server, "vic")).status_code == 200
    user = users.find_user(username=server.name_of("vic"))
    assert user is None or [role.name for role in user.roles] == ["Viewer"]


def test_closed_registration_is_closed_for_programs(server, users):
    accounts = engine_of(server)._admission._accounts
    _, token = own_job(server, f"closed-{time.time()}")
    before = accounts.settings
    from dataclasses import replace

    accounts.settings = replace(before, registration=False)
    try:
        assert_refused(call(server, token), "fab_registration_closed", 403)
    finally:
        accounts.settings = before
    assert call(server, job_token(server)).status_code == 200


def test_a_token_exchanged_from_an_access_token_has_the_roles_of_its_own_rules(server, users):
    """The FAB user of this job was made as a User; now its rule gives Admin, and no sign-in ever says so to FAB."""
    from airflow_oidc_auth.testing import Program

    subject, token = own_job(server, "promoted")
    assert call(server, token, "/api/v2/connections").status_code == 403
    promoted = token_of(server, subject, Program("ci-job"), claims={"groups": ["admins"]})
    assert call(server, promoted, "/api/v2/connections").status_code == 200
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": promoted,
        "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
    }
    made = server.client().post("/auth/token", data=form).json()["access_token"]
    assert call(server, made, "/api/v2/connections").status_code == 200


def test_a_narrowed_token_has_only_what_it_was_narrowed_to(server, users):
    import jwt

    from airflow_oidc_auth.login.outcome import RequestContext
    from airflow_oidc_auth.sessions.session import EXCHANGED, TokenRequest

    engine = engine_of(server)
    both = server.idp.programs.jwt("job-both", "urn:airflow:api", claims={"groups": ["admins", "viewers"]})
    assert call(server, both, "/api/v2/connections").status_code == 200
    browser = server.sign_in("ada")
    sid = jwt.decode(browser.cookies["_token"], options={"verify_signature": False})["sid"]
    owner = engine.live.peek(sid)
    with pytest.raises(Exception, match="token_scope_not_held"):
        engine.token_desk.issue_now(owner, TokenRequest(EXCHANGED, scope=("Op",)), RequestContext(None, "x"))
    made = engine.token_desk.issue_now(owner, TokenRequest(EXCHANGED, scope=("Admin",)), RequestContext(None, "x"))
    assert call(server, made.token, "/api/v2/connections").status_code == 200


def test_fabs_own_api_takes_the_same_tokens_by_the_same_rules(server, users):
    admin = token_of(server, "ada")
    assert call(server, admin, "/auth/fab/v1/roles").status_code == 200
    assert call(server, token_of(server, "vic"), "/auth/fab/v1/roles").status_code == 403
    assert_refused(call(server, token_of(server, "ada", signature="broken"), "/auth/fab/v1/roles"), "token_signature")
    assert_refused(call(server, token_of(server, "nora"), "/auth/fab/v1/roles"), "token_no_role", 403)
