from __future__ import annotations

import pytest

from tests.mutation.mutants import find_mutants

CODE = '''
"""Not code."""
LIMIT = 8 << 20
Pair = tuple[str, "str"]

class Rule:
    """Nor this."""

    def allows(self, name: str | None = None) -> bool:
        {line}
'''


def changes(line: str) -> set[str]:
    found = find_mutants("rules", CODE.format(line=line))
    assert all(each.where in ("", "Rule.allows") for each in found)
    return {each.change for each in found if each.where}


@pytest.mark.parametrize(
    "line, expected",
    [
        ("return a < b", {"a < b → a <= b", "a < b → a >= b"}),
        ("return a in b", {"a in b → a not in b"}),
        ("return a and b", {"a and b → a or b", "a and b → a", "a and b → b"}),
        ("return not a", {"not a → a"}),
        ("return a | b", {"a | b → a & b", "a | b → a", "a | b → b"}),
        ("return f(a)", {"return f(a) → return not f(a)"}),
        ("if a: b()", {"a → True", "a → False", "b() → pass"}),
        ("c = a if b else d", {"b → True", "b → False"}),
        ("c = [a for a in b if a.c]", {"a.c → True", "a.c → False"}),
        ("c = {a, b}", {"{a, b} → {a}", "{a, b} → {b}"}),
        ("c = (*a, b)", {"(*a, b) → (*a,)", "(*a, b) → (b,)"}),
        ("c = (a, b)", set()),
        ("c = {a: b}", {"{a: b} → {}"}),
        ("c = any(a)", {"any(a) → all(a)"}),
        ("c = a.any(b)", set()),
        ("c = a.union(*b)", {"a.union(*b) → a.intersection(*b)", "a.union(*b) → a.union()"}),
        ("c = a.get(b, d)", {"a.get(b, d) → d"}),
        ("c = a.lower()", {"a.lower() → a"}),
        ("c = True", {"True → False"}),
        ("a.b = c", {"a.b = c → pass"}),
        ("raise Wrong('text')", {"raise Wrong('text') → pass"}),
        ("c = f'{a} text'", set()),
        ("c = field(hash=False)", set()),
        ("c = zip(a, b, strict=True)", set()),
    ],
)
def test_each_mistake_is_made_once_and_texts_are_left_alone(line, expected):
    assert changes(line) == expected


def test_sizes_types_and_documentation_are_no_code():
    assert find_mutants("rules", CODE.format(line="pass")) == []


def test_equal_mistakes_of_one_function_are_told_apart_and_keep_their_names_when_lines_move():
    source = CODE.format(line="return a.b == 'x' or a.c == 'x'")
    names = [each.name for each in find_mutants("rules", source)]
    assert "rules.Rule.allows: 'x' → 'xXX'" in names
    assert "rules.Rule.allows: 'x' → 'xXX' (2)" in names
    assert len(set(names)) == len(names)
    assert [each.name for each in find_mutants("rules", f"import more\n\n{source}")] == names


def test_every_mutant_is_a_program_of_its_own():
    found = find_mutants("rules", CODE.format(line="return a and (b or not c)"))
    assert len({each.source for each in found}) == len(found) > 5
    for each in found:
        compile(each.source, "rules.py", "exec")


def test_a_mistake_in_a_decorated_function_belongs_to_the_line_of_the_decorator():
    source = "@property\ndef a():\n    return 1\n"
    assert [each.lines for each in find_mutants("rules", source)] == [(1, 3)]
