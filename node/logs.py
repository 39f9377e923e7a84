"""What the node says about itself: one line an event, for people or for machines.

The promise: coloured text on a terminal and JSON lines elsewhere; stable event names with
fields (units in their names, e.g. ``took_s``); a repeated warning is written once an
interval and then says how often it was left out; bytes, keys and payloads never appear.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Literal, TextIO, cast

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

from hansa.errors import HansaError

Logger = FilteringBoundLogger
"""What parts of the node log to: ``log.info("consensus.commit", height=7)``."""
Millis = Callable[[], int]
"""A clock: milliseconds."""

REPEAT_MS = 10_000
"""A warning with the same event and peer is written once in this time."""
REPEATS_MAX = 1000
"""Different warnings remembered; with more the oldest is forgotten and may appear again."""
TEXT_MAX = 1000
"""Characters of one field: nobody reads more, and a sender must not fill the disk."""
SECRET_FIELDS = frozenset(
    {"authorization", "body", "key", "passphrase", "password", "payload", "secret", "seed", "token"}
)
"""Fields that are never shown, whoever logs them."""

_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


def make_logger(  # noqa: PLR0913 - one place where a logger is put together
    stream: TextIO,
    *,
    wall_ms: Millis,
    mono_ms: Millis,
    level: Literal["debug", "info", "warning", "error"] = "info",
    form: Literal["auto", "text", "json"] = "auto",
    colours: bool = True,
) -> Logger:
    """A logger that writes to `stream`. Nothing global is touched; bind fields as needed.

    Args:
        stream: where the lines go, standard error as a rule.
        wall_ms: time since 1970 for the stamp of a line.
        mono_ms: time that never jumps, for repeated warnings.
        level: the least that is written.
        form: ``auto`` is text where `stream` is a terminal, else JSON.
        colours: whether text is coloured on a terminal (False where NO_COLOR is set).
    """
    is_terminal = stream.isatty()
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(colors=colours and is_terminal)
        if form == "text" or (form == "auto" and is_terminal)
        else structlog.processors.JSONRenderer(sort_keys=False)
    )
    processors: list[Processor] = [
        structlog.processors.add_log_level,
        Repeats(mono_ms),
        _Stamp(wall_ms),
        redact,
        renderer,
    ]
    return cast(
        "Logger",
        structlog.wrap_logger(
            structlog.PrintLogger(stream),
            processors=processors,
            wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
            cache_logger_on_first_use=False,
        ),
    )


def failure(error: HansaError) -> dict[str, str]:
    """The fields that tell an error of ours: ``log.error("store.failed", **failure(error))``."""
    return {"code": error.code, "detail": error.detail, "hint": error.hint}


def capture_standard(logger: Logger) -> None:
    """Let what libraries log (asyncio, aiohttp) from warnings up go through `logger`."""
    root = logging.getLogger()
    root.handlers[:] = [_Forward(logger)]
    root.setLevel(logging.WARNING)


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """A structlog processor: no bytes, no secrets, no endless text."""
    return {name: _shown(name, value) for name, value in event.items()}


class Repeats:
    """A structlog processor that drops warnings which were written a moment ago."""

    __slots__ = ("_mono_ms", "_seen")

    def __init__(self, mono_ms: Millis) -> None:
        self._mono_ms = mono_ms
        self._seen: dict[tuple[str, str], tuple[int, int]] = {}

    def __call__(self, _logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        """The event, with how many like it were left out; or `structlog.DropEvent`."""
        if method != "warning":
            return event
        now = self._mono_ms()
        what = (str(event.get("event")), str(event.get("peer", "")))
        written, left_out = self._seen.pop(what, (now - REPEAT_MS, 0))
        if now - written < REPEAT_MS:
            self._seen[what] = (written, left_out + 1)
            raise structlog.DropEvent
        self._seen[what] = (now, 0)
        if len(self._seen) > REPEATS_MAX:
            del self._seen[next(iter(self._seen))]
        return {**event, "left_out": left_out} if left_out else event


class _Stamp:
    """A structlog processor that puts the time in front."""

    __slots__ = ("_wall_ms",)

    def __init__(self, wall_ms: Millis) -> None:
        self._wall_ms = wall_ms

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        moment = datetime.fromtimestamp(self._wall_ms() / 1000, UTC)
        stamp = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {"timestamp": stamp, **event}


class _Forward(logging.Handler):
    """A handler of the standard library's logging that hands on to ours."""

    def __init__(self, logger: Logger) -> None:
        super().__init__()
        self._to = logger

    # typing.override comes with Python 3.12
    def emit(self, record: logging.LogRecord) -> None:  # type: ignore[explicit-override]
        """Write the record as event ``library``."""
        fields: Mapping[str, object] = {"library": record.name, "message": record.getMessage()}
        if record.exc_info is not None and record.exc_info[1] is not None:
            fields = {**fields, "error": repr(record.exc_info[1])}
        if record.levelno >= logging.ERROR:
            self._to.error("library.error", **fields)
        else:
            self._to.warning("library.warning", peer=record.name, **fields)


def _shown(name: str, value: object) -> object:
    if name in SECRET_FIELDS:
        return "(not shown)"
    match value:
        case bytes() | bytearray() | memoryview():
            shown: object = f"({len(value)} bytes)"
        case str():
            shown = value if len(value) <= TEXT_MAX else value[:TEXT_MAX] + "…"
        case list() | tuple():
            shown = [_shown("", item) for item in value]
        case dict():
            shown = {str(key): _shown(str(key), item) for key, item in value.items()}
        case None | int() | float():
            shown = value
        case _:
            shown = _shown("", str(value))
    return shown
