"""``api``, ``cli``, ``tokens``, ``rate_limits`` and delegation: what compiles to what, and what is refused where."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from airflow_oidc_auth.config.compile import compile_document
from airflow_oidc_auth.config.compiled import CompiledConfig, RateLimitSettings, TokenClient, TokenSettings
from airflow_oidc_auth.config.document import RawDocument, load_document
from airflow_oidc_auth.config.reload import DocumentWatcher, InForce
from airflow_oidc_auth.config.secrets import SecretResolver
from airflow_oidc_auth.providers.presets import preset, preset_names
from airflow_oidc_auth.providers.settings import ApiSettings, CliSettings
from airflow_oidc_auth.secret import Secret
from airflow_oidc_auth.testing.keys import SigningKeys
from tests.unit.config.documents import SECRET, compile_text, document, problems_in

P = "providers.idp"
API = "api: {audience: https://airflow.example.com}"


def test_without_the_keys_nothing_is_taken_and_the_defaults_hold() -> None:
    compiled = compile_text(document())
    assert (compiled.providers["idp"].api, compiled.providers["idp"].cli) == (None, None)
    assert (compiled.tokens, compiled.rate_limits) == (TokenSettings(), RateLimitSettings())
    assert compiled.grants.delegated_roles is None


def test_every_key_of_api_is_compiled() -> None:
    written = (
        "api: {audience: [a, b, a], opaque: true, token_types: [application/AT+JWT, JWT, none], max_lifetime: 1h, "
        "required_scopes: [airflow]}"
    )
    assert compile_text(document(provider=written)).providers["idp"].api == ApiSettings(
        ("a", "b"), opaque=True, token_types=("at+jwt", "jwt", ""), max_lifetime=3600, required_scopes=("airflow",)
    )


def test_the_generic_preset_takes_typed_access_tokens_only() -> None:
    assert compile_text(document(provider=API)).providers["idp"].api == ApiSettings(("https://airflow.example.com",))


def test_every_key_of_cli_is_compiled() -> None:
    written = "cli: {client_id: terminal, scopes: [openid], resource: urn:airflow, audience: x}"
    settings = compile_text(document(provider=written)).providers["idp"]
    assert settings.cli == CliSettings("terminal", ("openid",), "urn:airflow", "x")
    plain = compile_text(document(provider="cli: {client_id: terminal}")).providers["idp"].cli
    assert plain == CliSettings("terminal")


MISTAKES = [
    ("api: {}", f"{P}.api.audience", "is missing"),
    ("api: {audience: []}", f"{P}.api.audience", "must not be empty"),
    ("api: {audience: airflow}", f"{P}.api.audience", "is the client id of provider idp"),
    (f"{API[:-1]}, token_types: [logout+jwt]}}", f"{P}.api.token_types[0]", "is the type of another kind of token"),
    (f"{API[:-1]}, token_types: [dpop+jwt]}}", f"{P}.api.token_types[0]", "is the type of another kind of token"),
    (f"{API[:-1]}, token_types: ['a b']}}", f"{P}.api.token_types[0]", "is not a token type"),
    (f"{API[:-1]}, max_lifetime: 31d}}", f"{P}.api.max_lifetime", "must be at most 30d"),
    (f"{API[:-1]}, required_scopes: [a b]}}", f"{P}.api.required_scopes[0]", "is not one scope"),
    (
        f"{API[:-1]}, opaque: true}}\nclient_auth: none\n-client_secret",
        f"{P}.api.opaque",
        "needs a client that may ask",
    ),
    (f"{API[:-1]}, audiance: x}}", f"{P}.api.audiance", "is not a known key"),
    ("cli: {}", f"{P}.cli.client_id", "is missing"),
    ("cli: {client_id: airflow}", f"{P}.cli.client_id", "is the browser's client"),
    ("cli: {client_id: x, scopes: [email]}", f"{P}.cli.scopes", "lacks openid"),
    ("cli: {client_id: x}\ngroups: {claim: groups, from: userinfo}", f"{P}.cli", "groups come from the userinfo"),
    ("preset: github\n-issuer\ncli: {client_id: x}", f"{P}.cli", "needs a provider of OpenID Connect"),
]


@pytest.mark.parametrize(("written", "path", "text"), MISTAKES)
def test_a_mistake_is_told_at_its_place(written: str, path: str, text: str) -> None:
    assert [(each.path, text in each.text) for each in problems_in(document(provider=written))] == [(path, True)]


@pytest.mark.parametrize("name", ["github", "gitlab", "google"])
def test_access_tokens_that_nobody_can_check_are_refused(name: str) -> None:
    found = problems_in(document(provider=f"preset: {name}\n-issuer\n{API}"))
    assert [(each.path, "cannot be used" in each.text) for each in found] == [(f"{P}.api", True)]


@pytest.mark.parametrize("name", [name for name in preset_names() if not preset(name).no_access_tokens])
def test_no_preset_takes_every_type_of_token(name: str) -> None:
    assert set(preset(name).token_types) <= {"at+jwt", "jwt", ""}
    assert preset(name).token_types[0] == "at+jwt"


def test_a_terminal_needs_one_issuer() -> None:
    several = (
        "preset: entra\nissuer: https://login.microsoftonline.com/common/v2.0\ntenants: [acme.example]\n"
        "cli: {client_id: x}"
    )
    assert [each.path for each in problems_in(document(provider=several))] == [f"{P}.cli"]


OTHER = """
  other:
    preset: {preset}
    {issuer}
    audience: https://airflow.example.com
