"""How blobs come from those who hold them to those who are named (docs/spec/vault.md, 5).

The promise: a blob goes to nodes of named organisations alone, and who is not named hears the
same as of a blob that never was; a named node gets every blob that a connected peer holds for
it, over lost messages, peers that leave and restarts; what one peer can cost is bounded.
No I/O, no clock; a message that no honest node sends raises `Rejected`, which cuts its sender.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from hansa.errors import Rejected
from hansa.seal import BLOB_BYTES_MAX, Header, read_header
from node.outbound import Send
from node.vault_messages import (
    HAVE_MAX,
    PIECE_BYTES,
    Gone,
    Have,
    Item,
    Piece,
    VaultMessage,
    Want,
    decode_vault,
    encode_vault,
)
from node.vault_store import Index, Note
from p2p.frames import BULK

FETCHES_MAX = 4
"""Blobs that are being received or written at once, one from each organisation: 64 MiB."""
PIECE_MS = 2_000
"""How long a piece is waited for before it is asked for again."""
PIECE_TRIES = 5
"""Then the peer is left for another one."""
RETRY_MS = 1_000
RETRY_MS_MAX = 600_000
"""Wait after a failed fetch, doubling: ten minutes at most."""
TRIES_MAX = 64
"""Failed fetches of a blob that was never here; then it must be announced again."""
SERVE_BYTES_BURST = 8 * 1024 * 1024
"""Bytes that a peer may fetch at once."""
SERVE_BYTES_PER_MS = 2 * 1024
"""How fast that is refilled: 2 MiB/s a peer, which leaves the line to blocks and votes."""
MESSAGE_COST = 1024
"""What each message but a piece costs its sender, so that asking is never free."""


@dataclass(frozen=True, slots=True)
class Serve:
    """A piece to read and send."""

    peer: str
    id: bytes
    offset: int


@dataclass(frozen=True, slots=True)
class Arrived:
    """A whole blob whose digest and header fit, for the disk."""

    blob: bytes
    header: Header
    charged: str
    tries: int = 0


@dataclass(slots=True)
class Outcome:
    """What is to be done after a step."""

    sends: list[Send] = field(default_factory=list)
    serves: list[Serve] = field(default_factory=list)
    arrived: list[Arrived] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class _Wanted:
    size: int
    charged: str
    sources: dict[str, None]
    tries: int = 0
    next_ms: int = 0


@dataclass(slots=True, eq=False)
class _Fetch:
    id: bytes
    size: int
    peer: str
    asked_ms: int
    asks: int = 1
    received: bytearray = field(default_factory=bytearray)
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)


@dataclass(slots=True, eq=False)
class _Budget:
    tokens: int
    at_ms: int


class VaultExchange:
    """What one node says and hears about blobs.

    Attributes:
        fetched: blobs that came whole.
        refused: messages that a peer's budget did not allow.
    """

    def __init__(
        self, index: Index, chain_id: str, member: str, member_of: Callable[[str], str]
    ) -> None:
        """Serve `index`; `member` is the own organisation, `member_of` that of a node."""
        self._index = index
        self._chain_id = chain_id
        self._member = member
        self._member_of = member_of
        self._peers: dict[str, _Budget] = {}
        self._wanted: dict[bytes, _Wanted] = {}
        self._waiting: Counter[str] = Counter()
        self._fetches: dict[str, _Fetch] = {}
        self._storing = 0
        self.fetched = 0
        self.refused = 0

    @property
    def wanted(self) -> tuple[bytes, ...]:
        """Ids that are still to come."""
        return tuple(self._wanted)

    def waiting(self, member: str) -> int:
        """How many blobs are still to come that are charged to a member."""
        return self._waiting[member]

    def peer_up(self, peer: str, now: int) -> Outcome:
        """A peer connected: it hears what is here for it, and is asked for what is damaged."""
        self._peers[peer] = _Budget(SERVE_BYTES_BURST, now)
        member = self._member_of(peer)
        out = Outcome(self._tell(peer, self._index.held_for(member)))
        for blob_id in sorted(self._index.missing):
            self._want_again(blob_id, peer)
        self._start(out, now)
        return out

    def peer_down(self, peer: str, now: int) -> Outcome:
        """A peer is gone; what it was sending is fetched from others, or when it is back."""
        self._peers.pop(peer, None)
        for blob_id, wanted in list(self._wanted.items()):
            wanted.sources.pop(peer, None)
            if not wanted.sources and blob_id not in self._index.missing:
                self._unwant(blob_id)
        self._drop(peer, now)
        out = Outcome()
        self._start(out, now)
        return out

    def announce(self, note: Note) -> Outcome:
        """A blob is new here: the connected nodes of those it names hear of it."""
        out = Outcome()
        self._unwant(note.id)
        for peer in self._peers:
            if self._index.is_for(note.id, self._member_of(peer)):
                out.sends += self._tell(peer, [note])
        return out

    def damaged(self, blob_id: bytes, now: int) -> Outcome:
        """A blob was found damaged (`Index.missing` says so): it is fetched again."""
        for peer in self._peers:
            self._want_again(blob_id, peer)
        out = Outcome()
        self._start(out, now)
        return out

    def forget(self, blob_id: bytes) -> None:
        """It is wanted no more: it was erased."""
        self._unwant(blob_id)
        for peer, fetch in list(self._fetches.items()):
            if fetch.id == blob_id:
                del self._fetches[peer]

    def failed(self, arrived: Arrived, blob_id: bytes, now: int) -> None:
        """A blob came whole but could not be written: it is fetched again later."""
        tries = arrived.tries + 1
        if tries >= TRIES_MAX and blob_id not in self._index.missing:
            return
        peers = [peer for peer in self._peers if self._member_of(peer) in arrived.header.members]
        due = now + _wait_ms(tries)
        sources = dict.fromkeys(peers)
        self._unwant(blob_id)
        self._want(blob_id, _Wanted(len(arrived.blob), arrived.charged, sources, tries, due))

    def stored(self, now: int) -> Outcome:
        """A blob that came whole was written, or given up: there is room for the next."""
        self._storing -= 1
        out = Outcome()
        self._start(out, now)
        return out

    def receive(self, peer: str, data: bytes, now: int) -> Outcome:
        """Take a message behind the vault's tag.

        Raises:
            Rejected: ``message.unknown``, ``encoding.*``, ``vault.digest``, ``vault.piece`` or
                ``vault.not-named``: no honest node sends that.
        """
        out = Outcome()
        message = decode_vault(data)
        if peer not in self._peers:
            return out
        if isinstance(message, Piece):
            if self._piece(out, peer, message, now):
                self._start(out, now)
            return out
        if not self._pays(peer, MESSAGE_COST, now):
            return out  # what was asked for is asked for again
        match message:
            case Have():
                if self._offered(peer, message):
                    self._start(out, now)
            case Want():
                self._asked(out, peer, message, now)
            case Gone():
                fetch = self._fetches.get(peer)
                if fetch is not None and fetch.id == message.id:
                    self._drop(peer, now, forget_source=True)
                    self._start(out, now)
        return out

    def tick(self, now: int) -> Outcome:
        """Ask again for what did not come; begin what is due."""
        out = Outcome()
        for peer, fetch in list(self._fetches.items()):
            if now - fetch.asked_ms < PIECE_MS:
                continue
            if fetch.asks >= PIECE_TRIES:
                self._drop(peer, now)
                continue
            fetch.asks += 1
            fetch.asked_ms = now
            out.sends.append(_send(peer, Want(fetch.id, len(fetch.received))))
        self._start(out, now)
        return out

    # What peers say.

    def _offered(self, peer: str, message: Have) -> bool:
        """Note what a peer has for us; whether there is something new."""
        member = self._member_of(peer)
        if not member:
            return False
        is_new = False
        for item in message.items:
            if self._index.is_settled(item.id):
                continue
            known = self._wanted.get(item.id)
            if known is None and self._index.has_room(member, item.size, self.waiting(member)):
                known = self._want(item.id, _Wanted(item.size, member, {}))
            if known is not None and known.size == item.size and peer not in known.sources:
                known.sources[peer] = None
                is_new = True
        return is_new

    def _asked(self, out: Outcome, peer: str, message: Want, now: int) -> None:
        if not self._index.is_for(message.id, self._member_of(peer)):
            out.sends.append(_send(peer, Gone(message.id)))
            return
        size = self._index.notes[message.id].size
        if message.offset >= size:
            raise Rejected("vault.piece", f"byte {message.offset} of a blob of {size}")
        # A short last piece costs a whole one: the blob behind it is read and hashed all the same.
        if self._pays(peer, min(PIECE_BYTES, size), now):
            out.serves.append(Serve(peer, message.id, message.offset))

    def _pays(self, peer: str, cost: int, now: int) -> bool:
        """Whether a peer's budget allows a message or piece of so many bytes."""
        budget = self._peers[peer]
        refill = (now - budget.at_ms) * SERVE_BYTES_PER_MS
        budget.tokens = min(SERVE_BYTES_BURST, budget.tokens + refill)
        budget.at_ms = now
        if cost > budget.tokens:
            self.refused += 1
            return False
        budget.tokens -= cost
        return True

    def _piece(self, out: Outcome, peer: str, message: Piece, now: int) -> bool:
        """Take a piece; whether it was the last one."""
        fetch = self._fetches.get(peer)
        if fetch is None or fetch.id != message.id or message.offset != len(fetch.received):
            return False  # late, or asked for twice
        left = fetch.size - len(fetch.received)
        if len(message.data) != min(PIECE_BYTES, left):
            self._drop(peer, now, forget_source=True)
            raise Rejected("vault.piece", f"a piece of {len(message.data)} bytes, {left} are left")
        fetch.received += message.data
        fetch.digest.update(message.data)
        fetch.asks, fetch.asked_ms = 1, now
        if len(fetch.received) < fetch.size:
            out.sends.append(_send(peer, Want(fetch.id, len(fetch.received))))
            return False
        self._finish(out, peer, fetch, now)
        return True

    def _finish(self, out: Outcome, peer: str, fetch: _Fetch, now: int) -> None:
        """The last piece came: judge the whole."""
        blob = bytes(fetch.received)
        try:
            header = self._judge(peer, fetch, blob)
        except Rejected as error:
            self._drop(peer, now, forget_source=True)
            if error.code == "seal.version":
                return  # a newer node is no liar
            raise
        del self._fetches[peer]
        wanted = self._unwant(fetch.id)
        if wanted is None:
            return
        self.fetched += 1
        self._storing += 1
        out.arrived.append(Arrived(blob, header, wanted.charged, wanted.tries))

    def _judge(self, peer: str, fetch: _Fetch, blob: bytes) -> Header:
        """The header of a blob that is what was asked for, and for us.

        Raises:
            Rejected: ``vault.digest``, ``vault.not-named``, ``seal.*`` or ``encoding.*``.
        """
        if fetch.digest.digest() != fetch.id:
            raise Rejected("vault.digest", f"what {peer} sent as {fetch.id.hex()} is another blob")
        header = read_header(blob)
        check_named(header, self._chain_id, self._member)
        return header

    # What is wanted.

    def _want(self, blob_id: bytes, wanted: _Wanted) -> _Wanted:
        """Note a blob; how many an organisation has in waiting is counted, never gone through."""
        self._wanted[blob_id] = wanted
        self._waiting[wanted.charged] += 1
        return wanted

    def _unwant(self, blob_id: bytes) -> _Wanted | None:
        wanted = self._wanted.pop(blob_id, None)
        if wanted is not None:
            self._waiting[wanted.charged] -= 1
        return wanted

    def _want_again(self, blob_id: bytes, peer: str) -> None:
        """Take a peer for a source of a damaged blob where the blob names its organisation."""
        note = self._index.notes[blob_id]
        if self._member_of(peer) in note.members:
            wanted = self._wanted.get(blob_id) or self._want(
                blob_id, _Wanted(note.size, note.charged, {})
            )
            wanted.sources[peer] = None

    def _start(self, out: Outcome, now: int) -> None:
        """Begin what is due, at most one fetch from each organisation."""
        running = {fetch.id for fetch in self._fetches.values()}
        busy = {self._member_of(peer) for peer in self._fetches}
        for blob_id, wanted in self._wanted.items():
            if len(self._fetches) + self._storing >= FETCHES_MAX:
                return
            if blob_id in running or wanted.next_ms > now:
                continue
            free = [one for one in wanted.sources if self._member_of(one) not in busy]
            if not free:
                continue
            peer = free[wanted.tries % len(free)]
            self._fetches[peer] = _Fetch(blob_id, wanted.size, peer, now)
            busy.add(self._member_of(peer))
            out.sends.append(_send(peer, Want(blob_id, 0)))

    def _drop(self, peer: str, now: int, *, forget_source: bool = False) -> None:
        """End a fetch that failed; another source or a later time does it."""
        fetch = self._fetches.pop(peer, None)
        wanted = self._wanted.get(fetch.id) if fetch is not None else None
        if fetch is None or wanted is None:
            return
        wanted.tries += 1
        wanted.next_ms = now + _wait_ms(wanted.tries)
        if forget_source:
            wanted.sources.pop(peer, None)
        is_ours = fetch.id in self._index.missing
        if not is_ours and (not wanted.sources or wanted.tries >= TRIES_MAX):
            self._unwant(fetch.id)

    def _tell(self, peer: str, notes: Iterable[Note]) -> list[Send]:
        items = [Item(note.id, note.size) for note in notes]
        return [
            _send(peer, Have(tuple(items[start : start + HAVE_MAX])))
            for start in range(0, len(items), HAVE_MAX)
        ]


def _wait_ms(tries: int) -> int:
    return min(RETRY_MS << min(tries, 20), RETRY_MS_MAX)


def check_named(header: Header, chain_id: str, member: str) -> None:
    """Refuse a blob of another chain or for others.

    Raises:
        Rejected: ``vault.not-named``.
    """
    if header.chain_id != chain_id or member not in header.members:
        raise Rejected(
            "vault.not-named",
            f"it is for {', '.join(header.members)} of {header.chain_id}, not for {member} "
            f"of {chain_id}",
            "give it to a node of an organisation that it names",
        )


def _send(peer: str, message: VaultMessage) -> Send:
    return Send(peer, BULK, encode_vault(message))


assert BLOB_BYTES_MAX % PIECE_BYTES == 0
