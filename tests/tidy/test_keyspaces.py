"""The ledger may not import the store, so both spell the key spaces; they spell them alike."""

import ledger.staged
import storage.keyspace

NAMES = (
    "META", "HEADER", "BODY", "CERTIFICATE", "RECEIPTS", "LOG_TILE", "STATE", "TREE_PAGE", "UNDO",
    "REPLAY", "TX_INDEX", "EXPIRY", "RECORD_INDEX", "HEAD_KEY",
)  # fmt: skip


def test_ledger_and_store_agree_on_every_key_space():
    ours = {name: getattr(ledger.staged, name) for name in NAMES}

    assert ours == {name: getattr(storage.keyspace, name) for name in NAMES}
    assert set(ledger.staged.KEY_SPACES) == set(storage.keyspace.KEY_SPACES)


def test_no_two_key_spaces_share_a_first_byte():
    spaces = storage.keyspace.KEY_SPACES

    assert len(set(spaces)) == len(spaces)
    assert {len(space) for space in spaces} == {1}
