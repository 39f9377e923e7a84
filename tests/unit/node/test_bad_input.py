"""Bad input at the doors that this node has for transactions: bytes of a client or of a peer.

Each row is one kind of input. It gets a stable code, is blamed on a peer only when no correct
peer sends it, leaves nothing behind, and what is good still passes afterwards. Arguments are
judged by the contract, so what is wrong in them passes the door and leaves a receipt.
"""

import msgpack
import msgspec
import pytest

from hansa.encoding import pack
from hansa.errors import Rejected
from hansa.transaction import (
    DUE,
    TRANSACTION_BYTES_MAX,
    Call,
    SignedTransaction,
    Transaction,
    transaction_digest,
)
from node.gossip import Gossip
from node.gossip_messages import Transactions, encode_gossip
from node.lane import CLIENT
from node.mempool import Mempool
from node.verifier import verify_now
from p2p.frames import (
    FRAME_BYTES_MAX,
    HEADER,
    MESSAGE_BYTES_MAX,
    MORE,
    TRANSACTIONS,
    Parser,
    encode_message,
)
from tests.unit.ledger.scene import DAY, Scene, key

DOC = ("doc", "register", {})
MINUTE = 60_000
PEER = "node1"


class Door:
    """A real ledger with a mempool and gossip in front of it."""

    def __init__(self):
        self.scene = Scene()
        self.now = self.scene.ledger.head.time
        self.pool = Mempool(self.scene.ledger.check_admission)
        self.gossip = Gossip(self.pool)
        self.gossip.peer_up(PEER, 0)

    def enter(self, *raws, origin=CLIENT):
        """The whole way of a batch; returns the codes and how many offences were counted."""
        screening = self.pool.screen(raws, origin, self.now)
        admission = self.pool.admit(screening, verify_now(screening.unverified), 1, self.now)
        codes = [getattr(answer, "code", type(answer).__name__) for answer in admission.answers]
        return codes, admission.offences

    def send(self, raw):
        """The same bytes as a peer's batch."""
        message = encode_gossip(Transactions((raw,)))
        return self.enter(*self.gossip.receive(PEER, message, 0).raws, origin=PEER)

    def good(self, number=1, **changes):
        nonce = number.to_bytes(16, "big")
        fields = {"nonce": nonce, "expires_at": self.now + 10 * MINUTE} | changes
        calls = fields.pop("calls", [DOC])
        signers = fields.pop("signers", ("farm/app",))
        return self.scene.sign(calls, signers, **fields)


def signed(body, *names):
    """Sign any bytes as a body; what comes out may be no transaction."""
    digest = transaction_digest(body)
    return msgpack.packb((body, [key(name).sign(digest) for name in names]))


def longer_body(door):
    """The body's first number, spelled in two bytes instead of one, under a valid signature."""
    body = door.good().body
    assert body[:2] == b"\x97\x01"
    return signed(b"\x97\xcc\x01" + body[2:], "farm/app")


def longer_outside(door):
    """The length of the body in four bytes instead of two or one."""
    tx = door.good()
    rest = tx.raw[tx.raw.index(tx.body) + len(tx.body) :]
    return b"\x92\xc6" + len(tx.body).to_bytes(4, "big") + tx.body + rest


VERSION_FIELD, TYPE_FIELD, EXPIRY_FIELD = 0, 2, 5


def changed(door, field, value):
    """A body with one field changed, under a valid signature."""
    plain = msgpack.unpackb(door.good().body, raw=False)
    plain[field] = value
    return signed(msgpack.packb(plain), "farm/app")


def swapped(door):
    """The signature of another transaction."""
    first, second = door.good(1), door.good(2)
    return SignedTransaction.assemble(first.body, second.signatures).raw


def flipped(door):
    raw = bytearray(door.good().raw)
    raw[-1] ^= 1
    return bytes(raw)


def other_signature_count(door, count):
    tx = door.good()
    return msgpack.packb((tx.body, list(tx.signatures) * count))


def twice_the_same_signer(door):
    tx = door.good().transaction
    body = pack(msgspec.structs.replace(tx, signers=tx.signers * 2))
    return signed(body, "farm/app", "farm/app")


def committed(door):
    """Bytes of another intent with a nonce that a block holds already."""
    door.scene.block(door.good())
    return door.good(calls=[DOC, DOC]).raw


