"""The vault of a node: keeps blobs, hands them to named organisations alone, erases them.

The promise: `put` returns when the blob is durable; a peer gets a blob only while its
organisation is named and the blob is not erased; a full disk or a damaged file is told to
whoever asks and stops neither the vault nor the node. docs/spec/vault.md, sections 4 to 6.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, TypeVar

import msgspec

from hansa.errors import Rejected, Unavailable
from hansa.hashing import sha256
from hansa.seal import BLOB_BYTES_MAX, Wrap, read_header
from node.outbound import Send
from node.vault_exchange import Arrived, Outcome, Serve, VaultExchange, check_named
from node.vault_messages import PIECE_BYTES, Piece, encode_vault
from node.vault_store import (
    ERASED,
    LOCAL_WRAPS_MAX,
    BlobFiles,
    Index,
    Note,
    note_of,
)
from p2p.frames import BULK
from storage.errors import DiskFailed
from storage.files import Files

T = TypeVar("T")

VAULT_FOLDER = "vault"
"""In a node's home."""
RESERVE_BYTES = 1024**3
"""Disk that blobs leave to the chain: without room for blocks a node must stop."""
TICK_S = 0.5
SERVES_MAX = 64
"""Pieces that wait to be read; more are dropped, their askers ask again."""
CACHE_BLOBS = 2
"""Blobs kept in memory while their pieces are asked for: 32 MiB."""


