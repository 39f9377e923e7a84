"""One connection: TLS stream in, messages out (docs/spec/network.md, sections 5 and 6).

Promise: nothing is sent before the listener's pinned key was seen, nothing but the handshake
is heard before the peer has proven its own; then messages flow, the urgent ones first, and
every end of it is told to the host exactly once.
"""

import asyncio
import socket
from collections import Counter
from enum import Enum, auto
from typing import TYPE_CHECKING, Protocol, cast

from hansa.errors import Rejected
from p2p.certificates import certificate_key
from p2p.control import (
    REFUSALS,
    Ping,
    Pong,
    Refusal,
    decode_control,
    encode_control,
)
from p2p.frames import CONTROL, KIND_NAMES, MESSAGE_BYTES_MAX, Parser, encode_message
from p2p.handshake import Dialler, Established, Listener, Step
from p2p.limits import FRAMES_BURST, FRAMES_PER_S, Timing, TokenBucket
from p2p.queues import Outbox

if TYPE_CHECKING:
    import ssl

WRITE_BYTES = 64 * 1024
"""Bytes handed to the transport at once, and its high-water mark: what a vote may wait for."""

UNSENT_BYTES = 128 * 1024
"""Bytes the kernel holds beyond what is on its way: the rest waits where it can be overtaken."""

_TCP_NOTSENT_LOWAT = 25  # linux/tcp.h; the socket module names it from Python 3.13 on


class State(Enum):
    """Where a connection stands."""

    HANDSHAKE = auto()
    OPEN = auto()
    RETIRED = auto()
    """Replaced by another connection: still heard, never written to."""
    CLOSING = auto()
    CLOSED = auto()


class Host(Protocol):
    """What a session asks of its mesh."""

    counters: Counter[str]

    def admit(self, session: "Session", established: Established) -> Refusal | None:
        """A peer has proven its key: why it may not stay, or None."""

    def opened(self, session: "Session") -> None:
        """The session carries messages from now on."""

    def deliver(self, session: "Session", kind: int, payload: bytes) -> None:
        """A message has come."""

    def violated(self, session: "Session", refusal: Refusal) -> None:
        """An authenticated peer broke the rules; the session is closing."""

    def ended(self, session: "Session") -> None:
        """The session carries no messages any more."""


