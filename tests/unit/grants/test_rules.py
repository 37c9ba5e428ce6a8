from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_oidc_auth.errors import Problem
from airflow_oidc_auth.grants.cel import compile_cel
from airflow_oidc_auth.grants.digest import grant_digest
from airflow_oidc_auth.grants.grant import Evaluation, Grant, Refusal
from airflow_oidc_auth.grants.rules import GrantRules, compile_rules
from airflow_oidc_auth.grants.settings import RequirementSettings, RuleError, RuleSettings
from tests.unit.grants.people import ROLES, compiled, person, rule

compile_cel("true")  # the first use imports the runtime, which is slower than Hypothesis' deadline


def build(*rules: RuleSettings, require: tuple[RequirementSettings, ...] = ()) -> GrantRules:
    return compile_rules(rules, require, known_roles=ROLES)


def roles_of(evaluation: Evaluation) -> tuple[str, ...]:
    return evaluation.decision.roles if isinstance(evaluation.decision, Grant) else ()


def test_nobody_gets_in_without_a_matching_rule() -> None:
    evaluation = compiled({"group": "ops"}).evaluate(person("dev"))
    assert evaluation.decision == Refusal("no_matching_rule")
    assert [(t.rule, t.path, t.matched, t.because) for t in evaluation.trace] == [
        ("rule 1", "grants.rules[0]", False, ("no group is 'ops'",))
    ]


def test_roles_add_up_and_every_match_is_told() -> None:
    rules = build(
        rule({"group": "ops"}, "Op", "Viewer", n=0, teams=("red",)),
        rule({"group": "nobody"}, "Admin", n=1),
        rule({"everyone": True}, "Viewer", n=2, teams=("blue",)),
    )
    decision = rules.evaluate(person("ops")).decision
    assert isinstance(decision, Grant)
    assert (decision.roles, decision.teams) == (("Op", "Viewer"), ("blue", "red"))
    assert [(m.rule, m.roles, m.because) for m in decision.matches] == [
        ("rule 1", ("Op", "Viewer"), ("group 'ops' is 'ops'",)),
        ("rule 3", ("Viewer",), ("everyone who signs in",)),
    ]


def test_a_rule_of_another_provider_does_not_apply() -> None:
    evaluation = build(rule({"everyone": True}, "Admin", provider="google")).evaluate(person("ops"))
    assert evaluation.decision == Refusal("no_matching_rule")
    assert evaluation.trace[0].because == ("does not apply: it is for provider 'google'",)


def test_the_first_requirement_that_fails_refuses_in_its_own_words() -> None:
    require = (
        RequirementSettings("grants.require[0]", {"email_verified": True}, provider="google"),
        RequirementSettings("grants.require[1]", {"acr": "urn:mfa"}, "Use your security key."),
        RequirementSettings("grants.require[2]", {"email_domain": "example.org"}, "Other."),
    )
    evaluation = build(rule({"everyone": True}, "Admin"), require=require).evaluate(person("ops"))
    assert evaluation.decision == Refusal("requirement_not_met", "Use your security key.", "grants.require[1]")
    assert [(trace.path, trace.matched) for trace in evaluation.trace] == [
        ("grants.require[0]", True),
        ("grants.require[1]", False),
        ("grants.require[2]", False),
        ("grants.rules[0]", True),
    ]


def test_captures_become_roles_and_teams() -> None:
    rules = build(rule({"group_regex": "(?P<team>[a-z]+)-(?P<role>.+)"}, "{role}", teams=("t-{team}",)))
    decision = rules.evaluate(person("red-Op", "blue-User", "other")).decision
    assert isinstance(decision, Grant)
    assert (decision.roles, decision.teams) == (("Op", "User"), ("t-blue", "t-red"))


