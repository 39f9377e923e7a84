"""The lines of a verdict that rest on the chain (docs/spec/proof.md, 6.2 to 6.5).

Each function judges one line from what that line alone rests on; the headers and sets
that all of them rest on are checked before (`hansa.proof_chain`).
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from hansa.encoding import Value, decode_value
from hansa.errors import Rejected
from hansa.keys import Verify, public_key_text
from hansa.merkle import leaf_hash, verify_inclusion
from hansa.proof_chain import Reign, check_fresh, reign_at
from hansa.proof_file import KeyProof, Link, Proof, ProvenRecord, TransactionProof, is_thing
from hansa.proof_lines import ATTENTION, FAIL, NOT_GIVEN, OK, Line, age, clock, utc
from hansa.proof_words import ENGLISH, Words
from hansa.receipt import OK as ACCEPTED
from hansa.state_proof import value_hash
from hansa.transaction import transaction_digest
from hansa.trust import Trust

ENDED = ("superseded", "withdrawn", "declined", "revoked", "suspended", "retired", "frozen")
"""States of a record in which it does not stand as it did."""
_PLAIN = re.compile(r"[a-z][a-z0-9_-]{0,31}")
"""A state or kind that is shown as it is."""
_SHORT_KEY = 20
"""Characters of a key's text that a sentence shows."""


class Stamped(Protocol):
    """What a judge of time-stamps says of a token that holds (`hansa.timestamp_check`)."""

    @property
    def gen_time(self) -> int:
        """When it was made, ms since 1970."""
        ...

    @property
    def authority(self) -> str:
        """Who signed it."""
        ...

    @property
    def trusted(self) -> bool:
        """Whether the reader's trust file leads to who signed it."""
        ...


StampJudge = Callable[[bytes, Sequence[tuple[str, bytes]]], Stamped]
"""Judges a token over one of some (algorithm, digest); raises `Rejected` where it does not hold."""


@dataclass(frozen=True, slots=True)
class Grounds:
    """What the lines are judged on, beside the proof itself."""

    reigns: tuple[Reign, ...]
    trust: Trust
    verify: Verify
    now_ms: int | None
    words: Words = ENGLISH
    stamps: StampJudge | None = None


def on_chain_line(proof: Proof, grounds: Grounds) -> Line:
    """Line 2: included at a height, confirmed by a quorum, accepted."""
    if isinstance(proof, KeyProof):
        return _confirmed(proof.chain.head, grounds)
    header, receipt = proof.chain.block.header, proof.receipt
    if not _included(proof):
        return Line(FAIL, grounds.words.say("not_in_log", height=header.height))
    if proof.transaction.tx_hash != receipt.tx_hash and not _wrong_signatures(proof, grounds):
        return Line(FAIL, grounds.words.say("other_signatures", height=header.height))
    if receipt.code != ACCEPTED:
        text = grounds.words.say("refused", height=header.height, code=receipt.code)
        return Line(FAIL, text)
    return _confirmed(proof.chain.block, grounds)


def signers_line(proof: Proof, grounds: Grounds) -> Line:
    """Line 3: who signed, as the chain knows them, and whether their keys were valid then."""
    words = grounds.words
    if isinstance(proof, KeyProof):
        return Line(NOT_GIVEN, words.say("no_signer"))
    signers = proof.transaction.transaction.signers
    if not signers:
        return Line(OK, words.say("chain_itself"))
    wrong = _wrong_signatures(proof, grounds)
    if wrong:
        said = (words.say("wrong_signature", key=_short(key)) for key in wrong)
        return Line(FAIL, words.between.join(said))
    root = proof.chain.head.header.state_root
    broken = [record.key for record in proof.keys if not _stands(record, root)]
    if broken:
        height = proof.chain.head.header.height
        return Line(FAIL, words.say("not_held_here", height=height, key=broken[0]))
    members = {record.key: _fields(record) for record in proof.keys[len(signers) :]}
    judged = [
        _signer(public, _fields(record), members, proof, grounds)
        for public, record in zip(signers, proof.keys, strict=False)
    ]
    worst = next((v for v in (FAIL, ATTENTION) if any(v == one for one, _ in judged)), OK)
    return Line(worst, words.between.join(text for _, text in judged))


