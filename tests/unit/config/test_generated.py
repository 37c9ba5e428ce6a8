"""What is generated is current, complete and true."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from airflow_oidc_auth.config.error_reference import build_error_reference
from airflow_oidc_auth.config.json_schema import SCHEMA_FILE, build_schema
from airflow_oidc_auth.config.known import vendor_keys
from airflow_oidc_auth.config.reference import build_reference
from airflow_oidc_auth.messages import all_messages
from airflow_oidc_auth.providers.presets import preset, preset_names, saml_preset_names, workload_preset_names
from tests.unit.config.documents import compile_text

ROOT = Path(__file__).parents[3]
EXAMPLES = [ROOT / "examples/oidc_auth.yaml", *sorted((ROOT / "examples/providers").glob("*.yaml"))]


def properties(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for key, value in node.items() if isinstance(node, dict) else ():
        if key == "properties":
            yield from ((f"{path}.{name}", each) for name, each in value.items())
        yield from properties(value, f"{path}.{key}")


def test_the_shipped_schema_is_current():
    assert json.loads(SCHEMA_FILE.read_text()) == build_schema(), "run python -m airflow_oidc_auth.config.json_schema"


def test_the_shipped_schema_is_a_schema_with_an_id():
    schema = build_schema()
    Draft202012Validator.check_schema(schema)
    assert schema["$id"].startswith("urn:airflow-oidc-auth:")


def test_every_key_has_a_description():
    assert [path for path, each in properties(build_schema()) if not each.get("description")] == []


def test_the_schema_knows_every_preset_and_its_own_keys():
    (providers,) = build_schema()["properties"]["providers"]["patternProperties"].values()
    assert set(providers["discriminator"]["mapping"]) == {
        *preset_names(),
        *saml_preset_names(),
        *workload_preset_names(),
    }
    assert vendor_keys() == {key: name for name in preset_names() for key in preset(name).option_keys}


def test_the_configuration_reference_is_current():
    page = (ROOT / "docs/reference/configuration.md").read_text()
    assert page == build_reference(), (
        "run python -m airflow_oidc_auth.config.reference > docs/reference/configuration.md"
    )


def test_the_error_reference_is_current():
    page = (ROOT / "docs/reference/errors.md").read_text()
    assert page == build_error_reference(), (
        "run python -m airflow_oidc_auth.config.error_reference > docs/reference/errors.md"
    )


@pytest.mark.parametrize("code", sorted(all_messages()))
def test_every_code_says_what_happened_what_to_do_and_who_acts(code):
    message = all_messages()[code]
    assert code.isidentifier()
    assert code.islower()
    assert message.title
    assert message.text.endswith(".")
    assert message.hint
    assert 400 <= message.status < 600
    assert message.actor in {"user", "admin", "idp", "nobody"}


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_every_example_compiles_without_a_warning(file):
    assert compile_text(file.read_text(), offline=True).warnings == ()


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_every_example_is_valid_for_editors(file):
    Draft202012Validator(build_schema()).validate(yaml.safe_load(file.read_text()))


def test_there_is_an_example_for_each_preset():
    assert {file.stem for file in EXAMPLES[1:]} == set(preset_names())
