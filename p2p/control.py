"""Control messages: handshake, refusals, keepalive (docs/spec/network.md, section 3).

A control message is a type byte and a struct. The shapes of `Hello` and `Refusal` never
change: nodes of all versions must be able to tell each other why they part.
"""

from typing import Annotated, Literal

import msgspec

from hansa.encoding import Hash, Name, Uint, Wire, pack, unpack
from hansa.errors import Rejected
from hansa.keys import PublicKey, Signature

Role = Literal["validator", "observer"]

Instance = Annotated[bytes, msgspec.Meta(min_length=16, max_length=16)]
"""Chance drawn once when a node starts: another one says that the peer has restarted."""

TEXT_MAX = 400
"""Characters of a refusal's detail and hint: both fit a control frame in any script."""

Text = Annotated[str, msgspec.Meta(max_length=TEXT_MAX, pattern=r"^[^\x00-\x1f\x7f]*\Z")]
"""One line that a peer wrote and an operator may read: no control characters."""

ShortText = Annotated[str, msgspec.Meta(max_length=64, pattern=r"^[^\x00-\x1f\x7f]*\Z")]

Code = Annotated[str, msgspec.Meta(min_length=1, max_length=32, pattern=r"^[a-z][a-z_.-]*\Z")]

REFUSALS = frozenset(
    {
        "busy", "closing", "duplicate", "frame.fragment", "frame.oversize", "malformed", "order",
        "penalised", "protocol", "rate", "self", "signature", "unknown_node", "wrong_chain",
        "wrong_key",
    }
)  # fmt: skip
"""The codes that this version sends."""


class Hello(Wire, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """Who speaks, for which chain."""

    protocol_min: Uint
    protocol_max: Uint
    chain_id: Name
    genesis_hash: Hash
    name: Name
    role: Role
    key: PublicKey
    nonce: Hash
    instance: Instance
    configuration: Hash
    software: ShortText


class Answer(Wire, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """The listener's Hello and its signature over the transcript."""

    hello: Hello
    signature: Signature


class Proof(Wire, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """The dialler's signature over the transcript."""

    signature: Signature


class Welcome(Wire, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """The listener lets the dialler in, with this protocol version."""

    protocol: Uint


class Refusal(Wire, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """Why the connection ends, and what can be done about it."""

    code: Code
    detail: Text
    hint: Text

    @classmethod
    def of(cls, error: Rejected) -> "Refusal":
        """The refusal that tells of an error, cut to what a frame may carry."""
        code = error.code if error.code in REFUSALS else "malformed"
        return cls(code, _line(error.detail), _line(error.hint))


class Ping(Wire, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """Are you there?"""

    mark: Uint


class Pong(Wire, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """Yes; the mark of the ping."""

    mark: Uint


Control = Hello | Answer | Proof | Welcome | Refusal | Ping | Pong

_TYPES: tuple[type[Control], ...] = (Hello, Answer, Proof, Welcome, Refusal, Ping, Pong)
"""Type byte 1 is the first."""


def encode_control(message: Control) -> bytes:
    """The type byte and the struct."""
    return bytes([_TYPES.index(type(message)) + 1]) + pack(message)


def decode_control(payload: bytes) -> Control | None:
    """The message behind `payload`; None when its type belongs to a later version.

    Raises:
        Rejected: ``encoding.malformed`` or ``encoding.not-canonical``.
    """
    if not payload:
        raise Rejected("encoding.malformed", "an empty control message")
    index = payload[0] - 1
    if not 0 <= index < len(_TYPES):
        return None
    return unpack(_TYPES[index], payload[1:])


def _line(text: str) -> str:
    """One printable line of at most `TEXT_MAX` characters."""
    return "".join(
        " " if ord(letter) < 32 or ord(letter) == 127 else letter  # noqa: PLR2004
        for letter in text[:TEXT_MAX]
    )
