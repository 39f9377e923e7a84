"""Scripts and arguments that are made to end the sandbox: every node would lose it alike."""

import os
import signal

import pytest

from ledger.contract import Refused
from ledger.scripts import Job, NoAnswer, ScriptError, compile_script
from ledger.scripts.limits import NESTING_MAX, SOURCE_BYTES_MAX
from node import sandbox_child
from node.sandbox import METER, ProcessSandbox

FACTS = {"caller": "farm", "height": 1, "signers": ["farm"], "subject": "farm", "time": 1}
HEAD = "def f():\n a = [1]\n for i in range(40): a = [a, a]\n d = {'x': a}\n t = (a,)\n"
"""Values that take some hundred bytes, and beyond any memory to print."""
VALUES = ("a", "d", "t")
ODD = ("1", "'x'", "'%d'", "[1]", "{'y': 1}", "(1,)", "range(3)", "None", "abs", "f")
BUILTINS = ("abs({v})", "all({v}, 1)", "bool(1, {v})", "enumerate([1], {v})", "int({v})",
            "int('1', {v})", "list(1, {v})", "max([1], key={v})", "min(1, {v})", "min(2, key={v})",
            "range({v})", "range(1, {v})", "range(1, 2, {v})", "sorted([1], {v})",
            "sorted([1], key={v})", "sorted([1], reverse={v})", "zip([1], {v}, 1)", "keys({v})",
            "get({v})", "event({v})", "refuse({v})", "refuse('x', {v})",
            "dict([{v}], {v})")  # fmt: skip
METHODS = ("count", "endswith", "find", "get", "index", "insert", "join", "lstrip", "partition",
           "pop", "remove", "removeprefix", "removesuffix", "replace", "rfind", "rpartition",
           "rstrip", "setdefault", "split", "startswith", "strip", "update")  # fmt: skip
STATEMENTS = ("b = [1]\n b[{v}] = 1", "d[{v}] = 1", "b = [1]\n b[{v}] += 1", "d[{v}] += 1",
              "t[0] = {v}", "t[{v}] = 1", "x = 1\n x += {v}", "x = '%d'\n x %= {v}",
              "p, q, r = {v}", "for p, q, r in [{v}]: pass")  # fmt: skip


class Host:
    """Answers nothing; before that it does what the test says."""

    def __init__(self, meanwhile=lambda: None, found=None):
        self.meanwhile, self.found = meanwhile, found

    def answer(self, _question, _values):
        self.meanwhile()
        return self.found


@pytest.fixture(scope="module")
def shared():
    sandbox = ProcessSandbox()
    yield sandbox
    sandbox.close()


def call(sandbox, source, host=None, **arguments):
    return sandbox.run(Job(compile_script(source).text, "f", arguments, FACTS), host or Host())


def lines():
    """Every place where the interpreter could print a value in an error of its own."""
    for value in VALUES:
        yield from (form.format(v=value) for form in (*BUILTINS, *STATEMENTS))
        for name in METHODS:
            for owner in ("'x'", "[1]", "{'y': 1}"):
                yield f"{owner}.{name}({value})"
                yield f"{owner}.{name}('x', {value})"
        for odd in ODD:
            yield from (f"{value} {sign} {odd}" for sign in ("+", "-", "*", "//", "%", "<", "in"))
            yield from (f"{odd} {sign} {value}" for sign in ("+", "-", "*", "//", "%", "<", "in"))
            yield f"{odd}[{value}]"
            yield f"{odd}[{value}:]"
            yield f"{odd}[:{value}]"
            yield f"{odd}[1:2:{value}]"
            yield f"b = {odd}\n b({value})"
            yield f"{value}({odd})"


def test_a_value_that_is_short_to_hold_and_endless_to_print_ends_no_process(shared):
    call(shared, "def f(): return 1")
    tried = refused = 0
    for line in lines():
        tried += 1
        try:
            call(shared, HEAD + " " + line + "\n")
        except Refused:
            refused += 1

    assert shared.starts == 1
    assert tried > refused > 500


@pytest.mark.parametrize("place", ["CONSTANT()", "[1][CONSTANT]", "sorted([1], key=CONSTANT)"])
def test_neither_does_a_constant(shared, place):
    levels = "".join(f"A{n + 1} = [A{n}, A{n}]\n" for n in range(40))
    source = f"A0 = [1]\n{levels}CONSTANT = A40\ndef f(): return {place}\n"
    with pytest.raises(Refused) as caught:
        call(shared, source)

    assert caught.value.fields == {"field": "program", "have": "list"}


@pytest.mark.parametrize("text", ["\nerror: MemoryError", "error: MemoryError", "MemoryError"])
def test_a_text_of_the_caller_s_is_not_taken_for_an_error_of_memory(shared, text):
    before = call(shared, "def f(): return 1")
    starts = shared.starts
    with pytest.raises(Refused) as caught:
        call(shared, "def f(x): return int(x)", x=text)

    assert caught.value.fields == {"field": "program", "have": "error"}
    assert call(shared, "def f(): return 1") == before
    assert shared.starts == starts


def test_an_error_of_memory_is_known_at_its_own_place():
    report = "Traceback:\n  * x\nerror: MemoryError: \n --> 1"

    assert sandbox_child.is_exhausted(report)
    assert not sandbox_child.is_exhausted("error: bad `\nerror: MemoryError`")
    assert not sandbox_child.is_exhausted("nothing")


def test_what_was_called_before_takes_no_memory_from_what_is_called_now(shared):
    body = "".join(f" a{n} = [{n}, {n} * 2, '{n}']\n" for n in range(900))
    call(shared, "def f(): return 1")
    starts = shared.starts
    for number in range(60):
        assert call(shared, f"def f():\n{body} return {number}\n").value == number

    assert shared.starts == starts
    text = len(compile_script(f"def f():\n{body} return 0\n").text) + len(METER.read_text())
    assert text < sandbox_child.LOADED_BYTES_MAX < 60 * text


def test_a_process_that_takes_nothing_more_blocks_nobody():
    """An answer larger than a pipe, to a process that stands still."""
    sandbox = ProcessSandbox(wall_ms=500)
    try:
        call(sandbox, "def f(): return 1")
        host = Host(lambda: os.kill(sandbox.pid, signal.SIGSTOP), "x" * 4_000_000)
        with pytest.raises(NoAnswer, match="in time"):
            call(sandbox, "def f(): return get('a')", host)
        assert call(sandbox, "def f(): return 1").value == 1
    finally:
        sandbox.close()


@pytest.mark.parametrize("clause", ["for a in x ", "if x "])
def test_a_comprehension_has_so_many_loops_and_filters(clause):
    source = "def f(x): return [1 for b in x " + clause * (NESTING_MAX - 1) + "]\n"
    compile_script(source)
    with pytest.raises(ScriptError, match="loops and filters"):
        compile_script(source.replace("]", clause + "]"))


def test_the_largest_source_of_empty_lines_is_read_in_a_line_s_time_each():
    source = "def f(): pass\n"
    source += "\n" * (SOURCE_BYTES_MAX - len(source))

    assert [*compile_script(source).functions] == ["f"]
