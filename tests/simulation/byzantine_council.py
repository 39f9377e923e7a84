"""Clerks of correct members take a validator out of the set and put it back while liars lie."""

from hansa.membership import fault_bound
from hansa.transaction import Call
from ledger.ballots import OPEN, Ballot
from ledger.contract import load
from tests.simulation.world import SimKey

STEP_MS = 500
AGAIN_MS = 4_000
LASTS_MS = 3_600_000


def wishes(world, chance):
    """Who leaves and comes back: a liar or, where the rest can bear the liars, anybody."""
    bearable = fault_bound(world.size - 1) >= len(world.liars)
    choice = range(world.size) if bearable else sorted(world.liars)
    name = f"n{chance.choice(choice):02}"
    return [("remove", name), ("add", name)]


class Council:
    """Carries wishes through, one after the other, as real transactions."""

    def __init__(self, world, todo):
        self.world, self.todo = world, list(todo)
        self.done = []
        self._ballot, self._asked = None, {}

    def step(self):
        """The next thing that the first wish needs."""
        up = [host for host in self.world.correct if host.node is not None]
        if self.todo and up:
            self._serve(max(up, key=lambda host: host.node.worker.ledger.head.height))
        if self.todo and not self.world.calm:
            self.world.at(self.world.time + STEP_MS, self.step)

    def _serve(self, host):
        kind, name = self.todo[0]
        if self._ballot is None:
            change = {"add": [], "remove": [], kind: [name]}
            signed = self._post(host, host, Call.of("governance", "set_validators", change))
            self._ballot = f"{signed.tx_id.hex()[:24]}-1"
            self._asked = {"open": self.world.time}
            return
        stored = host.node.worker.ledger.get_state(f"governance/ballot/{self._ballot}".encode())
        if stored is None:
            if self.world.time > self._asked["open"] + AGAIN_MS:
                self._ballot = None
            return
        ballot = load(stored, Ballot)
        if ballot.state != OPEN:
            self.done.append((kind, name, ballot.state))
            self.world.tell(f"council: {kind} {name} {ballot.state}")
            self.todo.pop(0)
            self._ballot = None
            return
        for clerk in self.world.correct:
            member = f"m{clerk.index}"
            last = self._asked.get(member, -AGAIN_MS)
            if member not in ballot.approvals and self.world.time >= last + AGAIN_MS:
                self._asked[member] = self.world.time
                args = {"id": self._ballot, "approve": True}
                self._post(host, clerk, Call.of("governance", "vote", args))

    def _post(self, host, clerk, call):
        signed = self.world.signed_by(SimKey(f"clerk{clerk.index}"), call, LASTS_MS)
        self.world.post(host, signed, 0)
        return signed
