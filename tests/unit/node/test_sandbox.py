"""The process in which scripts run: what ends it, what it sees, and what is counted in it."""

import hashlib
import importlib.metadata
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from ledger.contract import Refused
from ledger.scripts import Job, NoAnswer, compile_script
from ledger.scripts.limits import SIZE_MAX, STEPS_MAX
from node import sandbox_child
from node.sandbox import METER, ProcessSandbox

FACTS = {"caller": "farm", "height": 1, "signers": ["farm"], "subject": "farm", "time": 1}
SOURCE = """
def one(): return 1
def loop():
    for i in range(1000000000): pass
def nested_loop():
    for i in range(1000000):
        for j in range(1000000):
            for k in range(1000000): pass
def text():
    s = "x"
    for i in range(30): s = s + s
    return len(s)
def text_times():
    s = "x"
    for i in range(30): s *= 2
    return len(s)
def text_once(): return len("x" * 1000000000)
def text_join(): return len(("x" * 1000).join(["y"] * 100000))
def text_replace():
    s = "xx"
    for i in range(30): s = s.replace("x", "xx")
    return len(s)
def text_replace_nothing():
    s = "x" * 1000
    return len(s.replace("", s))
def text_format():
    s = "x"
    for i in range(30): s = "%s%s" % (s, s)
    return len(s)
def text_of_list():
    s = ["x"]
    for i in range(30): s = [s, s]
    return len(str(s))
def a_list():
    s = [1]
    for i in range(30): s = s + s
    return len(s)
def a_list_itself():
    s = [1]
    for i in range(30): s += s
    return len(s)
def a_list_extended():
    s = [1]
    for i in range(30): s.extend(s)
    return len(s)
def a_list_times(): return len([1] * 1000000000)
def a_list_of_range(): return len(list(range(1000000000)))
def a_list_made(): return len([i for i in range(1000000000)])
def lists_made(): return len([i for i in range(100000) for j in range(100000)])
def a_dict_made(): return len({i: i for i in range(1000000000)})
def sorted_range(): return len(sorted(range(1000000000)))
def a_tuple():
    s = (1,)
    for i in range(30): s = s + s
    return len(s)
def appended():
    s = []
    for i in range(1000000000): s.append(i)
def a_dict():
    d = {}
    for i in range(1000000000): d[i] = i
def equal():
    a, b = [1], [1]
    for i in range(30): a, b = [a, a], [b, b]
    return a == b
def given_back():
    a = [1]
    for i in range(14): a = [a] * 4
    return a
def round():
    a = []
    a.append(a)
    return a
def round_equal():
    a, b = [], []
    a.append(a)
    b.append(b)
    return a == b
def number():
    n = 2
    for i in range(30): n = n * n
    return n
def number_read(): return int("9" * 5000)
def deep(n): return 0 if n == 0 else 1 + deep(n - 1)
def deep_key(n): return max([n], key=deep_other)
def deep_other(n): return deep_key(n)
def keys_sorted(): return len(sorted([1] * 1000, key=wide))
def wide(x): return [1] * 100000
def searched():
    s = "x" * 500000
    n = 0
    for i in range(1000000): n += s.count("y")
    return n
def stripped():
    s = "x" * 500000
    return len(s.strip("y" * 500000))
def asks():
    for i in range(1000000): get("k")
def wait():
    get("wait")
def missing(): return {}["k"]
def memory_named(): return {}["\\nerror: MemoryError"]
"""
PROGRAM = compile_script(SOURCE).text
STEPS_OR_SIZE = ("steps", "size")
LIMITED = {
    "loop": ("steps",), "nested_loop": ("steps",), "text": STEPS_OR_SIZE,
    "text_times": STEPS_OR_SIZE, "text_once": STEPS_OR_SIZE, "text_join": STEPS_OR_SIZE,
    "text_replace": STEPS_OR_SIZE, "text_replace_nothing": STEPS_OR_SIZE,
    "text_format": STEPS_OR_SIZE, "text_of_list": ("nesting", "steps"), "a_list": STEPS_OR_SIZE,
    "a_list_itself": STEPS_OR_SIZE, "a_list_extended": STEPS_OR_SIZE,
    "a_list_times": STEPS_OR_SIZE, "a_list_of_range": STEPS_OR_SIZE, "a_list_made": STEPS_OR_SIZE,
    "lists_made": STEPS_OR_SIZE, "a_dict_made": STEPS_OR_SIZE, "sorted_range": STEPS_OR_SIZE,
    "a_tuple": STEPS_OR_SIZE, "appended": STEPS_OR_SIZE, "a_dict": STEPS_OR_SIZE,
    "equal": ("nesting", "steps"), "given_back": STEPS_OR_SIZE, "round": ("nesting",),
    "round_equal": ("nesting",), "number": ("number",), "number_read": ("number",),
    "deep_other": ("depth",), "keys_sorted": STEPS_OR_SIZE, "searched": ("steps",),
    "stripped": ("steps",), "asks": ("steps",),
}  # fmt: skip


