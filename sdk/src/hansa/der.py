"""Reading DER (ITU-T X.690): tags, definite lengths, nothing else; pure and bounded.

The promise: whatever bytes are given, the answer is the elements in them or `Rejected`, the
same on every machine, and never more work than the bytes are long. Indefinite lengths, tags
above 30 and lengths in another than the shortest form are refused (docs/spec/proof.md, 10.2).
"""

from dataclasses import dataclass

from hansa.errors import Rejected

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, OID = 0x01, 0x02, 0x03, 0x04, 0x06
GENERALIZED_TIME = 0x18
SEQUENCE, SET = 0x30, 0x31
ELEMENTS_MAX = 4096
"""Elements of one list: a token with a long chain of certificates has some forty."""
OID_BYTES_MAX = 64
"""An object identifier: those in use have up to twenty bytes."""
_SHORT_LENGTH = 0x80
_LENGTH_BYTES_MAX = 4
_LONG_TAG = 0x1F
_SIGN = 0x80


@dataclass(frozen=True, slots=True)
class Element:
    """One element.

    Attributes:
        tag: its identifier byte, with class and form.
        body: the bytes of its content.
        raw: the whole element.
    """

    tag: int
    body: bytes
    raw: bytes

    def children(self) -> list["Element"]:
        """The elements in its content.

        Raises:
            Rejected: ``der.malformed``.
        """
        found = list[Element]()
        at = 0
        while at < len(self.body):
            if len(found) == ELEMENTS_MAX:
                raise _refusal(f"more than {ELEMENTS_MAX} elements in a list")
            one = _element(self.body, at)
            found.append(one)
            at += len(one.raw)
        return found

    def needed(self, *tags: int) -> "Element":
        """Itself, if it has one of these tags.

        Raises:
            Rejected: ``der.malformed``.
        """
        if self.tag not in tags:
            raise _refusal(f"an element of tag {self.tag:#04x}, {tags[0]:#04x} is needed")
        return self

    def integer(self) -> int:
        """The number in an INTEGER.

        Raises:
            Rejected: ``der.malformed``.
        """
        body = self.needed(INTEGER).body
        if not body or (len(body) > 1 and body[0] in (0, 0xFF) and (body[0] ^ body[1]) < _SIGN):
            raise _refusal("an integer that is empty or not in its shortest form")
        return int.from_bytes(body, "big", signed=True)

    def oid(self) -> str:
        """The dotted text of an OBJECT IDENTIFIER.

        Raises:
            Rejected: ``der.malformed``.
        """
        body = self.needed(OID).body
        if not body or len(body) > OID_BYTES_MAX or body[-1] & _SIGN:
            raise _refusal("an object identifier that is empty, cut or too long")
        arcs, value = list[int](), 0
        for byte in body:
            value = value << 7 | byte & 0x7F
            if not byte & _SIGN:
                arcs.append(value)
                value = 0
        top = min(arcs[0] // 40, 2)
        return ".".join(map(str, (top, arcs[0] - 40 * top, *arcs[1:])))


def read(data: bytes) -> Element:
    """The one element that the bytes are.

    Raises:
        Rejected: ``der.malformed``.
    """
    found = _element(data, 0)
    if len(found.raw) != len(data):
        raise _refusal(f"{len(data) - len(found.raw)} bytes after the end")
    return found


def _element(data: bytes, at: int) -> Element:
    if len(data) < at + 2:
        raise _refusal("the bytes are cut")
    tag, length = data[at], data[at + 1]
    start = at + 2
    if tag & _LONG_TAG == _LONG_TAG:
        raise _refusal("a tag above 30")
    if length >= _SHORT_LENGTH:
        count = length - _SHORT_LENGTH
        digits = data[start : start + count]
        if not 1 <= count <= _LENGTH_BYTES_MAX or len(digits) < count:
            raise _refusal("an indefinite length, or one beyond 4 bytes")
        length = int.from_bytes(digits, "big")
        if length < _SHORT_LENGTH or digits[0] == 0:
            raise _refusal("a length that is not in its shortest form")
        start += count
    if len(data) < start + length:
        raise _refusal("the bytes are cut")
    return Element(tag, data[start : start + length], data[at : start + length])


def _refusal(why: str) -> Rejected:
    return Rejected("der.malformed", f"no DER: {why}", "ask for it again")
