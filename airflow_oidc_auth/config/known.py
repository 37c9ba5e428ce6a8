"""What may stand at a place, looked up in the JSON Schema: the source of every "did you mean"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from airflow_oidc_auth.config.schema.document import Document

Node = Mapping[str, Any]


@cache
def schema() -> dict[str, Any]:
    """Return the document's JSON Schema, without ``$id``."""
    return Document.model_json_schema(by_alias=True)


def known_words(path: Sequence[str | int], data: object) -> list[str]:
    """Return the keys of the mapping, or the values of the closed list, at a path."""
    words: dict[str, None] = {}
    for node in _nodes(path, data):
        words.update(dict.fromkeys(node.get("properties", ())))
        values = node.get("enum", [node["const"]] if "const" in node else [])
        words.update(dict.fromkeys(str(each).lower() if isinstance(each, bool) else str(each) for each in values))
    return list(words)


def property_example(path: Sequence[str | int], data: object) -> str:
    """Return ``key: example`` for a missing key, or the empty string."""
    for node in _nodes(path[:-1], data):
        examples = node.get("properties", {}).get(path[-1], {}).get("examples")
        if examples:
            return f"{path[-1]}: {write_flow(examples[0])}"
    return ""


def write_flow(value: object) -> str:
    """Write an example as YAML on one line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {write_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(write_flow, value)) + "]"
    text = str(value)
    return f'"{text}"' if _NEEDS_QUOTES.search(text) else text


_NEEDS_QUOTES = re.compile(r"^[^\w/.-]|: |[{}\[\],]")


@cache
def vendor_keys() -> dict[str, str]:
    """Return each key that not every provider of OpenID Connect or OAuth knows, with its preset.

    SAML is another protocol, with keys of its own.
    """
    (providers,) = schema()["properties"]["providers"]["patternProperties"].values()
    mapping = providers["discriminator"]["mapping"]
    nodes = {preset: set(_resolve({"$ref": ref})["properties"]) for preset, ref in mapping.items()}
    names = {preset: keys for preset, keys in nodes.items() if "client_id" in keys}
    shared = set.intersection(*names.values())
    return {key: preset for preset, keys in names.items() for key in keys - shared}


def vendor_of(key: str) -> str | None:
    """Return the preset that alone knows a provider key."""
    return vendor_keys().get(key)


def _resolve(node: Node) -> Node:
    while "$ref" in node:
        node = schema()["$defs"][node["$ref"].rpartition("/")[2]]
    return node


def _branches(node: Node, data: object) -> Iterator[Node]:
    """Yield a node, or the branches of a union; the discriminator's branch if the data names it."""
    node = _resolve(node)
    tag = data.get("preset") if isinstance(data, Mapping) and "discriminator" in node else None
    mapping = node.get("discriminator", {}).get("mapping", {})
    if isinstance(tag, str) and tag in mapping:
        yield _resolve({"$ref": mapping[tag]})
        return
    alternatives = [*node.get("oneOf", ()), *node.get("anyOf", ())]
    if not alternatives:
        yield node
    for each in alternatives:
        yield from _branches(each, data)


def _nodes(path: Sequence[str | int], data: object) -> list[Node]:
    """Return the schema nodes that a path can mean."""
    nodes = list(_branches(schema(), data))
    for step in path:
        data = _child(data, step)
        nodes = [branch for node in nodes for child in _children(node, step) for branch in _branches(child, data)]
    return nodes


def _child(data: object, step: str | int) -> object:
    if isinstance(data, Mapping) and isinstance(step, str):
        return data.get(step)
    return data[step] if isinstance(data, list) and isinstance(step, int) and step < len(data) else None


def _children(node: Node, step: str | int) -> Iterator[Node]:
    if isinstance(step, int):
        if "items" in node:
            yield node["items"]
    elif step in node.get("properties", {}):
        yield node["properties"][step]
    else:
        yield from node.get("patternProperties", {}).values()
        if isinstance(node.get("additionalProperties"), Mapping):
            yield node["additionalProperties"]
