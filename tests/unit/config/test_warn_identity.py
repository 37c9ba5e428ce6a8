"""Rules that strangers may meet on purpose are told, by `check` and when a server starts."""

from __future__ import annotations

import pytest

from tests.unit.config.documents import compile_text, document

ADMIN = "{provider: idp, when: {group: a}, roles: [Admin]}"
BY_EMAIL = (
    "{when: {claims: {email: boss@acme.example}}, roles: [Op]}",
    "{when: {claims: {email: {glob: '*@acme.example'}}}, roles: [Op]}",
    "{when: {cel: 'email == \"boss@acme.example\"'}, roles: [Op]}",
    "{when: {cel: 'claims.email.endsWith(\"@acme.example\")'}, roles: [Op]}",
)
PROTECTED = (
    "require: [{email_verified: true}], ",
    "require: [{email_domain: acme.example}], ",
    "require: [{provider: idp, email_verified: true}], ",
)
WORLD = """  world:
    preset: gitlab
    issuer: https://gitlab.com
    client_id: airflow
    client_secret: {env: SECRET}
"""
GITHUB = WORLD.replace("gitlab", "github").replace("    issuer: https://github.com\n", "")


def warned(grants: str, further: str = "") -> list[tuple[str, str]]:
    text = document(grants=grants).replace("grants:", f"{further}grants:", 1)
    return [(each.path, each.text) for each in compile_text(text).warnings]


@pytest.mark.parametrize("rule", BY_EMAIL)
def test_a_role_by_an_address_that_nobody_verified_is_told(rule: str) -> None:
    ((path, text),) = warned(f"rules: [{ADMIN}, {rule}]")
    assert path.startswith("grants.rules[1].when.")
    assert "e-mail address that nobody has to have verified" in text


@pytest.mark.parametrize("rule", BY_EMAIL)
@pytest.mark.parametrize("require", PROTECTED)
def test_a_role_by_a_verified_address_is_not_told(rule: str, require: str) -> None:
    assert warned(f"{require}rules: [{ADMIN}, {rule}]") == []


def test_an_expression_that_asks_whether_it_is_verified_is_not_told() -> None:
    rule = "{when: {cel: 'email_verified && email == \"boss@acme.example\"'}, roles: [Op]}"
    assert warned(f"rules: [{ADMIN}, {rule}]") == []


@pytest.mark.parametrize("condition", ["group: ops", "group_glob: 'o*'", "group_regex: 'o.+'"])
@pytest.mark.parametrize("world", [WORLD, GITHUB], ids=["gitlab.com", "github.com"])
def test_a_group_of_any_provider_is_told_where_strangers_can_make_one(condition: str, world: str) -> None:
    """Who makes a group `ops` at gitlab.com would be Op: the author thought of the company's own provider."""
    rule = f"{{when: {{{condition}}}, roles: [Op]}}"
    ((path, text),) = warned(f"rules: [{ADMIN}, {rule}]", world)
    assert path == "grants.rules[1]"
    assert "provider world as well, where anybody can make a group" in text


def test_a_group_of_a_named_provider_and_a_provider_of_few_are_not_told() -> None:
    named = "{provider: idp, when: {group: ops}, roles: [Op]}, {provider: world, when: {group: acme}, roles: [User]}"
    assert warned(f"rules: [{ADMIN}, {named}]", WORLD) == []
    rule = "{when: {group: ops}, roles: [Op]}"
    assert warned(f"rules: [{ADMIN}, {rule}]", f"{GITHUB}    organizations: [acme]\n") == []
    assert warned(f"rules: [{ADMIN}, {rule}]", WORLD.replace("gitlab.com", "gitlab.acme.example")) == []
