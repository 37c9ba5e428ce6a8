"""YAML without surprises: plain data with the line of every value.

Configuration is an attack surface when somebody else's template writes part of it, and a trap when YAML
guesses. So: no tags, no merge keys, no duplicate keys, text keys only, bounded size, depth and expansion
(the "billion laughs" of nested anchors), and numbers and dates only where nobody can take them for text.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

import yaml

from airflow_oidc_auth.config.paths import Path, has_control_characters, shorten

MAX_CHARACTERS = 512 * 1024
MAX_DEPTH = 24
MAX_VALUES = 50_000

_QUOTED = re.compile(r"'([^']*)'")
# YAML 1.1 ends a line, and with it a comment, where editors and reviews show none; the others turn the order of what
# is shown round. A comment could hide a rule.
_HIDDEN = re.compile("\r(?!\n)|[\x85\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_SAFE_TO_QUOTE = re.compile(r".|<[a-z ]+>|\\.")
_BOOLS = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}
_RESOLVERS = (
    ("bool", r"(?i:yes|no|true|false|on|off)", "yYnNtTfFoO"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    # YAML 1.1 also reads 1:30 as 90 and 010 as 8; here both stay text, and the schema says what is wrong.
    ("int", r"[-+]?(?:0|[1-9][0-9]{0,17})", "-+0123456789"),
    (
        "float",
        r"[-+]?(?:[0-9]{1,17}\.[0-9]{0,17}|\.[0-9]{1,17}|[0-9]{1,17}(?=e))(?:e[-+]?[0-9]{1,3})?",
        "-+.0123456789",
    ),
    ("merge", r"<<", "<"),
)


class YamlProblem(Exception):
    """The text is not the YAML that we accept. Holds no piece of the text but key names."""

    def __init__(self, text: str, line: int, suggestion: str = "", path: Path = ()) -> None:
        super().__init__(text)
        self.text = text
        self.line = line
        self.suggestion = suggestion
        self.path = path


@dataclass(frozen=True, slots=True)
class Complaint:
    """Something wrong at a known place that does not keep the rest from being read."""

    path: Path
    line: int
    text: str
    suggestion: str = ""


@dataclass(slots=True)
class Tree:
    """The data, the 1-based line of every path, and what was wrong on the way."""

    data: object = None
    lines: dict[Path, int] = field(default_factory=dict)
    complaints: list[Complaint] = field(default_factory=list)


class _Loader(yaml.SafeLoader):
    """Composes nodes only; our own resolvers, bounded depth, no tags."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]  # its stubs have no hints
        line = event.start_mark.line + 1
        if getattr(event, "tag", None) is not None:
            raise YamlProblem("tags (words that begin with '!') are not supported", line, "write plain values")
        if self.depth >= MAX_DEPTH:
            raise YamlProblem(f"nested deeper than {MAX_DEPTH} levels", line)
        self.depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in _RESOLVERS:
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_pattern})\Z"), list(_first))


def parse_yaml(text: str) -> Tree:
    """Parse one document.

    :raises YamlProblem: not YAML, or YAML beyond the bounds; duplicate and non-text keys are complaints
    """
    if len(text) > MAX_CHARACTERS:
        raise YamlProblem(f"larger than {MAX_CHARACTERS // 1024} KiB", 1, "is this the right file?")
    if hidden := _HIDDEN.search(text):
        line = text.count("\n", 0, hidden.start()) + 1
        raise YamlProblem(f"holds U+{ord(hidden[0]):04X}, which can hide a line", line, "remove it")
    loader: _Loader | None = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        raise _from_yaml(error) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1 if isinstance(error.position, int) else 1
        raise YamlProblem("holds a character that YAML does not allow", line, "remove it, or save as UTF-8") from None
    except (ValueError, OverflowError):
        # PyYAML's own conversions: an escape beyond Unicode, the digits of a version. Not chained: it may quote them.
        line = loader.line + 1 if loader is not None else 1
        raise YamlProblem("holds a number that is too large", line, "look at escapes such as \\U00000041") from None
    finally:
        if loader is not None:
            loader.dispose()
    return _Builder().build(node)


