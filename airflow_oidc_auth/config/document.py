"""The raw document: text read as data, every place still knowing its line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from airflow_oidc_auth.config.paths import Path, conceal, format_path, parse_path
from airflow_oidc_auth.config.python_words import in_python
from airflow_oidc_auth.config.strict_yaml import YamlProblem, parse_yaml
from airflow_oidc_auth.errors import ConfigurationError, Problem
from airflow_oidc_auth.secret import Secret

VERSION = 1


@dataclass(frozen=True, slots=True)
class RawDocument:
    """Data of version 1, not yet validated. Shows no value in its repr: a bare secret may be among them.

    :param source: file name for messages
    :param data: the top-level mapping
    :param lines: 1-based line of each path
    :param names: how places are called if they do not come from a file (``[oidc_auth] issuer``)
    :param given_secrets: secrets that Airflow has already resolved, by place
    :param complaints: problems found while reading that did not stop it
    :param root: the Python variable that holds the data (``OIDC_AUTH``), empty for YAML
    :param elsewhere: name, and file with line, of parts that were not written in this document
    """

    source: str
    data: Mapping[str, object] = field(repr=False)
    lines: Mapping[Path, int] = field(default_factory=dict, repr=False)
    names: Mapping[Path, str] = field(default_factory=dict, repr=False)
    given_secrets: Mapping[Path, Secret] = field(default_factory=dict, repr=False)
    complaints: tuple[Problem, ...] = ()
    root: str = ""
    elsewhere: Mapping[Path, tuple[str, str]] = field(default_factory=dict, repr=False)

    def problem(self, path: Sequence[str | int], text: str, suggestion: str = "") -> Problem:
        """Return a problem that names the place as its author knows it."""
        steps = conceal(tuple(path))
        for length in range(len(steps), 0, -1):
            if found := self.elsewhere.get(steps[:length]):
                return Problem(found[0], in_python(text), in_python(suggestion), found[1])
        if self.root:
            text, suggestion = in_python(text), in_python(suggestion)
        return Problem(self._name(steps), text, suggestion, self._where(steps))

    def place(self, problem: Problem, prefix: Path = ()) -> Problem:
        """Return a problem found elsewhere, whose path is relative to ``prefix``, at its place in this document."""
        return self.problem((*prefix, *parse_path(problem.path)), problem.text, problem.suggestion)

    def _name(self, path: Path) -> str:
        for length in range(len(path), -1, -1):
            if name := self.names.get(path[:length]):
                return name
        return format_path((self.root, *path) if self.root else path)

    def _where(self, path: Path) -> str:
        for length in range(len(path), -1, -1):
            if line := self.lines.get(path[:length]):
                return f"{self.source}:{line}"
        return "" if self.names else self.source


def load_document(text: str, source: str) -> RawDocument:
    """Read YAML text.

    :param source: file name for messages
    :raises ConfigurationError: not YAML, not a mapping, or not version 1
    """
    try:
        tree = parse_yaml(text)
    except YamlProblem as error:
        found = Problem(format_path(conceal(error.path)), error.text, error.suggestion, f"{source}:{error.line}")
        raise ConfigurationError([found]) from None
    if tree.data is None:
        raise ConfigurationError([Problem("(document)", "is empty", "begin with `version: 1`", source)])
    if not isinstance(tree.data, dict):
        text = "must be a mapping with the keys version, providers, grants"
        raise ConfigurationError([Problem("(document)", text, "begin with `version: 1`", f"{source}:1")])
    complaints = tuple(
        Problem(format_path(conceal(one.path)), one.text, one.suggestion, f"{source}:{one.line}")
        for one in tree.complaints
    )
    raw = RawDocument(source, MappingProxyType(tree.data), MappingProxyType(tree.lines), complaints=complaints)
    check_version(raw)
    return raw


def check_version(raw: RawDocument) -> None:
    """Refuse other versions before anything else: their other keys may mean something else.

    :raises ConfigurationError: it is another version
    """
    version = raw.data.get("version")
    if version == VERSION and isinstance(version, int) and not isinstance(version, bool):
        return
    if "version" not in raw.data:
        found = raw.problem(("version",), "is missing", "begin the document with `version: 1`")
    elif str(version) == "1" or version is True:
        found = raw.problem(("version",), "must be the number 1", "write `version: 1` without quotes")
    else:
        found = raw.problem(("version",), "this release reads version 1 only", "write `version: 1`")
    raise ConfigurationError([*raw.complaints, found])
