"""The YAML reader: what it refuses, and that it quotes nothing but keys."""

from __future__ import annotations

import pytest

from airflow_oidc_auth.config.document import load_document
from airflow_oidc_auth.errors import ConfigurationError

LAUGHS = "version: 1\na: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{key}: &{key} [{','.join([f'*{below}'] * 10)}]\n" for below, key in zip("abcde", "bcdef", strict=True)
)

REFUSED = [
    ("", "(document)", "is empty"),
    ("# only a comment", "(document)", "is empty"),
    ("[]", "(document)", "must be a mapping"),
    ("hunter2", "(document)", "must be a mapping"),
    ("a: 1", "version", "is missing"),
    ("version: '1'", "version", "must be the number 1"),
    ("version: yes", "version", "must be the number 1"),
    ("version: 2", "version", "reads version 1 only"),
    ("version:", "version", "reads version 1 only"),
    ("version: 1\n---\nversion: 1", "(document)", "holds several documents"),
    ("version: 1\na: *hunter2", "(document)", "undefined alias"),
    ("version: 1\na: !hunter2 x", "(document)", "tags"),
    ("version: 1\na: !!python/object/apply:os.system [id]", "(document)", "tags"),
    ("version: 1\na: ! 5", "(document)", "tags"),
    ("version: 1\na: !!str 5", "(document)", "tags"),
    ("version: 1\na: &a [*a]", "a[0]", "an anchor contains itself"),
    ("version: 1\na: b: hunter2", "(document)", "mapping values are not allowed"),
    ("version: 1\n\ta: 2", "(document)", "a tab is used for indentation"),
    ("version: 1\na: {hunter2", "(document)", "is not valid YAML"),
    ("version: 1\na: `hunter2`", "(document)", "cannot start any token"),
    ('version: 1\na: "hunter2', "(document)", "is not valid YAML"),
    ("version: 1\na: hunter2\x00", "(document)", "character that YAML does not allow"),
    ("[" * 100_000, "(document)", "nested deeper than 24 levels"),
    ("version: 1\na: " + "{b: " * 30 + "}" * 30, "(document)", "nested deeper than 24 levels"),
    ("x" * 600_000, "(document)", "larger than 512 KiB"),
    (LAUGHS, "", "holds more than 50000 values once its anchors are expanded"),
    ("%YAML 9.9\n---\nversion: 1", "(document)", "is not valid YAML"),
    # PyYAML lets these pass as exceptions of Python's own, which nobody told an administrator of.
    ('version: 1\na: "\\U00110000"', "(document)", "holds a number that is too large"),
    ('version: 1\na: "\\UFFFFFFFF"', "(document)", "holds a number that is too large"),
    (f"%YAML 1.{'9' * 5000}\n---\nversion: 1", "(document)", "holds a number that is too large"),
]

HIDDEN = ["\x85", "\u2028", "\u2029", "\r", "\u202e", "\u2066"]

COMPLAINTS = [
    ("a: 1\na: 2", "a", "is given twice, first on line 2", 3),
    ("a:\n  - b: 1\n    b: 2", "a[0].b", "is given twice, first on line 3", 4),
    ("<<: {a: 1}", "(document)", "merge keys", 2),
    ("? [a]\n: 1", "(document)", "a key is a list or mapping", 2),
    ("5: a", "(document)", "the key on line 2 is not text", 2),
    ("on: a", "(document)", "the key on line 2 is not text", 2),
    ('"": a', "(document)", "the key on line 2 is empty", 2),
    ('"a\\x07b": a', "(document)", "the key on line 2 holds control characters", 2),
    ('a: "\\ud800"', "a", "holds control characters", 2),
    ("p: {client_secret: {hunter2: 1, hunter2: 2}}", "p.client_secret", "is given twice", 2),
]

VALUES = [
    ("1", 1),
    ("-7", -7),
    ("010", "010"),
    ("1:30", "1:30"),
    ("0x1F", "0x1F"),
    ("1_000", "1_000"),
    ("2026-01-01", "2026-01-01"),
    ("1.5", 1.5),
    ("1e3", 1000.0),
    ("1e999", "1e999"),
    (".inf", ".inf"),
    ("9" * 5000, "9" * 5000),
    ("yes", True),
    ("Off", False),
    ("'yes'", "yes"),
    ("y", "y"),
    ("null", None),
    ("~", None),
]


@pytest.mark.parametrize("text, path, fragment", REFUSED)
def test_refuses_what_is_not_a_plain_document(text, path, fragment):
    with pytest.raises(ConfigurationError) as caught:
        load_document(text, "f.yaml")
    (problem,) = caught.value.problems
    assert problem.path == path or not path
    assert fragment in problem.text
    assert problem.where.startswith("f.yaml")
    assert "hunter2" not in str(problem)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("text, path, fragment, line", COMPLAINTS)
def test_complains_and_reads_on(text, path, fragment, line):
    raw = load_document(f"version: 1\n{text}\nlast: 1", "f.yaml")
    (problem,) = raw.complaints
    assert (problem.path, problem.where) == (path, f"f.yaml:{line}")
    assert fragment in problem.text
    assert "hunter2" not in str(problem)
    assert raw.data["last"] == 1


@pytest.mark.parametrize("text, value", VALUES)
def test_takes_nothing_for_a_number_that_could_be_text(text, value):
    assert load_document(f"version: 1\na: {text}", "f.yaml").data["a"] == value


@pytest.mark.parametrize("hidden", HIDDEN)
def test_a_comment_hides_no_rule(hidden):
    """YAML 1.1 ends a comment where an editor or a review shows one long line, or shows it the other way round."""
    text = f"version: 1\ngrants:\n  rules: []  # see INC-4711{hidden}  - {{when: {{everyone: true}}, roles: [Admin]}}\n"
    with pytest.raises(ConfigurationError) as caught:
        load_document(text, "f.yaml")
    (problem,) = caught.value.problems
    assert (problem.text, problem.where) == (f"holds U+{ord(hidden):04X}, which can hide a line", "f.yaml:3")


def test_anchors_are_expanded_where_they_are_used():
    raw = load_document("version: 1\na: &x {b: 1}\nc: [*x, *x]", "f.yaml")
    assert raw.data["c"] == [{"b": 1}, {"b": 1}]


def test_knows_the_line_of_every_value():
    raw = load_document("version: 1\na:\n  b:\n    - c\n    - d: 1\n", "f.yaml")
    assert raw.problem(("a", "b", 1, "d"), "x").where == "f.yaml:5"
    assert raw.problem(("a", "b", 0), "x").where == "f.yaml:4"
    assert raw.problem(("a", "b", 9, "missing"), "x").where == "f.yaml:3"
    assert raw.problem(("missing",), "x").where == "f.yaml:1"


def test_unusual_keys_are_quoted_in_paths():
    raw = load_document("version: 1\nclaims: {'https://x/roles': [1]}", "f.yaml")
    problem = raw.problem(("claims", "https://x/roles", 0), "is wrong", "do it right")
    assert str(problem) == 'f.yaml:2: claims["https://x/roles"][0]: is wrong — do it right'
    assert raw.place(problem) == problem


def test_its_repr_shows_no_value():
    assert "hunter2" not in repr(load_document("version: 1\na: hunter2", "f.yaml"))
