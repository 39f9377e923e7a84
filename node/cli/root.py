"""The command tree: names, one line of help each, and where the code of each command lives.

Nothing but click is imported until a command runs, so that `hansa --help` answers at once.
"""

import importlib
import os
import sys
import traceback
from dataclasses import dataclass
from typing import NoReturn

import click

from hansa.errors import HansaError
from node.cli.errors import CliError, ExitCode, from_hansa
from node.cli.options import common_options
from node.cli.output import Printer

EXAMPLES = """\b
Examples:
  hansa demo                                   four organisations on this machine
  hansa status                                 every node: height, state root, peers
  hansa doc register --file a.pdf --as farm --wait
  hansa epcis capture events.jsonld --as roastery --wait
  hansa prove tx 5e1fa93c07b2 -O a.proof.json
  hansa verify a.proof.json --trust trust.json --file a.pdf
"""
EPILOG = """\b
Exit codes: 0 ok, 1 negative answer, 2 usage, 65 bad input, 66 not found,
69 unreachable, 70 bug, 73 exists, 74 unhealthy, 75 try again,
77 not permitted, 78 bad configuration, 130 interrupted.
Guide: docs/guides/cli.md
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a command lives.

    Attributes:
        module: the module's name.
        attribute: the click command in it.
        help: one line.
        section: the heading under which the help lists it.
    """

    module: str
    attribute: str
    help: str
    section: str


_NETWORK, _RECORDS, _CHECKS, _TOOLS = "Networks and nodes", "Records", "Proofs", "Tools"

COMMANDS: dict[str, Entry] = {
    "demo": Entry("node.cli.demo", "demo", "Run a network of four organisations here", _NETWORK),
    "net": Entry("node.cli.net", "net", "Make a network's keys, genesis and homes", _NETWORK),
    "node": Entry("node.cli.net", "node", "Make a node's home, or run a node", _NETWORK),
    "status": Entry("node.cli.status", "status", "Show every node of the network", _NETWORK),
    "health": Entry("node.cli.status", "health", "Say whether a node is ready", _NETWORK),
    "wait": Entry("node.cli.status", "wait", "Wait until a condition holds", _NETWORK),
    "watch": Entry("node.cli.status", "watch", "Follow blocks and events as they come", _NETWORK),
    "tx": Entry("node.cli.tx", "tx", "Build, sign, submit and show transactions", _RECORDS),
    "epcis": Entry("node.cli.epcis", "epcis", "Capture EPCIS events and trace things", _RECORDS),
    "doc": Entry("node.cli.doc", "doc", "Register, sign and show documents", _RECORDS),
    "vault": Entry("node.cli.vault", "vault", "Seal, keep, open and erase payloads", _RECORDS),
    "contract": Entry(
        "node.cli.contract", "contract", "List and describe contracts, methods, queries", _RECORDS
    ),
    "profile": Entry("node.cli.profile", "profile", "Rules as data: show, try, decide", _RECORDS),
    "record": Entry("node.cli.record", "record", "Show records and their history", _RECORDS),
    "cred": Entry("node.cli.cred", "cred", "Credentials: issuers, lists, statuses", _RECORDS),
    "grant": Entry("node.cli.grant", "grant", "Data: offer, agree, deliver, consent", _RECORDS),
    "script": Entry("node.cli.script", "script", "Vote on scripts, call and test them", _RECORDS),
    "get": Entry("node.cli.block", "get", "Read the state by key", _RECORDS),
    "block": Entry("node.cli.block", "block", "Show and list blocks", _RECORDS),
    "story": Entry("node.cli.story", "story", "Play the twelve stories", _RECORDS),
    "anchor": Entry("node.cli.anchor", "anchor", "Put a folder's files on chain at once", _RECORDS),
    "seal": Entry("node.cli.anchor", "seal", "Commit to a document field by field", _RECORDS),
    "prove": Entry("node.cli.proof", "prove", "Fetch a proof file", _CHECKS),
    "verify": Entry("node.cli.proof", "verify", "Check a proof file offline", _CHECKS),
    "export": Entry("node.cli.export", "export", "Write all that concerns a member", _CHECKS),
    "key": Entry("node.cli.key", "key", "Make, list, export and import keys", _TOOLS),
    "config": Entry("node.cli.config", "config", "Show and check configuration", _TOOLS),
    "bench": Entry("node.cli.tools", "bench", "Measure a fresh network", _TOOLS),
    "completion": Entry("node.cli.tools", "completion", "Print a shell's completion", _TOOLS),
    "version": Entry("node.cli.tools", "version", "Print versions", _TOOLS),
}

