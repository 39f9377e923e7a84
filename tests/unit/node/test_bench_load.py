"""What the benchmark submits."""

import pytest

from hansa.epcis import read_event
from hansa.genesis import Genesis, LegalId, Member, Node, check_genesis
from hansa.gs1 import has_valid_check_digit
from hansa.keys import public_key_text
from hansa.receipt import OK, decode_receipt
from hansa.signing import SigningKey, verify
from ledger.boot import genesis_block
from ledger.execution import Ledger
from node.bench_load import (
    EVENT_AGE_MS,
    MEMBERS_MAX,
    LoadPlan,
    client_key,
    enrol,
    event_text,
    gln_of,
    gtin_of,
    prefix_of,
    signed_messages,
    transaction,
    transactions,
)
from storage.kv import MemoryStore

NOW = 1_800_000_000_000
KEYS = 10


def plan(workload="epcis", seed=7):
    return LoadPlan("bench-chain", workload, seed, KEYS, 3, NOW, NOW + 60_000)


def key_text(number):
    return public_key_text(SigningKey(bytes([number]) * 32).public)


def founders(count=3):
    """A genesis of members that own the prefixes of the load."""
    members = tuple(
        Member(
            f"org{i}",
            LegalId("OTHER", f"b{i}"),
            {"en": f"org{i}"},
            key_text(1 + i),
            (prefix_of(i),),
            (gln_of(i),),
        )
        for i in range(count)
    )
    nodes = (Node("node0", "org0", key_text(100), key_text(101)),)
    return Genesis("bench-chain", NOW - 1_000, members, nodes)


@pytest.mark.parametrize("workload", ["epcis", "doc"])
def test_a_chain_accepts_every_transaction_of_a_load(workload):
    store = MemoryStore()
    store.write(genesis_block(enrol(founders(), 7, KEYS))[1], sync=True)
    ledger = Ledger.open(store, verify)
    load = list(transactions(plan(workload), 0, 3 * KEYS))

    staged = ledger.build(load, time=NOW, primary="node0", last_certificate=None, allow_empty=False)

    assert staged is not None
    codes = [decode_receipt(receipt).code for receipt in staged.receipts]
    assert codes == [OK] * 3 * KEYS


@pytest.mark.parametrize("workload", ["epcis", "doc"])
def test_no_two_transactions_share_an_intent_or_a_nonce(workload):
    made = list(transactions(plan(workload), 0, 200))

    assert len({item.tx_id for item in made}) == 200
    assert len({(item.sender, item.transaction.nonce) for item in made}) == 200
    assert len({item.transaction.calls[0].args for item in made}) == 200


def test_the_same_seed_makes_the_same_bytes_and_another_seed_others():
    first, second, other = (transaction(plan(seed=seed), 5).raw for seed in (7, 7, 8))

    assert first == second
    assert first != other


def test_every_client_key_signs_in_turn():
    senders = [item.sender for item in transactions(plan(), 0, KEYS + 1)]

    assert senders == [client_key(7, index % KEYS).public for index in range(KEYS + 1)]


def test_enrolling_gives_each_key_to_one_member():
    genesis = enrol(founders(), 7, KEYS)

    check_genesis(genesis)
    people = [[person.name for person in member.people] for member in genesis.members]
    assert [len(names) for names in people] == [4, 3, 3]
    assert people[1] == ["scanner-1", "scanner-4", "scanner-7"]


def test_an_event_is_a_scan_of_one_item_in_the_past():
    event = read_event(event_text(plan(), 1, 42))

    assert (event.kind, event.action, event.step) == ("ObjectEvent", "ADD", "commissioning")
    assert event.objects == (f"https://id.gs1.org/01/{gtin_of(1)}/21/S7-0000002A",)
    assert NOW - EVENT_AGE_MS - 1_000 <= event.time <= NOW - EVENT_AGE_MS


@pytest.mark.parametrize("member", [0, 1, MEMBERS_MAX - 1])
def test_identifiers_of_members_are_valid_and_their_own(member):
    assert has_valid_check_digit(gln_of(member))
    assert has_valid_check_digit(gtin_of(member))
    assert gln_of(member).startswith(prefix_of(member))
    assert gtin_of(member)[1:].startswith(prefix_of(member))


def test_what_libsodium_is_measured_with_are_the_loads_own_signatures():
    messages = signed_messages(plan(), 3)

    expected = list(transactions(plan(), 0, 3))
    assert [signed[:64] for signed, _ in messages] == [item.signatures[0] for item in expected]
    assert all(verify(b"\x01" + key, signed[64:], signed[:64]) for signed, key in messages)
