"""The lines of a verdict that rest on the chain (docs/spec/proof.md, 6.2 to 6.5).

Each function judges one line from what that line alone rests on; the headers and sets
that all of them rest on are checked before (`hansa.proof_chain`).
"""

from dataclasses import dataclass

from hansa.encoding import Value, decode_value
from hansa.errors import Rejected
from hansa.keys import Verify, public_key_text
from hansa.merkle import leaf_hash, verify_inclusion
from hansa.proof_chain import Reign, check_fresh, reign_at
from hansa.proof_file import KeyProof, Link, Proof, ProvenRecord, TransactionProof, is_thing
from hansa.proof_lines import ATTENTION, FAIL, NOT_GIVEN, OK, Line, age, clock, utc
from hansa.receipt import OK as ACCEPTED
from hansa.state_proof import value_hash
from hansa.transaction import transaction_digest
from hansa.trust import Trust

ENDED = ("superseded", "withdrawn", "declined", "revoked", "suspended", "retired", "frozen")
"""States of a record in which it does not stand as it did."""
_SHORT_KEY = 20
"""Characters of a key's text that a sentence shows."""


@dataclass(frozen=True, slots=True)
class Grounds:
    """What the lines are judged on, beside the proof itself."""

    reigns: tuple[Reign, ...]
    trust: Trust
    verify: Verify
    now_ms: int | None


def on_chain_line(proof: Proof, grounds: Grounds) -> Line:
    """Line 2: included at a height, confirmed by a quorum, accepted."""
    if isinstance(proof, KeyProof):
        return _confirmed(proof.chain.head, grounds)
    header, receipt = proof.chain.block.header, proof.receipt
    if not _included(proof):
        return Line(FAIL, f"the receipt is not in the log of height {header.height}")
    if proof.transaction.tx_hash != receipt.tx_hash and not _wrong_signatures(proof, grounds):
        return Line(FAIL, f"height {header.height} holds it with other signatures")
    if receipt.code != ACCEPTED:
        text = f"at height {header.height} it was refused with {receipt.code}: it changed nothing"
        return Line(FAIL, text)
    return _confirmed(proof.chain.block, grounds)


def signers_line(proof: Proof, grounds: Grounds) -> Line:
    """Line 3: who signed, as the chain knows them, and whether their keys were valid then."""
    if isinstance(proof, KeyProof):
        return Line(NOT_GIVEN, "a proof of the state names no signer")
    signers = proof.transaction.transaction.signers
    if not signers:
        return Line(OK, "the chain itself: what was due at that time")
    wrong = _wrong_signatures(proof, grounds)
    if wrong:
        return Line(FAIL, "; ".join(f"the signature of {_short(key)} is wrong" for key in wrong))
    root = proof.chain.head.header.state_root
    broken = [record.key for record in proof.keys if not _stands(record, root)]
    if broken:
        return Line(FAIL, f"the state of height {proof.chain.head.header.height} does not hold "
                          f"{broken[0]} as it is given here")  # fmt: skip
    members = {record.key: _fields(record) for record in proof.keys[len(signers) :]}
    judged = [
        _signer(public, _fields(record), members, proof, grounds)
        for public, record in zip(signers, proof.keys, strict=False)
    ]
    worst = next((v for v in (FAIL, ATTENTION) if any(v == one for one, _ in judged)), OK)
    return Line(worst, "; ".join(text for _, text in judged))


def time_line(proof: Proof, claimed: tuple[int, ...]) -> Line:
    """Line 4: the claimed time, the chain's, and the stamped one, apart."""
    time_ms = proof.chain.block.header.time
    if not claimed:
        return Line(OK, f"chain time {clock(time_ms)}; no trusted time-stamp given")
    last = f" to {utc(claimed[-1])}" if claimed[0] != claimed[-1] else ""
    text = f"claimed {utc(claimed[0])}{last}; chain time {utc(time_ms)}"
    return Line(OK, f"{text}; no trusted time-stamp given")


def now_line(proof: Proof, grounds: Grounds) -> Line:
    """Line 5: what the state holds now, and how fresh that is."""
    head = proof.chain.head.header
    try:
        since = _freshness(proof, grounds)
    except Rejected as error:
        return Line(FAIL, f"the freshness certificate does not hold: {error.detail}")
    records = (proof.record,) if isinstance(proof, KeyProof) else proof.records
    broken = [record.key for record in records if not _stands(record, head.state_root)]
    if broken:
        return Line(FAIL, f"the state of height {head.height} does not hold {broken[0]} so")
    verdict, text = _held(proof.record) if isinstance(proof, KeyProof) else _present(proof)
    return Line(verdict if since.verdict == OK else since.verdict, f"{text}, {since.text}")


def _confirmed(link: Link, grounds: Grounds) -> Line:
    header = link.header
    validators = reign_at(grounds.reigns, header.height).validators
    names = [validators.validators[signer].member for signer in link.certificate.signers()]
    confirmed = sorted(set(names))
    known = {validator.member for validator in validators.validators}
    unit = "" if len(known) == validators.size else f" of {validators.size} validators"
    text = (
        f"height {header.height}, {utc(header.time)}, confirmed by {len(confirmed)} of "
        f"{len(known)} organisations ({validators.quorum}{unit} needed)"
    )
    return Line(OK, text, ", ".join(confirmed))


def _included(proof: TransactionProof) -> bool:
    """Whether the receipt stands in the log of its block's header."""
    header, given = proof.chain.block.header, proof.inclusion
    try:
        verify_inclusion(
            leaf_hash(proof.leaf), given.index, given.size, given.path, header.log_root
        )
    except Rejected:
        return False
    return given.size == header.log_size


