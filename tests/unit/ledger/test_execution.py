"""Blocks: built, run elsewhere with the same bytes, refused when they break a rule, adopted."""

import msgspec
import pytest

from hansa.block import Proposal
from hansa.encoding import encode_value
from hansa.errors import Corrupt, Rejected, Unavailable
from hansa.merkle import leaf_hash, verify_inclusion
from hansa.receipt import decode_receipt
from hansa.signing import verify
from hansa.transaction import DUE, SignedTransaction
from ledger.contract import TIMER, Arguments, Contract, Refused, method
from ledger.contracts import CONTRACTS
from ledger.due import schedule
from ledger.execution import Ledger
from ledger.rules import BlockRefused, Limits
from tests.unit.ledger.scene import DAY, START, Scene, key


class Do(Arguments, frozen=True):
    what: str
    count: int = 0


class Probe(Contract):
    """Does what a test asks for, good or bad."""

    name = "probe"

    @method(Do)
    def act(self, context, given):
        actions = {
            "write": lambda: context.put_value("key", given.count),
            "keys": lambda: [context.put_value(f"k{n}", 1) for n in range(given.count)],
            "reads": lambda: [context.exists(f"k{n}") for n in range(given.count)],
            "events": lambda: [context.event("e", text="x" * 100) for _ in range(given.count)],
            "memory": lambda: _raise(MemoryError()),
            "recursion": lambda: _raise(RecursionError()),
            "storage": lambda: _raise(Corrupt("store.broken", "a sector")),
            "fault": lambda: {}["nothing"],
            "rejected": lambda: _raise(Rejected("toy.bad", "a library's text")),
            "long": lambda: _raise(Refused("RULE", text="x" * 5000)),
            "float": lambda: 1.5,
            "due": lambda: schedule(
                context, START + given.count, f"e{given.count}", "ring",
                encode_value({"count": given.count, "what": "ring"}),
            ),
            "due-bad": lambda: schedule(
                context, START + given.count, f"e{given.count}", "ring",
                encode_value({"count": given.count, "what": "bad"}),
            ),
            "due-fault": lambda: schedule(
                context, START + given.count, f"e{given.count}", "ring",
                encode_value({"count": given.count, "what": "fault"}),
            ),
            "due-storage": lambda: schedule(
                context, START + given.count, f"e{given.count}", "ring",
                encode_value({"count": given.count, "what": "storage"}),
            ),
            "due-memory": lambda: schedule(
                context, START + given.count, f"e{given.count}", "ring",
                encode_value({"count": given.count, "what": "memory"}),
            ),
        }  # fmt: skip
        result = actions[given.what]()
        return result if isinstance(result, float) else given.count

    @method(Do, via=TIMER)
    def ring(self, context, given):
        context.put_value(f"rung/{given.count}", context.time)
        context.event("rung", count=given.count)
        actions = {
            "ring": lambda: None,
            "bad": lambda: _raise(Refused("STATE")),
            "fault": lambda: {}["nothing"],
            "memory": lambda: _raise(MemoryError()),
            "storage": lambda: _raise(Corrupt("store.broken", "a sector")),
        }
        return actions[given.what]()


def _raise(error):
    raise error


@pytest.fixture
def scene():
    made = Scene()
    made.ledger = Ledger.open(made.store, verify, {**CONTRACTS, "probe": Probe()})
    return made


def register(scene, number=1, *signers, **changes):
    args = {"id": f"d{number}", "digest": bytes([number]) * 32}
    return scene.sign([("doc", "register", args)], signers or ("farm/app",), **changes)


def probe(scene, what, count=0):
    return scene.call("probe", "act", {"count": count, "what": what})


def test_another_replica_gets_the_same_bytes_from_the_same_block():
    one, other = Scene(), Scene()
    transactions = [register(one, n) for n in range(1, 6)]
    staged = one.build(transactions)
    theirs = other.ledger.run(staged.proposal, transactions, signatures_checked=False)

    assert theirs.header == staged.header
    assert theirs.body == staged.body
    assert dict(theirs.writes) == dict(staged.writes)
    assert theirs.tx_ids == tuple(one.tx_id for one in transactions)


def test_building_and_running_change_nothing_that_others_see(scene):
    staged = scene.build([register(scene)])
    scene.ledger.run(staged.proposal, staged.transactions, signatures_checked=True)

    assert scene.ledger.head == scene.header0
    assert scene.ledger.receipt(staged.tx_ids[0]) is None