class Transport(Protocol):
    """What the vault asks of the mesh."""

    def send(self, peer: str, kind: int, payload: bytes) -> bool:
        """Queue a message for a peer."""
        ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where a vault stands.

    Attributes:
        chain_id: of the chain.
        member: the own organisation.
        member_of: the organisation of a node, or an empty string.
        free_bytes: room on the disk.
        mono_ms: milliseconds that never go back.
        wall_ms: milliseconds since 1970.
    """

    chain_id: str
    member: str
    member_of: Callable[[str], str]
    free_bytes: Callable[[], int]
    mono_ms: Callable[[], int]
    wall_ms: Callable[[], int]


class Vault:
    """One node's vault. All methods belong to the event loop; disks are asked in a thread."""

    def __init__(self, files: Files, around: Surroundings) -> None:
        """Read the notes.

        Raises:
            Corrupt: ``vault.note`` or ``disk.failed``.
        """
        self.member = around.member
        self._around = around
        self._files = BlobFiles(files)
        self.index = Index(*self._files.load())
        self.exchange = VaultExchange(self.index, around.chain_id, around.member, around.member_of)
        self.transport: Transport | None = None
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="vault")
        self._writing = asyncio.Lock()
        self._serves: asyncio.Queue[Serve] = asyncio.Queue(SERVES_MAX)
        self._arrived: asyncio.Queue[Arrived] = asyncio.Queue()
        self._cache: OrderedDict[bytes, bytes] = OrderedDict()

    def start(self, group: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        """Start the vault's tasks in the caller's group."""
        return [
            group.create_task(self._tick_for_ever()),
            group.create_task(self._serve_for_ever()),
            group.create_task(self._store_for_ever()),
        ]

    def close(self) -> None:
        """Let thread and folder go."""
        self._pool.shutdown()
        self._files.close()

    # What the mesh hands in.

    def on_frame(self, peer: str, payload: bytes) -> None:
        """A message behind the vault's tag.

        Raises:
            Rejected: the peer sent what no honest node sends.
        """
        self._carry_out(self.exchange.receive(peer, payload, self._around.mono_ms()))

    def on_peer(self, peer: str, *, up: bool) -> None:
        """A peer came or went."""
        now = self._around.mono_ms()
        step = self.exchange.peer_up if up else self.exchange.peer_down
        self._carry_out(step(peer, now))

    # What the own organisation asks for.

    def note(self, blob_id: bytes) -> Note:
        """What is known of a blob.

        Raises:
            Rejected: ``vault.not-found``.
        """
        found = self.index.notes.get(blob_id)
        if found is None or self.member not in found.members:
            raise Rejected(
                "vault.not-found",
                f"no blob {blob_id.hex()} is here",
                "hansa vault list shows what is; another node may hold it",
            )
        return found

    async def put(self, blob: bytes) -> Note:
        """Keep a blob of the own organisation and tell the others that it names.

        Raises:
            Rejected: ``seal.*``, ``vault.not-named``, ``vault.quota`` or ``vault.erased``.
            Unavailable: ``vault.full`` or ``vault.disk``.
        """
        if len(blob) > BLOB_BYTES_MAX:
            raise Rejected(
                "seal.too-large", f"the blob has {len(blob)} bytes, {BLOB_BYTES_MAX} are taken"
            )
        header = read_header(blob)
        check_named(header, self._around.chain_id, self.member)
        return await self._keep(Arrived(blob, header, self.member))

    async def get(self, blob_id: bytes) -> bytes:
        """A blob that names the own organisation.

        Raises:
            Rejected: ``vault.not-found`` or ``vault.erased``.
            Unavailable: ``vault.damaged`` (it is fetched again) or ``vault.disk``.
        """
        note = self.note(blob_id)
        if note.state == ERASED:
            raise _erased(note)
        blob = await self._read(blob_id)
        if blob is None:
            raise Unavailable(
                "vault.damaged",
                f"the file of {blob_id.hex()} is damaged or gone",
                "it is being fetched from the others that it names; try again later",
            )
        return blob

    async def erase(self, blob_id: bytes) -> Note:
        """Delete a blob here for ever; the note stays. Doing it twice is doing it once.

        Raises:
            Rejected: ``vault.not-found``.
            Unavailable: ``vault.disk``.
        """
        async with self._writing:
            note = self.note(blob_id)
            if note.state == ERASED:
                return note
            tombstone = msgspec.structs.replace(
                note, state=ERASED, since_ms=self._around.wall_ms(), wraps=()
            )
            await self._on_disk(lambda: self._files.erase(tombstone))
            self._cache.pop(blob_id, None)
            self.index.put(tombstone)
            self.exchange.forget(blob_id)
        return tombstone

    async def add_wrap(self, blob_id: bytes, wrap: Wrap) -> Note:
        """Keep a further wrap of a blob's content key, to another key of the own organisation.

        Raises:
            Rejected: ``vault.not-found``, ``vault.erased``, ``vault.not-named`` or
                ``vault.wraps`` when there are too many.
            Unavailable: ``vault.disk``.
        """
        async with self._writing:
            note = self.note(blob_id)
            if note.state == ERASED:
                raise _erased(note)
            if wrap.member != self.member:
                raise Rejected("vault.not-named", f"a wrap of {wrap.member}, not of {self.member}")
            others = tuple(one for one in note.wraps if one.to_key_id != wrap.to_key_id)
            if len(others) >= LOCAL_WRAPS_MAX:
                raise Rejected("vault.wraps", f"{LOCAL_WRAPS_MAX} wraps are kept beside a blob")
            changed = msgspec.structs.replace(note, wraps=(*others, wrap))
            await self._on_disk(lambda: self._files.write_note(changed))
            is_missing = blob_id in self.index.missing
            self.index.put(changed)
            if is_missing:
                self.index.missing.add(blob_id)
        return changed

    # The work.

    async def _keep(self, arrived: Arrived) -> Note:
        """Write a judged blob unless it is here or was erased; then tell others."""
        blob_id = sha256(arrived.blob)
        async with self._writing:
            known = self.index.notes.get(blob_id)
            if known is not None and known.state == ERASED:
                raise _erased(known)
            if known is not None and self.index.has(blob_id):
                return known
            note = known or note_of(
                arrived.blob, arrived.header, arrived.charged, self._around.wall_ms()
            )
            if known is None:
                self.index.check_room(arrived.charged, len(arrived.blob))
            self._check_disk(len(arrived.blob))
            await self._on_disk(lambda: self._files.write(note, arrived.blob))
            self.index.put(note)
        self._carry_out(self.exchange.announce(note))
        return note

    def _check_disk(self, size: int) -> None:
        free = self._around.free_bytes()
        if free - size < RESERVE_BYTES:
            raise Unavailable(
                "vault.full",
                f"{free} bytes are free on the disk; {RESERVE_BYTES} are left to the chain",
                "make room, or erase blobs: hansa vault erase",
            )

    async def _read(self, blob_id: bytes) -> bytes | None:
        """A whole blob, or None when it is damaged; then it is fetched again."""
        cached = self._cache.get(blob_id)
        if cached is not None:
            self._cache.move_to_end(blob_id)
            return cached
        blob = None
        if self.index.has(blob_id):
            async with self._writing:
                blob = await self._on_disk(lambda: self._files.read(blob_id))
            if not self.index.has(blob_id):
                return None  # erased meanwhile
        if blob is None:
            self.index.missing.add(blob_id)
            self._carry_out(self.exchange.damaged(blob_id, self._around.mono_ms()))
            return None
        self._cache[blob_id] = blob
        if len(self._cache) > CACHE_BLOBS:
            self._cache.popitem(last=False)
        return blob

    async def _on_disk(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        except DiskFailed as error:
            raise Unavailable("vault.disk", error.detail, error.hint) from error

    def _carry_out(self, out: Outcome) -> None:
        self._send(out.sends)
        for serve in out.serves:
            if not self._serves.full():
                self._serves.put_nowait(serve)
        for arrived in out.arrived:
            self._arrived.put_nowait(arrived)

    def _send(self, sends: Sequence[Send]) -> None:
        for send in sends:
            if self.transport is not None and send.peer is not None:
                self.transport.send(send.peer, send.kind, send.message)

    async def _tick_for_ever(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self._carry_out(self.exchange.tick(self._around.mono_ms()))

    async def _serve_for_ever(self) -> None:
        """Read pieces and send them; who is named no more or whose blob went gets nothing."""
        while True:
            serve = await self._serves.get()
            try:
                blob = await self._read(serve.id)
            except Unavailable:
                continue  # the disk: the asker tries elsewhere, the API tells the operator
            allowed = self.index.is_for(serve.id, self._around.member_of(serve.peer))
            if blob is not None and allowed:
                data = blob[serve.offset : serve.offset + PIECE_BYTES]
                piece = encode_vault(Piece(serve.id, serve.offset, data))
                self._send([Send(serve.peer, BULK, piece)])

    async def _store_for_ever(self) -> None:
        """Write what came from peers; where the disk refuses, fetch it again later."""
        while True:
            arrived = await self._arrived.get()
            try:
                await self._keep(arrived)
            except Unavailable:
                self.exchange.failed(arrived, sha256(arrived.blob), self._around.mono_ms())
            except Rejected:
                pass  # erased, or over the quota, since it was asked for
            self._carry_out(self.exchange.stored(self._around.mono_ms()))


def _erased(note: Note) -> Rejected:
    return Rejected(
        "vault.erased",
        f"{note.id.hex()} was erased here at {note.since_ms} ms",
        "what was erased does not come back; hansa vault status shows the receipts",
    )
