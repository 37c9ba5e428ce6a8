"""The pages about identity providers hold configurations that work."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import pytest

from airflow_oidc_auth.config.compile import compile_document
from airflow_oidc_auth.config.document import load_document
from airflow_oidc_auth.config.single import document_from_options
from airflow_oidc_auth.providers.presets import preset, preset_names, saml_preset_names
from airflow_oidc_auth.secret import Secret

PAGES = Path(__file__).parents[3] / "docs" / "providers"
ROLES = ("Admin", "Op", "User", "Viewer", "Public")


def blocks(name, language):
    return re.findall(rf"```{language}\n(.*?)```", (PAGES / f"{name}.md").read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("name", preset_names())
def test_the_complete_configuration_compiles(name):
    documents = blocks(name, "yaml")
    assert documents
    for text in documents:
        compiled = compile_document(load_document(text, f"{name}.md"), secrets=None, known_roles=ROLES)
        assert [settings.preset for settings in compiled.providers.values()] == [name]


@pytest.mark.parametrize("name", preset_names())
def test_the_five_lines_compile(name):
    (text,) = blocks(name, "ini")
    parser = configparser.ConfigParser()
    parser.read_string(text.replace("YOUR_TENANT_ID", "11111111-2222-3333-4444-555555555555"))
    options = dict(parser["oidc_auth"])
    assert list(options) == ["preset", "issuer", "client_id", "client_secret", "role_mapping"]
    document = document_from_options(**{**options, "client_secret": Secret("s3cret")})
    compiled = compile_document(document, secrets=None, known_roles=ROLES)
    assert [settings.preset for settings in compiled.providers.values()] == [name]


def test_every_preset_has_a_page_that_the_index_names():
    pages = {page.stem for page in PAGES.glob("*.md")} - {"index"}
    assert pages == {*preset_names(), "saml"}
    index = (PAGES / "index.md").read_text(encoding="utf-8")
    assert all(f"({name}.md)" in index for name in pages)
    assert all(f"[`{name}`](saml.md" in index for name in saml_preset_names())


def test_the_documents_of_saml_compile():
    documents = blocks("saml", "yaml")
    assert len(documents) > 1
    for text in documents:
        compile_document(load_document(text, "saml.md"), secrets=None, known_roles=ROLES)


@pytest.mark.parametrize("name", saml_preset_names())
def test_the_page_of_saml_tells_what_each_preset_reads(name):
    page = (PAGES / "saml.md").read_text(encoding="utf-8")
    row = next(line for line in page.splitlines() if line.startswith("|") and f"`{name}`" in line)
    saml = preset(name)
    for path in (saml.email_claim, *(source.path for source in saml.groups)):
        assert str(path).rpartition("/")[2].strip("'\"]") in row


@pytest.mark.parametrize("name", [name for name in preset_names() if name != "oidc"])
def test_a_page_says_that_nothing_was_tried_at_the_vendor(name):
    assert "Not tested against" in (PAGES / f"{name}.md").read_text(encoding="utf-8")
