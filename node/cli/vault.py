"""`hansa vault key|seal|put|get|list|rewrap|erase|status`: payloads for named organisations alone.

Private keys stay here: nodes hold what is sealed, commands seal and open it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from node.cli.connect import client_of, desk_key, signing_key
from node.cli.errors import CliError, ExitCode
from node.cli.homes import network_of
from node.cli.options import (
    Session,
    as_option,
    expires_option,
    key_option,
    timeout_option,
    with_session,
)
from node.cli.output import Column, Result
from node.cli.passphrase import old_passphrase
from node.cli.submit import make_transaction, send
from node.network import MEMBER_KEY, PASSPHRASE_FILE

if TYPE_CHECKING:
    from hansa.client.plain import Client
    from hansa.client.vault import Vault, VaultEntry
    from hansa.encoding import Value
    from hansa.seal import SealKey, Wrap
    from hansa.signing import SigningKey

ID_CHARACTERS = 64
PAGE = 200
COLUMNS = (
    Column("id", "ID", "id"),
    Column("state", "STATE"),
    Column("present", "HERE"),
    Column("size", "BYTES", "number"),
    Column("author", "AUTHOR"),
    Column("members", "FOR"),
    Column("about", "ABOUT"),
)
HOLDERS = (
    Column("holder", "HOLDER"),
    Column("erased", "ERASED"),
    Column("method", "METHOD"),
    Column("time", "TIME (MS)", "number"),
)


@click.group()
def vault() -> None:
    """Seal payloads to organisations; keep, hand out and erase them."""


@vault.command("key", epilog="Example: hansa vault key --as farm")
@as_option
@click.option(
    "--key",
    "key_file",
    type=click.Path(path_type=Path),
    help="An administrator's. Default: the member's own.",
)
@timeout_option
@expires_option
@with_session
def new_key(
    session: Session, *, organisation: str, key_file: Path | None, timeout: int, expires: int
) -> None:
    """Make the key to which others seal for ORG from now on, and name it on the chain."""
    from hansa.keyfile import create_dev_key_file, create_key_file, read_public_key  # noqa: PLC0415
    from hansa.seal import SealKey  # noqa: PLC0415
    from hansa.signing import SigningKey  # noqa: PLC0415

    desk = desk_key(session, organisation)
    of_member = desk.with_name(f"{MEMBER_KEY}.json")
    signer = signing_key(session, organisation, key_file or of_member)
    seed = SigningKey.generate()
    made = SealKey(seed.seed)
    path = desk.parent / f"seal-{made.id}.json"
    _, _, development = read_public_key(desk)
    if development:
        create_dev_key_file(path, seed, "seal")
    else:
        beside = desk.parent / PASSPHRASE_FILE
        words = old_passphrase(
            beside if beside.exists() else None, str(path), no_input=session.no_input
        )
        create_key_file(path, seed, "seal", words)
    arguments: dict[str, Value] = {"key": made.public}
    with client_of(session, organisation) as client:
        _call(session, client, signer, ("org", "seal_key", arguments), timeout, expires)
    document = {"organisation": organisation, "key_id": made.id, "file": str(path)}
    session.printer.done(f"others seal to {organisation} with {made.id}", Result(document))
    session.printer.next(f"hansa vault rewrap --as {organisation}")


@vault.command(
    epilog="Example: hansa vault seal contract.json --to bank --as farm -O contract.blob"
)
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--to", "members", multiple=True, metavar="ORG", help="Who may read it; repeat it.")
@as_option
@click.option("--about", default="", metavar="ID", help="The agreement or consent it belongs to.")
@click.option("-O", "--out", type=click.Path(path_type=Path), help="Default: FILE.blob")
@with_session
def seal(  # noqa: PLR0913 - what a blob says
    session: Session,
    *,
    file: Path,
    members: tuple[str, ...],
    organisation: str,
    about: str,
    out: Path | None,
) -> None:
    """Encrypt FILE to organisations and ORG itself; show the seal for the chain.

    A .json file is sealed as its canonical form (RFC 8785).
    """
    import mimetypes  # noqa: PLC0415

    from hansa.canonical_json import canonicalise  # noqa: PLC0415
    from hansa.client.vault import seal_recipient  # noqa: PLC0415
    from hansa.seal import JSON_TYPE, encode_seal, seal_payload, where_commit  # noqa: PLC0415

    named = tuple(dict.fromkeys((organisation, *members)))
    media_type = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    payload = file.read_bytes()
    with client_of(session, organisation) as client:
        sealed = seal_payload(
            canonicalise(payload) if media_type == JSON_TYPE else payload,
            [seal_recipient(client, name) for name in named],
            chain_id=client.status().chain_id,
            author=organisation,
            about=about,
            media_type=media_type,
        )
    target = out or file.with_name(file.name + ".blob")
    target.write_bytes(sealed.blob)
    document = {
        "id": sealed.id.hex(),
        "seal": encode_seal(sealed.seal).hex(),
        "commit": sealed.seal.commit.hex(),
        "where_commit": where_commit(sealed.id).hex(),
        "members": list(named),
        "file": str(target),
    }
    session.printer.done(f"sealed for {', '.join(named)}: {target}", Result(document))
    session.printer.next(f"hansa vault put {target} --as {organisation}")


@vault.command(epilog="Example: hansa vault put contract.blob --as farm")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@as_option
@with_session
def put(session: Session, *, file: Path, organisation: str) -> None:
    """Give a sealed blob to ORG's node, which hands it to those it names."""
    from hansa.seal import BLOB_BYTES_MAX  # noqa: PLC0415

    size = file.stat().st_size
    if size > BLOB_BYTES_MAX:
        raise CliError(
            ExitCode.BAD_INPUT,
            "seal.too-large",
            "nothing was put",
            f"{file} has {size} bytes, at most {BLOB_BYTES_MAX} are taken",
            "cut the payload and seal the parts",
        )
    entry = _vaults(session, organisation)[0].put(file.read_bytes())
    session.printer.done(f"kept {entry.id}", Result(_row(entry), columns=COLUMNS))
    session.printer.next(f"hansa vault get {entry.id} --as ORG -O FILE")