def test_two_blocks_may_be_staged_on_one_head(scene):
    first, second = scene.build([register(scene, 1)]), scene.build([register(scene, 2)])
    scene.commit(second)

    assert first.hash != second.hash
    assert scene.ledger.head == second.header


def test_a_store_is_opened_again_at_its_head(scene):
    scene.block(register(scene, 1))
    scene.block(register(scene, 2), register(scene, 3))
    again = Ledger.open(scene.store, verify)

    assert again.head == scene.ledger.head
    assert again.validators == scene.ledger.validators
    staged = scene.build([register(scene, 4)])
    theirs = again.run(staged.proposal, staged.transactions, signatures_checked=True)
    assert theirs.header == staged.header


def test_a_store_without_a_chain_is_said_to_be_empty():
    with pytest.raises(Unavailable) as caught:
        Ledger.open(type(Scene().store)(), verify)

    assert caught.value.code == "store.empty"


@pytest.mark.parametrize(
    ("space", "code"), [(b"p", "store.state-root"), (b"l", "log"), (b"h", "store.header")]
)
def test_a_damaged_store_is_not_opened(scene, space, code):
    scene.block(register(scene))
    doomed = [name for name, _ in scene.store.iterate_prefix(space)][-1]
    scene.store.write({doomed: None}, sync=True)

    with pytest.raises(Corrupt) as caught:
        Ledger.open(scene.store, verify)

    assert caught.value.code.startswith(code)


def test_no_block_is_built_of_nothing_unless_it_may_be_empty(scene):
    assert scene.build([], allow_empty=False) is None
    assert scene.build([], allow_empty=True).header.height == 1


DROPPED = {
    "another chain": ({"chain_id": "other"}, "transaction.chain"),
    "the end has passed": ({"expires_at": START}, "transaction.expired"),
    "the end is far": ({"expires_at": START + 8 * DAY}, "transaction.expiry-far"),
}


@pytest.mark.parametrize("name", DROPPED)
def test_a_candidate_is_left_out_when(scene, name):
    changes, code = DROPPED[name]
    bad, good = register(scene, 1, **changes), register(scene, 2)
    staged = scene.build([bad, good])

    assert staged.transactions == (good,)
    assert [(one.tx_hash, one.code) for one in scene.ledger.dropped] == [(bad.tx_hash, code)]


@pytest.mark.parametrize("name", DROPPED)
def test_a_block_is_refused_when(scene, name):
    changes, code = DROPPED[name]
    bad, good = register(scene, 1, **changes), register(scene, 2)
    staged = scene.build([good])
    proposal = Proposal(staged.header, (good.tx_hash, bad.tx_hash), None)

    with pytest.raises(BlockRefused) as caught:
        scene.ledger.run(proposal, (good, bad), signatures_checked=True)

    assert (caught.value.code, caught.value.index) == (code, 1)


def test_a_stranger_sends_nothing(scene):
    scene.build([register(scene, 1, "nobody")])

    assert scene.ledger.dropped[0].code == "transaction.sender"


@pytest.mark.parametrize("signer", ["v0", "t0"])
def test_a_node_signs_no_transactions(scene, signer):
    scene.build([register(scene, 1, signer)])

    assert scene.ledger.dropped[0].code == "transaction.sender"


def test_a_stranger_may_not_cosign(scene):
    receipt = scene.block(register(scene, 1, "farm/app", "nobody"))[0]

    assert (receipt.code, receipt.failed_call) == ("SIGN", 0)


def test_a_nonce_is_used_once_in_a_block_and_after_it(scene):
    nonce = b"n" * 16
    scene.build([register(scene, 1, nonce=nonce), register(scene, 2, nonce=nonce)])
    assert [one.code for one in scene.ledger.dropped] == ["transaction.replayed"]

    scene.block(register(scene, 1, nonce=nonce))
    scene.build([register(scene, 2, nonce=nonce), register(scene, 3, "carrier/app", nonce=nonce)])
    assert [one.code for one in scene.ledger.dropped] == ["transaction.replayed"]
    with pytest.raises(Rejected):
        scene.ledger.check_admission(register(scene, 2, nonce=nonce), START)


