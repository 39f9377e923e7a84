"""Clerks of correct members take a validator out of the set and put it back while liars lie."""

from hansa.membership import fault_bound
from hansa.transaction import Call
from ledger.ballots import OPEN, Ballot
from ledger.contract import load
from tests.simulation.world import SimKey

STEP_MS = 500
AGAIN_MS = 4_000
LASTS_MS = 3_600_000
SIZE_MIN = 4
"""A smaller set bears no liar."""


def wishes(world, chance):
    """Who leaves and comes back: a liar or, where the rest can bear the liars, anybody.

    In half of the worlds a node that was never there comes first.
    """
    bearable = fault_bound(world.size - 1) >= len(world.liars)
    choice = range(world.size) if bearable else sorted(world.liars)
    name = f"n{chance.choice(choice):02}"
    found = [("remove", name), ("add", name)] if world.size > SIZE_MIN else []
    return [("new", f"n{world.size:02}"), *found] if chance.random() < 0.5 or not found else found


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
        if kind == "new" and not self._is_there(host, name):
            return
        if self._ballot is None:
            change = {"add": [], "remove": [], {"new": "add"}.get(kind, kind): [name]}
            opener = host if host in self._clerks else self._clerks[0]
            signed = self._post(host, opener, Call.of("governance", "set_validators", change))
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
        for clerk in self._clerks:
            member = f"m{clerk.index}"
            last = self._asked.get(member, -AGAIN_MS)
            if member not in ballot.approvals and self.world.time >= last + AGAIN_MS:
                self._asked[member] = self.world.time
                args = {"id": self._ballot, "approve": True}
                self._post(host, clerk, Call.of("governance", "vote", args))

    @property
    def _clerks(self):
        """Correct hosts of members: who came by ballot is another node of one of them."""
        return [host for host in self.world.correct if host.index < self.world.size]

    def _is_there(self, host, name):
        """Whether the new node is registered and runs; else the next step towards it."""
        if host.node.worker.ledger.get_state(f"org/node/{name}".encode()) is not None:
            self.world.found(name)
            return True
        if self.world.time >= self._asked.get(name, -AGAIN_MS) + AGAIN_MS:
            self._asked[name] = self.world.time
            number = int(name[1:])
            keys = {
                "validator_key": SimKey(f"vote{number}").public,
                "transport_key": SimKey(f"link{number}").public,
            }
            call = Call.of("org", "register_node", {"name": name, **keys})
            self._post(host, self._clerks[0], call)
        return False

    def _post(self, host, clerk, call):
        signed = self.world.signed_by(SimKey(f"clerk{clerk.index}"), call, LASTS_MS)
        self.world.post(host, signed, 0)
        return signed
