"""Headers, proposals and blocks (docs/spec/ledger.md, section 2)."""

from typing import Annotated

import msgspec

from hansa.certificate import Certificate
from hansa.encoding import Hash, Name, Uint, Wire, pack, unpack
from hansa.errors import Rejected
from hansa.hashing import tagged_hash
from hansa.merkle import root_of

HEADER_VERSION = 1
BLOCK_BYTES_MAX = 4 * 1024 * 1024
BLOCK_TRANSACTIONS_MAX = 5_000


class Header(Wire, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """What a block's hash covers. No view: a block proposed again keeps its bytes.

    Roots and `log_size` are those after this block's own execution. Times are ms since
    1970. `last_certificate` is the hash of the parent's commit certificate, which stands in
    the body, and `last_view` its view (32 zero bytes and 0 at height 1).
    """

    version: int
    chain_id: Name
    suite: int
    epoch: Uint
    height: Uint
    time: Uint
    parent: Hash
    primary: str
    txs_root: Hash
    state_root: Hash
    log_root: Hash
    log_size: Uint
    validators_hash: Hash
    next_validators_hash: Hash
    last_certificate: Hash
    last_view: Uint
    parameters_version: Uint

    @property
    def hash(self) -> bytes:
        """The block hash: 32 bytes."""
        return tagged_hash("block", pack(self))


class Proposal(Wire, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """A block as it is pre-prepared: header, transaction hashes, the parent's certificate."""

    header: Header
    tx_hashes: Annotated[tuple[Hash, ...], msgspec.Meta(max_length=BLOCK_TRANSACTIONS_MAX)]
    last_certificate: Certificate | None


class Block(Wire, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """A block as it is stored and synced: header, signed transactions, parent's certificate."""

    header: Header
    transactions: Annotated[tuple[bytes, ...], msgspec.Meta(max_length=BLOCK_TRANSACTIONS_MAX)]
    last_certificate: Certificate | None

    def proposal(self) -> Proposal:
        """The same block with hashes in the place of transactions."""
        return Proposal(
            self.header, tuple(map(hash_of_raw, self.transactions)), self.last_certificate
        )


def hash_of_raw(raw: bytes) -> bytes:
    """The `tx_hash` of the bytes of a signed transaction."""
    return tagged_hash("tx-hash", raw)


def check_links(proposal: Proposal) -> None:
    """Check what a proposal says of itself: its transactions and certificate against its header.

    Raises:
        Rejected: ``block.txs-root`` or ``block.last-certificate``.
    """
    header = proposal.header
    if root_of(proposal.tx_hashes) != header.txs_root:
        raise Rejected("block.txs-root", f"height {header.height}: other transactions than said")
    certificate = proposal.last_certificate
    expected = (bytes(32), 0) if certificate is None else (certificate.hash, certificate.view)
    if expected != (header.last_certificate, header.last_view):
        raise Rejected("block.last-certificate", f"height {header.height}: another certificate")
    if certificate is not None and (certificate.height, certificate.block_hash) != (
        header.height - 1,
        header.parent,
    ):
        raise Rejected("block.last-certificate", f"height {header.height}: not of the parent")


def decode_block(data: bytes) -> Block:
    """Parse a block and check its links.

    Raises:
        Rejected: ``block.too-large``, ``block.*`` or ``encoding.*``.
    """
    if len(data) > BLOCK_BYTES_MAX:
        raise Rejected("block.too-large", f"{len(data)} bytes, at most {BLOCK_BYTES_MAX}")
    block = unpack(Block, data)
    check_links(block.proposal())
    return block
