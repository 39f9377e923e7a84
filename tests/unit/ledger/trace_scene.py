"""A chain whose four members are those of the coffee story, and short ways to make events."""

import json
from pathlib import Path

from hansa.epcis import events_of
from hansa.genesis import Genesis, LegalId, Member, Node, Person
from hansa.keys import public_key_text
from hansa.signing import verify
from ledger.contract import load
from ledger.contracts import CONTRACTS
from ledger.contracts.trace import Trace
from ledger.contracts.trace_records import ThingRecord, thing_key
from ledger.execution import Ledger
from tests.unit.ledger.scene import Scene, key

ROOT = Path(__file__).resolve().parents[3]
COFFEE = ROOT / "node" / "data" / "coffee"
STORY = json.loads((COFFEE / "story.json").read_text())
START = 1_795_000_000_000
"""18 November 2026: after the story, before today's skew matters."""
JAR = "https://id.gs1.org/01/09520600001012/21/"
BOX = "https://id.gs1.org/00/095206000000002224"
LOT = "https://id.gs1.org/01/09520601000014/10/"
ALIEN = "https://id.gs1.org/01/09521234000017/21/"


def genesis(parameters=None):
    """The story's organisations, each with one node and one service `app`."""
    members = tuple(
        Member(
            name=member["name"],
            legal_id=LegalId(member["legal_id"]["scheme"], member["legal_id"]["value"]),
            names=member["names"],
            key=public_key_text(key(member["name"]).public),
            prefixes=tuple(member["prefixes"]),
            glns=tuple(member["glns"]),
            people=(
                Person("app", public_key_text(key(member["name"] + "/app").public), "service"),
            ),
        )
        for member in sorted(STORY["members"], key=lambda one: one["name"])
    )
    nodes = tuple(
        Node(
            f"node{index}",
            member.name,
            public_key_text(key(f"v{index}").public),
            public_key_text(key(f"t{index}").public),
        )
        for index, member in enumerate(members)
    )
    return Genesis("coffee-chain", START, members, nodes, parameters or {})


class TraceScene(Scene):
    """A ledger with `trace`, whose calls are captures."""

    def __init__(self, parameters=None):
        super().__init__(genesis(parameters))
        contracts = {**CONTRACTS, "trace": Trace()}
        self.ledger = Ledger.open(self.store, verify, contracts)

    def capture(self, event, *members):
        """Capture one event (a dict, or its text): its receipt."""
        text = event if isinstance(event, bytes) else json.dumps(event).encode()
        signers = [member + "/app" for member in members or ("roastery",)]
        return self.call("trace", "capture", {"event": text}, *signers)

    def captured(self, event, *members):
        """Capture one event that is carried out: the answer."""
        receipt = self.capture(event, *members)
        assert receipt.code == "OK", (receipt.code, receipt.error_fields())
        return receipt.calls[0].value()

    def refused(self, event, *members):
        """Capture one event that is refused: code and fields."""
        receipt = self.capture(event, *members)
        assert receipt.code != "OK"
        return receipt.code, receipt.error_fields()

    def thing(self, identifier):
        """The record of a thing, or None."""
        stored = self.read(("trace/" + thing_key(identifier)).encode())
        return None if stored is None else load(stored, ThingRecord)

    def read(self, key):
        """A state value at the head."""
        return self.ledger.get_state(key)

    def tell(self, upto=99):
        """Capture the coffee story as its four organisations."""
        for entry in STORY["events"][:upto]:
            (event,) = events_of((COFFEE / entry["file"]).read_bytes())
            assert self.captured(event.text, entry["member"])["id"] == entry["event"]


def seen(*things, step=None, minute=0, action="OBSERVE", to=None, **fields):
    """An ObjectEvent of 15 October 2026."""
    event = {"type": "ObjectEvent", "epcList": list(things), "action": action}
    return _finish(event | fields, step, minute, to)


def packed(parent, *things, minute=0, action="ADD", step=None, kind="AggregationEvent", **fields):
    """An AggregationEvent (or AssociationEvent) of that day."""
    event = {"type": kind, "parentID": parent, "action": action}
    if things:
        event["childEPCs"] = list(things)
    return _finish(event | fields, step, minute, None)


def made(minute=0, step="creating_class_instance", **fields):
    """A TransformationEvent of that day."""
    return _finish({"type": "TransformationEvent"} | fields, step, minute, None)


def amount(epc_class, quantity, uom="KGM"):
    """A quantity element."""
    return {"epcClass": epc_class, "quantity": quantity, "uom": uom}


def _finish(event, step, minute, to):
    event["eventTime"] = f"2026-10-15T{8 + minute // 60:02}:{minute % 60:02}:00Z"
    event["eventTimeZoneOffset"] = "+00:00"
    if step:
        event["bizStep"] = step
    if to:
        party = "https://id.gs1.org/417/" + to
        event["destinationList"] = [{"type": "possessing_party", "destination": party}]
    return event
