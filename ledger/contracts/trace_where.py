"""Which containers a thing is in, from the innermost to the outermost (trace.md, 4.1).

The promise: one rule for the contract and for queries; containment is a forest and never deeper
than `NESTED_MAX`, and a state that says otherwise ends the walk.
"""

from collections.abc import Callable

from ledger.contracts.trace_bench import NESTED_MAX
from ledger.contracts.trace_records import ThingRecord

Find = Callable[[str], ThingRecord | None]
"""A thing's short name to its record."""


def live_parent(thing: ThingRecord, find: Find) -> ThingRecord | None:
    """The container that a thing is in now, or None."""
    parent = find(thing.parent) if thing.parent else None
    return parent if parent is not None and parent.round == thing.parent_round else None


def containers(thing: ThingRecord, find: Find) -> tuple[ThingRecord, ...]:
    """The containers around a thing, the innermost first; at most `NESTED_MAX`."""
    around: list[ThingRecord] = []
    for _ in range(NESTED_MAX):
        parent = live_parent(thing, find)
        if parent is None:
            break
        around.append(parent)
        thing = parent
    return tuple(around)


def outermost(thing: ThingRecord, find: Find) -> ThingRecord:
    """The container that holds all the others, or the thing itself."""
    return (thing, *containers(thing, find))[-1]