def time_line(
    proof: Proof,
    claimed: tuple[int, ...],
    digests: Sequence[tuple[str, bytes]] = (),
    grounds: Grounds | None = None,
) -> Line:
    """Line 4: the claimed time, the chain's, and the stamped one, apart."""
    words = ENGLISH if grounds is None else grounds.words
    time_ms = proof.chain.block.header.time
    if not claimed:
        text = words.say("chain_time", time=clock(time_ms))
    elif claimed[0] == claimed[-1]:
        text = words.say("claimed", first=utc(claimed[0]), time=utc(time_ms))
    else:
        first, last = utc(claimed[0]), utc(claimed[-1])
        text = words.say("claimed_span", first=first, last=last, time=utc(time_ms))
    judged = [_stamped(token, digests, grounds) for token in proof.extras.tokens]
    worst = next((v for v in (FAIL, ATTENTION) if any(v == one for one, _ in judged)), OK)
    said = [sentence for _, sentence in judged] or [words.say("no_stamp")]
    return Line(worst, words.between.join((text, *said)))


def _stamped(
    token: bytes, digests: Sequence[tuple[str, bytes]], grounds: Grounds | None
) -> tuple[str, str]:
    """Verdict and words for one time-stamp."""
    words = ENGLISH if grounds is None else grounds.words
    if grounds is None or grounds.stamps is None:
        return ATTENTION, words.say("stamp_unchecked")
    try:
        found = grounds.stamps(token, digests)
    except Rejected as error:
        return FAIL, words.say("stamp_fails", why=error.detail)
    who = "".join(letter if letter.isprintable() else "?" for letter in found.authority)
    verdict, sentence = (OK, "stamp_holds") if found.trusted else (ATTENTION, "stamp_unknown")
    return verdict, words.say(sentence, time=utc(found.gen_time), who=who)


def now_line(proof: Proof, grounds: Grounds) -> Line:
    """Line 5: what the state holds now, and how fresh that is."""
    head = proof.chain.head.header
    try:
        since = _freshness(proof, grounds)
    except Rejected as error:
        return Line(FAIL, grounds.words.say("fresh_fails", why=error.detail))
    records = (proof.record,) if isinstance(proof, KeyProof) else proof.records
    broken = [record.key for record in records if not _stands(record, head.state_root)]
    if broken:
        return Line(FAIL, grounds.words.say("not_so", height=head.height, key=broken[0]))
    words = grounds.words
    if isinstance(proof, KeyProof):
        verdict, text = _held(proof, words)
    else:
        verdict, text = _present(proof, words)
    shown = f"{text}{words.comma}{since.text}"
    return Line(verdict if since.verdict == OK else since.verdict, shown)


