"""`hansa doc …`: documents by their digest; the content stays with its owner."""

import mimetypes
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hansa.encoding import Value
from hansa.hashing import sha256
from node.cli.bulk import import_documents
from node.cli.connect import client_of, signing_key
from node.cli.doc_steps import decline, exhibit, stamp, supersede, withdraw
from node.cli.errors import CliError, ExitCode
from node.cli.options import (
    Session,
    as_option,
    expires_option,
    key_option,
    timeout_option,
    wait_option,
    with_session,
)
from node.cli.output import Result
from node.cli.submit import make_transaction, send, tell

if TYPE_CHECKING:
    from hansa.client.plain import Client


@click.group()
def doc() -> None:
    """Register, sign and show documents."""


for command in (import_documents, stamp, exhibit, decline, withdraw, supersede):
    doc.add_command(command)


@doc.command(epilog="Example: hansa doc register --file contract.pdf --as roastery --wait")
@click.option("--file", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=True)
@as_option
@key_option
@click.option("--id", "doc_id", help="Its id. Default: ORG:sha-256 of the content.")
@click.option("--kind", default="", help="What it is, e.g. contract or waybill.")
@click.option(
    "--needs", "needs", multiple=True, metavar="ORG", help="Who has to sign it; may be repeated."
)
@click.option("--threshold", type=click.IntRange(0, 64), help="Of these. Default: all.")
@wait_option
@timeout_option
@expires_option
@with_session
def register(  # noqa: PLR0913 - what a registration says
    session: Session,
    *,
    file: Path,
    organisation: str,
    key_file: Path | None,
    doc_id: str | None,
    kind: str,
    needs: tuple[str, ...],
    threshold: int | None,
    wait: bool,
    timeout: int,
    expires: int,
) -> None:
    """Put the digest of a file on the chain. Its content stays here."""
    content = file.read_bytes()
    digest = sha256(content)
    name = doc_id or f"{organisation}:{digest.hex()}"
    arguments: dict[str, Value] = {
        "id": name,
        "digest": digest,
        "size": len(content),
        "media_type": mimetypes.guess_type(file.name)[0] or "application/octet-stream",
        "kind": kind,
        "signers_needed": [{"member": member} for member in needs],
        "threshold": len(needs) if threshold is None else threshold,
    }
    document = {"id": name, "digest": digest.hex(), "size": len(content), "file": str(file)}
    _call(
        session,
        organisation,
        key_file,
        ("register", arguments),
        document,
        wait=wait,
        timeout=timeout,
        expires=expires,
    )


@doc.command(epilog="Example: hansa doc sign roastery:9c41… --as carrier --wait")
@click.argument("doc_id", metavar="ID")
@as_option
@key_option
@click.option("--role", default="", help="The role in which it is signed.")
@wait_option
@timeout_option
@expires_option
@with_session
def sign(  # noqa: PLR0913 - what a signature says
    session: Session,
    *,
    doc_id: str,
    organisation: str,
    key_file: Path | None,
    role: str,
    wait: bool,
    timeout: int,
    expires: int,
) -> None:
    """Sign a registered document as an organisation."""
    with client_of(session, organisation) as client:
        version = _version(client, doc_id)
    arguments: dict[str, Value] = {"id": doc_id, "version": version, "role": role}
    _call(
        session,
        organisation,
        key_file,
        ("sign", arguments),
        {"id": doc_id},
        wait=wait,
        timeout=timeout,
        expires=expires,
    )


@doc.command()
@click.argument("doc_id", metavar="ID")
@with_session
def show(session: Session, *, doc_id: str) -> None:
    """Show a document's record: digest, state, who signed."""
    with client_of(session) as client:
        record = _record(client, doc_id)
    rows = [{"field": field, "value": value} for field, value in record.items()]
    people = session.printer.form in {"table", "tsv"}
    session.printer.result(Result(record, rows if people else None))
    session.printer.next(f"hansa prove state doc/record/{doc_id} -O state.proof.json")


def _call(  # noqa: PLR0913 - one call and how to wait for it
    session: Session,
    organisation: str,
    key_file: Path | None,
    call: tuple[str, dict[str, Value]],
    document: dict[str, object],
    *,
    wait: bool,
    timeout: int,
    expires: int,
) -> None:
    """Sign one call of the contract, send it, tell what became of it."""
    from hansa.transaction import Call  # noqa: PLC0415

    key = signing_key(session, organisation, key_file)
    with client_of(session, organisation) as client:
        made = [Call.of("doc", *call)]
        signed = make_transaction(session, client, key, made, expires)
        sent = send(session, client, signed, wait=wait, timeout_ms=timeout)
        tell(session, client, sent, document)


def _record(client: "Client", doc_id: str) -> dict[str, object]:
    found = client.state(f"doc/record/{doc_id}")
    if not found.present or not isinstance(found.value, dict):
        raise CliError(
            ExitCode.NOT_FOUND,
            "doc.not-found",
            f"no document {doc_id}",
            f"nothing is recorded under this id at height {found.height}",
            "register it: hansa doc register --file FILE --as ORG",
        )
    return dict(found.value)


def _version(client: "Client", doc_id: str) -> int:
    version = _record(client, doc_id)["version"]
    assert isinstance(version, int)
    return version
