"""The checker of histories accepts what is linearisable and rejects what is not.

Each history is written down by hand: a client, a call, its result, when it began and ended.
"""

import itertools
import random

import pytest

from tests.integration.linearisable import (
    NEVER,
    GrowingSet,
    Operation,
    Register,
    check,
    told,
)

A, B, C = "one", "two", "three"


def op(client, begin, end, result, *what):
    """An operation, in the order in which one reads it."""
    return Operation(client, what, result, begin, end)


def read(client, begin, end, version, value):
    return op(client, begin, end, (version, value), "read")


def cas(client, begin, end, version, value, *, done=True):  # noqa: PLR0913 - in the order of reading
    return op(client, begin, end, done, "cas", version, value)


def unheard(client, begin, version, value):
    return op(client, begin, NEVER, None, "cas", version, value)


def add(client, begin, end, thing, *, new=True):
    return op(client, begin, end, new, "add", thing)


def has(client, begin, end, thing, *, there):
    return op(client, begin, end, there, "has", thing)


def whole(client, begin, end, *things):
    return op(client, begin, end, frozenset(things), "all")


GOOD_REGISTERS = {
    "nothing happened": [],
    "one after the other": [cas(A, 0, 1, 0, "x"), read(B, 2, 3, 1, "x"), cas(A, 4, 5, 1, "y")],
    "a read beside a write sees the old value": [cas(A, 0, 9, 0, "x"), read(B, 1, 2, 0, None)],
    "a read beside a write sees the new value": [cas(A, 0, 9, 0, "x"), read(B, 1, 2, 1, "x")],
    "of two writers for one version one wins": [
        cas(A, 0, 5, 0, "x"),
        cas(B, 0, 5, 0, "y", done=False),
        read(C, 6, 7, 1, "x"),
    ],
    "the loser may end before the winner": [
        cas(B, 0, 2, 0, "y", done=False),
        cas(A, 0, 9, 0, "x"),
    ],
    "nobody heard of it and it is there": [unheard(A, 0, 0, "x"), read(B, 100, 101, 1, "x")],
    "nobody heard of it and it is not there": [unheard(A, 0, 0, "x"), read(B, 9, 10, 0, None)],
    "it takes effect long after its client gave up": [
        unheard(A, 0, 0, "x"),
        read(B, 1, 2, 0, None),
        read(B, 3, 4, 1, "x"),
    ],
    "a write that was not heard of is built upon": [
        unheard(A, 0, 0, "x"),
        cas(B, 5, 6, 1, "y"),
        read(C, 7, 8, 2, "y"),
    ],
    "an end and a beginning at one moment are beside each other": [
        cas(A, 0, 1, 0, "x"),
        read(B, 1, 2, 0, None),
    ],
}
GOOD_SETS = {
    "added and seen": [add(A, 0, 1, "p"), has(B, 2, 3, "p", there=True), whole(C, 4, 5, "p")],
    "seen while it is added": [
        add(A, 0, 9, "p"),
        whole(B, 1, 2, "p"),
        has(C, 3, 4, "p", there=True),
    ],
    "not seen while it is added": [add(A, 0, 9, "p"), whole(B, 1, 2), whole(C, 3, 4, "p")],
    "added by two, new for one": [add(A, 0, 5, "p"), add(B, 0, 5, "p", new=False)],
    "seen although nobody heard of it": [
        op(A, 0, NEVER, None, "add", "p"),
        whole(B, 5, 6, "p"),
    ],
}
BAD_REGISTERS = {
    "an old value after a newer one was written": [cas(A, 0, 1, 0, "x"), read(B, 2, 3, 0, None)],
    "a value that nobody wrote": [cas(A, 0, 1, 0, "x"), read(B, 2, 3, 1, "z")],
    "two win with one version": [cas(A, 0, 1, 0, "x"), cas(B, 2, 3, 0, "y")],
    "two win with one version beside each other": [cas(A, 0, 5, 0, "x"), cas(B, 0, 5, 0, "y")],
    "two readers see two orders": [
        cas(A, 0, 9, 0, "x"),
        read(B, 1, 2, 1, "x"),
        read(C, 3, 4, 0, None),
    ],
    "a write is lost": [
        cas(A, 0, 1, 0, "x"),
        cas(B, 2, 3, 1, "y"),
        read(C, 4, 5, 1, "x"),
    ],
    "a write that was refused is there": [
        cas(A, 0, 1, 7, "x", done=False),
        read(B, 2, 3, 1, "x"),
    ],
    "refused although the version was right and nobody else wrote": [
        cas(A, 0, 1, 0, "x", done=False),
        read(B, 2, 3, 0, None),
    ],
    "what was not heard of takes effect before it began": [
        read(B, 0, 1, 1, "x"),
        unheard(A, 2, 0, "x"),
    ],
    "what was not heard of takes effect twice": [
        unheard(A, 0, 0, "x"),
        read(B, 1, 2, 1, "x"),
        read(B, 3, 4, 2, "x"),
    ],
    "a value comes back": [
        cas(A, 0, 1, 0, "x"),
        cas(A, 2, 3, 1, "y"),
        read(B, 4, 5, 3, "x"),
    ],
}
BAD_SETS = {
    "what was added is not there": [add(A, 0, 1, "p"), has(B, 2, 3, "p", there=False)],
    "what nobody added is there": [whole(A, 0, 1, "p")],
    "it is there and then not": [
        add(A, 0, 9, "p"),
        whole(B, 1, 2, "p"),
        whole(C, 3, 4),
    ],
    "two readers see two things in two orders": [
        add(A, 0, 9, "p"),
        add(B, 0, 9, "q"),
        whole(C, 1, 2, "p"),
        whole("four", 1, 2, "q"),
    ],
    "new for two": [add(A, 0, 5, "p"), add(B, 0, 5, "p")],
    "new for nobody": [add(A, 0, 1, "p", new=False), whole(B, 2, 3, "p")],
}