def test_a_nonce_is_free_again_when_its_transaction_has_expired(scene):
    nonce, end = b"n" * 16, START + 200_000
    first = scene.block(register(scene, 1, nonce=nonce, expires_at=end))[0]
    scene.block(time=end)
    scene.build([register(scene, 2, nonce=nonce)], end + 1)
    assert scene.ledger.dropped == ()

    scene.block(register(scene, 2, nonce=nonce, expires_at=end + DAY), time=end + 1)
    scene.block(time=end + 70_000)
    scene.build([register(scene, 3, nonce=nonce)], end + 80_000)
    assert [one.code for one in scene.ledger.dropped] == ["transaction.replayed"]
    assert first.code == "OK"


def test_the_replay_window_forgets_what_has_expired(scene):
    scene.block(register(scene, 1, expires_at=START + 5_000))
    assert list(scene.store.iterate_prefix(b"n"))
    scene.block(time=START + 200_000)

    assert not list(scene.store.iterate_prefix(b"n"))
    assert not list(scene.store.iterate_prefix(b"e"))


def test_limits_of_the_block_hold_for_both_sides(scene):
    transactions = [register(scene, n) for n in range(1, 5)]
    by_count = scene.build(transactions, limits=Limits(10**6, 2, 10**6))
    by_bytes = scene.build(transactions, limits=Limits(2 * len(transactions[0].raw), 9, 10**6))
    by_weight = scene.build(transactions, limits=Limits(10**6, 9, 600))

    assert [len(b.transactions) for b in (by_count, by_bytes, by_weight)] == [2, 1, 2]


def test_a_block_over_the_chain_s_limits_is_refused():
    wide = Scene()
    narrow = Scene(wide.genesis)
    transactions = [register(wide, n) for n in range(1, 4)]
    staged = wide.build(transactions)
    narrow.ledger.limits = lambda: Limits(10**6, 2, 10**6)

    with pytest.raises(BlockRefused) as caught:
        narrow.ledger.run(staged.proposal, transactions, signatures_checked=True)

    assert (caught.value.code, caught.value.index) == ("block.limits", 2)


def replaced(header, **changes):
    return msgspec.structs.replace(header, **changes)


