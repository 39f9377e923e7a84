"""Scripts: the language that members approve by vote (docs/spec/script.md).

The promise: what a source means is fixed by this package alone. It is read, checked and rewritten
here, without the interpreter, so that every loop, call and value is counted by the program itself;
two nodes that hold the same source run the same text and stop at the same count.
"""

from ledger.scripts.port import Done, Host, Job, NoAnswer, Sandbox
from ledger.scripts.program import Function, Program, ScriptError, compile_script

__all__ = [
    "Done",
    "Function",
    "Host",
    "Job",
    "NoAnswer",
    "Program",
    "Sandbox",
    "ScriptError",
    "compile_script",
]