@vault.command(epilog="Example: hansa vault get 5e1f…a3 --as bank -O contract.json")
@click.argument("blob_id", metavar="ID")
@as_option
@click.option("--key", "key_file", type=click.Path(path_type=Path), help="A seal key of ORG.")
@click.option("-O", "--out", type=click.Path(path_type=Path), required=True, help="Payload to.")
@with_session
def get(
    session: Session, *, blob_id: str, organisation: str, key_file: Path | None, out: Path
) -> None:
    """Fetch a blob from ORG's node, open it, check it against its commitment."""
    from hansa.seal import open_blob  # noqa: PLC0415

    name = _id(blob_id)
    place = _vaults(session, organisation)[0]
    blob = place.get(name)
    wraps = [one.wrap() for one in place.entry(name).wraps]
    key, _ = _seal_key(session, organisation, key_file, wraps)
    opened = open_blob(blob, key, wraps)
    out.write_bytes(opened.payload)
    document = {
        "id": blob_id,
        "file": str(out),
        "size": len(opened.payload),
        "media_type": opened.media_type,
        "author": opened.header.author,
        "commit": opened.header.commit.hex(),
        "salt": opened.salt.hex(),
    }
    session.printer.done(f"opened: {out}", Result(document))
    session.printer.next(f"hansa vault erase {blob_id} --as {organisation}")


@vault.command("list", epilog="Example: hansa vault list --as bank")
@as_option
@with_session
def list_blobs(session: Session, *, organisation: str) -> None:
    """List what ORG's node keeps, and what was erased there."""
    rows = [_row(entry) for entry in _all(_vaults(session, organisation)[0])]
    session.printer.result(Result({"organisation": organisation, "blobs": rows}, rows, COLUMNS))
    session.printer.next(f"hansa vault status ID --as {organisation}")


@vault.command(epilog="Example: hansa vault rewrap --as farm")
@as_option
@with_session
def rewrap(session: Session, *, organisation: str) -> None:
    """Wrap the content keys of all blobs of ORG to its present key; no blob changes."""
    from hansa.client.vault import seal_recipient  # noqa: PLC0415
    from hansa.seal import rewrap as wrap_again  # noqa: PLC0415

    with client_of(session, organisation) as client:
        new = seal_recipient(client, organisation)
    done = here = 0
    for place in _vaults(session, organisation):
        for entry in _all(place):
            if entry.state != "held" or not entry.present:
                continue
            name = bytes.fromhex(entry.id)
            wraps = [one.wrap() for one in place.entry(name).wraps]
            fitting = _wrap_to(wraps, new.key)
            if fitting is not None:
                here += 1
                continue
            key, wrap = _seal_key(session, organisation, None, wraps)
            place.add_wrap(name, wrap_again(wrap, key, new))
            done += 1
    document = {"organisation": organisation, "rewrapped": done, "unchanged": here}
    session.printer.done(f"wrapped again: {done}; were already: {here}", Result(document))
    session.printer.next(f"hansa vault list --as {organisation}")


