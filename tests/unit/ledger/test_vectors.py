"""Frozen bytes: a chain from its genesis, and what one flipped byte of it does."""

import json
from pathlib import Path

import pytest

from hansa.block import decode_block
from hansa.certificate import Certificate
from hansa.encoding import unpack
from hansa.errors import Rejected
from hansa.genesis import decode_genesis
from hansa.receipt import decode_receipt
from hansa.signing import verify
from hansa.transaction import SignedTransaction
from ledger.boot import genesis_block
from ledger.execution import Ledger
from storage.kv import MemoryStore

FILE = json.loads(
    (Path(__file__).resolve().parents[2] / "vectors" / "ledger.json").read_text(encoding="utf-8")
)


def opened():
    """The ledger of the vector's chain at its genesis, and its store."""
    header, batch = genesis_block(decode_genesis(json.dumps(FILE["genesis"]).encode()))
    assert header.hash.hex() == FILE["genesis_hash"]
    store = MemoryStore()
    store.write(batch, sync=True)
    return Ledger.open(store, verify), store


def run(ledger, raw):
    block = decode_block(raw)
    transactions = [SignedTransaction.decode(one) for one in block.transactions]
    return ledger.run(block.proposal(), transactions, signatures_checked=False)


def test_every_block_gives_its_bytes():
    ledger, store = opened()
    seen = []
    for entry in FILE["blocks"]:
        staged = run(ledger, bytes.fromhex(entry["block"]))
        certificate = unpack(Certificate, bytes.fromhex(entry["certificate"]))
        certificate.check(ledger.head.chain_id, ledger.validators, verify)
        store.write(ledger.commit(staged, certificate), sync=True)
        ledger.adopt(staged)
        seen.append(
            {
                "hash": staged.hash.hex(),
                "receipts": [receipt.hex() for receipt in staged.receipts],
                "codes": [decode_receipt(receipt).code for receipt in staged.receipts],
                "state_root": ledger.head.state_root.hex(),
                "log_root": ledger.head.log_root.hex(),
                "tx_ids": [tx_id.hex() for tx_id in staged.tx_ids],
                "block": staged.body.hex(),
                "certificate": entry["certificate"],
            }
        )

    assert seen == FILE["blocks"]


@pytest.mark.parametrize("position", range(40, 1050, 83))
def test_a_flipped_byte_is_refused(position):
    ledger, _ = opened()
    raw = bytearray.fromhex(FILE["blocks"][0]["block"])
    raw[position] ^= 1

    with pytest.raises(Rejected):
        run(ledger, bytes(raw))
