"""Is the file in the reader's hands the one that was recorded (docs/spec/proof.md, 6.1)?

A record holds a file by its digest, or whole (an EPCIS event travels as the bytes of its
JSON text). The comparison depends on nothing but the signed transaction, or the proven
value, and the file.
"""

import hashlib
import json
from collections.abc import Iterator

from hansa.canonical_json import Json, canonicalise, dumps, loads
from hansa.disclosure import is_sealed
from hansa.encoding import Value
from hansa.epcis import events_of, read_event
from hansa.errors import Rejected
from hansa.merkle import leaf_hash, verify_inclusion
from hansa.proof_file import Extras, Member, Reveal
from hansa.proof_lines import ATTENTION, FAIL, NOT_GIVEN, OK, Line
from hansa.proof_words import ENGLISH, Words

_SHORT = 12
"""Hex digits of a digest in a note: enough for the eye."""
_DIGESTS = ("sha-256", "sm3")
_DIGEST_BYTES = 32
_NOTE_MAX = 400
"""Characters of shown fields beside the line; all of them stand in the file."""


def content_line(
    values: list[Value],
    content: bytes | None,
    extras: Extras | None = None,
    words: Words = ENGLISH,
) -> Line:
    """The first line of a verdict, from what the record holds (arguments or values)."""
    member = None if extras is None else extras.member
    reveal = None if extras is None else extras.reveal
    if member is not None and not _in_batch(values, member):
        return Line(FAIL, words.say("not_in_batch"))
    missing = [] if reveal is None else _not_sealed(values, reveal)
    if missing:
        return Line(FAIL, words.say("not_sealed", name=missing[0]))
    recorded = recorded_digests(values)
    if member is not None:
        recorded = [(member.alg, member.digest)]
    line = _compared(values, recorded, content, words)
    return line if reveal is None else _with_fields(line, reveal, words)


def recorded_digests(values: list[Value]) -> list[tuple[str, bytes]]:
    """(algorithm, digest) of everything that is recorded by its digest."""
    return [digest for value in values for digest in _digests(value)]


def recorded_roots(values: list[Value]) -> list[tuple[int, bytes]]:
    """(count, root) of every batch that the values are of."""
    return [
        (count, root)
        for value in values
        if isinstance(value, dict)
        and isinstance(root := value.get("root"), bytes)
        and type(count := value.get("count")) is int
    ]


def _compared(
    values: list[Value], recorded: list[tuple[str, bytes]], content: bytes | None, words: Words
) -> Line:
    note = f"{recorded[0][0]} {recorded[0][1].hex()[:_SHORT]}" if recorded else ""
    if content is None:
        return Line(NOT_GIVEN, words.say("no_file"), note)
    for algorithm, digest in recorded:
        if _digest(algorithm, content) == digest:
            shown = f"{algorithm} {digest.hex()[:_SHORT]}"
            return Line(OK, words.say("same_file"), shown)
    if recorded:
        return _another(content, words)
    return _whole_line(values, content, words)


def _in_batch(values: list[Value], member: Member) -> bool:
    """Whether a digest stands in the batch that was recorded."""
    leaf = leaf_hash(member.digest)
    for count, root in recorded_roots(values):
        try:
            verify_inclusion(leaf, member.index, member.size, member.path, root)
        except Rejected:
            continue
        if count == member.size:
            return True
    return False


def _not_sealed(values: list[Value], reveal: Reveal) -> list[str]:
    """The names of the fields that no recorded seal holds so."""
    seals = [value.get("seal") for value in values if isinstance(value, dict)]
    roots = [seal for seal in seals if isinstance(seal, bytes) and len(seal) == _DIGEST_BYTES]
    return [
        field.name
        for field in reveal.fields
        if not any(is_sealed(field, reveal.size, root) for root in roots)
    ]


def _with_fields(line: Line, reveal: Reveal, words: Words) -> Line:
    names = ", ".join(field.name for field in reveal.fields)
    said = words.say("shown", shown=len(reveal.fields), size=reveal.size, names=names)
    shown = {field.name: field.value for field in reveal.fields}
    note = json.dumps(shown, ensure_ascii=True)[:_NOTE_MAX]
    if line.verdict == NOT_GIVEN:
        return Line(OK, said, note)
    return Line(line.verdict, f"{line.text}{words.between}{said}", note)


def claimed_times(values: list[Value]) -> tuple[int, ...]:
    """When the recorded EPCIS events say that they happened, in ms since 1970, in order."""
    found = []
    for text in _json_texts(values):
        try:
            found.append(read_event(text).time)
        except Rejected:
            continue
    return tuple(sorted(found))


def _whole_line(values: list[Value], content: bytes, words: Words) -> Line:
    """The line for a file that is recorded whole, or not at all."""
    note = f"sha-256 {_digest('sha-256', content).hex()[:_SHORT]}"
    texts = _json_texts(values)
    if content and content in [text for value in values for text in _texts(value)]:
        return Line(OK, words.say("same_file"), note)
    for recorded, held in ((texts, _events(content)), _spelled(texts, content)):
        if recorded and recorded == held:
            return Line(OK, words.say("same_file"), note)
        if recorded and recorded < held:
            return Line(ATTENTION, words.say("contains"), note)
    return _another(content, words)


def _another(content: bytes, words: Words) -> Line:
    note = f"yours: sha-256 {_digest('sha-256', content).hex()[:_SHORT]}"
    return Line(FAIL, words.say("another_file"), note)


def _events(content: bytes) -> set[bytes]:
    """The self-contained texts of the events in an EPCIS document; none in other files."""
    try:
        return {event.text for event in events_of(content)}
    except Rejected:
        return set()


def _spelled(texts: set[bytes], content: bytes) -> tuple[set[bytes], set[bytes]]:
    """Canonical spellings: of the recorded texts, and of a JSON file and all objects in it."""
    recorded = {_spelling(text) for text in texts}
    mine = _spelling(content) if recorded else b""
    if not mine or b"" in recorded:
        return set(), set()
    return recorded, {mine} if recorded == {mine} else _objects(loads(content)) | {mine}


def _json_texts(values: list[Value]) -> set[bytes]:
    """The recorded parts that look like JSON texts."""
    return {text for value in values for text in _texts(value) if text[:1] in (b"{", b"[")}


def _digests(value: Value) -> Iterator[tuple[str, bytes]]:
    """(algorithm, digest) wherever a map has a field ``digest``."""
    if isinstance(value, dict):
        digest = value.get("digest")
        algorithm = value.get("alg", "sha-256")
        if isinstance(digest, bytes) and len(digest) == _DIGEST_BYTES and algorithm in _DIGESTS:
            yield str(algorithm), digest
        for item in value.values():
            yield from _digests(item)
    elif isinstance(value, list):
        for item in value:
            yield from _digests(item)


def _digest(algorithm: str, content: bytes) -> bytes:
    """The digest of the content; nothing where this Python lacks the algorithm."""
    if algorithm == "sha-256":
        return hashlib.sha256(content).digest()
    try:
        return hashlib.new(algorithm, content).digest()
    except ValueError:
        return b""


def _texts(value: Value) -> Iterator[bytes]:
    """The byte strings in a value: what is recorded whole stands in one."""
    if isinstance(value, bytes):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _spelling(text: bytes) -> bytes:
    """The canonical spelling of a JSON text; nothing for other bytes."""
    try:
        return canonicalise(text)
    except Rejected:
        return b""


def _objects(document: Json) -> set[bytes]:
    """The canonical spelling of a JSON value and of every object in it: events in a document."""
    found = set()
    pending = [document]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            found.add(dumps(item))
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)
    return found
