"""Random scripts: never counted less than is there, alike everywhere, meaning what Python means.

The oracle is CPython: scripts are a subset of Starlark, whose values and operators are Python's.
"""

import contextlib

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from ledger.contract import Refused
from ledger.scripts import Job, compile_script
from node.sandbox import ProcessSandbox

FACTS = {"caller": "farm", "height": 1, "signers": ["farm"], "subject": "farm", "time": 1}
NUMBERS = ["n = n * 3 + k", "n += len(s)", "n = n // 7 - k", "n = n % 11", "n = max(n, -k)",
           "n -= abs(n) // 2", "n = len(l) + len(d)", "n = int(str(n)) + s.count('a')",
           "n = -n if s in 'abcabc' else n + len(l)"]  # fmt: skip
TEXTS = ["s = s + s", "s += 'b%d' % k", "s = s * (k % 3)", "s = s.replace('a', 'aa')",
         "s = ','.join(t)", "s = s[1:]", "s = s[::-1]", "s = '%s-%s' % (s, n)", "s = str(l)",
         "s = s.upper().lower()", "s = s.strip('b').removeprefix('a')", "s = s[:9] + s[-1:]",
         "s = 'é中'.join([s, s])", "s = s.replace('', 'z')",
         "s = s[1::2] + s[:3:2]", "s = s[3::-1] + s[:1:-2]", "s = s.partition('b')[2]"]  # fmt: skip
LISTS = ["l = l + l", "l += [n, k]", "l = l * (k % 3)", "l = [x + 1 for x in l]", "l.append(n)",
         "l.extend(l)", "l = sorted(l)", "l = list(range(k, k + 9))", "l = l[:k]",
         "l = [x for x in l for y in range(k % 4) if x > y]", "l.insert(0, n)",
         "l = l[5::-1] + l[1::2] + l[:-1]", "l = l[::-1]",
         "l = list(reversed(l))", "l = [len(x) for x in t]", "l = list(tuple(l) + (1, 2))",
         "l = [i + x for i, x in enumerate(l)]", "l = [x * y for x, y in zip(l, l)]"]  # fmt: skip
WORDS = ["t = t + [s]", "t = s.split('b')", "t = [s, s, s]", "t = list(d.keys())", "t *= 2",
         "t = [w + 'a' for w in t]", "t = sorted(t, reverse=True)", "t.append(str(n))",
         "t = s.splitlines()", "t = t[1:] + t[:1]"]  # fmt: skip
MAPS = ["d[s[:5]] = n", "d = {w: len(w) for w in t}", "d.update({'a': k})", "d['x'] = len(d)",
        "d = dict(d)", "d.pop('a', 0)", "d.setdefault(s[-3:], k)", "d['y'] = d.get('y', 0) + 1",
        "d = {k2: v for k2, v in d.items() if v != 3}", "d = dict([('q', 1), ('r', n)])",
        ]  # fmt: skip
LINES = st.sampled_from(NUMBERS + TEXTS + LISTS + WORDS + MAPS)
CONDITIONS = st.sampled_from(["n > 5", "len(s) < 40", "l == sorted(l)", "'a' in d", "t and not s",
                              "s >= 'b'", "l <= [3]", "n in l or k"])  # fmt: skip


@st.composite
def programs(draw):
    """A function of five variables: straight lines, branches and loops."""
    lines = ["n, s, l, t, d, k, turns = 1, 'ab', [3, 1], ['x'], {'a': 1}, 2, 0"]
    for _ in range(draw(st.integers(1, 6))):
        body = draw(st.lists(LINES, min_size=1, max_size=4))
        shape = draw(st.sampled_from(["plain", "for", "if", "else"]))
        if shape == "plain":
            lines += body
        elif shape == "for":
            count = draw(st.sampled_from([1, 2, 3, 7, 30, 200]))
            lines.append(f"for k in range({count}):")
            lines += ["    turns += 1", *(f"    {line}" for line in body)]
        else:
            lines.append(f"if {draw(CONDITIONS)}:")
            lines += [f"    {line}" for line in body]
            if shape == "else":
                lines += ["else:", f"    {draw(LINES)}"]
    lines.append("return [n, s, l, t, d, turns]")
    return "def f():\n" + "".join(f"    {line}\n" for line in lines)


