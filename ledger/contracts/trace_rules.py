"""The rules of supply chains, one function an event type (docs/spec/trace.md, section 4).

The promise: an item is commissioned once, by the owner of its prefix; it is in one container
at a time; only its holder packs, ships, uses up or destroys it; and no more comes out than
went in. Things that were only adopted, of prefixes that nobody registered, are taken as they
come: their past is not on the chain.
"""

from collections.abc import Callable

from hansa.epcis import Event, Quantity
from hansa.gs1 import short
from ledger.contract import Refused
from ledger.contracts.trace_bench import Bench, Draft
from ledger.contracts.trace_records import (
    ACTIVE,
    ADOPTED,
    ANYONE,
    CHILD,
    CONSUMED,
    DESTROYED,
    ENDED,
    INPUT,
    MADE,
    OBJECT,
    OUTPUT,
    PARENT,
    PROCESS,
    SOLD,
    UNKNOWN,
    VOID,
)

SHIPPING = frozenset({"shipping", "consigning"})
RECEIVING = frozenset({"receiving", "accepting"})
SELLING = frozenset({"retail_selling", "dispensing"})
COMMISSIONING = "commissioning"
VOID_SHIPPING = "void_shipping"
YIELD_PERMILLE = 1_000
"""What may come out of a transformation, of each thousand that went in, in the same unit."""
KEEPERS_MAX = 64
"""Members that hold parts of one lot at the same time."""


def judge(bench: Bench) -> None:
    """Apply an event to its things.

    Raises:
        Refused: what the event's type and action ask for and do not find.
    """
    _RULES[bench.event.kind](bench, bench.event)


def _object_event(bench: Bench, event: Event) -> None:
    """ADD commissions, DELETE ends, OBSERVE sees, and may hand over."""
    for identifier in event.objects:
        if event.action == "ADD":
            bench.birth(identifier, OBJECT, ACTIVE)
            continue
        draft = bench.existing(identifier, OBJECT)
        if draft is not None and event.action == "DELETE":
            _end(bench, draft, DESTROYED)
        elif draft is not None:
            _hand_over(bench, draft)
    for lot in event.object_lots:
        if event.action == "ADD":
            _make(bench, lot, OBJECT, ACTIVE)
            continue
        draft = bench.existing(lot.epc_class, OBJECT)
        if draft is not None and event.action == "DELETE":
            bench.need_holder(draft)
            _use(draft, lot)
        elif draft is not None:
            _hand_over(bench, draft)


def _aggregation_event(bench: Bench, event: Event) -> None:
    """ADD packs, DELETE unpacks (everything, when no child is named), OBSERVE sees."""
    if event.action == "OBSERVE":
        _observe_container(bench, event)
        return
    parent = _container(bench, event)
    move = _pack if event.action == "ADD" else _unpack
    for identifier in event.children:
        child = bench.existing(identifier, CHILD)
        if child is not None and parent is not None:
            move(bench, child, parent)
    for identifier in _classes(event.child_lots):
        lot = bench.existing(identifier, CHILD)
        if lot is not None and event.action == "ADD":
            bench.need_holder(lot)
        elif lot is not None:
            _keep(lot, bench.sender)
    if parent is not None and event.action == "DELETE" and not _has_children(event):
        parent.round += 1


def _observe_container(bench: Bench, event: Event) -> None:
    """What is in the container moves with it; without a container each thing for itself."""
    parent = bench.existing(event.parent, PARENT) if event.parent else None
    if parent is not None:
        _hand_over(bench, parent)
    for identifier in (*event.children, *_classes(event.child_lots)):
        child = bench.existing(identifier, CHILD)
        if child is not None and parent is None:
            _hand_over(bench, child)


def _container(bench: Bench, event: Event) -> Draft | None:
    """The container of a packing: its first packing by the owner of its prefix makes it."""
    known = bench.draft(short(event.parent)) if event.action == "ADD" else None
    if known is not None and known.state in {"", VOID} and bench.owner(event.parent):
        return bench.birth(event.parent, PARENT, ACTIVE)
    parent = bench.existing(event.parent, PARENT)
    if parent is not None:
        bench.need_holder(parent)
        parent.controller = parent.controller or bench.sender
    return parent


