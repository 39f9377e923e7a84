"""Live events: parsing the stream, and cursors that remember how far one came.

Promise to the reader: events come in order, each at least once; with a `FileCursor` also across
restarts, because the cursor moves only after the reader asked for the next event.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec

from hansa.client.types import BlockSummary, TxSummary
from hansa.errors import Rejected, Unavailable

RECONNECT_S = 1.0
"""Pause before the stream is opened again."""
SILENCE_S_MAX = 45.0
"""Three heartbeats of the node: a longer silence is a dead connection."""
PRUNED = "events.pruned"
"""The node's word that asking again is of no use."""
LINE_BYTES_MAX = 1024 * 1024
"""A longer line is none of hansa's."""


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """A block or a transaction that was committed.

    Attributes:
        id: its place, ``<height>`` or ``<height>.<index>``: the cursor.
        content: the block or the transaction.
    """

    id: str
    content: BlockSummary | TxSummary


class Cursor(Protocol):
    """Where a reader remembers how far it came."""

    def load(self) -> str | None:
        """The id of the last event that was worked through, None at the beginning."""
        ...

    def store(self, event_id: str) -> None:
        """Remember it."""
        ...


class MemoryCursor:
    """A cursor that lives as long as the reader."""

    def __init__(self, event_id: str | None = None) -> None:
        self._event_id = event_id

    def load(self) -> str | None:
        """The last id."""
        return self._event_id

    def store(self, event_id: str) -> None:
        """Remember it."""
        self._event_id = event_id


class FileCursor:
    """A cursor in a file, replaced atomically."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> str | None:
        """The last id, None when there is no file."""
        try:
            return self._path.read_text(encoding="ascii").strip() or None
        except FileNotFoundError:
            return None

    def store(self, event_id: str) -> None:
        """Write it beside and rename, so that a crash leaves the old or the new one."""
        beside = self._path.with_name(self._path.name + ".new")
        with beside.open("w", encoding="ascii") as file:
            file.write(event_id + "\n")
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)


class EventParser:
    """Turns the bytes of a stream into events (the ``text/event-stream`` of the HTML standard)."""

    def __init__(self, last_id: str | None = None) -> None:
        self.last_id = last_id
        """The last id seen, also where no event came with it: where to resume."""
        self._rest = b""
        self._fields: dict[str, str] = {}

    def feed(self, chunk: bytes) -> Iterator[LiveEvent]:
        """The events that `chunk` completes.

        Raises:
            Unavailable: ``node.reply`` for bytes that are no such stream.
            Rejected: ``events.pruned``: the node no longer keeps the blocks that come next.
        """
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > LINE_BYTES_MAX:
            raise Unavailable("node.reply", f"a line of more than {LINE_BYTES_MAX} bytes")
        for line in lines:
            text = line.rstrip(b"\r").decode("utf-8", "replace")
            if text:
                name, _, value = text.partition(":")
                self._fields[name] = value.removeprefix(" ")
                continue
            self.last_id = self._fields.get("id", self.last_id)
            event = _event(self._fields)
            self._fields = {}
            if event is not None:
                yield event


def _event(fields: dict[str, str]) -> LiveEvent | None:
    """The event of a block of fields; None for comments and the node's own words."""
    kind, content = fields.get("event"), fields.get("data", "")
    if kind == "closed" and PRUNED in content:
        raise Rejected(
            PRUNED,
            "this node no longer keeps the blocks after the cursor",
            "ask a node that keeps all blocks, or begin anew with a later start",
        )
    try:
        if kind == "block":
            return LiveEvent(fields["id"], msgspec.json.decode(content, type=BlockSummary))
        if kind == "tx":
            return LiveEvent(fields["id"], msgspec.json.decode(content, type=TxSummary))
    except (ValueError, KeyError) as error:
        raise Unavailable("node.reply", f"event {kind}: {error}") from error
    return None
