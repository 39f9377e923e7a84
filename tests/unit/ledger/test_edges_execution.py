"""Blocks and calls at their limits: the last thing that fits, and the first that does not."""

import msgpack
import pytest

from hansa.encoding import encode_value
from hansa.errors import Rejected, Unavailable
from hansa.keys import key_id
from hansa.signing import verify
from ledger import blocks, execution
from ledger.contract import ADMIN, TIMER, Arguments, Contract, Refused, load, method, store
from ledger.contracts import CONTRACTS
from ledger.due import schedule
from ledger.execution import Ledger
from ledger.records import KeyRecord
from ledger.rules import FRAME_BYTES, Limits, weight_of
from tests.unit.ledger.scene import DAY, START, Scene, genesis, key

RECEIPT_LEAST = 8_192
ERROR_MOST = 4_096


class Count(Arguments, frozen=True):
    count: int
    text: str = ""


class Edge(Contract):
    """Does a thing as often as it is told."""

    name = "edge"

    @method(Count)
    def tell(self, context, given):
        """One event with a text."""
        context.event("told", text="x" * given.count)

    @method(Count)
    def refuse(self, context, given):
        """A refusal with a text."""
        raise Refused("RULE", text="x" * given.count)

    @method(Count)
    def fail(self, context, given):
        """A mistake of the contract, with what it had done."""
        context.event("failed")
        return {}["nothing"]

    @method(Count)
    def later(self, context, given):
        """Have `text` called when a second has passed."""
        arguments = encode_value({"count": given.count})
        schedule(context, context.time + 1_000, f"e{given.count}", given.text, arguments)

    @method(Count, via=TIMER)
    def read(self, context, given):
        """Read keys."""
        for number in range(given.count):
            context.exists(f"k{number}")
        context.put_value("read", given.count)

    @method(Count, via=TIMER)
    def write(self, context, given):
        """Write keys."""
        for number in range(given.count):
            context.put_value(f"k{number}", 1)

    @method(Count)
    def twice(self, context, given):
        """Write one key again and again."""
        for number in range(given.count):
            context.put_value("same", number)
        return context.scope.index


def opened(parameters=None):
    """A chain that has the contract `edge`."""
    scene = Scene(genesis(parameters=parameters))
    scene.ledger = Ledger.open(scene.store, verify, {**CONTRACTS, "edge": Edge()})
    return scene


@pytest.fixture
def scene():
    return opened()


def register(scene, number=1, *signers, **changes):
    args = {"id": f"d{number}", "digest": bytes([number]) * 32}
    return scene.sign([("doc", "register", args)], signers or ("farm/app",), **changes)


# Receipts


def test_a_receipt_may_be_as_long_as_the_parameter_says_and_no_longer():
    scene = opened({"transaction.receipt_bytes": RECEIPT_LEAST})
    staged = scene.build([scene.sign([("edge", "tell", {"count": 8_000})])])
    room = RECEIPT_LEAST - len(staged.receipts[0])
    fits = scene.build([scene.sign([("edge", "tell", {"count": 8_000 + room})])])

    assert len(fits.receipts[0]) == RECEIPT_LEAST
    assert msgpack.unpackb(fits.receipts[0])[4] == "OK"
    receipt = scene.call("edge", "tell", {"count": 8_001 + room})
    assert (receipt.code, receipt.failed_call) == ("LIMIT", 0)
    assert receipt.error_fields() == {
        "field": "receipt", "have": RECEIPT_LEAST + 1, "need": RECEIPT_LEAST,
    }  # fmt: skip


def test_a_receipt_that_is_too_long_names_the_last_call():
    scene = opened({"transaction.receipt_bytes": RECEIPT_LEAST})
    calls = [("edge", "tell", {"count": 5_000})] * 2
    (receipt,) = scene.block(scene.sign(calls))

    assert (receipt.code, receipt.failed_call) == ("LIMIT", 1)


