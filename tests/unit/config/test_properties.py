"""Whatever is written: a configuration or a ConfigurationError, and never a secret in either."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from airflow_oidc_auth.config.compile import compile_document
from airflow_oidc_auth.config.document import load_document
from airflow_oidc_auth.config.known import schema
from airflow_oidc_auth.config.secrets import SecretResolver
from airflow_oidc_auth.config.single import document_from_options
from airflow_oidc_auth.errors import ConfigurationError
from tests.unit.config.documents import ROLES, document

KEYS = sorted(
    {key for each in schema()["$defs"].values() for key in each.get("properties", ())} | set(schema()["properties"])
)
WORDS = [
    "okta",
    "entra",
    "oidc",
    "github",
    "https://idp.example.com",
    "http://x",
    "12h",
    "Admin",
    "{a}",
    "(",
    "*",
    "",
    "a.b",
]
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(WORDS) | st.text(max_size=8)
keys = st.sampled_from(KEYS) | st.text(max_size=5)
data = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=5), max_leaves=25
)
yaml_like = st.lists(st.sampled_from([*KEYS, *"{}[]:,-&*!|>'\"%@`#?<\n\t ", "\n  ", ": ", "- ", "1", "x"]), max_size=60)
few = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def attempt(text: str) -> str:
    """Return everything that anybody could see of the result."""
    try:
        raw = load_document(text, "f.yaml")
        return repr(compile_document(raw, secrets=SecretResolver(environ={}), known_roles=ROLES))
    except ConfigurationError as error:
        refused = error
    assert refused.problems
    assert all(each.path and each.text for each in refused.problems)
    seen = "\n".join([str(refused), repr(refused), repr(refused.problems), repr(refused.evidence)])
    assert seen.encode()
    return seen


@given(st.text(max_size=200) | yaml_like.map("".join) | yaml_like.map(lambda parts: "version: 1\n" + "".join(parts)))
@few
def test_any_text_is_a_configuration_or_a_configuration_error(text):
    attempt(text)


@given(st.dictionaries(keys, data, max_size=6))
@few
def test_any_data_is_a_configuration_or_a_configuration_error(top):
    attempt(json.dumps({**top, "version": 1}))


@given(
    st.dictionaries(keys, data, max_size=8),
    st.dictionaries(keys, data, max_size=5),
    st.dictionaries(keys, data, max_size=4),
)
@few
def test_any_provider_and_rule_is_a_configuration_or_a_configuration_error(provider, rule, requirement):
    provider = {"preset": "oidc", "client_id": "a", **provider}
    grants = {"rules": [{"when": {"group": "a"}, "roles": ["Op"], **rule}], "require": [requirement]}
    attempt(json.dumps({"version": 1, "providers": {"idp": provider}, "grants": grants}))


@given(st.text(max_size=60) | data.map(json.dumps), st.text(max_size=9), st.text(max_size=12))
@few
def test_any_options_are_a_configuration_or_a_configuration_error(mapping, preset, issuer):
    try:
        raw = document_from_options(
            preset=preset, issuer=issuer, client_id="a", client_secret=None, role_mapping=mapping
        )
        compile_document(raw, secrets=None, known_roles=ROLES)
    except ConfigurationError as error:
        str(error).encode()


SECRET = "Xq7hunter2Zk"
shapes = st.sampled_from(
    [
        SECRET,
        [SECRET],
        {SECRET: None},
        {SECRET: SECRET},
        {"env": f"{SECRET}-"},
        {"file": SECRET},
        {"connection": f"{SECRET} x"},
        {"value": SECRET},
        {"env": "A", "file": SECRET},
        {"env": {SECRET: 1}},
        {"env": [SECRET]},
    ]
)


@given(
    st.sampled_from(["client_secret", "private_key"]),
    shapes,
    st.sampled_from(["okta", "oidc", "github", "nonsense", 5]),
)
@few
def test_a_secret_in_the_document_is_never_shown(key, shape, preset):
    provider: dict[str, Any] = {"preset": preset, "issuer": "https://idp.example.com", "client_id": "a", key: shape}
    grants = {"rules": [{"when": {"group": "a"}, "roles": ["Admin"]}]}
    seen = attempt(json.dumps({"version": 1, "providers": {"idp": provider}, "grants": grants}))
    assert SECRET not in seen
    assert f"providers.idp.{key}" in seen


VALUE_KEYS = sorted(set(schema()["$defs"]["OidcProvider"]["properties"]) | {"client_secert", "password"})


@given(
    st.sampled_from(VALUE_KEYS),
    st.sampled_from([SECRET, f" {SECRET}", f"https://u:{SECRET}@h", [SECRET], f"{SECRET}\n"]),
)
@few
def test_a_secret_in_the_wrong_place_of_a_provider_is_never_shown_in_an_error(key, value):
    provider: dict[str, Any] = {"preset": "oidc", "issuer": "https://idp.example.com", "client_id": "a", key: value}
    grants = {"rules": [{"when": {"group": "a"}, "roles": ["Nobody"]}]}
    assume(not (key == "private_key_id" and value == SECRET))
    assert SECRET not in attempt(json.dumps({"version": 1, "providers": {"idp": provider}, "grants": grants}))


@pytest.mark.parametrize(
    "tail",
    [
        SECRET,
        f"*{SECRET}",
        f"!{SECRET} x",
        f"&{SECRET}",
        f"{{{SECRET}",
        f"'{SECRET}",
        f"a: {SECRET}",
        f"|{SECRET}",
        f"%{SECRET}",
        f"@{SECRET}",
        f"{{{SECRET}: 1, {SECRET}: 2}}",
    ],
)
def test_yaml_errors_do_not_quote_the_line(tail):
    text = document(provider=f"client_secret: {tail}")
    assert SECRET not in attempt(text)
