"""The compiled policy answers as the obvious one does, whatever the roles say."""

from __future__ import annotations

from hypothesis import given, settings

from tests.unit.policy.documents import ASKED, PEOPLE, WORLDS, answer, obvious, permissions


@settings(max_examples=250, deadline=None)
@given(world=WORLDS, held=PEOPLE, asked=ASKED)
def test_compiled_rights_are_what_the_obvious_reading_says(world, held, asked):
    found = permissions(world, held)
    for question in asked:
        assert answer(found, question) == obvious(world, held, question), question
