"""Fuzzing of everything that decodes bytes from outside.

The promise: whatever the bytes are, a decoder gives a value or `Rejected` (records behind a
checksum: `Corrupt`), nothing else; what it accepts encodes to the very same bytes, so that no
value has two spellings; it takes time and memory in proportion to its input.
"""

import json
import time
import tracemalloc
from dataclasses import dataclass

from consensus.guard import Guard
from consensus.messages import decode_message, encode_message
from consensus.records import decode_record, encode_record
from hansa.block import Block, Header, decode_block
from hansa.canonical_json import dumps, loads, loads_canonical
from hansa.certificate import Certificate, FreshCertificate
from hansa.encoding import decode_value, encode_value, pack, unpack
from hansa.errors import Corrupt, Rejected
from hansa.evidence import decode_evidence, encode_evidence
from hansa.genesis import decode_genesis
from hansa.membership import ValidatorSet
from hansa.proof import parse_proof
from hansa.receipt import decode_receipt
from hansa.state_proof import StateProof
from hansa.transaction import SignedTransaction
from hansa.trust import decode_trust
from node.gossip_messages import (
    GetTransactions,
    Transactions,
    decode_gossip,
    encode_gossip,
)
from node.journal import decode_journal, encode_accepted, encode_fate
from node.sync_messages import Blocks, GetBlocks, Status, SyncBlock, decode_sync, encode_sync
from p2p.control import decode_control, encode_control
from tests.conftest import ROOT
from tests.simulation.fuzz.mutate import mutate, respell
from tests.simulation.fuzz.texts import mutate_text, respell_text

VECTORS = ROOT / "tests" / "vectors"
SECONDS_MAX = 2.0
"""CPU time of one decoding: thousands of times what any takes, on any machine."""
BYTES_PER_BYTE_MAX = 300
BYTES_MAX = 2**20
"""Memory of one decoding: a byte of input can be a list of one, which has about 100 bytes."""
MEASURED_SHARE = 0.01
"""Of the executions, those whose memory is measured: it makes them ten times slower."""


@dataclass(frozen=True)
class Decoder:
    """What is fuzzed.

    Attributes:
        name: names it in findings.
        decode: the product's function.
        encode: from what it gives back to the bytes; None where there is no such function.
        good: valid bytes.
        allowed: what may be raised.
        text: whether the bytes are JSON.
        prefix: bytes before the MessagePack value.
        one_spelling: whether it refuses all other spellings of what it accepts.
    """

    name: str
    decode: object
    encode: object
    good: tuple
    allowed: tuple = (Rejected,)
    text: bool = False
    prefix: int = 0
    one_spelling: bool = True


def _vectors(name):
    return json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))


def _bytes(cases, key="bytes"):
    return tuple(bytes.fromhex(case[key]) for case in cases)


def _sync_messages(blocks, certificates):
    pairs = tuple(SyncBlock(b, c) for b, c in zip(blocks, certificates, strict=True))
    said = (Status(7, bytes(32)), GetBlocks(1, 16), Blocks(1, pairs), Blocks(9, ()))
    return tuple(map(encode_sync, said))


def _gossip_messages(raws):
    said = (Transactions(raws), Transactions(raws[:1]), GetTransactions((bytes(32), b"h" * 32)))
    return tuple(map(encode_gossip, said))


def _binary():
    """The decoders of MessagePack."""
    consensus, ledger, certificate = map(_vectors, ("consensus", "ledger", "certificate"))
    blocks = _bytes(ledger["blocks"], "block")
    certificates = _bytes(ledger["blocks"], "certificate")
    raws = _bytes(_vectors("transaction")["transactions"], "raw")
    receipts = tuple(bytes.fromhex(raw) for one in ledger["blocks"] for raw in one["receipts"])
    headers = tuple(pack(decode_block(block).header) for block in blocks)
    control = tuple(
        bytes.fromhex(said)
        for name, said in _vectors("handshake")["conversation"].items()
        if not name.endswith("_signs")
    )
    state = _vectors("state")
    paths = tuple(bytes.fromhex(state[f"path_of_{one}"]) for one in ("present", "absent"))

    def wire(name, kind, good):
        return Decoder(name, lambda data: unpack(kind, data), pack, tuple(good))

    return (
        Decoder(
            "message",
            decode_message,
            encode_message,
            _bytes(consensus["messages"]),
            prefix=1,
        ),
        Decoder("block", decode_block, pack, blocks),
        wire("stored block", Block, blocks),
        wire("header", Header, headers),
        wire("certificate", Certificate, certificates),
        wire("fresh certificate", FreshCertificate, _bytes(certificate["fresh"])),
        wire("validator set", ValidatorSet, [bytes.fromhex(certificate["validators"]["bytes"])]),
        wire("state proof", StateProof, paths),
        Decoder("transaction", SignedTransaction.decode, lambda found: found.raw, raws),
        Decoder("transaction in parts", SignedTransaction.decode, _assembled, raws),
        Decoder("receipt", decode_receipt, pack, receipts),
        Decoder(
            "value", decode_value, encode_value, _bytes(_vectors("encoding")["values"], "bytes")
        ),
        Decoder(
            "evidence", decode_evidence, encode_evidence, _bytes(consensus["evidence"]), prefix=1
        ),
        Decoder("sync", decode_sync, encode_sync, _sync_messages(blocks, certificates), prefix=1),
        Decoder("gossip", decode_gossip, encode_gossip, _gossip_messages(raws), prefix=1),
        Decoder("control", decode_control, encode_control, control, prefix=1),
    )


