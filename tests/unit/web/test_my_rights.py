"""My access says what somebody may do, and why not the rest."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import pytest

from airflow_oidc_auth.grants.grant import Grant, RuleMatch
from airflow_oidc_auth.grants.settings import RuleSettings
from airflow_oidc_auth.policy.roles import RoleSettings
from airflow_oidc_auth.policy.selectors import DagSelector, NameSelector
from airflow_oidc_auth.policy.statements import Statement
from airflow_oidc_auth.web.my_rights import describe_rights
from tests.unit.login import rig as login_rig
from tests.unit.web.rig import Browser, open_browser

ROLES = {
    "finance": RoleSettings(
        "finance",
        allow=(
            Statement(("run", "clear"), "dags", DagSelector(ids=("finance_*",)), path="roles.finance.allow[0]"),
            Statement(("read",), "connections", NameSelector(("fin-*",)), path="roles.finance.allow[1]"),
        ),
        extends=("careful", "Viewer"),
    ),
    "careful": RoleSettings(
        "careful",
        deny=(Statement(("read",), "dags", DagSelector(tags=("<pii>",)), path="roles.careful.deny[0]"),),
    ),
}


def grant(*roles: str, team: str = "", in_team: str = "User") -> Grant:
    matches = [RuleMatch("all", "grants.rules[0]", roles)] if roles else []
    if team:
        matches.append(RuleMatch("team", "grants.rules[1]", (in_team,), (team,)))
    held = tuple(sorted({role for match in matches for role in match.roles}))
    return Grant(held, (team,) if team else (), tuple(matches))


def test_selectors_and_denials_are_in_plain_words() -> None:
    (rights,) = describe_rights(grant("finance"), ROLES)
    assert [(each.actions, each.things, each.role) for each in rights.some] == [
        ("run, clear", "DAGs with id finance_*", "finance"),
        ("read", "connections fin-*", "finance"),
    ]
    (denied,) = rights.denied
    assert (denied.actions, denied.things) == ("read", "DAGs with tag <pii>, with all parts")
    assert (denied.role, denied.path) == ("careful, which finance extends", "roles.careful.deny[0]")


def test_kinds_are_grouped_by_what_may_be_done_with_them() -> None:
    (rights,) = describe_rights(grant("Op"), ROLES)
    assert (rights.kinds[0].actions, "Connections" in rights.kinds[0].things) == ("read, create, edit, delete", True)
    shown = ", ".join(each.things for each in rights.kinds)
    assert "Required Actions" in shown
    assert not any(name in shown for name in ("My Password", "Browse", "HITL"))


def test_an_admin_may_do_everything_but_what_is_denied() -> None:
    (rights,) = describe_rights(grant("Admin", "careful"), ROLES)
    assert (rights.everything, rights.kinds, rights.some, len(rights.denied)) == (True, (), (), 1)


def test_what_holds_in_a_team_is_told_apart() -> None:
    everywhere, blue = describe_rights(grant("Viewer", team="blue"), ROLES)
    assert (everywhere.team, everywhere.roles, blue.team, blue.roles) == (None, ("Viewer",), "blue", ("User",))
    (alone,) = describe_rights(grant(team="blue"), ROLES)
    assert alone.team == "blue"
    assert not any("Jobs" in each.things for each in alone.kinds), "no team owns them"


def test_a_role_without_rights_is_said_to_allow_nothing() -> None:
    (rights,) = describe_rights(grant("Public"), ROLES)
    assert rights.nothing


def text_of(page: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page)).split())


RULES = (
    RuleSettings("finance", "grants.rules[0]", {"everyone": True}, ("finance",)),
    RuleSettings("team", "grants.rules[1]", {"everyone": True}, ("User",), ("<blue>",)),
)


@pytest.fixture
def finance_browser(monkeypatch: pytest.MonkeyPatch) -> Iterator[Browser]:
    monkeypatch.setattr(login_rig, "ROLES", (*login_rig.ROLES, *ROLES))
    with open_browser(rules=RULES) as opened:
        opened.engine.custom_roles = ROLES
        opened.sign_in("oskar")
        yield opened


def test_the_page_shows_rights_denials_and_why_not_the_rest(finance_browser: Browser) -> None:
    page = finance_browser.get("/auth/access").text
    shown = text_of(page)
    for text in (
        "What you may do",
        "With all of a kind, everywhere",
        "Only with some, everywhere",
        "run, clear DAGs with id finance_* finance roles.finance.allow[0]",
        "Denied, whatever else allows it, everywhere",
        "read DAGs with tag <pii>, with all parts careful, which finance extends roles.careful.deny[0]",
        "With all of a kind, in team <blue>",
        "Only in team <blue>.",
        "tell your administrator the reference",
    ):
        assert text in shown, text
    assert "<pii>" not in page, "names from the document are text and no markup"
    assert "<blue>" not in page


def test_the_page_does_not_guess_what_fabs_roles_allow(finance_browser: Browser) -> None:
    finance_browser.engine.custom_roles = None
    assert "What you may do" not in finance_browser.get("/auth/access").text