@pytest.mark.parametrize(
    ("group", "because"),
    [
        ("team-Root", "role 'Root' not given: there is no such role"),
        ("team-", "role '{role}' not given: the captured text is not a safe name"),
        ("team-Admin ", "role '{role}' not given: the captured text is not a safe name"),
        ("team-{role}", "role '{role}' not given: the captured text is not a safe name"),
        ("team-Ädmin", "role '{role}' not given: the captured text is not a safe name"),
        ("team-" + "A" * 65, "role '{role}' not given: the captured text is not a safe name"),
    ],
)
def test_a_captured_role_that_is_unsafe_or_unknown_is_not_given(group: str, because: str) -> None:
    rules = build(rule({"group_regex": "team-(?P<role>.*)"}, "{role}", teams=("red",)))
    evaluation = rules.evaluate(person(group))
    assert evaluation.decision == Refusal("no_matching_rule")
    assert evaluation.trace[0].matched is False
    assert evaluation.trace[0].because[-1] == because


def test_an_unsafe_team_is_left_out() -> None:
    rules = build(rule({"group_regex": "team-(?P<team>.*)"}, "User", teams=("{team}",)))
    decision = rules.evaluate(person("team-a/b", "team-red")).decision
    assert isinstance(decision, Grant)
    assert decision.teams == ("red",)


@pytest.mark.parametrize(
    ("when", "path", "text"),
    [
        ({}, "when", "no condition"),
        ({"groups": "ops"}, "when.groups", "unknown condition"),
        ({"group": []}, "when.group", "the list is empty"),
        ({"group": ""}, "when.group", "the text is empty"),
        ({"group": 7}, "when.group", "a text is needed, this is a number"),
        ({"group": None}, "when.group", "a text is needed, this is null"),
        ({"group": ["ops", True]}, "when.group[1]", "a text is needed, this is true or false"),
        ({"group": {"ops": 1}}, "when.group", "a text is needed, this is an object"),
        ({"group_regex": "("}, "when.group_regex", "'(' is no valid pattern: missing ): ("),
        ({"group_regex": r"(a)\1"}, "when.group_regex", "is no valid pattern"),
        ({"group_regex": "(?=a)"}, "when.group_regex", "is no valid pattern"),
        ({"group_regex": "((a{100}){100}){100}"}, "when.group_regex", "is no valid pattern"),
        ({"group_glob": "a" * 1001}, "when.group_glob", "1 to 1000 characters"),
        ({"everyone": False}, "when.everyone", "the only value is true"),
        ({"everyone": "true"}, "when.everyone", "the only value is true"),
        ({"everyone": 1}, "when.everyone", "the only value is true"),
        ({"everyone": True, "group": "ops"}, "when.everyone", "everyone stands alone"),
        ({"claims": {}}, "when.claims", "claim paths with the wanted values"),
        ({"claims": "department"}, "when.claims", "claim paths with the wanted values"),
        ({"claims": {"a..b": "x"}}, "when.claims.a..b", "no empty part"),
        ({"claims": {"a": True}}, "when.claims.a[0]", "a text is needed, this is true or false"),
        ({"claims": {"a": None}}, "when.claims.a[0]", "a text is needed, this is null"),
        ({"claims": {"a": []}}, "when.claims.a", "the list is empty"),
        ({"claims": {"a": {"regex": "x"}}}, "when.claims.a", "only 'glob'"),
        ({"claims": {"a": {"glob": 3}}}, "when.claims.a.glob", "a text is needed"),
        ({"cel": "'ops' in group"}, "when.cel", "unknown variable 'group'; did you mean 'groups'?"),
        ({"cel": 7}, "when.cel", "a text is needed"),
        ({"email_verified": True}, "when.email_verified", "unknown condition"),
    ],
)
def test_a_condition_nobody_can_mean_is_refused_with_its_path(when: dict[str, object], path: str, text: str) -> None:
    with pytest.raises(RuleError) as caught:
        build(rule(when))
    (problem,) = caught.value.problems
    assert problem.path == f"grants.rules[0].{path}"
    assert text in problem.text
    assert caught.value.code == "configuration_invalid"


