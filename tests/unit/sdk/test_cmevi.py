"""CMEVI's names over `doc`: a digest in, the evidence with its place and time out."""

import pytest

from hansa import cmevi
from hansa.client import Client
from hansa.errors import Rejected
from hansa.hashing import sha256
from hansa.transaction import CALLS_MAX
from tests.unit.sdk.place import Server

HASH = sha256(b"a deed").hex()


@pytest.fixture
def server():
    with Server() as server:
        yield server


def submit(server, calls, member="farm"):
    plain = [(call.contract, call.method, call.arguments()) for call in calls]
    return server.chain.submit(plain, member)


def test_evidence_is_found_by_its_id_and_by_its_hash(server):
    receipt = submit(server, [cmevi.evidence("e1", HASH, "scanned in room 4")])
    with Client(server.url) as client:
        found = cmevi.find_by_id(client, "e1")

        assert cmevi.exists_of_id(client, "e1")
        assert cmevi.exists_of_hash(client, HASH.upper())
        assert cmevi.find_by_hash(client, HASH) == (found,)
    assert (found.hash, found.metadata) == (HASH, "scanned in room 4")
    assert (found.tx_id, found.block_height) == (receipt.tx_id.hex(), receipt.height)
    assert found.timestamp == server.chain.time


def test_what_nobody_registered_is_not_found(server):
    with Client(server.url) as client:
        assert not cmevi.exists_of_id(client, "e1")
        assert not cmevi.exists_of_hash(client, HASH)
        assert cmevi.find_by_hash(client, HASH) == ()
        with pytest.raises(Rejected, match="MISSING"):
            cmevi.find_by_id(client, "e1")
        with pytest.raises(Rejected, match="SCHEMA"):
            cmevi.exists_of_hash(client, "no hash")


def test_a_batch_is_one_transaction(server):
    items = [(f"e{n}", sha256(b"%d" % n).hex(), "") for n in range(3)]
    receipt = submit(server, cmevi.evidence_batch(items))

    assert (receipt.code, len(receipt.calls)) == ("OK", 3)
    for wrong in ([], [items[0]] * (CALLS_MAX + 1)):
        with pytest.raises(Rejected, match=r"cmevi\.batch"):
            cmevi.evidence_batch(wrong)
    with pytest.raises(Rejected, match=r"cmevi\.hash"):
        cmevi.evidence("e", "no hash")


def test_an_update_is_a_new_document_and_the_old_one_stays(server):
    submit(server, [cmevi.evidence("e1", HASH)])
    newer = sha256(b"a better scan").hex()
    receipt = submit(server, [cmevi.update_evidence("e1", 1, "e2", newer)])

    assert receipt.code == "OK"
    with Client(server.url) as client:
        assert cmevi.find_by_id(client, "e1").hash == HASH
        assert cmevi.find_by_id(client, "e2").hash == newer
