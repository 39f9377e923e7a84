"""Block sync: how a node that lags comes to the head (docs/spec/sync.md).

What it promises: nobody's claim alone sets the target; every block is checked before it is
applied and applied in order; memory and requests are bounded whatever peers send; who sends
a bad block is named and left aside. No I/O and no clock: methods take monotonic time and
return what to do, in the order in which it must be done.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from hansa.block import Block, Header
from hansa.certificate import Certificate
from hansa.errors import Rejected
from hansa.keys import Verify
from hansa.membership import ValidatorSet
from node.outbound import Send
from node.sync_check import Tip, check_next
from node.sync_messages import (
    REPLY_BYTES_MAX,
    WINDOW,
    Blocks,
    GetBlocks,
    Status,
    SyncBlock,
    decode_sync,
    encode_sync,
    fit_reply,
)
from p2p.frames import BULK

REQUESTS_MAX = 4
"""Peers that are asked at the same time."""
HORIZON = REQUESTS_MAX * WINDOW
"""Heights above the own that are asked for or kept."""
BUFFER_BYTES_MAX = 24 * 1024 * 1024
"""Bytes kept and asked for: four largest replies and half as much that waits."""
APPLY_AHEAD = 2
"""Blocks given to the ledger thread beyond the head: it never waits, a turn checks few."""
REQUEST_TIMEOUT_MS = 5_000
"""How long a reply may take: 4 MiB at 7 Mbit/s."""
COOL_MS = 2_000
"""How long a peer is left alone that did not answer or did not have what it claimed."""
BAN_MS = 10 * 60 * 1000
"""How long a peer is left alone that sent something wrong."""
STATUS_MS = 2_000
"""STATUS goes out at least so often: it costs 50 bytes a peer."""
STATUS_GAP_MS = 200
"""And at most so often, however fast blocks are committed."""
LAG_HEIGHTS = 3
"""So many heights behind is lagging at once; consensus itself heals less."""
LAG_MS = 1_000
"""Fewer heights behind is lagging after so long without a new head."""
SERVE_BYTES_PER_MS = 8 * 1024
"""Bytes served to one peer: 8 MiB/s, ten times the best rate of the chain."""
SERVE_BYTES_BURST = 16 * 1024 * 1024
"""And so many at once: what its queue holds."""


@dataclass(frozen=True, slots=True)
class ApplyBlock:
    """Execute and commit this checked block; answer with `Sync.advanced`.

    Heights come in order. If the head has come to `height` by then, do nothing.
    """

    height: int
    block: Block
    block_bytes: bytes
    certificate: Certificate


@dataclass(frozen=True, slots=True)
class ServeBlocks:
    """Read up to `count` stored (block, certificate) pairs; answer with `Sync.served`."""

    peer: str
    from_height: int
    count: int


@dataclass(frozen=True, slots=True)
class Penalise:
    """This peer sent what no correct node sends."""

    peer: str
    code: str
    detail: str
    ban_ms: int


@dataclass(frozen=True, slots=True)
class Lagging:
    """This node trails: it does not vote until `SyncedTo`."""

    height: int
    target: int


@dataclass(frozen=True, slots=True)
class SyncedTo:
    """The head is where f + 1 validators say theirs is: consensus goes on from `height`."""

    height: int


SyncAction: TypeAlias = Send | ApplyBlock | ServeBlocks | Penalise | Lagging | SyncedTo


@dataclass(slots=True, eq=False)
class _Request:
    from_height: int
    count: int
    deadline_ms: int


@dataclass(slots=True, eq=False)
class _Peer:
    height: int
    request: _Request | None
    idle_until_ms: int
    failures: int
    asked_ms: int
    serve_tokens: int
    serve_at_ms: int
    wants: GetBlocks | None
    serving: bool
    said: int | None = None


@dataclass(frozen=True, slots=True)
class _Held:
    peer: str
    block: bytes
    certificate: bytes

    @property
    def size(self) -> int:
        return len(self.block) + len(self.certificate)


class Sync:
    """Block sync of one node.

    Attributes:
        lagging: between `Lagging` and `SyncedTo`.
    """

    def __init__(self, chain_id: str, tip: Tip, verify: Verify, mono_ms: int) -> None:
        """Start at the stored head, whose next set must be known."""
        assert tip.validators is not None
        self._chain_id = chain_id
        self._verify = verify
        self._head = tip
        self._checked = tip
        self._set: ValidatorSet = tip.validators
        self._peers: dict[str, _Peer] = {}
        self._bans: dict[str, int] = {}
        self._held: dict[int, _Held] = {}
        self._held_bytes = 0
        self._proven = 0
        self._behind_since_ms: int | None = None
        self._now_ms = mono_ms
        self._status_at_ms = mono_ms
        self._status_due_ms = mono_ms
        self.lagging = False

    # -- inputs ----------------------------------------------------------------------------

    def peer_up(self, peer: str, mono_ms: int) -> list[SyncAction]:
        """A peer connected: it is told our head."""
        self._peers[peer] = _Peer(0, None, 0, 0, 0, SERVE_BYTES_BURST, mono_ms, None, serving=False)
        return [Send(peer, BULK, self._status())]

    def peer_down(self, peer: str, mono_ms: int) -> list[SyncAction]:
        """A peer is gone: what it was asked for is asked of others."""
        self._peers.pop(peer, None)
        return self._step(mono_ms)

    def receive(self, peer: str, message: bytes, mono_ms: int) -> list[SyncAction]:
        """Take a message of kind BULK.

        Raises:
            Rejected: ``message.unknown`` or ``encoding.*``: no correct peer sends that.
        """
        decoded = decode_sync(message)
        state = self._peers.get(peer)
        if state is None:
            return []
        match decoded:
            case Status(height):
                state.height = height
                state.said = height if state.said is None else state.said
                return self._step(mono_ms)
            case GetBlocks():
                state.wants = decoded
                return self._serve(mono_ms)
            case Blocks():
                return self._take_blocks(peer, state, decoded, mono_ms) + self._step(mono_ms)

    def proven(self, height: int, mono_ms: int) -> list[SyncAction]:
        """A valid commit certificate of `height` was seen: the chain is at least there."""
        self._proven = max(self._proven, height)
        return self._step(mono_ms)

    def advanced(
        self, header: Header, certificate: Certificate, validators: ValidatorSet, mono_ms: int
    ) -> list[SyncAction]:
        """The stored head is now `header`, by consensus or by an applied block."""
        if header.height <= self._head.height:
            return []
        signed_by = self._set if header.height == self._head.height + 1 else None
        self._head = Tip(header, validators, certificate, signed_by)
        self._set = validators
        if self._checked.height < header.height or self._checked.header == header:
            self._checked = self._head
        for height in [height for height in self._held if height <= header.height]:
            self._drop(height)
        self._behind_since_ms = None
        self._status_due_ms = min(self._status_due_ms, self._status_at_ms + STATUS_GAP_MS)
        return self._tell(mono_ms) + self._step(mono_ms)

    def served(
        self, peer: str, from_height: int, stored: Sequence[tuple[bytes, bytes]], mono_ms: int
    ) -> list[SyncAction]:
        """The answer to `ServeBlocks`: (block bytes, certificate bytes) of consecutive heights."""
        state = self._peers.get(peer)
        if state is None:
            return []
        reply = encode_sync(Blocks(from_height, fit_reply(stored)))
        state.serve_tokens -= len(reply)
        state.serving = False
        return [Send(peer, BULK, reply), *self._serve(mono_ms)]

    def tick(self, mono_ms: int) -> list[SyncAction]:
        """Time has passed."""
        for peer in [peer for peer, until in self._bans.items() if until <= mono_ms]:
            del self._bans[peer]
        return self._tell(mono_ms) + self._serve(mono_ms) + self._step(mono_ms)

    # -- questions -------------------------------------------------------------------------

    @property
    def target(self) -> int:
        """The height that the chain has surely reached: the (f+1)-th largest claim, or proven.

        While fewer than f + 1 validators are connected no quorum can be heard from here
        anyway; then the least of their claims counts. Without validators all peers do.
        """
        claims = [
            state.height
            for peer, state in self._peers.items()
            if self._set.index_of(peer) is not None
        ] or [state.height for state in self._peers.values()]
        claims.sort(reverse=True)
        weak = min(self._set.weak_quorum, len(claims))
        return max(self._proven, claims[weak - 1] if claims else 0)

    @property
    def validators_reached(self) -> int:
        """How many connected validators' heads, as each said it first, are here too."""
        return sum(
            state.said is not None
            and state.said <= self._head.height
            and self._set.index_of(peer) is not None
            for peer, state in self._peers.items()
        )

    @property
    def height(self) -> int:
        """The stored head's height."""
        return self._head.height

    @property
    def wake_at(self) -> int:
        """Monotonic time of the next `tick` that may have something to do."""
        times = [self._status_due_ms]
        if self._behind_since_ms is not None and not self.lagging:
            times.append(self._behind_since_ms + LAG_MS)
        for state in self._peers.values():
            if state.request is not None:
                times.append(state.request.deadline_ms)
            elif self.lagging and state.idle_until_ms > self._now_ms:
                times.append(state.idle_until_ms)
            if state.wants is not None and not state.serving and state.serve_tokens <= 0:
                wait_ms = -state.serve_tokens // SERVE_BYTES_PER_MS + 1
                times.append(state.serve_at_ms + wait_ms)
        return min(times)

    # -- saying where we are, serving ------------------------------------------------------

    def _status(self) -> bytes:
        return encode_sync(Status(self._head.height, self._head.header.hash))

    def _tell(self, mono_ms: int) -> list[SyncAction]:
        """STATUS to all when it is due."""
        if mono_ms < self._status_due_ms:
            return []
        self._status_at_ms = mono_ms
        self._status_due_ms = mono_ms + STATUS_MS
        return [Send(None, BULK, self._status())] if self._peers else []

    def _serve(self, mono_ms: int) -> list[SyncAction]:
        """One request a peer at a time, as far as its budget goes; a newer one replaces it."""
        actions: list[SyncAction] = []
        for peer, state in self._peers.items():
            refill = (mono_ms - state.serve_at_ms) * SERVE_BYTES_PER_MS
            state.serve_tokens = min(SERVE_BYTES_BURST, state.serve_tokens + refill)
            state.serve_at_ms = mono_ms
            wants = state.wants
            if wants is None or state.serving or state.serve_tokens <= 0:
                continue
            state.wants = None
            count = min(wants.count, self._head.height - wants.from_height + 1)
            if count > 0:
                state.serving = True
                actions.append(ServeBlocks(peer, wants.from_height, count))
            else:
                actions.append(Send(peer, BULK, encode_sync(Blocks(wants.from_height, ()))))
        return actions

    # -- catching up -----------------------------------------------------------------------

    def _step(self, mono_ms: int) -> list[SyncAction]:
        """Switch, time out, apply and ask, as the state now demands."""
        self._now_ms = mono_ms
        target = self.target
        behind = target - self._head.height
        if behind <= 0:
            return self._finish()
        actions: list[SyncAction] = []
        if not self.lagging:
            if self._behind_since_ms is None:
                self._behind_since_ms = mono_ms
            if behind < LAG_HEIGHTS and mono_ms < self._behind_since_ms + LAG_MS:
                return []
            self.lagging = True
            actions.append(Lagging(self._head.height, target))
        self._time_out(mono_ms)
        actions += self._apply(mono_ms)
        return actions + self._ask(target, mono_ms)

    def _finish(self) -> list[SyncAction]:
        """The head is where it should be."""
        self._behind_since_ms = None
        if not self.lagging:
            return []
        self.lagging = False
        self._held.clear()
        self._held_bytes = 0
        for state in self._peers.values():
            state.request = None
        self._checked = self._head
        return [SyncedTo(self._head.height)]

    def _time_out(self, mono_ms: int) -> None:
        for state in self._peers.values():
            if state.request is not None and state.request.deadline_ms <= mono_ms:
                state.request = None
                state.failures += 1
                state.idle_until_ms = mono_ms + COOL_MS

    def _take_blocks(
        self, peer: str, state: _Peer, message: Blocks, mono_ms: int
    ) -> list[SyncAction]:
        """Keep what was asked for; what was not, or came too late, is dropped."""
        request = state.request
        if request is None or request.from_height != message.from_height:
            return []
        state.request = None
        size = sum(len(item.block) + len(item.certificate) for item in message.blocks)
        if size > REPLY_BYTES_MAX:
            return self._ban(
                peer, "sync.too-much", f"{len(message.blocks)} blocks, {size} bytes", mono_ms
            )
        if not message.blocks:
            state.idle_until_ms = mono_ms + COOL_MS
        # A longer reply may answer an earlier request: what is beyond this one is left.
        kept = message.blocks[: request.count]
        for height, item in enumerate(kept, start=message.from_height):
            self._hold(height, peer, item)
        return []

    def _hold(self, height: int, peer: str, item: SyncBlock) -> None:
        if height > self._checked.height and height not in self._held:
            held = _Held(peer, item.block, item.certificate)
            self._held[height] = held
            self._held_bytes += held.size

    def _drop(self, height: int) -> None:
        self._held_bytes -= self._held.pop(height).size

    def _apply(self, mono_ms: int) -> list[SyncAction]:
        """Check the next blocks and hand them to the ledger thread, a few ahead of the head."""
        actions: list[SyncAction] = []
        while self._checked.validators is not None:
            height = self._checked.height + 1
            held = self._held.get(height)
            if held is None or height > self._head.height + APPLY_AHEAD:
                break
            try:
                block, certificate = check_next(
                    self._chain_id, self._checked, held.block, held.certificate, self._verify
                )
            except Rejected as error:
                actions += self._ban(held.peer, error.code, error.detail, mono_ms)
                continue
            self._drop(height)
            self._checked = self._checked.followed_by(block.header, certificate)
            actions.append(ApplyBlock(height, block, held.block, certificate))
            self._peers_did_well(held.peer)
        return actions

    def _peers_did_well(self, peer: str) -> None:
        state = self._peers.get(peer)
        if state is not None:
            state.failures = 0

    def _ban(self, peer: str, code: str, detail: str, mono_ms: int) -> list[SyncAction]:
        """Drop all that a peer sent and leave it alone."""
        for height in [height for height, held in self._held.items() if held.peer == peer]:
            self._drop(height)
        self._bans[peer] = mono_ms + BAN_MS
        state = self._peers.get(peer)
        if state is not None:
            state.request = None
        return [Penalise(peer, code, detail, BAN_MS)]

    def _ask(self, target: int, mono_ms: int) -> list[SyncAction]:
        """Requests for the heights that are neither kept nor asked for, nearest first."""
        actions: list[SyncAction] = []
        end = min(target, self._head.height + HORIZON)
        for from_height, count in self._gaps(self._checked.height + 1, end):
            outstanding = sum(state.request is not None for state in self._peers.values())
            reserved = self._held_bytes + (outstanding + 1) * REPLY_BYTES_MAX
            next_one = from_height == self._checked.height + 1
            if outstanding >= REQUESTS_MAX or (reserved > BUFFER_BYTES_MAX and not next_one):
                break
            peer = self._choose(from_height, mono_ms)
            if peer is None:
                continue
            state = self._peers[peer]
            count_here = min(count, state.height - from_height + 1)
            state.request = _Request(from_height, count_here, mono_ms + REQUEST_TIMEOUT_MS)
            state.asked_ms = mono_ms
            message = encode_sync(GetBlocks(from_height, count_here))
            actions.append(Send(peer, BULK, message))
        return actions

    def _gaps(self, start: int, end: int) -> list[tuple[int, int]]:
        """(from height, count up to a window) of what is missing between `start` and `end`."""
        taken = [
            range(request.from_height, request.from_height + request.count)
            for request in (state.request for state in self._peers.values())
            if request is not None
        ]
        gaps: list[tuple[int, int]] = []
        for height in range(start, end + 1):
            if height in self._held or any(height in asked for asked in taken):
                continue
            if gaps and sum(gaps[-1]) == height and gaps[-1][1] < WINDOW:
                gaps[-1] = (gaps[-1][0], gaps[-1][1] + 1)
            else:
                gaps.append((height, 1))
        return gaps

    def _choose(self, height: int, mono_ms: int) -> str | None:
        """The peer to ask: it claims the height, is free, and failed least and longest ago."""
        free = [
            (state.failures, state.asked_ms, peer)
            for peer, state in self._peers.items()
            if state.request is None
            and state.height >= height
            and state.idle_until_ms <= mono_ms
            and peer not in self._bans
        ]
        return min(free)[2] if free else None