@pytest.mark.parametrize(
    ("checks", "path", "text"),
    [
        ({}, "", "no condition"),
        ({"email_domain": "@example.com"}, ".email_domain", "is no domain"),
        ({"email_domain": "*.example.com"}, ".email_domain", "is no domain"),
        ({"email_domain": []}, ".email_domain", "the list is empty"),
        ({"email_verified": False}, ".email_verified", "the only value is true"),
        ({"email_domains": "example.com"}, ".email_domains", "unknown condition"),
        ({"everyone": True}, ".everyone", "unknown condition"),
        ({"acr": 1}, ".acr", "a text is needed"),
    ],
)
def test_a_requirement_nobody_can_mean_is_refused(checks: dict[str, object], path: str, text: str) -> None:
    with pytest.raises(RuleError) as caught:
        compiled({"everyone": True}, require=(checks,))
    (problem,) = caught.value.problems
    assert problem.path == f"grants.require[0]{path}"
    assert text in problem.text


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (
            RuleSettings("r", "p", {"everyone": True}, ()),
            Problem("p.roles", "the rule gives no role", "Known: Admin, Op, Public, User, Viewer."),
        ),
        (
            RuleSettings("r", "p", {"everyone": True}, ("admin",)),
            Problem("p.roles[0]", "unknown role 'admin'", "Did you mean 'Admin'?"),
        ),
        (
            RuleSettings("r", "p", {"everyone": True}, ("{team}",)),
            Problem(
                "p.roles[0]",
                "'{team}' uses unknown capture 'team'",
                "Captures that every pattern has: none. Add (?P<team>…) to group_regex.",
            ),
        ),
        (
            RuleSettings("r", "p", {"group_regex": ["(?P<a>x)", "(?P<b>y)"]}, ("Op",), ("{a}",)),
            Problem(
                "p.teams[0]",
                "'{a}' uses unknown capture 'a'",
                "Captures that every pattern has: none. Add (?P<a>…) to group_regex.",
            ),
        ),
        (
            RuleSettings("r", "p", {"group_regex": "(?P<a>x)"}, ("{a",)),
            Problem("p.roles[0]", "'{a': braces hold the name of a capture, as in '{team}'"),
        ),
    ],
)
def test_roles_that_cannot_be_given_are_refused(settings: RuleSettings, problem: Problem) -> None:
    with pytest.raises(RuleError) as caught:
        build(settings)
    assert caught.value.problems == (problem,)


def test_every_problem_of_every_rule_is_told_at_once() -> None:
    rules = [rule({"group_regex": "("}, "admin", n=0), rule({"group": [], "cel": "("}, n=1)]
    require = [RequirementSettings("grants.require[0]", {"acr": ""})]
    with pytest.raises(RuleError) as caught:
        compile_rules(rules, require, known_roles=ROLES)
    assert [problem.path for problem in caught.value.problems] == [
        "grants.require[0].acr",
        "grants.rules[0].roles[0]",
        "grants.rules[0].when.group_regex",
        "grants.rules[1].when.group",
        "grants.rules[1].when.cel",
    ]
    assert (caught.value.path, caught.value.text) == ("grants.require[0].acr", "the text is empty")


def test_a_document_without_rules_is_refused() -> None:
    with pytest.raises(RuleError, match="nobody could sign in"):
        compile_rules([], known_roles=ROLES)


def test_two_rules_of_one_name_are_refused() -> None:
    with pytest.raises(RuleError, match=r"grants.rules\[1\].name: 'rule 1' is already the name of grants.rules\[0\]"):
        build(
            rule({"everyone": True}),
            RuleSettings("rule 1", "grants.rules[1]", {"everyone": True}, ("Viewer",)),
        )


@pytest.mark.parametrize(
    ("roles", "expected"), [(("Viewer",), False), (("Admin",), True), (("{r}",), True), (("x-{r}",), False)]
)
def test_it_is_known_whether_some_rule_could_give_a_role(roles: tuple[str, ...], expected: bool) -> None:
    rules = build(rule({"group_regex": "(?P<r>.*)"}, *roles))
    assert rules.may_give("Admin") is expected