@pytest.mark.parametrize(("count", "kept"), [(ERROR_MOST - 9, True), (ERROR_MOST - 8, False)])
def test_fields_of_a_refusal_are_kept_up_to_4096_bytes(scene, count, kept):
    receipt = scene.call("edge", "refuse", {"count": count})

    assert len(encode_value({"text": "x" * count})) == ERROR_MOST + (not kept)
    assert bool(receipt.error_fields()) is kept


def test_the_call_that_failed_is_named_in_receipt_and_alarm(scene):
    calls = [("edge", "tell", {"count": 1}), ("edge", "fail", {"count": 1})]
    staged = scene.build([register(scene), scene.sign(calls)])
    receipt = scene.commit(staged)[1]

    assert (receipt.code, receipt.failed_call, receipt.calls) == ("FAULT", 1, ())
    (fault,) = staged.faults
    assert (fault.index, fault.call, fault.text) == (1, "edge.fail", "KeyError('nothing')")


def test_an_alarm_of_the_first_call_names_the_first_call(scene):
    calls = [("edge", "fail", {"count": 1}), ("edge", "tell", {"count": 1})]
    (fault,) = scene.build([scene.sign(calls)]).faults

    assert (fault.index, fault.call) == (0, "edge.fail")


# Due entries


@pytest.mark.parametrize(
    ("name", "count", "code"),
    [("read", 10_000, "OK"), ("read", 10_001, "LIMIT"), ("write", 1_023, "OK"),
     ("write", 1_024, "LIMIT")],
)  # fmt: skip
def test_a_due_entry_has_the_meter_of_a_transaction_its_own_key_included(scene, name, count, code):
    scene.ok("edge", "later", {"count": count, "text": name})
    head = scene.ledger.head.time
    (receipt,) = scene.block(time=head + 1_000)

    assert [entry["code"] for entry in receipt.calls[0].value()["entries"]] == [code]
    assert scene.ledger.next_due() is None


def test_a_due_entry_is_ripe_at_its_millisecond_and_not_before(scene):
    scene.ok("edge", "later", {"count": 1, "text": "write"})
    due = scene.ledger.head.time + 1_000

    assert scene.ledger.next_due() == due
    assert scene.ledger.due_transaction(due - 1) is None
    transaction = scene.ledger.due_transaction(due).transaction
    assert (transaction.expires_at, transaction.signers, len(transaction.nonce)) == (due, (), 16)


def test_a_due_transaction_counts_in_its_block(scene):
    scene.ok("edge", "later", {"count": 1, "text": "write"})
    head = scene.ledger.head.time
    limits = Limits(4_000_000, 2, 1_000_000)
    candidates = [register(scene, 1), register(scene, 2)]
    staged = scene.build(candidates, head + 1_000, limits=limits)

    assert [one.transaction.type for one in staged.transactions] == [3, 0]
    (first, second) = scene.commit(staged)
    assert (first.index, second.index) == (0, 1)


# What a block holds


@pytest.mark.parametrize("limit", ["bytes", "transactions", "weight"])
@pytest.mark.parametrize("missing", [0, 1])
def test_a_transaction_that_just_fits_is_taken(scene, limit, missing):
    signed = [register(scene, number) for number in (1, 2)]
    exact = {
        "bytes": sum(len(one.raw) + FRAME_BYTES for one in signed),
        "transactions": 2,
        "weight": sum(map(weight_of, signed)),
    }
    lowered = Limits(**{**exact, limit: exact[limit] - missing})

    assert len(scene.build(signed, limits=lowered).transactions) == 2 - missing


def test_the_weight_of_a_transaction_is_that_of_clause_3_7(scene):
    args = {"id": "d1", "digest": b"d" * 32}
    calls = [("doc", "register", args)] * 3
    signed = scene.sign(calls, ("farm/app", "carrier/app"))

    assert weight_of(signed) == 60 + 3 * 120 + 2 * 60 + len(signed.raw) // 16


def test_limits_are_lowered_one_by_one():
    assert Limits(1, 20, 3).lowered(Limits(10, 2, 30)) == Limits(1, 2, 3)


