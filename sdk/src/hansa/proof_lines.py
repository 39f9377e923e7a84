"""What a verifier says: six lines, never one green tick (docs/spec/proof.md, section 6).

The sentences are made here from what was verified; a proof file holds none.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from hansa.canonical_json import Json
from hansa.proof_words import ENGLISH, LABELS, MARKS, Words

OK = "ok"
"""What the line says is proven."""
ATTENTION = "attention"
"""Proven too, and the reader should look: superseded, an unknown signer, nothing fresh."""
FAIL = "fail"
"""What was given contradicts the line."""
NOT_CHECKED = "not checked"
"""What the line rests on did not hold."""
NOT_GIVEN = "not given"
"""The file, or its reader, brought nothing for this line."""
INFO = "info"
"""A sentence that is always true."""

_TIME_MIN_MS = -62_135_596_800_000
"""The first millisecond of the year 1, where calendars begin."""
_TIME_MAX_MS = 253_402_300_799_999
"""The last millisecond of the year 9999, where calendars end."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a verdict.

    Attributes:
        verdict: ``ok``, ``attention``, ``fail``, ``not checked``, ``not given`` or ``info``.
        text: the sentence.
        note: what stands beside it, e.g. a shortened digest.
    """

    verdict: str
    text: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The six lines. A line *turns* when its verdict becomes ``fail``."""

    content: Line
    on_chain: Line
    signers: Line
    time: Line
    now: Line
    not_proven: Line

    @property
    def lines(self) -> tuple[tuple[str, Line], ...]:
        """Name and line, in the order in which they are shown."""
        return (
            ("content", self.content),
            ("on_chain", self.on_chain),
            ("signers", self.signers),
            ("time", self.time),
            ("now", self.now),
            ("not_proven", self.not_proven),
        )

    @property
    def failed(self) -> tuple[str, ...]:
        """The names of the lines that turned."""
        return tuple(name for name, line in self.lines if line.verdict == FAIL)

    @property
    def exit_code(self) -> int:
        """0 when no line turned, else 1 (operations.md, d.4)."""
        return 1 if self.failed else 0

    def to_json(self) -> dict[str, Json]:
        """The machine's form: each line's verdict, text and note by its name."""
        return {
            name: {"verdict": line.verdict, "text": line.text, "note": line.note}
            for name, line in self.lines
        }

    def to_text(self, language: str = "en") -> str:
        """The form for people, one line each; the sentences are in the verdict's own language."""
        chinese = language == "zh"
        shown = []
        for name, line in self.lines:
            word = MARKS[line.verdict] if chinese else line.verdict
            mark = "" if line.verdict in (OK, INFO, NOT_GIVEN) else f"[{word}] "
            label = LABELS[name].ljust(6, "\u3000") if chinese else f"{name.replace('_', ' '):<12}"
            text = f"{label}{mark}{line.text}"
            shown.append(f"{text:<72}  {line.note}" if line.note else text)
        return "\n".join(shown)


def unchecked(words: Words) -> Line:
    """The line whose ground did not hold."""
    return Line(NOT_CHECKED, words.say("not_checked"))


def utc(time_ms: int) -> str:
    """``2026-11-22 10:00:04 UTC`` for a time in ms since 1970."""
    if not _TIME_MIN_MS <= time_ms <= _TIME_MAX_MS:
        return f"{time_ms} ms after 1970"
    return datetime.fromtimestamp(time_ms // 1000, tz=UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def clock(time_ms: int) -> str:
    """``10:00:04`` for a time in ms since 1970, with its day where it is far off."""
    text = utc(time_ms)
    return text[11:19] if text.endswith("UTC") else text


def age(since_ms: int, now_ms: int, words: Words = ENGLISH) -> str:
    """``2 s ago``: one unit, rounded down."""
    seconds = max(0, now_ms - since_ms) // 1000
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return words.say("ago", count=seconds // size, unit=words.say(unit))
    return words.say("ago", count=seconds, unit=words.say("s"))
