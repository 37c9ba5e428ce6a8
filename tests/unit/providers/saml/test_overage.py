"""Groups that did not fit into an assertion are not none, whatever the preset is called."""

from __future__ import annotations

import pytest

from airflow_oidc_auth.errors import ProviderError
from airflow_oidc_auth.providers.saml.provider import SamlProvider
from tests.unit.config.test_saml import compiled
from tests.unit.providers.saml.making import (
    ATTEMPT,
    IDP,
    NOW,
    OWN,
    FixedTransport,
    MemoryReplayCache,
    build,
    form,
    idp_metadata,
)

LINK = "http://schemas.microsoft.com/claims/groups.link"
GROUPS = "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups"
ROLES = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"
LINKED = {LINK: ("https://graph.microsoft.com/v1.0/users/1/getMemberObjects",)}


def provider_of(attribute: str) -> SamlProvider:
    settings, _ = compiled(f"groups: [{{attribute: '{attribute}'}}]", f"issuer: {IDP}", preset="saml")
    transport, replay = FixedTransport(idp_metadata()), MemoryReplayCache()
    return SamlProvider(settings, OWN, transport, replay=replay, clock=lambda: NOW, spawn=lambda work: work())


def test_entras_people_by_the_preset_saml_do_not_join_groups_until_none_is_told() -> None:
    with pytest.raises(ProviderError) as caught:
        provider_of(GROUPS).complete(ATTEMPT, form(build(attributes=LINKED)))
    assert caught.value.code == "groups_unavailable"


def test_who_maps_roles_alone_does_not_depend_on_groups() -> None:
    signed_in = provider_of(ROLES).complete(ATTEMPT, form(build(attributes={**LINKED, ROLES: ("Ops",)})))
    assert signed_in.identity.groups == frozenset({"Ops"})