@pytest.mark.parametrize(
    ("lasts", "code"),
    [(0, None), (-1, "transaction.expired"), (7 * DAY, None),
     (7 * DAY + 1, "transaction.expiry-far")],
)  # fmt: skip
def test_a_block_takes_a_transaction_up_to_its_end_and_seven_days_before(scene, lasts, code):
    time = START + 5_000
    scene.build([register(scene, expires_at=time + lasts)], time)

    assert [one.code for one in scene.ledger.dropped] == ([] if code is None else [code])


# Keys that end


@pytest.mark.parametrize(("ends_in", "code"), [(2, None), (1, "transaction.sender")])
@pytest.mark.parametrize("way", ["admission", "block"])
def test_a_key_sends_up_to_the_height_before_its_end(scene, ends_in, code, way):
    public = key("farm/app").public
    name = b"sorg/key/" + key_id(public).encode()
    record = load(scene.store.get(name), KeyRecord)
    ended = KeyRecord(**{
        field: getattr(record, field) for field in record.__struct_fields__
    } | {"valid_to": ends_in})  # fmt: skip
    scene.store.write({name: store(ended)}, sync=True)
    scene.ledger = Ledger.open(scene.store, verify)
    signed = register(scene)

    if way == "block":
        scene.build([signed])
        refused = [one.code for one in scene.ledger.dropped]
        assert refused == ([] if code is None else [code])
    elif code is None:
        scene.ledger.check_admission(signed, START)
    else:
        with pytest.raises(Rejected):
            scene.ledger.check_admission(signed, START)


def test_what_two_sign_belongs_to_the_first_of_them(scene):
    signed = register(scene, 1, "farm/app", "carrier/app")
    (receipt,) = scene.block(signed)
    record = msgpack.unpackb(scene.ledger.get_state(b"doc/record/d1"))

    assert receipt.code == "OK"
    assert record["owner"] == "farm"


# What is stored


def test_the_head_is_stored_in_eight_bytes(scene):
    staged = scene.build([register(scene)])
    batch = scene.ledger.commit(staged, scene.certify(staged))

    assert batch[b"mhead"] == bytes(7) + b"\1"
    assert scene.store.get(b"mhead") == bytes(8)


def test_undo_records_and_certificates_leave_a_small_window(scene, monkeypatch):
    monkeypatch.setattr(execution, "WINDOW", 2)
    monkeypatch.setattr(execution, "KEPT_EVERY", 3)
    for _ in range(6):
        scene.block()

    def kept(space):
        return [int.from_bytes(name[1:], "big") for name, _ in scene.store.iterate_prefix(space)]

    assert kept(b"u") == [5, 6]
    assert kept(b"c") == [3, 5, 6]


def test_a_certificate_that_was_let_go_stands_in_the_next_block(scene):
    for _ in range(3):
        scene.block()
    scene.store.write({b"c" + (2).to_bytes(8, "big"): None}, sync=True)

    assert [scene.ledger.certificate(height).height for height in (1, 2, 3)] == [1, 2, 3]
    assert scene.ledger.certificate(4) is None


@pytest.mark.parametrize(("height", "there"), [(0, False), (1, True), (3, True), (4, False)])
def test_earlier_states_are_known_within_the_window(scene, monkeypatch, height, there):
    monkeypatch.setattr(blocks, "WINDOW", 2)
    for _ in range(3):
        scene.block()

    if there:
        assert scene.ledger.get_state(b"org/member/farm", height) is not None
    else:
        with pytest.raises(Unavailable):
            scene.ledger.get_state(b"org/member/farm", height)


def test_a_negative_height_is_no_height(scene):
    with pytest.raises(Unavailable):
        scene.ledger.get_state(b"org/member/farm", -1)


def test_a_cosigner_s_role_does_not_stand_for_the_sender_s(scene):
    calls = [("org", "enrol", {"key": key("n").public, "kind": "person", "subject": "farm/n"})]
    (refused,) = scene.block(scene.sign(calls, ("farm/app", "farm/boss")))

    assert refused.code == "AUTH"
    assert refused.error_fields() == {"by": "farm/app", "have": [], "need": ADMIN}
