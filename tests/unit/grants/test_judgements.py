from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_oidc_auth.grants.grant import Evaluation, Grant
from airflow_oidc_auth.grants.judgements import Judgements
from airflow_oidc_auth.grants.rules import GrantRules
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.identity.authentication import Authentication
from tests.unit.grants.people import compiled, person

NOW = 1_800_000_000.0
WHENS: tuple[dict[str, object], ...] = (
    {"everyone": True},
    {"group": "ops"},
    {"group_regex": "o(?P<rest>.*)"},
    {"claims": {"env": "prod"}},
    {"claims": {"realm.roles": ["a", "b"]}},
    {"everyone": True, "delegated": True},
    {"cel": "claims.env == 'prod'"},
    {"cel": "subject == 'x' || client_id == 'job'"},
)
CHECKS: tuple[dict[str, object], ...] = (
    {"acr": "urn:mfa"},
    {"amr": "hwk"},
    {"email_verified": True},
    {"email_domain": "example.com"},
)
values = st.one_of(
    st.sampled_from(["prod", "dev", "urn:mfa", "a"]),
    st.booleans(),
    st.none(),
    st.integers(0, 1),
    st.floats(0, 1),
    st.lists(st.sampled_from(["a", "hwk", 1, True]), max_size=2),
)
people = st.builds(
    Identity,
    provider=st.sampled_from(["idp", "other"]),
    issuer=st.just("https://idp"),
    subject=st.sampled_from(["x", "y"]),
    name=st.just("Ada"),
    email=st.sampled_from([None, "ada@example.com"]),
    email_verified=st.booleans(),
    groups=st.frozensets(st.sampled_from(["ops", "odd", "dev"])),
    claims=st.fixed_dictionaries(
        {}, optional={"env": values, "acr": values, "amr": values, "realm": st.fixed_dictionaries({"roles": values})}
    ),
    actors=st.sampled_from([(), ("agent",)]),
    client_id=st.sampled_from([None, "job"]),
)


class Counted:
    """Rules that tell how often they were asked."""

    def __init__(self, rules: GrantRules) -> None:
        self.rules = rules
        self.asked = 0
        self.claims_read = rules.claims_read

    def evaluate(self, identity: Identity, now: float | None = None) -> Evaluation:
        self.asked += 1
        return self.rules.evaluate(identity, now)


def judgements(*whens: dict[str, object], **options: Any) -> tuple[Counted, Judgements]:
    rules = Counted(compiled(*whens))
    return rules, Judgements(rules, **options)  # type: ignore[arg-type]  # the same rules, counted


@given(st.sampled_from(WHENS), st.sampled_from([(), *((each,) for each in CHECKS)]), st.lists(people, max_size=8))
def test_what_is_remembered_is_what_the_rules_say(
    when: dict[str, object], require: tuple[dict[str, object], ...], crowd: list[Identity]
) -> None:
    rules = compiled(when, require=require)
    remembered = Judgements(rules)
    for each in crowd:
        assert remembered.decide(each, NOW) == rules.evaluate(each, NOW).decision


def test_the_rules_are_asked_once_for_tokens_that_differ_in_what_no_rule_reads() -> None:
    rules, remembered = judgements({"group": "ops"}, {"claims": {"env": "prod"}})
    first = remembered.decide(person("ops", env="prod", jti="1"), NOW)
    assert isinstance(first, Grant)
    assert remembered.decide(person("ops", env="prod", jti="2"), NOW) is first
    assert rules.asked == 1
    remembered.decide(person("ops", env="dev", jti="3"), NOW)
    assert rules.asked == 2


def test_every_field_of_an_identity_but_its_display_name_is_part_of_the_question() -> None:
    others = {
        "provider": "b",
        "issuer": "b",
        "subject": "b",
        "client_id": "b",
        "email": "b@example.com",
        "email_verified": True,
        "groups": frozenset({"b"}),
        "actors": ("b",),
        "claims": {"env": "b"},
        "authentication": Authentication(),
    }
    assert others.keys() == {each.name for each in fields(Identity)} - {"name"}, "a new field: may rules read it?"
    plain = Identity("a", "a", "a", "a")
    for name, value in others.items():
        rules, remembered = judgements({"claims": {"env": "prod"}})
        remembered.decide(plain, NOW)
        remembered.decide(replace(plain, **{name: value}), NOW)  # type: ignore[arg-type]  # one field each
        assert rules.asked == 2, name


@pytest.mark.parametrize(
    ("when", "who"),
    [
        ({"cel": "claims.env == 'prod'"}, person("ops", env="prod")),
        ({"claims": {"env": "1"}}, person("ops", env=1)),
        ({"everyone": True}, replace(person("ops"), authentication=Authentication(at=int(NOW)))),
        ({"everyone": True}, replace(person(), groups=frozenset(map(str, range(201))))),
    ],
    ids=["any claim", "a claim that is no text", "a time", "a crowd of groups"],
)
def test_what_cannot_be_compared_is_asked_anew(when: dict[str, object], who: Identity) -> None:
    rules, remembered = judgements(when)
    remembered.decide(who, NOW)
    remembered.decide(who, NOW)
    assert rules.asked == 2


def test_only_so_many_are_remembered() -> None:
    rules, remembered = judgements({"everyone": True}, limit=2)
    for subject in ("a", "b", "c", "b", "a"):
        remembered.decide(replace(person(), subject=subject), NOW)
    assert rules.asked == 4
