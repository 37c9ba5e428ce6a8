"""Google Groups by the Cloud Identity API."""

from __future__ import annotations

import pytest

from airflow_oidc_auth.errors import ProviderError
from airflow_oidc_auth.providers.presets.google import GROUPS_SCOPE, GROUPS_URL
from tests.unit.providers.test_presets_sign_in import google


def membership(address):
    return {"groupKey": {"id": address}, "group": "groups/1", "relationType": "DIRECT"}


def asking():
    return google(cloud_identity_groups=True)


def test_groups_are_fetched_page_by_page():
    paper = asking()
    answers = iter([{"memberships": [membership("Ops@example.com")], "nextPageToken": "p2"}, {"memberships": []}])
    ask = paper.transport.get

    def get(url, *, headers=None):
        if url.startswith(GROUPS_URL):
            paper.transport.answer("GET", GROUPS_URL, next(answers))
        return ask(url, headers=headers)

    paper.transport.get = get
    assert paper.sign_in().identity.groups == {"example.com", "ops@example.com"}
    first, second = paper.transport.calls_to(GROUPS_URL)
    assert "ada%40example.com" in first.url
    assert "pageToken=p2" in second.url


def test_the_scope_is_asked_only_with_the_option():
    assert GROUPS_SCOPE in asking().settings.scopes
    assert GROUPS_SCOPE not in google().settings.scopes


def test_a_person_without_groups_has_none():
    paper = asking()
    paper.transport.answer("GET", GROUPS_URL, {})
    assert paper.sign_in().identity.groups == {"example.com"}


@pytest.mark.parametrize(
    "status, document",
    [
        (403, {"error": {"status": "PERMISSION_DENIED"}}),
        (200, {"memberships": "ops"}),
        (200, {"memberships": [{"group": "groups/1"}]}),
        (200, {"memberships": [membership("example.com")]}),
        (200, {"memberships": [membership(7)]}),
        (200, {"memberships": [], "nextPageToken": "again"}),
    ],
    ids=["forbidden", "no list", "no address", "a domain for an address", "a number", "endless pages"],
)
def test_nobody_signs_in_with_other_groups_than_they_have(status, document):
    paper = asking()
    paper.transport.answer("GET", GROUPS_URL, document, status=status)
    with pytest.raises(ProviderError) as caught:
        paper.sign_in()
    assert caught.value.code == "groups_unavailable"


@pytest.mark.parametrize(
    "changes",
    [
        {"email": "x' || member_key_id == 'boss@example.com"},
        {"email": "o'hara@example.com"},
        {"email": ...},
        {"email": ["ada@example.com"]},
        {"email_verified": False},
        {"email_verified": "true"},
    ],
)
def test_an_address_cannot_ask_for_somebody_elses_groups(changes):
    paper = asking()
    with pytest.raises(ProviderError) as caught:
        paper.sign_in(**changes)
    assert caught.value.code == "groups_unavailable"
    assert not paper.transport.calls_to(GROUPS_URL)
