"""What whoever writes rules is told when one cannot be meant."""

from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_oidc_auth.grants.rules import compile_rules
from airflow_oidc_auth.grants.settings import RuleError
from airflow_oidc_auth.grants.spelling import read_checks
from airflow_oidc_auth.identity.authentication import Authentication
from tests.unit.grants.people import ROLES, person, rule

KNOWN = "Known: Admin, Op, Public, User, Viewer."
NAMES = [f"n{number:02}" for number in range(50)]


@pytest.mark.parametrize(
    "rules, known, suggestion",
    [
        ([rule({"group": "a"}, "VIEWER")], ROLES, "Did you mean 'Viewer'?"),
        ([rule({"group": "a"}, "Vewer")], ROLES, "Did you mean 'Viewer'?"),
        ([rule({"group": "a"}, "zzz")], ROLES, KNOWN),
        ([replace(rule({"group": "a"}), roles=())], ROLES, KNOWN),
        ([replace(rule({"group": "a"}), roles=())], None, "Name at least one."),
        ([], ROLES, "Add a rule; {when: {everyone: true}, roles: [Viewer]} is the explicit way to say everyone."),
        (
            [rule({"group_regex": "".join(f"(?P<{name}>.)" for name in reversed(NAMES))}, "{team}")],
            ROLES,
            f"Captures that every pattern has: {', '.join(NAMES)}. Add (?P<team>…) to group_regex.",
        ),
        (
            [rule({"group": "a"}, "{team}")],
            ROLES,
            "Captures that every pattern has: none. Add (?P<team>…) to group_regex.",
        ),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused_with_what_could_be(rules, known, suggestion):
    with pytest.raises(RuleError) as refused:
        compile_rules(rules, known_roles=known)
    assert refused.value.suggestion == suggestion


def test_long_lists_are_told_by_name():
    [acr] = read_checks({"acr": NAMES[::-1]}, "")
    [domain] = read_checks({"email_domain": NAMES[::-1]}, "")
    told = "'n00' or 'n01' or 'n02' or 'n03' or 'n04' or 45 more"
    signed = replace(person(), authentication=Authentication("other"))
    assert acr.evaluate(signed).because == (f"claim 'acr' is not {told}",)
    assert acr.evaluate(replace(signed, authentication=Authentication("n49"))).because == (f"claim 'acr' is {told}",)
    assert domain.evaluate(signed).because == (f"the e-mail domain is not {told}",)
