"""`cred` against a model: the revoked stay revoked, and the past of an issuer never changes."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from hansa.vc.bits import TILE_ENTRIES
from hansa.vc.chain import Accreditation, StatusList, Tile, in_force, read_state, status_in
from tests.unit.ledger.cred_scene import CredScene

LISTS = {"r": 1, "s": 1, "m": 3}
"""Lists by name, and the largest value that each takes."""
INDEXES = (0, 7, TILE_ENTRIES)
USED = (0, 7)
"""Indexes that have a credential from the beginning."""
names = st.sampled_from(sorted(LISTS))
indexes = st.sampled_from(INDEXES)


class CredMachine(RuleBasedStateMachine):
    """Random calls, good and bad, beside what they should leave."""

    def __init__(self):
        super().__init__()
        self.scene = CredScene()
        self.scene.open_list("r")
        self.scene.open_list("s", "suspension")
        self.scene.open_list("m", "message", bits=2, messages=["a", "b", "c", "d"])
        self.values, self.versions = {}, dict.fromkeys(LISTS, 1)
        self.answers, self.digests = {}, 0
        self.scene.accredit()
        self.accredited, self.until, self.end = True, 0, 0
        for name in LISTS:
            for index in USED:
                self.log(name, index)

    def allowed(self):
        """Whether `farm` is accredited in the next block, as the model has it."""
        head = self.scene.ledger.head
        over = self.end and head.height + 1 >= self.end
        lapsed = self.until and head.time + 1000 >= self.until
        return self.accredited and not over and not lapsed

    @rule(lasting=st.sampled_from([0, 6_000, 60_000]))
    def accredit(self, lasting):
        until = self.scene.ledger.head.time + lasting if lasting else 0
        self.scene.accredit(until=until)
        self.accredited, self.until, self.end = True, until, 0

    @precondition(lambda self: self.accredited and not self.until and not self.end)
    @rule(ahead=st.integers(-3, 8))
    def disaccredit(self, ahead):
        from_height = max(self.scene.ledger.head.height + ahead, 0)
        args = {"from_height": from_height, "issuer": "farm", "type": "Licence"}
        assert self.scene.decide("disaccredit", args)["state"] == "passed"
        self.end = max(from_height, self.scene.ledger.head.height + 1)

    @rule(name=names, index=indexes)
    def issue(self, name, index):
        self.log(name, index)

    def log(self, name, index):
        """Ask for an index; a fresh one is given while `farm` is accredited."""
        self.digests += 1
        args = {"digest": self.digests.to_bytes(32, "big"), "index": index, "status_list": name}
        allowed, fresh = self.allowed(), (name, index) not in self.values
        code = self.scene.call("cred", "log", args | {"type": "Licence"}).code

        assert code == ("AUTH" if not allowed else "OK" if fresh else "DUPLICATE")
        if code == "OK":
            self.values[name, index] = 0

    @rule(name=names, changes=st.dictionaries(indexes, st.integers(0, 3), min_size=1, max_size=3))
    def change(self, name, changes):
        self.status(name, changes)

    def status(self, name, changes):
        """Ask for new values; they are taken together or not at all."""
        listed = [{"index": index, "value": value} for index, value in changes.items()]
        args = {"changes": listed, "list_id": name, "reason_code": "other"}
        code = self.scene.call("cred", "status", args | {"version": self.versions[name]}).code

        good = all(self.may_become(name, index, value) for index, value in changes.items())
        assert (code == "OK") == good
        if good:
            self.values.update({(name, index): value for index, value in changes.items()})
            self.versions[name] += 1

    def may_become(self, name, index, value):
        """Whether an entry may take a value: used, in range, new, and never back from 1 in `r`."""
        have = self.values.get((name, index))
        if have is None or have == value or value > LISTS[name]:
            return False
        return name != "r" or value == 1

    @rule(index=st.sampled_from(USED))
    def revoke(self, index):
        self.status("r", {index: 1})

    @precondition(lambda self: self.revoked())
    @rule(data=st.data())
    def take_back(self, data):
        index = data.draw(st.sampled_from(self.revoked()))
        args = {"changes": [{"index": index, "value": 0}], "list_id": "r", "reason_code": "error"}
        code = self.scene.call("cred", "status", args | {"version": self.versions["r"]}).code

        assert code == "RULE"

    def revoked(self):
        """Indexes of the revocation list that say so."""
        return [index for index in INDEXES if self.values.get(("r", index))]

    @rule()
    def stale_change(self):
        args = {"changes": [{"index": 0, "value": 1}], "list_id": "r", "reason_code": "other"}
        code = self.scene.call("cred", "status", args | {"version": self.versions["r"] + 1}).code

        assert code == "STALE"

    @invariant()
    def every_entry_says_what_was_said_last(self):
        for name in LISTS:
            listed = read_state(
                StatusList, self.scene.ledger.get_state(f"cred/list/{name}".encode())
            )
            for index in INDEXES:
                stored = self.scene.ledger.get_state(
                    f"cred/tile/{name}/{index // TILE_ENTRIES:04x}".encode()
                )
                tile = None if stored is None else read_state(Tile, stored)
                assert status_in(tile, listed, index) == self.values.get((name, index), 0)
            assert listed.version == self.versions[name]

    @invariant()
    def what_was_answered_about_an_issuer_at_a_height_is_answered_for_ever(self):
        head = self.scene.ledger.head
        stored = self.scene.ledger.get_state(b"cred/issuer/Licence/farm")
        terms = () if stored is None else read_state(Accreditation, stored).terms
        self.answers.setdefault((head.height, head.time), in_force(terms, head.height, head.time))
        again = {block: in_force(terms, *block) for block in self.answers}

        assert again == self.answers

    @invariant()
    def the_history_follows_the_model(self):
        head = self.scene.ledger.head
        stored = self.scene.ledger.get_state(b"cred/issuer/Licence/farm")
        terms = () if stored is None else read_state(Accreditation, stored).terms

        assert in_force(terms, head.height + 1, head.time + 1000) == self.allowed()


CredMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)
TestCred = CredMachine.TestCase
