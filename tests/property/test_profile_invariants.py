"""Profiles under chance: no input breaks the engine, no walk leaves the rules, no vote rewrites."""

import copy
from dataclasses import replace

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from hansa.encoding import encode_value
from hansa.signing import verify
from ledger.contract import Refused, Signer
from ledger.contracts import CONTRACTS
from ledger.contracts.profile import Profiles, read_profile
from ledger.execution import Ledger
from ledger.machine import (
    decode_profile,
    load_profile,
    parties_of,
    sentences,
    transition,
)
from ledger.machine.bodies import check_field
from ledger.machine.simulate import GivenEncumbrance
from tests.unit.ledger.machine_scene import PLAIN
from tests.unit.ledger.profile_scene import NAMES, moments, ready, written
from tests.unit.ledger.scene import NAMES as MEMBERS
from tests.unit.ledger.scene import Scene

WORLD = {name: (ready(name), moments(name)) for name in NAMES}
PLAIN_VALUES = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=8)
VALUES = st.recursive(
    PLAIN_VALUES | st.floats() | st.binary(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["add", "mul", "days", "zh", "type"]), inner, max_size=2)
    ),
    max_leaves=6,
)


def places(value, path=()):
    """The path of every part of a profile."""
    parts = value.items() if isinstance(value, dict) else enumerate(value)
    for key, part in parts:
        yield (*path, key)
        if isinstance(part, dict | list):
            yield from places(part, (*path, key))


PLACES = {name: list(places(written(name))) for name in NAMES}


@given(data=st.data())
@settings(max_examples=400, deadline=None)
def test_a_profile_with_any_part_replaced_is_read_or_refused(data):
    name = data.draw(st.sampled_from(NAMES))
    profile = written(name)
    *folders, last = data.draw(st.sampled_from(PLACES[name]))
    place = profile
    for folder in folders:
        place = place[folder]
    place[last] = data.draw(VALUES)

    try:
        read = decode_profile(profile)
    except Refused as refused:
        assert refused.code in {"SCHEMA", "LIMIT"}  # noqa: PT017 - either outcome is right
        assert isinstance(refused.fields["field"], str)  # noqa: PT017
    else:
        assert load_profile(encode_value(profile)) == read
        assert all(sentences(read, "zh") + sentences(read, "en"))


@given(data=st.data())
@settings(max_examples=600, deadline=None)
def test_any_situation_gives_a_change_or_a_refusal(data):
    name = data.draw(st.sampled_from(NAMES))
    profile, found = WORLD[name]
    moment = data.draw(st.sampled_from(found))
    there = moment.situation
    body = dict(there.body)
    for field in data.draw(st.lists(st.sampled_from(sorted(profile.fields)), max_size=3)):
        body[field] = data.draw(PLAIN_VALUES | st.lists(st.integers() | st.text(), max_size=2))
    there = replace(
        there,
        body=body,
        quantity=data.draw(st.integers(0, 2**63 - 1)),
        time=data.draw(st.integers(0, 2**63 - 1)),
        signers=tuple(data.draw(st.permutations(there.signers))[: data.draw(st.integers(0, 3))]),
        state=data.draw(st.sampled_from(["", there.state, *profile.states])),
    )
    before = copy.deepcopy(body)

    try:
        change = transition(profile, moment.row.action, there)
    except Refused as refused:
        assert len(encode_value(refused.fields)) < 64 * 1024  # noqa: PT017 - either is right
    else:
        assert change.to in profile.states
        assert change == transition(profile, moment.row.action, there)
    assert body == before


