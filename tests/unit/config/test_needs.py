"""``needs`` of a rule: exact places for mistakes, and no promise that a provider cannot keep."""

from __future__ import annotations

import pytest

from airflow_oidc_auth.grants.needs import Needs
from tests.unit.config.documents import compile_text, document, problems_in

GITHUB = "version: 1\nproviders:\n  gh: {preset: github, client_id: a, client_secret: {env: SECRET}}\n{more}"
OKTA = "  okta: {preset: oidc, issuer: 'https://idp.example.com', client_id: a, client_secret: {env: SECRET}}"
RULES = "grants: {{rules: [{{when: {{group: a}}, roles: [Admin], needs: {needs}, {rest}}}]{require}}}"


def with_needs(needs: str, *, top: str = "") -> str:
    return document(grants=f"rules: [{{when: {{group: admins}}, roles: [Admin], needs: {needs}}}]", top=top)


def saml(needs: str, extra: str = "") -> str:
    provider = f"preset: saml\n-client_id\n-client_secret\nmetadata_url: https://idp.example.com/m\n{extra}"
    rules = f"rules: [{{when: {{group: admins}}, roles: [Admin], needs: {needs}}}]"
    return document(provider=provider.strip(), grants=rules)


def test_a_rule_says_what_it_needs_in_words_of_oidc() -> None:
    compiled = compile_text(with_needs("{acr: 'urn:mfa', amr: [mfa, hwk], within: 1h}"))
    assert compiled.grants.rules[0].settings.needs == Needs(("urn:mfa",), ("mfa", "hwk"), 3600)
    assert not compiled.warnings


@pytest.mark.parametrize(
    ("needs", "path", "text"),
    [
        ("{}", "grants.rules[0].needs", "needs nothing"),
        ("{acr: []}", "grants.rules[0].needs.acr", "must not be empty"),
        ("{acr: 1}", "grants.rules[0].needs.acr", "must be text or a list of texts, not a number"),
        ("{amr: ['']}", "grants.rules[0].needs.amr[0]", "must not be empty"),
        ("{within: 30s}", "grants.rules[0].needs.within", "must be at least 1m"),
        ("{within: 31d}", "grants.rules[0].needs.within", "must be at most 30d"),
        ("{within: soon}", "grants.rules[0].needs.within", "is not a duration"),
        ("{within: -1}", "grants.rules[0].needs.within", "must be at least 1m"),
        ("{within: 1h, acr:}", "grants.rules[0].needs.acr", "has no value"),
        ("mfa", "grants.rules[0].needs", "must be a mapping, not text"),
    ],
)
def test_a_mistake_is_named_at_its_place(needs: str, path: str, text: str) -> None:
    (problem, *more) = problems_in(with_needs(needs))
    assert not more
    assert problem.path == path
    assert problem.text.startswith(text)


def test_an_unknown_key_is_guessed() -> None:
    (problem,) = problems_in(with_needs("{witin: 1h}"))
    assert problem.path == "grants.rules[0].needs.witin"
    assert "within" in problem.suggestion


@pytest.mark.parametrize("rest", ["", "provider: gh"])
def test_github_cannot_tell_how_somebody_authenticated(rest: str) -> None:
    lines = GITHUB.replace("{more}", RULES.format(needs="{within: 1h}", rest=rest, require=""))
    (problem,) = problems_in(lines)
    assert problem.path == "grants.rules[0].needs"
    assert problem.text == "can never hold: GitHub does not tell when or how somebody authenticated"


def test_beside_another_provider_it_is_a_warning() -> None:
    rules = RULES.format(needs="{within: 1h}", rest="", require="")
    compiled = compile_text(GITHUB.replace("{more}", f"{OKTA}\n{rules}"))
    told = [each for each in compiled.warnings if each.path == "grants.rules[0].needs"]
    assert [each.text.partition(": ")[0] for each in told] == ["can never hold for people of provider gh"]


def test_a_rule_of_the_other_provider_is_no_concern_of_github() -> None:
    rules = RULES.format(needs="{within: 1h}", rest="provider: okta", require="")
    compiled = compile_text(GITHUB.replace("{more}", f"{OKTA}\n{rules}"))
    assert not [each for each in compiled.warnings if "needs" in each.path]


def test_saml_has_contexts_and_no_methods() -> None:
    assert compile_text(saml("{acr: 'urn:mfa', within: 1h}")).grants.rules[0].settings.needs
    (problem,) = problems_in(saml("{amr: [mfa]}"))
    assert problem.path == "grants.rules[0].needs.amr"


def test_a_context_that_the_provider_refuses_never_comes() -> None:
    accepted = "authn_contexts: ['urn:a', 'urn:b']"
    assert compile_text(saml("{acr: 'urn:b'}", accepted)).grants.rules[0].settings.needs
    (problem,) = problems_in(saml("{acr: 'urn:c'}", accepted))
    assert problem.path == "grants.rules[0].needs.acr"
    assert "authn_contexts" in problem.text


def test_a_context_that_a_requirement_refuses_never_comes() -> None:
    rules = "require: [{acr: 'urn:a'}], rules: [{when: {group: x}, roles: [Admin], needs: {acr: 'urn:b'}}]"
    (problem,) = problems_in(document(grants=rules))
    assert problem.path == "grants.rules[0].needs.acr"
    assert "grants.require" in problem.text


def test_a_need_that_the_session_keeps_anyway_is_told() -> None:
    compiled = compile_text(with_needs("{within: 8h}", top="sessions: {reauthenticate_after: 8h}"))
    assert "grants.rules[0].needs.within" in [each.path for each in compiled.warnings]
    compiled = compile_text(with_needs("{within: 1h}", top="sessions: {reauthenticate_after: 8h}"))
    assert not [each for each in compiled.warnings if "needs" in each.path]
