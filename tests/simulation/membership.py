"""Clerks who change the set of validators while everything else goes wrong.

The promise: everything they do is a real signed transaction, given to a node that runs, again
and again until the chain says that it is done; they never wish for a set that could not bear
the validators that are faulty now.
"""

from hansa.transaction import Call
from ledger.ballots import OPEN, Ballot
from ledger.contract import load
from tests.simulation.world import SimKey

STEP_MS = 400
AGAIN_MS = 5_000
"""So long after its last try a clerk gives something again: it may have been lost with a node."""


class Council:
    """Carries a list of wishes through, one after the other.

    A wish is ``("add", name, member)``, ``("remove", name)``, ``("suspend", member)`` or
    ``("resume", member)``.
    """

    def __init__(self, sim, wishes):
        self.sim, self.wishes = sim, list(wishes)
        self.done, self.suspended = [], []
        self._ballot, self._asked = None, {}

    @property
    def host(self):
        """The correct node that is farthest, or None."""
        up = [host for host in self.sim.correct if host.node is not None]
        return max(up, key=lambda host: host.node.worker.ledger.head.height, default=None)

    def step(self):
        """Do the next thing that the first wish needs."""
        host = self.host
        if self.wishes and host is not None:
            self._serve(host, self.wishes[0])
        if self.wishes:
            self.sim.at(self.sim.time + STEP_MS, self.step)

    def stop(self):
        """Only what is being decided already goes on."""
        self.wishes = self.wishes[:1] if self._ballot is not None else []

    def _serve(self, host, wish):
        kind, name = wish[:2]
        if kind == "add" and self._stored(host, "org/node/" + name) is None:
            self._register(name, wish[2])
            return
        if kind == "add":
            self.sim.found(name)
        if self._ballot is None:
            self._open(wish)
            return
        stored = self._stored(host, "governance/ballot/" + self._ballot)
        if stored is None:
            if self.sim.time > self._asked["open"] + AGAIN_MS:
                self._ballot = None
            return
        ballot = load(stored, Ballot)
        if ballot.state == OPEN:
            self._vote(ballot)
            return
        self.sim.see(f"membership {kind} {ballot.state}")
        self.done.append((wish, ballot.state))
        self.wishes.pop(0)
        self._ballot, self._asked = None, {}

    @staticmethod
    def _stored(host, key):
        with host.store.spared():
            return host.node.worker.ledger.get_state(key.encode())

    def _register(self, name, member):
        if self._may_ask("register"):
            keys = {
                "validator_key": SimKey(f"vote{int(name[1:])}").public,
                "transport_key": SimKey(f"link{int(name[1:])}").public,
            }
            self._post(member, Call.of("org", "register_node", {"name": name, **keys}))

    def _open(self, wish):
        kind, name = wish[:2]
        if not self._may_ask("open"):
            return
        if kind in {"add", "remove"}:
            change = {"add": [], "remove": [], kind: [name]}
            call = Call.of("governance", "set_validators", change)
        else:
            call = Call.of("org", kind, {"member": name, "reason": "simulated"})
            self.suspended += [name] if kind == "suspend" else []
        signed = self._post(self._opener(name), call)
        if signed is not None:
            self._ballot = f"{signed.tx_id.hex()[:24]}-1"

    def _opener(self, concerned):
        free = [m for m in self.sim.members if m != concerned and m not in self.suspended]
        return self.sim.chance.choice(free)

    def _vote(self, ballot):
        for member in ballot.voters:
            said = member in ballot.approvals or member in ballot.rejections
            if not said and member not in self.suspended and self._may_ask(member):
                args = {"id": ballot.id, "approve": True}
                self._post(member, Call.of("governance", "vote", args))

    def _may_ask(self, what):
        """Whether it was not asked for a moment ago."""
        if self.sim.time < self._asked.get(what, -AGAIN_MS) + AGAIN_MS:
            return False
        self._asked[what] = self.sim.time
        return True

    def _post(self, member, call):
        """Sign and give to a correct node that runs; None when there is none."""
        up = [host for host in self.sim.correct if self.sim.answers(host)]
        if not up:
            self._asked.clear()
            return None
        key = SimKey(f"clerk{member[1:]}")
        signed = self.sim.signed_by(key, call, 3_600_000)
        self.sim.owners[signed.tx_id] = member
        self.sim.post(self.sim.chance.choice(up), signed, member)
        return signed
