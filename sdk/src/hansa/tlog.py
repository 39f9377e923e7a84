"""The chain's log in the formats of C2SP: checkpoints, cosignatures, ``.tlog-proof`` files.

The promise: a receipt's inclusion travels as text that other transparency logs' tools read; what
signs the checkpoint is the commit certificate of its block, and witnesses may cosign it
(docs/spec/proof.md, section 13; C2SP signed-note, tlog-checkpoint, tlog-cosignature, tlog-proof).
"""

import base64
import binascii
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from hansa.block import Header
from hansa.certificate import Certificate
from hansa.encoding import Wire, pack, unpack
from hansa.errors import Rejected
from hansa.hashing import sha256
from hansa.keys import ED25519, Verify
from hansa.merkle import leaf_hash, verify_inclusion
from hansa.proof_file import TransactionProof
from hansa.receipt import Receipt, decode_receipt
from hansa.signing import SigningKey
from hansa.trust import Trust
from hansa.votes import COMMIT

MAGIC = "c2sp.org/tlog-proof@v1"
TLOG_BYTES_MAX = 1024 * 1024
"""A receipt, a path of 63 hashes and a hundred cosignatures take 200 kB."""
SIGNATURES_MAX = 100
PATH_MAX = 63
COMMIT_TYPE = b"\xffhansa/commit-certificate@1"
"""The signature type of the validators' certificate: 0xff and an identifier (signed-note)."""
_ED25519, _COSIGNATURE = 0x01, 0x04
_KEY_ID_BYTES, _SIGNATURE_BYTES, _TIME_BYTES = 4, 64, 8
_DASH = "\N{EM DASH} "
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")
_NAME = re.compile(r"[^\s+]+")


