"""The things that one event touches, while it is being judged (docs/spec/trace.md, section 3).

The promise: rules change drafts; nothing is written until all of them have agreed, and each
thing is written once.
"""

from hansa.epcis import Event
from hansa.gs1 import COMPANY_END, company_digits, is_class, is_lot, short
from ledger.contract import Context, Refused
from ledger.contracts.trace_records import (
    ACTIVE,
    ADOPTED,
    DESTROYED,
    ENDED,
    MADE,
    UNKNOWN,
    VOID,
    Link,
    ThingRecord,
    thing_id,
)
from ledger.records import HISTORY_MAX

NESTED_MAX = 16
"""Containers inside each other: item, box, case, pallet, container, ship leave room."""
NOTED_MAX = 64
"""Things whose versions a receipt names; larger events name the event's record alone."""

_WITHOUT_BIRTH = ("414/", "417/", "253/", "255/", "401/", "402/", "8017/", "8018/")
"""Places, parties, documents, shipments, service relations: nobody commissions them."""
SERIAL = "/21/"
"""In every identifier of one item; a kind of things has none, so that most need no closer look."""


class Draft:
    """A thing's record as the rules change it."""

    __slots__ = (
        "before", "born", "born_time", "controller", "ended_time", "host", "host_round",
        "host_turn", "identifier", "keepers", "made", "name", "parent", "parent_round", "round",
        "state", "touched", "transit", "unit", "used",
    )  # fmt: skip

    def __init__(self, name: str, before: ThingRecord | None) -> None:
        """Start from what the state has, if it has anything."""
        self.name = name
        self.identifier = ""
        self.before = before
        self.touched = False
        if before is None:
            self.controller = self.state = self.parent = self.host = self.transit = self.unit = ""
            self.born, self.born_time, self.ended_time = b"", 0, 0
            self.parent_round = self.round = self.host_round = self.host_turn = self.used = 0
            self.keepers: tuple[str, ...] = ()
            self.made = UNKNOWN
            return
        self.controller = before.controller
        self.state = before.state
        self.born = before.born
        self.born_time = before.born_time
        self.ended_time = before.ended_time
        self.parent = before.parent
        self.parent_round = before.parent_round
        self.round = before.round
        self.host = before.host
        self.host_round = before.host_round
        self.host_turn = before.host_turn
        self.transit = before.transit
        self.keepers = before.keepers
        self.made = before.made
        self.used = before.used
        self.unit = before.unit

    @property
    def is_lot(self) -> bool:
        """Whether this is a lot: something of which several may hold a part."""
        return is_lot(thing_id(self.name))

    def record(self, identifier: str, last: bytes, here: tuple[int, int]) -> ThingRecord:
        """The next version of the record."""
        history = self.before.history if self.before else ()
        return ThingRecord(
            id=identifier,
            version=self.before.version + 1 if self.before else 1,
            controller=self.controller,
            history=(*history, here)[-HISTORY_MAX:],
            last=last,
            state=self.state,
            born=self.born,
            born_time=self.born_time,
            ended_time=self.ended_time,
            host=self.host,
            host_round=self.host_round,
            host_turn=self.host_turn,
            keepers=self.keepers,
            made=self.made,
            parent=self.parent,
            parent_round=self.parent_round,
            round=self.round,
            transit=self.transit,
            unit=self.unit,
            used=self.used,
        )


