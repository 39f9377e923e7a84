"""`match` under any order of calls: nobody copies, nothing agreed changes, billed once."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from hansa.statement import Line, commitment, nonzero, sums
from ledger.contract import load
from ledger.contracts.match_records import (
    AGREED,
    OPEN,
    SETTLED,
    Book,
    Difference,
    Statement,
)
from tests.unit.ledger.match_scene import DEADLINES, SALTS, MatchScene, line, total
from tests.unit.ledger.scene import DAY

STATEMENTS = ("S", "T", "U")
PARTIES = ("carrier", "farm")
NAMES = st.sampled_from(STATEMENTS)
PARTY = st.sampled_from(PARTIES)
BOOKS = st.lists(
    st.sampled_from(("W1", "W2", "W3")), max_size=3, unique=True
).map(lambda keys: tuple(line(key, 100) for key in keys))  # fmt: skip
KEYS = st.sampled_from(("W1", "W2", "W3"))


class Books(RuleBasedStateMachine):
    """Three statements of the same two parties about the same three waybills."""

    @initialize()
    def start(self):
        self.scene = MatchScene()
        self.books = {}
        self.final = {}
        for number, name in enumerate(STATEMENTS):
            later = {stage: time + number * DAY for stage, time in DEADLINES.items()}
            more = {"arbiter": "retailer", "deadlines": later, "payee": "carrier"}
            self.scene.begin(name=name, profile=f"p{number}@1", **more)

    def call(self, method, name, args, *members):
        return self.scene.step(method, args, *members, name=name).code

    @rule(name=NAMES, ours=BOOKS, theirs=BOOKS, same=st.booleans())
    def show(self, name, ours, theirs, same):
        """Both parties commit and reveal: the honest way to where the books are compared."""
        for party, lines in zip(PARTIES, (ours, ours if same else theirs), strict=True):
            self.commit(name, party, lines)
        for party in PARTIES:
            self.reveal(name, party, party)

    @rule(name=NAMES)
    def compare_books(self, name):
        """Both parties give the honest result."""
        for party in PARTIES:
            self.result(name, party, honest=True)

    @rule(name=NAMES, drop=st.booleans())
    def resolve(self, name, drop):
        """The parties settle every line that only one has, and agree."""
        books = [self.books.get((name, party), ()) for party in PARTIES]
        keys = [{one["key"] for one in book} for book in books]
        for key in sorted(keys[0] ^ keys[1]):
            self.differ(name, "carrier", key)
            self.adjust(name, key, 0 if drop else 70, PARTIES)
        for party in PARTIES:
            self.agree(name, party)

    @rule(name=NAMES, party=PARTY, lines=BOOKS)
    def commit(self, name, party, lines):
        made = [Line(**one) for one in lines]
        root = commitment("test-chain", name, party, SALTS[party], made, total(lines))
        if self.call("commit", name, {"count": len(lines), "root": root}, party) == "OK":
            self.books[name, party] = lines

    @rule(name=NAMES, party=PARTY, other=PARTY)
    def reveal(self, name, party, other):
        """A party opens its own commitment, or tries the other's lines."""
        lines = self.books.get((name, other), ())
        args = {"lines": list(lines), "salt": SALTS[other], "totals": total(lines)}
        code = self.call("reveal", name, args, party)
        if party != other and lines != self.books.get((name, party), ()):
            assert code != "OK"

    @rule(name=NAMES, party=PARTY, honest=st.booleans())
    def result(self, name, party, honest):
        counts, payable = self.compare(name)
        digest = b"r" * 32 if honest else party.encode().ljust(32, b".")
        self.call("result", name, {"counts": counts, "digest": digest, "payable": payable}, party)

    @rule(name=NAMES, party=PARTY, key=KEYS)
    def differ(self, name, party, key):
        args = {"code": "QTY_DIFF", "line_key": key, "mine": {"CNY.fen": 100}}
        self.call("differ", name, args, party)

    @rule(name=NAMES, key=KEYS, fen=st.integers(0, 100), members=st.sampled_from(
        (("carrier",), ("farm",), ("retailer",), PARTIES)
    ))  # fmt: skip
    def adjust(self, name, key, fen, members):
        args = {"drop": fen == 0, "line_key": key, "value": {"CNY.fen": fen}}
        self.call("adjust", name, args, *members)

    @rule(name=NAMES, party=PARTY, key=KEYS)
    def dispute(self, name, party, key):
        self.call("dispute", name, {"line_key": key, "to": "retailer"}, party)

    @rule(name=NAMES, party=PARTY)
    def agree(self, name, party):
        self.call("agree", name, {}, party)

    @rule(name=NAMES, fen=st.sampled_from((0, 100, 200, 300)))
    def settle(self, name, fen):
        before = self.scene.record(name)
        args = {"amounts": {"CNY.fen": fen}, "payment_ref": name}
        if self.call("settle", name, args, "carrier") == "OK":
            assert (before.state, before.amounts) == (AGREED, nonzero({"CNY.fen": fen}))

    @rule(stage=st.sampled_from(sorted(DEADLINES)), days=st.integers(0, 2))
    def wait(self, stage, days):
        time = DEADLINES[stage] + days * DAY
        if time > self.scene.ledger.head.time:
            self.scene.block(time=time)

    def compare(self, name):
        """What an honest party finds: lines that both have match, others are of one side."""
        a, b = (
            {one["key"]: one["amounts"]["CNY.fen"] for one in self.books.get((name, party), ())}
            for party in PARTIES
        )
        both = [key for key in a if key in b]
        only = len(a) + len(b) - 2 * len(both)
        return {"MATCH": len(both), "ONLY_A": only}, {"CNY.fen": sum(a[key] for key in both)}

    @invariant()
    def nobody_shows_lines_before_all_have_committed(self):
        for name in STATEMENTS:
            record = self.scene.record(name)
            if record.state == OPEN or len(record.commits) < len(PARTIES):
                assert self.scene.keys(f"match/lines/{name}/") == []

    @invariant()
    def revealed_lines_add_up_to_the_stated_totals(self):
        for name in STATEMENTS:
            for party, revealed in self.scene.record(name).reveals.items():
                stored = self.scene.ledger.get_state(f"match/lines/{name}/{party}".encode())
                lines = load(stored, Book).lines
                assert sums([one.amounts for one in lines]) == nonzero(revealed.totals)

    @invariant()
    def an_agreed_statement_never_changes_but_for_its_settlement(self):
        for name in STATEMENTS:
            record = self.scene.record(name)
            told = (record.amounts, record.results, record.reveals, record.agreed, record.dropped)
            if record.state in {AGREED, SETTLED}:
                assert self.final.setdefault(name, told) == told
            else:
                assert name not in self.final

    @invariant()
    def a_source_line_is_in_one_agreed_statement_only(self):
        claimed = []
        for name in STATEMENTS:
            record = self.scene.record(name)
            if record.state not in {AGREED, SETTLED}:
                continue
            kept = {
                f"match/billed/{one['issuer']}/{one['document']}/{one['line']}"
                for party in PARTIES
                for one in self.books[name, party]
                if one["key"] not in record.dropped
            }
            claimed.extend(kept)
        assert sorted(claimed) == self.scene.keys("match/billed/")

    @invariant()
    def counters_are_those_of_the_differences(self):
        for name in STATEMENTS:
            record: Statement = self.scene.record(name)
            prefix = f"match/difference/{name}/".encode()
            found = [load(v, Difference) for _, v in self.scene.ledger.scan_state(prefix)]
            states = [one.state for one in found]
            assert record.settled == states.count("adjusted")
            assert record.disputed == states.count("disputed")
            assert record.named == len(states) - record.settled
            assert record.adjusted == sums([one.value for one in found])


TestBooks = Books.TestCase
TestBooks.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
