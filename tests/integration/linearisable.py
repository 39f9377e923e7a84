"""Is a history linearisable? A checker for a register with compare-and-set, and for a set.

The promise: `check` says yes exactly if the operations can be put in one order that keeps real
time (what ended before another began stands before it) and in which each result is what the
sequential object gives. It is the search of Wing and Gong with Lowe's memory of what was tried:
a state is never entered twice with the same operations behind it.
"""

from dataclasses import dataclass

NEVER = float("inf")
"""The end of an operation whose client heard nothing: it may take effect at any time, or never."""


@dataclass(frozen=True)
class Operation:
    """One call of a client.

    Attributes:
        client: who called; for the reader of a counter-example.
        what: the name and the arguments, as the model knows them.
        result: what came back; None with `end` NEVER, where nothing did.
        begin: when it was called, on one clock for all clients.
        end: when the answer was there.
    """

    client: str
    what: tuple
    result: object
    begin: float
    end: float = NEVER

    @property
    def is_open(self):
        """Whether nobody knows how it ended."""
        return self.end == NEVER

    def __str__(self):
        """A line of a counter-example."""
        end = "never" if self.is_open else f"{self.end:.3f}"
        return f"{self.begin:>9.3f} to {end:>9}  {self.client}: {self.what} -> {self.result!r}"


class Register:
    """A register whose value has a version: compare-and-set names the version that it expects.

    Calls: ``("read",)`` gives ``(version, value)``; ``("cas", version, value)`` gives whether it
    was done. A state is ``(version, value)``.
    """

    def __init__(self, version=0, value=None):
        self.initial = (version, value)

    @staticmethod
    def step(state, what):
        """The state after a call, and what it gives."""
        match what:
            case ("read",):
                return state, state
            case ("cas", version, value):
                done = version == state[0]
                return ((version + 1, value) if done else state), done
        raise AssertionError(f"no call of a register: {what}")


class GrowingSet:
    """A set to which things are added, once each.

    Calls: ``("add", thing)`` gives whether it was not there; ``("has", thing)``; ``("all",)`` gives
    the whole as a frozenset.
    """

    initial = frozenset()

    @staticmethod
    def step(state, what):
        """The state after a call, and what it gives."""
        match what:
            case ("add", thing):
                return state | {thing}, thing not in state
            case ("has", thing):
                return state, thing in state
            case ("all",):
                return state, state
        raise AssertionError(f"no call of a set: {what}")


@dataclass(frozen=True)
class Verdict:
    """What a check found.

    Attributes:
        order: the operations in a legal order, where there is one; else None.
        stuck: where there is none, the longest legal beginning.
        tried: how many places the search visited.
    """

    order: tuple | None
    stuck: tuple
    tried: int

    def __bool__(self):
        """Whether the history is linearisable."""
        return self.order is not None


def check(history, model):
    """Look for a legal order.

    What ended without effect for sure (a refusal to take it) does not belong into a history. An
    open operation stands in the order only if it changes something.
    """
    operations = sorted(history, key=lambda one: (one.begin, one.end))
    closed = sum(1 << place for place, one in enumerate(operations) if not one.is_open)
    seen = {(0, model.initial)}
    stack = [(model.initial, 0, iter(_first(operations, 0)))]
    order, longest, tried = [], [], 0
    while stack:
        state, done, choices = stack[-1]
        if done & closed == closed:
            return Verdict(tuple(operations[place] for place in order), (), tried)
        for place in choices:
            tried += 1
            one = operations[place]
            after, result = model.step(state, one.what)
            fits = after != state if one.is_open else result == one.result
            behind = done | 1 << place
            if fits and (behind, after) not in seen:
                seen.add((behind, after))
                order.append(place)
                stack.append((after, behind, iter(_first(operations, behind))))
                break
        else:
            longest = max(longest, order.copy(), key=len)
            stack.pop()
            del order[-1:]
    return Verdict(None, tuple(operations[place] for place in longest), tried)


def _first(operations, done):
    """Who may be next: not done, and none that is not done ended before it began."""
    lowest = (~done & (done + 1)).bit_length() - 1
    found, limit = [], NEVER
    for place in range(lowest, len(operations)):
        if done >> place & 1:
            continue
        one = operations[place]
        if one.begin > limit:
            break
        found.append(place)
        limit = min(limit, one.end)
    return found


def told(verdict, history, lines=12):
    """Why a history is not linearisable: the end of what fits, and what cannot follow."""
    behind = [one for one in history if one not in verdict.stuck and not one.is_open]
    behind.sort(key=lambda one: one.begin)
    fits = [f"  fits   {one}" for one in verdict.stuck[-lines:]]
    return "\n".join(["not linearisable:", *fits, *(f"  cannot {o}" for o in behind[:lines])])
