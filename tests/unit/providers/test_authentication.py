"""How and when somebody authenticated: the signed statement about the sign-in says it, and a re-check adds nothing."""

from __future__ import annotations

import time

import pytest

from airflow_oidc_auth.identity.authentication import Authentication
from airflow_oidc_auth.sessions.identity_document import dump_identity, parse_identity
from airflow_oidc_auth.testing import FakeIdp, Misbehaviour
from tests.unit.providers.test_confirm import Person

HOUR = 3600
STRONG = {"acr": "urn:mfa", "amr": ["pwd", "mfa"]}


def authentication(person: Person) -> Authentication:
    assert person.known.authentication is not None
    return person.known.authentication


def test_it_is_what_the_id_token_says(idp: FakeIdp) -> None:
    idp.misbehaviour = Misbehaviour(id_token_claims=STRONG, id_token_offsets={"auth_time": -HOUR})
    known = authentication(Person(idp))
    assert (known.acr, known.amr) == ("urn:mfa", {"pwd", "mfa"})
    assert known.at == pytest.approx(time.time() - HOUR, abs=5)


def test_userinfo_is_not_believed_about_it(idp: FakeIdp) -> None:
    """People edit attributes that userinfo shows; some IdPs let a client map any of them to ``acr``."""
    idp.misbehaviour = Misbehaviour(
        userinfo_claims={**STRONG, "auth_time": int(time.time())}, omit_id_token_claims=("auth_time",)
    )
    person = Person(idp, userinfo="always")
    assert person.known.claims["acr"] == "urn:mfa", "rules over claims see both documents"
    assert authentication(person) == Authentication()


def test_a_refresh_renews_nothing_whatever_it_says(idp: FakeIdp) -> None:
    idp.misbehaviour = Misbehaviour(
        id_token_claims={"acr": "urn:pwd", "amr": ["pwd"]}, id_token_offsets={"auth_time": -HOUR}
    )
    person = Person(idp)
    before = authentication(person)
    idp.misbehaviour = Misbehaviour(id_token_claims={**STRONG, "auth_time": int(time.time())})
    person.confirm()
    after = authentication(person)
    assert after == Authentication(None, frozenset({"pwd"}), before.at)


def test_a_refresh_without_an_id_token_renews_nothing_either(idp: FakeIdp) -> None:
    idp.misbehaviour = Misbehaviour(id_token_claims=STRONG, id_token_offsets={"auth_time": -HOUR})
    person = Person(idp)
    before = authentication(person)
    idp.misbehaviour = Misbehaviour(
        omit_from_token_response=("id_token",), userinfo_claims={**STRONG, "auth_time": int(time.time())}
    )
    person.confirm()
    assert authentication(person) == before


def test_a_refresh_may_say_that_it_was_weaker(idp: FakeIdp) -> None:
    idp.misbehaviour = Misbehaviour(id_token_claims=STRONG)
    person = Person(idp)
    idp.misbehaviour = Misbehaviour(
        id_token_claims={"acr": "urn:pwd", "amr": ["pwd"]}, id_token_offsets={"auth_time": -HOUR}
    )
    person.confirm()
    after = authentication(person)
    assert (after.acr, after.amr) == (None, {"pwd"})
    assert after.at == pytest.approx(time.time() - HOUR, abs=5)


def test_what_is_stored_comes_back_and_what_is_not_there_is_not_made_up(idp: FakeIdp) -> None:
    idp.misbehaviour = Misbehaviour(id_token_claims=STRONG)
    known = Person(idp).known
    text = dump_identity(known)
    assert parse_identity(text, known.provider, known.issuer, known.subject) == known
    assert text is not None
    older = type(text)(text.reveal().replace('"authentication"', '"other"'))
    read = parse_identity(older, known.provider, known.issuer, known.subject)
    assert read is not None
    assert read.authentication is None
