"""Errors of the command line: four parts (what, why, what to do, code) and an exit code.

Exit codes are those of sysexits where they exist (docs/guides/cli.md, "Exit codes").
"""

from collections.abc import Mapping
from enum import IntEnum

from hansa.errors import Corrupt, HansaError, Unavailable


class ExitCode(IntEnum):
    """What a command's end means to a script."""

    OK = 0
    NEGATIVE = 1
    USAGE = 2
    BAD_INPUT = 65
    NOT_FOUND = 66
    UNREACHABLE = 69
    BUG = 70
    EXISTS = 73
    UNHEALTHY = 74
    TRY_AGAIN = 75
    NOT_PERMITTED = 77
    BAD_CONFIG = 78
    INTERRUPTED = 130


class CliError(Exception):
    """A failure that a command tells to its user.

    Attributes:
        exit_code: the process's exit code.
        code: stable, lower-case words joined by dots.
        what: what did not happen, in a few words.
        why: the reason, with the values that decided.
        notes: further facts, a line each.
        todo: the next command or action.
        fields: what the JSON form adds to the error.
    """

    def __init__(  # noqa: PLR0913 - the four parts of an error, an exit code and two extras
        self,
        exit_code: ExitCode,
        code: str,
        what: str,
        why: str = "",
        todo: str = "",
        *,
        notes: tuple[str, ...] = (),
        fields: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(f"{code}: {what}: {why}")
        self.exit_code = exit_code
        self.code = code
        self.what = what
        self.why = why
        self.todo = todo
        self.notes = notes
        self.fields = dict(fields or {})

    def lines(self) -> list[str]:
        """The human form, line by line."""
        head = f"✗ {self.what}: {self.why}" if self.why else f"✗ {self.what}"
        lines = [head, *(f"  {note}" for note in self.notes)]
        if self.todo:
            lines.append(f"  next: {self.todo}")
        lines.append(f"  code: {self.code}")
        return lines

    def document(self) -> dict[str, object]:
        """The machine form."""
        error = {
            "code": self.code,
            "what": self.what,
            "why": self.why,
            "next": self.todo,
            "exit": int(self.exit_code),
        }
        return {"error": error, **self.fields}


_EXIT_OF_PREFIX: tuple[tuple[str, ExitCode], ...] = (
    ("config.", ExitCode.BAD_CONFIG),
    ("epcis.", ExitCode.BAD_INPUT),
    ("key.exists", ExitCode.EXISTS),
    ("key.passphrase", ExitCode.NOT_PERMITTED),
    ("key.permissions", ExitCode.NOT_PERMITTED),
    ("auth.", ExitCode.NOT_PERMITTED),
)
_EXIT_OF_LAST_WORD: dict[str, ExitCode] = {
    "not-found": ExitCode.NOT_FOUND,
    "missing": ExitCode.NOT_FOUND,
    "exists": ExitCode.EXISTS,
    "forbidden": ExitCode.NOT_PERMITTED,
    "not-permitted": ExitCode.NOT_PERMITTED,
}
_EXIT_OF_REFUSAL: dict[str, ExitCode] = {
    "AUTH": ExitCode.NOT_PERMITTED,
    "SIGN": ExitCode.NOT_PERMITTED,
    "CONSENT": ExitCode.NOT_PERMITTED,
    "SCHEMA": ExitCode.BAD_INPUT,
    "LIMIT": ExitCode.BAD_INPUT,
    "MISSING": ExitCode.NOT_FOUND,
    "EXISTS": ExitCode.EXISTS,
    "DUPLICATE": ExitCode.EXISTS,
    "FAULT": ExitCode.BUG,
}
DEFAULT_HINT = "hansa --help, or docs/guides/cli.md"


def exit_code_of(error: HansaError) -> ExitCode:
    """The exit code that says whose fault an error of the SDK is."""
    if isinstance(error, Unavailable):
        unreachable = error.code.endswith(".unreachable")
        return ExitCode.UNREACHABLE if unreachable else ExitCode.TRY_AGAIN
    if isinstance(error, Corrupt):
        return ExitCode.UNHEALTHY
    for prefix, exit_code in _EXIT_OF_PREFIX:
        if error.code.startswith(prefix):
            return exit_code
    return _EXIT_OF_LAST_WORD.get(error.code.rpartition(".")[2], ExitCode.BAD_INPUT)


def exit_code_of_refusal(code: str) -> ExitCode:
    """The exit code of a contract's refusal (a closed set of codes); 1 when none fits better."""
    return _EXIT_OF_REFUSAL.get(code, ExitCode.NEGATIVE)


def from_hansa(command: str, error: HansaError) -> CliError:
    """An error of the SDK as the user sees it, told by the command that met it."""
    return CliError(
        exit_code_of(error), error.code, command, error.detail, error.hint or DEFAULT_HINT
    )