def _wrong_signatures(proof: TransactionProof, grounds: Grounds) -> list[bytes]:
    """The signers whose signature over the transaction does not hold."""
    signed = proof.transaction
    digest = transaction_digest(signed.body)
    pairs = zip(signed.transaction.signers, signed.signatures, strict=True)
    return [key for key, signature in pairs if not grounds.verify(key, digest, signature)]


def _signer(
    public: bytes,
    fields: dict[str, Value],
    members: dict[str, dict[str, Value]],
    proof: TransactionProof,
    grounds: Grounds,
) -> tuple[str, str]:
    """Verdict and words for one signer whose signature holds and whose record is proven."""
    if fields.get("public") != public:
        return ATTENTION, f"unknown signer {_short(public)}, a key that no member registered"
    name = _name(fields, members, grounds.trust)
    header = proof.chain.block.header
    start, end = _number(fields, "valid_from"), _number(fields, "valid_to")
    if not start <= header.height or 0 < end <= header.height:
        return FAIL, f"{name}, key not valid at that height"
    doubted = _number(fields, "compromised_since")
    if doubted and doubted <= header.time:
        return ATTENTION, f"{name}, key reported as compromised since {utc(doubted)}"
    if end:
        return OK, f"{name}, key valid at that height, ended at height {end}"
    return OK, f"{name}, key valid at that height"


def _name(fields: dict[str, Value], members: dict[str, dict[str, Value]], trust: Trust) -> str:
    """``farm/ana (USCC 9131…)``: the subject and its member's number in a register."""
    member = _text(fields, "member")
    legal = members.get(f"org/member/{member}", {}).get("legal_id")
    number = ""
    if isinstance(legal, dict):
        number = f"{_text(legal, 'scheme')} {_text(legal, 'value')}".strip()
    known = trust.organisation(member)
    if not number and known is not None and known.legal_id is not None:
        number = known.legal_id
    subject = _text(fields, "subject") or member
    return f"{subject} ({number})" if number else subject


def _freshness(proof: Proof, grounds: Grounds) -> Line:
    """How old the answer is: ``as of height 10, 2 s ago``.

    Raises:
        Rejected: when a freshness certificate was given and does not hold.
    """
    head = proof.chain.head.header
    if proof.fresh is None:
        text = f"as of height {head.height}, {utc(head.time)}; no freshness certificate given"
        return Line(ATTENTION, text)
    check_fresh(proof.chain, grounds.reigns, proof.fresh, grounds.verify)
    since = proof.fresh.time
    when = utc(since) if grounds.now_ms is None else age(since, grounds.now_ms)
    return Line(OK, f"as of height {head.height}, {when}")


def _present(proof: TransactionProof) -> tuple[str, str]:
    """What became of the records that the transaction made or changed."""
    if not proof.records:
        return OK, "it left no record that could have changed"
    height = proof.chain.block.header.height
    things = [record for record in proof.records if is_thing(record.key)]
    others = [record for record in proof.records if not is_thing(record.key)]
    moved = sum(bool(_standing(record, height)) for record in things)
    ended = [text for record in others if (text := _standing(record, height))]
    words = ended or ["in force"]
    if moved:
        words.append(f"{moved} of {len(things)} things moved on since")
    return (ATTENTION if ended else OK), "; ".join(words)


def _standing(record: ProvenRecord, height: int) -> str:
    """Why a record does not stand as it did after `height`; empty when it does."""
    if record.value is None:
        return f"{record.key} was removed since"
    fields = _fields(record)
    state = _text(fields, "state")
    if state in ENDED:
        successor = _text(fields, "superseded_by")
        return f"{state} by {successor}" if successor else state
    if fields.get("wrong") is True:
        return f"declared wrong ({_text(fields, 'reason') or 'no reason given'})"
    last = _last_change(fields)
    if last > height and (not state or is_thing(record.key)):
        return f"{record.key} changed since, at height {last}"
    return ""


def _last_change(fields: dict[str, Value]) -> int:
    """The height in the newest entry of a record's history, 0 where it has none."""
    history = fields.get("history")
    newest = history[-1] if isinstance(history, list) and history else None
    height = newest[0] if isinstance(newest, list) and newest else 0
    return height if type(height) is int else 0  # a boolean is no number


def _held(record: ProvenRecord) -> tuple[str, str]:
    if record.value is None:
        return OK, f"there is nothing under {record.key}"
    return OK, f"{record.key} holds {len(record.value)} bytes as given here"


def _stands(record: ProvenRecord, root: bytes) -> bool:
    """Whether the state of this root holds the record as it is given."""
    wanted = None if record.value is None else value_hash(record.value)
    try:
        return record.path.verify(root, record.key.encode()) == wanted
    except Rejected:
        return False


def _fields(record: ProvenRecord) -> dict[str, Value]:
    """The fields of a record; none for what is no map."""
    if record.value is None:
        return {}
    try:
        value = decode_value(record.value)
    except Rejected:
        return {}
    return value if isinstance(value, dict) else {}


def _number(fields: dict[str, Value], name: str) -> int:
    value = fields.get(name, 0)
    return value if type(value) is int else 0  # a boolean is no number


def _text(fields: dict[str, Value], name: str) -> str:
    value = fields.get(name, "")
    return value if isinstance(value, str) else ""


def _short(public: bytes) -> str:
    return public_key_text(public)[:_SHORT_KEY]
