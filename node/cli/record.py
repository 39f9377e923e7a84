"""`hansa record show|history`: any record of any contract, and every change of it."""

from collections.abc import Mapping

import click

from node.cli.act import ask, show, utc_text
from node.cli.connect import client_of
from node.cli.options import Session, with_session
from node.cli.output import Column, Result, short_id

HISTORY_COLUMNS = (
    Column("after", "VERSION", "number"),
    Column("height", "HEIGHT", "number"),
    Column("time", "TIME (UTC)"),
    Column("method", "METHOD"),
    Column("by", "BY"),
    Column("tx_id", "TX", "id"),
)
PAGE = 500
"""Changes that are asked for at once: the most that a node answers."""
CHANGES_MAX = 100_000
"""Changes that one command prints; a record that changes more often is read through the API."""


@click.group()
def record() -> None:
    """Show records and how they came to be."""


@record.command("show", epilog="Example: hansa record show org member/farm")
@click.argument("contract")
@click.argument("record_id", metavar="ID")
@with_session
def show_(session: Session, *, contract: str, record_id: str) -> None:
    """Show a record as it stands. ID is as the contract has it, or with its kind: agreement/a-1."""
    with client_of(session) as client:
        found = ask(client, "record", "get", contract=contract, id=record_id)
    assert isinstance(found, dict)
    kept = found["record"]
    fields = dict(kept) if isinstance(kept, Mapping) else {"value": kept}
    show(
        session,
        fields,
        f"hansa record history {contract} {record_id}",
        f"hansa prove state {found['key']} -O record.proof.json",
    )


@record.command(epilog="Example: hansa record history org member/farm")
@click.argument("contract")
@click.argument("record_id", metavar="ID")
@click.option("--limit", type=click.IntRange(1, CHANGES_MAX), default=1_000, show_default=True)
@with_session
def history(session: Session, *, contract: str, record_id: str, limit: int) -> None:
    """List every change of a record, oldest first: when, by whom, in which transaction."""
    rows: list[dict[str, object]] = []
    after, key = "", ""
    with client_of(session) as client:
        while len(rows) < limit:
            page = ask(
                client, "record", "history", contract=contract, id=record_id, after=after,
                limit=min(PAGE, limit - len(rows)),
            )  # fmt: skip
            assert isinstance(page, dict)
            items, following = page["items"], page["next"]
            assert isinstance(items, list)
            rows += [dict(one) for one in items if isinstance(one, dict)]
            after, key = str(following), str(page["key"])
            if not after:
                break
    if not rows:
        session.printer.say("  genesis made it; it has not changed since")
    document = {"key": key, "complete": not after, "changes": rows}
    session.printer.result(Result(document, [_row(row) for row in rows], HISTORY_COLUMNS))
    proof = f"hansa prove state {key} -O record.proof.json"
    shown = [f"hansa tx show {short_id(str(rows[-1]['tx_id']))}"] if rows else []
    session.printer.next(*shown, proof)


def _row(change: Mapping[str, object]) -> dict[str, object]:
    """A change for people: who signed on one line, the time as text."""
    by, time_ms = change["by"], change["time"]
    assert isinstance(by, list)
    assert isinstance(time_ms, int)
    return {**change, "by": ", ".join(map(str, by)) or "-", "time": utc_text(time_ms)}