def _assembled(signed):
    """The same transaction, joined anew from its parts."""
    return SignedTransaction.assemble(pack(signed.transaction), signed.signatures).raw


def _stored():
    """The decoders of what this node has written: a checksum stands before them."""
    consensus = _vectors("consensus")
    raws = _bytes(_vectors("transaction")["transactions"], "raw")
    return (
        Decoder(
            "record",
            decode_record,
            encode_record,
            _bytes(consensus["records"]),
            (Corrupt,),
            prefix=2,
        ),
        Decoder(
            "guard",
            Guard.decode,
            Guard.encode,
            (bytes.fromhex(consensus["guard"]["bytes"]),),
            (Corrupt,),
            prefix=32,
        ),
        Decoder(
            "journal",
            decode_journal,
            _encode_journal,
            tuple(encode_accepted(7, raw) for raw in raws),
            (Corrupt,),
            prefix=10,
        ),
    )


def _encode_journal(record):
    if hasattr(record, "accepted_ms"):
        return encode_accepted(record.accepted_ms, record.transaction.raw)
    return encode_fate(record)


def _texts():
    """The decoders of JSON."""
    proofs = _vectors("proof")["proofs"]
    files = tuple(_as_bytes(one["proof"]) for one in proofs)
    trusts = tuple(_as_bytes(one["trust"]) for one in proofs if one["trust"] is not None)
    genesis = dumps(_vectors("ledger")["genesis"])
    return (
        Decoder("proof", parse_proof, None, files, text=True),
        Decoder("canonical text", loads_canonical, dumps, files, text=True),
        Decoder("text", loads, None, (*files, genesis), text=True, one_spelling=False),
        Decoder("trust", decode_trust, None, trusts, text=True, one_spelling=False),
        Decoder("genesis", decode_genesis, None, (genesis,), text=True, one_spelling=False),
    )


def _as_bytes(found):
    return found.encode() if isinstance(found, str) else dumps(found)


class Decoders:
    """The target: one decoder and one input an execution."""

    def __init__(self, decoders=None):
        self.decoders = decoders or (*_binary(), *_stored(), *_texts())
        for decoder in self.decoders:
            for data in decoder.good:
                found = decoder.decode(data)
                assert decoder.encode is None or decoder.encode(found) == data, decoder.name

    def one(self, chance):
        """One execution; whether the input was accepted.

        Raises:
            AssertionError: a promise is broken; the bytes stand in the message.
        """
        decoder = chance.choice(self.decoders)
        data = chance.choice(decoder.good)
        if chance.random() < 0.1:
            return self._spell_again(decoder, data, chance)
        change = mutate_text if decoder.text else mutate
        changed = change(data, decoder.good, chance)
        return judge(decoder, changed, is_measured=chance.random() < MEASURED_SHARE)

    @staticmethod
    def _spell_again(decoder, data, chance):
        """Another spelling of a valid value is refused, wherever in it the difference stands."""
        if decoder.text:
            other = respell_text(data, chance)
        else:
            tail = respell(data[decoder.prefix :], chance)
            other = None if tail is None else data[: decoder.prefix] + tail
        accepted = other is not None and judge(decoder, other)
        doubled = accepted and decoder.one_spelling
        assert not doubled, f"{decoder.name} accepts a second spelling: {_shown(other)}"
        return accepted


def judge(decoder, data, *, is_measured=False):
    """Whether a decoder accepts some bytes.

    Raises:
        AssertionError: it does what no decoder may do.
    """
    began = time.thread_time()
    if is_measured:
        tracemalloc.start()
    try:
        found = decoder.decode(data)
    except decoder.allowed:
        return False
    except Exception as error:
        raise AssertionError(
            f"{decoder.name} raises {type(error).__name__}: {error}; {_shown(data)}"
        ) from error
    finally:
        if is_measured:
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            limit = BYTES_MAX + BYTES_PER_BYTE_MAX * len(data)
            assert peak <= limit, f"{decoder.name} takes {peak} bytes; {_shown(data)}"
        seconds = time.thread_time() - began
        assert seconds <= SECONDS_MAX, f"{decoder.name} takes {seconds:.1f} s; {_shown(data)}"
    if decoder.encode is not None and found is not None:
        assert decoder.encode(found) == data, f"{decoder.name}, two spellings: {_shown(data)}"
    return True


def _shown(data):
    """The bytes, or their two ends."""
    text = data.hex()
    return text if len(text) <= 4_000 else f"{text[:2_000]}...{text[-2_000:]} ({len(data)} bytes)"
