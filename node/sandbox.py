"""Scripts in a process of their own: the ledger's port `Sandbox`, kept by a node.

The promise: one process, started when the first script is called and again after it was lost; it
sees nothing of the node but the calls. What it does not answer in time, or not at all, is no
result: never a receipt. docs/spec/script.md, section 6.
"""

import atexit
import os
import select
import struct
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Final, cast

import msgpack

from hansa.encoding import Value
from hansa.hashing import sha256
from ledger.contract import Contract, Refused
from ledger.contracts import CONTRACTS
from ledger.contracts.script import Scripts
from ledger.scripts import Done, Host, Job, NoAnswer
from ledger.scripts.limits import DEPTH_MAX, SIZE_MAX, STEPS_MAX
from ledger.scripts.outcome import program_error, refusal_of

WALL_MS_MAX = 10_000
"""Of one call, its questions included: 500 times what one takes that counts to its limit. A net:
whoever is this late is sick, and his vote is not needed."""
START_MS_MAX = 30_000
"""Until a fresh process is ready, on a machine that is busy starting other things."""
FRAME_BYTES_MAX = 8 * 1024 * 1024
"""Of one message, as in `node/sandbox_child.py`."""
READ_BYTES = 1 << 16
METER: Final = Path(__file__).parent.parent / "ledger" / "scripts" / "meter.star"
"""The text that every script rests on; `ledger/` reads no file."""
_CHILD: Final = Path(__file__).with_name("sandbox_child.py")
_HEADER = struct.Struct(">I")


class ProcessSandbox:
    """Runs scripts; safe to share between ledgers and threads, which wait for each other."""

    def __init__(self, wall_ms: int = WALL_MS_MAX) -> None:
        """Nothing is started yet; `wall_ms` is how long one call may take."""
        self._wall_ms = wall_ms
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._deadline = 0.0
        self.last_error = ""
        """What the interpreter said about the last script that failed: for its author alone."""
        self.starts = 0
        """Processes started so far."""

    @property
    def pid(self) -> int | None:
        """The process that runs now, if one does."""
        return None if self._process is None else self._process.pid

    def run(self, job: Job, host: Host) -> Done:
        """See `ledger.scripts.Sandbox`."""
        with self._lock:
            try:
                return self._run(job, host)
            except (OSError, ValueError, EOFError) as error:
                self._end()
                raise NoAnswer(f"the sandbox is lost: {error}") from error
            except NoAnswer:
                self._end()
                raise

    def close(self) -> None:
        """End the process; the next call starts another."""
        with self._lock:
            self._end()

    def _run(self, job: Job, host: Host) -> Done:
        self._start()
        self._deadline = time.monotonic() + self._wall_ms / 1_000
        digest = sha256(job.program.encode())
        counts = (STEPS_MAX, SIZE_MAX, DEPTH_MAX)
        rest = [job.function, job.arguments, *counts, job.facts]
        said = self._exchange(["run", digest, None, *rest])
        if said[0] == "need":
            said = self._exchange(["run", digest, job.program, *rest])
        refused: Refused | None = None
        while said[0] == "ask":
            _, question, values = said
            try:
                reply: list[Value] = ["answer", host.answer(str(question), _list(values))]
            except Refused as refusal:
                refused, reply = refusal, ["stop"]
            said = self._exchange(reply)
        if refused is not None:
            raise refused
        return self._outcome(said)

    def _outcome(self, said: list[Value]) -> Done:
        match said:
            case ["done", value, int() as steps, int() as size]:
                return Done(value, steps, size)
            case ["stop", str() as kind, dict() as fields, int(), int()]:
                raise refusal_of(kind, fields)
            case ["error", str() as text]:
                self.last_error = text
                raise program_error("error")
            case _:
                raise ValueError(f"unknown outcome {said[:1]!r}")

    def _start(self) -> None:
        if self._process is not None and self._process.poll() is None:
            return
        self._end()
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and file
            [sys.executable, "-I", str(_CHILD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={},
            start_new_session=True,
        )
        assert self._process.stdin is not None
        os.set_blocking(self._process.stdin.fileno(), False)
        self.starts += 1
        self._deadline = time.monotonic() + START_MS_MAX / 1_000
        if self._exchange(["meter", METER.read_text()]) != ["ready"]:
            raise ValueError("the sandbox did not start")

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def _exchange(self, message: Sequence[object]) -> list[Value]:
        """Send one message and wait for the next one that comes back."""
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        body = msgpack.packb(message)
        self._write(process.stdin.fileno(), _HEADER.pack(len(body)) + body)
        (size,) = _HEADER.unpack(self._read(process.stdout.fileno(), _HEADER.size))
        if size > FRAME_BYTES_MAX:
            raise ValueError(f"a message of {size} bytes")
        said = msgpack.unpackb(self._read(process.stdout.fileno(), size), raw=False)
        return _list(cast("Value", said))

    def _write(self, pipe: int, data: bytes) -> None:
        """Bytes to the process, until the deadline: one that reads no more blocks nobody."""
        rest = memoryview(data)
        poll = select.poll()
        poll.register(pipe, select.POLLOUT)
        while rest:
            left = self._deadline - time.monotonic()
            if left <= 0 or not poll.poll(left * 1_000):
                raise NoAnswer("the sandbox took nothing in time")
            rest = rest[os.write(pipe, rest) :]

    def _read(self, pipe: int, size: int) -> bytes:
        """Bytes from the process, until the deadline."""
        parts: list[bytes] = []
        poll = select.poll()
        poll.register(pipe, select.POLLIN)
        while size:
            left = self._deadline - time.monotonic()
            if left <= 0 or not poll.poll(left * 1_000):
                raise NoAnswer("the sandbox did not answer in time")
            part = os.read(pipe, min(size, READ_BYTES))
            if not part:
                raise EOFError("its process ended")
            parts.append(part)
            size -= len(part)
        return b"".join(parts)


def _list(value: Value) -> list[Value]:
    if not isinstance(value, list) or not value:
        raise ValueError("not a message")
    return value


SANDBOX = ProcessSandbox()
"""That of this process: nothing runs until a script is called."""
SCRIPTED: Final[Mapping[str, Contract]] = {**CONTRACTS, "script": Scripts(SANDBOX)}
"""The chain's contracts as a node runs them: scripts run in its sandbox."""
atexit.register(SANDBOX.close)