grants:
  rules: [{{when: {{group: admins}}, roles: [Admin]}}]
"""


def with_other(provider: str, preset_name: str, issuer: str = "") -> str:
    first = document(provider=provider).partition("grants:")[0]
    rest = OTHER.format(preset=preset_name, issuer=f"issuer: {issuer}" if issuer else "label: x")
    return first.rstrip() + rest


def test_two_providers_cannot_take_the_same_tokens() -> None:
    entra = f"preset: entra\nissuer: https://login.microsoftonline.com/common/v2.0\ntenants: [acme.example]\n{API}"
    tenant = "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0"
    found = problems_in(with_other(entra, "azure-workload", tenant))
    assert [(each.path, each.text) for each in found] == [
        ("providers.other.audience", "is also an audience of provider idp, whose issuer is the same")
    ]
    compile_text(with_other(entra.replace("airflow.example", "people.example"), "azure-workload", tenant))


def test_the_same_issuer_may_sign_people_in_and_vouch_for_programs() -> None:
    assert compile_text(with_other("preset: google\n-issuer", "gcp-workload")).providers.keys() == {"idp", "other"}


def test_an_audience_that_is_somebodys_client_would_let_id_tokens_in() -> None:
    gitlab = "preset: gitlab\n-issuer\nclient_id: https://airflow.example.com"
    assert [each.path for each in problems_in(with_other(gitlab, "gitlab-ci"))] == ["providers.other.audience"]


def test_opaque_tokens_are_shown_to_one_provider_only() -> None:
    one = document(provider=f"{API[:-1]}, opaque: true}}").partition("grants:")
    two = one[0].partition("  idp:")[2].replace("https://idp.", "https://other.")
    found = problems_in(f"{one[0].rstrip()}\n  second:{two.rstrip()}\ngrants:{one[2]}")
    assert [each.path for each in found] == ["providers.second.api.opaque"]


TOKENS = """
tokens:
  max_lifetime: 7d
  default_lifetime: 8h
  unverified_lifetime: 4h
  personal: false
  require_dpop: true
  clients:
    dbt: {secret: {env: SECRET}, roles: [User, Viewer], max_lifetime: 1h}
