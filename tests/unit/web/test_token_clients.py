"""How clients prove themselves at the token endpoint, Swagger UI's dialog, terminals, and revocation."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from joserfc.jwk import ECKey, RSAKey

from airflow_oidc_auth.login.token_cli import used_name
from airflow_oidc_auth.testing.keys import encode_segment, sign, sign_hmac
from tests.unit.login.rig import BASE_URL
from tests.unit.login.token_rig import AUDIENCE, CLI_CLIENT, SECRET, run_token_rig, write_keys
from tests.unit.web.test_token import ASSERTION, EXCHANGE, ID_TOKEN, JWT, Endpoint, basic, refused, serve

CLIENT = {"grant_type": "client_credentials"}
ODD_SECRET = "a secret: with colon & more"


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[Endpoint]:
    with run_token_rig(tmp_path) as tokens:
        yield serve(tokens)


def asserted(endpoint: Endpoint, **changes: object) -> dict[str, str]:
    return {**CLIENT, "client_assertion_type": ASSERTION, "client_assertion": endpoint.tokens.assertion(**changes)}


def bad_client(answer: object) -> None:
    refused(answer, "invalid_client", "token_client_refused", 401)  # type: ignore[arg-type]
    assert answer.headers["www-authenticate"] == 'Basic realm="airflow"'  # type: ignore[attr-defined]


# --------------------------------------------------------------------------------------------------------- secrets
@pytest.mark.parametrize("client, secret", [("robot", SECRET), ("brief", ODD_SECRET)])
def test_a_client_gets_a_token_of_its_own_roles(endpoint, client, secret):
    by_header = endpoint.post(CLIENT, headers=basic(client, secret))
    by_form = endpoint.post({**CLIENT, "client_id": client, "client_secret": secret})
    for answer in (by_header, by_form):
        assert answer.status_code == 200, answer.text
    made = endpoint.tokens.desk.rows[by_form.json()["access_token"]]
    assert (made.subject, made.issuer, made.provider, made.client_id) == (client, BASE_URL, "tokens.clients", client)
    assert endpoint.tokens.desk.identities[-1] is None


def test_no_parameter_comes_back_that_the_grant_does_not_have(endpoint):
    form = {**CLIENT, "requested_token_type": "<script>"}
    answer = endpoint.post(form, headers=basic("robot", SECRET))
    assert answer.json()["issued_token_type"] == "urn:ietf:params:oauth:token-type:access_token"


def test_a_client_may_spell_its_header_as_the_specification_wants(endpoint):
    from airflow_oidc_auth.providers.client_auth import basic as spelled
    from airflow_oidc_auth.secret import Secret

    header = {"Authorization": spelled("brief", Secret(ODD_SECRET))}
    assert endpoint.post(CLIENT, headers=header).status_code == 200


def test_a_client_has_a_lifetime_of_its_own(endpoint):
    header = basic("brief", ODD_SECRET)
    assert endpoint.post(CLIENT, headers=header).json()["expires_in"] == 120
    refused(
        endpoint.post({**CLIENT, "expires_in": "121"}, headers=header), "invalid_request", "token_lifetime_too_long"
    )
    assert endpoint.exchange(headers=header).json()["expires_in"] == 120
    month = {**CLIENT, "expires_in": str(30 * 86_400)}
    assert endpoint.post(month, headers=basic("robot", SECRET)).json()["expires_in"] == 30 * 86_400


def test_a_client_is_no_more_than_its_roles(endpoint):
    header = basic("robot", SECRET)
    assert endpoint.post({**CLIENT, "scope": "Viewer"}, headers=header).json()["scope"] == "Viewer"
    refused(endpoint.post({**CLIENT, "scope": "Admin"}, headers=header), "invalid_scope", "token_scope_not_held")


@pytest.mark.parametrize(
    "client, secret",
    [("robot", SECRET + "x"), ("robot", SECRET[:-1]), ("robots", SECRET), ("signer", SECRET), ("robot", ODD_SECRET)],
)
def test_a_wrong_secret_and_an_unknown_client_are_answered_alike(endpoint, client, secret):
    bad_client(endpoint.post(CLIENT, headers=basic(client, secret)))
    bad_client(endpoint.post({**CLIENT, "client_id": client, "client_secret": secret}))
    bad_client(endpoint.exchange(headers=basic(client, secret)))


def test_the_audit_names_a_client_that_there_is_and_never_what_may_be_a_secret(endpoint):
    for client in ("robot", "my-secret-in-the-wrong-field"):
        bad_client(endpoint.post(CLIENT, headers=basic(client, "wrong")))
        endpoint.tokens.rig.clock.ahead += 200
    first, second = endpoint.tokens.rig.sink.records
    assert first.detail == (("client_id", "robot"),)
    assert second.detail == ()


@pytest.mark.parametrize(
    "value", ["Basic", "Basic !", "Basic Og", "Basic " + base64.b64encode(b"robot").decode(), "Basic cm9ib3Q6"]
)
def test_a_header_that_names_no_client_is_refused(endpoint, value):
    bad_client(endpoint.post(CLIENT, headers={"Authorization": value}))


@pytest.mark.parametrize("secret", ["", " "])
def test_an_empty_secret_opens_nothing(endpoint, secret):
    answer = endpoint.post({**CLIENT, "client_id": "signer", "client_secret": secret})
    assert answer.status_code == 401


def test_client_credentials_need_a_client(endpoint):
    refused(endpoint.post(CLIENT), "invalid_client", "token_client_required", 401)


@pytest.mark.parametrize("client", ["robot", "nobody"])
def test_to_name_a_client_is_no_proof_of_being_it(endpoint, client):
    refused(endpoint.exchange(client_id=client), "invalid_client", "token_client_unproved", 401)
    refused(endpoint.post({**CLIENT, "client_id": client}), "invalid_client", "token_client_unproved", 401)


def test_a_client_authenticates_in_one_way_only(endpoint):
    header = basic("robot", SECRET)
    for more in (
        {"client_id": "robot", "client_secret": SECRET},
        {"client_secret": SECRET},
        {"client_id": "brief"},
        {"client_assertion_type": ASSERTION, "client_assertion": endpoint.tokens.assertion()},
    ):
        refused(endpoint.post({**CLIENT, **more}, headers=header), "invalid_request", "token_client_twice")
    both = {**asserted(endpoint), "client_secret": SECRET}
    refused(endpoint.post(both), "invalid_request", "token_client_twice")
    assert endpoint.post({**CLIENT, "client_id": "robot"}, headers=header).status_code == 200


def test_a_bearer_header_is_not_for_the_token_endpoint(endpoint):
    header = {"Authorization": f"Bearer {endpoint.tokens.idp_token()}"}
    refused(endpoint.exchange(headers=header), "invalid_request", "token_client_scheme")


@pytest.mark.parametrize("value", ["hunter2secret", "hunter2secret more", "hunter:2secret"])
def test_a_secret_without_its_scheme_is_in_no_log(endpoint, caplog, value):
    refused(endpoint.post(CLIENT, headers={"Authorization": value}), "invalid_request", "token_client_scheme")
    assert "hunter" not in caplog.text


def test_time_does_not_tell_which_clients_there_are(endpoint, monkeypatch):
    """The same steps for everybody: what a clock says of them on a busy machine proves nothing."""
    from airflow_oidc_auth.login import token_clients
    from airflow_oidc_auth.secret import Secret

    steps: list[str] = []

    def watch(owner: object, name: str) -> None:
        called = getattr(owner, name)
        monkeypatch.setattr(owner, name, lambda *args: steps.append(name) or called(*args))

    watch(token_clients, "_digest")
    watch(token_clients.hmac, "compare_digest")
    taken = {}
    for client in ("robot", "nobody", "signer"):
        assert endpoint.tokens.grants._clients._check(client, Secret("x" * 40)) is None
        taken[client] = tuple(steps)
        steps.clear()
    assert set(taken.values()) == {("_digest", "compare_digest")}


# ------------------------------------------------------------------------------------------------------ assertions
def test_a_client_may_sign_for_itself(endpoint):
    answer = endpoint.post(asserted(endpoint))
    assert answer.status_code == 200, answer.text
    assert answer.json()["scope"] == "Viewer"
    assert endpoint.post(asserted(endpoint, aud=[BASE_URL])).status_code == 200


def test_an_assertion_is_good_once(endpoint):
    form = asserted(endpoint)
    assert endpoint.post(form).status_code == 200
    bad_client(endpoint.post(form))
    same_jti = asserted(endpoint, jti="one"), asserted(endpoint, jti="one")
    assert endpoint.post(same_jti[0]).status_code == 200
    bad_client(endpoint.post(same_jti[1]))


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "https://another.example/token"},
        {"aud": [f"{BASE_URL}/auth/token", "https://another.example"]},
        {"aud": []},
        {"aud": None},
        {"iss": "robot"},
        {"sub": "robot"},
        {"iss": "robot", "sub": "robot"},
        {"iss": "nobody", "sub": "nobody"},
        {"exp": 1},
        {"exp": 99_999_999_999},
        {"exp": "soon"},
        {"iat": 1},
        {"iat": None},
        {"jti": None},
        {"jti": ""},
        {"jti": "x" * 256},
        {"sub": ["signer"]},
    ],
)
def test_an_assertion_says_who_it_is_for_whom_and_when(endpoint, changes):
    bad_client(endpoint.post(asserted(endpoint, **changes)))


def test_an_assertion_of_another_time_is_refused(endpoint):
    now = int(endpoint.tokens.rig.clock())
    for changes in ({"iat": now + 300, "exp": now + 360}, {"nbf": now + 300}, {"iat": now - 90, "exp": now - 60}):
        bad_client(endpoint.post(asserted(endpoint, **changes)))


def test_an_assertion_is_signed_with_a_key_of_the_client(endpoint):
    now = int(endpoint.tokens.rig.clock())
    claims = {"iss": "signer", "sub": "signer", "aud": BASE_URL, "iat": now, "exp": now + 60, "jti": "a"}
    public = endpoint.tokens.key("client")
    forged = [
        sign({"alg": "ES256"}, claims, ECKey.generate_key("P-256")),
        sign({"alg": "RS256"}, claims, RSAKey.generate_key(2048)),
        f"{encode_segment({'alg': 'none'})}.{encode_segment(claims)}.",
        sign_hmac({"alg": "HS256"}, claims, public.as_pem(private=False)),
        "opaque",
        "a.b.c",
        "x" * 9_000,
    ]
    for assertion in forged:
        form = {**CLIENT, "client_assertion_type": ASSERTION, "client_assertion": assertion}
        bad_client(endpoint.post(form))
    bad_client(endpoint.post({**CLIENT, "client_assertion": endpoint.tokens.assertion()}))


def test_a_key_that_was_taken_out_of_the_file_counts_no_more(endpoint, tmp_path):
    write_keys(tmp_path / "keys.json", ECKey.generate_key("P-256"))
    bad_client(endpoint.post(asserted(endpoint)))


@pytest.mark.parametrize("content", [None, "", "{}", '{"keys": []}', '{"keys": [{"kty": "oct", "k": "AA"}]}'])
def test_a_key_file_that_cannot_be_used_is_the_operators_to_mend(endpoint, tmp_path, content):
    path = tmp_path / "keys.json"
    path.unlink()
    if content is not None:
        path.write_text(content, encoding="utf-8")
    answer = endpoint.post(asserted(endpoint))
    refused(answer, "temporarily_unavailable", "token_client_keys", 503)
    assert answer.headers["retry-after"]
    assert str(tmp_path) not in answer.text


# ------------------------------------------------------------------------------------------------- Swagger's dialog
EMPTY = {"Authorization": "Basic Og=="}


@pytest.mark.parametrize("headers", [{}, EMPTY])
def test_swagger_uis_dialog_takes_a_token_in_place_of_a_password(endpoint, headers):
    form = {
        "grant_type": "password",
        "scope": "",
        "username": "__token__",
        "password": endpoint.tokens.idp_token(),
    }
    answer = endpoint.post(form, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.json()["token_type"] == "Bearer"


def test_swagger_uis_dialog_takes_a_client(endpoint):
    form = {"grant_type": "password", "scope": "", "username": "", "password": ""}
    assert endpoint.post(form, headers=basic("robot", SECRET)).status_code == 200
    assert endpoint.post({**form, "client_id": "robot", "client_secret": SECRET}).status_code == 200


@pytest.mark.parametrize(
    "username, password", [("ada", "secret"), ("", ""), ("__token__", ""), ("", "x"), ("__TOKEN__", "x")]
)
def test_every_other_password_is_refused_with_what_to_do(endpoint, username, password):
    form = {"grant_type": "password", "username": username, "password": password}
    for headers in ({}, EMPTY):
        answer = endpoint.post(form, headers=headers)
        refused(answer, "invalid_grant", "token_password")
        assert "__token__" in answer.json()["error_description"]


def test_a_bad_token_as_a_password_is_an_invalid_grant(endpoint):
    form = {"grant_type": "password", "username": "__token__", "password": "opaque"}
    refused(endpoint.post(form), "invalid_grant", "token_not_exchangeable")


# -------------------------------------------------------------------------------------------------------- terminals
def bring(endpoint: Endpoint, token: str, **form: str):
    fields = {"grant_type": EXCHANGE, "subject_token": token, "subject_token_type": ID_TOKEN, "provider": "okta"}
    return endpoint.post({**fields, **form}, "/auth/token/cli")


def test_a_terminal_is_told_public_facts_only(endpoint):
    answer = endpoint.client.request("GET", f"{BASE_URL}/auth/token/cli")
    assert answer.json() == {
        "providers": [
            {
                "id": "okta",
                "label": "Company login",
                "issuer": endpoint.tokens.rig.idp.issuer,
                "client_id": CLI_CLIENT,
                "scopes": ["openid", "profile"],
                "resource": AUDIENCE,
                "audience": None,
            }
        ]
    }


def test_a_terminal_gets_a_token_for_an_id_token(endpoint):
    answer = bring(endpoint, endpoint.tokens.cli_token(), label="laptop", expires_in="600")
    assert answer.status_code == 200, answer.text
    assert (endpoint.asked.kind, endpoint.asked.label, endpoint.asked.lifetime) == ("cli", "laptop", 600)
    assert answer.json()["scope"] == "Admin Op"


def test_a_stranger_at_the_terminals_door_leaves_no_proof_in_memory(endpoint):
    used = endpoint.tokens.grants._proofs._seen._by_key
    for number in range(3):
        proof = endpoint.tokens.proof(key=f"stranger-{number}", htu=f"{BASE_URL}/auth/token/cli")
        form = {"grant_type": EXCHANGE, "subject_token": "invented", "provider": "okta"}
        assert endpoint.post(form, "/auth/token/cli", headers={"DPoP": proof}).status_code == 400
    assert not used
    good = endpoint.tokens.proof(htu=f"{BASE_URL}/auth/token/cli")
    form = {"grant_type": EXCHANGE, "subject_token": endpoint.tokens.cli_token(), "provider": "okta"}
    assert endpoint.post(form, "/auth/token/cli", headers={"DPoP": good}).json()["token_type"] == "DPoP"


def test_an_id_token_is_good_for_one_token_however_its_signature_is_written(endpoint):
    token = endpoint.tokens.cli_token()
    assert bring(endpoint, token).status_code == 200
    refused(bring(endpoint, token), "invalid_request", "token_used_before")
    # An ECDSA signature has a second spelling that verifies as well.
    assert used_name("head.claims.r-and-s") == used_name("head.claims.r-and-n-minus-s") != used_name("head.other.s")


@pytest.mark.parametrize(
    "changes, code",
    [
        ({"aud": "airflow"}, "token_audience"),
        ({"aud": AUDIENCE}, "token_audience"),
        ({"aud": [CLI_CLIENT, "another"]}, "token_audience"),
        ({"azp": "another"}, "token_audience"),
        ({"exp": 1}, "token_expired"),
    ],
)
def test_only_the_command_lines_own_id_token_counts(endpoint, changes, code):
    claims = {"aud": CLI_CLIENT, "client_id": None, "jti": None, **changes}
    refused(bring(endpoint, endpoint.tokens.idp_token(typ="JWT", **claims)), "invalid_request", code)


def test_an_old_id_token_is_refused(endpoint):
    now = int(endpoint.tokens.rig.clock())
    refused(bring(endpoint, endpoint.tokens.cli_token(iat=now - 700)), "invalid_request", "token_expired")


def test_an_access_token_is_no_id_token(endpoint):
    token = endpoint.tokens.idp_token(aud=CLI_CLIENT)
    refused(bring(endpoint, token), "invalid_request", "token_type")


@pytest.mark.parametrize(
    "form, error, code",
    [
        ({"provider": "entra"}, "invalid_request", "token_cli_provider"),
        ({"provider": ""}, "invalid_request", "token_cli_provider"),
        ({"subject_token_type": JWT}, "invalid_request", "token_type_unsupported"),
        ({"grant_type": "password"}, "unsupported_grant_type", "grant_type_unknown"),
        ({"subject_token": ""}, "invalid_request", "token_parameter_missing"),
        ({"expires_in": "86401"}, "invalid_request", "token_lifetime_too_long"),
        ({"scope": "Viewer"}, "invalid_scope", "token_scope_not_held"),
    ],
)
def test_a_terminals_request_is_as_strict(endpoint, form, error, code):
    refused(bring(endpoint, endpoint.tokens.cli_token(), **form), error, code)


def test_an_id_token_of_a_person_without_roles_gives_nothing(endpoint):
    refused(bring(endpoint, endpoint.tokens.cli_token(groups=["canteen"])), "invalid_request", "token_no_role")


# ------------------------------------------------------------------------------------------------------- revocation
def test_whoever_holds_a_token_may_revoke_it_and_nobody_learns_what_is_known(endpoint):
    token = endpoint.exchange().json()["access_token"]
    for given in (token, token, "opaque", endpoint.tokens.idp_token()):
        answer = endpoint.post({"token": given, "token_type_hint": "access_token"}, "/auth/token/revoke")
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["cache-control"] == "no-store"
    assert token not in endpoint.tokens.desk.rows


def test_a_revocation_needs_a_token_and_no_wrong_client(endpoint):
    token = endpoint.exchange().json()["access_token"]
    refused(endpoint.post({"x": "y"}, "/auth/token/revoke"), "invalid_request", "token_to_revoke_missing")
    bad_client(endpoint.post({"token": token}, "/auth/token/revoke", headers=basic("robot", "wrong")))
    assert token in endpoint.tokens.desk.rows


# -------------------------------------------------------------------------------------------------------- outages
def test_an_outage_of_the_store_is_no_invalid_client(endpoint):
    form = asserted(endpoint)
    endpoint.tokens.rig.store.down = True
    answer = endpoint.post(form)
    refused(answer, "temporarily_unavailable", "session_store_unavailable", 503)
    assert answer.headers["retry-after"] == "5"


def test_an_outage_of_the_idp_is_no_invalid_token(tmp_path):
    with run_token_rig(tmp_path) as tokens:
        endpoint, token = serve(tokens), tokens.idp_token()
        tokens.rig.idp.stop()
        answer = endpoint.exchange(token)
        assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")


# ------------------------------------------------------------------------------------------------- nobody else waits
def test_neither_the_store_nor_the_idp_is_asked_on_the_event_loop(endpoint, monkeypatch):
    store, issuer = endpoint.tokens.rig.store, endpoint.tokens.issuers.get("okta")
    threads: dict[str, str] = {}

    def watch(owner: object, name: str) -> None:
        called = getattr(owner, name)

        def noted(*args: object, **kwargs: object) -> object:
            threads[name] = threading.current_thread().name
            return called(*args, **kwargs)

        monkeypatch.setattr(owner, name, noted)

    watch(store, "claim")
    watch(endpoint.tokens.rig.sink, "write")
    watch(issuer.party, "verify_parsed")
    assert bring(endpoint, endpoint.tokens.cli_token()).status_code == 200
    assert endpoint.post(asserted(endpoint)).status_code == 200
    endpoint.exchange("opaque")
    assert threads["claim"].startswith("oidc-auth-store")
    assert threads["write"].startswith("oidc-auth-store")
    assert "okta" in threads["verify_parsed"]
    threads.clear()
    endpoint.tokens.rig.idp.rotate_keys()
    endpoint.tokens.rig.clock.ahead += 60  # until the keys may be fetched again
    endpoint.exchange(endpoint.tokens.idp_token())
    assert "okta" in threads["verify_parsed"]
