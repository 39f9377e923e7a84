"""Records runs of the real core as traces: a mixin for the worlds of tests/unit/consensus.

The world's nodes are watched from outside: what goes into the core and comes out of it, what
reaches the disk, what reaches a link. The trace is plain data (`tests.simulation.spec.plain`).
"""

from consensus.records import decode_record, record_height
from tests.simulation.spec.plain import Plain
from tests.unit.consensus.liars import SCRIPTED_VIEWS, Rigged
from tests.unit.consensus.world import CHAIN, Disk, verify

RIGGED_HEIGHTS = 80


class WatchedDisk(Disk):
    """A disk that tells what was added to its vote log when the turn's sync is over."""

    def watch(self, told):
        """Begin: `told` gets the records of each sync."""
        self.__dict__["told"] = told
        self.__dict__["seen"] = len(self.records)

    def __setattr__(self, name, value):
        watched = name == "records" and "seen" in self.__dict__
        # The driver appends to the list in place; a commit puts a shorter one there.
        if watched and value is not self.__dict__["records"]:
            self.__dict__["seen"] = len(value)
        self.__dict__[name] = value
        if name == "guard" and "told" in self.__dict__:
            fresh = self.records[self.__dict__["seen"] :]
            self.__dict__["seen"] = len(self.records)
            self.__dict__["told"](fresh)


class Recording:
    """Mix it in before a World: `trace_events` is the trace."""

    def __init__(self, *given, **named):
        self.trace_events, self._inside, self.plain = [], False, None
        super().__init__(*given, **named)
        self.plain = Plain(CHAIN, self.validators, verify)
        schedule = self.correct[0].core.schedule  # the one in use, not what would be made now
        places = [(h, v) for h in range(1, RIGGED_HEIGHTS) for v in range(SCRIPTED_VIEWS)]
        rigged = [[place, schedule.primary(*place)] for place in places]
        self.trace_events.append({
            "ev": "world", "chain": CHAIN, "set": self.validators.hash.hex(), "epoch": 0,
            "validators": [[v.name, v.key.hex()] for v in self.validators.validators],
            "genesis": self.plain.header(self.genesis), "t0": self.t0_ms,
            "liars": sorted(self.liars),
            "rigged": rigged if isinstance(schedule, Rigged) else [],
        })  # fmt: skip
        for node in self.nodes:
            self.watch(node)

    def emit(self, node, event, **fields):
        """The next event; liars may do what they like, so theirs are none."""
        if node.index not in self.liars:
            self.trace_events.append({"ev": event, "node": node.name, **fields})

    def watch(self, node):
        """Wrap a new incarnation; its core has been restored already."""
        if not isinstance(node.disk, WatchedDisk):
            node.disk = WatchedDisk(node.disk.records, node.disk.guard, node.disk.chain)
        node.disk.watch(lambda records: self.emit(node, "durable", records=self.records(records)))
        height = node.core.height
        current = [r for r in map(decode_record, node.disk.records) if record_height(r) == height]
        self.emit(
            node,
            "start",
            head=self.plain.header(node.core.facts.head),
            records=[self.plain.record(record) for record in current],
        )
        step = node.core.step

        def watched(event, now):
            given = self.plain.event(event)
            out = step(event, now)
            clock = {"mono": now.mono_ms, "wall": now.wall_ms}
            state = {"pending": now.pending, "relayed": now.relayed}
            output = self.plain.output(out)
            self.emit(node, "step", input=given, now={**clock, **state}, output=output)
            return out

        node.core.step = watched

    def records(self, encoded):
        """Records of the vote log."""
        return [self.plain.record(decode_record(data)) for data in encoded]

    def start(self, slot):
        """A restart: the new incarnation is watched before its first step."""
        old, make = self.nodes[slot], type(self.nodes[slot])
        if not old.alive:
            self.nodes[slot] = make(self, old.name, old.disk, slot)
            self.watch(self.nodes[slot])
            self.nodes[slot].ring()
            self.catch_up(slot)

    def kill(self, slot):
        self.emit(self.nodes[slot], "crash")
        super().kill(slot)

    def broadcast(self, source, message):
        self.emit(source, "say", to=None, message=self.plain.message(message))
        self._inside = True
        try:
            super().broadcast(source, message)
        finally:
            self._inside = False

    def send(self, source, target, message):
        if not self._inside:
            self.emit(source, "say", to=target.index, message=self.plain.message(message))
        super().send(source, target, message)

    def check_commit(self, node, block, certificate):
        super().check_commit(node, block, certificate)
        header = self.plain.header(block.header)
        certificate = self.plain.certificate(certificate)
        self.emit(node, "commit", block=header, certificate=certificate)
