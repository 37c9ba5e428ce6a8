"""The shipped JSON Schema: ``python -m airflow_oidc_auth.config.json_schema`` writes it anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from airflow_oidc_auth.config.known import schema

SCHEMA_FILE = Path(__file__).with_name("schema.json")
SCHEMA_ID = "urn:airflow-oidc-auth:configuration:1"


def build_schema() -> dict[str, Any]:
    """Return the document's JSON Schema (draft 2020-12) for editors and CI."""
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA_ID, "title": "airflow-oidc-auth"}
    return {**head, **{key: _tidy(value) for key, value in schema().items() if key not in head}}


def _tidy(node: Any) -> Any:
    """Drop generated titles, and the null that stands for "left out": a key without a value is an error."""
    if isinstance(node, list):
        return [_tidy(each) for each in node]
    if not isinstance(node, dict):
        return node
    tidy = {key: _tidy(value) for key, value in node.items() if not _is_noise(key, value)}
    choices = [each for each in tidy.get("anyOf", ()) if each != {"type": "null"}]
    if len(choices) == 1:
        del tidy["anyOf"]
        return {**choices[0], **tidy}
    return {**tidy, "anyOf": choices} if choices else tidy


def _is_noise(key: str, value: Any) -> bool:
    return (key == "title" and isinstance(value, str)) or (key == "default" and value is None)


def dump_schema() -> str:
    """Return the file's content."""
    return json.dumps(build_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SCHEMA_FILE.write_text(dump_schema(), encoding="utf-8")
