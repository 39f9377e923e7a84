"""Where a passphrase comes from: a file, the environment, or a person; never the command line.

Words on a command line stand in process lists and shell histories.
"""

import os
import sys
from pathlib import Path

import click

from node.cli.errors import CliError, ExitCode

PASSPHRASE_VARIABLE = "HANSA_PASSPHRASE"  # noqa: S105 - the name of a variable


def known_passphrase(path: Path | None) -> str | None:
    """The passphrase of a file's first line or of the environment; None when neither is given."""
    if path is not None:
        return path.read_text(encoding="utf-8").split("\n", 1)[0]
    return os.environ.get(PASSPHRASE_VARIABLE)


def new_passphrase(path: Path | None, *, no_input: bool) -> str:
    """A passphrase for keys that are being made, asked for twice.

    Raises:
        CliError: ``key.passphrase`` when there is none and nobody to ask.
    """
    return known_passphrase(path) or _ask(
        "passphrase for the new keys", no_input=no_input, confirm=True
    )


def old_passphrase(path: Path | None, what: str, *, no_input: bool) -> str:
    """The passphrase of keys that exist.

    Raises:
        CliError: ``key.passphrase`` when there is none and nobody to ask.
    """
    return known_passphrase(path) or _ask(f"passphrase of {what}", no_input=no_input, confirm=False)


def _ask(question: str, *, no_input: bool, confirm: bool) -> str:
    if no_input or not sys.stdin.isatty():
        raise CliError(
            ExitCode.NOT_PERMITTED,
            "key.passphrase",
            "no passphrase",
            "none was given and there is nobody to ask",
            f"set {PASSPHRASE_VARIABLE}, or give --passphrase-file FILE",
        )
    answer = click.prompt(question, hide_input=True, confirmation_prompt=confirm, err=True)
    return str(answer)
