"""What nodes say about transactions (docs/spec/mempool.md, 6): a tag byte and an array."""

from collections.abc import Iterable, Iterator
from typing import Annotated, TypeAlias

import msgspec

from hansa.encoding import Hash, Wire, pack, unpack
from hansa.errors import Rejected
from hansa.transaction import TRANSACTION_BYTES_MAX

BATCH_BYTES = 60 * 1024
"""Transactions are batched up to this, so that a batch is one frame; a larger one goes alone."""
BATCH_COUNT_MAX = 1_024
"""Transactions of a message: 60 KiB of the smallest possible ones."""
GET_COUNT_MAX = 1_024
"""Hashes of a request: 32 KiB; a block of 5,000 needs five requests."""

RawTransaction = Annotated[bytes, msgspec.Meta(min_length=1, max_length=TRANSACTION_BYTES_MAX)]


class Transactions(Wire, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """TXS: signed transactions as bytes, offered or asked for."""

    raws: Annotated[
        tuple[RawTransaction, ...], msgspec.Meta(min_length=1, max_length=BATCH_COUNT_MAX)
    ]


class GetTransactions(Wire, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """GETTX: asks for transactions by `tx_hash`. What the other does not have it leaves out."""

    tx_hashes: Annotated[tuple[Hash, ...], msgspec.Meta(min_length=1, max_length=GET_COUNT_MAX)]


GossipMessage: TypeAlias = Transactions | GetTransactions

_TAGS: dict[type[Wire], bytes] = {Transactions: b"\x01", GetTransactions: b"\x02"}
_KINDS = {tag: kind for kind, tag in _TAGS.items()}


def encode_gossip(message: GossipMessage) -> bytes:
    """The bytes that travel."""
    return _TAGS[type(message)] + pack(message)


def decode_gossip(data: bytes) -> GossipMessage:
    """The message that `data` encodes.

    Raises:
        Rejected: ``message.unknown`` or ``encoding.*``.
    """
    kind = _KINDS.get(data[:1])
    if kind is None:
        raise Rejected("message.unknown", f"transactions: tag {data[:1].hex() or 'missing'}")
    return unpack(kind, data[1:])  # type: ignore[return-value]  # _KINDS holds only these


def batches(raws: Iterable[bytes]) -> Iterator[bytes]:
    """Encoded TXS messages that hold `raws` in order."""
    batch: list[bytes] = []
    size = 0
    for raw in raws:
        if batch and (size + len(raw) > BATCH_BYTES or len(batch) == BATCH_COUNT_MAX):
            yield encode_gossip(Transactions(tuple(batch)))
            batch, size = [], 0
        batch.append(raw)
        size += len(raw)
    if batch:
        yield encode_gossip(Transactions(tuple(batch)))
