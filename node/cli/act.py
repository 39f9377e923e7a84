"""What the commands of contracts share: sign one call, send it, say what came of it; ask one query.

The promise: each such command takes the same options, fills in the version that stands, and ends
by naming the next command; a refusal is told with every field that the contract gave.
"""

import calendar
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hansa.encoding import Value
from hansa.errors import Rejected
from node.cli.connect import client_of, desk_key, signing_key
from node.cli.errors import CliError, ExitCode, exit_code_of_refusal
from node.cli.options import (
    Session,
    as_option,
    expires_option,
    key_option,
    timeout_option,
    wait_option,
    with_session,
)
from node.cli.output import Column, Result, short_id
from node.cli.submit import REFUSALS, committed_text, make_transaction, send
from node.network import MEMBER_KEY

if TYPE_CHECKING:
    from hansa.client.plain import Client
    from hansa.client.types import Json

FILE_BYTES_MAX = 64 * 1024 * 1024
"""A file whose digest goes onto the chain is read at once; a larger one is hashed elsewhere."""
MOMENT_DIGITS = 13
"""Of a time in ms since 1970, from 2001 to 2286."""
JSON_BYTES_MAX = 2 * 1024 * 1024
"""A JSON file of a command: eight times what a transaction takes."""


@dataclass(frozen=True, slots=True)
class Signing:
    """Who signs, and how long to wait.

    Attributes:
        session: of the command.
        organisation: in whose name.
        key_file: its key; None for its desk's.
        wait: until the transaction is committed or refused.
        timeout: of the wait, in ms.
        expires: when the transaction dies, in ms from now.
    """

    session: Session
    organisation: str
    key_file: Path | None
    wait: bool
    timeout: int
    expires: int

    def as_member(self) -> "Signing":
        """The same with the organisation's own key, which votes and decides, where it is here."""
        if self.key_file is not None:
            return self
        own = desk_key(self.session, self.organisation).with_name(f"{MEMBER_KEY}.json")
        found = own if own.exists() else None
        return Signing(
            self.session, self.organisation, found, self.wait, self.timeout, self.expires
        )