def _wrap_to(wraps: "Sequence[Wrap]", key: bytes) -> "Wrap | None":
    """The wrap that is to a key already."""
    from hansa.keys import key_id  # noqa: PLC0415

    wanted = key_id(key)
    return next((wrap for wrap in wraps if wrap.to_key_id == wanted), None)


@vault.command(epilog="Example: hansa vault erase 5e1f…a3 --as bank --about consent-17")
@click.argument("blob_id", metavar="ID")
@as_option
@key_option
@click.option("--about", metavar="ID", help="The agreement or consent. Default: the blob's own.")
@click.option(
    "--method",
    type=click.Choice(["delete", "key-destroyed"]),
    default="delete",
    show_default=True,
    help="What was done: the file deleted, or also the last key that opens it.",
)
@timeout_option
@expires_option
@with_session
def erase(  # noqa: PLR0913 - what a receipt says
    session: Session,
    *,
    blob_id: str,
    organisation: str,
    key_file: Path | None,
    about: str | None,
    method: str,
    timeout: int,
    expires: int,
) -> None:
    """Delete a blob on all of ORG's nodes; leave ORG's signed receipt on the chain."""
    name = _id(blob_id)
    holding = _holding(_vaults(session, organisation), name)
    scope = about or holding[0][1].about
    if not scope:
        raise CliError(
            ExitCode.USAGE,
            "vault.about",
            "nothing was erased",
            f"{blob_id} names no agreement or consent",
            f"hansa vault erase {blob_id} --as {organisation} --about ID",
        )
    signer = signing_key(session, organisation, key_file)
    with client_of(session, organisation) as client:
        # Before anything is deleted: a receipt about what the chain does not know is refused.
        _need_scope(client, scope, blob_id, organisation)
    for place, _ in holding:
        place.erase(name)
    arguments: dict[str, Value] = {
        "id": scope,
        "holder": organisation,
        "scope_digest": name,
        "method": method,
    }
    with client_of(session, organisation) as client:
        receipt = _receipt(client, scope, organisation, blob_id)
        if receipt is None:
            _call(session, client, signer, ("grant", "erased", arguments), timeout, expires)
    document = {"id": blob_id, "about": scope, "holder": organisation, "nodes": len(holding)}
    session.printer.done(f"{organisation} has erased {blob_id}", Result(document))
    session.printer.next(f"hansa vault status {blob_id} --as {organisation}")


@vault.command(epilog="Example: hansa vault status 5e1f…a3 --as bank")
@click.argument("blob_id", metavar="ID")
@as_option
@click.option("--about", metavar="ID", help="The agreement or consent. Default: the blob's own.")
@with_session
def status(session: Session, *, blob_id: str, organisation: str, about: str | None) -> None:
    """Show which of the named organisations have left a receipt of erasure."""
    entry = _vaults(session, organisation)[0].entry(_id(blob_id))
    scope = about or entry.about
    rows = []
    with client_of(session, organisation) as client:
        for holder in entry.members:
            record = _receipt(client, scope, holder, blob_id) if scope else None
            rows.append(
                {
                    "holder": holder,
                    "erased": record is not None,
                    "method": record and record["method"],
                    "time": record and record["time"],
                }
            )
    document = {**_row(entry), "about": scope, "holders": rows}
    session.printer.result(Result(document, rows, HOLDERS))
    waiting = [str(row["holder"]) for row in rows if not row["erased"]]
    done = f"hansa prove state grant/erasure/{scope}/{organisation}/{blob_id} -O erased.proof.json"
    session.printer.next(f"hansa vault erase {blob_id} --as {waiting[0]}" if waiting else done)


