"""A source as the program that runs: read, checked, and rewritten so that it counts itself.

The promise: the rewritten text is a function of the source alone. Every function entered, every
turn of a loop and whatever may grow goes through the meter of `ledger/scripts/meter.star`; names
that scripts do not have are refused here, before anybody votes. docs/spec/script.md, sections 2-4.
"""

from dataclasses import dataclass
from functools import lru_cache

from ledger.scripts.rewrite import Function, rewrite
from ledger.scripts.syntax import parse
from ledger.scripts.tokens import ScriptError

__all__ = ["Function", "Program", "ScriptError", "compile_script"]

PROGRAMS_MAX = 64
"""Compiled scripts kept: at most 64 times their largest text, some megabytes."""


@dataclass(frozen=True, slots=True)
class Program:
    """A checked source.

    Attributes:
        text: what the interpreter runs.
        functions: those that may be called, by name.
        tests: names of public functions that begin with ``test_``: for whoever writes it.
    """

    text: str
    functions: dict[str, Function]
    tests: tuple[str, ...]


@lru_cache(maxsize=PROGRAMS_MAX)
def compile_script(source: str) -> Program:
    """Read and rewrite a source; the same source is compiled once.

    Raises:
        ScriptError: it is no script; its line and why.
    """
    text, functions = rewrite(parse(source))
    public = {f.name: f for f in functions if not f.name.startswith(("_", "test_"))}
    tests = tuple(f.name for f in functions if f.name.startswith("test_"))
    if not public:
        raise ScriptError(1, "empty", "a script has at least one function that may be called")
    return Program(text, public, tests)
