"""The language of scripts: what is one, what is none and why, and what it is rewritten to."""

import ast
import contextlib
import hashlib

import pytest

from ledger.scripts import ScriptError, compile_script
from ledger.scripts.limits import NESTING_MAX, NODES_MAX, SOURCE_BYTES_MAX
from ledger.scripts.rewrite import BUILTINS, METHODS
from ledger.scripts.tokens import KEYWORDS

HEAD = "def f(a=0, b=0):\n    "


def text_of(line):
    """The rewritten line of a function's only statement."""
    lines = compile_script(f"{HEAD}{line}\n").text.splitlines()
    return lines[2].strip()


REWRITTEN = {
    "a + b": "__add(__m, a, b)",
    "a - b * 2": "__sub(__m, a, __mul(__m, b, 2))",
    "a // b % 7": "__mod(__m, __div(__m, a, b), 7)",
    "-a": "__sub(__m, 0, a)",
    "a == b": "(__eq(__m, a, b))",
    "a != b": "(not __eq(__m, a, b))",
    "a not in b": "(not __has(__m, a, b))",
    "a > b and not a": "((__gt(__m, a, b)) and (not a))",
    "a if b else 1": "(a if b else 1)",
    "[a, b]": "__z(__m, 48, [a, b])",
    "(a,)": "__z(__m, 32, (a,))",
    "{a: 1}": "__z(__m, 64, {__key(__m, a): 1})",
    "[x for x in a if x]": "__z(__m, 16, [x for x in a if __turn(__m, 7, 16) if x])",
    "{x: y for x, y in a}": (
        "__z(__m, 16, __pairs(__m, [(x, y) for (x, y) in a if __turn(__m, 8, 96)]))"
    ),
    "a[b]": "__index(__m, a, b)",
    "a[1:b]": "__slice(__m, a, 1, b, None)",
    "a[::2]": "__slice(__m, a, None, None, 2)",
    "len(a)": "__b_len(__m, a)",
    "f(1, b=2)": "f(__m, 1, b=2)",
    "a.join(b)": "__m_join(__m, a, b)",
    "sorted(a, key=len)": "__b_sorted(__m, a, key=__b_len)",
    "'it''s'": None,
    "'a\\n\"\\u4e2d'": '"a\\n\\"中"',
    "0xff": "255",
    "a[0] += 1": "__change(__m, __iadd, a, 0, 1)",
    "a[0] = 1": "__set(__m, a, 0, 1)",
    "a += b": "a = __iadd(__m, a, b)",
    "a, b = b, a": "(a, b) = __z(__m, 48, (b, a))",
    "return a": "return __out(__m, a)",
    "return": "return __out(__m, None)",
}


@pytest.mark.parametrize("line", REWRITTEN)
def test_every_part_of_a_program_is_rewritten_to_one_that_is_counted(line):
    if REWRITTEN[line] is None:
        with pytest.raises(ScriptError):
            text_of(line)
    else:
        assert text_of(line) == REWRITTEN[line]