def _pack(bench: Bench, child: Draft, parent: Draft) -> None:
    bench.need_holder(child)
    _require_saleable(child)
    now = bench.live_parent(child)
    if now is not None and child.born:
        raise Refused("STATE", id=child.name, have=now.name, need="no container", field="parent")
    child.parent = ""
    if bench.outermost(parent) is child or child is parent:
        raise Refused("LINK", id=child.name, have=parent.name, need="no cycle")
    child.parent, child.parent_round = parent.name, parent.round


def _unpack(bench: Bench, child: Draft, parent: Draft) -> None:
    now = bench.live_parent(child)
    if now is not parent and child.born:
        have = "" if now is None else now.name
        raise Refused("STATE", id=child.name, have=have, need=parent.name, field="parent")
    if now is parent:
        child.controller = bench.holder(parent)
        child.transit = ""
    child.parent = ""


def _association_event(bench: Bench, event: Event) -> None:
    """Like packing, for what is fixed to something else; it moves nothing."""
    host = bench.existing(event.parent, PARENT)
    for identifier in (*event.children, *_classes(event.child_lots)):
        child = bench.existing(identifier, CHILD)
        if child is None or host is None or child.is_lot:
            continue
        now = bench.live_host(child)
        if event.action == "ADD":
            bench.need_holder(child)
            if child is host:
                raise Refused("LINK", id=child.name, have=host.name, need="no cycle")
            if now is not None and now is not host and child.born:
                raise Refused("STATE", id=child.name, have=now.name, need="none", field="host")
            child.host, child.host_round = host.name, host.host_turn
        elif event.action == "DELETE":
            bench.need_holder(child)
            if now is not host and child.born:
                raise Refused("STATE", id=child.name, need=host.name, field="host")
            child.host = ""
    if host is not None and event.action == "DELETE" and not _has_children(event):
        bench.need_holder(host)
        host.host_turn += 1


def _transaction_event(bench: Bench, event: Event) -> None:
    """Things under a business document; the same steps hand over as in an ObjectEvent."""
    if event.parent:
        bench.existing(event.parent, PARENT)
    for identifier in (*event.objects, *_classes(event.object_lots)):
        draft = bench.existing(identifier, OBJECT)
        if draft is not None and event.action != "DELETE":
            _hand_over(bench, draft)


def _transformation_event(bench: Bench, event: Event) -> None:
    """Inputs are used up by their holder, outputs are new, and no more comes out than went in."""
    for identifier in event.inputs:
        draft = bench.existing(identifier, INPUT)
        if draft is not None:
            _require_saleable(draft)
            _end(bench, draft, CONSUMED)
    for lot in event.input_lots:
        draft = bench.existing(lot.epc_class, INPUT)
        if draft is not None:
            bench.need_holder(draft)
            _use(draft, lot)
    state = ACTIVE if event.step == COMMISSIONING else MADE
    for identifier in event.outputs:
        bench.birth(identifier, OUTPUT, state)
    for lot in event.output_lots:
        _make(bench, lot, OUTPUT, ACTIVE)
    if event.transformation:
        bench.existing(event.transformation, PROCESS)
    _require_yield(event)


_RULES: dict[str, Callable[[Bench, Event], None]] = {
    "ObjectEvent": _object_event,
    "AggregationEvent": _aggregation_event,
    "AssociationEvent": _association_event,
    "TransactionEvent": _transaction_event,
    "TransformationEvent": _transformation_event,
}


def _has_children(event: Event) -> bool:
    return bool(event.children or event.child_lots)


