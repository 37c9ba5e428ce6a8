from __future__ import annotations

import pytest

from airflow_oidc_auth.grants.cel import CelOutcome, compile_cel

BASE: dict[str, object] = {
    "claims": {"level": 3, "admin": True, "text": "true", "none": None, "deep": {"list": ["a"]}},
    "groups": ["dev", "ops"],
    "email": "ada@example.com",
    "email_verified": True,
    "provider": "okta",
    "issuer": "https://idp.example",
    "subject": "sub-1",
}


def evaluate(source: str, **variables: object) -> CelOutcome:
    return compile_cel(source).evaluate({**BASE, **variables})


@pytest.mark.parametrize(
    "source",
    [
        "'ops' in groups && claims.level >= 3",
        "claims.admin",
        "claims.admin == true",
        "has(claims.deep.list) && claims.deep.list.exists(item, item == 'a')",
        "groups.exists(g, g.startsWith('op'))",
        "groups.exists(g, g.matches('^o[a-z]+$'))",
        "email.endsWith('@example.com') && email_verified",
        "claims.absent == 1 || provider == 'okta'",
        "claims['level'] == 3 && issuer == 'https://idp.example' && subject == 'sub-1'",
        "size(groups) == 2 && type(claims.level) == int",
    ],
)
def test_true_grants(source: str) -> None:
    assert evaluate(source) == CelOutcome("it is true", granted=True)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("claims.level > 3", "it is false"),
        ("claims.text == true", "it is false"),
        ("claims.level == '3'", "it is false"),
        ("claims.admin == 1", "it is false"),
        ("claims.text", "its result is not true or false"),
        ("claims.level", "its result is not true or false"),
        ("claims.none", "its result is not true or false"),
        ("groups", "its result is not true or false"),
        ("claims", "its result is not true or false"),
        ("'true'", "its result is not true or false"),
        ("claims.absent", "a claim that it names is missing; guard it with has(…)"),
        ("claims.absent == 'x'", "a claim that it names is missing; guard it with has(…)"),
        ("claims.deep.list[7] == 'x'", "a claim that it names is missing; guard it with has(…)"),
        ("claims.text && true", "it failed on these claims (TypeError)"),
        ("true && claims.text", "it failed on these claims (TypeError)"),
        ("claims.level && true", "it failed on these claims (TypeError)"),
        ("groups ? true : false", "it failed on these claims (TypeError)"),
        ("!claims.none", "it failed on these claims (TypeError)"),
        ("claims.level > 'a'", "it failed on these claims (TypeError)"),
        ("1 / (claims.level - 3) == 1", "it failed on these claims (ZeroDivisionError)"),
        ("claims.level + 9223372036854775807 > 0", "it failed on these claims (OverflowError)"),
        ("claims.none.startsWith('a')", "it failed on these claims (RuntimeError)"),
    ],
)
def test_whatever_is_not_true_does_not_grant(source: str, why: str) -> None:
    assert evaluate(source) == CelOutcome(why)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("", "1 to 1024"),
        ("  ", "1 to 1024"),
        ("true || " * 200 + "true", "1 to 1024"),
        ("'ops' in groups &&", "Syntax error"),
        ("'ops' in group", "unknown variable 'group'; did you mean 'groups'"),
        ("zzz == 'a'", "unknown variable 'zzz'; known: actors, claims"),
        ("email.endswith('x')", "unknown function 'endswith'; did you mean 'endsWith'"),
        ("open('/etc/passwd') == ''", "unknown function 'open'"),
        ("groups.all(a, groups.all(b, groups.all(c, true)))", "nested 2 deep"),
        ("groups.all(a, groups . all( b, groups.map(c, c) == []))", "nested 2 deep"),
        ("(" * 400 + "true" + ")" * 400, "Recursion limit"),
    ],
)
def test_an_expression_that_cannot_be_used_is_refused_early(source: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        compile_cel(source)


def test_macros_are_counted_outside_of_strings_and_side_by_side() -> None:
    side_by_side = " && ".join(["groups.exists(g, g == ').all(')"] * 4)
    assert compile_cel(side_by_side).nesting == 1
    assert evaluate("groups.filter(g, g != 'ops').exists(g, g == 'dev') // groups.all(a, groups.all(").granted


@pytest.mark.parametrize(
    "source",
    [
        "groups.exists(a, groups.exists(b, a == 'x' && b == 'x'))",
        "groups.exists(g, g.matches('^(a{100}){90}$'))",
    ],
)
def test_large_input_is_refused_before_it_costs(source: str) -> None:
    expression = compile_cel(source)
    # Were it evaluated, it would take longer than any test may.
    outcome = expression.evaluate({**BASE, "groups": [f"g{n}" for n in range(5_000)]})
    assert outcome == CelOutcome("evaluating it over so many items would cost too much")


def test_claims_nested_to_break_the_stack_do_not() -> None:
    document: dict[str, object] = {}
    for _ in range(50_000):
        document = {"a": document}
    assert evaluate("has(claims.a)", claims=document) == CelOutcome("the claims are nested deeper than 32 levels")
    while document:  # take it apart: the interpreter's own recursive release is no part of this test
        document = document["a"]  # type: ignore[assignment]


@pytest.mark.parametrize("value", [2**80, float("nan"), object(), {1: 2}])
def test_a_value_outside_the_language_does_not_grant(value: object) -> None:
    assert evaluate("claims.x == claims.x && claims.x == 1", claims={"x": value}).granted is False
