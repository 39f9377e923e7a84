"""What nodes say for block sync (docs/spec/sync.md, 2): one tag byte, one canonical array."""

from collections.abc import Iterable
from typing import Annotated, TypeAlias

import msgspec

from hansa.block import BLOCK_BYTES_MAX
from hansa.encoding import Hash, Uint, Wire, pack, unpack
from hansa.errors import Rejected

WINDOW = 16
"""Heights of one request: more only makes a bad peer's range dearer to drop."""
CERTIFICATE_BYTES_MAX = 16 * 1024
"""A certificate of 100 validators has 67 signatures: 4.5 KiB."""
REPLY_BYTES_MAX = BLOCK_BYTES_MAX + CERTIFICATE_BYTES_MAX
"""Blocks and certificates of one reply: the largest block fits; small ones fill it."""

BlockBytes = Annotated[bytes, msgspec.Meta(min_length=1, max_length=BLOCK_BYTES_MAX)]
CertificateBytes = Annotated[bytes, msgspec.Meta(min_length=1, max_length=CERTIFICATE_BYTES_MAX)]


class Status(Wire, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """STATUS: the sender's head. A claim, never a proof."""

    height: Uint
    block_hash: Hash


class GetBlocks(Wire, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """GETBLOCKS: asks for `count` blocks from `from_height` on."""

    from_height: Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
    count: Annotated[int, msgspec.Meta(ge=1, le=WINDOW)]


class SyncBlock(Wire, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """A stored block and the certificate that the sender keeps for it, as bytes."""

    block: BlockBytes
    certificate: CertificateBytes


class Blocks(Wire, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """BLOCKS: blocks of consecutive heights from `from_height` on; none: not to be had here."""

    from_height: Uint
    blocks: Annotated[tuple[SyncBlock, ...], msgspec.Meta(max_length=WINDOW)]


SyncMessage: TypeAlias = Status | GetBlocks | Blocks

_TAGS: dict[type[Wire], bytes] = {Status: b"\x01", GetBlocks: b"\x02", Blocks: b"\x03"}
_KINDS = {tag: kind for kind, tag in _TAGS.items()}


def encode_sync(message: SyncMessage) -> bytes:
    """The bytes that travel."""
    return _TAGS[type(message)] + pack(message)


def decode_sync(data: bytes) -> SyncMessage:
    """The message that `data` encodes.

    Raises:
        Rejected: ``message.unknown`` or ``encoding.*``.
    """
    kind = _KINDS.get(data[:1])
    if kind is None:
        raise Rejected("message.unknown", f"sync: tag {data[:1].hex() or 'missing'}")
    return unpack(kind, data[1:])  # type: ignore[return-value]  # _KINDS holds only these


def fit_reply(stored: Iterable[tuple[bytes, bytes]]) -> tuple[SyncBlock, ...]:
    """As many leading (block, certificate) pairs as one reply holds, at least one."""
    chosen: list[SyncBlock] = []
    size = 0
    for block, certificate in stored:
        size += len(block) + len(certificate)
        if len(chosen) == WINDOW or (chosen and size > REPLY_BYTES_MAX):
            break
        chosen.append(SyncBlock(block, certificate))
    return tuple(chosen)
