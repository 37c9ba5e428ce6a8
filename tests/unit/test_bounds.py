"""Nothing in a server's memory grows without a bound, and every bound is told in docs/reliability.md.

What may grow is found in the source: attributes that begin as an empty container, and caches of functions. Whoever adds
one says on that page what bounds it, or names it below as filled only while a document or one request is read.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from airflow_oidc_auth.sessions.models import metadata

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "airflow_oidc_auth"
CONTAINERS = {"dict", "list", "set", "OrderedDict", "defaultdict", "deque", "Counter", "Queue", "SimpleQueue"}
# Commands end; fakes serve tests.
ELSEWHERE = ("cli", "testing")
FOR_ONE_READING = {
    "audit.chain.check.ChainCheck",
    "audit.chain.keys.TrustedKeys",
    "audit.chain.verify.Leaves",
    "audit.chain.walk.Walk",
    "config.strict_yaml._Builder",
    "errors.OidcAuthError",
    "fab.mapped_identities.Linked",
    "fab.mapped_identities.MappedIdentities",
    "grants.settings.Findings",
    "login.token_cli.CliTokens",
    "policy.lines._Sorter",
    "providers.bearer.issuers.BearerIssuers",
    "providers.saml.untrusted._Scan",
}
"""Filled while a document, a row of a command's or one message is read; a message has its own limits of size."""


@cache
def modules() -> tuple[tuple[str, ast.Module], ...]:
    """Return the name and the syntax of each module that a server may load."""
    return tuple(_read_modules())


def _read_modules() -> Iterator[tuple[str, ast.Module]]:
    for file in sorted(PACKAGE.rglob("*.py")):
        parts = file.relative_to(PACKAGE).with_suffix("").parts
        if parts[0] not in ELSEWHERE:
            yield ".".join(parts), ast.parse(file.read_text(encoding="utf-8"))


def is_empty_container(node: ast.expr | None) -> bool:
    if isinstance(node, ast.Dict):
        return not node.keys
    if isinstance(node, ast.List):
        return not node.elts
    if not isinstance(node, ast.Call):
        return False
    called = node.func.value if isinstance(node.func, ast.Subscript) else node.func
    name = called.id if isinstance(called, ast.Name) else called.attr if isinstance(called, ast.Attribute) else ""
    return name in CONTAINERS


def growing_attributes(tree: ast.Module) -> Iterator[str]:
    """Yield ``Class.attribute`` for each attribute that a method lets begin as an empty container."""
    for owner in (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)):
        for node in ast.walk(owner):
            if not isinstance(node, (ast.Assign, ast.AnnAssign)):
                continue
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
            names = [
                each for target in targets for each in (target.elts if isinstance(target, ast.Tuple) else [target])
            ]
            if not any(is_empty_container(value) for value in values):
                continue
            for name, value in zip(names, values if len(values) == len(names) else values * len(names), strict=True):
                if isinstance(name, ast.Attribute) and is_empty_container(value):
                    yield f"{owner.name}.{name.attr}"


def boundless_caches(tree: ast.Module) -> Iterator[str]:
    """Yield each function with parameters whose results are all remembered."""
    for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        takes = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
        if not takes or isinstance(function.args.vararg, ast.arg):
            takes = takes or ([function.args.vararg] if function.args.vararg else [])
        for decorator in function.decorator_list:
            said = ast.unparse(decorator)
            if takes and (said.endswith("cache") or "maxsize=None" in said):
                yield function.name


def told() -> set[str]:
    text = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    _, _, section = text.partition("\n## What a server remembers\n")
    return set(re.findall(r"`([\w.]+)`", section.partition("\n## ")[0]))


def test_every_container_of_a_server_has_a_bound_that_is_told():
    found = {f"{module}.{name}" for module, tree in modules() for name in growing_attributes(tree)}
    held = {name for name in found if name.rpartition(".")[0] not in FOR_ONE_READING}
    assert held, "nothing found: this test looks at the wrong place"
    assert sorted(held - told()) == [], "say in docs/reliability.md, “What a server remembers”, what bounds it"


def test_what_the_page_tells_of_exists():
    found = {f"{module}.{name}" for module, tree in modules() for name in growing_attributes(tree)}
    functions = {
        f"{module}.{node.name}"
        for module, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
    }
    tables = set(metadata.tables) | {"log"}
    named = {name for name in told() if "." in name and not name.endswith((".md", ".py"))}
    assert sorted(named - found - functions - tables) == []


def test_no_cache_of_a_function_grows_with_its_callers():
    found = {f"{module}.{name}" for module, tree in modules() for name in boundless_caches(tree)}
    assert sorted(found - told()) == [], "give it a maxsize, or say in docs/reliability.md what its arguments can be"


def test_every_table_is_told_with_what_takes_rows_away():
    assert sorted(set(metadata.tables) - told()) == []


@pytest.mark.parametrize(
    "source",
    [
        "class A:\n def __init__(self):\n  self._seen: dict[str, int] = {}",
        "class A:\n def __init__(self):\n  self._seen = OrderedDict[str, int]()",
        "class A:\n def __init__(self):\n  self.limit, self._seen = 3, set()",
        "class A:\n def __init__(self):\n  self._seen = collections.deque()",
    ],
)
def test_a_new_container_is_found(source):
    assert list(growing_attributes(ast.parse(source))) == ["A._seen"]


@pytest.mark.parametrize("decorator", ["cache", "functools.cache", "lru_cache(maxsize=None)"])
def test_a_new_boundless_cache_is_found(decorator):
    assert list(boundless_caches(ast.parse(f"@{decorator}\ndef look(up): ..."))) == ["look"]
    assert list(boundless_caches(ast.parse(f"@{decorator}\ndef once(): ..."))) == []
