"""Holds a trace of a run against the specification; the first difference ends it.

A trace is a list of plain dicts: the world, then for each replica `start`, `step` (input and
output of the core), `durable` (what was synced), `say` (what left the machine), `commit` and
`crash`, in the order in which they happened. Nothing of the product is imported.
"""

from tests.simulation.spec.compare import DifferenceError, compare, differ, said, said_record
from tests.simulation.spec.model import Replica
from tests.simulation.spec.rules import (
    COMMIT,
    NOTHING,
    PREPARE,
    Rotation,
    Sizes,
    certificate_holds,
    claims_nothing,
    named_by,
)

STEPS = {"view-change": 0, "pre-prepare": 1, "new-view": 1}


def slot_of(message):
    """8.1: where a signature stands in the order of all of one validator."""
    if message["kind"] == "vote":
        return message["height"], message["view"], message["phase"]
    view = message["target" if message["kind"] == "view-change" else "view"]
    return message["height"], view, STEPS[message["kind"]]


class Guard:
    """8.1 to 8.3: upwards, the same bytes in the same slot, no claim below a COMMIT."""

    def __init__(self):
        self.slot, self.digest, self.locked, self.prepared = (0, 0, 0), None, NOTHING, None

    def locked_at(self, height):
        """The highest view of a COMMIT at a height."""
        return self.locked if height == self.slot[0] else NOTHING

    def permit(self, message):
        """Whether it may be signed; then it is remembered."""
        if message["kind"] == "fresh":
            return self.slot[0] <= message["height"]
        slot, digest = slot_of(message), said(message)[:7]
        if message["kind"] == "new-view":
            digest = said(message)
        if slot == self.slot:
            return digest == self.digest
        locked = self.locked_at(slot[0])
        less = message["kind"] == "view-change" and message["prepared_view"] < locked
        if slot < self.slot or less:
            return False
        self.locked = slot[1] if slot[2] == COMMIT else locked
        self.slot, self.digest = slot, digest
        return True

    def keep(self, certificate):
        """8.2: the certificate behind the lock."""
        known = self.prepared
        place = (certificate["height"], certificate["view"])
        if known is None or (known["height"], known["view"]) < place:
            self.prepared = certificate


class Machine:
    """One validator's disk, and its process while it lives."""

    def __init__(self, genesis):
        self.records, self.guard = [], Guard()
        self.chain = [genesis]
        self.certificate = None
        self.replica = None
        self.intents, self.wanted = [], []


def height_of(record):
    """The height that a record belongs to."""
    match record["record"]:
        case "body":
            return record["height"]
        case "prepared":
            return record["certificate"]["height"]
        case _:
            return record["message"]["height"]


