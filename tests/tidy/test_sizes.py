"""A file can be read in one sitting, a function fits on a screen.

`sizes.json` names those that do not, with their lines; a number there may only shrink. Write it
anew, after making something smaller, with ``python -m tests.tidy.test_sizes``.
"""

import ast
import json

import pytest

from tests.tidy.tree import ROOT, name_of, parsed, python_files

FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 60
RATCHET = ROOT / "tests" / "tidy" / "sizes.json"


def file_lines(path):
    return {name_of(path): len(path.read_text(encoding="utf-8").splitlines())}


def function_lines(path):
    """Lines of each function, decorators left out, by file and qualified name."""
    found = {}

    def visit(node, prefix):
        for child in ast.iter_child_nodes(node):
            named = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            name = f"{prefix}{child.name}." if named else prefix
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                found[f"{name_of(path)}:{name[:-1]}"] = child.end_lineno - child.lineno + 1
            visit(child, name)

    visit(parsed(path), "")
    return found


def offenders():
    files = {name: lines for path in python_files() for name, lines in file_lines(path).items()}
    functions = {
        name: lines for path in python_files() for name, lines in function_lines(path).items()
    }
    return {
        "files": {name: lines for name, lines in files.items() if lines > FILE_LINES_MAX},
        "functions": {
            name: lines for name, lines in functions.items() if lines > FUNCTION_LINES_MAX
        },
    }


@pytest.mark.parametrize("kind", ["files", "functions"])
def test_nothing_grows_beyond_its_limit_or_its_old_size(kind):
    allowed = json.loads(RATCHET.read_text(encoding="utf-8"))[kind]

    grown = {
        name: (lines, allowed.get(name, 0))
        for name, lines in offenders()[kind].items()
        if lines > allowed.get(name, 0)
    }

    assert grown == {}, "lines now, lines allowed: split it"


@pytest.mark.parametrize("kind", ["files", "functions"])
def test_the_list_of_large_things_shrinks_with_them(kind):
    allowed = json.loads(RATCHET.read_text(encoding="utf-8"))[kind]

    now = offenders()[kind]

    loose = {name: lines for name, lines in allowed.items() if now.get(name, 0) < lines}
    assert loose == {}, "smaller than listed: python -m tests.tidy.test_sizes"


if __name__ == "__main__":
    RATCHET.write_text(json.dumps(offenders(), indent=2, sort_keys=True) + "\n", encoding="utf-8")