def test_the_digest_names_what_a_grant_allows_and_nothing_else() -> None:
    digest = grant_digest(Grant(("Op", "User"), ("a",)))
    assert len(digest) == 22
    assert digest == grant_digest(Grant(("User", "Op"), ("a",)))
    others = [Grant(("Op",), ("User", "a")), Grant(("Op,User",), ("a",)), Grant(("Op", "User")), Grant(("Op",), ("a",))]
    assert digest not in {grant_digest(other) for other in others}


GROUPS = st.frozensets(st.sampled_from(["ops", "dev", "team-red", "team-Op", "x", "Admin"]), max_size=6)
WHENS: list[dict[str, object]] = [
    {"group": "ops"},
    {"group": ["dev", "Admin"]},
    {"group_glob": "team-*"},
    {"group_regex": "team-(?P<role>.*)"},
    {"group": "ops", "group_glob": "d*"},
    {"claims": {"d": "finance"}},
    {"cel": "'ops' in groups && claims.d == 'finance'"},
    {"everyone": True},
]
RULES = st.lists(st.tuples(st.sampled_from(WHENS), st.sampled_from(ROLES)), min_size=1, max_size=6)
CHECKS = st.sampled_from(
    [{"email_verified": True}, {"acr": "mfa"}, {"cel": "'ops' in groups"}, {"email_domain": "example.com"}]
)
CLAIMS = st.fixed_dictionaries({}, optional={"d": st.sampled_from(["finance", "it", None, 3]), "acr": st.just("mfa")})


def settings_of(drawn: list[tuple[dict[str, object], str]]) -> list[RuleSettings]:
    return [rule(when, "{role}" if "group_regex" in when else role, n=n) for n, (when, role) in enumerate(drawn)]


@given(RULES, GROUPS, GROUPS, CLAIMS)
def test_losing_groups_never_adds_a_role(
    drawn: list[tuple[dict[str, object], str]], kept: frozenset[str], lost: frozenset[str], claims: dict[str, object]
) -> None:
    rules = build(*settings_of(drawn))
    before = roles_of(rules.evaluate(person(*kept | lost, **claims)))
    after = roles_of(rules.evaluate(person(*kept, **claims)))
    assert set(after) <= set(before)


@given(RULES, GROUPS, CLAIMS, CHECKS)
def test_a_further_requirement_never_adds_a_role(
    drawn: list[tuple[dict[str, object], str]],
    groups: frozenset[str],
    claims: dict[str, object],
    checks: dict[str, object],
) -> None:
    settings, identity = settings_of(drawn), person(*groups, **claims)
    free = roles_of(build(*settings).evaluate(identity))
    bound = roles_of(build(*settings, require=(RequirementSettings("q", checks),)).evaluate(identity))
    assert bound in (free, ())


@given(RULES, GROUPS, CLAIMS, st.randoms())
def test_the_decision_does_not_depend_on_order_or_repetition(
    drawn: list[tuple[dict[str, object], str]], groups: frozenset[str], claims: dict[str, object], random: object
) -> None:
    settings, identity = settings_of(drawn), person(*groups, **claims)
    shuffled = list(settings)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    rules = build(*settings)
    assert rules.evaluate(identity) == rules.evaluate(person(*sorted(groups, reverse=True), **claims))
    assert roles_of(build(*shuffled).evaluate(identity)) == roles_of(rules.evaluate(identity))


@pytest.mark.parametrize(
    "email, verified, expected",
    [
        ("ann@example.com", True, "ann@example.com"),
        ("ann@example.com", False, None),
        ("ann@example.com", "true", None),
        (None, True, None),
        ("", True, None),
    ],
)
def test_a_grant_holds_the_address_only_if_the_provider_verified_it(
    email: object, verified: object, expected: object
) -> None:
    decision = compiled({"everyone": True}).evaluate(person(email=email, verified=verified)).decision
    assert isinstance(decision, Grant)
    assert decision.verified_email == expected