# (name, how to make it, its code, whether a peer is to blame)
TABLE = [
    ("empty", lambda door: b"", "encoding.malformed", True),
    ("one byte", lambda door: b"\xc1", "encoding.malformed", True),
    ("truncated", lambda door: door.good().raw[:-1], "encoding.malformed", True),
    ("cut in half", lambda door: door.good().raw[:90], "encoding.malformed", True),
    ("a byte too many", lambda door: door.good().raw + b"\0", "encoding.malformed", True),
    ("null bytes", lambda door: bytes(300), "encoding.malformed", True),
    ("text", lambda door: b'{"calls": []}', "encoding.malformed", True),
    ("64 deep", lambda door: b"\x91" * 64 + b"\x90", "encoding.malformed", True),
    ("100,000 deep", lambda door: b"\x91" * 100_000 + b"\x90", "encoding.malformed", True),
    ("a huge length", lambda door: b"\x92\xc6\xff\xff\xff\xff", "encoding.malformed", True),
    ("a huge array", lambda door: b"\xdd\xff\xff\xff\xff", "encoding.malformed", True),
    ("oversized", lambda door: bytes(TRANSACTION_BYTES_MAX + 1), "transaction.too-large", True),
    ("not canonical outside", longer_outside, "encoding.not-canonical", True),
    ("not canonical inside", longer_body, "encoding.not-canonical", True),
    ("a float", lambda door: changed(door, EXPIRY_FIELD, 1.5), "encoding.malformed", True),
    ("an unknown type", lambda door: changed(door, TYPE_FIELD, 9), "encoding.malformed", True),
    ("an unknown version", lambda door: changed(door, VERSION_FIELD, 2),
     "transaction.version", True),
    ("no calls", lambda door: signed(
        pack(msgspec.structs.replace(door.good().transaction, calls=())), "farm/app"
    ), "encoding.malformed", True),
    ("wrongly signed", swapped, "transaction.signature", True),
    ("a flipped bit", flipped, "transaction.signature", True),
    ("unsigned", lambda door: other_signature_count(door, 0), "transaction.signers", True),
    ("signed twice", lambda door: other_signature_count(door, 2), "transaction.signers", True),
    ("one signer twice", twice_the_same_signer, "transaction.signers", True),
    ("due", lambda door: changed(door, TYPE_FIELD, DUE), "mempool.due", False),
    ("a wrong chain", lambda door: door.good(chain_id="other").raw, "transaction.chain", False),
    ("expired", lambda door: door.good(expires_at=door.now - 1).raw,
     "transaction.expired", False),
    ("expiry too far", lambda door: door.good(expires_at=door.now + 8 * DAY).raw,
     "transaction.expiry-far", False),
    ("a stranger", lambda door: door.good(signers=("nobody",)).raw, "transaction.sender", False),
    ("replayed", committed, "transaction.replayed", False),
]  # fmt: skip
ROWS = pytest.mark.parametrize(
    ("make", "code", "blame"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)


@ROWS
def test_a_client_is_told_a_stable_code_and_nothing_stays(make, code, blame):
    door = Door()
    raw = make(door)

    codes, _ = door.enter(raw)

    assert codes == [code]
    assert (len(door.pool), door.pool.bytes_count, door.pool.verifying_count) == (0, 0, 0)
    assert door.enter(door.good(77).raw) == (["Accepted"], 0)


@ROWS
def test_a_peer_is_blamed_only_for_what_no_correct_peer_sends(make, code, blame):
    door = Door()
    raw = make(door)

    if raw == b"" or len(raw) > TRANSACTION_BYTES_MAX:  # the message refuses these itself
        with pytest.raises(Rejected, match=r"encoding\.malformed"):
            door.send(raw)
        return
    codes, offences = door.send(raw)

    assert codes == [code]
    assert offences == blame
    assert len(door.pool) == 0
    assert door.send(door.good(77).raw) == (["Accepted"], 0)


@ROWS
def test_one_bad_input_does_not_spoil_its_batch(make, code, blame):
    door = Door()
    before = make(door)
    first, last = door.good(77).raw, door.good(78).raw

    codes, offences = door.enter(first, before, last)

    assert codes == ["Accepted", code, "Accepted"]
    assert offences == blame
    assert len(door.pool) == 2


def with_arguments(door, packed):
    """A well-formed transaction whose call carries these bytes as arguments."""
    tx = door.good().transaction
    calls = (Call("doc", "register", packed),)
    body = pack(Transaction(tx.version, tx.chain_id, 0, calls, tx.nonce, tx.expires_at, tx.signers))
    return signed(body, "farm/app")


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda door: door.good(calls=[("nothing", "register", {})]).raw, "MISSING"),
        (lambda door: door.good(calls=[("doc", "nothing", {})]).raw, "MISSING"),
        (lambda door: with_arguments(door, msgpack.packb({"id": 1.5})), "SCHEMA"),
        (lambda door: with_arguments(door, b"\x81\xa1a" * 63 + b"\x80"), "SCHEMA"),
        (lambda door: with_arguments(door, b"\x91" * 9_999 + b"\x90"), "SCHEMA"),
        (lambda door: with_arguments(door, bytes(300)), "SCHEMA"),
        (lambda door: with_arguments(door, b""), "SCHEMA"),
        (lambda door: with_arguments(door, b"\x82\xa1a\x01\xa1a\x02"), "SCHEMA"),
        (lambda door: with_arguments(door, msgpack.packb({"id": "a\0b"})), "SCHEMA"),
    ],
    ids=[
        "unknown contract", "unknown method", "float", "64 deep", "10,000 deep", "null bytes",
        "no arguments", "a key twice", "a null in a text",
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_call_is_refused_with_a_receipt(make, code):
    door = Door()

    assert door.enter(make(door)) == (["Accepted"], 0)
    (candidate,) = door.pool.candidates(10, 10**6)
    receipts = door.scene.block(candidate)
    door.pool.on_commit(1, door.scene.ledger.head.time, receipts)

    assert [receipt.code for receipt in receipts] == [code]
    fate = door.pool.fate(candidate.tx_id)
    assert (fate.word, fate.reason) == ("refused", code)


# -- the peer's frame --------------------------------------------------------------------------


def frame(kind, payload):
    return HEADER.pack(len(payload), kind) + payload


@pytest.mark.parametrize(
    ("stream", "code"),
    [
        (HEADER.pack(FRAME_BYTES_MAX + 1, TRANSACTIONS), "frame.oversize"),
        (HEADER.pack(2**32 - 1, TRANSACTIONS), "frame.oversize"),
        (frame(TRANSACTIONS | MORE, b"x"), "frame.fragment"),
        (frame(TRANSACTIONS | MORE, bytes(FRAME_BYTES_MAX))
         * (MESSAGE_BYTES_MAX[TRANSACTIONS] // FRAME_BYTES_MAX + 1), "frame.oversize"),
        (b"GET / HTTP/1.1\r\n\r\n", "frame.oversize"),
        (frame(TRANSACTIONS, b""), "message.unknown"),
        (frame(TRANSACTIONS, b"\0" * 64), "message.unknown"),
        (frame(TRANSACTIONS, b"\x01" + b"\x91" * 64), "encoding.malformed"),
        (frame(TRANSACTIONS, b"\x01" + b"\x91" * 9_999), "encoding.malformed"),
        (frame(TRANSACTIONS, b"\x01\x91\xdd\xff\xff\xff\xff"), "encoding.malformed"),
        (frame(TRANSACTIONS, b"\x01\x91\x91\xcb" + bytes(8)), "encoding.malformed"),
        (frame(TRANSACTIONS, b"\x01\x91\x91\xc5\x00\x01x"), "encoding.not-canonical"),
        (frame(TRANSACTIONS, b"\x02\x91\x91\xc4\x20" + bytes(31)), "encoding.malformed"),
    ],
)  # fmt: skip
def test_a_peers_bytes_are_refused_by_name_and_never_gathered(stream, code):
    door = Door()
    parser = Parser(MESSAGE_BYTES_MAX)

    def feed():
        parser.feed(stream)
        while (message := parser.next_message()) is not None:
            door.gossip.receive(PEER, message[1], 0)

    with pytest.raises(Rejected) as error:
        feed()

    assert error.value.code == code
    assert parser.buffered <= MESSAGE_BYTES_MAX[TRANSACTIONS] + 2 * FRAME_BYTES_MAX
    assert len(door.pool) == 0


def test_a_truncated_frame_is_waited_for_and_costs_what_it_holds():
    parser = Parser(MESSAGE_BYTES_MAX)
    whole = encode_message(TRANSACTIONS, encode_gossip(Transactions((bytes(1_000),))))

    parser.feed(whole[:-1])

    assert parser.next_message() is None
    assert parser.buffered == len(whole) - 1
