"""`grant` under any order of calls: the protocol's paths only, consent that ends stays ended."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from hansa.keys import key_id
from ledger.contract import load
from ledger.contracts.grant_records import Agreement, ConsentRecord, Delivery, Live, UseRecord
from ledger.contracts.grant_rules import NEGOTIATION, TERMINATION, TRANSFER, live_key
from tests.unit.ledger.grant_scene import OFFER, SUBJECT, TERMS, GrantScene, taken_back, word, wrap
from tests.unit.ledger.scene import DAY, key

NAMES = ("A", "B")
CONSENTS = ("C1", "C2", "C3")
MEMBERS = st.sampled_from(("farm", "roastery", "carrier", "retailer"))
NAME, CONSENT = st.sampled_from(NAMES), st.sampled_from(CONSENTS)
STEPS = st.sampled_from(("accept", "verify", "finalize"))
PARTIES = {"consumer": "farm", "provider": "roastery"}
FARM_KEYS = {key_id(key(name).public) for name in ("farm", "farm/app", "farm/boss")}
PATHS = {(state, after) for (state, _), (_, after) in NEGOTIATION.items()} | {
    (state, "TERMINATED") for state in TERMINATION
}


class Dealings(RuleBasedStateMachine):
    """Two agreements of farm and roastery that rest on the consents of one person."""

    @initialize()
    def start(self):
        self.scene = GrantScene(answer_ms=2 * DAY)
        self.seen = {}
        self.dead = set()
        self.give("C1", 6)
        self.request("A", "C1", first=False)
        self.request("B", "C1", first=True)

    def read(self, key, kind):
        stored = self.scene.ledger.get_state(f"grant/{key}".encode())
        return None if stored is None else load(stored, kind)

    def agreement(self, name):
        return self.read(f"agreement/{name}", Agreement)

    def call(self, method, name, args, member):
        """One call on the version that stands: its code."""
        record = self.agreement(name)
        version = {} if record is None else {"version": record.version}
        full = {"id": name} | version | args
        return self.scene.call("grant", method, full, member + "/app").code

    @rule(name=NAME, consent=CONSENT, first=st.booleans())
    def request(self, name, consent, first):
        args = self.scene.asking(
            id=name,
            consent=consent,
            legal_basis="consent",
            until=self.scene.ledger.head.time + 9 * DAY,
        )
        if first:
            self.call("request", name, args | {"consumer": "farm"}, "roastery")
        else:
            self.call("request", name, args, "farm")

    @rule(name=NAME, member=MEMBERS, what=st.sampled_from(("offer", "agree", "refuse")))
    def decide(self, name, member, what):
        record = self.agreement(name)
        terms = TERMS if record is None or what == "offer" else record.terms
        args = {"decision": what, "reason": "no", "terms_digest": terms}
        if self.call("decide", name, args, member) == "OK":
            assert member == "roastery" or (member == "carrier" and record.escalated)

    @rule(name=NAME, member=MEMBERS, step=STEPS)
    def step(self, name, member, step):
        if self.call(step, name, {}, member) == "OK":
            assert member in {"farm", "roastery", "carrier"}

    @rule(name=NAME)
    def conclude(self, name):
        """The honest way from wherever they stand to data that are handed over."""
        terms = OFFER if self.agreement(name) is None else self.agreement(name).terms
        self.call("accept", name, {}, "farm")
        self.call("decide", name, {"decision": "agree", "terms_digest": terms}, "roastery")
        self.call("verify", name, {}, "farm")
        self.call("finalize", name, {}, "roastery")
        self.call("transfer", name, {"to": "REQUESTED"}, "farm")
        self.deliver(name, "roastery", "farm/app")

    @rule(name=NAME, same=st.booleans())
    def tell(self, name, same):
        """Both sides tell of their use."""
        self.used(name, "farm", 1)
        self.used(name, "roastery", 1 if same else 2)

    @rule(name=NAME, member=MEMBERS)
    def terminate(self, name, member):
        self.call("terminate", name, {"reason": "over"}, member)

    @rule(name=NAME, member=MEMBERS, to=st.sampled_from(sorted({to for _, to in TRANSFER})))
    def transfer(self, name, member, to):
        self.call("transfer", name, {"to": to}, member)

    @rule(name=NAME, member=MEMBERS, to=st.sampled_from(("farm/app", "farm/boss", "carrier/app")))
    def deliver(self, name, member, to):
        before = self.agreement(name)
        args = {
            "digest": b"d" * 32,
            "seq": before.seq + 1 if before else 1,
            "where_commit": b"w" * 32,
            "wraps": [wrap(to)],
        }
        if self.call("deliver", name, args, member) == "OK":
            consent = self.read(f"consent/{before.consent}", ConsentRecord)
            assert member == "roastery"
            assert before.state == "FINALIZED"
            assert consent.state == "live"
            assert self.scene.ledger.head.time < before.until

    @rule(name=NAME, member=MEMBERS, n=st.integers(1, 2))
    def used(self, name, member, n):
        record = self.agreement(name)
        since = record.finalized_at if record else 0
        window = {"end": since + 1000, "start": since}
        known = self.read(f"use/{name}/{since}-{since + 1000}", UseRecord)
        args = {
            "at_window": window,
            "id": name,
            "n": n,
            "receipt_digest": b"u" * 32,
            "version": known.version if known else None,
        }
        self.scene.call("grant", "used", args, member + "/app")

    @rule(consent=CONSENT, days=st.integers(1, 6))
    def give(self, consent, days):
        until = self.scene.ledger.head.time + days * DAY
        self.scene.call("grant", "consent", word(consent, until=until), "retailer/app")

    @rule(consent=CONSENT)
    def take_back(self, consent):
        record = self.read(f"consent/{consent}", ConsentRecord)
        version = record.version if record else 1
        self.scene.call("grant", "withdraw", taken_back(consent, version), "retailer/app")

    @rule(days=st.integers(0, 2))
    def wait(self, days):
        self.scene.block(time=self.scene.ledger.head.time + 1000 + days * DAY)

    @invariant()
    def an_agreement_keeps_its_parties_and_walks_the_protocols_paths(self):
        for name in NAMES:
            record = self.agreement(name)
            if record is None:
                continue
            assert (record.consumer, record.provider) == ("farm", "roastery")
            before = self.seen.get(name, record)
            assert record.transfer == before.transfer or record.state == "FINALIZED"
            assert self.reached(before.state, record.state)
            self.seen[name] = record

    def reached(self, start, end):
        """Whether the table leads from one state to another, in any number of steps."""
        known = {start}
        for _ in PATHS:
            known |= {after for state, after in PATHS if state in known}
        return end in known

    @invariant()
    def the_key_of_a_live_consent_is_there_exactly_while_it_is_live(self):
        now = self.scene.ledger.head.time
        live = [
            one
            for one in (self.read(f"consent/{name}", ConsentRecord) for name in CONSENTS)
            if one is not None and one.state == "live"
        ]
        stored = self.read(live_key(SUBJECT, "audit", "farm"), Live)
        assert [one.id for one in live] == ([] if stored is None else [stored.consent])
        assert all(now < one.until for one in live)

    @invariant()
    def what_has_ended_never_comes_back(self):
        for name in CONSENTS:
            record = self.read(f"consent/{name}", ConsentRecord)
            if record is not None and record.state != "live":
                self.dead.add(name)
            assert name not in self.dead or record.state != "live"

    @invariant()
    def content_keys_are_wrapped_to_the_assignee_alone(self):
        found = self.scene.ledger.scan_state(b"grant/delivery/")
        wraps = [one.to_key_id for _, stored in found for one in load(stored, Delivery).wraps]
        assert set(wraps) <= FARM_KEYS

    @invariant()
    def a_mismatch_shows_exactly_when_both_sides_differ(self):
        for _, stored in self.scene.ledger.scan_state(b"grant/use/"):
            record = load(stored, UseRecord)
            assert set(record.sides) <= set(PARTIES)
            assert record.mismatch == (len({one.n for one in record.sides.values()}) > 1)

    @invariant()
    def a_provider_is_awaited_or_escalated_exactly_in_its_turn(self):
        for name in NAMES:
            record = self.agreement(name)
            if record is not None:
                turn = record.state in {"REQUESTED", "ACCEPTED", "VERIFIED"}
                assert bool(record.answer_by) == turn
                assert turn or not record.escalated


TestDealings = Dealings.TestCase
TestDealings.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