class Bench:
    """Drafts of an event's things, and the questions that all rules ask.

    Attributes:
        event: what is being judged.
        members: who signed, as organisations; the sender's first.
        links: what the event's record will hold.
    """

    __slots__ = ("_context", "_drafts", "_owners", "event", "links", "members")

    def __init__(self, context: Context, event: Event) -> None:
        """Start with an empty bench."""
        self._context = context
        self._drafts: dict[str, Draft] = {}
        self._owners: dict[str, str] = {}
        self.event = event
        self.members = tuple(dict.fromkeys(signer.member for signer in context.signers))
        self.links: list[Link] = []

    @property
    def sender(self) -> str:
        """The member that captures."""
        return self.members[0]

    def draft(self, name: str) -> Draft:
        """The draft of a thing by its short name; reads the state once."""
        draft = self._drafts.get(name)
        if draft is None:
            before = self._context.get("thing/" + name, ThingRecord)
            draft = self._drafts[name] = Draft(name, before)
        return draft

    def link(self, identifier: str, role: str) -> Draft | None:
        """Note a thing in the event; None for a kind of things, which has no record."""
        name = short(identifier)
        if SERIAL not in identifier and is_class(identifier):
            self.links.append(Link(name, role))
            return None
        draft = self.draft(name)
        draft.touched = True
        draft.identifier = identifier
        self.links.append(Link(name, role, draft.before.last if draft.before else b""))
        return draft

    def existing(self, identifier: str, role: str) -> Draft | None:
        """Note a thing that must be there: known, adoptable, and not yet ended.

        Raises:
            Refused: ``MISSING``, ``TIME`` or ``STATE``.
        """
        draft = self.link(identifier, role)
        if draft is None:
            return None
        if not draft.state or draft.state == VOID:
            self._adopt(draft, identifier)
        elif draft.born and self.event.time < draft.born_time:
            raise Refused("TIME", id=identifier, have=self.event.time, need=draft.born_time)
        elif draft.state in ENDED and (draft.born or _is_past(draft, self.event.time)):
            raise Refused("STATE", id=identifier, have=draft.state, need="a thing that is there")
        return draft

    def _adopt(self, draft: Draft, identifier: str) -> None:
        """First sight of an id of an unregistered prefix makes it known."""
        if not draft.name.startswith(_WITHOUT_BIRTH):
            owner = self.owner(identifier)
            if owner:
                raise Refused("MISSING", id=identifier, need="commissioning", by=owner)
            if self._context.registry.parameter("trace.unknown_ids") == "refuse":
                raise Refused("MISSING", id=identifier, need="commissioning")
        draft.state = ADOPTED

    def birth(self, identifier: str, role: str, state: str) -> Draft | None:
        """Note a thing that comes into being here.

        Raises:
            Refused: ``EXISTS`` when it was there, ``AUTH`` when another owns its prefix.
        """
        draft = self.link(identifier, role)
        if draft is None:
            return None
        lot = is_lot(identifier)
        if draft.born and not (lot or (draft.state == MADE and state == ACTIVE)):
            raise Refused(
                "EXISTS", id=identifier, have=draft.state, by=draft.controller,
                event=draft.born, time=draft.born_time,
            )  # fmt: skip
        if draft.born:
            self.need_holder(draft)
            draft.state = state if draft.state == MADE else draft.state
            return draft
        owner = self.owner(identifier)
        if owner and owner not in self.members:
            raise Refused("AUTH", id=identifier, need=owner, by=self.sender)
        if not owner and self._context.registry.parameter("trace.unknown_ids") == "refuse":
            raise Refused("AUTH", id=identifier, need="the owner of a registered prefix")
        draft.state = state
        draft.born, draft.born_time = self.event.digest, self.event.time
        draft.controller = owner or self.sender
        if lot:
            draft.made = 0
        return draft

    def owner(self, identifier: str) -> str:
        """The member that registered the company prefix of an id, or an empty string."""
        head = identifier[:COMPANY_END]
        known = self._owners.get(head)
        if known is None:
            digits = company_digits(identifier)
            known = self._owners[head] = self._context.registry.prefix_owner(digits) or ""
        return known

    # Containment and holding

    def live_parent(self, draft: Draft) -> Draft | None:
        """The container that a thing is in now."""
        if not draft.parent:
            return None
        parent = self.draft(draft.parent)
        return parent if parent.round == draft.parent_round else None

    def live_host(self, draft: Draft) -> Draft | None:
        """The thing or place that a thing is associated with now."""
        if not draft.host:
            return None
        host = self.draft(draft.host)
        return host if host.host_turn == draft.host_round else None

    def outermost(self, draft: Draft) -> Draft:
        """The container that holds the container that holds … the thing; maybe itself.

        Raises:
            Refused: ``LIMIT`` when things are nested deeper than `NESTED_MAX`.
        """
        for _ in range(NESTED_MAX):
            parent = self.live_parent(draft)
            if parent is None:
                return draft
            draft = parent
        raise Refused("LIMIT", id=draft.name, need=NESTED_MAX, field="containment")

    def holder(self, draft: Draft) -> str:
        """The member that holds a thing: who holds its outermost container; "" if unknown."""
        return self.outermost(draft).controller or draft.controller

    def need_holder(self, draft: Draft) -> None:
        """Refuse what only the holder may do.

        Raises:
            Refused: ``AUTH`` with the holder.
        """
        holder = self.holder(draft)
        if holder and holder not in self.members:
            if any(member in draft.keepers for member in self.members):
                return
            raise Refused("AUTH", id=draft.name, need=holder, by=self.sender, role="holder")

    def member_of(self, party: str) -> str:
        """The member behind a party's location number, or an empty string."""
        gln = party.rpartition("/")[2] if party else ""
        return (self._context.registry.gln_owner(gln) or "") if gln else ""

    # Writing

    def write(self, digest: bytes) -> None:
        """Write every touched thing once, in the order in which it was met."""
        context = self._context
        here = (context.height, context.scope.index)
        touched = [draft for draft in self._drafts.values() if draft.touched]
        for draft in touched:
            key = "thing/" + draft.name
            record = draft.record(draft.identifier or thing_id(draft.name), digest, here)
            context.put(key, record)
            if len(touched) <= NOTED_MAX:
                context.changed(key, record.version - 1, record.version)


def _is_past(draft: Draft, time: int) -> bool:
    """Whether an adopted thing is gone for good at a time.

    What was adopted may be reported out of order, and used up more than once: the chain does
    not know its past.
    """
    return draft.state == DESTROYED and time > draft.ended_time
