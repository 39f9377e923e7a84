"""A file of signed transactions that must not be lost and must not run twice (outbox.md).

The promise: bytes are on the disk before anybody sends them, and stay pending there until their
fate is final. After a crash the same bytes are sent again; the chain takes each of them once.
"""

import base64
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import msgspec

from hansa.client.types import Fate, FateState, Json, ReceiptView
from hansa.errors import Corrupt, Rejected, Unavailable
from hansa.transaction import SignedTransaction

if sys.platform != "win32":
    import fcntl
if TYPE_CHECKING:
    from hansa.client.asynchronous import AsyncClient
    from hansa.client.plain import Client

OUTBOX_FORMAT = "hansa/outbox@1"
LINE_BYTES_MAX = 1024 * 1024
"""Of one entry: the largest transaction in base64 and a note of half as much."""
PENDING_MAX = 10_000
"""Transactions that are not final: as many as one sender may have in a few minutes."""
WITHIN_S = 60.0
"""How long `deliver` tries one transaction when nobody says."""
EXPIRED_CODE = "transaction.expired"
"""What a node answers to bytes that it never saw and that no block can take any more."""


class _Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first line."""

    format: str
    about: dict[str, str]


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Any other line: `put` with `raw`, or `settled` with the fate."""

    put: str = ""
    raw: str = ""
    settled: str = ""
    state: FateState | None = None
    code: str = ""
    height: int | None = None
    index: int | None = None
    note: Json = None


@dataclass(frozen=True, slots=True)
class Kept:
    """A transaction in the outbox.

    Attributes:
        signed: the bytes.
        note: what the caller wrote beside them.
    """

    signed: SignedTransaction
    note: Json


@dataclass(frozen=True, slots=True)
class Settled:
    """A transaction whose fate is final.

    Attributes:
        tx_id: of the transaction.
        fate: what became of it.
        note: what the caller wrote beside it when it was put.
        result: what the caller wrote beside its fate.
    """

    tx_id: bytes
    fate: Fate
    note: Json
    result: Json


class Outbox:
    """Keeps signed bytes in a file, line by line. One process at a time has it open."""

    def __init__(self, path: Path, about: dict[str, str] | None = None) -> None:
        """Open the file, or make it.

        Args:
            path: the file.
            about: what it is for; an outbox that is for something else is refused.

        Raises:
            Rejected: ``outbox.other``: it is for something else.
            Unavailable: ``outbox.busy``: another process has it open.
            Corrupt: ``outbox.damaged``.
        """
        self.path = path
        self.pending: dict[bytes, Kept] = {}
        """What is not final, by tx_id, in the order in which it was put."""
        self.settled: dict[bytes, Settled] = {}
        """What is final, by tx_id, in the order in which it became so."""
        fresh = not path.exists()
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self._lock()
            end = self._read(about)
            os.ftruncate(self._file, end)
            if end == 0:
                self._write(msgspec.json.encode(_Head(OUTBOX_FORMAT, about or {})))
            if fresh:
                _sync_folder(path.parent)
        except BaseException:
            os.close(self._file)
            raise

    def __enter__(self) -> Self:
        """It is open already."""
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Let others open the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def put(self, signed: SignedTransaction, note: Json = None) -> None:
        """Write a transaction down; afterwards, and not before, it may be sent.

        Raises:
            Rejected: ``outbox.known``: it was put already, or ``outbox.too-large``.
            Unavailable: ``outbox.full``.
        """
        if signed.tx_id in self.pending or signed.tx_id in self.settled:
            raise Rejected("outbox.known", f"{signed.tx_id.hex()} is in {self.path} already")
        if len(self.pending) >= PENDING_MAX:
            raise Unavailable(
                "outbox.full", f"{len(self.pending)} are pending", "deliver them first"
            )
        raw = base64.b64encode(signed.raw).decode("ascii")
        self._write(msgspec.json.encode(_Line(put=signed.tx_id.hex(), raw=raw, note=note)))
        self.pending[signed.tx_id] = Kept(signed, note)

    def settle(self, tx_id: bytes, fate: Fate, result: Json = None) -> Settled:
        """Write down that the fate of a pending transaction is final."""
        assert fate.final, fate
        kept = self.pending[tx_id]
        line = _Line(
            settled=tx_id.hex(),
            state=fate.state,
            code=fate.code,
            height=fate.height,
            index=fate.index,
            note=result,
        )
        self._write(msgspec.json.encode(line))
        del self.pending[tx_id]
        self.settled[tx_id] = settled = Settled(tx_id, fate, kept.note, result)
        return settled

    def deliver(self, node: "Client", within_s: float = WITHIN_S) -> list[Settled]:
        """Submit what is pending, one after the other, until all of it is final.

        Raises:
            Rejected: the node refuses the bytes; they stay pending until they have expired.
            Unavailable: one is not final within its time; it and what follows stay pending.
        """
        done = []
        for kept in [*self.pending.values()]:
            fate, _ = deliver_one(node, kept.signed, within_s)
            done.append(self.settle(kept.signed.tx_id, fate))
        return done

    async def deliver_async(self, node: "AsyncClient", within_s: float = WITHIN_S) -> list[Settled]:
        """The same with an asynchronous client."""
        done = []
        for kept in [*self.pending.values()]:
            fate, _ = await deliver_one_async(node, kept.signed, within_s)
            done.append(self.settle(kept.signed.tx_id, fate))
        return done

    def turned_away(self, tx_id: bytes, error: Rejected) -> None:
        """Settle what the only node that ever saw it did not take: it cannot commit."""
        self.settle(tx_id, Fate(state="refused", code=error.code))

    def _lock(self) -> None:
        """Keep other processes out (where the system has advisory locks)."""
        if sys.platform == "win32":
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Unavailable(
                "outbox.busy", f"{self.path} is open in another process", "let that one end"
            ) from error

    def _read(self, about: dict[str, str] | None) -> int:
        """Take in the file; where its last whole line ends."""
        end = 0
        with os.fdopen(os.dup(self._file), "rb") as file:
            file.seek(0)
            for number, line in enumerate(_lines(file), 1):
                if not line.endswith(b"\n"):
                    break  # a crash cut it: it was not durable, so nobody has sent it
                self._take(number, line, about)
                end += len(line)
        return end

    def _take(self, number: int, line: bytes, about: dict[str, str] | None) -> None:
        try:
            if number == 1:
                head = msgspec.json.decode(line, type=_Head)
                if head.format != OUTBOX_FORMAT:
                    raise self._damaged(number, f"format {head.format[:64]}")
                self._check_about(head.about, about)
                return
            self._replay(number, msgspec.json.decode(line, type=_Line))
        except (ValueError, Rejected) as error:
            if isinstance(error, Rejected) and error.code == "outbox.other":
                raise
            raise self._damaged(number, str(error)) from error

    def _replay(self, number: int, line: _Line) -> None:
        if line.put:
            signed = SignedTransaction.decode(base64.b64decode(line.raw, validate=True))
            known = signed.tx_id in self.pending or signed.tx_id in self.settled
            if signed.tx_id.hex() != line.put or known:
                raise self._damaged(number, f"put {line.put[:64]}")
            self.pending[signed.tx_id] = Kept(signed, line.note)
            return
        tx_id = bytes.fromhex(line.settled)
        if line.state is None or tx_id not in self.pending:
            raise self._damaged(number, f"settled {line.settled[:64]}")
        fate = Fate(state=line.state, code=line.code, height=line.height, index=line.index)
        if not fate.final:
            raise self._damaged(number, f"{line.settled} is {line.state}")
        self.settled[tx_id] = Settled(tx_id, fate, self.pending.pop(tx_id).note, line.note)

    def _check_about(self, found: dict[str, str], about: dict[str, str] | None) -> None:
        if about is None or found == about:
            return
        other = [name for name in {**found, **about} if found.get(name) != about.get(name)]
        said = ", ".join(f"{name} {found.get(name)} is not {about.get(name)}" for name in other)
        raise Rejected(
            "outbox.other",
            f"{self.path}: {said}",
            "take another file, or go on with what this one was begun for",
        )

    def _damaged(self, number: int, why: str) -> Corrupt:
        return Corrupt("outbox.damaged", f"{self.path}, line {number}: {why}")

    def _write(self, line: bytes) -> None:
        """Append a line and wait until it is on the disk."""
        if len(line) >= LINE_BYTES_MAX:
            raise Rejected("outbox.too-large", f"{len(line)} bytes, at most {LINE_BYTES_MAX}")
        data = line + b"\n"
        while data:
            data = data[os.write(self._file, data) :]
        os.fsync(self._file)


