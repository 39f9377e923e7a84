"""Which refusals a method can give, read off its code.

The promise: every code that a method, or a function of the ledger that it names, raises by
itself is listed. It may list one that never happens; it never lists what no code of it says.
"""

from collections.abc import Callable, Iterator
from functools import cache
from types import CodeType, FunctionType, ModuleType

from hansa.receipt import REFUSALS
from ledger.contract import Context
from ledger.contracts.asset_case import Case

ALWAYS = ("AUTH", "LIMIT", "SCHEMA", "SIGN")
"""What every call may be refused with before or after its method: whoever may not call it, too
many keys or too large a receipt, other arguments, a key that is not valid."""
_CASES = "ledger.contracts.asset"
"""Modules that work with a `Case`; every contract works with a `Context`."""
_OURS = "ledger."


@cache
def refusals_of(function: Callable[..., object]) -> tuple[str, ...]:
    """The codes in the order of their names."""
    assert isinstance(function, FunctionType)
    found, seen = set(ALWAYS), set[CodeType]()
    waiting = [function]
    while waiting:
        one = waiting.pop()
        if one.__code__ in seen:
            continue
        seen.add(one.__code__)
        for code in _codes(one.__code__):
            found.update(text for text in code.co_consts if text in REFUSALS)
            waiting.extend(_named(code.co_names, one.__globals__))
    return tuple(sorted(found))


def _codes(code: CodeType) -> Iterator[CodeType]:
    """A function's code and that of the functions inside of it."""
    yield code
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _codes(inner)


def _named(names: tuple[str, ...], known: dict[str, object]) -> Iterator[FunctionType]:
    """The ledger's functions behind the names that a code uses."""
    places: list[object] = [
        known[name] for name in names if isinstance(known.get(name), ModuleType)
    ]
    places.append(Context)
    if str(known["__name__"]).startswith(_CASES):
        places.append(Case)
    for name in names:
        for found in (known.get(name), *(getattr(place, name, None) for place in places)):
            if isinstance(found, FunctionType) and found.__module__.startswith(_OURS):
                yield found
