"""A SAML provider in the document: what compiles, and what is said about what does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_oidc_auth.config.compile import compile_document
from airflow_oidc_auth.config.compiled import CompiledConfig
from airflow_oidc_auth.config.document import load_document
from airflow_oidc_auth.config.secrets import SecretResolver
from airflow_oidc_auth.errors import ConfigurationError
from airflow_oidc_auth.providers.presets import saml_preset_names
from airflow_oidc_auth.providers.saml.settings import NAME_ID_FORMATS, SamlSettings
from airflow_oidc_auth.providers.settings import ProviderSettings
from tests.unit.providers.saml.making import IDP, KeyPair, idp_metadata, key_pair

PERSISTENT = NAME_ID_FORMATS["persistent"]
OID = "http://schemas.microsoft.com/identity/claims/objectidentifier"


def compile_lines(*lines: str, resolve: bool = False, preset: str = "saml", **environ: str) -> CompiledConfig:
    base = [f"preset: {preset}"]
    if not any(line.startswith("issuer:") for line in lines):
        base.append(f"issuer: {IDP}")
    if not any(line.startswith("metadata_") for line in lines):
        base.append("metadata_url: https://idp.example/metadata")
    text = "\n    ".join([*base, *lines])
    rules = "grants:\n  rules:\n    - {when: {group: admins}, roles: [Admin]}\n"
    document = load_document(f"version: 1\nproviders:\n  corp:\n    {text}\n{rules}", "saml.yaml")
    resolver = SecretResolver(environ=environ, read_connection=lambda _: "") if resolve else None
    return compile_document(document, secrets=resolver, known_roles=("Admin",))


def compiled(*lines: str, **options: Any) -> tuple[ProviderSettings, SamlSettings]:
    provider = compile_lines(*lines, **options).providers["corp"]
    assert provider.saml is not None
    return provider, provider.saml


def problems(*lines: str, **options: Any) -> dict[str, str]:
    with pytest.raises(ConfigurationError) as caught:
        compile_lines(*lines, **options)
    return {
        each.path.removeprefix("providers.corp."): f"{each.text} {each.suggestion}" for each in caught.value.problems
    }


def pem(pair: KeyPair, **names: str) -> dict[str, str]:
    return {names.get("key", "KEY"): pair.key, names.get("certificate", "CERTIFICATE"): pair.certificate}


KEYS = ("signing_key: {env: KEY}", "certificate: {env: CERTIFICATE}")


@pytest.mark.parametrize("preset", saml_preset_names())
def test_three_lines_are_enough_and_nothing_is_weakened(preset: str) -> None:
    provider, saml = compiled(preset=preset)
    assert (provider.issuer, provider.client_id, provider.leeway, provider.logout) == (IDP, "", 60, "single")
    assert provider.groups
    assert not saml.allow_idp_initiated
    assert not saml.force_authn
    assert PERSISTENT in saml.name_id_formats
    assert NAME_ID_FORMATS["email"] not in saml.name_id_formats


def test_keys_and_certificates_come_by_reference() -> None:
    own, other = key_pair("sp"), key_pair("decryption")
    more = ("decryption_key: {env: KEY2}", "decryption_certificate: {env: CERTIFICATE2}")
    environ = pem(own) | pem(other, key="KEY2", certificate="CERTIFICATE2")
    _, saml = compiled(*KEYS, *more, resolve=True, **environ)
    assert saml.signing_key is not None
    assert saml.decryption_key is not None
    assert (saml.signing_key.reveal(), saml.decryption_key.reveal()) == (own.key, other.key)
    assert (saml.certificate, saml.decryption_certificate) == (own.certificate, other.certificate)
    assert "PRIVATE" not in repr(saml)


def test_everything_that_can_be_chosen_is_taken_over() -> None:
    provider, saml = compiled(
        "entity_id: urn:airflow:team",
        "name_id_formats: [persistent, windows]",
        "attributes: {name: cn, email: mail.address}",
        "groups: [{attribute: a.b, format: csv, strip_prefix: /}, {attribute: roles}]",
        "binding: post",
        "authn_contexts: [urn:strong]",
        "force_authn: true",
        "require_encryption: false",
        "require_signed_response: true",
        "leeway: 2m",
        "logout: false",
        f'fingerprints: ["{":".join(["AB"] * 32)}"]',
    )
    assert (provider.client_id, provider.leeway, provider.logout) == ("urn:airflow:team", 120, "none")
    assert provider.email_claim is not None
    # An attribute is named as it is spelt: a dot is no path.
    assert list(provider.email_claim.find({"mail.address": "x"})) == ["x"]
    assert list(provider.groups[0].path.find({"a.b": "x"})) == ["x"]
    assert saml.name_id_formats == (PERSISTENT, NAME_ID_FORMATS["windows"])
    assert (saml.binding, saml.authn_contexts, saml.fingerprints) == ("post", ("urn:strong",), ("ab" * 32,))
    assert saml.force_authn
    assert saml.require_signed_response


def test_a_preset_may_name_people_by_an_attribute_until_formats_are_chosen() -> None:
    assert compiled(preset="entra-saml")[1].subject_attribute == OID
    assert compiled("name_id_formats: [persistent]", preset="entra-saml")[1].subject_attribute is None
    assert compiled("subject_attribute: number", preset="entra-saml")[1].subject_attribute == "number"


@pytest.mark.parametrize(
    ("lines", "path", "said"),
    [
        (("metadata_url: https://a.example/m", "metadata_file: /m.xml"), "metadata_url", "contradicts"),
        (("metadata_url: http://a.example/m",), "metadata_url", "https"),
        (("certificate: {env: X}",), "certificate", "without signing_key"),
        (("decryption_key: {env: X}",), "decryption_certificate", "nobody could encrypt"),
        (("require_encryption: true",), "require_encryption", "needs a key"),
        (("fingerprints: [abc]",), "fingerprints[0]", "SHA-256"),
        (("fingerprints: []",), "fingerprints", ""),
        (("name_id_formats: [transient]",), "name_id_formats[0]", ""),
        (("name_id_formats: []",), "name_id_formats", ""),
        (("binding: artifact",), "binding", "redirect"),
        (("leeway: 10m",), "leeway", "5m"),
        (("signing_key: -----BEGIN",), "signing_key", ""),
        (("client_id: x",), "client_id", ""),
        (("scopes: [openid]",), "scopes", ""),
        (("groups: {claim: groups}",), "groups.attribute", ""),
        (("allow_idp_inititated: true",), "allow_idp_inititated", "allow_idp_initiated"),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(lines: tuple[str, ...], path: str, said: str) -> None:
    found = problems(*lines)
    assert path in found
    assert said in found[path]


def test_all_problems_are_told_at_once() -> None:
    assert {"binding", "leeway", "fingerprints[0]"} <= problems("binding: x", "leeway: 1h", "fingerprints: [x]").keys()


@pytest.mark.parametrize(
    ("environ", "path", "said"),
    [
        (pem(KeyPair(key_pair("sp").key, key_pair("idp").certificate)), "certificate", "another key"),
        (pem(key_pair("weak", "weak")), "signing_key", "2048 bits"),
        (pem(KeyPair("x", key_pair("sp").certificate)), "signing_key", "not a private key"),
        (pem(KeyPair(key_pair("sp").key, "x")), "certificate", "not a certificate"),
        (pem(KeyPair(key_pair("sp").certificate, key_pair("sp").certificate)), "signing_key", "not a private key"),
        ({}, "signing_key", "KEY"),
    ],
)
def test_keys_that_cannot_be_used_are_problems_and_stay_secret(environ: dict[str, str], path: str, said: str) -> None:
    found = problems(*KEYS, resolve=True, **environ)
    assert said in found[path]
    assert key_pair("sp").key[40:80] not in str(found)


def test_a_metadata_file_is_read_before_the_server_starts(tmp_path: Path) -> None:
    file = tmp_path / "idp.xml"
    line = f"metadata_file: {file}"
    assert "cannot read the file" in problems(line, resolve=True)["metadata_file"]
    file.write_bytes(b"<html/>")
    assert problems(line, resolve=True).keys() & {"metadata_file", "issuer"}
    file.write_bytes(idp_metadata(entity_id="https://other.example"))
    assert "https://other.example" in problems(line, resolve=True)["issuer"]
    file.write_bytes(idp_metadata())
    assert compiled(line, resolve=True)[1].metadata_file == str(file)
