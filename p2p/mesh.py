"""The mesh: one connection with each peer, kept for ever (docs/spec/network.md, section 5).

Promise: every node in `targets` is dialled until it is connected, and again when it is lost;
between two nodes one connection remains, the same at both ends; strangers cannot take the
places of members; and `run` leaves nothing behind when it ends.
"""

import asyncio
import socket
from collections import Counter
from contextlib import suppress
from dataclasses import replace

from hansa.errors import Rejected, Unavailable
from p2p.certificates import client_context, server_context
from p2p.control import Hello, Refusal, Role
from p2p.door import Door
from p2p.frames import CONSENSUS, KIND_NAMES, MESSAGE_BYTES_MAX
from p2p.handshake import NONCE_BYTES, Dialler, Established, Listener, hello_of
from p2p.limits import OBSERVERS_MAX, Timing
from p2p.peers import Identity, MeshPorts, PeerInfo, PeerTarget, PeerView
from p2p.session import Session, State

INSTANCE_BYTES = 16
"""Chance that names one run of a node."""

ACCEPT_PAUSE_S = 0.1
"""Pause after a failed accept, e.g. when the process has no file descriptor left."""

BACKLOG = 128
"""Connections that the kernel holds until we look at them."""

QUIET_REFUSALS = frozenset({"duplicate", "closing"})
"""Refusals that belong to a healthy mesh: the operator need not hear of them."""

DEFAULT_TIMING = Timing()