class Host:
    """Answers at once, but for the key `wait`: then it does what the test says."""

    def __init__(self, meanwhile=lambda: None):
        self.meanwhile = meanwhile

    def answer(self, question, values):
        if values == ["wait"]:
            self.meanwhile()


def job(function, program=PROGRAM, **arguments):
    return Job(program, function, arguments, FACTS)


@pytest.fixture(scope="module")
def shared():
    sandbox = ProcessSandbox()
    yield sandbox
    sandbox.close()


@pytest.fixture
def own():
    sandbox = ProcessSandbox(wall_ms=20_000)
    yield sandbox
    sandbox.close()


@pytest.mark.parametrize("function", LIMITED)
def test_whatever_grows_or_runs_on_meets_a_limit_and_the_process_lives(shared, function):
    arguments = {"n": 1} if function == "deep_other" else {}
    before = shared.run(job("one"), Host())

    with pytest.raises(Refused) as caught:
        shared.run(job(function, **arguments), Host())

    assert caught.value.code == "LIMIT", caught.value.fields
    assert caught.value.fields["field"] in LIMITED[function]
    assert shared.run(job("one"), Host()) == before
    assert shared.starts == 1


def test_the_meter_is_the_same_for_ever():
    """What it counts stands in receipts: another meter is another version of the language."""
    digest = hashlib.sha256(METER.read_bytes()).hexdigest()

    assert digest == "15f61fef50ed1c039d623d35c852d48e958a23f75f4f9d618a07237d320745d2"
    assert importlib.metadata.version("starlark-pyo3") == "2026.1.3"


def test_the_depth_limit_is_sixty_four_functions(shared):
    assert shared.run(job("deep", n=63), Host()).value == 63
    with pytest.raises(Refused) as caught:
        shared.run(job("deep", n=64), Host())
    assert caught.value.fields == {"field": "depth"}


def test_an_error_of_the_program_is_a_refusal_without_the_library_s_words(shared):
    with pytest.raises(Refused) as caught:
        shared.run(job("missing"), Host())

    assert (caught.value.code, caught.value.fields) == (
        "RULE",
        {"field": "program", "have": "error"},
    )
    assert 'Key `"k"` was not found' in shared.last_error
    with pytest.raises(Refused, match="RULE"):
        shared.run(job("memory_named"), Host())


def test_nothing_starts_before_the_first_call():
    sandbox = ProcessSandbox()

    assert (sandbox.pid, sandbox.starts) == (None, 0)
    sandbox.close()


def test_a_killed_process_gives_no_answer_and_the_next_call_starts_another(own):
    first = own.run(job("one"), Host())
    gone = own.pid

    with pytest.raises(NoAnswer):
        own.run(job("wait"), Host(lambda: os.kill(gone, signal.SIGKILL)))

    assert own.run(job("one"), Host()) == first
    assert own.pid != gone
    assert own.starts == 2


def test_a_process_that_dies_between_calls_is_started_anew(own):
    own.run(job("one"), Host())
    os.kill(own.pid, signal.SIGKILL)
    os.waitid(os.P_PID, own.pid, os.WEXITED | os.WNOWAIT)

    assert own.run(job("one"), Host()).value == 1
    assert own.starts == 2


