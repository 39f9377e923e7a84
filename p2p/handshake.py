"""The handshake inside TLS, as two machines without I/O (docs/spec/network.md, section 4).

Promise: a machine that ends with `Established` has seen, in this very conversation, a
signature of the peer's transport key over both keys, both nonces, the chain and both roles.
Nothing that one side signs can be used anywhere else:

- relayed: the transcript names both keys, so it fits no third node;
- reflected: each side signs under a tag of its own, and nobody talks to its own key;
- replayed: both nonces are fresh chance, and a machine is used once.

```
dialler                                       listener
   | -- TLS 1.3: certificate over listener's key -- |   pinned before the first byte
   | -- Hello ------------------------------------> |   known key? chain? protocol?
   | <------------- Answer: Hello, signature ------ |
   | -- Proof: signature -------------------------> |
   | <------------- Welcome ----------------------- |   or, at any time, a Refusal
```
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from hansa.encoding import Wire, pack
from hansa.errors import Rejected
from hansa.hashing import tagged_hash
from hansa.keys import public_key_text
from hansa.signing import verify
from p2p.control import (
    Answer,
    Control,
    Hello,
    Proof,
    Refusal,
    Welcome,
    decode_control,
    encode_control,
)
from p2p.peers import Identity, PeerInfo

DIALLER_TAG, LISTENER_TAG = "p2p-dialler", "p2p-listener"
"""What the two signatures are tagged with: neither can stand for the other."""

NONCE_BYTES = 32
"""Chance in a Hello: never drawn twice."""

Known = Callable[[bytes], PeerInfo | None]
"""Transport key -> who it is, or None. It may raise `Rejected` to refuse for another reason."""


class Transcript(Wire, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """All that both have said, in the order of the roles."""

    dialler: Hello
    listener: Hello


def statement(tag: str, dialler: Hello, listener: Hello) -> bytes:
    """The 32 bytes that the side with this tag signs (clause 4.3)."""
    return tagged_hash(tag, pack(Transcript(dialler, listener)))


def hello_of(identity: Identity, nonce: bytes, instance: bytes) -> Hello:
    """What `identity` says of itself, with a nonce that was never used before."""
    return Hello(
        protocol_min=identity.protocol_min,
        protocol_max=identity.protocol_max,
        chain_id=identity.chain_id,
        genesis_hash=identity.genesis_hash,
        name=identity.name,
        role=identity.role,
        key=identity.key.public,
        nonce=nonce,
        instance=instance,
        configuration=identity.configuration,
        software=identity.software,
    )


@dataclass(frozen=True, slots=True)
class Established:
    """A peer that has proven its key."""

    info: PeerInfo
    hello: Hello
    protocol: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What to do now: send, then look whether the conversation is decided."""

    send: bytes = b""
    """A control message, or nothing."""
    established: Established | None = None
    """The peer; the listener still sends its welcome (or a refusal) after its own last checks."""
    refusal: Refusal | None = None
    """Why it failed; close the connection after sending."""


class _State(Enum):
    START = auto()
    HELLO_SENT = auto()
    ANSWERED = auto()
    PROOF_SENT = auto()
    ENDED = auto()


class Dialler:
    """The side that opened the connection. Used once."""

    def __init__(self, identity: Identity, hello: Hello, expected: bytes, known: Known) -> None:
        """Prepare to talk to the owner of the key `expected` (33 bytes), and to nobody else."""
        self._identity = identity
        self._hello = hello
        self._expected = expected
        self._known = known
        self._state = _State.START
        self._established: Established | None = None

    def start(self, certificate_key: bytes) -> Step:
        """Begin, once TLS has shown a certificate over `certificate_key`."""
        assert self._state is _State.START
        if certificate_key != self._expected:
            self._state = _State.ENDED
            return Step(
                refusal=Refusal(
                    "wrong_key",
                    f"expected {public_key_text(self._expected)} there, "
                    f"found {public_key_text(certificate_key)}",
                    "check the address of this peer, or its transport key in state",
                )
            )
        self._state = _State.HELLO_SENT
        return Step(send=encode_control(self._hello))

    def receive(self, payload: bytes) -> Step:
        """Take the next control message of the listener."""
        try:
            return self._receive(decode_control(payload))
        except Rejected as error:
            self._state = _State.ENDED
            refusal = Refusal.of(error)
            return Step(send=encode_control(refusal), refusal=refusal)

    def _receive(self, message: Control | None) -> Step:
        if isinstance(message, Refusal):
            self._state = _State.ENDED
            return Step(refusal=message)
        if self._state is _State.HELLO_SENT and isinstance(message, Answer):
            return self._prove(message)
        if self._state is _State.PROOF_SENT and isinstance(message, Welcome):
            self._state = _State.ENDED
            assert self._established is not None
            if message.protocol != self._established.protocol:
                raise Rejected("protocol", f"version {message.protocol} was not agreed")
            return Step(established=self._established)
        raise _out_of_order(message, self._state)

    def _prove(self, answer: Answer) -> Step:
        hello = answer.hello
        if hello.key != self._expected:
            raise Rejected("wrong_key", "the listener speaks of another key than its certificate's")
        protocol = _check_same_chain(self._identity, hello)
        info = _identify(self._identity, hello, self._known)
        if not verify(hello.key, statement(LISTENER_TAG, self._hello, hello), answer.signature):
            raise Rejected("signature", "the listener's signature over the transcript is wrong")
        self._established = Established(info, hello, protocol)
        self._state = _State.PROOF_SENT
        signature = self._identity.key.sign(statement(DIALLER_TAG, self._hello, hello))
        return Step(send=encode_control(Proof(signature)))