def _from_yaml(error: yaml.MarkedYAMLError) -> YamlProblem:
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 1
    problem = error.problem or ""
    if "'\\t'" in problem:
        return YamlProblem("a tab is used for indentation", line, "use spaces")
    if "single document" in (error.context or ""):
        return YamlProblem("holds several documents", line, "remove the second '---'")
    # PyYAML quotes the offending words; `client_secret: *s3cret` would print the secret as an alias name.
    words = _QUOTED.sub(lambda match: match[0] if _SAFE_TO_QUOTE.fullmatch(match[1]) else "…", problem)
    return YamlProblem(f"is not valid YAML: {words}", line, _yaml_hint(problem))


def _yaml_hint(problem: str) -> str:
    if "mapping values are not allowed" in problem or "cannot start any token" in problem or "alias" in problem:
        return "put the value in quotes"
    return "check indentation and brackets"


class _Builder:
    """Turns nodes into data; an alias is expanded at each use and counted each time."""

    def __init__(self) -> None:
        self._tree = Tree()
        self._count = 0
        self._open: set[int] = set()

    def build(self, node: yaml.Node | None) -> Tree:
        self._tree.data = None if node is None else self._value(node, ())
        return self._tree

    def _value(self, node: yaml.Node, path: Path) -> object:
        line = node.start_mark.line + 1
        self._count += 1
        if self._count > MAX_VALUES:
            raise YamlProblem(f"holds more than {MAX_VALUES} values once its anchors are expanded", line, "", path)
        self._tree.lines.setdefault(path, line)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if id(node) in self._open or len(path) > 2 * MAX_DEPTH:
            raise YamlProblem("an anchor contains itself", line, "write the value out", path)
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.SequenceNode):
                return [self._value(item, (*path, index)) for index, item in enumerate(node.value)]
            return self._mapping(node, path)
        finally:
            self._open.discard(id(node))

    def _mapping(self, node: yaml.Node, path: Path) -> dict[str, object]:
        result: dict[str, object] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node, path)
            if key is None:
                continue
            place, line = (*path, key), key_node.start_mark.line + 1
            if key in result:
                first = self._tree.lines[place]
                self._complain(place, line, f"is given twice, first on line {first}", "keep one of them")
                continue
            self._tree.lines[place] = line
            result[key] = self._value(value_node, place)
        return result

    def _key(self, node: yaml.Node, path: Path) -> str | None:
        line = node.start_mark.line + 1
        tag = node.tag.rpartition(":")[2]
        if tag == "merge":
            self._complain(path, line, "merge keys ('<<') are not supported", "write the keys out")
        elif not isinstance(node, yaml.ScalarNode):
            self._complain(path, line, "a key is a list or mapping", "keys are plain words")
        elif tag != "str":
            self._complain(path, line, f"the key on line {line} is not text for YAML", "put the key in quotes")
        elif has_control_characters(node.value):
            self._complain(path, line, f"the key on line {line} holds control characters", "remove them")
        elif not node.value or len(node.value) > 1000:
            self._complain(path, line, f"the key on line {line} is empty or very long", "keys are plain words")
        else:
            return str(node.value)
        return None

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> object:
        tag, text = node.tag.rpartition(":")[2], node.value
        if tag == "null":
            return None
        if tag == "bool":
            return _BOOLS[text.lower()]
        if tag == "int":
            return int(text)
        if tag == "float" and math.isfinite(float(text)):
            return float(text)
        if has_control_characters(text):
            self._complain(path, node.start_mark.line + 1, "holds control characters", "remove them")
            return ""
        return str(text)

    def _complain(self, path: Path, line: int, text: str, suggestion: str) -> None:
        self._tree.complaints.append(Complaint(path, line, text, shorten(suggestion)))