class Validator:
    """Feeds a trace, event by event, to one specified replica a machine."""

    def __init__(self, world):
        self.world = world
        self.names = [name for name, _ in world["validators"]]
        self.sizes = Sizes(len(self.names))
        self.machines = {
            name: Machine(world["genesis"])
            for name in self.names
            if self.names.index(name) not in world["liars"]
        }
        self.agreed = {0: world["genesis"]["hash"]}
        self.steps = 0

    def feed(self, event):
        """Take the next event.

        Raises:
            DifferenceError: the text does not allow it.
        """
        machine = self.machines.get(event["node"])
        if machine is not None:
            try:
                getattr(self, "_" + event["ev"])(event, machine)
            except DifferenceError as difference:
                raise DifferenceError(f"{event['node']}, {event['ev']}: {difference}") from None

    # -- processes -----------------------------------------------------------------------------

    def _start(self, event, machine):
        """Row H: what is read back is what was durable, and the state follows from it."""
        head = machine.chain[-1]
        height = head["height"] + 1
        durable = [record for record in machine.records if height_of(record) == height]
        differ("head", head["hash"], event["head"]["hash"])
        differ(
            "records read back",
            [said_record(record) for record in durable],
            [said_record(record) for record in event["records"]],
        )
        rotation = Rotation(self.world["validators"], 1, self.world["genesis"]["hash"])
        rotation.rigged = {tuple(place): index for place, index in self.world["rigged"]}
        for header in machine.chain[1:]:
            rotation.advance(header)
        facts = {
            "chain": self.world["chain"], "names": self.names, "set": self.world["set"],
            "epoch": self.world["epoch"], "head": head, "certificate": machine.certificate,
            "sizes": self.sizes,
        }  # fmt: skip
        replica = machine.replica = Replica(event["node"], facts, rotation, self.world["t0"])
        replica.abstain_through = event.get("abstain_through", 0)
        replica.locked, replica.restored = machine.guard.locked_at(height), True
        kept = machine.guard.prepared
        if kept is not None and kept["height"] == height:
            durable.append({"record": "prepared", "certificate": kept})
        replica.at.restore(durable)
        machine.intents, machine.wanted = [], []

    def _crash(self, event, machine):
        """Memory is gone, the disk stays."""
        machine.replica = None

    def _step(self, event, machine):
        """One input: the core does what the specified replica does."""
        self.steps += 1
        given, now, out = event["input"], event["now"], event["output"]
        replica = machine.replica
        if given["in"] == "advanced":
            differ("head entered is durable", machine.chain[-1]["hash"], given["head"]["hash"])
        own = given.get("message") if given["in"] == "stored" else None
        if own is not None and own["kind"] != "fresh" and not holds_own(machine, own):
            raise DifferenceError(f"an own message counts before it is durable: {given['message']}")
        expected = replica.step(given, now)
        compare(replica, expected, out, event, self.world["liars"])
        machine.intents += out["intents"]
        machine.wanted += out["persist"]

    # -- 7: what is durable, what is said --------------------------------------------------------

    def _durable(self, event, machine):
        """7.1: all records and just the messages that the guard permits, in order."""
        for record in machine.wanted:
            if record["record"] == "prepared":
                machine.guard.keep(record["certificate"])
        permitted = [intent for intent in machine.intents if machine.guard.permit(intent)]
        own = [
            {"record": "own", "message": intent}
            for intent in permitted
            if intent["kind"] != "fresh"
        ]
        differ(
            "records made durable",
            sorted(map(repr, map(said_record, machine.wanted + own))),
            sorted(repr(said_record(r)) for r in event["records"] if not attests(r)),
        )
        machine.intents, machine.wanted = [], []
        machine.records += event["records"]

    def _say(self, event, machine):
        """7.2: durable before it is said, and the cause before its effect."""
        message, me = event["message"], machine.replica.me
        kind = message["kind"]
        if machine.intents or machine.wanted:
            raise DifferenceError(f"{kind} leaves before its turn is durable")
        if kind == "decided":
            certificate, head = message["certificate"], machine.chain[-1]
            differ("DECIDED names the durable head", head["hash"], certificate["hash"])
            place = (certificate["epoch"], head["height"])
            if not certificate_holds(certificate, COMMIT, place, self.sizes):
                raise DifferenceError("DECIDED with a certificate that does not hold")
        if kind in ("vote", "pre-prepare", "view-change", "new-view") and message["signer"] == me:
            if not message["signed"] or not holds_own(machine, message):
                raise DifferenceError(f"said before it was durable: {said(message)}")
            self._rests(message, machine)
        elif kind == "new-view" and not holds_new_view(machine, message):
            raise DifferenceError("a NEW-VIEW is shown that was not accepted durably")
        elif kind in ("vote", "pre-prepare", "view-change"):
            raise DifferenceError(f"{kind} of another validator passed on")

    def _rests(self, message, machine):
        """7.2: PREPARE on its body, COMMIT and VIEW-CHANGE on their certificates."""
        certificates = [
            named_by(record["certificate"])
            for record in machine.records
            if record["record"] == "prepared" and height_of(record) == message["height"]
        ]
        kept = machine.guard.prepared
        if kept is not None and kept["height"] == message["height"]:
            certificates.append(named_by(kept))
        if message["kind"] == "vote" and message["phase"] == PREPARE:
            held = any(
                record["record"] == "body" and record["block"]["hash"] == message["hash"]
                for record in machine.records
            )
            if not held:
                raise DifferenceError(f"PREPARE without a durable body: {said(message)}")
        elif message["kind"] == "vote" and (message["view"], message["hash"]) not in certificates:
            raise DifferenceError(f"COMMIT without a durable certificate: {said(message)}")
        elif message["kind"] == "view-change" and not claims_nothing(message):
            differ(
                "VIEW-CHANGE claims what is durable",
                expected=True,
                actual=named_by(message["certificate"]) in certificates,
            )

    def _commit(self, event, machine):
        """1.1, 4.2: a certified block that extends the head, the same everywhere."""
        block, certificate = event["block"], event["certificate"]
        head = machine.chain[-1]
        place = (block["epoch"], head["height"] + 1)
        differ("parent", head["hash"], block["parent"])
        differ("certified block", block["hash"], certificate["hash"])
        if not certificate_holds(certificate, COMMIT, place, self.sizes):
            raise DifferenceError(f"committed on a certificate that does not hold: {certificate}")
        known = self.agreed.setdefault(block["height"], block["hash"])
        differ(f"agreement at height {block['height']}", known, block["hash"])
        machine.chain.append(block)
        machine.certificate = certificate
        machine.records = [r for r in machine.records if height_of(r) > block["height"]]


def attests(record):
    """8.3: whether a record is a FRESH, which a log may hold and need not."""
    return record["record"] == "own" and record["message"]["kind"] == "fresh"


def holds_own(machine, message):
    """Whether an own message is durable."""
    return any(
        record["record"] == "own" and said(record["message"]) == said(message)
        for record in machine.records
    )


def holds_new_view(machine, message):
    """Whether a new view of another was accepted durably."""
    return any(
        record["record"] == "new-view" and said(record["message"]) == said(message)
        for record in machine.records
    )


def validate(trace):
    """Check a whole trace; returns how many steps it has.

    Raises:
        DifferenceError: at the first event that the text does not allow.
    """
    world, *events = trace
    validator = Validator(world)
    for number, event in enumerate(events):
        try:
            validator.feed(event)
        except DifferenceError as difference:
            raise DifferenceError(f"event {number}: {difference}") from None
    return validator.steps
