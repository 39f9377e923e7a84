"""`hansa epcis import` and `hansa doc import`: many rows onto the chain, each once.

The promise: killed at any moment and run again, an import goes on where it was; a journal beside
the source holds the signed bytes of what is under way.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from node.cli.connect import chain_id_of, client_of, signing_key
from node.cli.errors import CliError, ExitCode
from node.cli.options import (
    Session,
    as_option,
    expires_option,
    key_option,
    timeout_option,
    with_session,
)
from node.cli.output import Column, Result, plain
from node.clock import monotonic_ms

if TYPE_CHECKING:
    from hansa.bulk.importer import Report
    from hansa.bulk.rows import Failed, Row

JOURNAL_ENDING = ".import"
_TOLD_EVERY_MS = 1_000
_TOLD_ROWS = 20
"""Failed rows that are told one by one to people; the result has all."""
FAILED_COLUMNS = (
    Column("row", "ROW", "number"),
    Column("code", "CODE"),
    Column("have", "HAVE"),
    Column("need", "NEED"),
    Column("detail", "WHY"),
)

journal_option = click.option(
    "--journal",
    type=click.Path(path_type=Path),
    help=f"Where signed bytes are kept. Default: the source's name and {JOURNAL_ENDING}",
)
check_option = click.option("--check", is_flag=True, help="Read every row, send nothing.")


@click.command("import", epilog="Example: hansa epcis import events.csv --as roastery -o json")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@as_option
@key_option
@journal_option
@check_option
@timeout_option
@expires_option
@with_session
def import_events(  # noqa: PLR0913 - what an import says
    session: Session,
    *,
    file: Path,
    organisation: str,
    key_file: Path | None,
    journal: Path | None,
    check: bool,
    timeout: int,
    expires: int,
) -> int:
    """Capture an event for each row of a CSV table; run it again after an interruption."""
    from hansa.bulk.epcis_csv import epcis_rows  # noqa: PLC0415

    rows = epcis_rows(file)
    if check:
        return _checked(session, rows)
    beside = journal or _beside(file)
    report = _run(
        session, organisation, key_file, rows, "epcis", beside, timeout=timeout, expires=expires
    )
    return _tell(session, report, beside, "hansa epcis trace ID")


@click.command("import", epilog="Example: hansa doc import waybills/ --as carrier --kind waybill")
@click.argument("source", type=click.Path(path_type=Path, exists=True), metavar="FOLDER|CSV")
@as_option
@key_option
@click.option("--kind", default="", help="What they are, e.g. waybill.")
@click.option("--needs", multiple=True, metavar="ORG", help="Who has to sign; may be repeated.")
@click.option("--threshold", type=click.IntRange(0, 64), help="Of these. Default: all.")
@journal_option
@check_option
@timeout_option
@expires_option
@with_session
def import_documents(  # noqa: PLR0913 - what an import says
    session: Session,
    *,
    source: Path,
    organisation: str,
    key_file: Path | None,
    kind: str,
    needs: tuple[str, ...],
    threshold: int | None,
    journal: Path | None,
    check: bool,
    timeout: int,
    expires: int,
) -> int:
    """Register the digest of each file of a folder, or of each row of a CSV table."""
    from hansa.bulk.documents import Defaults, folder_rows, table_rows  # noqa: PLC0415

    defaults = Defaults(organisation, kind, needs, threshold)
    rows = folder_rows(source, defaults) if source.is_dir() else table_rows(source, defaults)
    if check:
        return _checked(session, rows)
    beside = journal or _beside(source)
    report = _run(
        session, organisation, key_file, rows, "doc", beside, timeout=timeout, expires=expires
    )
    return _tell(session, report, beside, "hansa doc show ID")


def _beside(source: Path) -> Path:
    whole = source.resolve()
    return whole.with_name(whole.name + JOURNAL_ENDING)


def _checked(session: Session, rows: "Iterable[Row | Failed]") -> int:
    """Read all rows and tell those that cannot be read."""
    from hansa.bulk.importer import Report  # noqa: PLC0415
    from hansa.bulk.rows import Failed  # noqa: PLC0415

    report, good = Report(), 0
    for row in rows:
        if isinstance(row, Failed):
            report.failed.append(row)
        else:
            good += 1
    document: dict[str, object] = {
        "rows": good + len(report.failed),
        "readable": good,
        "failed": [row.document for row in report.failed],
    }
    _failed_rows(session, report)
    said = f"{good} rows can be read, {len(report.failed)} cannot; nothing was sent"
    _result(session, said, document, report)
    session.printer.next("the same command without --check")
    return ExitCode.BAD_INPUT if report.failed else ExitCode.OK


def _run(  # noqa: PLR0913, PLR0917 - an import and how to wait for it
    session: Session,
    organisation: str,
    key_file: Path | None,
    rows: "Iterable[Row | Failed]",
    kind: str,
    journal: Path,
    *,
    timeout: int,
    expires: int,
) -> "Report":
    """Carry the rows out.

    Raises:
        CliError: ``import.interrupted``: with how to go on.
    """
    from hansa.bulk.importer import Import  # noqa: PLC0415
    from hansa.client.outbox import Outbox  # noqa: PLC0415
    from hansa.errors import Unavailable  # noqa: PLC0415
    from hansa.keys import public_key_text  # noqa: PLC0415

    key = signing_key(session, organisation, key_file)
    with client_of(session, organisation) as client:
        about = {
            "chain": chain_id_of(session, client),
            "import": kind,
            "key": public_key_text(key.public),
        }
        with Outbox(journal, about) as outbox:
            job = Import(
                client,
                key,
                outbox,
                within_s=timeout / 1_000,
                expires_ms=expires,
                progress=_narrator(session),
            )
            try:
                return job.run(rows)
            except Unavailable as error:
                raise CliError(
                    ExitCode.TRY_AGAIN,
                    "import.interrupted",
                    f"the import was interrupted, {_progress(job.report).strip()}",
                    f"{error.code}: {error.detail}",
                    "run the same command again: it goes on where it was",
                    notes=(f"{len(outbox.pending)} under way in {journal}",),
                    fields={"carried": len(job.report.carried), "journal": str(journal)},
                ) from error


def _narrator(session: Session) -> "Callable[[Report], None]":
    """Tell how far an import is, at most once a second."""
    told_ms = monotonic_ms()

    def tell(report: "Report") -> None:
        nonlocal told_ms
        if monotonic_ms() - told_ms >= _TOLD_EVERY_MS:
            told_ms = monotonic_ms()
            session.printer.say(_progress(report))

    return tell


def _progress(report: "Report") -> str:
    failed = f", {len(report.failed)} refused" if report.failed else ""
    return f"  {len(report.carried)} rows on the chain{failed}"


def _tell(session: Session, report: "Report", journal: Path, look: str) -> int:
    """End an import: a sentence, the failed rows, the whole report for programs."""
    twice = sum(row.duplicate for row in report.carried)
    document: dict[str, object] = {
        "rows": report.rows,
        "carried": len(report.carried),
        "before": report.before,
        "duplicates": twice,
        "transactions": report.transactions,
        "journal": str(journal),
        "failed": [row.document for row in report.failed],
        "results": [row.document for row in report.carried],
    }
    _failed_rows(session, report)
    said = (
        f"{len(report.carried)} of {report.rows} rows on the chain, "
        f"{report.before} of them before, {len(report.failed)} refused"
    )
    _result(session, said, document, report)
    if not report.failed:
        session.printer.next(look, f"rm {journal}")
        return ExitCode.OK
    session.printer.next("mend the refused rows and run the same command again")
    unread = any("." in row.code for row in report.failed)
    return ExitCode.BAD_INPUT if unread else ExitCode.NEGATIVE


def _failed_rows(session: Session, report: "Report") -> None:
    """Tell people why rows failed; programs have them in the result."""
    for row in report.failed[:_TOLD_ROWS]:
        session.printer.say(f"✗ row {row.number}: {row.code}: {plain(row.detail)}")
    more = len(report.failed) - _TOLD_ROWS
    if more > 0:
        session.printer.say(f"✗ and {more} more rows: -o json has them all")


def _result(session: Session, said: str, document: dict[str, object], report: "Report") -> None:
    rows = [row.document for row in report.failed]
    session.printer.done(said, Result(document, rows, FAILED_COLUMNS))
