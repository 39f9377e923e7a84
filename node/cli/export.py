"""`hansa export`: everything on the chain that concerns one organisation, with proofs."""

from pathlib import Path

import click

from node.cli.connect import client_of
from node.cli.options import Session, with_session
from node.cli.output import Result


@click.command(epilog="Example: hansa export --org roastery --to roastery-export -o json")
@click.option("--org", "organisation", required=True, metavar="ORG", help="Whom it concerns.")
@click.option(
    "--to", "folder", required=True, type=click.Path(path_type=Path, file_okay=False),
    help="Where it goes: an empty folder, or one of an export that was interrupted.",
)  # fmt: skip
@with_session
def export(session: Session, *, organisation: str, folder: Path) -> None:
    """Write what an organisation signed or is named in: CSV, JSON, a proof for each piece."""
    from hansa.bulk.export import Export  # noqa: PLC0415

    with client_of(session, organisation) as client:
        job = Export(client, organisation, folder, lambda text: session.printer.say(f"  {text}"))
        found = job.run()
    document: dict[str, object] = {
        "member": found.member,
        "folder": str(folder),
        "height": found.height,
        "transactions": found.transactions,
        "records": found.records,
        "proofs": found.proofs,
        "gaps": found.gaps,
        "unproven": found.unproven,
    }
    session.printer.done(
        f"{found.transactions} transactions and {found.records} records of {organisation} up to "
        f"height {found.height}, {found.proofs} proofs   {folder}",
        Result(document),
    )
    session.printer.next(
        f"hansa verify {folder}/proofs/tx/TX.proof.json --trust {folder}/trust.json"
    )