@pytest.fixture(scope="module")
def processes():
    made = ProcessSandbox(), ProcessSandbox()
    yield made
    for sandbox in made:
        sandbox.close()


class NoHost:
    """These programs ask nothing."""

    def answer(self, question, values):
        raise AssertionError(question)


def outcome(sandbox, source):
    try:
        return sandbox.run(Job(compile_script(source).text, "f", {}, FACTS), NoHost())
    except Refused as refused:
        return refused.code, refused.fields


def in_python(source):
    """What the same lines return in Python; None where they raise."""
    names = {}
    exec(source, names)  # noqa: S102 - programs of this file's own lines
    with contextlib.suppress(Exception):
        return names["f"]()
    return None


def real_bytes(value):
    """The least that a value takes in any memory: letters, pointers, entries, their heads."""
    if isinstance(value, str):
        return 16 + len(value.encode())
    if isinstance(value, list):
        return 16 + 8 * len(value) + sum(map(real_bytes, value))
    if isinstance(value, dict):
        pairs = [*value.keys(), *value.values()]
        return 16 + 24 * len(value) + sum(map(real_bytes, pairs))
    return 16


@settings(max_examples=60, deadline=None)
@given(programs())
def test_every_process_counts_alike_and_never_less_than_is_there(processes, source):
    one, other = processes
    note(source)

    first = outcome(one, source)

    assert first == outcome(other, source)
    if isinstance(first, tuple):
        code, fields = first
        assert code in {"LIMIT", "RULE"}
        assert code == "LIMIT" or fields["have"] in {"error", "key", "letter"}, fields
        return
    assert real_bytes(first.value) <= first.size
    assert first.value[-1] <= first.steps
    assert first.value == in_python(source)


@settings(max_examples=40, deadline=None)
@given(programs())
def test_what_is_made_and_thrown_away_is_counted_too(processes, source):
    """The sizes alone are returned, so that nothing is counted for the result."""
    small = source.replace(
        "return [n, s, l, t, d, turns]", "return [len(s), len(l), len(t), len(d)]"
    )
    note(small)

    made = outcome(processes[0], small)

    if not isinstance(made, tuple):
        letters, *others, entries = made.value
        grown = (
            max(0, letters - 2) + 8 * sum(max(0, n - 2) for n in others) + 24 * max(0, entries - 1)
        )
        assert grown <= made.size


@pytest.mark.parametrize("line", [*TEXTS, *LISTS, *WORDS, *MAPS])
def test_each_line_that_grows_is_counted_for_itself(processes, line):
    """Alone in a loop, nothing else pays for it."""
    source = (
        "def f():\n    n, s, l, t, d, k = 1, 'abab', [3, 1], ['x', 'y'], {'a': 1}, 2\n"
        f"    for _i in range(12):\n        {line}\n    return [len(s), len(l), len(t), len(d)]\n"
    )

    made = outcome(processes[0], source)

    if isinstance(made, tuple):
        assert made[0] == "LIMIT", made
    else:
        letters, *others, entries = made.value
        grown = max(0, letters - 4) + 8 * sum(max(0, n - 2) for n in others) + 24 * (entries - 1)
        assert grown <= made.size


@settings(max_examples=40, deadline=None)
@given(programs())
def test_a_program_fails_here_when_it_fails_in_python_and_only_then(processes, source):
    """But for limits, and for texts with letters above ASCII in functions that know ASCII alone."""
    note(source)
    made = outcome(processes[0], source)

    if not isinstance(made, tuple):
        assert in_python(source) is not None
    elif made == ("RULE", {"field": "program", "have": "error"}):
        assert in_python(source) is None