def _classes(lots: tuple[Quantity, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(lot.epc_class for lot in lots))


# Holding


def _hand_over(bench: Bench, draft: Draft) -> None:
    """Shipping, receiving, selling; any other step is an observation, which anyone may make."""
    step = bench.event.step
    if step in SHIPPING:
        _ship(bench, draft)
    elif step in RECEIVING:
        _receive(bench, draft)
    elif step in SELLING:
        bench.need_holder(draft)
        _require_saleable(draft)
        if not draft.is_lot:
            draft.state = SOLD
    elif step == VOID_SHIPPING:
        bench.need_holder(draft)
        draft.transit = ""


def _ship(bench: Bench, draft: Draft) -> None:
    bench.need_holder(draft)
    _require_saleable(draft)
    to = bench.member_of(bench.event.destination) or ANYONE
    if draft.is_lot:
        _keep(draft, to)
    elif bench.live_parent(draft) is None:
        draft.transit = to


def _receive(bench: Bench, draft: Draft) -> None:
    """Whoever it was shipped to takes it over; what is in a container moves with that."""
    outer = bench.outermost(draft)
    held = outer.controller
    if held in bench.members:
        draft.transit = "" if outer is draft else draft.transit
        draft.state = ACTIVE if draft.state == SOLD else draft.state
        return
    taker = _taker(bench, outer)
    if not held and not taker:
        return
    if held and not taker:
        raise Refused("AUTH", id=draft.name, need=held, by=bench.sender, role="shipper")
    if outer is draft:
        draft.controller, draft.transit = taker, ""
        draft.state = ACTIVE if draft.state == SOLD else draft.state


def _taker(bench: Bench, outer: Draft) -> str:
    """The signing member that may take a thing over, or an empty string."""
    entitled = (outer.transit, *outer.keepers)
    for member in bench.members:
        if member in entitled:
            return member
    if ANYONE in entitled:
        return bench.sender
    named = bench.member_of(bench.event.destination)
    return named if not outer.controller and named in bench.members else ""


def _keep(draft: Draft, member: str) -> None:
    """Let a member hold part of a lot."""
    if member not in draft.keepers:
        draft.keepers = (*draft.keepers, member)[-KEEPERS_MAX:]


def _require_saleable(draft: Draft) -> None:
    if draft.state == SOLD and draft.born:
        raise Refused("STATE", id=draft.name, have=SOLD, need=ACTIVE)


def _end(bench: Bench, draft: Draft, state: str) -> None:
    bench.need_holder(draft)
    if draft.state not in ENDED:
        draft.state, draft.ended_time = state, bench.event.time
    draft.parent = draft.host = draft.transit = ""


# Quantities


def _make(bench: Bench, lot: Quantity, role: str, state: str) -> None:
    """A quantity of a lot comes into being; a lot may grow by its holder's hand."""
    draft = bench.birth(lot.epc_class, role, state)
    if draft is None or draft.made == UNKNOWN:
        return
    if lot.micro is None or (draft.made and draft.unit != lot.uom):
        draft.made = UNKNOWN
        return
    draft.made, draft.unit = draft.made + lot.micro, lot.uom


def _use(draft: Draft, lot: Quantity) -> None:
    """A quantity of a lot is used up; never more than was made."""
    if draft.made == UNKNOWN:
        return
    if lot.micro is None or lot.uom != draft.unit:
        draft.made = UNKNOWN
        return
    if draft.used + lot.micro > draft.made:
        raise Refused(
            "SUM", id=draft.name, have=draft.made - draft.used, need=lot.micro, unit=lot.uom
        )
    draft.used += lot.micro


def _require_yield(event: Event) -> None:
    """Compare what came out with what went in, where all that went in is known in one unit."""
    units = {lot.uom for lot in event.input_lots}
    if event.inputs or len(units) != 1 or any(lot.micro is None for lot in event.input_lots):
        return
    unit = event.input_lots[0].uom
    went_in = sum(lot.micro or 0 for lot in event.input_lots)
    came_out = sum(lot.micro or 0 for lot in event.output_lots if lot.uom == unit)
    if unit and came_out * 1_000 > went_in * YIELD_PERMILLE:
        raise Refused("SUM", have=went_in, need=came_out, unit=unit, rule="yield")


# Corrections


def undo(draft: Draft, role: str, kind: str, action: str, digest: bytes) -> None:
    """Take back what a wrong event did to a thing, where nothing has happened to it since."""
    if draft.before is None or draft.before.last != digest:
        return
    draft.touched = True
    if draft.born == digest:
        draft.state, draft.born, draft.born_time = VOID, b"", 0
        draft.made, draft.used = UNKNOWN, 0
    elif draft.state in (*ENDED, SOLD):
        draft.state, draft.ended_time = (ACTIVE if draft.born else ADOPTED), 0
    if kind == "AggregationEvent" and role == CHILD and action == "ADD":
        draft.parent = ""
    if kind == "AssociationEvent" and role == CHILD and action == "ADD":
        draft.host = ""