def _vaults(session: Session, organisation: str) -> "list[Vault]":
    """The vaults of an organisation's nodes, or the one that `--api` names.

    Raises:
        CliError: ``vault.node.not-found`` when it runs none here.
    """
    from hansa.client.vault import Vault  # noqa: PLC0415

    if session.api is not None:
        return [Vault(session.api)]
    _, network = network_of(session)
    found = [Vault(entry.api) for entry in network.nodes if entry.member == organisation]
    if found:
        return found
    raise CliError(
        ExitCode.NOT_FOUND,
        "vault.node.not-found",
        f"no vault of {organisation}",
        f"{organisation} runs no node in this network",
        f"choose of: {', '.join(network.members())}; or give its address: --api URL",
    )


def _holding(places: "Sequence[Vault]", blob_id: bytes) -> "list[tuple[Vault, VaultEntry]]":
    """The nodes that know a blob, and what they know of it.

    Raises:
        Rejected: ``vault.not-found`` when none does.
    """
    from hansa.errors import Rejected  # noqa: PLC0415

    found: list[tuple[Vault, VaultEntry]] = []
    for number, place in enumerate(places, start=1):
        try:
            found.append((place, place.entry(blob_id)))
        except Rejected as error:
            if error.code != "vault.not-found" or (number == len(places) and not found):
                raise
    return found


def _all(place: "Vault") -> "list[VaultEntry]":
    entries: list[VaultEntry] = []
    cursor: str | None = None
    while True:
        page = place.list(PAGE, cursor)
        entries += page.items
        cursor = page.cursor
        if cursor is None:
            return entries


def _seal_key(
    session: Session, organisation: str, key_file: Path | None, wraps: "Sequence[Wrap]"
) -> "tuple[SealKey, Wrap]":
    """The private key that opens one of the wraps, newest wrap first.

    Raises:
        CliError: ``seal.key.not-found``.
    """
    from hansa.seal import SealKey  # noqa: PLC0415

    folder = desk_key(session, organisation).parent
    for wrap in reversed(wraps):
        path = key_file or folder / f"seal-{wrap.to_key_id}.json"
        if path.exists():
            key = SealKey(signing_key(session, organisation, path).seed)
            if key.id == wrap.to_key_id:
                return key, wrap
    names = ", ".join(wrap.to_key_id for wrap in wraps) or "none"
    raise CliError(
        ExitCode.NOT_FOUND,
        "seal.key.not-found",
        "it cannot be opened",
        f"no key file of {organisation} fits the keys it is sealed to: {names}",
        f"look into {folder}, or give the file: --key FILE",
    )


def _need_scope(client: "Client", scope: str, blob_id: str, organisation: str) -> None:
    """The agreement or consent that a receipt of erasure is about.

    Raises:
        CliError: ``vault.about`` when the chain has neither.
    """
    places = (f"grant/agreement/{scope}", f"grant/consent/{scope}")
    if all(client.state(place).value is None for place in places):
        raise CliError(
            ExitCode.NOT_FOUND,
            "vault.about",
            "nothing was erased",
            f"the chain has no agreement and no consent {scope}",
            f"hansa vault erase {blob_id} --as {organisation} --about ID",
        )


def _receipt(client: "Client", about: str, holder: str, blob_id: str) -> "dict[str, object] | None":
    """A holder's receipt of erasure on the chain."""
    found = client.state(f"grant/erasure/{about}/{holder}/{blob_id}")
    return dict(found.value) if isinstance(found.value, dict) else None


def _call(  # noqa: PLR0913, PLR0917 - one call and how to wait for it
    session: Session,
    client: "Client",
    signer: "SigningKey",
    call: "tuple[str, str, dict[str, Value]]",
    timeout: int,
    expires: int,
) -> None:
    from hansa.transaction import Call  # noqa: PLC0415

    signed = make_transaction(session, client, signer, [Call.of(*call)], expires)
    send(session, client, signed, wait=True, timeout_ms=timeout)


def _id(text: str) -> bytes:
    """The 32 bytes of a blob's id.

    Raises:
        CliError: ``vault.id``.
    """
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(text) != ID_CHARACTERS or not found:
        raise CliError(
            ExitCode.USAGE,
            "vault.id",
            "no blob is meant",
            f"{text!r} is no id of a blob",
            "give its 64 hex digits: hansa vault list -o tsv",
        )
    return found


def _row(entry: "VaultEntry") -> dict[str, object]:
    return {
        "id": entry.id,
        "state": entry.state,
        "present": entry.present,
        "size": entry.size,
        "author": entry.author,
        "members": list(entry.members),
        "about": entry.about,
        "commit": entry.commit,
        "charged": entry.charged,
        "since_ms": entry.since_ms,
    }
