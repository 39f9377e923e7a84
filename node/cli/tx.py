"""`hansa tx build|sign|submit|call|show`: transactions, in one step or from desk to desk.

A partly signed transaction is a file that travels between the organisations that sign it.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hansa.encoding import Value
from hansa.errors import Rejected
from node.cli.connect import chain_id_of, client_of, desk_key, resolve_tx_id, signing_key
from node.cli.errors import CliError, ExitCode
from node.cli.homes import find_network
from node.cli.options import (
    Session,
    as_option,
    expires_option,
    key_option,
    timeout_option,
    wait_option,
    with_session,
)
from node.cli.output import Column, Result, field_of, plain, short_id
from node.cli.submit import make_transaction, send, tell
from node.clock import wall_ms

if TYPE_CHECKING:
    from hansa.partial import Partial
    from hansa.transaction import Call

BYTES_KEY = "$bytes"
"""``{"$bytes": "9c41…"}`` in JSON arguments stands for bytes, which JSON does not have."""
FILE_BYTES_MAX = 1024 * 1024
"""A file of arguments; a transaction takes a quarter of it."""
CALL_COLUMNS = (
    Column("call", "CALL"),
    Column("result", "RESULT"),
    Column("events", "EVENTS"),
    Column("records", "RECORDS"),
)


@click.group()
def tx() -> None:
    """Build, sign, submit and show transactions."""


@tx.command(epilog='Example: hansa tx build doc.decline \'{"id":"a","version":1}\' --as farm')
@click.argument("method", metavar="CONTRACT.METHOD")
@click.argument("arguments", metavar="[JSON|@FILE]", default="{}")
@as_option
@key_option
@click.option("--cosign", "cosigners", multiple=True, metavar="ORG|KEY", help="Who else signs.")
@expires_option
@click.option("-O", "--out", type=click.Path(path_type=Path), help="Default: TX.partial.json")
@with_session
def build(  # noqa: PLR0913 - the parts of a transaction
    session: Session,
    *,
    method: str,
    arguments: str,
    organisation: str,
    key_file: Path | None,
    cosigners: tuple[str, ...],
    expires: int,
    out: Path | None,
) -> None:
    """Build a transaction for several signers, sign it for --as, write it to a file."""
    from hansa.partial import build as build_partial  # noqa: PLC0415 - cryptography
    from hansa.transaction import NONCE_BYTES  # noqa: PLC0415

    call = parse_call(method, arguments)
    key = signing_key(session, organisation, key_file)
    partial = build_partial(
        _chain_id(session),
        [call],
        [key.public, *(_public_key(session, name) for name in cosigners)],
        expires_at=wall_ms() + expires,
        nonce=os.urandom(NONCE_BYTES),
    ).sign(key)
    path = out or Path(f"{short_id(partial.tx_id.hex())}.partial.json")
    _write(path, partial.to_json(), new=True)
    _tell_partial(session, path, partial)


@tx.command(epilog="Example: hansa tx sign 5e1fa93c07b2.partial.json --as carrier")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@as_option
@key_option
@click.option("-O", "--out", type=click.Path(path_type=Path), help="Default: the first file.")
@with_session
def sign(
    session: Session,
    *,
    files: tuple[Path, ...],
    organisation: str,
    key_file: Path | None,
    out: Path | None,
) -> None:
    """Show what a file asks to sign, sign it; several files are merged."""
    partial = _merged(files)
    session.printer.say(_described(partial))
    signed = partial.sign(signing_key(session, organisation, key_file))
    path = out or files[0]
    _write(path, signed.to_json(), new=False)
    _tell_partial(session, path, signed)


@tx.command(epilog="Example: hansa tx submit 5e1fa93c07b2.partial.json --wait")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@wait_option
@timeout_option
@with_session
def submit(session: Session, *, files: tuple[Path, ...], wait: bool, timeout: int) -> None:
    """Submit a signed transaction from a file (or merged from several)."""
    signed = _merged(files).complete()
    with client_of(session) as client:
        sent = send(session, client, signed, wait=wait, timeout_ms=timeout)
        tell(session, client, sent, {})


@tx.command(epilog="Example: hansa tx call org.rotate @args.json --as farm --wait")
@click.argument("method", metavar="CONTRACT.METHOD")
@click.argument("arguments", metavar="[JSON|@FILE]", default="{}")
@as_option
@key_option
@wait_option
@timeout_option
@expires_option
@with_session
def call(  # noqa: PLR0913 - the parts of a call
    session: Session,
    *,
    method: str,
    arguments: str,
    organisation: str,
    key_file: Path | None,
    wait: bool,
    timeout: int,
    expires: int,
) -> None:
    """Call a method of a contract as one organisation: build, sign and submit in one step."""
    made = parse_call(method, arguments)
    key = signing_key(session, organisation, key_file)
    with client_of(session, organisation) as client:
        signed = make_transaction(session, client, key, [made], expires)
        sent = send(session, client, signed, wait=wait, timeout_ms=timeout)
        results = [] if sent.receipt is None else [c.result for c in sent.receipt.calls]
        tell(session, client, sent, {"results": results})


@tx.command(epilog="Example: hansa tx show 5e1fa93c07b2 height")
@click.argument("tx_id", metavar="TX")
@click.argument("field", required=False)
@with_session
def show(session: Session, *, tx_id: str, field: str | None) -> None:
    """Show a transaction (its id, or 8 or more first digits), or one FIELD of it."""
    import msgspec  # noqa: PLC0415

    with client_of(session) as client:
        reply = client.transaction(resolve_tx_id(session, client, tx_id))
    document: dict[str, object] = {
        "tx_id": reply.tx_id,
        "state": reply.fate.state,
        "code": reply.fate.code or ("OK" if reply.fate.state == "committed" else None),
        "height": reply.fate.height,
        "index": reply.fate.index,
        "fate": msgspec.to_builtins(reply.fate),
        "transaction": msgspec.to_builtins(reply.transaction),
        "receipt": msgspec.to_builtins(reply.receipt),
    }
    if field is not None:
        _show_field(session, document, field)
        return
    session.printer.result(Result(document, None if _json(session) else _summary(document)))
    session.printer.next(f"hansa prove tx {short_id(reply.tx_id)} -O p.proof.json")


def _json(session: Session) -> bool:
    return session.printer.form in {"json", "jsonl"}


def _show_field(session: Session, document: dict[str, object], field: str) -> None:
    try:
        value = field_of(document, field)
    except KeyError as error:
        raise CliError(
            ExitCode.USAGE,
            "field",
            f"there is no field {field}",
            f"{error.args[0]} is not among {', '.join(document)}",
            "hansa tx show TX -o json",
        ) from error
    text = json.dumps(value, ensure_ascii=False) if _json(session) else plain(value)
    click.echo(text, file=session.printer.out)


def _summary(document: dict[str, object]) -> list[dict[str, object]]:
    """A transaction as rows of field and value."""
    names = ("tx_id", "state", "code", "height", "index")
    rows = [{"field": name, "value": document[name]} for name in names]
    transaction = document["transaction"]
    if isinstance(transaction, dict):
        for number, one in enumerate(transaction["calls"]):
            name = f"call {number}"
            rows.append({"field": name, "value": f"{one['contract']}.{one['method']}"})
            rows.append({"field": f"{name} args", "value": one["args"]})
        rows += [{"field": "signer", "value": signer} for signer in transaction["signers"]]
    receipt = document["receipt"]
    if isinstance(receipt, dict):
        for number, one in enumerate(receipt["calls"]):
            rows.append({"field": f"call {number} result", "value": one["result"]})
        if receipt["error"]:
            rows.append({"field": "error", "value": receipt["error"]})
    return rows


def parse_call(method: str, arguments: str) -> "Call":
    """A call from ``contract.method`` and JSON, ``@file`` for a file of it.

    Raises:
        CliError: ``tx.call`` for what is no call or no JSON object.
    """
    from hansa.transaction import Call  # noqa: PLC0415

    contract, dot, name = method.partition(".")
    if not dot:
        raise _no_call(f"{method!r} is no contract.method")
    text = arguments
    if arguments.startswith("@"):
        path = Path(arguments[1:])
        text = path.read_text(encoding="utf-8")[:FILE_BYTES_MAX]
    try:
        given = parse_json(text)
    except ValueError as error:
        raise _no_call(str(error)) from error
    if not isinstance(given, dict):
        raise _no_call("the arguments are no JSON object")
    try:
        return Call.of(contract, name, given)
    except Rejected as error:
        raise _no_call(error.detail) from error


def parse_json(text: str) -> Value:
    """JSON without fractions, in which ``{"$bytes": hex}`` stands for bytes.

    Raises:
        ValueError: it is none.
    """
    value: Value = json.loads(text, object_hook=_object, parse_float=_no_float)
    return value


def _no_call(why: str) -> CliError:
    return CliError(
        ExitCode.BAD_INPUT,
        "tx.call",
        "this is no call",
        why,
        'write CONTRACT.METHOD \'{"field": 1}\'; bytes as {"$bytes": "hex"}; GET /v1/contracts',
    )


def _object(fields: dict[str, Value]) -> Value:
    if list(fields) != [BYTES_KEY]:
        return fields
    digits = fields[BYTES_KEY]
    return bytes.fromhex(digits) if isinstance(digits, str) else fields


def _no_float(text: str) -> Value:
    raise ValueError(f"{text} is no whole number; write amounts as strings")


def _merged(files: Sequence[Path]) -> "Partial":
    from hansa.partial import PARTIAL_BYTES_MAX, decode_partial  # noqa: PLC0415
    from hansa.signing import verify  # noqa: PLC0415

    partials = []
    for path in files:
        with path.open("rb") as file:
            partials.append(decode_partial(file.read(PARTIAL_BYTES_MAX + 1), verify))
    first = partials[0]
    for other in partials[1:]:
        first = first.merge(other)
    return first


def _described(partial: "Partial") -> str:
    """What will be signed, made from the bytes themselves."""
    lines = [f"  tx {partial.tx_id.hex()}  chain {partial.transaction.chain_id}"]
    lines += [
        f"  {one.contract}.{one.method}  {plain(one.arguments())}"
        for one in partial.transaction.calls
    ]
    return "\n".join(lines)


def _tell_partial(session: Session, path: Path, partial: "Partial") -> None:
    from hansa.keys import public_key_text  # noqa: PLC0415

    missing = [public_key_text(key) for key in partial.missing]
    document = {
        "tx_id": partial.tx_id.hex(),
        "file": str(path),
        "signed": len(partial.signatures),
        "missing": missing,
        "expires_at": partial.transaction.expires_at,
    }
    state = f"{len(missing)} signatures missing" if missing else "complete"
    short = short_id(partial.tx_id.hex())
    session.printer.done(f"{path}  tx {short}  {state}", Result(document))
    if missing:
        session.printer.next(f"send it on; there: hansa tx sign {path.name} --as ORG")
    else:
        session.printer.next(f"hansa tx submit {path} --wait")


def _chain_id(session: Session) -> str:
    """The chain's name; a network's directory knows it without asking anybody."""
    found = find_network(session) if session.api is None else None
    if found is not None:
        return found[1].chain_id
    with client_of(session) as client:
        return chain_id_of(session, client)


def _public_key(session: Session, name: str) -> bytes:
    """The public key of an organisation's desk, or the one that is written out."""
    from hansa.keyfile import read_public_key  # noqa: PLC0415
    from hansa.keys import parse_public_key  # noqa: PLC0415

    if name.startswith("ed25519:"):
        return parse_public_key(name)
    return read_public_key(desk_key(session, name))[0]


def _write(path: Path, content: bytes, *, new: bool) -> None:
    """Write a file whole or not at all; a new one never takes another's place.

    Raises:
        CliError: ``file.exists``.
    """
    if new and path.exists():
        raise CliError(
            ExitCode.EXISTS,
            "file.exists",
            f"{path} was not written",
            "it is there already",
            "give another name: -O FILE",
        )
    beside = path.with_name(path.name + ".new")
    beside.write_bytes(content)
    beside.replace(path)
