"""The words of a script: names, numbers, texts, signs, lines and indentation.

The promise: one reading of every source, the same on every machine and under every version of
Python. docs/spec/script.md, section 2.
"""

import re
from dataclasses import dataclass

from hansa.encoding import INT_MAX
from ledger.scripts.limits import NESTING_MAX, SOURCE_BYTES_MAX

NAME, INT, TEXT, SIGN, LINE, INDENT, DEDENT, END = (
    "name", "int", "text", "sign", "line", "indent", "dedent", "end",
)  # fmt: skip
KEYWORDS = frozenset({
    "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del", "elif",
    "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda",
    "load", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
})  # fmt: skip
"""Words that are no names, those that Starlark reserves among them."""
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]{1,16}|[0-9]{1,20}")
_SIGN = re.compile(r"//=|\+=|-=|\*=|%=|==|!=|<=|>=|//|[-+*%<>=()\[\]{},:.]")
_OPEN, _CLOSE = "([{", ")]}"
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"', "\n": ""}
_HEX = {"x": 2, "u": 4}
_ASCII = 0x80


class ScriptError(Exception):
    """A source that is no script.

    Attributes:
        line: where, from 1.
        reason: one of the words of docs/spec/script.md, 2.9.
        detail: for whoever writes the script; never in a receipt.
    """

    def __init__(self, line: int, reason: str, detail: str) -> None:
        super().__init__(f"line {line}: {detail}")
        self.line = line
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Token:
    """A word with its line; `text` is the content of a text, the digits of a number."""

    kind: str
    text: str
    line: int


def tokenise(source: str) -> list[Token]:
    """The words of a source, ended by `END`.

    Raises:
        ScriptError: ``size``, ``character``, ``indentation``, ``text``, ``number`` or ``nesting``.
    """
    if len(source.encode()) > SOURCE_BYTES_MAX:
        raise ScriptError(1, "size", f"a source has at most {SOURCE_BYTES_MAX} bytes")
    reader = _Reader(source)
    reader.read()
    return reader.tokens


class _Reader:
    """Reads a source from its beginning to its end."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.tokens: list[Token] = []
        self._at = 0
        self._line = 1
        self._open: list[str] = []
        self._indents = [0]

    def read(self) -> None:
        source = self.source
        fresh = True
        while self._at < len(source):
            if fresh and not self._open:
                self._indentation()
                if self._at == len(source):
                    break
            fresh = self._word()
        if self._open:
            raise ScriptError(self._line, "syntax", f"{self._open[-1]} is not closed")
        if self.tokens and self.tokens[-1].kind != LINE:
            self._add(LINE, "")
        for _ in self._indents[1:]:
            self._add(DEDENT, "")
        self._add(END, "")

    def _add(self, kind: str, text: str) -> None:
        self.tokens.append(Token(kind, text, self._line))

    def _indentation(self) -> None:
        """Skip empty lines; then compare the spaces before the first word with those above."""
        source = self.source
        while True:
            at = self._at
            while source.startswith(" ", at):
                at += 1
            width = at - self._at
            if at < len(source) and source[at] == "#":
                end = source.find("\n", at)
                at = len(source) if end < 0 else end
            if at < len(source) and source[at] == "\n":
                self._at = at + 1
                self._line += 1
                continue
            self._at = at
            break
        if at < len(source):
            self._indent(width)

    def _indent(self, width: int) -> None:
        if width > self._indents[-1]:
            if len(self._indents) > NESTING_MAX:
                raise ScriptError(self._line, "nesting", f"blocks nest deeper than {NESTING_MAX}")
            self._indents.append(width)
            self._add(INDENT, "")
        while width < self._indents[-1]:
            self._indents.pop()
            self._add(DEDENT, "")
        if width != self._indents[-1]:
            raise ScriptError(self._line, "indentation", "this line stands in no block above it")

    def _word(self) -> bool:
        """Read one word; whether a new line begins after it."""
        source, at = self.source, self._at
        letter = source[at]
        if letter == "\n":
            return self._newline()
        if letter == " ":
            self._at += 1
        elif letter == "#":
            end = source.find("\n", at)
            self._at = len(source) if end < 0 else end
        elif letter == "\\" and source[at : at + 2] == "\\\n":
            raise ScriptError(self._line, "character", "join lines with brackets, not with \\")
        elif letter in "'\"":
            self._text(letter)
        elif (found := _WORD.match(source, at)) is not None:
            self._take(NAME, found)
        elif (found := _NUMBER.match(source, at)) is not None:
            self._number(found)
        elif (found := _SIGN.match(source, at)) is not None:
            self._brackets(found.group())
            self._take(SIGN, found)
        else:
            name = "a tab" if letter == "\t" else repr(letter)
            raise ScriptError(self._line, "character", f"{name} has no meaning here")
        return False

    def _newline(self) -> bool:
        if not self._open:
            self._add(LINE, "")
        self._at += 1
        self._line += 1
        return True

    def _take(self, kind: str, found: re.Match[str]) -> None:
        self._add(kind, found.group())
        self._at = found.end()

    def _number(self, found: re.Match[str]) -> None:
        digits, after = found.group(), self.source[found.end() : found.end() + 1]
        octal = len(digits) > 1 and digits[0] == "0" and digits[1] not in "xX"
        if octal or after.isalnum() or after in {"_", "."} or int(digits, 0) > INT_MAX:
            raise ScriptError(
                self._line, "number", f"{digits}{after} is no whole number below 2 to the 63"
            )
        self._take(INT, found)

    def _brackets(self, sign: str) -> None:
        if sign in _OPEN:
            if len(self._open) >= NESTING_MAX:
                raise ScriptError(self._line, "nesting", f"brackets nest deeper than {NESTING_MAX}")
            self._open.append(sign)
        elif sign in _CLOSE and (
            not self._open or _OPEN.index(self._open.pop()) != _CLOSE.index(sign)
        ):
            raise ScriptError(self._line, "syntax", f"{sign} closes nothing")

    def _text(self, quote: str) -> None:
        source, line = self.source, self._line
        end = quote * 3 if source.startswith(quote * 3, self._at) else quote
        at = self._at + len(end)
        pieces: list[str] = []
        while not source.startswith(end, at):
            letter = source[at : at + 1]
            if letter == "" or (letter == "\n" and len(end) == 1):
                raise ScriptError(line, "text", "a text is not closed")
            if letter == "\\":
                piece, at = self._escape(at + 1)
                pieces.append(piece)
                continue
            self._line += letter == "\n"
            pieces.append(letter)
            at += 1
        self.tokens.append(Token(TEXT, "".join(pieces), line))
        self._at = at + len(end)

    def _escape(self, at: int) -> tuple[str, int]:
        letter = self.source[at : at + 1]
        if letter in _ESCAPES:
            self._line += letter == "\n"
            return _ESCAPES[letter], at + 1
        length = _HEX.get(letter, 0)
        digits = self.source[at + 1 : at + 1 + length]
        if length and re.fullmatch(r"[0-9a-fA-F]+", digits) and len(digits) == length:
            code = int(digits, 16)
            if letter == "u" and not 0xD800 <= code < 0xE000:  # noqa: PLR2004 - surrogates
                return chr(code), at + 1 + length
            if letter == "x" and code < _ASCII:
                return chr(code), at + 1 + length
        raise ScriptError(self._line, "text", f"\\{letter}{digits} is no escape")
