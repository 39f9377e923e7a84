"""A chain with `asset`: a warehouse's receipts, simple tokens, and short ways to move them."""

from hansa.encoding import encode_value
from hansa.hashing import sha256
from hansa.signing import verify
from hansa.vc.chain import Term, issuer_key
from ledger.contract import load, store
from ledger.contracts import CONTRACTS
from ledger.contracts.asset import Asset
from ledger.contracts.asset_records import Account, AssetRecord, Held, content_digest
from ledger.contracts.cred_records import AccreditationRecord
from ledger.contracts.profile import PUBLISHED, ProfileRecord
from ledger.execution import Ledger
from tests.unit.ledger.scene import DAY, START, Scene, genesis

NAMES = ("bank", "court", "keeper", "owner", "trader")
HOUR = 3600 * 1000


def label(text):
    return {"zh": text, "en": text}


def field(kind, **more):
    return {"type": kind, "labels": label(kind)} | more


def row(action, before, to, by, **more):
    return {"action": action, "from": before, "to": to, "by": by, "labels": label(action)} | more


def profile(name, transitions, **more):
    """A profile with the states that its transitions name; the last state is its end."""
    states = [one["to"] for one in transitions]
    return {
        "name": name,
        "version": 1,
        "labels": label(name),
        "fields": {},
        "machine": {
            "states": {state: label(state) for state in states},
            "final": [states[-1]],
            "transitions": transitions,
        },
    } | more


RECEIPT = profile(
    "test.receipt",
    [
        row("issue", [], "issued", ["keeper"]),
        row("offer", ["issued"], "issued", ["holder"], cosign=["keeper"]),
        row("split", ["issued", "pledged"], "issued", ["holder"], cosign=["keeper"]),
        row(
            "pledge", ["issued"], "pledged", ["holder"], cosign=["keeper", "pledgee"],
            args={"pledgee": field("member")}, effect=[["encumber", "pledge", "$args.pledgee"]],
        ),
        row("release", ["pledged"], "issued", ["secured"], effect=[["notify", "controller"]]),
        row(
            "count_stock", ["issued", "pledged"], "issued", ["keeper"],
            args={"found": field("int")},
            effect=[["set", "found", "$args.found"], ["notify", "secured"]],
        ),
        row(
            "remind", ["issued"], "issued", ["clock"],
            effect=[["notify", "holder"], ["inc", "reminders", 1]],
        ),
        row("store", ["issued"], "issued", ["keeper"], effect=[["open_timer", "term"]]),
        row("fetch", ["issued"], "issued", ["keeper"], effect=[["close_timer", "term"]]),
        row(
            "inspect", ["issued"], "issued", ["keeper"], need=["doc:inspection", "event:storing"],
        ),
        row(
            "free", ["pledged"], "issued", ["keeper"],
            effect=[["release", "pledge", "$args.from"]], args={"from": field("member")},
        ),
        row(
            "bill", ["issued"], "issued", ["keeper"],
            effect=[["emit_match_line", "storage", "$party.keeper", "$party.holder", 100, "CNY"]],
        ),
        row("hand_over", ["issued", "pledged"], "issued", ["keeper"],
            args={"to": field("member")}, effect=[["set", "controller", "$args.to"]]),
        row("deliver", ["issued", "pledged"], "delivered", ["holder"], cosign=["keeper"]),
    ],
    fields={
        "keeper": field("member"),
        "lot": field("text"),
        "number": field("text"),
        "found": field("int", computed=True, start=0),
        "reminders": field("int", computed=True, start=0),
        "stock": field("record", optional=True),
        "terms": field("text", optional=True),
    },
    roles={
        "keeper": {"kind": "party", "labels": label("keeper")},
        "pledgee": {"kind": "named", "of": "pledgee", "labels": label("pledgee")},
        "secured": {"kind": "secured", "of": "pledge", "labels": label("secured")},
    },
    quantity={"unit": "KGM", "divisible": True, "least": 10},
    unique={"lot": {"field": "lot", "reusable": True}, "number": {"field": "number"}},
    encumbrances={"hold": 1, "pledge": 1},
    sums={"on_lot": {"by": "lot", "of": "$quantity", "labels": label("on lot")}},
    timers={"term": {"at": {"add": ["$time", {"days": 1}]}, "action": "remind",
                     "labels": label("term")}},
)  # fmt: skip
TOKEN = profile(
    "test.token",
    [
        row("issue", [], "live", ["anyone"]),
        row("offer", ["live"], "live", ["controller", "holder"]),
        row("close", ["live"], "closed", ["controller"]),
    ],
    fields={"codes": field("texts", optional=True)},
    quantity={"unit": "PCE", "divisible": True, "least": 1},
    unique={"codes": {"field": "codes"}},
    encumbrances={"hold": 1, "lien": 2, "pledge": 2},
)
FIXED = profile(
    "test.fixed",
    [row("make", [], "made", ["anyone"]), row("end", ["made"], "over", ["controller"])],
)
"""One piece that nobody can offer."""