rate_limits: {token: 5/second, login: 10/hour, callback: 1/day, principal: 7/minute}
"""


def test_every_key_of_tokens_and_rate_limits_is_compiled() -> None:
    compiled = compile_text(document(top=TOKENS))
    client = TokenClient("dbt", Secret(SECRET), None, ("User", "Viewer"), 3600)
    assert compiled.tokens == TokenSettings(
        7 * 86400, 8 * 3600, 4 * 3600, personal=False, require_dpop=True, clients=(client,)
    )
    assert compiled.rate_limits == RateLimitSettings("5/second", "10/hour", "1/day", "7/minute")
    assert SECRET not in repr(compiled)


def test_what_is_left_out_is_never_longer_than_the_limit() -> None:
    tokens = compile_text(document(top="tokens: {max_lifetime: 1h}")).tokens
    assert (tokens.max_lifetime, tokens.default_lifetime, tokens.unverified_lifetime) == (3600, 3600, 3600)


C = "tokens.clients.dbt"
TOKEN_MISTAKES = [
    ("tokens: {max_lifetime: 367d}", "tokens.max_lifetime", "at most 366d"),
    ("tokens: {max_lifetime: 30s}", "tokens.max_lifetime", "at least 1m"),
    ("tokens: {max_lifetime: 1h, default_lifetime: 2h}", "tokens.default_lifetime", "is longer than"),
    ("tokens: {max_lifetime: 1h, unverified_lifetime: 2h}", "tokens.unverified_lifetime", "is longer than"),
    ("tokens: {clients: {dbt: {roles: [User]}}}", C, "has neither secret nor jwks_file"),
    ("tokens: {clients: {dbt: {secret: {env: SECRET}, jwks_file: /x, roles: [User]}}}", C, "has both secret and"),
    ("tokens: {clients: {dbt: {secret: {env: SECRET}}}}", f"{C}.roles", "is missing"),
    ("tokens: {clients: {dbt: {secret: {env: SECRET}, roles: []}}}", f"{C}.roles", "must not be empty"),
    ("tokens: {clients: {dbt: {secret: {env: SECRET}, roles: [Usr]}}}", f"{C}.roles[0]", "is not a known role"),
    ("tokens: {clients: {dbt: {secret: hunter2, roles: [User]}}}", f"{C}.secret", "holds the secret itself"),
    ("tokens: {clients: {dbt: {secret: {hunter2: }, roles: [User]}}}", f"{C}.secret", "names no|is not a reference"),
    ("tokens: {clients: {dbt: {secret: {env: NOWHERE}, roles: [User]}}}", f"{C}.secret", "NOWHERE is not set"),
    ("tokens: {clients: {dbt: {jwks_file: /nowhere, roles: [User]}}}", f"{C}.jwks_file", "cannot read the file"),
    ("tokens: {clients: {dbt: {jwks_file: keys, roles: [User]}}}", f"{C}.jwks_file", "is a relative path"),
    (
        "tokens: {max_lifetime: 1h, clients: {dbt: {secret: {env: SECRET}, roles: [User], max_lifetime: 1d}}}",
        f"{C}.max_lifetime",
        "is longer than",
    ),
    ("tokens: {clients: {'a b': {secret: {env: SECRET}, roles: [User]}}}", 'tokens.clients["a b"]', "is not a client"),
    ("tokens: {max_lifetme: 1h}", "tokens.max_lifetme", "is not a known key"),
    ("rate_limits: {token: 0/minute}", "rate_limits.token", "is not a rate"),
    ("rate_limits: {token: 30}", "rate_limits.token", "is not a rate"),
    ("rate_limits: {login: 30 per minute}", "rate_limits.login", "is not a rate"),
    ("rate_limits: {storage: 'redis://:hunter2@x'}", "rate_limits.storage", "holds the secret itself"),
    ("rate_limits: {storage: {env: SECRET}}", "rate_limits.storage", "is not the address of a store"),
]


@pytest.mark.parametrize(("top", "path", "text"), TOKEN_MISTAKES)
def test_a_mistake_in_tokens_is_told_at_its_place_and_shows_no_secret(top: str, path: str, text: str) -> None:
    found = problems_in(document(top=top))
    assert [each.path for each in found] == [path]
    assert any(part in found[0].text for part in text.split("|"))
    assert "hunter2" not in repr(found)


def test_a_short_secret_of_a_client_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("short-secret-15")
    top = f"tokens: {{clients: {{dbt: {{secret: {{file: {tmp_path}/secret}}, roles: [User]}}}}}}"
    (found,) = problems_in(document(top=top))
    assert (found.path, found.text) == (f"{C}.secret", "is too short to withstand guessing")


def test_a_client_may_sign_with_its_own_key(tmp_path: Path) -> None:
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps({"keys": SigningKeys().public_keys()}))
    top = f"tokens: {{clients: {{dbt: {{jwks_file: {file}, roles: [User]}}}}}}"
    assert compile_text(document(top=top)).tokens.clients == (TokenClient("dbt", None, str(file), ("User",)),)


def test_a_store_that_servers_share_is_a_secret(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("redis://:hunter2-hunter2@redis:6379/0\n")
    compiled = compile_text(document(top=f"rate_limits: {{storage: {{file: {tmp_path}/store}}}}"))
    assert compiled.rate_limits.storage == Secret("redis://:hunter2-hunter2@redis:6379/0")
    assert "hunter2" not in repr(compiled)


def test_offline_no_secret_is_resolved() -> None:
    top = "tokens: {clients: {dbt: {secret: {env: NOWHERE}, roles: [User]}}}\nrate_limits: {storage: {env: NOWHERE}}"
    compiled = compile_text(document(top=top), offline=True)
    assert (compiled.tokens.clients[0].secret, compiled.rate_limits.storage) == (None, None)


def test_the_rotated_secret_of_a_client_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("the-first-secret-of-dbt")
    text = document(top=f"tokens: {{clients: {{dbt: {{secret: {{file: {tmp_path}/secret}}, roles: [User]}}}}}}")

    def compile_raw(raw: RawDocument) -> CompiledConfig:
        return compile_document(raw, secrets=SecretResolver(environ={"SECRET": SECRET}), known_roles=["Admin", "User"])

    watcher = DocumentWatcher(
        source="f.yaml",
        read=lambda: bytes(text, "utf-8"),
        load=lambda content: load_document(content.decode(), "f.yaml"),
        compile=compile_raw,
        current=InForce(load_document(text, "f.yaml"), compile_text(text)),
        accept=lambda new, old: None,
        reject=lambda problems: None,
    )
    assert watcher.look() is False
    (tmp_path / "secret").write_text("the-second-secret-of-dbt")
    text += "# looked at again\n"
    assert watcher.look() is True
    assert watcher.current.config.tokens.clients[0].secret == Secret("the-second-secret-of-dbt")


RULES = "rules: [{when: {group: admins}, roles: [Admin]}]"


@pytest.mark.parametrize(("written", "cap"), [("[Viewer]", {"Viewer"}), ("[]", set())])
def test_delegated_access_can_be_capped(written: str, cap: set[str]) -> None:
    assert compile_text(document(grants=f"delegated_roles: {written}, {RULES}")).grants.delegated_roles == cap


@pytest.mark.parametrize(
    ("grants", "path", "text"),
    [
        (f"delegated_roles: [Viwer], {RULES}", "grants.delegated_roles[0]", "is not a known role"),
        (f"delegated_roles: Viewer, {RULES}", "grants.delegated_roles", "must be a list"),
        (
            "rules: [{when: {delegated: true}, roles: [Admin]}]",
            "grants.rules[0].when",
            "is empty, so the rule would be for nobody",
        ),
        (
            "rules: [{when: {group: a, delegated: 'yes'}, roles: [Admin]}]",
            "grants.rules[0].when.delegated",
            "must be true or false",
        ),
    ],
)
def test_a_mistake_about_delegation_is_told_at_its_place(grants: str, path: str, text: str) -> None:
    assert [(each.path, text in each.text) for each in problems_in(document(grants=grants))] == [(path, True)]


def test_a_rule_can_tell_who_comes_in_person() -> None:
    rule = "rules: [{when: {everyone: true, delegated: false}, roles: [Viewer]}, {when: {group: a}, roles: [Admin]}]"
    assert compile_text(document(grants=rule)).warnings == ()


def test_in_fab_mode_the_database_knows_the_roles_of_clients() -> None:
    top = "tokens: {clients: {dbt: {secret: {env: SECRET}, roles: [Anything]}}}"
    raw = load_document(document(grants=f"delegated_roles: [Whatever], {RULES}", top=top), "f.yaml")
    compiled = compile_document(raw, secrets=None, known_roles=None)
    assert compiled.tokens.clients[0].roles == ("Anything",)


def test_a_secret_for_terminals_is_told_that_they_keep_none() -> None:
    (found,) = problems_in(document(provider="cli: {client_id: airflow-cli, client_secret: {env: X}}"))
    assert (found.path, found.text) == (f"{P}.cli.client_secret", "is not a known key")
    assert found.suggestion == "remove it: terminals are public clients, which keep no secret"