class Committed(Wire, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What stands in the signature line of the validators: header and certificate, packed."""

    header: bytes
    certificate: bytes


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature line: the name of a key, its id and what it made."""

    name: str
    key_id: bytes
    blob: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A checkpoint.

    Attributes:
        body: the signed text, with its last newline.
        origin, size, root: the first three lines.
        signatures: in the order of their lines.
    """

    body: str
    origin: str
    size: int
    root: bytes
    signatures: tuple[Signature, ...]


@dataclass(frozen=True, slots=True)
class TlogProof:
    """A ``.tlog-proof``: the entry (here a receipt, in `extra`), its index and path, the note."""

    extra: bytes
    index: int
    path: tuple[bytes, ...]
    note: Note


@dataclass(frozen=True, slots=True)
class TlogVerdict:
    """What holds of a ``.tlog-proof``.

    Attributes:
        receipt: the entry; its inclusion holds.
        origin, size: of the log.
        header: of the block whose validators signed, if it is known and they are the trusted.
        witnesses: name and time (s since 1970) of each cosignature by an accepted witness.
    """

    receipt: Receipt
    origin: str
    size: int
    header: Header | None
    witnesses: tuple[tuple[str, int], ...]


def origin_of(chain_id: str) -> str:
    """The log's name in checkpoints."""
    return f"hansa/{chain_id}"


def checkpoint_body(chain_id: str, size: int, root: bytes) -> str:
    """The text that is signed: origin, size and root, a line each."""
    return f"{origin_of(chain_id)}\n{size}\n{_text(root)}\n"


def export_tlog(proof: TransactionProof) -> str:
    """The ``.tlog-proof`` of a proven transaction's receipt."""
    header, certificate = proof.chain.block.header, proof.chain.block.certificate
    body = checkpoint_body(header.chain_id, header.log_size, header.log_root)
    origin = origin_of(header.chain_id)
    blob = pack(Committed(pack(header), pack(certificate)))
    line = _line(origin, key_id(origin, COMMIT_TYPE + header.validators_hash), blob)
    lines = [MAGIC, f"extra {_text(proof.leaf)}", f"index {proof.inclusion.index}"]
    lines += map(_text, proof.inclusion.path)
    return "\n".join(lines) + f"\n\n{body}\n{line}"


def key_id(name: str, typed_key: bytes) -> bytes:
    """The id of a key in a note: 4 bytes of SHA-256 over name, newline, type and key."""
    return sha256(name.encode() + b"\n" + typed_key)[:_KEY_ID_BYTES]


def witness_key(name: str, public: bytes) -> str:
    """The text of a witness's key for a trust file (signed-note, verifier keys)."""
    typed = bytes([_COSIGNATURE]) + public[1:]
    return f"{name}+{key_id(name, typed).hex()}+{_text(typed)}"


def cosign(body: str, name: str, key: SigningKey, time_s: int) -> str:
    """A witness's signature line over a checkpoint (tlog-cosignature, Ed25519)."""
    typed = bytes([_COSIGNATURE]) + key.public[1:]
    signature = key.sign(_cosigned(body, time_s))
    return _line(name, key_id(name, typed), struct.pack(">Q", time_s) + signature)


def parse_note(text: str) -> Note:
    """A checkpoint behind its text.

    Raises:
        Rejected: ``tlog.malformed``.
    """
    body, blank, lines = text.rpartition("\n\n")
    body += "\n"
    if not blank or not lines.endswith("\n") or re.search(r"[\x00-\x09\x0b-\x1f]", text):
        raise _refusal("it is no signed note")
    rows = body.split("\n")[:-1]
    if len(rows) < 3 or not all(rows):  # noqa: PLR2004 - origin, size, root
        raise _refusal("its checkpoint has no origin, size and root")
    signed = lines.split("\n")[:-1]
    if not 0 < len(signed) <= SIGNATURES_MAX:
        raise _refusal(f"{len(signed)} signatures, 1 to {SIGNATURES_MAX}")
    signatures = tuple(map(_signature, signed))
    return Note(body, rows[0], _number(rows[1]), _hash(rows[2]), signatures)


def parse_tlog(data: bytes) -> TlogProof:
    """A ``.tlog-proof`` behind its bytes; nothing in it is checked yet.

    Raises:
        Rejected: ``tlog.malformed``.
    """
    if len(data) > TLOG_BYTES_MAX:
        raise _refusal(f"{len(data)} bytes, at most {TLOG_BYTES_MAX}")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise _refusal("it is no UTF-8") from error
    top, _, note = text.partition("\n\n")
    lines = top.split("\n")
    if lines[0] != MAGIC:
        raise _refusal(f"it does not begin with {MAGIC}")
    extra = b""
    if len(lines) > 1 and lines[1].startswith("extra "):
        extra = _decoded(lines.pop(1).removeprefix("extra "))
    if len(lines) < 2 or not lines[1].startswith("index "):  # noqa: PLR2004
        raise _refusal("it names no index")
    if len(lines) > 2 + PATH_MAX:
        raise _refusal(f"a path of more than {PATH_MAX} hashes")
    index = _number(lines[1].removeprefix("index "))
    return TlogProof(extra, index, tuple(map(_hash, lines[2:])), parse_note(note))


def verify_tlog(proof: TlogProof, trust: Trust, verify: Verify) -> TlogVerdict:
    """Judge a ``.tlog-proof``: inclusion, the trusted validators, the accepted witnesses.

    Raises:
        Rejected: ``tlog.*``, ``merkle.inclusion``, ``certificate.*``: a part does not hold, or
            nobody whom the trust file names has signed the checkpoint.
    """
    note = proof.note
    if note.origin != origin_of(trust.chain_id):
        raise Rejected("tlog.origin", f"it is of {note.origin}, not of {trust.chain_id}")
    try:
        receipt = decode_receipt(proof.extra)
    except (Rejected, msgspec.DecodeError) as error:
        raise _refusal("its extra line is no receipt") from error
    verify_inclusion(leaf_hash(proof.extra), proof.index, note.size, proof.path, note.root)
    header = _validators(note, trust, verify)
    witnesses = [
        (name, time_s)
        for name, public, kind in map(_witness, trust.witnesses)
        for time_s in _cosigned_by(note, name, public, kind, verify)
    ]
    if header is None and not witnesses:
        raise Rejected(
            "tlog.unsigned",
            "neither the validators of your trust file nor a witness that it lists signed this",
            "ask for a proof file, which shows how the validators changed: hansa prove tx TX",
        )
    return TlogVerdict(receipt, note.origin, note.size, header, tuple(witnesses))


def _validators(note: Note, trust: Trust, verify: Verify) -> Header | None:
    """The header that the trusted validators signed over this checkpoint; None without one."""
    validators = trust.validator_set()
    wanted = key_id(note.origin, COMMIT_TYPE + validators.hash)
    for signature in note.signatures:
        if (signature.name, signature.key_id) != (note.origin, wanted):
            continue
        committed = unpack(Committed, signature.blob)
        header = unpack(Header, committed.header)
        certificate = unpack(Certificate, committed.certificate)
        said = (certificate.phase, certificate.height, certificate.epoch, certificate.block_hash)
        if said != (COMMIT, header.height, header.epoch, header.hash):
            raise Rejected("tlog.signature", "a certificate of another block than its header's")
        if (header.chain_id, header.epoch) != (trust.chain_id, trust.checkpoint.epoch):
            raise Rejected("tlog.signature", "a header of another chain or epoch")
        if (header.log_size, header.log_root) != (note.size, note.root):
            raise Rejected("tlog.signature", "the block has another log than the checkpoint")
        certificate.check(trust.chain_id, validators, verify)
        return header
    return None


def _witness(text: str) -> tuple[str, bytes, int]:
    """Name, public key and signature type behind a witness's key text."""
    name, given, encoded = text.split("+", 2)
    typed = _decoded(encoded)
    if key_id(name, typed).hex() != given or typed[0] not in {_ED25519, _COSIGNATURE}:
        raise Rejected("trust.malformed", f"{text[:64]} is no witness's key", "copy it again")
    return name, bytes([ED25519]) + typed[1:], typed[0]


def _cosigned_by(note: Note, name: str, public: bytes, kind: int, verify: Verify) -> Sequence[int]:
    """The times at which a witness cosigned; 0 where its signature has none.

    Raises:
        Rejected: ``tlog.signature``: a line of this witness does not hold.
    """
    wanted = key_id(name, bytes([kind]) + public[1:])
    found = []
    for signature in note.signatures:
        if (signature.name, signature.key_id) != (name, wanted):
            continue
        cut = _TIME_BYTES if kind == _COSIGNATURE else 0
        time_s = int.from_bytes(signature.blob[:cut], "big")
        message = _cosigned(note.body, time_s) if cut else note.body.encode()
        proper = len(signature.blob) == cut + _SIGNATURE_BYTES and time_s < 2**63
        if not proper or not verify(public, message, signature.blob[cut:]):
            raise Rejected("tlog.signature", f"the cosignature of {name} does not hold")
        found.append(time_s)
    return found


def _cosigned(body: str, time_s: int) -> bytes:
    return f"cosignature/v1\ntime {time_s}\n{body}".encode()


def _signature(line: str) -> Signature:
    name, blank, encoded = line.removeprefix(_DASH).partition(" ")
    blob = _decoded(encoded)
    if not line.startswith(_DASH) or not blank or len(blob) <= _KEY_ID_BYTES:
        raise _refusal("a signature line of another shape")
    if not _NAME.fullmatch(name):
        raise _refusal("a key's name that is none")
    return Signature(name, blob[:_KEY_ID_BYTES], blob[_KEY_ID_BYTES:])


def _line(name: str, identifier: bytes, blob: bytes) -> str:
    return f"{_DASH}{name} {_text(identifier + blob)}\n"


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise _refusal(f"{text[:32]!r} is no number")
    return int(text)


def _hash(text: str) -> bytes:
    found = _decoded(text)
    if len(found) != 32:  # noqa: PLR2004 - SHA-256
        raise _refusal("a hash that has not 32 bytes")
    return found


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _decoded(text: str) -> bytes:
    try:
        found = base64.b64decode(text.encode(), validate=True)
    except (ValueError, binascii.Error) as error:
        raise _refusal("base64 that is none") from error
    if _text(found) != text:
        raise _refusal("base64 that has another spelling")
    return found


def _refusal(why: str) -> Rejected:
    return Rejected("tlog.malformed", f"no tlog-proof: {why}", "ask for it again")