def signing_command(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of whoever signs; it takes a `Signing` as its first argument."""

    @wraps(function)
    def call(session: Session, **given: Any) -> None:  # noqa: ANN401 - whatever click parsed
        names = ("organisation", "key_file", "wait", "timeout", "expires")
        signing = Signing(session, *(given.pop(name) for name in names))
        function(signing, **given)

    made: Callable[..., None] = with_session(call)
    for option in (expires_option, timeout_option, wait_option, key_option, as_option):
        made = option(made)
    return made


@dataclass(frozen=True, slots=True)
class Act:
    """One call of a contract.

    Attributes:
        contract: its name.
        method: its name.
        arguments: of the call.
        next: commands to go on with; the word BALLOT in them becomes the id of the ballot that
            the call opened.
        document: what the result shows beside the transaction.
    """

    contract: str
    method: str
    arguments: Mapping[str, Value]
    next: Sequence[str] = ()
    document: Mapping[str, object] | None = None


def act(signing: Signing, client: "Client", what: Act) -> None:
    """Sign one call, send it, tell what came of it and how to go on."""
    from hansa.transaction import Call  # noqa: PLC0415 - cryptography

    session = signing.session
    key = signing_key(session, signing.organisation, signing.key_file)
    call = Call.of(what.contract, what.method, dict(what.arguments))
    signed = make_transaction(session, client, key, [call], signing.expires)
    sent = send(session, client, signed, wait=signing.wait, timeout_ms=signing.timeout)
    result = None if sent.receipt is None else sent.receipt.calls[0].result
    document = {**sent.document, **(what.document or {}), "result": result}
    short = short_id(sent.tx_id)
    if sent.fate.state == "committed":
        session.printer.done(committed_text(client, sent), Result(document))
        following = [_with_ballot(one, result) for one in what.next]
        session.printer.next(*following, f"hansa prove tx {short} -O {short}.proof.json")
    else:
        session.printer.done(f"accepted  tx {short}  not yet in a block", Result(document))
        session.printer.next(f"hansa wait tx={short}", *what.next)


def _with_ballot(command: str, result: "Json") -> str:
    ballot = result.get("ballot") if isinstance(result, dict) else None
    return command if ballot is None else command.replace("BALLOT", str(ballot))


def ask(client: "Client", contract: str, query: str, /, **arguments: object) -> "Json":
    """What a contract answers to a question.

    Raises:
        CliError: the refusal, with its fields as the node told them.
    """
    try:
        return client.query(contract, query, arguments).result
    except Rejected as error:
        if error.code not in REFUSALS:
            raise
        raise CliError(
            exit_code_of_refusal(error.code),
            f"refused.{error.code}",
            f"refused, {error.code}",
            f"{REFUSALS[error.code]}  {error.detail}",
            error.hint or "hansa contract describe CONTRACT",
            fields={"code": error.code},
        ) from error


def record_of(client: "Client", contract: str, record_id: str) -> dict[str, "Json"]:
    """A record as it stands.

    Raises:
        CliError: 66 where there is none.
    """
    found = ask(client, "record", "get", contract=contract, id=record_id)
    assert isinstance(found, dict)
    record = found["record"]
    assert isinstance(record, dict)
    return record


def version_of(client: "Client", contract: str, record_id: str) -> int:
    """The version of a record that stands: what a change of it has to name."""
    version = record_of(client, contract, record_id)["version"]
    assert isinstance(version, int)
    return version


def show(session: Session, document: Mapping[str, object], *following: str) -> None:
    """Print one thing as rows of field and value, or as it is, and name the next commands."""
    rows = [{"field": field, "value": value} for field, value in document.items()]
    people = session.printer.form in {"table", "tsv"}
    session.printer.result(Result(document, rows if people else None))
    session.printer.next(*following)


def show_rows(
    session: Session,
    name: str,
    rows: Sequence[Mapping[str, object]],
    columns: Sequence[Column],
    *following: str,
    more: Mapping[str, object] | None = None,
) -> None:
    """Print a list and name the next commands."""
    session.printer.result(Result({**(more or {}), name: rows}, rows, columns))
    session.printer.next(*following)


def digest_of(path: Path) -> bytes:
    """SHA-256 of a file.

    Raises:
        CliError: 65 for a file that is too large to be read at once.
    """
    from hansa.hashing import sha256  # noqa: PLC0415

    with path.open("rb") as file:
        content = file.read(FILE_BYTES_MAX + 1)
    if len(content) > FILE_BYTES_MAX:
        raise _bad_file(path, f"more than {FILE_BYTES_MAX} bytes", "hash it yourself")
    return sha256(content)


def digest_from(path: Path | None, digits: str | None, what: str) -> bytes:
    """A digest that was given as a file or as 64 hex digits.

    Raises:
        CliError: 2 when it is neither, or both.
    """
    if path is not None and digits is None:
        return digest_of(path)
    if digits is not None and path is None:
        try:
            digest = bytes.fromhex(digits)
        except ValueError:
            digest = b""
        if len(digest) == 32:  # noqa: PLR2004 - bytes of SHA-256
            return digest
    raise CliError(
        ExitCode.USAGE,
        "digest",
        f"no {what}",
        "a file, or 64 hex digits of a SHA-256, is needed, not both",
        f"give a FILE, e.g. --{what} FILE",
    )


def read_json(text: str) -> dict[str, Any]:
    """A JSON object from text, or from the file in ``@FILE``; numbers are whole.

    Raises:
        CliError: 65 for anything else.
    """
    from node.cli.tx import parse_json  # noqa: PLC0415

    source = text
    if text.startswith("@"):
        path = Path(text[1:])
        with path.open("rb") as file:
            content = file.read(JSON_BYTES_MAX + 1)
        if len(content) > JSON_BYTES_MAX:
            raise _bad_file(path, f"more than {JSON_BYTES_MAX} bytes", "give a smaller file")
        source = content.decode("utf-8", "replace")
    try:
        found = parse_json(source)
    except (ValueError, RecursionError) as error:
        raise _bad_file(Path(text[:64]), str(error), 'write {"field": 1} or @FILE') from error
    if not isinstance(found, dict):
        raise _bad_file(Path(text[:64]), "no JSON object", 'write {"field": 1} or @FILE')
    return found


def moment(text: str) -> int:
    """A time in ms since 1970: a date, such as 2027-01-31, so long from now, or those ms.

    From now: ``30d``, ``12h``. Ms themselves have 13 digits until the year 2286.

    Raises:
        click.BadParameter: it is neither.
    """
    from node.cli.options import duration  # noqa: PLC0415
    from node.clock import wall_ms  # noqa: PLC0415

    if text.isdecimal() and len(text) == MOMENT_DIGITS:
        return int(text)
    try:
        parsed = time.strptime(text, "%Y-%m-%d")
    except ValueError:
        return wall_ms() + duration(text)
    return calendar.timegm(parsed) * 1_000


def utc_text(time_ms: int) -> str:
    """A time in ms for people: ``2026-11-23 10:00:00``."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time_ms // 1_000))


def _bad_file(path: Path, why: str, todo: str) -> CliError:
    return CliError(ExitCode.BAD_INPUT, "input", f"{path} cannot be taken", why, todo)


def client_for(signing: Signing) -> Any:  # noqa: ANN401 - a context manager of a client
    """A client of the signing organisation's node, or of the first one that answers."""
    return client_of(signing.session, signing.organisation)


existing_file = click.Path(path_type=Path, exists=True, dir_okay=False)
"""A click type: a file that is there."""


def json_text(value: object) -> str:
    """A value on one line, as JSON."""
    return json.dumps(value, ensure_ascii=False)