def cases(histories):
    return [pytest.param(history, id=name) for name, history in histories.items()]


@pytest.mark.parametrize("history", cases(GOOD_REGISTERS))
def test_a_linearisable_history_of_a_register_is_accepted(history):
    verdict = check(history, Register())

    assert verdict
    replayed(verdict.order, Register())


@pytest.mark.parametrize("history", cases(BAD_REGISTERS))
def test_any_other_history_of_a_register_is_rejected(history):
    verdict = check(history, Register())

    assert not verdict
    assert "cannot" in told(verdict, history)


@pytest.mark.parametrize("history", cases(GOOD_SETS))
def test_a_linearisable_history_of_a_set_is_accepted(history):
    verdict = check(history, GrowingSet())

    assert verdict
    replayed(verdict.order, GrowingSet())


@pytest.mark.parametrize("history", cases(BAD_SETS))
def test_any_other_history_of_a_set_is_rejected(history):
    assert not check(history, GrowingSet())


def replayed(order, model):
    """What a verdict says is legal is legal: results and real time."""
    state = model.initial
    for one in order:
        state, result = model.step(state, one.what)
        assert one.is_open or result == one.result
    for earlier, later in itertools.combinations(order, 2):
        assert later.end >= earlier.begin


# -- against the definition ----------------------------------------------------------------------


def every_order(history, model):
    """The definition itself: some choice of open operations, some order of all of them."""
    opened = [one for one in history if one.is_open]
    closed = [one for one in history if not one.is_open]
    for count in range(len(opened) + 1):
        for chosen in itertools.combinations(opened, count):
            for order in itertools.permutations([*closed, *chosen]):
                try:
                    replayed(order, model)
                except AssertionError:
                    continue
                return True
    return False


def random_history(chance, spoiled):
    """Calls of a real register with overlapping times; `spoiled`: one result is another."""
    state, now, found = Register().initial, 0, []
    for number in range(chance.randrange(2, 6)):
        now += chance.randrange(1, 3)
        what = chance.choice([("read",), ("cas", state[0], number), ("cas", 1, number)])
        state, result = Register.step(state, what)
        begin, end = now - chance.randrange(4), now + chance.randrange(4)
        is_open = what[0] == "cas" and chance.random() < 0.2
        found.append(
            Operation(
                str(number), what, None if is_open else result, begin, NEVER if is_open else end
            )
        )
    if spoiled:
        place = chance.randrange(len(found))
        one = found[place]
        other = not one.result if isinstance(one.result, bool) else (chance.randrange(3), None)
        found[place] = Operation(one.client, one.what, other, one.begin, one.begin + 2)
    chance.shuffle(found)
    return found


@pytest.mark.parametrize("seed", range(120))
def test_the_search_agrees_with_the_definition(seed):
    chance = random.Random(seed)
    history = random_history(chance, spoiled=seed % 2)

    assert bool(check(history, Register())) == every_order(history, Register())


def test_a_long_history_with_many_clients_takes_no_time():
    chance, state, history = random.Random(5), Register().initial, []
    for number in range(1_500):
        what = ("read",) if number % 3 else ("cas", state[0], number)
        state, result = Register.step(state, what)
        history.append(Operation(str(number % 8), what, result, number - 3, number + 3))
    chance.shuffle(history)

    verdict = check(history, Register())

    assert verdict
    assert verdict.tried < 100_000
