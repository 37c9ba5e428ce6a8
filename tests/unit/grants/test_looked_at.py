"""What a condition looks at, and what it says of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_oidc_auth.grants.conditions import listed
from airflow_oidc_auth.grants.spelling import read_checks, read_when
from airflow_oidc_auth.identity.authentication import Authentication
from tests.unit.grants.people import person

ADA = person("b", "a", "c", salary="1", d="x")
NOBODY = replace(ADA, email=None)
UNVERIFIED = replace(ADA, email_verified=False)
SIGNED = replace(ADA, authentication=Authentication("pwd", frozenset({"otp"})))


def said(when, identity):
    [condition] = (
        read_when(when, "here") if {*when} & {"group", "group_glob", "claims", "cel"} else read_checks(when, "")
    )
    outcome = condition.evaluate(identity)
    return outcome.holds, outcome.because


@pytest.mark.parametrize(
    "when, identity, holds, because",
    [
        ({"group": ["b", "a", "x"]}, ADA, True, ("group 'a' is 'a'", "group 'b' is 'b'")),
        ({"group": ["z", "y", "x"]}, ADA, False, ("no group is 'x' or 'y' or 'z'",)),
        ({"group_glob": "[ab]"}, ADA, False, ("no group matches '[ab]'",)),
        ({"group_glob": ["a*", "b"]}, ADA, True, ("group 'a' matches 'a*'", "group 'b' matches 'b'")),
        ({"claims": {"d": ["z", "x", {"glob": "a*"}]}}, ADA, True, ("claim 'd' is 'x' or 'z' or 'a*'",)),
        ({"claims": {"d": "z"}}, ADA, False, ("claim 'd' is not 'z'",)),
        ({"claims": {"d": "y"}}, person(d=("x", "y")), True, ("claim 'd' is 'y'",)),
        ({"claims": {"e": ["z", "x"]}}, ADA, False, ("claim 'e' is missing (wanted: 'x' or 'z')",)),
        (
            {"claims": {"d": "z"}},
            person(d=3),
            False,
            ("claim 'd' is not 'z': it is a number, and only a text matches",),
        ),
        ({"acr": ["z", "pwd"]}, SIGNED, True, ("claim 'acr' is 'pwd' or 'z'",)),
        ({"acr": ["z", "mfa"]}, SIGNED, False, ("claim 'acr' is not 'mfa' or 'z'",)),
        (
            {"acr": "mfa"},
            replace(SIGNED, authentication=Authentication()),
            False,
            ("claim 'acr' is missing in the id_token or assertion; wanted: 'mfa'",),
        ),
        ({"amr": "otp"}, SIGNED, True, ("claim 'amr' is 'otp'",)),
        ({"email_verified": True}, ADA, True, ("the e-mail address is verified",)),
        ({"email_verified": True}, NOBODY, False, ("the e-mail address is missing or not verified",)),
        ({"email_verified": True}, UNVERIFIED, False, ("the e-mail address is missing or not verified",)),
        (
            {"email_domain": ["z.org", "example.com"]},
            ADA,
            True,
            ("the e-mail domain is 'example.com' or 'z.org'",),
        ),
        ({"email_domain": ["z.org", "a.org"]}, ADA, False, ("the e-mail domain is not 'a.org' or 'z.org'",)),
        ({"email_domain": "example.com"}, NOBODY, False, ("the e-mail address is missing or not verified",)),
    ],
)
def test_a_condition_says_what_it_compared(when, identity, holds, because):
    assert said(when, identity) == (holds, because)


@pytest.mark.parametrize(
    "expression, identity, holds",
    [
        ("claims.d == 'x'", ADA, True),
        ("groups == ['a', 'b', 'c']", ADA, True),
        ("email == 'ada@example.com'", ADA, True),
        ("email == 'ada@example.com'", NOBODY, False),
        ("email_verified", ADA, True),
        ("email_verified", UNVERIFIED, False),
        ("email_verified", replace(ADA, email_verified="true"), False),
        ("provider == 'okta'", ADA, True),
        ("issuer == 'https://idp.example'", ADA, True),
        ("subject == 'sub-1'", ADA, True),
        ("delegated", ADA, False),
        ("delegated", replace(ADA, actors=("agent",)), True),
        ("actors == ['agent']", replace(ADA, actors=("agent",)), True),
        ("client_id == 'job'", replace(ADA, client_id="job"), True),
        ("1 == 1", ADA, True),
    ],
)
def test_an_expression_sees_the_identity_under_these_names(expression, identity, holds):
    assert said({"cel": expression}, identity)[0] is holds


def test_an_expression_tells_what_it_is_over():
    assert said({"cel": "email_verified && claims.d == 'x'"}, ADA)[1] == (
        "expression over claims, email_verified: it is true",
    )
    assert said({"cel": "1 == 2"}, ADA)[1] == ("expression over nothing: it is false",)


def test_claims_are_read_by_expressions_that_name_them_alone():
    """What is read decides what the answer is remembered by."""
    read = {each: read_when({"cel": each}, "here")[0].claims_read for each in ("claims.d == 'x'", "subject == 'x'")}
    assert list(read.values()) == [None, ()]


@pytest.mark.parametrize("count, text", [(1, "'0'"), (5, "'0' or '1' or '2' or '3' or '4'")])
def test_a_list_is_told_as_a_choice(count, text):
    assert listed(map(str, range(count))) == text
    assert listed(map(str, range(7))) == "'0' or '1' or '2' or '3' or '4' or 2 more"


def test_as_many_matches_as_are_told_are_told_without_a_rest():
    for count, told in ((5, 5), (6, 6), (7, 6)):
        because = said({"group_glob": "*"}, person(*map(str, range(count))))[1]
        assert (len(because), because[0]) == (told, "group '0' matches '*'")
        assert because[-1] == ("group '4' matches '*'" if count == 5 else f"and {count - 5} more groups")


def test_a_group_that_looks_alike_is_named_for_a_few_alone():
    looks = [f"G{number}" for number in range(7)]
    wanted = [name.lower() for name in looks]
    because = said({"group": wanted}, person(*looks))[1]
    assert because[1:] == tuple(f"group {name!r} differs in case, spaces or Unicode form only" for name in looks[:5])
    many = person("G0", *map(str, range(499)))
    assert len(said({"group": "g0"}, many)[1]) == 2
    assert len(said({"group": "g0"}, replace(many, groups=many.groups | {"more"}))[1]) == 1