class Mesh:
    """All connections of one node.

    Attributes:
        identity: who we are; may be replaced (e.g. another role), the key stays.
        listening: set once the port is open.
        port: the port in use (interesting when 0 was asked for).
        counters: what happened how often, by name; names are few and fixed.
    """

    def __init__(
        self,
        identity: Identity,
        listen: tuple[str, int],
        ports: MeshPorts,
        timing: Timing = DEFAULT_TIMING,
    ) -> None:
        """Prepare; `run` opens the port and dials."""
        self.identity = identity
        self.listening = asyncio.Event()
        self.port = listen[1]
        self.counters: Counter[str] = Counter()
        self._listen = listen
        self._ports = ports
        self._timing = timing
        self._server = server_context(identity.key)
        self._client = client_context()
        self._instance = ports.random_bytes(INSTANCE_BYTES)
        self._door = Door(0.0)
        self._sessions: dict[str, Session] = {}
        """The one session by which each peer is written to."""
        self._all: set[Session] = set()
        """Those that are open or retired."""
        self._penalties: dict[str, tuple[float, str]] = {}
        self._dials: dict[str, tuple[PeerTarget, asyncio.Task[None]]] = {}
        self._look = asyncio.Event()

    # For the node.

    async def run(self) -> None:
        """Listen, dial and serve until cancelled; closes everything before it returns.

        Raises:
            Unavailable: ``p2p.listen`` when the port cannot be opened.
        """
        listeners = await self._bind()
        self.listening.set()
        try:
            async with asyncio.TaskGroup() as group:
                for listener in listeners:
                    group.create_task(self._accept(group, listener))
                group.create_task(self._tend(group))
        finally:
            for listener in listeners:
                listener.close()
            self._dials.clear()
            await self._close()
            self.listening.clear()

    def send(self, peer: str, kind: int, payload: bytes) -> bool:
        """Queue a message for a peer.

        Returns:
            Whether it was queued: False when the peer is not connected or its queue is full.
            A peer whose consensus queue is full is cut off; it catches up when it is back.
        """
        assert len(payload) <= MESSAGE_BYTES_MAX[kind]
        session = self._sessions.get(peer)
        if session is None:
            return False
        if session.send(kind, payload):
            self.counters["messages_sent_" + KIND_NAMES[kind]] += 1
            self.counters["bytes_sent_" + KIND_NAMES[kind]] += len(payload)
            return True
        self.counters["messages_dropped_" + KIND_NAMES[kind]] += 1
        if kind == CONSENSUS and session.state is State.OPEN:
            self.counters["peers_too_slow"] += 1
            # Later: the node is in the middle of something, and `on_peer` would surprise it.
            asyncio.get_running_loop().call_soon(session.abort)
        return False

    def broadcast(self, kind: int, payload: bytes, role: Role | None = None) -> int:
        """Queue a message for all connected peers (of one role); how many took it."""
        return sum(
            self.send(name, kind, payload)
            for name, session in list(self._sessions.items())
            if role is None or (session.peer is not None and session.peer.info.role == role)
        )

    def peers(self) -> list[PeerView]:
        """The connected peers, in the order of their names."""
        return [self._view(name, session) for name, session in sorted(self._sessions.items())]

    def penalise(self, peer: str, reason: str) -> None:
        """Cut a peer that misbehaved, and keep it out for `Timing.penalty_s`."""
        now = asyncio.get_running_loop().time()
        self._penalties[peer] = (now + self._timing.penalty_s, reason)
        self.counters["peers_penalised"] += 1
        session = self._sessions.get(peer)
        if session is not None:
            session.refuse(Refusal.of(self._penalty(reason)))

    def refresh(self) -> None:
        """Look at targets and known keys now, not only at the next tick."""
        self._look.set()

    # For sessions (`p2p.session.Host`).

    def admit(self, session: Session, established: Established) -> Refusal | None:
        """Whether a proven peer may stay, given whom we are connected with."""
        info = established.info
        current = self._sessions.get(info.name)
        if current is None:
            observers = sum(1 for view in self.peers() if view.role == "observer")
            if info.role == "observer" and observers >= OBSERVERS_MAX:
                return Refusal("busy", f"{observers} observers are here", "ask another node")
            return None
        if self._replaces(session, established, current):
            return None
        return Refusal("duplicate", "another connection is kept", "")

    def opened(self, session: Session) -> None:
        """A session carries messages now, in the place of an older one if there is any."""
        assert session.peer is not None
        name = session.peer.info.name
        for other in [other for other in self._all if other.state is State.RETIRED]:
            if other.peer is not None and other.peer.info.name == name:
                other.abort()  # one old connection may run dry, not a heap of them
        self._all.add(session)
        if not session.dialled:
            self._door.seen(name, session.address.rpartition(":")[0])
        current = self._sessions.get(name)
        self._sessions[name] = session
        if current is None:
            self._ports.on_peer(name, True)  # noqa: FBT003 - the port's signature
        elif self._crossed(session, current):
            session.take_over(current)
        else:
            current.retire()
            self._ports.on_peer(name, False)  # noqa: FBT003
            self._ports.on_peer(name, True)  # noqa: FBT003

    def deliver(self, session: Session, kind: int, payload: bytes) -> None:
        """Hand a message to the node."""
        assert session.peer is not None
        self._ports.on_frame(session.peer.info.name, kind, payload)

    def violated(self, session: Session, refusal: Refusal) -> None:
        """A proven peer broke the rules of the wire."""
        assert session.peer is not None
        self.counters["violations_" + refusal.code] += 1
        self.penalise(session.peer.info.name, refusal.detail)

    def ended(self, session: Session) -> None:
        """A session carries no messages any more."""
        assert session.peer is not None
        name = session.peer.info.name
        self._all.discard(session)
        if self._sessions.get(name) is session:
            del self._sessions[name]
            self._ports.on_peer(name, False)  # noqa: FBT003

    # Two connections between the same two nodes.

    def _replaces(self, new: Session, established: Established, current: Session) -> bool:
        """Whether the new connection is the one to keep."""
        if not self._crossed_with(new, established, current):
            # The peer has restarted, or has lost what we still hold: nobody dials a node
            # that it is connected with.
            return True
        we_are_lower = self.identity.key.public < established.hello.key
        return new.dialled == we_are_lower

    def _crossed(self, new: Session, current: Session) -> bool:
        assert new.peer is not None
        return self._crossed_with(new, new.peer, current)

    def _crossed_with(self, new: Session, established: Established, current: Session) -> bool:
        """Whether both nodes dialled at the same time, so that both are alive and well."""
        assert current.peer is not None
        age = asyncio.get_running_loop().time() - current.since
        return (
            established.hello.key == current.peer.hello.key
            and established.hello.instance == current.peer.hello.instance
            and new.dialled != current.dialled
            and age <= self._timing.handshake_s
        )

    # Whom we know.

    def _known(self, key: bytes) -> PeerInfo | None:
        """Who a key is, penalties considered."""
        info = self._ports.known(key) or self._target_of(key)
        if info is not None and info.name in self._penalties:
            until, reason = self._penalties[info.name]
            if asyncio.get_running_loop().time() < until:
                raise self._penalty(reason)
            del self._penalties[info.name]
        return info

    def _target_of(self, key: bytes) -> PeerInfo | None:
        """A node that we were told to dial is known, if state says no more of it."""
        for target in self._ports.targets().values():
            if target.key == key:
                return PeerInfo(target.name, "observer")
        return None

    def _penalty(self, reason: str) -> Rejected:
        return Rejected("penalised", f"kept out for a while: {reason}", "look into that node's log")

    def _hello(self) -> Hello:
        nonce = self._ports.random_bytes(NONCE_BYTES)
        return hello_of(self.identity, nonce, self._instance)

    # Listening.

    async def _bind(self) -> list[socket.socket]:
        """Open the port on every address of the host to listen at."""
        loop = asyncio.get_running_loop()
        host, port = self._listen
        listeners: list[socket.socket] = []
        try:
            found = await loop.getaddrinfo(
                host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )
            for family, address in dict.fromkeys((row[0], row[4]) for row in found):
                place = (address[0], self.port)
                listener = socket.create_server(place, family=family, backlog=BACKLOG)
                listener.setblocking(False)  # noqa: FBT003 - the socket's own signature
                listeners.append(listener)
                self.port = listener.getsockname()[1]
        except OSError as error:
            for listener in listeners:
                listener.close()
            raise Unavailable(
                "p2p.listen",
                f"cannot listen at {host}:{port}: {error}",
                "stop what uses the port, or set another address in p2p.listen",
            ) from error
        return listeners

    async def _accept(self, group: asyncio.TaskGroup, listener: socket.socket) -> None:
        """Take connections for ever; those without a place are closed at once."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                sock, address = await loop.sock_accept(listener)
            except OSError:
                self.counters["accepts_failed"] += 1
                await asyncio.sleep(ACCEPT_PAUSE_S)
                continue
            member = self._door.enter(address[0], loop.time())
            if member is None:
                self.counters["accepts_refused"] += 1
                sock.close()
            else:
                group.create_task(self._greet(sock, member=member))

    async def _greet(self, sock: socket.socket, *, member: bool) -> None:
        """Hold a place until the handshake of an accepted connection is decided."""
        machine = Listener(self.identity, self._hello(), self._known)
        session = Session(self, machine, self._timing)
        try:
            async with asyncio.timeout(self._timing.handshake_s):
                await asyncio.get_running_loop().connect_accepted_socket(
                    lambda: session,
                    sock,
                    ssl=self._server,
                    ssl_handshake_timeout=self._timing.handshake_s,
                    ssl_shutdown_timeout=self._timing.close_s,
                )
                await self._decided(session)
        except TimeoutError:
            self.counters["handshakes_failed_timeout"] += 1
        except OSError:  # of TLS, too
            self.counters["handshakes_failed_tls"] += 1
        finally:
            self._door.leave(member=member)
            self._drop_undecided(session)

    async def _decided(self, session: Session) -> None:
        """Wait until a handshake has succeeded, or has failed and said so."""
        await session.settled.wait()
        if session.refusal is not None:
            await session.closed.wait()

    def _drop_undecided(self, session: Session) -> None:
        if session.state in (State.HANDSHAKE, State.CLOSING):
            session.abort()

    # Dialling.

    async def _tend(self, group: asyncio.TaskGroup) -> None:
        """At every tick: follow the targets, look after the sessions."""
        loop = asyncio.get_running_loop()
        last = loop.time()
        while True:
            now = loop.time()
            self._follow_targets(group)
            for session in list(self._all):
                if now - last > self._timing.tick_s * 2:
                    session.heard_at = now  # we slept, not the peers
                self._still_known(session)
                session.tick(now)
            last = now
            self._look.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._timing.tick_s):
                    await self._look.wait()

    def _follow_targets(self, group: asyncio.TaskGroup) -> None:
        """One dialling task for each target, none for others."""
        own = self.identity.key.public
        targets = {
            name: target for name, target in self._ports.targets().items() if target.key != own
        }
        for name, (target, task) in list(self._dials.items()):
            if targets.get(name) != target:
                task.cancel()
                del self._dials[name]
                self._door.forget(name)
        for name, target in targets.items():
            if name not in self._dials:
                self._dials[name] = (target, group.create_task(self._keep(target)))

    def _still_known(self, session: Session) -> None:
        """Cut a peer whose key is known no longer; learn the role of one that is."""
        assert session.peer is not None
        key = session.peer.hello.key
        info = self._ports.known(key) or self._target_of(key)
        if info is not None and info.name == session.peer.info.name:
            session.peer = replace(session.peer, info=info)
        else:
            session.refuse(
                Refusal(
                    "unknown_node",
                    "this transport key is known no longer",
                    "ask a member to run: hansa member approve",
                )
            )

    async def _keep(self, target: PeerTarget) -> None:
        """Dial a target whenever we have no connection with it, for ever."""
        pause_s = self._timing.redial_min_s
        attempt = 0
        while True:
            await self._until_wanted(target)
            session = await self._dial(target, attempt)
            attempt += 1
            if session is not None and session.state is State.OPEN:
                begun = session.since
                await session.closed.wait()
                lasted = asyncio.get_running_loop().time() - begun
                if lasted > self._timing.redial_max_s:
                    pause_s = self._timing.redial_min_s
            refusal = session.refusal if session is not None else None
            if refusal is not None and refusal.code not in QUIET_REFUSALS:
                self._ports.on_refused(target.name, refusal)
            # Half of the pause is chance: nodes that fell together do not dial in step.
            share = int.from_bytes(self._ports.random_bytes(2), "big") / 65536
            await asyncio.sleep(pause_s * (1 + share) / 2)
            pause_s = min(pause_s * 2, self._timing.redial_max_s)

    async def _until_wanted(self, target: PeerTarget) -> None:
        """Wait while there is a connection with the target, or a penalty."""
        loop = asyncio.get_running_loop()
        while True:
            session = self._session_with(target.key)
            until, _ = self._penalties.get(target.name, (0.0, ""))
            if session is not None:
                await session.closed.wait()
            elif until > loop.time():
                await asyncio.sleep(until - loop.time())
            else:
                return

    def _session_with(self, key: bytes) -> Session | None:
        """The connection with the owner of a key, whatever name state gives it."""
        for session in self._sessions.values():
            if session.peer is not None and session.peer.hello.key == key:
                return session
        return None

    async def _dial(self, target: PeerTarget, attempt: int) -> Session | None:
        """One attempt; the session when TLS stood, whatever came of it then."""
        loop = asyncio.get_running_loop()
        session = Session(
            self, Dialler(self.identity, self._hello(), target.key, self._known), self._timing
        )
        self.counters["dials"] += 1
        try:
            async with asyncio.timeout(self._timing.handshake_s):
                found = await loop.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
                addresses = [str(row[4][0]) for row in found]
                self._door.resolved(target.name, frozenset(addresses))
                await loop.create_connection(
                    lambda: session,
                    addresses[attempt % len(addresses)],
                    target.port,
                    ssl=self._client,
                    server_hostname="",
                    ssl_handshake_timeout=self._timing.handshake_s,
                    ssl_shutdown_timeout=self._timing.close_s,
                )
                await self._decided(session)
        except (OSError, ValueError, OverflowError):
            # ValueError: the address comes from state, so it may be nonsense.
            self.counters["dials_failed"] += 1
            return None
        finally:
            self._drop_undecided(session)
        return session

    # Closing.

    async def _close(self) -> None:
        """Say goodbye, wait a little for it to be sent, then hang up."""
        sessions = list(self._all)
        for session in sessions:
            session.refuse(Refusal("closing", "the node stops", ""))
        try:
            await self._all_closed(sessions)
        finally:
            for session in sessions:
                session.abort()
        await self._all_closed(sessions)

    async def _all_closed(self, sessions: list[Session]) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._timing.close_s):
                for session in sessions:
                    await session.closed.wait()

    def _view(self, name: str, session: Session) -> PeerView:
        peer = session.peer
        assert peer is not None
        return PeerView(
            name=name,
            role=peer.info.role,
            direction="out" if session.dialled else "in",
            address=session.address,
            since=session.since,
            queue_messages=session.outbox.messages,
            queue_bytes=session.outbox.size,
            rtt_s=session.rtt_s,
            protocol=peer.protocol,
            software=peer.hello.software,
            same_configuration=peer.hello.configuration == self.identity.configuration,
        )