def deliver_one(
    node: "Client", signed: SignedTransaction, within_s: float
) -> tuple[Fate, ReceiptView | None]:
    """Submit the same bytes until their fate is final: the fate, and the receipt if there is one.

    Raises:
        Rejected: the node refuses the bytes, and their time has not passed.
        Unavailable: nothing final within the time.
    """
    try:
        reply = node.resubmit(signed, within_s)
    except Rejected as error:
        late = (
            error.code == EXPIRED_CODE or node.status().block_time > signed.transaction.expires_at
        )
        return _ended(late, error, node.fate(signed.tx_id)), None
    assert reply.fate is not None
    if reply.receipt is None and reply.fate.height is not None:
        return reply.fate, node.receipt(signed.tx_id)
    return reply.fate, reply.receipt


async def deliver_one_async(
    node: "AsyncClient", signed: SignedTransaction, within_s: float
) -> tuple[Fate, ReceiptView | None]:
    """The same with an asynchronous client."""
    try:
        reply = await node.resubmit(signed, within_s)
    except Rejected as error:
        late = error.code == EXPIRED_CODE
        late = late or (await node.status()).block_time > signed.transaction.expires_at
        return _ended(late, error, await node.fate(signed.tx_id)), None
    assert reply.fate is not None
    if reply.receipt is None and reply.fate.height is not None:
        return reply.fate, await node.receipt(signed.tx_id)
    return reply.fate, reply.receipt


def _ended(late: bool, error: Rejected, known: Fate) -> Fate:  # noqa: FBT001 - a fact
    """The fate of bytes that a node refuses.

    A node whose head is later than the end of a transaction, and that does not know it, has no
    block with it and will never see one: every later block is later still.
    """
    if known.final:
        return known
    if not late or known.state != "unknown":
        raise error
    return Fate(state="expired", code=error.code, reason=error.detail)


def _lines(file: object) -> Iterator[bytes]:
    while line := file.readline(LINE_BYTES_MAX):  # type: ignore[attr-defined]
        yield line


def _sync_folder(folder: Path) -> None:
    """Make a new file's name durable (where folders can be synced)."""
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
