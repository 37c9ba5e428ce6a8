from __future__ import annotations

import dataclasses

import pytest

from airflow_oidc_auth.fab.mapped_identities import Linked, MappedIdentities
from airflow_oidc_auth.fab.mapping import MappingRow
from airflow_oidc_auth.fab.proposals import Evidence, Outcome, Proposal, propose
from airflow_oidc_auth.fab.users import FabUser
from tests.unit.fab.providers import providers

OKTA_ID = "00u1a2b3c4d5e6f7g8h9"
OKTA = "https://acme.okta.com"
ADA = FabUser(1, f"okta_{OKTA_ID}", active=True, roles=("Op",))
BOB = FabUser(2, "bob", active=True)


def propose_one(
    user: FabUser,
    *configured: str,
    linked: dict[str, tuple[str, str]] | None = None,
    rows: tuple[MappingRow, ...] = (),
    password: bool = False,
) -> Proposal:
    told = providers(*configured or ("okta",))
    links = Linked(linked or {})
    mapped = MappedIdentities((user.username, "carl"), links, told)
    for row in rows:
        mapped.add(row)
    assert mapped.problems == []
    return propose([user], Evidence(told, links, mapped, lambda _: password))[0]


def test_a_user_of_oauth_becomes_the_identity_that_the_name_holds() -> None:
    proposal = propose_one(ADA)
    assert proposal.outcome is Outcome.LINK
    assert proposal.identity is not None
    assert (proposal.identity.provider, proposal.identity.key) == ("okta", (OKTA, OKTA_ID))
    assert "Okta's id of the person" in proposal.reason


@pytest.mark.parametrize("password", [False, True])
@pytest.mark.parametrize("changes", [{}, {"active": False}, {"has_signed_in": False}, {"created_by": "root"}])
def test_a_line_of_the_mapping_file_is_an_explicit_wish(changes: dict[str, object], password: bool) -> None:
    user = dataclasses.replace(BOB, **changes)  # type: ignore[arg-type]
    proposal = propose_one(user, rows=(MappingRow(7, "bob", "00u9"),), password=password)
    assert (proposal.outcome, proposal.reason) == (Outcome.LINK, "line 7 of the mapping file")


@pytest.mark.parametrize(
    ("user", "changes", "outcome", "reason"),
    [
        (ADA, {"active": False}, Outcome.SKIPPED, "is not active"),
        (ADA, {"has_signed_in": False}, Outcome.SKIPPED, "has never signed in"),
        # The attack: somebody who may make users names an administrator after a colleague's Okta account.
        (ADA, {"created_by": "root"}, Outcome.NEEDS_MAPPING, "root made this user by hand"),
        (BOB, {}, Outcome.NEEDS_MAPPING, "people can choose such a name"),
        (BOB, {"has_signed_in": False}, Outcome.SKIPPED, "has never signed in"),
    ],
)
def test_what_shows_no_sign_in_of_that_person_is_not_proposed(
    user: FabUser, changes: dict[str, object], outcome: Outcome, reason: str
) -> None:
    proposal = propose_one(dataclasses.replace(user, **changes))  # type: ignore[arg-type]
    assert (proposal.outcome, proposal.identity) == (outcome, None)
    assert reason in proposal.reason


@pytest.mark.parametrize(
    ("user", "outcome", "reason"),
    [
        (ADA, Outcome.NEEDS_MAPPING, "by hand: it has a password of its own"),
        (BOB, Outcome.SKIPPED, "is a local user"),
    ],
)
def test_a_local_user_is_not_proposed_whatever_its_name(user: FabUser, outcome: Outcome, reason: str) -> None:
    proposal = propose_one(user, password=True)
    assert (proposal.outcome, proposal.identity) == (outcome, None)
    assert reason in proposal.reason


def test_a_linked_user_is_skipped_whatever_the_mapping_file_says() -> None:
    linked = {"bob": (OKTA, "00u9")}
    proposal = propose_one(BOB, linked=linked, rows=(MappingRow(2, "bob", "00u9"),))
    assert (proposal.outcome, proposal.reason) == (Outcome.SKIPPED, f"is linked to subject 00u9 of {OKTA} already")


def test_an_identity_is_given_to_one_user_only() -> None:
    assert "is linked to user carl" in propose_one(ADA, linked={"carl": (OKTA, OKTA_ID)}).reason
    assert "line 3 of the mapping file" in propose_one(ADA, rows=(MappingRow(3, "carl", OKTA_ID),)).reason
