from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from airflow_oidc_auth.config.compile import compile_document
from airflow_oidc_auth.config.document import RawDocument, load_document
from airflow_oidc_auth.config.reload import DocumentWatcher, InForce
from airflow_oidc_auth.config.secrets import SecretResolver
from airflow_oidc_auth.errors import ConfigurationError, Problem
from tests.unit.config.documents import ROLES, SECRET, compile_text, document


def load(content: bytes) -> RawDocument:
    return load_document(content.decode(), "f.yaml")


class Bench:
    """A watcher with a file that tests write, and what it reported."""

    def __init__(self, read: Callable[[], bytes] | None = None) -> None:
        self.content: bytes | OSError = document().encode()
        self.environ = {"SECRET": SECRET}
        self.accepted: list[tuple[InForce, InForce]] = []
        self.rejected: list[tuple[Problem, ...]] = []
        resolver = SecretResolver(environ=self.environ)
        self.arguments: dict[str, Any] = {
            "source": "f.yaml",
            "read": read or self.read,
            "compile": lambda raw: compile_document(raw, secrets=resolver, known_roles=ROLES),
            "load": load,
            "current": InForce(load(self.content), compile_text(document())),
            "accept": lambda new, old: self.accepted.append((new, old)),
            "reject": lambda problems: self.rejected.append(tuple(problems)),
        }
        self.watcher = DocumentWatcher(**self.arguments)

    def read(self) -> bytes:
        if isinstance(self.content, OSError):
            raise self.content
        return self.content


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_an_unchanged_or_reformatted_document_changes_nothing(bench):
    assert not bench.watcher.look()
    bench.content = b"# a comment\n" + document().encode()
    assert not bench.watcher.look()
    assert (bench.accepted, bench.rejected) == ([], [])


def test_a_changed_document_replaces_the_old_one(bench):
    old = bench.watcher.current
    bench.content = document(provider="label: New").encode()
    assert bench.watcher.look()
    assert bench.accepted == [(bench.watcher.current, old)]
    assert bench.watcher.current.config.providers["idp"].label == "New"
    assert not bench.watcher.look()


@pytest.mark.parametrize(
    "content, fragment",
    [
        (b"", "is empty"),
        (b"version: 1\nproviders: {}", "names no provider"),
        (b'version: 1\nproviders: {"\\U00110000": {}}', "holds a number that is too large"),
        (document(provider="client_secret: {env: GONE}").encode(), "environment variable GONE is not set"),
        (FileNotFoundError(2, "No such file or directory"), "cannot be read: No such file or directory"),
    ],
)
def test_a_bad_document_keeps_the_old_one_and_is_reported_once(bench, content, fragment):
    old = bench.watcher.current
    bench.content = content
    assert not bench.watcher.look()
    assert not bench.watcher.look()
    assert bench.watcher.current is old
    (problems,) = bench.rejected
    assert any(fragment in each.text for each in problems)
    assert bench.watcher.problems == problems
    bench.content = document(provider="label: Good").encode()
    assert bench.watcher.look()
    assert bench.watcher.current.config.providers["idp"].label == "Good"
    assert bench.watcher.problems == ()


def test_a_document_that_cannot_be_put_to_use_is_rejected_and_the_old_one_stays(bench):
    def refuse(new: InForce, old: InForce) -> None:
        raise ConfigurationError([Problem("providers.idp", "cannot be built")])

    watcher, old = DocumentWatcher(**{**bench.arguments, "accept": refuse}), bench.watcher.current
    bench.content = document(provider="label: New").encode()
    assert not watcher.look()
    assert not watcher.look()
    assert watcher.current == old
    assert [[each.path for each in problems] for problems in bench.rejected] == [["providers.idp"]]


def test_a_file_that_is_being_written_is_not_taken_for_half_of_it(bench):
    """Its first lines may be valid, and lack the role that denies."""
    whole = document(grants="rules: [{when: {group: f}, roles: [Op]}]", top="roles: {a: {extends: [Viewer]}}")
    half = whole[: whole.index("roles: {a")]
    compile_text(half)
    for first in (half.encode(), b"", FileNotFoundError(2, "No such file or directory")):
        bench.content = first

        def write_the_rest() -> None:
            bench.content = whole.encode()

        watcher = DocumentWatcher(**bench.arguments, pause=write_the_rest)
        assert not watcher.look()
        assert (bench.accepted, bench.rejected) == ([], [])
        assert watcher.look()
        assert list(bench.accepted.pop()[0].config.roles) == ["a"]


def test_a_bad_document_that_is_put_back_is_no_change(bench):
    bench.content = b"nonsense"
    bench.watcher.look()
    bench.content = document().encode()
    assert not bench.watcher.look()
    assert len(bench.rejected) == 1
    assert (bench.accepted, bench.watcher.problems) == ([], ())


def test_a_document_whose_secret_is_brought_later_is_accepted_then(bench):
    bench.content = document(provider="label: New\nclient_secret: {env: LATER}").encode()
    for _ in range(3):
        assert not bench.watcher.look()
    assert len(bench.rejected) == 1
    bench.environ["LATER"] = "here it is"
    assert bench.watcher.look()
    assert bench.watcher.current.config.providers["idp"].label == "New"
    assert bench.watcher.problems == ()


def test_a_rotated_secret_counts_when_the_document_is_touched(bench):
    bench.environ["SECRET"] = "rotated"
    bench.content = b"# touched\n" + document().encode()
    assert bench.watcher.look()
    assert bench.watcher.current.config.providers["idp"].client_secret.reveal() == "rotated"


def test_sees_a_config_map_whose_symlink_is_swapped(tmp_path):
    for name, label in (("..1", "One"), ("..2", "Two")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "oidc_auth.yaml").write_text(document(provider=f"label: {label}"))
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "oidc_auth.yaml").symlink_to("..data/oidc_auth.yaml")
    bench = Bench((tmp_path / "oidc_auth.yaml").read_bytes)
    assert bench.watcher.look()
    (tmp_path / "..new").symlink_to("..2")
    (tmp_path / "..new").replace(tmp_path / "..data")
    assert bench.watcher.look()
    assert bench.watcher.current.config.providers["idp"].label == "Two"


def test_roles_are_reloaded_and_bad_ones_change_nothing(bench):
    rules = "rules: [{when: {group: f}, roles: [finance, Admin]}]"
    bench.content = document(grants=rules, top="roles: {finance: {extends: [Viewer]}}").encode()
    assert bench.watcher.look()
    assert bench.watcher.current.config.roles["finance"].extends == ("Viewer",)
    bench.content = document(grants=rules, top="roles: {finance: {extends: [finance]}}").encode()
    assert not bench.watcher.look()
    assert bench.rejected[0][0].path == "roles.finance.extends[0]"
    bench.content = document(grants=rules, top="roles: {}").encode()
    assert not bench.watcher.look()
    assert bench.rejected[1][0].path == "grants.rules[0].roles[0]"
    assert bench.watcher.current.config.roles["finance"].extends == ("Viewer",)
