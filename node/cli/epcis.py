"""`hansa epcis capture|trace`: supply-chain events onto the chain, and the way of a thing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from node.cli.bulk import import_events
from node.cli.connect import client_of, signing_key
from node.cli.errors import CliError
from node.cli.options import (
    Session,
    as_option,
    expires_option,
    key_option,
    timeout_option,
    wait_option,
    with_session,
)
from node.cli.output import Column, Result
from node.cli.submit import Sent, make_transaction, send

if TYPE_CHECKING:
    from hansa.client.plain import Client
    from hansa.client.types import Direction
    from hansa.epcis import DocumentEvent
    from hansa.signing import SigningKey

CALLS_A_TRANSACTION = 32
"""Events that are captured all or none: they may rest on each other, and a receipt of this
many stays far below its limit."""
BYTES_A_TRANSACTION = 200 * 1024
"""Of event texts in one transaction: the chain takes 256 KiB with everything around them."""
CAPTURED_COLUMNS = (
    Column("id", "EVENT", "id"),
    Column("tx_id", "TX", "id"),
    Column("height", "HEIGHT", "number"),
    Column("duplicate", "DUPLICATE"),
)
TRACE_COLUMNS = (
    Column("depth", "DEPTH", "number"),
    Column("direction", "DIRECTION"),
    Column("time", "TIME"),
    Column("type", "TYPE"),
    Column("step", "STEP"),
    Column("place", "PLACE"),
    Column("member", "MEMBER"),
    Column("height", "HEIGHT", "number"),
    Column("id", "EVENT", "id"),
)


@click.group()
def epcis() -> None:
    """Capture EPCIS events and trace things."""


epcis.add_command(import_events)


@epcis.command(epilog="Example: hansa epcis capture events.jsonld --as roastery --wait -o json")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@as_option
@key_option
@wait_option
@timeout_option
@expires_option
@with_session
def capture(  # noqa: PLR0913 - what a capture says
    session: Session,
    *,
    file: Path,
    organisation: str,
    key_file: Path | None,
    wait: bool,
    timeout: int,
    expires: int,
) -> None:
    """Capture every event of an EPCIS 2.0 document; events that are there already stay."""
    from hansa.epcis import events_of  # noqa: PLC0415

    events = events_of(file.read_bytes())
    key = signing_key(session, organisation, key_file)
    rows: list[dict[str, object]] = []
    with client_of(session, organisation) as client:
        job = Capture(session, client, key, wait=wait, timeout_ms=timeout, expires_ms=expires)
        rows = job.run(events)
    new = sum(row["duplicate"] is False for row in rows)
    known = sum(row["duplicate"] is True for row in rows)
    said = f"{new} captured" if wait or not rows else f"{len(rows) - known} accepted"
    session.printer.done(
        f"{said}, {known} there already   {file.name}",
        Result({"events": rows}, rows, CAPTURED_COLUMNS),
    )
    session.printer.next("hansa epcis trace ID", "hansa prove tx TX -O p.proof.json")


@dataclass(frozen=True, slots=True)
class Capture:
    """Captures events as one organisation.

    Attributes:
        session: of the command.
        client: of a node.
        key: signs.
        wait: until everything is committed or refused.
        timeout_ms: of the wait for one transaction.
        expires_ms: when an uncommitted transaction dies.
    """

    session: Session
    client: "Client"
    key: "SigningKey"
    wait: bool
    timeout_ms: int
    expires_ms: int

    def run(self, events: "Sequence[DocumentEvent]") -> list[dict[str, object]]:
        """Capture events in their order; a row for each: `id, tx_id, height, duplicate`.

        Raises:
            CliError: one was refused: it says which, and by which rule.
        """
        known = {event.id: found for event in events if (found := self._known(event))}
        new = [event for event in events if event.id not in known]
        rows: dict[str, dict[str, object]] = dict(known)
        for chunk in chunks(new):
            rows.update(self._capture(chunk))
        return [rows[event.id] for event in events]

    def _known(self, event: "DocumentEvent") -> dict[str, object] | None:
        """The row of an event that the chain has; declarations of error are always sent."""
        if event.event.error is not None:
            return None
        found = self.client.state(f"trace/event/{event.event.digest.hex()}")
        if not found.present or not isinstance(found.value, dict):
            return None
        record = found.value
        history = record.get("history")
        first = history[0] if isinstance(history, list) else None
        height = first[0] if isinstance(first, list) else None
        return _row(event.id, record.get("tx"), height, duplicate=True)

    def _capture(self, chunk: "Sequence[DocumentEvent]") -> dict[str, dict[str, object]]:
        from hansa.transaction import Call  # noqa: PLC0415

        calls = [Call.of("trace", "capture", {"event": event.text}) for event in chunk]
        signed = make_transaction(self.session, self.client, self.key, calls, self.expires_ms)
        try:
            sent = send(
                self.session, self.client, signed, wait=self.wait, timeout_ms=self.timeout_ms
            )
        except CliError as error:
            raise _with_event(error, chunk) from error
        return _rows(chunk, sent)


def chunks(events: "Sequence[DocumentEvent]") -> "Iterator[list[DocumentEvent]]":
    """Events in order, as many together as fit one transaction."""
    chunk: list[DocumentEvent] = []
    size = 0
    for event in events:
        full = len(chunk) >= CALLS_A_TRANSACTION or size + len(event.text) > BYTES_A_TRANSACTION
        if chunk and full:
            yield chunk
            chunk, size = [], 0
        chunk.append(event)
        size += len(event.text)
    if chunk:
        yield chunk


def _rows(chunk: "Sequence[DocumentEvent]", sent: Sent) -> dict[str, dict[str, object]]:
    """A row for each event of a transaction, from the results of its calls."""
    if sent.receipt is None:
        return {event.id: _row(event.id, sent.tx_id, None, duplicate=None) for event in chunk}
    rows: dict[str, dict[str, object]] = {}
    for event, call in zip(chunk, sent.receipt.calls, strict=True):
        answer = call.result if isinstance(call.result, dict) else {}
        row = _row(event.id, answer.get("tx"), answer.get("height"), duplicate=False)
        rows[event.id] = {**row, "duplicate": answer.get("duplicate") is True}
    return rows


def _row(
    identifier: str, tx_id: object, height: object, *, duplicate: bool | None
) -> dict[str, object]:
    return {"id": identifier, "tx_id": tx_id, "height": height, "duplicate": duplicate}


def _with_event(error: CliError, chunk: "Sequence[DocumentEvent]") -> CliError:
    """The same error, saying which event of the document it is about."""
    index = error.fields.get("failed_call")
    if not isinstance(index, int) or not 0 <= index < len(chunk):
        return error
    event = chunk[index]
    refused = error.fields.get("refused")
    field = refused.get("field") if isinstance(refused, Mapping) else None
    inside = field if isinstance(field, str) and field.startswith("/") else ""
    path = f"{event.pointer}{inside}" or "/"
    return CliError(
        error.exit_code,
        error.code,
        error.what,
        f"{error.why}  at {path}",
        error.todo,
        notes=(*error.notes, f"event {event.id}; nothing of its transaction was carried out"),
        fields={**error.fields, "path": path, "event": event.id},
    )


@epcis.command(
    epilog="Example: hansa epcis trace https://id.gs1.org/01/09520600001012/21/K7QH2M9X4T"
)
@click.argument("identifier", metavar="ID")
@click.option(
    "--direction", type=click.Choice(["both", "up", "down"]), default="both", show_default=True
)
@click.option("--depth", type=click.IntRange(1, 64), default=16, show_default=True)
@with_session
def trace(session: Session, *, identifier: str, direction: "Direction", depth: int) -> None:
    """Walk the events of an item, lot or container, up to its origin and down to its fate."""
    with client_of(session) as client:
        found = client.trace(identifier, direction, depth)
    events = found.get("events")
    rows = (
        [event for event in events if isinstance(event, dict)] if isinstance(events, list) else []
    )
    columns = tuple(column for column in TRACE_COLUMNS if any(column.key in row for row in rows))
    session.printer.result(Result(found, rows, columns))
    session.printer.next("hansa prove tx TX -O p.proof.json")
