"""Bad transactions for a real network: the same table for every door."""

import json
import time
from base64 import urlsafe_b64encode

import msgpack

from hansa.client.transactions import make
from hansa.hashing import sha256
from hansa.keyfile import open_key_file
from hansa.transaction import (
    TRANSACTION_BYTES_MAX,
    Call,
    SignedTransaction,
    transaction_digest,
)
from tests.integration.load import register

MINUTE_MS = 60_000
NONCE = sha256(b"replayed")[:16]
EXPIRY_FIELD = 5


class Maker:
    """Signs as one member of a network, well or badly."""

    def __init__(self, network, member="farm"):
        self.chain_id = network.facts["chain_id"]
        self.key = open_key_file(network.home / "members" / member / "keys" / "desk.json").key
        self._count = 0

    def good(self, **changes):
        """A registration that the chain takes; `changes` may spoil it."""
        self._count += 1
        name = f"door:{self._count}:{time.monotonic_ns()}"
        fields = {"expires_at": time.time_ns() // 1_000_000 + 10 * MINUTE_MS} | changes
        calls = fields.pop("calls", [register(name)])
        return make(fields.pop("chain_id", self.chain_id), self.key, calls, **fields)

    def signed(self, body):
        """Any bytes as a signed body."""
        return msgpack.packb((body, [self.key.sign(transaction_digest(body))]))

    def with_arguments(self, packed):
        """A call of doc.register with these bytes as its arguments."""
        return self.good(calls=[Call("doc", "register", packed)]).raw

    def with_a_float(self):
        """A float where a number of milliseconds stands."""
        plain = msgpack.unpackb(self.good().body, raw=False)
        plain[EXPIRY_FIELD] = 1.5
        return self.signed(msgpack.packb(plain))

    def wrongly_signed(self):
        """With the signature of another transaction."""
        return SignedTransaction.assemble(self.good().body, self.good().signatures).raw

    def not_canonical(self):
        """A number spelled in more bytes than it needs, under a valid signature."""
        return self.signed(b"\x97\xcc\x01" + self.good().body[2:])

    def expired(self):
        """It died a day ago."""
        return self.good(expires_at=time.time_ns() // 1_000_000 - 1_440 * MINUTE_MS).raw

    def replayed(self):
        """Another intent with a nonce that a block holds (see `prepare`)."""
        return self.good(nonce=NONCE).raw

    def prepare(self, client):
        """Use up the nonce that `replayed` uses; the id of what must not be lost."""
        kept = self.good()
        client.submit(self.good(nonce=NONCE), wait="commit")
        client.submit(kept, wait="commit")
        return kept.tx_id


# (name, how it is made, the code at the door)
AT_THE_DOOR = [
    ("truncated", lambda m: m.good().raw[:-1], "encoding.malformed"),
    ("oversized", lambda m: bytes(TRANSACTION_BYTES_MAX + 1), "transaction.too-large"),
    ("not canonical", Maker.not_canonical, "encoding.not-canonical"),
    ("wrongly signed", Maker.wrongly_signed, "transaction.signature"),
    ("replayed", Maker.replayed, "transaction.replayed"),
    ("expired", Maker.expired, "transaction.expired"),
    ("wrong chain", lambda m: m.good(chain_id="other").raw, "transaction.chain"),
    ("float", Maker.with_a_float, "encoding.malformed"),
    ("64 deep", lambda m: b"\x91" * 64 + b"\x90", "encoding.malformed"),
    ("null bytes", lambda m: bytes(300), "encoding.malformed"),
]
# (name, how it is made, the code of the receipt): the door lets them pass, the contract does not
IN_THE_CALL = [
    ("unknown contract", lambda m: m.good(calls=[Call.of("nothing", "x", {})]).raw, "MISSING"),
    ("unknown method", lambda m: m.good(calls=[Call.of("doc", "nothing", {})]).raw, "MISSING"),
    ("float in a call", lambda m: m.with_arguments(msgpack.packb({"id": 1.5})), "SCHEMA"),
    ("64 deep in a call", lambda m: m.with_arguments(b"\x81\xa1a" * 63 + b"\x80"), "SCHEMA"),
    ("null bytes in a call", lambda m: m.with_arguments(bytes(300)), "SCHEMA"),
]
BLAMED = {"truncated", "oversized", "not canonical", "wrongly signed", "float", "64 deep"} | {
    "null bytes"
}
"""What no correct peer sends: it is cut for it."""


def json_body(raw):
    """The JSON door's body."""
    return json.dumps({"tx": urlsafe_b64encode(raw).rstrip(b"=").decode()}).encode()