class Walk(RuleBasedStateMachine):
    """A warehouse receipt in the hands of people who sign what they like."""

    def __init__(self):
        super().__init__()
        self.profile, found = WORLD["warehouse.receipt"]
        first = found[0].situation
        self.args = {(one.row.action): one.situation.args for one in found if one.situation.args}
        self.facts = msgspec.structs.replace(
            first.facts,
            docs=("storage_contract", "enforcement_basis", "public_notice", "court_order"),
            events=("storing", "shipping"),
        )
        self.body = dict(first.body)
        self.state, self.time = "", first.time
        self.controller = self.holder = "depositor"

    @rule(
        action=st.sampled_from(
            sorted({row.action for row in ready("warehouse.receipt").transitions})
        ),
        signing=st.lists(
            st.sampled_from(["depositor", "keeper", "bank", "buyer"]), min_size=1, unique=True
        ),
    )
    def act(self, action, signing):
        """Whatever is refused changes nothing; whatever is allowed keeps the promises."""
        situation = replace(
            WORLD["warehouse.receipt"][1][0].situation,
            body=self.body,
            state=self.state,
            parties=parties_of(self.profile, self.body, self.controller, self.holder),
            args=self.args.get(action, {}),
            signers=tuple(Signer(b"", "", one, f"{one}/app", ()) for one in signing),
            facts=self.facts,
            quantity=10,
        )
        secured = [one.to for one in self.facts.pledges]
        try:
            change = transition(self.profile, action, situation)
        except Refused:
            return
        moved = change.controller or change.holder or change.final
        assert not moved or all(one in signing for one in secured), (action, signing)
        assert change.actor in signing
        self.state = change.to
        self.controller = change.controller or self.controller
        self.holder = change.holder or self.holder
        self.body = {**self.body, **change.changes}
        pledges = self.facts.pledges
        for effect in change.effects:
            if type(effect).__name__ == "Encumber":
                pledges = (*pledges, GivenEncumbrance(effect.kind, effect.to, 1))
            if type(effect).__name__ == "Release":
                pledges = tuple(one for one in pledges if one.to != effect.to)
        self.facts = msgspec.structs.replace(self.facts, pledges=pledges)

    @invariant()
    def a_pledged_receipt_is_in_the_state_pledged(self):
        """State and encumbrance never part."""
        assert len(self.facts.pledges) == (1 if self.state == "pledged" else 0)

    @invariant()
    def the_body_fits_its_fields(self):
        """Nothing but the profile's fields, each of its type and within its bounds."""
        for name, value in self.body.items():
            check_field(self.profile.fields[name], value, name)


class Votes(RuleBasedStateMachine):
    """Four members who propose, approve, object and retire as they like."""

    def __init__(self):
        super().__init__()
        self.scene = Scene()
        self.scene.ledger = Ledger.open(
            self.scene.store, verify, {**CONTRACTS, "profile": Profiles()}
        )
        self.texts, self.states = {}, {}

    def shown(self, number):
        return read_profile(self.scene.ledger.get_state, f"test.thing@{number}")

    numbers, members = st.integers(1, 3), st.sampled_from(MEMBERS)

    @rule(number=numbers, member=members, label=st.sampled_from(["a", "b"]))
    def propose(self, number, member, label):
        """Whoever likes."""
        profile = {**PLAIN, "version": number, "labels": {"zh": label, "en": label}}
        self.scene.call("profile", "propose", {"profile": profile}, f"{member}/boss")

    @precondition(lambda self: any(self.shown(number) for number in (1, 2, 3)))
    @rule(number=numbers, member=members, method=st.sampled_from(["approve", "approve", "object"]))
    def vote(self, number, member, method):
        """With the version that is there."""
        shown = self.shown(number)
        version = shown["version"] if shown else 1
        args = {"id": f"test.thing@{number}", "version": version}
        if method == "object":
            args["reason"] = "no"
        self.scene.call("profile", method, args, f"{member}/boss")

    @rule(number=numbers, successor=numbers, member=members)
    def retire(self, number, successor, member):
        """In favour of another."""
        shown = self.shown(number)
        args = {
            "id": f"test.thing@{number}",
            "version": shown["version"] if shown else 1,
            "successor": f"test.thing@{successor}",
        }
        self.scene.call("profile", "retire", args, f"{member}/boss")

    @invariant()
    def a_published_text_stays_and_a_state_never_returns(self):
        """proposed, published, retired: in this order, and the text of the vote."""
        order = ("proposed", "published", "retired")
        for number in (1, 2, 3):
            shown = self.shown(number)
            if shown is None:
                continue
            before = self.states.get(number, "proposed")
            assert order.index(shown["state"]) >= order.index(before)
            self.states[number] = shown["state"]
            if shown["state"] != "proposed":
                assert self.texts.setdefault(number, shown["digest"]) == shown["digest"]
                assert decode_profile(shown["profile"]).version == number


TestWalk = Walk.TestCase
TestWalk.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestVotes = Votes.TestCase
TestVotes.settings = settings(max_examples=15, stateful_step_count=25, deadline=None)
