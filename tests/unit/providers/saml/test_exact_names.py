"""Names that differ by a space are two names, if the identity provider says so: it let somebody choose the second."""

from __future__ import annotations

import pytest

from airflow_oidc_auth.errors import OidcAuthError
from airflow_oidc_auth.sessions.principal import principal_id
from tests.unit.providers.saml.making import ATTEMPT, IDP, SUBJECT, build, form, make_provider, make_settings

PADDED = [" {}", "{} ", "  {}  "]
BROKEN = ["\n{}", "{}\n", "\n   {}\n  ", "\t{}", "{}&#13;"]


def identity_of(data: bytes, **settings: object):
    return make_provider(make_settings(**settings)).complete(ATTEMPT, form(data)).identity


@pytest.mark.parametrize("spelling", PADDED)
def test_nobody_becomes_another_by_a_space_in_the_name_id(spelling: str) -> None:
    somebody = identity_of(build(name_id=spelling.format(SUBJECT)))
    assert principal_id(IDP, somebody.subject) != principal_id(IDP, SUBJECT)


@pytest.mark.parametrize("spelling", PADDED)
def test_nor_in_the_attribute_that_names_people(spelling: str) -> None:
    data = build(attributes={"uid": (spelling.format("ada"),)})
    assert identity_of(data, subject_attribute="uid").subject == spelling.format("ada")


@pytest.mark.parametrize("spelling", [*PADDED, *BROKEN])
def test_nobody_gets_the_rights_of_a_group_by_a_space_in_its_name(spelling: str) -> None:
    data = build(attributes={"groups": (spelling.format("airflow-admins"), "staff")})
    groups = identity_of(data).groups
    assert "staff" in groups
    assert "airflow-admins" not in groups


@pytest.mark.parametrize("spelling", BROKEN)
def test_a_name_id_with_a_line_break_names_nobody(spelling: str) -> None:
    with pytest.raises(OidcAuthError) as caught:
        identity_of(build(name_id=spelling.format(SUBJECT)))
    assert caught.value.code == "saml_name_id_empty"


@pytest.mark.parametrize("nothing", ["", " ", "\n"])
def test_white_space_names_nobody(nothing: str) -> None:
    for data, settings in (
        (build(name_id=nothing), {}),
        (build(attributes={"uid": (nothing,)}), {"subject_attribute": "uid"}),
    ):
        with pytest.raises(OidcAuthError) as caught:
            identity_of(data, **settings)
        assert caught.value.code in {"saml_name_id_empty", "saml_subject_attribute"}
