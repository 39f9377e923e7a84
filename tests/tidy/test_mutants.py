"""The mistakes that scripts/mutants makes are mistakes, one at a time."""

import ast

import pytest

from tests.mutants.mutations import mutated, mutations_of
from tests.mutants.run import MUTATED
from tests.mutants.suites import suites_for
from tests.tidy.tree import ROOT

CASES = {
    "a < b": ["a <= b"],
    "a in b": ["a not in b"],
    "a and b": ["a or b"],
    "x = 7": ["x = 8", "x = 6"],
    "x = True": ["x = False"],
    "x = a - b": ["x = a + b"],
    "f()": ["pass"],
    "self.a = b": ["pass"],
    "if a:\n    b = c": ["if not a:\n    b = c"],
    "def f():\n    return a": ["def f():\n    return None"],
    "assert a < 7": [],
    "CACHE_MAX = 7": [],
    "raise Rejected('a', f'{b[:1]}')": ["pass"],
    "def f(a: Literal[1]=b):\n    'text'": [],
    "@dataclass(frozen=True)\nclass A:\n    b: int": [],
}


@pytest.mark.parametrize("source", CASES)
def test_each_mistake_is_made_once(source):
    found = mutations_of("a.py", source)

    assert [mutated(source, one.number) for one in found] == CASES[source]


def test_every_mistake_changes_the_program():
    source = (ROOT / "ledger" / "replay.py").read_text(encoding="utf-8")
    same = ast.unparse(ast.parse(source))

    results = [mutated(source, one.number) for one in mutations_of("replay.py", source)]

    assert same not in results
    assert len(results) > 20


@pytest.mark.parametrize("folder", MUTATED)
def test_every_module_has_tests_that_look_at_it(folder):
    for path in sorted((ROOT / folder).rglob("*.py")):
        suites = suites_for(ROOT, path.relative_to(ROOT).as_posix())

        assert sum(map(len, suites)) > 3