def _confirmed(link: Link, grounds: Grounds) -> Line:
    header = link.header
    validators = reign_at(grounds.reigns, header.height).validators
    names = [validators.validators[signer].member for signer in link.certificate.signers()]
    confirmed = sorted(set(names))
    known = {validator.member for validator in validators.validators}
    several = len(known) != validators.size
    text = grounds.words.say(
        "confirmed",
        height=header.height,
        time=utc(header.time),
        some=len(confirmed),
        all=len(known),
        quorum=validators.quorum,
        of=grounds.words.say("of_validators", size=validators.size) if several else "",
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
        return ATTENTION, grounds.words.say("unknown_signer", key=_short(public))
    words = grounds.words
    name = _name(fields, members, grounds.trust)
    header = proof.chain.block.header
    start, end = _number(fields, "valid_from"), _number(fields, "valid_to")
    if not start <= header.height or 0 < end <= header.height:
        return FAIL, words.say("key_not_valid", name=name)
    doubted = _number(fields, "compromised_since")
    if doubted and doubted <= header.time:
        return ATTENTION, words.say("key_doubted", name=name, time=utc(doubted))
    if end:
        return OK, words.say("key_ended", name=name, height=end)
    return OK, words.say("key_valid", name=name)


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
        when = grounds.words.say("not_fresh", time=utc(head.time))
        return Line(ATTENTION, grounds.words.say("as_of", height=head.height, when=when))
    check_fresh(proof.chain, grounds.reigns, proof.fresh, grounds.verify)
    since = proof.fresh.time
    when = utc(since) if grounds.now_ms is None else age(since, grounds.now_ms, grounds.words)
    return Line(OK, grounds.words.say("as_of", height=head.height, when=when))


def _present(proof: TransactionProof, words: Words) -> tuple[str, str]:
    """What became of the records that the transaction made or changed."""
    if not proof.records:
        return OK, words.say("no_record")
    height = proof.chain.block.header.height
    things = [record for record in proof.records if is_thing(record.key)]
    others = [record for record in proof.records if not is_thing(record.key)]
    moved = sum(bool(_standing(record, height, words)) for record in things)
    ended = [text for record in others if (text := _standing(record, height, words))]
    said = ended or [words.say("in_force")]
    if moved:
        said.append(words.say("moved_on", moved=moved, all=len(things)))
    return (ATTENTION if ended else OK), words.between.join(said)


def _standing(record: ProvenRecord, height: int, words: Words) -> str:
    """Why a record does not stand as it did after `height`; empty when it does."""
    if record.value is None:
        return words.say("removed", key=record.key)
    fields = _fields(record)
    state = _text(fields, "state")
    if state in ENDED:
        successor = _text(fields, "superseded_by")
        return words.say("ended_by", state=state, successor=successor) if successor else state
    if fields.get("wrong") is True:
        reason = _text(fields, "reason") or words.say("no_reason")
        return words.say("wrong", reason=reason)
    last = _last_change(fields)
    if last > height and (not state or is_thing(record.key)):
        return words.say("changed", key=record.key, height=last)
    return ""


def _last_change(fields: dict[str, Value]) -> int:
    """The height in the newest entry of a record's history, 0 where it has none."""
    history = fields.get("history")
    newest = history[-1] if isinstance(history, list) and history else None
    height = newest[0] if isinstance(newest, list) and newest else 0
    return height if type(height) is int else 0  # a boolean is no number


def _held(proof: KeyProof, words: Words) -> tuple[str, str]:
    """What stands under a key, in the words of its kind, and whether it stands as it did."""
    record, kind = proof.record, words.kind(proof.record.key)
    if record.value is None:
        if kind is None:
            return OK, words.say("nothing", key=record.key)
        return OK, words.say("there_is_no", noun=kind[0], name=kind[1])
    ended = _standing(record, proof.chain.head.header.height, words)
    if kind is None:
        said = words.say("bytes", key=record.key, size=len(record.value))
    else:
        facts = "".join(f"{words.comma}{fact}" for fact in _facts(record) if fact != ended)
        said = words.say("there_is", noun=kind[0], name=kind[1], facts=facts)
    return (ATTENTION, f"{said}{words.comma}{ended}") if ended else (OK, said)


def _facts(record: ProvenRecord) -> list[str]:
    """Its state, what lies on it, and its version, as far as it has them and they are plain."""
    fields = _fields(record)
    claims = fields.get("claims")
    kinds = [claim.get("kind") for claim in claims if isinstance(claim, dict)] if isinstance(
        claims, list
    ) else []  # fmt: skip
    said = [fields.get("state"), fields.get("status"), *kinds]
    version = _number(fields, "version")
    plain = [fact for fact in said if isinstance(fact, str) and _PLAIN.fullmatch(fact)]
    return plain + ([f"v{version}"] if version > 0 else [])


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