def test_a_process_that_stands_still_gives_no_answer_in_time():
    sandbox = ProcessSandbox(wall_ms=300)
    try:
        sandbox.run(job("one"), Host())
        with pytest.raises(NoAnswer, match="in time"):
            sandbox.run(job("wait"), Host(lambda: os.kill(sandbox.pid, signal.SIGSTOP)))
        assert sandbox.run(job("one"), Host()).value == 1
    finally:
        sandbox.close()


def test_a_no_answer_is_what_the_executor_makes_no_result_of():
    assert issubclass(NoAnswer, MemoryError)


def test_the_memory_ceiling_ends_the_process_and_gives_no_answer(own):
    """The meter's own doors left aside: a program that nobody could propose."""
    program = "def f(__m):\n return len([0] * 400000000)\n__functions = {'f': f}\n"

    with pytest.raises(NoAnswer):
        own.run(job("f", program), Host())

    assert own.run(job("one"), Host()).value == 1


def test_a_refusal_of_the_host_ends_the_call(own):
    def refuse():
        raise Refused("LIMIT", field="keys", need=64)

    with pytest.raises(Refused) as caught:
        own.run(job("wait"), Host(refuse))

    assert caught.value.fields == {"field": "keys", "need": 64}
    assert own.run(job("one"), Host()).value == 1
    assert own.starts == 1


def test_the_process_holds_two_pipes_and_no_name_of_ours(own, monkeypatch):
    monkeypatch.setenv("HANSA_PASSPHRASE", "secret")
    own.run(job("one"), Host())
    root = Path(f"/proc/{own.pid}")

    assert b"secret" not in (root / "environ").read_bytes()
    assert sorted(one.name for one in (root / "fd").iterdir()) == ["0", "1", "2"]
    assert (root / "cwd").readlink() == Path("/")
    table = (root / "limits").read_text().splitlines()
    limits = {line[:26].strip(): line[26:].split()[0] for line in table}
    assert limits["Max open files"] == "0"
    assert limits["Max file size"] == "0"
    assert limits["Max core file size"] == "0"
    assert limits["Max address space"] == str(sandbox_child.MEMORY_BYTES_MAX)


def test_the_process_ends_with_its_parent_s_pipe(own):
    own.run(job("one"), Host())
    process = own._process

    process.stdin.close()

    assert process.wait(timeout=20) == 0


def test_a_call_leaves_no_trace_for_the_next(shared):
    program = compile_script(
        "SEEN = [1]\nNAMES = {'a': [1]}\n"
        "def look(): return [SEEN, NAMES]\ndef change(): SEEN.append(2)\n"
        "def change_inside(): NAMES['a'].append(2)\ndef change_default(x=SEEN): x.append(3)\n"
    ).text
    before = shared.run(job("look", program), Host())

    for function in ("change", "change_inside", "change_default"):
        with pytest.raises(Refused) as caught:
            shared.run(job(function, program), Host())
        assert caught.value.fields["have"] == "error"

    assert shared.run(job("look", program), Host()) == before


def test_more_scripts_than_the_process_keeps_are_loaded_again(shared):
    for number in range(sandbox_child.LOADED_BYTES_MAX // len(METER.read_text()) + 3):
        program = compile_script(f"def f(): return {number}\n").text
        assert shared.run(job("f", program), Host()).value == number

    assert shared.run(job("f", compile_script("def f(): return 0\n").text), Host()).value == 0
    assert shared.starts == 1


def test_threads_wait_for_each_other(own):
    values = []
    threads = [
        threading.Thread(target=lambda: values.append(own.run(job("one"), Host()).value))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert values == [1] * 8
    assert own.starts == 1


def test_a_call_that_counts_to_its_limit_is_far_from_the_wall_clock(shared):
    started = time.monotonic()
    with pytest.raises(Refused):
        shared.run(job("loop"), Host())

    assert time.monotonic() - started < 5
    assert (STEPS_MAX, SIZE_MAX) == (200_000, 4 * 1024 * 1024)