class AssetScene(Scene):
    """Five members; the court is accredited; every step takes the version that stands."""

    def __init__(self, *profiles):
        super().__init__(genesis(NAMES))
        self.store.write(
            {
                b"s" + key.encode(): value
                for key, value in (
                    *map(_published, profiles or (RECEIPT, TOKEN, FIXED)),
                    accredited("court", "court"),
                )
            },
            sync=True,
        )
        contracts = {**CONTRACTS, "asset": Asset()}
        self.ledger = Ledger.open(self.store, verify, contracts)

    def receipt(self, name="R", quantity=100, lot="L1", number=None, controller="owner", **more):
        """Issue a receipt of the keeper's."""
        args = {
            "id": name,
            "profile": "test.receipt@1",
            "body": {"keeper": "keeper", "lot": lot, "number": number or name},
            "controller": controller,
            "quantity": quantity,
            "unit": "KGM",
        }
        return self.done("issue", args | more, "keeper")

    def token(self, name="T", quantity=10, by="owner", **more):
        """Issue a token."""
        args = {"id": name, "profile": "test.token@1", "quantity": quantity, "unit": "PCE"}
        return self.done("issue", args | more, by)

    def done(self, method, args, *members, time=None):
        """One call that is carried out: its result."""
        signers = [member + "/app" for member in members]
        return self.ok("asset", method, args, *signers, time=time)

    def step(self, method, name, args, *members, time=None):
        """One call on the version that stands: its result."""
        full = {"id": name, "version": self.record(name).version} | args
        return self.done(method, full, *members, time=time)

    def refused(self, method, name, args, *members, time=None):
        """One call on the version that stands, which is refused: code and fields."""
        record = self.record(name)
        full = {"id": name, "version": record.version if record else 1} | args
        receipt = self.call("asset", method, full, *(one + "/app" for one in members), time=time)
        assert receipt.code != "OK", method
        return receipt.code, receipt.error_fields()

    def code(self, method, name, args, *members, time=None):
        """The code with which that is refused."""
        return self.refused(method, name, args, *members, time=time)[0]

    def offer(self, name, to, *members, **more):
        """Make an offer that is open for a day: its number."""
        args = {"to": to, "expires": self.now + DAY} | more
        return self.step("offer", name, args, *members)["offer"]

    def pledge(self, name="R", to="bank", by="owner", enc_id="p1", **more):
        """Pledge a receipt with everyone's signature."""
        args = {"enc_id": enc_id, "kind": "pledge", "to": to, "args": {"pledgee": to}} | more
        return self.step("encumber", name, args, by, "keeper", to)

    @property
    def now(self):
        """The time of the next block that no test sets."""
        return self.ledger.head.time + 1000

    def value(self, key):
        """The bytes under a key of `asset`, or None."""
        return self.ledger.get_state(b"asset/" + key.encode())

    def record(self, name):
        """A record as it stands, or None."""
        stored = self.value("record/" + name)
        return None if stored is None else load(stored, AssetRecord)

    def held(self, name):
        """What lies on a record: its kinds and whom they secure."""
        stored = self.value("held/" + name)
        claims = () if stored is None else load(stored, Held).claims
        return [(claim.kind, claim.to) for claim in claims]

    def account(self, root):
        """The books of a root: issued and ended."""
        stored = self.value("root/" + root)
        account = None if stored is None else load(stored, Account)
        return None if account is None else (account.issued, account.ended)

    def keys(self, prefix=""):
        """Keys of `asset` in order."""
        found = self.ledger.scan_state(b"asset/" + prefix.encode())
        return [key.decode().removeprefix("asset/") for key, _ in found]

    def due(self):
        """How many entries wait in the due-queue."""
        return len(list(self.ledger.scan_state(b"due/")))

    def content(self, name):
        """The digest that both media must have."""
        return content_digest(self.record(name))


def accredited(member, kind):
    """The state of an accreditation from the first height on."""
    record = AccreditationRecord(
        id=f"{kind}/{member}", version=1, controller=member, history=((0, 0),),
        terms=(Term(evidence=b"", from_height=0, until=0),),
    )  # fmt: skip
    return "cred/" + issuer_key(kind, member), store(record)


def _published(value):
    text = encode_value(value)
    name = f"{value['name']}@{value['version']}"
    record = ProfileRecord(
        id=name, version=1, controller="keeper", history=((0, 0),), digest=sha256(text),
        state=PUBLISHED, text=text, published_at=1,
    )  # fmt: skip
    return "profile/record/" + name, store(record)


__all__ = ["DAY", "HOUR", "START", "AssetScene", "field", "label", "profile", "row"]
