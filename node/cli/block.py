"""`hansa get` and `hansa block show|list`: reading the state and the chain."""

import click

from node.cli.connect import client_of
from node.cli.errors import CliError, ExitCode
from node.cli.options import Session, with_session
from node.cli.output import Column, Result, field_of, plain

PAGE_MAX = 200
"""Blocks or keys of one request; longer lists take several."""
LIST_COLUMNS = (
    Column("height", "HEIGHT", "number"),
    Column("time", "TIME", "number"),
    Column("txs", "TXS", "number"),
    Column("primary", "PRIMARY"),
    Column("hash", "BLOCK", "id"),
    Column("state_root", "STATE ROOT", "id"),
)
TX_COLUMNS = (
    Column("index", "INDEX", "number"),
    Column("tx_id", "TX", "id"),
    Column("calls", "CALLS"),
    Column("code", "CODE"),
    Column("sender", "SENDER", "id"),
)
ENTRY_COLUMNS = (Column("key", "KEY"), Column("value", "VALUE"))


@click.group()
def block() -> None:
    """Show and list blocks."""


@block.command("show", epilog="Example: hansa block show 10 certificate.signers")
@click.argument("height", default="latest")
@click.argument("field", required=False)
@with_session
def show(session: Session, *, height: str, field: str | None) -> None:
    """Show the block at HEIGHT (default: the latest), or one FIELD of it."""
    import msgspec  # noqa: PLC0415

    if height != "latest" and not height.isdecimal():
        raise click.UsageError(f"{height!r} is no height; give a whole number or latest")
    with client_of(session) as client:
        found = client.block(None if height == "latest" else int(height))
    document: dict[str, object] = msgspec.to_builtins(found)
    if field is not None:
        try:
            click.echo(plain(field_of(document, field)), file=session.printer.out)
        except KeyError as error:
            raise CliError(
                ExitCode.USAGE,
                "field",
                f"there is no field {field}",
                f"{error.args[0]} is not in this block",
                "hansa block show HEIGHT -o json",
            ) from error
        return
    rows = [msgspec.to_builtins(transaction) for transaction in found.transactions]
    people = session.printer.form in {"table", "tsv"}
    summary = found.summary
    signed = found.certificate.signers if found.certificate else ()
    facts = (
        f"height {summary.height}  {summary.txs} transactions  primary {summary.primary or '-'}  "
        f"signed by {', '.join(signed) or '-'}"
    )
    if session.printer.for_people:
        click.echo(facts, file=session.printer.out)
    else:
        session.printer.say(facts)
    session.printer.result(Result(document, rows if people else None, TX_COLUMNS if people else ()))


@block.command("list", epilog="Example: hansa block list --limit 5 -o json")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True)
@with_session
def list_blocks(session: Session, *, limit: int) -> None:
    """List blocks, the newest first."""
    import msgspec  # noqa: PLC0415

    rows: list[dict[str, object]] = []
    cursor: str | None = None
    with client_of(session) as client:
        while len(rows) < limit:
            page = client.blocks(min(PAGE_MAX, limit - len(rows)), cursor)
            rows += [msgspec.to_builtins(item) for item in page.items]
            cursor = page.next
            if cursor is None:
                break
    session.printer.result(Result({"blocks": rows}, rows, LIST_COLUMNS))
    session.printer.next("hansa block show HEIGHT")


@click.command(epilog="Example: hansa get org/member/farm     hansa get doc/record/ --scan")
@click.argument("key")
@click.option("--scan", is_flag=True, help="All keys that begin so.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="Of --scan.")
@with_session
def get(session: Session, *, key: str, scan: bool, limit: int) -> None:
    """Read the state by key; exit 66 when nothing is there."""
    import msgspec  # noqa: PLC0415

    with client_of(session) as client:
        if scan:
            rows: list[dict[str, object]] = []
            cursor: str | None = None
            while len(rows) < limit:
                page = client.scan(key, min(PAGE_MAX, limit - len(rows)), cursor)
                rows += [msgspec.to_builtins(item) for item in page.items]
                cursor = page.next
                if cursor is None:
                    break
            session.printer.result(Result({"entries": rows}, rows, ENTRY_COLUMNS))
            return
        found = client.state(key)
    document: dict[str, object] = msgspec.to_builtins(found)
    if not found.present:
        raise CliError(
            ExitCode.NOT_FOUND,
            "state.not-found",
            f"nothing stands under {key}",
            f"as of height {found.height}",
            f"prove that: hansa prove state {key} -O absent.proof.json",
            fields=document,
        )
    session.printer.result(Result(document, [document], ENTRY_COLUMNS))
    session.printer.next(f"hansa prove state {key} -O state.proof.json")
