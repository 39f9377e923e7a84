"""A chain with `match`, and short ways to take a statement from one state to the next."""

from hansa.signing import verify
from hansa.statement import Line, commitment
from ledger.contract import load
from ledger.contracts import CONTRACTS
from ledger.contracts.match import Match
from ledger.contracts.match_records import Statement
from ledger.execution import Ledger
from tests.unit.ledger.scene import START, Scene

HOUR = 3600 * 1000
SALTS = {"farm": b"f" * 32, "carrier": b"c" * 32, "retailer": b"r" * 32, "roastery": b"o" * 32}
DEADLINES = {"commit": START + HOUR, "reveal": START + 2 * HOUR, "result": START + 3 * HOUR}
PERIOD = {"start": START - 30 * 24 * HOUR, "end": START}


def line(key, fen, issuer="carrier", document=None, number="1", **more):
    """A line of a book: by default its key is also the waybill's number."""
    return {
        "amounts": {"CNY.fen": fen},
        "document": document or key,
        "issuer": issuer,
        "key": key,
        "line": number,
    } | more


TWO = (line("W1", 1000), line("W2", 500))


def total(lines):
    """What unsealed lines add up to."""
    return {"CNY.fen": sum(one["amounts"]["CNY.fen"] for one in lines)}


class MatchScene(Scene):
    """A ledger with `match`; every step takes the version that stands."""

    def __init__(self):
        super().__init__()
        self.ledger = Ledger.open(self.store, verify, {**CONTRACTS, "match": Match()})

    def record(self, name="S"):
        """The statement as it stands."""
        return load(self.ledger.get_state(f"match/record/{name}".encode()), Statement)

    def step(self, method, args, *members, name="S", time=None):
        """One call on the version that stands: its receipt."""
        signers = [member + "/app" for member in members]
        full = {"id": name, "version": self.record(name).version} | args
        return self.call("match", method, full, *signers, time=time)

    def done(self, method, args, *members, name="S", time=None):
        """One call that is carried out: the state after it."""
        receipt = self.step(method, args, *members, name=name, time=time)
        assert receipt.code == "OK", (receipt.code, receipt.error_fields())
        return receipt.calls[0].value()["state"]

    def refused(self, method, args, *members, name="S", time=None):
        """One call that is refused: code and fields."""
        receipt = self.step(method, args, *members, name=name, time=time)
        assert receipt.code != "OK"
        return receipt.code, receipt.error_fields()

    def begin(self, *members, name="S", **more):
        """Open a statement, by default of carrier and farm."""
        args = {
            "deadlines": DEADLINES,
            "id": name,
            "parties": list(members or ("carrier", "farm")),
            "period": PERIOD,
            "profile": "recon.threeway@1",
        }
        return self.ok("match", "open", args | more, f"{args['parties'][0]}/app")

    def commit_to(  # noqa: PLR0913 - what a commitment binds
        self, member, lines=TWO, totals=None, *, name="S", sealed=False, told=None
    ):
        """Commit one party to lines, perhaps telling totals: what reveals them later."""
        totals = total(lines) if totals is None else totals
        root = commitment(
            "test-chain",
            name,
            member,
            SALTS[member],
            [Line(**one) for one in lines],
            totals,
            sealed=sealed,
        )
        args = {"count": len(lines), "root": root, "totals": told}
        self.done("commit", args, member, name=name)
        return {
            "lines": list(lines), "salt": SALTS[member], "sealed": sealed, "totals": totals,
        }  # fmt: skip

    def shown(self, ours=TWO, theirs=TWO, *, name="S", **more):
        """A statement whose two books are revealed: those of the carrier and of the farm."""
        self.begin(name=name, **more)
        mine = self.commit_to("carrier", ours, name=name)
        other = self.commit_to("farm", theirs, name=name)
        self.done("reveal", mine, "carrier", name=name)
        return self.done("reveal", other, "farm", name=name)

    def found(self, counts=None, payable=1500, digest=b"r" * 32):
        """Arguments of a result."""
        return {
            "counts": counts or {"MATCH": 2}, "digest": digest, "payable": {"CNY.fen": payable},
        }  # fmt: skip

    def both_find(self, args, *, name="S"):
        """The same result of both parties: the state after it."""
        self.done("result", args, "carrier", name=name)
        return self.done("result", args, "farm", name=name)

    def keys(self, prefix="match/"):
        """The state keys that begin so."""
        return [key.decode() for key, _ in self.ledger.scan_state(prefix.encode())]