HEADERS = {
    "another chain": ({"chain_id": "other"}, "block.version"),
    "another height": ({"height": 2}, "block.head"),
    "another parent": ({"parent": b"p" * 32}, "block.head"),
    "a time that is not later": ({"time": START}, "block.time"),
    "another state root": ({"state_root": b"s" * 32}, "block.differs"),
    "another epoch": ({"epoch": 1}, "block.differs"),
    "another next set": ({"next_validators_hash": b"v" * 32}, "block.differs"),
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_is_refused_with(scene, name):
    changes, code = HEADERS[name]
    staged = scene.build([register(scene)])
    proposal = msgspec.structs.replace(staged.proposal, header=replaced(staged.header, **changes))

    with pytest.raises(BlockRefused) as caught:
        scene.ledger.run(proposal, staged.transactions, signatures_checked=True)

    assert (caught.value.code, caught.value.index) == (code, None)


def test_a_difference_names_the_fields(scene):
    staged = scene.build([register(scene)])
    proposal = msgspec.structs.replace(
        staged.proposal, header=replaced(staged.header, log_size=9, state_root=b"s" * 32)
    )

    with pytest.raises(BlockRefused, match="state_root, log_size"):
        scene.ledger.run(proposal, staged.transactions, signatures_checked=True)


def test_a_certificate_of_the_parent_stands_in_the_body(scene):
    first = scene.build([register(scene)])
    certificate = scene.certify(first)
    with pytest.raises(BlockRefused):
        scene.ledger.run(
            msgspec.structs.replace(first.proposal, last_certificate=certificate),
            first.transactions,
            signatures_checked=True,
        )
    scene.commit(first)
    second = scene.build([])
    with pytest.raises(BlockRefused) as caught:
        scene.ledger.run(
            msgspec.structs.replace(second.proposal, last_certificate=None),
            (),
            signatures_checked=True,
        )

    assert caught.value.code == "block.last-certificate"
    assert second.header.last_certificate == certificate.hash


def test_the_transactions_are_those_that_the_proposal_names(scene):
    one, two = register(scene, 1), register(scene, 2)
    proposal = scene.build([one, two]).proposal
    twice = msgspec.structs.replace(proposal, tx_hashes=(one.tx_hash, one.tx_hash))

    for wrong, given in ((proposal, [one]), (proposal, [two, one]), (twice, [one, one])):
        with pytest.raises(BlockRefused) as caught:
            scene.ledger.run(wrong, given, signatures_checked=True)
        assert caught.value.code == "block.transactions"


def test_signatures_are_checked_where_nobody_did(scene):
    good = register(scene)
    bad = SignedTransaction.assemble(good.body, (b"s" * 64,))
    staged = scene.build([bad])

    with pytest.raises(BlockRefused) as caught:
        scene.ledger.run(staged.proposal, [bad], signatures_checked=False)

    assert (caught.value.code, caught.value.index) == ("transaction.signature", 0)


REFUSED = {
    "no such contract": ([("none", "act", {})], "MISSING", 0),
    "no such method": ([("doc", "none", {})], "MISSING", 0),
    "other arguments": ([("doc", "register", {"id": "x"})], "SCHEMA", 0),
    "an exception": ([("probe", "act", {"what": "fault"})], "FAULT", 0),
    "a library's no": ([("probe", "act", {"what": "rejected"})], "SCHEMA", 0),
    "a float as result": ([("probe", "act", {"what": "float"})], "SCHEMA", 0),
    "too many keys": ([("probe", "act", {"count": 1025, "what": "keys"})], "LIMIT", 0),
    "too many reads": ([("probe", "act", {"count": 10_001, "what": "reads"})], "LIMIT", 0),
    "a large receipt": ([("probe", "act", {"count": 700, "what": "events"})], "LIMIT", 0),
    "the second call": (
        [("probe", "act", {"count": 1, "what": "write"}), ("probe", "act", {"what": "fault"})],
        "FAULT",
        1,
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_transaction_is_refused_whole_for(scene, name):
    calls, code, failed = REFUSED[name]
    before = scene.ledger.head.state_root
    receipt = scene.block(scene.sign(calls))[0]

    assert (receipt.code, receipt.failed_call, receipt.calls) == (code, failed, ())
    assert scene.ledger.head.state_root == before


def test_an_exception_is_an_alarm_and_its_text_stays_out_of_the_receipt(scene):
    staged = scene.build([scene.sign([("probe", "act", {"what": "fault"})])])

    assert staged.faults[0].call == "probe.act"
    assert "nothing" in staged.faults[0].text
    assert decode_receipt(staged.receipts[0]).error_fields() == {}


def test_fields_that_are_too_long_are_dropped_and_the_code_remains(scene):
    receipt = probe(scene, "long")

    assert (receipt.code, receipt.error_fields()) == ("RULE", {})


def test_as_many_keys_and_reads_as_allowed_are_fine(scene):
    assert probe(scene, "keys", 1024).code == "OK"
    assert probe(scene, "reads", 9_999).code == "OK"


@pytest.mark.parametrize("what", ["memory", "recursion"])
def test_a_call_without_a_result_leaves_no_receipt(scene, what):
    bad, good = scene.sign([("probe", "act", {"what": what})]), register(scene)
    staged = scene.build([bad, good])

    assert staged.transactions == (good,)
    assert scene.ledger.dropped[0].code == "transaction.no-result"
    proposal = Proposal(staged.header, (good.tx_hash, bad.tx_hash), None)
    with pytest.raises(BlockRefused) as caught:
        scene.ledger.run(proposal, (good, bad), signatures_checked=True)
    assert (caught.value.code, caught.value.index) == ("transaction.no-result", 1)


def test_a_damaged_store_stops_the_node_and_is_no_fault(scene):
    with pytest.raises(Corrupt):
        scene.build([scene.sign([("probe", "act", {"what": "storage"})])])


def test_calls_of_one_transaction_stand_or_fall_together(scene):
    write = ("probe", "act", {"count": 5, "what": "write"})
    scene.block(scene.sign([write, ("probe", "act", {"what": "fault"})]))
    assert scene.ledger.get_state(b"probe/key") is None

    receipt = scene.block(
        scene.sign([write, ("doc", "register", {"digest": b"d" * 32, "id": "x"})])
    )
    assert len(receipt[0].calls) == 2
    assert scene.ledger.get_state(b"probe/key") == encode_value(5)


def test_due_entries_run_first_when_their_time_has_come(scene):
    probe(scene, "due", 9_000)
    probe(scene, "due", 5_000)
    assert scene.ledger.next_due() == START + 5_000
    assert scene.ledger.due_transaction(START + 4_999) is None
    assert scene.ledger.due_transaction(START + 5_000).transaction.type == DUE
    receipts = scene.block(register(scene), time=START + 9_000)

    assert [one["code"] for one in receipts[0].calls[0].value()["entries"]] == ["OK", "OK"]
    assert [e.fields()["count"] for e in receipts[0].calls[0].events] == [5_000, 9_000]
    assert receipts[1].code == "OK"
    assert scene.ledger.next_due() is None
    assert scene.ledger.get_state(b"probe/rung/5000") == encode_value(START + 9_000)


def test_a_due_entry_alone_is_a_reason_for_a_block(scene):
    probe(scene, "due", 5_000)

    assert scene.build([], START + 4_999, allow_empty=False) is None
    assert scene.build([], START + 5_000, allow_empty=False).transactions[0].transaction.type == DUE


@pytest.mark.parametrize(("what", "code"), [("due-bad", "STATE"), ("due-fault", "FAULT")])
def test_a_due_entry_that_fails_is_gone_and_leaves_nothing(scene, what, code):
    probe(scene, what, 5_000)
    probe(scene, "due", 5_001)
    receipt = scene.block(time=START + 6_000)[0]

    assert [one["code"] for one in receipt.calls[0].value()["entries"]] == [code, "OK"]
    assert scene.ledger.get_state(b"probe/rung/5000") is None
    assert [event.fields() for event in receipt.calls[0].events] == [{"count": 5_001}]
    assert scene.ledger.next_due() is None


def test_a_due_entry_without_a_result_makes_no_block(scene):
    probe(scene, "due-memory", 5_000)

    assert scene.build([register(scene)], START + 6_000) is None
    staged = scene.build([], START + 4_000)
    header = replaced(staged.header, time=START + 6_000)
    with pytest.raises(BlockRefused) as caught:
        scene.ledger.run(Proposal(header, (), staged.last_certificate), (), signatures_checked=True)

    assert (caught.value.code, caught.value.index) == ("transaction.no-result", 0)


def test_a_damaged_store_under_a_due_entry_stops_the_node(scene):
    probe(scene, "due-storage", 5_000)

    with pytest.raises(Corrupt):
        scene.build([], START + 6_000)


def test_a_block_that_leaves_out_its_due_entries_is_refused(scene):
    probe(scene, "due", 5_000)
    good = register(scene)
    early = scene.build([good], START + 4_000)
    header = replaced(early.header, time=START + 6_000)

    with pytest.raises(BlockRefused) as caught:
        scene.ledger.run(
            Proposal(header, early.proposal.tx_hashes, early.last_certificate),
            early.transactions,
            signatures_checked=True,
        )

    assert caught.value.code == "block.due"


def test_a_due_transaction_that_nobody_is_due_breaks_a_rule(scene):
    probe(scene, "due", 5_000)
    due = scene.build([], START + 5_000).transactions[0]
    staged = scene.build([], START + 4_000)

    with pytest.raises(BlockRefused) as caught:
        scene.ledger.run(
            Proposal(staged.header, (due.tx_hash,), staged.last_certificate),
            (due,),
            signatures_checked=True,
        )
    assert (caught.value.code, caught.value.index) == ("transaction.type", 0)
    with pytest.raises(Rejected):
        scene.ledger.check_admission(due, START)


def test_at_most_64_due_entries_run_in_a_block(scene):
    scene.block(
        *(scene.sign([("probe", "act", {"count": 5_000 + n, "what": "due"})]) for n in range(70))
    )
    first = scene.block(time=START + 10_000)[0]
    second = scene.block(time=START + 10_001)[0]

    assert len(first.calls[0].value()["entries"]) == 64
    assert len(second.calls[0].value()["entries"]) == 6


ADMITTED = {
    "one signer": (("farm/app",), DAY, None),
    "one signer and too late": (("farm/app",), DAY + 1, "transaction.expiry-far"),
    "two signers": (("farm/app", "carrier/app"), 7 * DAY, None),
    "past": (("farm/app",), -1, "transaction.expired"),
    "a stranger": (("nobody",), DAY, "transaction.sender"),
}


@pytest.mark.parametrize("name", ADMITTED)
def test_a_node_admits(scene, name):
    signers, lasts, code = ADMITTED[name]
    signed = register(scene, 1, *signers, expires_at=START + lasts)

    assert _code(lambda: scene.ledger.check_admission(signed, START)) == code


def _code(action):
    try:
        action()
    except Rejected as error:
        return error.code
    return None


def test_the_store_answers_for_what_is_in_it(scene):
    transactions = [register(scene, n) for n in range(1, 4)]
    scene.block(*transactions)
    scene.block(register(scene, 4))
    ledger, tx_id = scene.ledger, transactions[1].tx_id
    found = ledger.inclusion(tx_id)

    assert ledger.location(tx_id) == (1, 1)
    assert found.receipt == ledger.receipt(tx_id) == ledger.receipts(1)[1]
    verify_inclusion(
        leaf_hash(found.receipt), found.log_index, found.log_size, found.path, ledger.head.log_root
    )
    early = ledger.inclusion(tx_id, 1)
    verify_inclusion(leaf_hash(early.receipt), 1, 3, early.path, ledger.header(1).log_root)
    assert ledger.consistency(3, 4)
    assert ledger.block(1).header == ledger.header(1)
    assert ledger.certificate(2).height == 2
    assert ledger.certificate(3) is None
    assert ledger.validators_at(1) == ledger.validators_at(3) == ledger.validators
    assert ledger.set_changes() == ()


def test_the_store_answers_none_for_what_is_not_in_it(scene):
    scene.block(register(scene, 1))
    late = register(scene, 2)
    scene.block(late)
    ledger = scene.ledger

    assert ledger.receipt(b"x" * 32) is None
    assert ledger.inclusion(b"x" * 32) is None
    assert ledger.inclusion(late.tx_id, 1) is None
    assert ledger.inclusion(late.tx_id, 9) is None
    assert ledger.header(3) is ledger.block(3) is ledger.validators_at(4) is None
    assert ledger.validators_at(0) is None
    assert ledger.receipts(3) == ()


def test_the_state_is_proven_at_the_head_and_before(scene):
    probe(scene, "write", 1)
    probe(scene, "write", 2)
    ledger, name = scene.ledger, b"probe/key"

    assert ledger.get_state(name) == encode_value(2)
    assert ledger.get_state(name, 1) == encode_value(1)
    assert ledger.get_state(name, 0) is None
    assert ledger.get_state(b"org/member/farm", 0) is not None
    assert ledger.prove_state(name).verify(ledger.head.state_root, name)
    assert ledger.prove_state(name, 1).verify(ledger.header(1).state_root, name)
    assert ledger.prove_state(name, 0).verify(ledger.header(0).state_root, name) is None
    assert dict(ledger.scan_state(b"probe/")) == {name: encode_value(2)}
    with pytest.raises(Unavailable):
        ledger.get_state(name, 9)


def test_a_missing_undo_record_or_header_stops_the_node(scene):
    signed = register(scene)
    scene.block(signed)
    scene.store.write(
        {b"u" + (1).to_bytes(8, "big"): None, b"h" + (1).to_bytes(8, "big"): None}, sync=True
    )

    with pytest.raises(Corrupt):
        scene.ledger.get_state(b"x", 0)
    with pytest.raises(Corrupt):
        scene.ledger.inclusion(signed.tx_id)


@pytest.mark.slow
def test_undo_and_certificates_leave_the_window(scene):
    for _ in range(258):
        scene.block()
    kept = [int.from_bytes(name[1:], "big") for name, _ in scene.store.iterate_prefix(b"c")]
    undos = [int.from_bytes(name[1:], "big") for name, _ in scene.store.iterate_prefix(b"u")]

    assert kept == undos == list(range(3, 259))
    assert scene.ledger.certificate(2).height == 2
    with pytest.raises(Unavailable):
        scene.ledger.get_state(b"x", 1)


def test_events_are_listed_with_the_index_of_their_transaction(scene):
    staged = scene.build([register(scene, 1), register(scene, 2, "carrier/app")])

    assert [(index, name) for index, name, _ in staged.events] == [
        (0, "doc.registered"),
        (1, "doc.registered"),
    ]


def test_a_certificate_of_another_block_commits_nothing(scene):
    one, other = scene.build([register(scene, 1)]), scene.build([register(scene, 2)])

    with pytest.raises(AssertionError):
        scene.ledger.commit(one, scene.certify(other))


def test_the_key_of_a_test_is_always_the_same():
    assert key("x").public == key("x").public
