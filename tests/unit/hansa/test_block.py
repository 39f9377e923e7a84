"""Headers, proposals and blocks (docs/spec/ledger.md, section 2)."""

import pytest
from msgspec.structs import replace

from hansa.block import (
    BLOCK_BYTES_MAX,
    Block,
    Header,
    Proposal,
    check_links,
    decode_block,
    hash_of_raw,
)
from hansa.encoding import pack, unpack
from hansa.errors import Rejected
from hansa.hashing import ZERO_HASH
from hansa.merkle import root_of
from tests.unit.hansa.frozen import frozen

VECTOR = frozen("consensus")["block"]
BLOCK = decode_block(bytes.fromhex(VECTOR["bytes"]))


def changed(**fields):
    """The proposal with other header fields."""
    proposal = BLOCK.proposal()
    return replace(proposal, header=replace(proposal.header, **fields))


def test_a_block_has_its_frozen_bytes_and_hash():
    assert pack(BLOCK).hex() == VECTOR["bytes"]
    assert pack(BLOCK.header).hex() == VECTOR["header"]
    assert BLOCK.header.hash.hex() == VECTOR["hash"]
    assert pack(BLOCK.proposal()).hex() == VECTOR["proposal"]
    assert unpack(Header, bytes.fromhex(VECTOR["header"])) == BLOCK.header


def test_every_field_of_a_header_changes_its_hash():
    header = BLOCK.header
    hashes = {header.hash}
    for name in header.__struct_fields__:
        value = getattr(header, name)
        match value:
            case bytes():
                other = bytes(31) + bytes([value[-1] ^ 1])
            case str():
                other = value + "x"
            case _:
                other = value + 1
        hashes.add(replace(header, **{name: other}).hash)

    assert len(hashes) == len(header.__struct_fields__) + 1


@pytest.mark.parametrize(
    ("proposal", "code"),
    [
        (replace(BLOCK.proposal(), tx_hashes=()), "block.txs-root"),
        (replace(BLOCK.proposal(), tx_hashes=(ZERO_HASH,)), "block.txs-root"),
        (changed(txs_root=ZERO_HASH), "block.txs-root"),
        (changed(last_certificate=ZERO_HASH), "block.last-certificate"),
        (changed(last_view=BLOCK.header.last_view + 1), "block.last-certificate"),
        (changed(height=BLOCK.header.height + 1), "block.last-certificate"),
        (changed(parent=ZERO_HASH), "block.last-certificate"),
        (replace(BLOCK.proposal(), last_certificate=None), "block.last-certificate"),
    ],
)
def test_a_body_that_is_not_the_header_s_is_refused(proposal, code):
    with pytest.raises(Rejected) as caught:
        check_links(proposal)

    assert caught.value.code == code


def test_the_first_block_has_no_certificate():
    header = replace(BLOCK.header, height=1, last_certificate=ZERO_HASH, last_view=0)

    check_links(Proposal(header, BLOCK.proposal().tx_hashes, None))


def test_a_proposal_names_transactions_by_their_hash():
    hashes = tuple(hash_of_raw(raw) for raw in BLOCK.transactions)

    assert BLOCK.proposal().tx_hashes == hashes
    assert BLOCK.header.txs_root == root_of(hashes)


def test_a_block_that_does_not_fit_its_header_or_its_limit_is_refused():
    with pytest.raises(Rejected, match=r"block\.txs-root"):
        decode_block(pack(replace(BLOCK, transactions=())))
    with pytest.raises(Rejected, match=r"block\.too-large"):
        decode_block(bytes(BLOCK_BYTES_MAX + 1))
    with pytest.raises(Rejected, match="encoding"):
        decode_block(pack(BLOCK)[:-1])


def test_a_block_and_its_proposal_are_different_bytes():
    assert isinstance(unpack(Block, pack(BLOCK)), Block)
    with pytest.raises(Rejected):
        unpack(Proposal, pack(BLOCK))