BAD = {
    "nothing": ("", "empty", 1),
    "only private functions": ("def _f():\n    pass\n", "empty", 1),
    "a float": (HEAD + "return 1.5", "number", 2),
    "true division": (HEAD + "return a / b", "character", 2),
    "a power": (HEAD + "return a ** b", "syntax", 2),
    "a shift": (HEAD + "return a << b", "syntax", 2),
    "a large number": (HEAD + "return 9223372036854775808", "number", 2),
    "an octal number": (HEAD + "return 010", "number", 2),
    "a tab": ("def f():\n\treturn 1\n", "character", 2),
    "a carriage return": ("def f():\r\n    return 1\r\n", "character", 1),
    "a continued line": (HEAD + "return a + \\\n b", "character", 2),
    "a wrong indentation": ("def f():\n  if 1:\n    pass\n   return 1\n", "indentation", 4),
    "no indentation": ("def f():\nreturn 1\n", "indentation", 2),
    "an indented beginning": ("    def f(): pass\n", "indentation", 1),
    "an open text": (HEAD + "return 'a", "text", 2),
    "a text across lines": (HEAD + "return 'a\n'", "text", 2),
    "an unknown escape": (HEAD + "return '\\q'", "text", 2),
    "a surrogate": (HEAD + "return '\\ud800'", "text", 2),
    "a byte above ASCII": (HEAD + "return '\\x80'", "text", 2),
    "an open bracket": (HEAD + "return (a", "syntax", 2),
    "a wrong bracket": (HEAD + "return (a]", "syntax", 2),
    "an import": ("import os\n", "syntax", 1),
    "a load": ("load('a', 'b')\ndef f(): pass\n", "syntax", 1),
    "a lambda": (HEAD + "return lambda x: x", "syntax", 2),
    "a class": ("class A: pass\n", "syntax", 1),
    "a while": (HEAD + "while True: pass", "syntax", 2),
    "a try": (HEAD + "try: pass", "syntax", 2),
    "a set": (HEAD + "return {a, b}", "syntax", 2),
    "a function in a function": (HEAD + "def g(): pass", "syntax", 2),
    "many arguments": ("def f(*a): pass\n", "syntax", 1),
    "spread arguments": (HEAD + "return f(*a)", "syntax", 2),
    "an f-string": (HEAD + "return f'{a}'", "syntax", 2),
    "a chained comparison": (HEAD + "return 1 < a < 3", "syntax", 2),
    "an attribute": (HEAD + "return a.append", "syntax", 2),
    "an unknown method": (HEAD + "return a.format(b)", "name", 2),
    "an unknown name": (HEAD + "return c", "name", 2),
    "print": (HEAD + "print(a)", "name", 2),
    "hash": (HEAD + "return hash(a)", "name", 2),
    "float": (HEAD + "return float(a)", "name", 2),
    "fail": (HEAD + "fail('a')", "name", 2),
    "set()": (HEAD + "return set(a)", "name", 2),
    "getattr": (HEAD + "return getattr(a, 'b')", "name", 2),
    "a name of the meter": (HEAD + "return __ask('get', ['x'], 1, 1)", "name", 2),
    "a parameter of the meter": ("def f(__m): pass\n", "name", 1),
    "the meter's entry": ("def hansa_call(): pass\n", "name", 1),
    "a function twice": ("def f(): pass\ndef f(): pass\n", "name", 2),
    "a function like a built-in": ("def len(a): pass\n", "name", 1),
    "a constant twice": ("A = 1\nA = 2\ndef f(): pass\n", "name", 2),
    "a parameter twice": ("def f(a, a): pass\n", "name", 1),
    "a default before none": ("def f(a=1, b): pass\n", "syntax", 1),
    "an argument twice": (HEAD + "return f(a=1, a=2)", "name", 2),
    "an argument after named ones": (HEAD + "return f(a=1, 2)", "syntax", 2),
    "a call at the top": ("A = len('a')\ndef f(): pass\n", "constant", 1),
    "an operation at the top": ("A = 1 + 2\ndef f(): pass\n", "constant", 1),
    "a loop at the top": ("for x in [1]: pass\n", "syntax", 1),
    "a return at the top": ("return 1\n", "syntax", 1),
    "a line that does nothing": ("A = 1\nA\ndef f(): pass\n", "constant", 2),
    "a constant before its name": ("A = B\nB = 1\ndef f(): pass\n", "name", 1),
    "a default of a call": ("def f(a=len('a')): pass\n", "constant", 1),
    "break outside": (HEAD + "break", "syntax", 2),
    "an assignment to a call": (HEAD + "f() = 1", "syntax", 2),
    "two assignments": (HEAD + "a = b = 1", "syntax", 2),
    "an element among names": (HEAD + "a, b[0] = 1, 2", "syntax", 2),
    "a loop over an element": (HEAD + "for a[0] in b: pass", "syntax", 2),
    "a keyword as a name": (HEAD + "yield = 1", "syntax", 2),
    "a semicolon": (HEAD + "a = 1; b = 2", "character", 2),
    "a decorator": ("@a\ndef f(): pass\n", "character", 1),
    "a type": ("def f(a: int): pass\n", "syntax", 1),
    "a NUL": (HEAD + "return '\x00' \x00", "character", 2),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_script_is_refused_with_its_line(name):
    source, reason, line = BAD[name]

    with pytest.raises(ScriptError) as caught:
        compile_script(source)

    assert (caught.value.reason, caught.value.line) == (reason, line), caught.value.detail


LARGE = {
    "bytes": ("# " + "x" * SOURCE_BYTES_MAX, "size"),
    "parts": ("def f(a):\n" + "    a=[a,a,a]\n" * (NODES_MAX // 4), "size"),
    "brackets": (HEAD + "return " + "(" * 5_000 + "a" + ")" * 5_000, "nesting"),
    "signs": (HEAD + "return " + "-" * 5_000 + "a", "nesting"),
    "negations": (HEAD + "return " + "not " * 5_000 + "a", "nesting"),
    "a sum": (HEAD + "return " + "+".join(["a"] * 200), "nesting"),
    "calls": (HEAD + "return a" + "()" * 200, "nesting"),
    "choices": (HEAD + "return " + "a if a else " * 200 + "a", "nesting"),
    "branches": (HEAD + "if a: pass\n" + "    elif a: pass\n" * 200, "nesting"),
    "blocks": (
        "def f(a):\n" + "".join(" " * d + "if a:\n" for d in range(1, 200)) + " " * 200 + "pass\n",
        "nesting",
    ),
    "one-line blocks": (HEAD + "if a: " * 200 + "pass", "syntax"),
}


@pytest.mark.parametrize("name", LARGE)
def test_a_program_that_is_too_large_or_nested_is_refused(name):
    source, reason = LARGE[name]

    with pytest.raises(ScriptError) as caught:
        compile_script(source)

    assert caught.value.reason == reason


def compiles(expression):
    """Whether an expression is not nested too deep."""
    with contextlib.suppress(ScriptError):
        return bool(compile_script(HEAD + "return " + expression).text)
    with pytest.raises(ScriptError, match="deeper"):
        compile_script(HEAD + "return " + expression)
    return False


@pytest.mark.parametrize("shape", ["(@)", "[@]", "-@", "f(@)", "{1: @}", "a if (@) else 1"])
def test_the_deepest_nesting_that_is_allowed_compiles(shape):
    found, depth = "a", 0
    while compiles(deeper := shape.replace("@", found)):
        found, depth = deeper, depth + 1

    assert depth >= NESTING_MAX // 2
    assert compile_script(HEAD + "return " + found).text


def test_comments_empty_lines_and_brackets_across_lines_mean_nothing():
    plain = "def f(a):\n    return [a, 1]\n"
    decorated = "# x\n\ndef f(a): # y\n\n  # z\n    return [\n  a, # q\n\n 1,\n]\n\n   \n# end"

    assert compile_script(decorated).text == compile_script(plain).text


def test_the_rewritten_text_is_the_same_for_ever():
    """What runs is a consequence of consensus: another text is another version of the language."""
    lines = "".join(
        f"    {line}\n" for line in REWRITTEN if REWRITTEN[line] and "return" not in line
    )
    source = f'"""Doc."""\nA = [1, "x", None, True, -5]\ndef f(a, b=A):\n{lines}    return a\n'

    digest = hashlib.sha256(compile_script(source).text.encode()).hexdigest()

    assert digest == "210366cd51d8f039215e261562da4aef41b1378de06c6ef2afcbc3654834e274"


def test_what_is_accepted_is_python_too():
    """A script is a subset of Starlark, that of Python: any editor can read it."""
    for line in REWRITTEN:
        ast.parse(f"{HEAD}{line}\n")


def test_functions_are_public_unless_their_names_say_otherwise():
    program = compile_script("def a(x, y=1): pass\ndef _b(): pass\ndef test_c(): pass\nX = 1\n")

    assert [*program.functions] == ["a"]
    assert program.functions["a"].parameters == ("x", "y")
    assert program.functions["a"].required == 1
    assert program.tests == ("test_c",)


def test_no_name_of_a_built_in_is_a_keyword_or_the_meter_s():
    for name in BUILTINS | METHODS:
        assert name not in KEYWORDS
        assert not name.startswith("_")