_GROUPS = frozenset(
    {
        "demo",
        "net",
        "node",
        "tx",
        "epcis",
        "doc",
        "vault",
        "block",
        "prove",
        "key",
        "config",
        "story",
        "contract",
        "profile",
        "record",
        "cred",
        "grant",
    }
)
"""Commands that have commands of their own."""


class LazyGroup(click.Group):
    """A group that imports a command when it is used, and lists help without importing.

    (`typing.override` comes with Python 3.12; hence the ignores.)
    """

    def list_commands(self, ctx: click.Context) -> list[str]:  # type: ignore[explicit-override]
        """The names in the order of the help."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # type: ignore[explicit-override]
        """The command behind a name."""
        del ctx
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        command = getattr(importlib.import_module(entry.module), entry.attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(  # type: ignore[explicit-override]
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """List the commands under their headings."""
        del ctx
        for section in dict.fromkeys(entry.section for entry in COMMANDS.values()):
            with formatter.section(section):
                formatter.write_dl(
                    [(name, e.help) for name, e in COMMANDS.items() if e.section == section]
                )


@click.group(
    cls=LazyGroup,
    help=f"Run, use and check a consortium chain.\n\n{EXAMPLES}",
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@common_options
def root() -> None:
    """Carry the common options; the commands do the work."""


def main() -> NoReturn:
    """Run the command line and end the process with a documented exit code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line; the exit code."""
    context_debug = "--debug" in arguments
    try:
        code = root.main(arguments, prog_name="hansa", standalone_mode=False)
    except Exception as error:  # noqa: BLE001 - the border of the process: every error gets a form
        if context_debug:
            traceback.print_exc()
        return _tell(error, arguments)
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        return ExitCode.INTERRUPTED
    except SystemExit:
        # click ends so after completing a word, and when the reader of our pipe has gone: that
        # reader has what it wanted.
        return ExitCode.OK
    return code if isinstance(code, int) else ExitCode.OK


def _tell(error: Exception, arguments: list[str]) -> int:
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, click.Abort):
        click.echo("interrupted", err=True)
        return ExitCode.INTERRUPTED
    if isinstance(error, BrokenPipeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OK
    told = _told(error, _command_of(arguments))
    Printer.standard(_form_in(arguments)).failed(told.lines(), told.document())
    return told.exit_code


def _told(error: Exception, command: str) -> CliError:
    """Any error as one with four parts."""
    if isinstance(error, CliError):
        return error
    if isinstance(error, HansaError):
        return from_hansa(command, error)
    if isinstance(error, click.ClickException):
        context = error.ctx if isinstance(error, click.UsageError) else None
        usage = f"{context.command_path} --help" if context else "hansa --help"
        return CliError(
            ExitCode.USAGE, "usage", f"{command} was not started", error.format_message(), usage
        )
    if isinstance(error, OSError):
        name = f"{error.filename}: " if error.filename else ""
        exit_code = (
            ExitCode.NOT_FOUND if isinstance(error, FileNotFoundError) else ExitCode.UNHEALTHY
        )
        reason = f"{name}{error.strerror or error}"
        return CliError(exit_code, "io", command, reason, "check the path and its permissions")
    return CliError(
        ExitCode.BUG,
        "bug",
        f"{command} met a bug",
        f"{type(error).__name__}: {error}",
        "run it again with --debug and report the traceback",
    )


def _command_of(arguments: list[str]) -> str:
    """The words of the command, for messages: ``hansa doc register``."""
    for index, argument in enumerate(arguments):
        if argument in COMMANDS:
            following = arguments[index + 1 : index + 2] if argument in _GROUPS else []
            words = [word for word in following if not word.startswith("-")]
            return " ".join(["hansa", argument, *words])
    return "hansa"


def _form_in(arguments: list[str]) -> str | None:
    """The output form that was asked for, also when the line could not be parsed."""
    for index, argument in enumerate(arguments):
        if argument in {"-o", "--output"} and index + 1 < len(arguments):
            form = arguments[index + 1]
            return form if form in {"json", "jsonl", "tsv", "table"} else None
    return os.environ.get("HANSA_OUTPUT") or None