class Session(asyncio.Protocol):
    """A connection with one peer, dialled or accepted.

    Attributes:
        settled: set once the handshake has succeeded or failed.
        closed: set once the connection is gone.
        refusal: why it was refused, by either side.
        peer: who it is, once proven.
    """

    def __init__(self, host: Host, machine: Dialler | Listener, timing: Timing) -> None:
        """Prepare; the event loop calls `connection_made` when TLS stands."""
        self._host = host
        self._machine = machine
        self._timing = timing
        self._loop = asyncio.get_running_loop()
        self._parser = Parser()
        self._paused = False
        self._pump_due = False
        self._deadline: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None
        self._pinged_at = 0.0
        self._bucket = TokenBucket(FRAMES_PER_S, FRAMES_BURST, self._loop.time())
        self.outbox = Outbox()
        self.state = State.HANDSHAKE
        self.settled = asyncio.Event()
        self.closed = asyncio.Event()
        self.refusal: Refusal | None = None
        self.peer: Established | None = None
        self.address = ""
        self.since = self.heard_at = self._loop.time()
        self.rtt_s: float | None = None

    @property
    def dialled(self) -> bool:
        """Whether we opened it."""
        return isinstance(self._machine, Dialler)

    @property
    def over(self) -> bool:
        """Whether it is closing or closed."""
        return self.state in (State.CLOSING, State.CLOSED)

    # What asyncio calls. (`typing.override` comes with Python 3.12; hence the ignores.)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:  # type: ignore[explicit-override]
        """TLS stands: a dialler checks the certificate and speaks first."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=WRITE_BYTES)
        self.address = "{}:{}".format(*(transport.get_extra_info("peername") or ("?", 0))[:2])
        raw = transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.IPPROTO_TCP, _TCP_NOTSENT_LOWAT, UNSENT_BYTES)
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if isinstance(self._machine, Dialler):
            tls = cast("ssl.SSLObject", transport.get_extra_info("ssl_object"))
            try:
                key = certificate_key(tls.getpeercert(binary_form=True))
            except Rejected as error:
                self._follow(Step(refusal=Refusal.of(error)))
            else:
                self._follow(self._machine.start(key))

    def data_received(self, data: bytes) -> None:  # type: ignore[explicit-override]
        """Bytes have come."""
        self.heard_at = self._loop.time()
        if self.over:
            return
        parser = self._parser
        frames, unknown = parser.frames, parser.unknown
        parser.feed(data)
        try:
            self._drain()
        except Rejected as error:
            self._violation(Refusal.of(error))
            return
        self._host.counters["frames_unknown"] += parser.unknown - unknown
        if not self._bucket.take(parser.frames - frames, self.heard_at):
            self._violation(
                Refusal("rate", f"more than {FRAMES_PER_S} frames a second", "send less")
            )

    def pause_writing(self) -> None:  # type: ignore[explicit-override]
        """The transport has enough for now."""
        self._paused = True

    def resume_writing(self) -> None:  # type: ignore[explicit-override]
        """The transport can take more."""
        self._paused = False
        self._pump()

    def connection_lost(self, _exc: Exception | None) -> None:  # type: ignore[explicit-override]
        """It is gone, for whatever reason."""
        if self._deadline is not None:
            self._deadline.cancel()
        self._finish(State.CLOSED)
        self.settled.set()
        self.closed.set()

    # What the mesh calls.

    def send(self, kind: int, payload: bytes) -> bool:
        """Queue a message; False when its queue is full or the session is not open."""
        if self.state is not State.OPEN or not self.outbox.put(kind, payload):
            return False
        if not self._pump_due:
            # Later in this turn of the loop: what is sent together travels together.
            self._pump_due = True
            self._loop.call_soon(self._pump)
        return True

    def refuse(self, refusal: Refusal) -> None:
        """Tell the peer why, and close."""
        if self.over:
            return
        self.refusal = refusal
        self._write(encode_control(refusal))
        self._close()

    def retire(self) -> None:
        """Another connection takes over: say so, hear what is on its way, write no more."""
        if self.state is State.OPEN:
            self._write(encode_control(Refusal("duplicate", "another connection is kept", "")))
            self.state = State.RETIRED
            self.since = self._loop.time()

    def take_over(self, other: "Session") -> None:
        """Go on with what waits in another connection with the same peer, and retire that."""
        self.outbox = other.outbox
        self.outbox.rewind()
        other.retire()
        self._pump()

    def abort(self) -> None:
        """End it at once, sending nothing."""
        if self._transport is not None:
            self._finish(State.CLOSING)
            self._transport.abort()

    def tick(self, now: float) -> None:
        """Look after the connection: ask a silent peer, give up a dead one."""
        silence = now - self.heard_at
        if self.state is State.RETIRED and now - self.since > self._timing.handshake_s:
            self._close()
        elif silence > self._timing.dead_s:
            self._host.counters["peers_silent"] += 1
            self.abort()
        elif (
            self.state is State.OPEN
            and silence > self._timing.ping_s
            and now - self._pinged_at > self._timing.ping_s
        ):
            self._pinged_at = now
            self.send(CONTROL, encode_control(Ping(int(now * 1_000_000))))

    # Inside.

    def _drain(self) -> None:
        """Work off the messages that have come, unless one of them ends the connection."""
        while not self.over and (message := self._parser.next_message()) is not None:
            self._receive(*message)

    def _receive(self, kind: int, payload: bytes) -> None:
        if self.state is State.HANDSHAKE:
            self._follow(self._machine.receive(payload))
        elif kind != CONTROL:
            counters, name = self._host.counters, KIND_NAMES[kind]
            counters["messages_received_" + name] += 1
            counters["bytes_received_" + name] += len(payload)
            self._host.deliver(self, kind, payload)
        else:
            self._control(payload)

    def _follow(self, step: Step) -> None:
        """Carry out one step of the handshake."""
        if step.refusal is not None:
            self.refusal = step.refusal
            self._write(step.send)
            code = step.refusal.code if step.refusal.code in REFUSALS else "other"
            verb = "handshakes_refused_" if step.send else "handshakes_failed_"
            self._host.counters[verb + code] += 1
            self._close()
            self.settled.set()
        elif step.established is None:
            self._write(step.send)
        else:
            self._establish(step.established, step.send)

    def _establish(self, established: Established, welcome: bytes) -> None:
        self.peer = established
        refusal = self._host.admit(self, established)
        if refusal is not None:
            self._host.counters["handshakes_refused_" + refusal.code] += 1
            self.refuse(refusal)
        else:
            self._write(welcome)
            self._parser.widen(MESSAGE_BYTES_MAX)
            self.state = State.OPEN
            self.since = self._loop.time()
            self._host.opened(self)
        self.settled.set()

    def _control(self, payload: bytes) -> None:
        message = decode_control(payload)
        if message is None:
            self._host.counters["frames_unknown"] += 1
        elif isinstance(message, Ping):
            if self.state is State.OPEN and not self.send(
                CONTROL, encode_control(Pong(message.mark))
            ):
                raise Rejected("rate", "more pings than pongs can be sent")
        elif isinstance(message, Pong):
            if message.mark == int(self._pinged_at * 1_000_000):
                self.rtt_s = self.heard_at - self._pinged_at
                self._host.counters["pongs_received"] += 1
        elif isinstance(message, Refusal):
            self.refusal = message
            self._close()
        else:
            raise Rejected("order", f"{type(message).__name__} after the handshake")

    def _violation(self, refusal: Refusal) -> None:
        proven = self.state in (State.OPEN, State.RETIRED)
        self.refuse(refusal)
        if proven:
            self._host.violated(self, refusal)
        else:
            self._host.counters["handshakes_failed_" + refusal.code] += 1
            self.settled.set()

    def _pump(self) -> None:
        """Move frames to the transport until it has enough."""
        self._pump_due = False
        while self.state is State.OPEN and not self._paused and self.outbox:
            assert self._transport is not None
            self._transport.write(self.outbox.take(WRITE_BYTES))

    def _write(self, control: bytes) -> None:
        if control and self._transport is not None:
            self._transport.write(encode_message(CONTROL, control))

    def _close(self) -> None:
        self._finish(State.CLOSING)
        if self._transport is not None:
            self._transport.close()
            # A peer that never reads would keep the last bytes, and the socket, for ever.
            self._deadline = self._loop.call_later(2 * self._timing.close_s, self._transport.abort)

    def _finish(self, state: State) -> None:
        """Leave the living states; the host hears of it once."""
        before, self.state = self.state, state
        if before in (State.OPEN, State.RETIRED):
            self._host.ended(self)
