"""What is laid into Airflow's own audit rows, and that no row is ever lost for it."""

from __future__ import annotations

import json

import pytest

from airflow_oidc_auth.managers.call_log import add_facts, facts_of, set_apart
from tests.unit.managers.door_rig import make_call


def test_nothing_is_told_of_a_browser_or_of_nobody() -> None:
    call = make_call("x")
    assert facts_of(call) == {}
    call.kind = "browser"
    assert facts_of(call) == {}


def test_names_of_actors_stand_apart_and_are_harmless() -> None:
    call = make_call("x")
    call.kind, call.session_ref, call.client_id = "exchanged", "abcdefgh", "cli"
    call.actors = ("agent\nroot", "b" * 1000)
    facts = facts_of(call)
    assert facts["actor"] == "agent\\u000aroot"
    assert len(facts["actor_2"]) <= 300
    assert (facts["via"], facts["session_ref"], facts["client_id"]) == ("exchanged", "abcdefgh", "cli")


def test_what_the_request_said_of_the_actor_gives_way() -> None:
    extra = add_facts('{"method": "POST", "actor": "ceo"}', {"actor": "agent"})
    assert json.loads(extra or "") == {"method": "POST", "actor": "agent"}


@pytest.mark.parametrize("extra", ["[1]", '"text"', "{broken", "12"])
def test_an_extra_that_is_no_object_stays_as_it_is(extra: str) -> None:
    assert add_facts(extra, {"actor": "agent"}) == extra


@pytest.mark.parametrize("extra", [None, ""])
def test_an_empty_extra_holds_the_facts(extra: str | None) -> None:
    assert json.loads(add_facts(extra, {"actor": "agent"}) or "") == {"actor": "agent"}


def test_what_a_request_calls_by_the_name_of_a_fact_stands_apart() -> None:
    extra = set_apart('{"method": "POST", "actor": "ceo", "actor_12": "x", "via": "bearer", "actors": "y"}')
    told = {"method": "POST", "request_actor": "ceo", "request_actor_12": "x", "request_via": "bearer", "actors": "y"}
    assert json.loads(extra or "") == told


@pytest.mark.parametrize("extra", [None, "", "[1]", "{broken", '{"method": "GET"}'])
def test_an_extra_without_such_a_name_stays_as_it_is(extra: str | None) -> None:
    assert set_apart(extra) == extra
