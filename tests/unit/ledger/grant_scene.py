"""A chain with `grant`: the roastery owns a dataset, the farm asks, the carrier is authority."""

from hansa.consent import consent_digest, subject_of, withdrawal_digest
from hansa.keys import key_id
from hansa.signing import verify
from ledger.contract import load
from ledger.contracts import CONTRACTS
from ledger.contracts.grant import Grant
from ledger.contracts.grant_records import (
    Agreement,
    ConsentRecord,
    CorrectionRecord,
)
from ledger.execution import Ledger
from tests.unit.ledger.scene import DAY, START, Scene, key

OFFER, TERMS, OTHER = b"o" * 32, b"t" * 32, b"x" * 32
PERSON = key("a person's key for one purpose")
SUBJECT = subject_of(PERSON.public)
SCOPE = b"s" * 32
STEPS = (
    ("decide", {"decision": "offer", "terms_digest": TERMS}, "roastery"),
    ("accept", {}, "farm"),
    ("decide", {"decision": "agree", "terms_digest": TERMS}, "roastery"),
    ("verify", {}, "farm"),
    ("finalize", {}, "roastery"),
)
"""The long way from a request to an agreement in force."""
STATES = ("REQUESTED", "OFFERED", "ACCEPTED", "AGREED", "VERIFIED", "FINALIZED")


def wrap(name="farm/app", **more):
    """A content key wrapped to somebody's key."""
    return {"alg": "sealed-box", "ek": b"k" * 80, "to_key_id": key_id(key(name).public)} | more


def delivery(seq=1, *wraps, **more):
    """Arguments of `deliver`."""
    return {
        "digest": b"d" * 32,
        "seq": seq,
        "where_commit": b"w" * 32,
        "wraps": list(wraps) or [wrap()],
    } | more


def word(name="C", until=START + 30 * DAY, signer=PERSON, **changes):
    """Arguments of `consent`, signed by a person."""
    fields = {
        "controller": "farm", "id": name, "purpose": "audit", "scope_digest": SCOPE,
        "subject": SUBJECT, "until": until,
    } | changes  # fmt: skip
    message = consent_digest(
        "test-chain",
        fields["id"],
        fields["subject"],
        fields["controller"],
        fields["purpose"],
        fields["scope_digest"],
        fields["until"],
    )
    return fields | {"key": signer.public, "signature": signer.sign(message)}


def taken_back(name="C", version=1, signer=PERSON):
    """Arguments of `withdraw`, signed by a person."""
    signature = signer.sign(withdrawal_digest("test-chain", name))
    return {"id": name, "key": signer.public, "signature": signature, "version": version}


class GrantScene(Scene):
    """A ledger with `grant`; steps of the agreement ``A`` take the version that stands."""

    def __init__(self, **dataset):
        super().__init__()
        self.ledger = Ledger.open(self.store, verify, {**CONTRACTS, "grant": Grant()})
        args = {
            "authority": "carrier",
            "class": "conditional",
            "descriptor_digest": b"d" * 32,
            "id": "D",
        } | dataset
        self.ok("grant", "publish", args, "roastery/app")

    def agreement(self):
        """The agreement as it stands."""
        return load(self.ledger.get_state(b"grant/agreement/A"), Agreement)

    def consent_record(self, name="C"):
        """A consent as it stands."""
        return load(self.ledger.get_state(f"grant/consent/{name}".encode()), ConsentRecord)

    def correction_record(self, name="K"):
        """A correction as it stands."""
        return load(self.ledger.get_state(f"grant/correction/{name}".encode()), CorrectionRecord)

    def asking(self, **changes):
        """Arguments of `request`."""
        return {
            "dataset": "D",
            "id": "A",
            "legal_basis": "law",
            "offer": OFFER,
            "purpose": "audit",
            "until": START + 60 * DAY,
        } | changes

    def ask(self, *, by="farm", **changes):
        """Request the dataset: the receipt."""
        return self.call("grant", "request", self.asking(**changes), by + "/app")

    def step(self, method, args, member, time=None):
        """One step of the agreement: its receipt."""
        full = {"id": "A", "version": self.agreement().version} | args
        return self.call("grant", method, full, member + "/app", time=time)

    def done(self, method, args, member, time=None):
        """One step that is carried out: the state after it."""
        receipt = self.step(method, args, member, time)
        assert receipt.code == "OK", (receipt.code, receipt.error_fields())
        return receipt.calls[0].value()["state"]

    def refused(self, method, args, member, time=None):
        """One step that is refused: code and fields."""
        receipt = self.step(method, args, member, time)
        assert receipt.code != "OK"
        return receipt.code, receipt.error_fields()

    def to(self, state, **request):
        """An agreement in this state."""
        assert self.ask(**request).code == "OK"
        for step in STEPS[: STATES.index(state)]:
            self.done(*step)
        assert self.agreement().state == state

    def started(self, **request):
        """An agreement in force, under which a transfer runs."""
        self.to("FINALIZED", **request)
        self.done("transfer", {"to": "REQUESTED"}, "farm")
        self.done("transfer", {"to": "STARTED"}, "roastery")

    def keys(self, prefix):
        """The state keys that begin so."""
        return [name.decode() for name, _ in self.ledger.scan_state(prefix.encode())]
