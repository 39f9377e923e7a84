"""`hansa anchor FOLDER` and `hansa seal FILE`: many files under one root, fields one by one."""

import mimetypes
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hansa.encoding import Value
from node.cli.connect import client_of, signing_key
from node.cli.errors import CliError, ExitCode
from node.cli.options import (
    Session,
    as_option,
    expires_option,
    key_option,
    timeout_option,
    with_session,
)
from node.cli.output import Result
from node.cli.submit import make_transaction, send

if TYPE_CHECKING:
    from hansa.disclosure import SealedFields

FILE_BYTES_MAX = 1024 * 1024 * 1024
"""The largest file that is read whole to be digested."""


@click.command(epilog="Example: hansa anchor scans/ --as roastery --id scans-2026-11 -O proofs/")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@as_option
@key_option
@click.option("--id", "batch_id", help="Its id. Default: ORG:batch:ROOT")
@click.option(
    "-O",
    "--out",
    type=click.Path(path_type=Path),
    help="Folder of the proof files, one for each file. Default: FOLDER.proofs",
)
@timeout_option
@expires_option
@with_session
def anchor(  # noqa: PLR0913 - what an anchor says
    session: Session,
    *,
    folder: Path,
    organisation: str,
    key_file: Path | None,
    batch_id: str | None,
    out: Path | None,
    timeout: int,
    expires: int,
) -> None:
    """Put one root over every file of a folder on the chain; write each file's own proof."""
    from hansa.batch import Batch  # noqa: PLC0415 - cryptography
    from hansa.transaction import Call  # noqa: PLC0415

    files = sorted(path for path in folder.rglob("*") if path.is_file())
    if not files:
        raise CliError(
            ExitCode.BAD_INPUT,
            "anchor.empty",
            "nothing to anchor",
            f"{folder} has no file",
            "choose a folder with files",
        )
    batch = Batch.of([_digest(path) for path in files])
    name = batch_id or f"{organisation}:batch:{batch.root.hex()}"
    arguments: dict[str, Value] = {
        "batch_id": name, "root": batch.root, "count": len(files), "alg": "sha-256",
    }  # fmt: skip
    key = signing_key(session, organisation, key_file)
    with client_of(session, organisation) as client:
        call = Call.of("doc", "anchor", arguments)
        signed = make_transaction(session, client, key, [call], expires)
        send(session, client, signed, wait=True, timeout_ms=timeout)
        proof = client.proof_tx(signed.tx_id)
    target = out or folder.with_name(folder.name + ".proofs")
    _write_members(proof, batch, [path.relative_to(folder) for path in files], target)
    document = {
        "id": name, "tx_id": signed.tx_id.hex(), "root": batch.root.hex(), "count": len(files),
        "proofs": str(target),
    }  # fmt: skip
    session.printer.done(f"anchored  {len(files)} files under {name}", Result(document))
    first = files[0].relative_to(folder)
    session.printer.next(f"hansa verify {target / first}.proof.json --file {files[0]}")


def _write_members(proof: bytes, batch: object, names: list[Path], target: Path) -> None:
    """One proof file for each member, in the folders that the members stand in."""
    from hansa.batch import Batch  # noqa: PLC0415 - cryptography
    from hansa.proof import with_extras  # noqa: PLC0415
    from hansa.proof_file import Member  # noqa: PLC0415

    assert isinstance(batch, Batch)
    for index, name in enumerate(names):
        member = Member(
            alg="sha-256",
            digest=batch.digests[index],
            index=index,
            size=len(batch.digests),
            path=batch.path(index),
        )
        path = target / name.with_name(name.name + ".proof.json")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(with_extras(proof, member=member))


def _digest(path: Path) -> bytes:
    from hansa.hashing import sha256  # noqa: PLC0415

    size = path.stat().st_size
    if size > FILE_BYTES_MAX:
        raise CliError(
            ExitCode.BAD_INPUT,
            "anchor.too-large",
            "a file is too large",
            f"{path} has {size} bytes, at most {FILE_BYTES_MAX}",
            "leave it out of the folder",
        )
    return sha256(path.read_bytes())


@click.command(epilog="Example: hansa seal person.json --as farm")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--as", "organisation", metavar="ORG", help="Register it as this organisation.")
@key_option
@click.option("--id", "doc_id", help="Its id. Default: ORG:sha-256 of the commitments.")
@timeout_option
@expires_option
@with_session
def seal(  # noqa: PLR0913 - what a sealed document says
    session: Session,
    *,
    file: Path,
    organisation: str | None,
    key_file: Path | None,
    doc_id: str | None,
    timeout: int,
    expires: int,
) -> None:
    """Commit to each field of a JSON object, so that any of them can be shown alone.

    Writes FILE.commitments.json, which may be given to anybody, and FILE.salts.json, which holds
    every value and belongs with the original. With --as it is registered at once.
    """
    from hansa.hashing import sha256  # noqa: PLC0415 - cryptography
    from hansa.transaction import Call  # noqa: PLC0415

    public, private = (
        file.with_name(f"{file.stem}.{part}.json") for part in ("commitments", "salts")
    )
    sealed = _sealed(file, private)
    public.write_bytes(sealed.commitments())
    private.touch(mode=0o600)
    private.write_bytes(sealed.to_json())
    digest = sha256(sealed.commitments())
    document: dict[str, object] = {
        "root": sealed.root.hex(), "digest": digest.hex(), "fields": len(sealed.values),
        "commitments": str(public), "salts": str(private),
    }  # fmt: skip
    if organisation is None:
        session.printer.done(f"sealed  {len(sealed.values)} fields of {file}", Result(document))
        session.printer.next(f"hansa seal {file} --as ORG")
        return
    name = doc_id or f"{organisation}:{digest.hex()}"
    arguments: dict[str, Value] = {
        "id": name, "digest": digest, "seal": sealed.root, "kind": "sealed-fields",
        "media_type": mimetypes.types_map[".json"], "size": public.stat().st_size,
    }  # fmt: skip
    key = signing_key(session, organisation, key_file)
    with client_of(session, organisation) as client:
        call = Call.of("doc", "register", arguments)
        signed = make_transaction(session, client, key, [call], expires)
        send(session, client, signed, wait=True, timeout_ms=timeout)
    document |= {"id": name, "tx_id": signed.tx_id.hex()}
    session.printer.done(f"sealed  {name}  tx {signed.tx_id.hex()[:12]}", Result(document))
    shown = next(iter(sealed.values))
    session.printer.next(
        f"hansa prove tx {signed.tx_id.hex()[:12]} --reveal {private} --fields {shown} -O p.json"
    )


def _sealed(file: Path, private: Path) -> "SealedFields":
    """The sealed fields of a document; salts that are there already are used again.

    Raises:
        CliError: ``seal.exists``: the salts that are there are of another document.
    """
    from hansa.disclosure import read_salts, seal_fields  # noqa: PLC0415 - cryptography

    made = seal_fields(file.read_bytes())
    if not private.exists():
        return made
    known = read_salts(private.read_bytes())
    if known.values == made.values:
        return known
    raise CliError(
        ExitCode.EXISTS,
        "seal.exists",
        f"{file} is not sealed",
        f"{private} holds the salts of another document, which would be lost",
        f"move it away: mv {private} {private}.old",
    )
