"""``airflow oidc explain`` with an assertion: as XML, as the field of a form, as JSON of its attributes."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import pytest
from lxml import etree

from tests.unit.cli.running import Oidc, Run
from tests.unit.providers.saml.making import IDP, SUBJECT, Parts, assertion_xml, build, encrypt, key_pair

DOCUMENT = f"""
version: 1
providers:
  corp: {{preset: saml, issuer: "{IDP}", metadata_file: /nowhere, signing_key: {{env: NOT_SET_ANYWHERE}}}}
  post: {{preset: saml, label: By number, issuer: "{IDP}", metadata_file: /nowhere, subject_attribute: number}}
grants:
  rules:
    - {{name: admins, when: {{group: airflow-admins}}, roles: [Admin]}}
    - {{name: finance, when: {{claims: {{department: finance}}}}, roles: [Viewer]}}
    - {{name: strong, when: {{cel: "claims.saml.authn_context.endsWith('/mfa')"}}, roles: [Op]}}
"""
ADA = {"saml": {"name_id": "1f9c"}, "groups": ["staff", "airflow-admins"], "mail": "ada@example.com"}


@pytest.fixture
def explain(oidc: Oidc, tmp_path: Path):  # type: ignore[no-untyped-def]
    (tmp_path / "oidc_auth.yaml").write_text(DOCUMENT)

    def run(claims: object, *arguments: str, provider: str = "corp") -> Run:
        path = tmp_path / "assertion"
        path.write_bytes(claims if isinstance(claims, bytes) else json.dumps(claims).encode())
        chosen = ("--config-file", str(tmp_path / "oidc_auth.yaml"), "--provider", provider)
        return oidc("explain", "--claims", str(path), *chosen, *arguments)

    return run


@pytest.mark.parametrize("signed", ["assertion", "none"])
@pytest.mark.parametrize("spelling", ["xml", "base64", "assertion"])
def test_an_assertion_is_explained_however_it_is_spelt(explain, signed: str, spelling: str) -> None:  # type: ignore[no-untyped-def]
    data = assertion_xml(Parts()).encode() if spelling == "assertion" else build(signed=signed)
    told = explain(base64.encodebytes(data) if spelling == "base64" else b"\n  " + data, "--json")
    assert told.code == 0, told.out + told.err
    assert told.data["roles"] == ["Admin"]
    assert told.data["identity"]["subject"] == SUBJECT
    assert told.data["identity"]["issuer"] == IDP
    assert told.data["identity"]["groups"] == ["airflow-admins", "staff"]
    assert "not checked" in told.data["notes"][0]


def test_attributes_as_json_are_explained_like_claims(explain) -> None:  # type: ignore[no-untyped-def]
    told = explain({**ADA, "department": "finance"}, "--json")
    assert told.data["roles"] == ["Admin", "Viewer"]
    assert told.data["identity"]["email"] == "ada@example.com"
    stronger = {**ADA, "saml": {"name_id": "1f9c", "authn_context": "https://refeds.org/profile/mfa"}}
    assert "Op" in explain(stronger, "--json").data["roles"]


def test_the_documentations_own_rules_and_example_do_what_it_says(oidc: Oidc, tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "providers" / "saml.md").read_text(encoding="utf-8")
    document = next(text for text in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL) if "urn:oid" in text)
    person = json.loads(re.search(r"```json\n(.*?)```", page, re.DOTALL)[1])
    person["saml"]["authn_context"] = "https://refeds.org/profile/mfa"
    person |= {"department": "finance", "urn:oid:2.5.4.11": "operations"}
    (tmp_path / "saml.yaml").write_text(document)
    (tmp_path / "person.json").write_text(json.dumps(person))
    files = ("--claims", str(tmp_path / "person.json"), "--config-file", str(tmp_path / "saml.yaml"))
    assert oidc("explain", *files, "--json").data["roles"] == ["Admin", "Op", "Viewer"]


def test_a_person_without_a_rule_is_denied(explain) -> None:  # type: ignore[no-untyped-def]
    told = explain({**ADA, "groups": "canteen"})
    assert told.code == 2
    assert "REFUSED (no_matching_rule)" in told.out


def test_the_subject_attribute_names_the_person(explain) -> None:  # type: ignore[no-untyped-def]
    person = {**ADA, "saml": {"name_id": "x", "name_id_format": "transient"}, "number": "4711"}
    assert explain(person, "--json", provider="post").data["identity"]["subject"] == "4711"
    failed = explain(ADA, provider="post")
    assert failed.code == 1
    assert "saml_subject_attribute" in failed.err
    assert "`subject_attribute`" in failed.err


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ("urn:oasis:names:tc:SAML:2.0:nameid-format:transient", "saml_name_id_transient"),
        ("email", "saml_name_id_format"),
    ],
)
def test_what_names_nobody_for_good_is_refused_with_the_remedy(explain, told: str, code: str) -> None:  # type: ignore[no-untyped-def]
    failed = explain({**ADA, "saml": {"name_id": "1f9c", "name_id_format": told}})
    assert failed.code == 1
    assert code in failed.err
    assert "subject_attribute" in failed.err


def test_an_assertion_of_another_provider_is_denied(explain) -> None:  # type: ignore[no-untyped-def]
    told = explain(build(assertion_issuer="https://other.example"))
    assert told.code == 2
    assert "https://other.example" in told.out


def encrypted() -> bytes:
    root = etree.fromstring(build())
    encrypt(root, key_pair("sp"))
    return etree.tostring(root)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not a SAML message"),
        (b"\xff\xfe", "neither XML nor JSON nor base64"),
        (b"some words!", "neither XML nor JSON nor base64"),
        (b"c29tZSB3b3Jkcw==", "not a SAML message"),
        (b"<html/>", "exactly one assertion"),
        (b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>', "saml_doctype"),
        (b"[1]", "neither"),
        (b"{", "not JSON"),
        (b"{}", "does not say who"),
        (b'{"saml": 1}', "object of texts"),
        (b'{"saml": {"nameid": "x"}}', "has no 'nameid'"),
        (b'{"saml": {"name_id": "x"}, "groups": [1]}', "text or a list of texts"),
        (assertion_xml(Parts(authn_statement=False)).encode(), "AuthnStatement"),
        (encrypted(), "encrypted"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(explain, data: bytes, said: str) -> None:  # type: ignore[no-untyped-def]
    failed = explain(data)
    assert failed.code == 1
    assert said in failed.err
    assert "Traceback" not in failed.err
