"""What the modules of calls are made of: building a call, and carrying it out at once.

The promise: what is left out is not sent, so that the contract's own default holds; the bytes
are canonical, so that the same arguments make the same call everywhere.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, ParamSpec, TypeVar, cast, overload

from hansa.encoding import Value
from hansa.transaction import Call

Plain = object
"""Anything that a value may be (docs/spec/encoding.md): no floats, no objects of one's own."""

P = ParamSpec("P")
R = TypeVar("R")


def build(contract: str, method: str, given: Mapping[str, object]) -> Call:
    """The call of a method; arguments that are None are left out.

    A name that Python keeps for itself has a ``_`` behind it, which is cut off.

    Raises:
        Rejected: ``encoding.value`` for what no value may hold.
    """
    arguments = {
        name.removesuffix("_"): _plain(value) for name, value in given.items() if value is not None
    }
    return Call.of(contract, method, arguments)


def _plain(given: object) -> Value:
    """Lists and maps of any kind as those that are encoded."""
    if isinstance(given, Mapping):
        return {name: _plain(value) for name, value in given.items()}
    if isinstance(given, Sequence) and not isinstance(given, str | bytes):
        return [_plain(value) for value in given]
    return cast("Value", given)


class Group(Generic[R]):
    """The methods of one contract; each call goes to `carry`, whose answer comes back."""

    def __init__(self, carry: Callable[[Call], R]) -> None:
        self._carry = carry

    def carry(self, call: Call) -> R:
        """Carry out a call."""
        return self._carry(call)


class Bound(Generic[P]):
    """A method of a `Group`: the same arguments as the function that makes the call."""

    def __init__(self, function: Callable[P, Call]) -> None:
        self._function = function

    @overload
    def __get__(self, group: None, kind: type[object]) -> "Bound[P]": ...
    @overload
    def __get__(self, group: Group[R], kind: type[object]) -> Callable[P, R]: ...
    def __get__(self, group: Group[R] | None, kind: type[object]) -> "Bound[P] | Callable[P, R]":
        """The method of one who acts."""
        if group is None:
            return self
        acting = group

        @functools.wraps(self._function)
        def method(*args: P.args, **kwargs: P.kwargs) -> R:
            return acting.carry(self._function(*args, **kwargs))

        del method.__wrapped__  # its answer is another one
        method.__annotations__ = {**self._function.__annotations__, "return": object}
        return method