class Listener:
    """The side that accepted the connection. Used once."""

    def __init__(self, identity: Identity, hello: Hello, known: Known) -> None:
        """Prepare to hear from anybody whom `known` knows."""
        self._identity = identity
        self._hello = hello
        self._known = known
        self._state = _State.START
        self._heard: Established | None = None

    def receive(self, payload: bytes) -> Step:
        """Take the next control message of the dialler."""
        try:
            return self._receive(decode_control(payload))
        except Rejected as error:
            self._state = _State.ENDED
            refusal = Refusal.of(error)
            return Step(send=encode_control(refusal), refusal=refusal)

    def _receive(self, message: Control | None) -> Step:
        if isinstance(message, Refusal):
            self._state = _State.ENDED
            return Step(refusal=message)
        if self._state is _State.START and isinstance(message, Hello):
            return self._answer(message)
        if self._state is _State.ANSWERED and isinstance(message, Proof):
            return self._judge(message)
        raise _out_of_order(message, self._state)

    def _answer(self, hello: Hello) -> Step:
        protocol = _check_same_chain(self._identity, hello)
        info = _identify(self._identity, hello, self._known)
        self._heard = Established(info, hello, protocol)
        self._state = _State.ANSWERED
        signature = self._identity.key.sign(statement(LISTENER_TAG, hello, self._hello))
        return Step(send=encode_control(Answer(self._hello, signature)))

    def _judge(self, proof: Proof) -> Step:
        self._state = _State.ENDED
        heard = self._heard
        assert heard is not None
        if not verify(
            heard.hello.key, statement(DIALLER_TAG, heard.hello, self._hello), proof.signature
        ):
            raise Rejected("signature", "the dialler's signature over the transcript is wrong")
        return Step(send=encode_control(Welcome(heard.protocol)), established=heard)


def _check_same_chain(ours: Identity, theirs: Hello) -> int:
    """The protocol version to use (the highest that both speak); checks that it is our chain."""
    protocol = min(ours.protocol_max, theirs.protocol_max)
    if protocol < max(ours.protocol_min, theirs.protocol_min):
        raise Rejected(
            "protocol",
            f"we speak versions {ours.protocol_min} to {ours.protocol_max}, "
            f"the peer {theirs.protocol_min} to {theirs.protocol_max}",
            "upgrade the node with the lower versions",
        )
    if (theirs.chain_id, theirs.genesis_hash) != (ours.chain_id, ours.genesis_hash):
        raise Rejected(
            "wrong_chain",
            f"this is {ours.chain_id} with genesis {ours.genesis_hash.hex()[:16]}, "
            f"the peer is of {theirs.chain_id} with genesis {theirs.genesis_hash.hex()[:16]}",
            "check the peer's address and the genesis file",
        )
    return protocol


def _identify(ours: Identity, theirs: Hello, known: Known) -> PeerInfo:
    """Who the speaker claims to be, if that is anybody we know."""
    if theirs.key == ours.key.public:
        raise Rejected(
            "self",
            "this is our own transport key",
            "two nodes must not share a key; check that the node does not dial itself",
        )
    info = known(theirs.key)
    if info is None:
        raise Rejected(
            "unknown_node",
            f"node {theirs.name} with key {public_key_text(theirs.key)} is not known here",
            "ask a member to run: hansa member approve",
        )
    return info


def _out_of_order(message: Control | None, state: _State) -> Rejected:
    name = "unknown type" if message is None else type(message).__name__
    return Rejected("order", f"{name} does not belong there ({state.name.lower()})")
