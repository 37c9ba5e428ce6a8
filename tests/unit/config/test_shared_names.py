"""One issuer in two protocols: whoever chooses a name in one must not be somebody of the other."""

from __future__ import annotations

import pytest

from airflow_oidc_auth.config.compile import compile_document
from airflow_oidc_auth.config.compiled import CompiledConfig
from airflow_oidc_auth.config.document import load_document
from airflow_oidc_auth.errors import ConfigurationError
from airflow_oidc_auth.sessions.principal import principal_id
from tests.unit.providers.saml.making import ATTEMPT, IDP, build, form, make_provider, make_settings

REALM = "https://keycloak.example/realms/corp"
VICTIM = "7b2f6a0e-5a51-4c0e-9b68-0c6a4e0d7d11"
"""``sub`` of an OIDC account, and as good a user name as any."""


def compiled(saml: str, issuer: str = REALM) -> CompiledConfig:
    text = f"""
version: 1
providers:
  keycloak: {{preset: keycloak, issuer: {REALM!r}, client_id: airflow, client_secret: {{env: SECRET}}}}
  corp: {{preset: saml, label: SAML, issuer: {issuer!r}, metadata_url: 'https://keycloak.example/x'{saml}}}
grants: {{rules: [{{when: {{group: admins}}, roles: [Admin]}}]}}
"""
    return compile_document(load_document(text, "f.yaml"), secrets=None, known_roles=("Admin",))


@pytest.mark.parametrize("saml", [", name_id_formats: [unspecified]", ", subject_attribute: username"])
def test_names_that_people_choose_are_refused_beside_subjects_of_the_same_issuer(saml: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        compiled(saml)
    (problem,) = caught.value.problems
    assert problem.path == "providers.corp.issuer"
    assert "one could be another" in problem.text
    assert compiled(saml, "https://other.example").providers.keys() == {"keycloak", "corp"}


def test_persistent_name_ids_may_share_an_issuer() -> None:
    assert compiled("").providers.keys() == {"keycloak", "corp"}


def test_what_the_check_is_for_a_user_name_is_somebody_elses_subject() -> None:
    provider = make_provider(make_settings(subject_attribute="username"))
    mallory = provider.complete(ATTEMPT, form(build(attributes={"username": (VICTIM,)}))).identity
    assert principal_id(mallory.issuer, mallory.subject) == principal_id(IDP, VICTIM)
