"""`hansa status|health|wait|watch`: what each node says for itself, with or without a quorum."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from hansa.errors import Unavailable
from node.cli.cluster import Cluster, see_cluster
from node.cli.connect import client_of, resolve_tx_id
from node.cli.errors import CliError, ExitCode
from node.cli.options import Session, duration, duration_text, with_session
from node.cli.output import Column, Result
from node.cli.submit import fate_error
from node.clock import monotonic_ms, wall_ms

if TYPE_CHECKING:
    from hansa.client.plain import Client
    from hansa.client.types import BlockSummary, TxSummary

POLL_S = 0.1
"""Pause between two looks at a condition."""
NODE_COLUMNS = (
    Column("name", "NODE"),
    Column("member", "MEMBER"),
    Column("role", "ROLE"),
    Column("height", "HEIGHT", "number"),
    Column("trails_by", "TRAILS BY", "lag"),
    Column("state_root", "STATE ROOT", "id"),
    Column("peers", "PEERS", "number"),
    Column("version", "VERSION"),
    Column("state", "STATE"),
)
BLOCK_COLUMNS = (
    Column("height", "HEIGHT", "number"),
    Column("hash", "BLOCK", "id"),
    Column("txs", "TXS", "number"),
    Column("primary", "PRIMARY"),
    Column("time", "TIME", "number"),
)
TX_COLUMNS = (
    Column("height", "HEIGHT", "number"),
    Column("index", "INDEX", "number"),
    Column("tx_id", "TX", "id"),
    Column("code", "CODE"),
)


@click.command()
@with_session
def status(session: Session) -> None:
    """Show every node: role, height, how far it trails, state root, peers, version, state."""
    show_status(session)


def show_status(session: Session) -> None:
    """Print what the nodes say.

    Raises:
        CliError: ``node.unreachable`` when none answers.
    """
    cluster = see_cluster(session)
    printer = session.printer
    if not cluster.reached:
        printer.say("! answers come from each node itself; there is no quorum now")
    printer.result(Result(cluster.document, cluster.rows, NODE_COLUMNS))
    summary = cluster.summary(wall_ms())
    if printer.for_people:
        click.echo(summary, file=printer.out)
    elif printer.form == "tsv":
        printer.say(summary)
    if not cluster.reached:
        printer.say(f"  missing: {', '.join(cluster.missing)}")
        printer.next("hansa demo start NODE", "hansa node start --home DIR")


@click.command()
@with_session
def health(session: Session) -> None:
    """Say whether a node is ready: synced, quorum seen, disk ok. Exit 74 when it is not."""
    with client_of(session) as client:
        readiness = client.ready()
        rows = [
            {"check": check.name, "ok": check.ok, "detail": check.detail}
            for check in readiness.checks
        ]
        document = {"ready": readiness.ready, "api": client.base_url, "checks": rows}
    failed = [check for check in readiness.checks if not check.ok]
    if not readiness.ready:
        why = "; ".join(f"{check.name}: {check.detail}" for check in failed)
        raise CliError(
            ExitCode.UNHEALTHY, "node.not-ready", "not ready", why, "hansa status", fields=document
        )
    session.printer.done("ready", Result(document, rows))


@click.command(
    epilog="Conditions: ready, quorum, synced, height=N, tx=ID. Example: hansa wait height=10"
)
@click.argument("condition")
@click.option("--timeout", type=duration, default="60s", show_default=True)
@with_session
def wait(session: Session, *, condition: str, timeout: int) -> None:
    """Wait until a condition holds; exit 75 when it does not in time."""
    name, _, value = condition.partition("=")
    check = _CONDITIONS.get(name)
    if check is None or (name in {"height", "tx"}) != bool(value):
        known = "ready, quorum, synced, height=N, tx=ID"
        raise click.UsageError(f"{condition!r} is no condition; choose of: {known}")
    started = monotonic_ms()
    reason = "nothing was seen"
    while True:
        try:
            with client_of(session) as client:
                reason = check(session, client, value)
        except Unavailable as error:
            reason = error.detail
        except CliError as error:
            if error.exit_code != ExitCode.UNREACHABLE:
                raise
            reason = error.why
        elapsed = monotonic_ms() - started
        if not reason:
            document = {"condition": condition, "holds": True, "elapsed_ms": elapsed}
            session.printer.done(f"{condition} after {elapsed / 1_000:.1f} s", Result(document))
            return
        if elapsed >= timeout:
            raise CliError(
                ExitCode.TRY_AGAIN,
                "wait.timeout",
                f"{condition} does not hold after {duration_text(timeout)}",
                reason,
                "hansa status     or wait longer: --timeout 5m",
            )
        time.sleep(POLL_S)


def _ready(session: Session, client: "Client", value: str) -> str:
    del session, value
    checks = client.ready()
    failed = [f"{check.name}: {check.detail}" for check in checks.checks if not check.ok]
    return "" if checks.ready else "; ".join(failed) or "not ready"


def _quorum(session: Session, client: "Client", value: str) -> str:
    del client, value
    cluster = see_cluster(session)
    return "" if cluster.reached else cluster.quorum_text


def _synced(session: Session, client: "Client", value: str) -> str:
    del client, value
    return lag_of(see_cluster(session))


def lag_of(cluster: Cluster, names: tuple[str, ...] = ()) -> str:
    """Which of the nodes (all, if none are named) do not stand at the top; empty: none."""
    late = [
        f"{row['name']} {row['state']} at {row['height']}"
        for row in cluster.rows
        if (not names or row["name"] in names)
        and (row["trails_by"] != 0 or "sync" in str(row["state"]))
    ]
    return ", ".join(late)


def _height(session: Session, client: "Client", value: str) -> str:
    del session
    height = client.status().height
    if not value.isdecimal():
        raise click.UsageError(f"{value!r} is no height")
    return "" if height >= int(value) else f"height {height}"


def _tx(session: Session, client: "Client", value: str) -> str:
    tx_id = resolve_tx_id(session, client, value)
    fate = client.fate(tx_id)
    if fate.state == "committed":
        return ""
    if fate.final:
        raise fate_error(tx_id.hex(), fate, client.receipt(tx_id))
    return f"tx is {fate.state}"


_CONDITIONS: dict[str, Callable[[Session, "Client", str], str]] = {
    "ready": _ready,
    "quorum": _quorum,
    "synced": _synced,
    "height": _height,
    "tx": _tx,
}
"""A check says what is missing, or nothing when the condition holds."""


@click.command(epilog="Example: hansa watch --from 1 -o jsonl")
@click.option("--types", default="block", show_default=True, help="block, tx or block,tx")
@click.option("--from", "start", type=click.IntRange(0), help="Begin at this height.")
@click.option("--count", type=click.IntRange(1), help="End after so many.")
@with_session
def watch(session: Session, *, types: str, start: int | None, count: int | None) -> None:
    """Follow blocks and transactions as they are committed, over reconnections, until ctrl-C."""
    import msgspec  # noqa: PLC0415

    wanted = tuple(types.split(","))
    seen = 0
    with client_of(session) as client:
        for event in client.events(wanted, start):
            row = {"id": event.id, **msgspec.structs.asdict(event.content)}
            _show_event(session, row, event.content)
            seen += 1
            if count is not None and seen >= count:
                return


def _show_event(
    session: Session, row: dict[str, object], content: "BlockSummary | TxSummary"
) -> None:
    printer = session.printer
    if printer.form in {"json", "jsonl"}:
        line = Result(row)
        type(printer)("jsonl", printer.out, printer.err).result(line)
        return
    columns = BLOCK_COLUMNS if hasattr(content, "txs") else TX_COLUMNS
    if printer.for_people:
        cells = [f"{column.heading.lower()} {column.cell(row, short=True)}" for column in columns]
        click.echo("  ".join(cells), file=printer.out)
    else:
        cells = [column.cell(row, short=False) for column in columns]
        click.echo("\t".join(cells), file=printer.out)
