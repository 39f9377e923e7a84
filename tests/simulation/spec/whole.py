"""Records whole production nodes as traces: core, driver, logs and links (no crashes)."""

from consensus.messages import decode_message
from consensus.records import decode_record
from p2p.frames import CONSENSUS
from tests.simulation.spec.plain import Plain
from tests.simulation.world import Simulation, verify


class WatchedLogs:
    """A driver's `Durable` that remembers which vote records were synced."""

    def __init__(self, inner):
        self._inner, self.appended, self.synced = inner, [], []

    def __getattr__(self, name):
        return getattr(self._inner, name)

    def vote(self, records):
        self.appended += records
        self._inner.vote(records)

    def syncs(self):
        chosen, left = self._inner.syncs(), []

        def counted(sync):
            sync()
            left.pop()
            if not left:
                self._all_synced()

        left += chosen
        return [lambda s=sync: counted(s) for sync in chosen]

    def height_done(self, *given):
        self._inner.height_done(*given)
        self._all_synced()

    def _all_synced(self):
        self.synced += self.appended
        self.appended = []


class WholeRecording(Simulation):
    """`trace_events` is the trace of all nodes."""

    def __init__(self, *given, **named):
        self.trace_events, self.plain = [], None
        super().__init__(*given, **named)

    def boot(self, index):
        super().boot(index)
        host = self.hosts[index]
        driver = host.node.driver
        facts = driver.replica.facts
        if self.plain is None:
            self.plain = Plain(facts.chain_id, facts.validators, verify)
            self.trace_events.append({
                "ev": "world", "chain": facts.chain_id, "set": facts.validators.hash.hex(),
                "validators": [[v.name, v.key.hex()] for v in facts.validators.validators],
                "genesis": self.plain.header(facts.head), "t0": self.t0_ms, "liars": [],
                "epoch": facts.epoch, "rigged": [],
            })  # fmt: skip
        self.emit(host, "start", head=self.plain.header(facts.head), records=[])
        driver.durable = WatchedLogs(driver.durable)
        driver.replica.step = self._watch_step(host, driver.replica.step)
        driver.finish = self._watch_finish(host, driver.finish, driver.durable)

    def emit(self, host, event, **fields):
        """The next event."""
        self.trace_events.append({"ev": event, "node": host.name, **fields})

    def _watch_step(self, host, step):
        def watched(event, now):
            given = self.plain.event(event)
            out = step(event, now)
            clock = {"mono": now.mono_ms, "wall": now.wall_ms}
            state = {"pending": now.pending, "relayed": now.relayed}
            output = self.plain.output(out)
            self.emit(host, "step", input=given, now={**clock, **state}, output=output)
            return out

        return watched

    def _watch_finish(self, host, finish, logs):
        def watched():
            records, logs.synced = logs.synced, []
            records = [self.plain.record(decode_record(data)) for data in records]
            self.emit(host, "durable", records=records)
            return finish()

        return watched

    def carry_out(self, host, effects):
        for send in effects.sends:
            if send.kind == CONSENSUS:
                message = self.plain.message(decode_message(send.message))
                self.emit(host, "say", to=send.peer, message=message)
        super().carry_out(host, effects)

    def check_commit(self, host, committed):
        super().check_commit(host, committed)
        header = self.plain.header(committed.header)
        certificate = self.plain.certificate(committed.certificate)
        self.emit(host, "commit", block=header, certificate=certificate)

    def live_through(self):
        """Losses and a partition for fifteen seconds, then calm."""
        chance = self.chance
        self.loss = chance.choice((0, 0.1, 0.3))
        for number in range(8):
            place = chance.randrange(self.size)
            self.at(chance.randrange(12_000), lambda p=place, n=number: self.submit(p, n))
        split = [index for index in range(self.size) if chance.random() < 0.5]
        self.at(2_000, lambda: self.partition(split))
        self.at(2_000 + chance.randrange(8_000), self.cut.clear)
        self.run(15_000)
        self.loss = 0.0
        self.cut.clear()
        assert self.run(90_000, self.settled), f"not live, heights {self.heights()}"
