"""The process in which scripts run: an interpreter, two pipes, nothing else.

The promise: it opens no file and no socket (it may hold no further descriptor), writes nothing,
grows to `MEMORY_BYTES_MAX` at most, and ends when its parent does. What it says about a call
follows from the call alone; when it cannot know that, it ends instead. docs/spec/script.md, 6.
It is started as a file of its own and imports nothing of the node.
"""

import contextlib
import os
import re
import resource
import struct
import sys
from collections import OrderedDict
from typing import NoReturn

import msgpack
import starlark

FRAME_BYTES_MAX = 8 * 1024 * 1024
"""Of one message: a program and its arguments are far smaller, a result too."""
MEMORY_BYTES_MAX = 256 * 1024 * 1024
"""Address space: the interpreter takes 35 MiB, a call that counts to its limit 40 more."""
LOADED_BYTES_MAX = 640 * 1024
"""Text of the loaded scripts that are kept, the meter counted with each: a byte of it takes some
140 of memory, so that what was called before never takes what a call needs."""
CALLSTACK_MAX = 1_000
"""Of the interpreter: five for each of the 64 functions that the meter allows, and a reserve."""
LOST = 70
"""Exit code when the outcome of a call cannot be known."""
ENTRY = "hansa_call"
"""The function of the meter that runs a call; scripts define no such name."""
_FILE = "script.star"
ERROR_MAX = 64 * 1024
"""Letters of an error that are handed over: it quotes values, whole lists among them."""
_ERROR = re.compile(r"^error: (MemoryError\b)?", re.MULTILINE)
"""How the interpreter reports that Python had no memory for a value on its way in or out. Only the
first such line counts: a message may quote a text of the caller's with lines in it."""
_WARM = 'def warm(__m, x):\n return __b_int(__m, x)\n__functions = {"warm": warm}\n'
_HEADER = struct.Struct(">I")


class Stop(Exception):  # noqa: N818 - it ends a call, it is no failure
    """The call ends here; `outcome` says how."""

    outcome: list[object] | None = None


def outcome() -> list[object] | None:
    """How the meter, the script or the ledger ended the call, if one of them did."""
    return Stop.outcome


def is_exhausted(report: str) -> bool:
    """Whether an error is that of Python's memory, whatever the script's own texts say."""
    first = _ERROR.search(report)
    return first is not None and first.group(1) is not None


def read_exactly(size: int) -> bytes:
    """Bytes from the parent; the process ends when the parent is gone."""
    parts = []
    while size:
        part = os.read(0, size)
        if not part:
            os._exit(0)
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def receive() -> list[object]:
    """One message."""
    (size,) = _HEADER.unpack(read_exactly(_HEADER.size))
    if size > FRAME_BYTES_MAX:
        os._exit(LOST)
    message: object = msgpack.unpackb(read_exactly(size), raw=False, strict_map_key=True)
    assert isinstance(message, list)
    return message


def send(message: list[object]) -> None:
    """One message, whole."""
    body = msgpack.packb(message)
    if len(body) > FRAME_BYTES_MAX:
        os._exit(LOST)
    data = memoryview(_HEADER.pack(len(body)) + body)
    while data:
        data = data[os.write(1, data) :]


class Interpreter:
    """Loaded scripts, and the call that runs."""

    def __init__(self, meter: str) -> None:
        """`meter` is the text that every script rests on."""
        self._meter = meter
        self._dialect = starlark.Dialect.standard()
        self._options = starlark.EvalOptions(max_callstack_size=CALLSTACK_MAX)
        self._loaded: OrderedDict[bytes, tuple[starlark.FrozenModule, int]] = OrderedDict()

    def run(self, message: list[object]) -> list[object]:
        """Run a call: ``done``, ``refuse``, ``limit``, ``error``, ``stopped`` or ``need``."""
        _, digest, program, function, *rest = message
        assert isinstance(digest, bytes)
        if digest not in self._loaded and program is None:
            return ["need"]
        Stop.outcome = None
        try:
            module = self._module(digest, program)
            made = module.call_with(self._options, ENTRY, function, *rest)
        except starlark.StarlarkError as error:
            if is_exhausted(str(error)):
                os._exit(LOST)
            return outcome() or ["error", str(error)[:ERROR_MAX]]
        value = made.value
        assert isinstance(value, list)
        return ["done", *value]

    def warm(self) -> None:
        """Have everything imported that a call or an error may need, while files can be read."""
        for argument in ("1", "x"):
            self.run(["run", b"", _WARM, "warm", {"x": argument}, 100, 100, 9, {}])
        self._loaded.clear()

    def _module(self, digest: bytes, program: object) -> starlark.FrozenModule:
        """A script, loaded once: its constants are frozen, so that no call leaves a trace."""
        known = self._loaded.get(digest)
        if known is not None:
            self._loaded.move_to_end(digest)
            return known[0]
        text = f"{self._meter}\n{program}"
        self._make_room(len(text))
        module = starlark.Module()
        module.add_callable("__stop", stop)
        module.add_callable("__ask", ask)
        tree = starlark.parse(_FILE, text, self._dialect)
        starlark.eval(module, tree, starlark.Globals.standard())
        frozen = module.freeze()
        self._loaded[digest] = frozen, len(text)
        return frozen

    def _make_room(self, size: int) -> None:
        """Let those go that were called longest ago, before another one is loaded."""
        kept = sum(length for _, length in self._loaded.values())
        while self._loaded and kept + size > LOADED_BYTES_MAX:
            _, (_, length) = self._loaded.popitem(last=False)
            kept -= length


def stop(kind: str, fields: dict[str, object], steps: int, size: int) -> NoReturn:
    """The meter or the script ends the call, with what is left of steps and size."""
    Stop.outcome = ["stop", kind, fields, steps, size]
    raise Stop


def ask(question: str, values: list[object], steps: int, size: int) -> object:
    """Ask the ledger; it answers or ends the call."""
    reply: list[object] = []
    try:
        send(["ask", question, values])
        reply = receive()
    finally:
        if not reply:
            os._exit(LOST)  # the interpreter would take the error for the script's own
    word, *rest = reply
    if word != "answer":
        Stop.outcome = ["stop", "host", {}, steps, size]
        raise Stop
    return rest[0]


def shut_doors() -> None:
    """Give up what a script has no use for: further descriptors, files, children, memory."""
    os.chdir("/")
    for limit, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_AS, MEMORY_BYTES_MAX),
        (resource.RLIMIT_NOFILE, 0),
    ):
        resource.setrlimit(limit, (most, most))
    with contextlib.suppress(ValueError, OSError):  # the superuser's processes are not counted
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))


def main() -> None:
    """Read the meter, then run calls until the parent goes."""
    word, meter = receive()
    assert word == "meter"
    interpreter = Interpreter(str(meter))
    interpreter.warm()
    shut_doors()
    send(["ready"])
    while True:
        send(interpreter.run(receive()))


if __name__ == "__main__":
    sys.excepthook = lambda *_: os._exit(LOST)
    main()
