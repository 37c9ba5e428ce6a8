"""A step-up is offered for what it adds: the same role in another team is more."""

from __future__ import annotations

import pytest

from airflow_oidc_auth.grants.grant import Grant, RuleMatch, StepUp
from airflow_oidc_auth.grants.needs import Needs
from airflow_oidc_auth.web.step_ups import _added

NEEDS = Needs(acr=("mfa",))


@pytest.mark.parametrize(
    ("teams", "added"),
    [
        (("blue",), []),
        (("red",), [("red", "Op")]),
        (("blue", "red"), [("red", "Op")]),
        ((), [(None, "Op")]),
    ],
)
def test_a_role_within_a_team_is_not_had_elsewhere(teams: tuple[str, ...], added: list[tuple[str | None, str]]) -> None:
    match = RuleMatch("blue", "grants.rules[0]", ("Op",), ("blue",))
    grant = Grant(("Op",), ("blue",), (match,))
    assert _added(StepUp("more", "grants.rules[1]", ("Op",), NEEDS, ("acr",), teams), grant) == added


def test_a_role_that_holds_everywhere_is_had_in_every_team() -> None:
    grant = Grant(("Op",), (), (RuleMatch("all", "grants.rules[0]", ("Op",)),))
    step_up = StepUp("more", "grants.rules[1]", ("Op", "User"), NEEDS, ("acr",), ("red",))
    assert _added(step_up, grant) == [("red", "User")]
