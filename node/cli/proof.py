"""`hansa prove …` and `hansa verify`: a file for a stranger, and the stranger's check."""

from base64 import urlsafe_b64decode
from pathlib import Path
from typing import TYPE_CHECKING

import click

from node.cli.connect import client_of, resolve_tx_id
from node.cli.errors import CliError, ExitCode
from node.cli.homes import find_network
from node.cli.options import Session, with_session
from node.cli.output import Result
from node.clock import wall_ms
from node.network import TRUST_FILE

if TYPE_CHECKING:
    from hansa.client.plain import Client

out_option = click.option(
    "-O", "--out", type=click.Path(path_type=Path), help="The proof file. Default: stdout"
)
time_option = click.option(
    "--time",
    "times",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    multiple=True,
    help="An RFC 3161 token or response to put into the file; may be repeated.",
)


@click.group()
def prove() -> None:
    """Fetch proof files, which anybody can check offline."""


@prove.command("tx", epilog="Example: hansa prove tx 5e1fa93c07b2 -O contract.proof.json")
@click.argument("tx_id", metavar="TX")
@out_option
@time_option
@click.option(
    "--reveal",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The salts file of `hansa seal`: shows the fields named by --fields.",
)
@click.option("--fields", help="Names of sealed fields to show, with commas between.")
@click.option("--tlog", is_flag=True, help="As C2SP tlog-proof text instead.")
@with_session
def prove_tx(  # noqa: PLR0913 - what a proof may carry
    session: Session,
    *,
    tx_id: str,
    out: Path | None,
    times: tuple[Path, ...],
    reveal: Path | None,
    fields: str | None,
    tlog: bool,
) -> None:
    """Fetch the proof of a transaction (its id, or 8 or more first digits)."""
    with client_of(session) as client:
        content = client.proof_tx(resolve_tx_id(session, client, tx_id))
    content = _as_tlog(content) if tlog else _with_more(content, times, reveal, fields)
    _deliver(session, content, out, {"tx": tx_id})


@prove.command("state", epilog="Example: hansa prove state doc/record/a -O state.proof.json")
@click.argument("key")
@out_option
@time_option
@with_session
def prove_state(session: Session, *, key: str, out: Path | None, times: tuple[Path, ...]) -> None:
    """Fetch the proof of what stands under a state key, or that nothing does."""
    with client_of(session) as client:
        content = client.proof_state(key)
    _deliver(session, _with_more(content, times, None, None), out, {"key": key})


@prove.command("record", epilog="Example: hansa prove record asset R-7 -O receipt.proof.json")
@click.argument("contract")
@click.argument("record_id", metavar="ID")
@out_option
@with_session
def prove_record(session: Session, *, contract: str, record_id: str, out: Path | None) -> None:
    """Fetch the proof of a contract's record as it stands now."""
    with client_of(session) as client:
        key = _record_key(client, contract, record_id)
        content = client.proof_state(key)
    _deliver(session, content, out, {"key": key})


@prove.command("absent", epilog="Example: hansa prove absent asset/held/R-7 -O free.proof.json")
@click.argument("key")
@out_option
@with_session
def prove_absent(session: Session, *, key: str, out: Path | None) -> None:
    """Fetch the proof that nothing stands under a key: exit 1 when something does.

    That nothing lies on an asset: asset/held/ID is absent (and asset/record/ID is there).
    """
    from hansa.proof import KeyProof, parse_proof  # noqa: PLC0415 - cryptography

    with client_of(session) as client:
        content = client.proof_state(key)
    proof = parse_proof(content)
    if isinstance(proof, KeyProof) and proof.record.value is not None:
        raise CliError(
            ExitCode.NEGATIVE,
            "record.present",
            f"{key} is not absent",
            f"it holds {len(proof.record.value)} bytes at height {proof.chain.head.header.height}",
            f"prove what it holds: hansa prove state {key} -O state.proof.json",
        )
    _deliver(session, content, out, {"key": key})


@prove.command("document", epilog="Example: hansa prove document contract.pdf -O p.json")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--owner", help="Whose registration, where several have registered it.")
@out_option
@time_option
@with_session
def prove_document(
    session: Session, *, file: Path, owner: str | None, out: Path | None, times: tuple[Path, ...]
) -> None:
    """Fetch the proof of a file's registration, with its trusted time-stamps."""
    from hansa.hashing import sha256  # noqa: PLC0415

    with client_of(session) as client:
        digest = sha256(file.read_bytes())
        doc_id = _registered(client, digest, owner)
        history = client.query("doc", "history", {"id": doc_id, "limit": 1}).result
        content = client.proof_tx(bytes.fromhex(_text(history, "items", 0, "tx_id")))
        tokens = _recorded_tokens(client, doc_id)
    content = _with_more(content, times, None, None, tokens)
    _deliver(session, content, out, {"id": doc_id, "digest": digest.hex()})


def _with_more(
    content: bytes,
    times: tuple[Path, ...],
    salts: Path | None,
    fields: str | None,
    tokens: tuple[bytes, ...] = (),
) -> bytes:
    """The proof with time-stamps and shown fields, where there are any."""
    from hansa.disclosure import read_salts  # noqa: PLC0415 - cryptography
    from hansa.proof import with_extras  # noqa: PLC0415
    from hansa.proof_file import STAMPS_MAX  # noqa: PLC0415
    from hansa.timestamp import token_of  # noqa: PLC0415

    if (salts is None) != (fields is None):
        raise CliError(
            ExitCode.USAGE,
            "reveal.fields",
            "no field is shown",
            "--reveal and --fields go together",
            "hansa prove tx TX --reveal FILE.salts.json --fields NAME,NAME -O p.json",
        )
    found = [*(token_of(path.read_bytes()) for path in times), *tokens][:STAMPS_MAX]
    if not found and salts is None:
        return content
    shown = None
    if salts is not None and fields is not None:
        sealed = read_salts(salts.read_bytes())
        shown = (sealed.show(fields.split(",")), len(sealed.values))
    return with_extras(content, found, fields=shown)


def _as_tlog(content: bytes) -> bytes:
    from hansa.proof import TransactionProof, parse_proof  # noqa: PLC0415 - cryptography
    from hansa.tlog import export_tlog  # noqa: PLC0415

    proof = parse_proof(content)
    assert isinstance(proof, TransactionProof)
    return export_tlog(proof).encode()


def _record_key(client: "Client", contract: str, record_id: str) -> str:
    """The state key of a contract's record.

    Raises:
        CliError: ``record.not-found``.
    """
    from hansa.proof_words import KINDS  # noqa: PLC0415

    prefixes = [prefix for prefix, _, _ in KINDS if prefix.startswith(f"{contract}/")]
    for key in (*(f"{prefix}{record_id}" for prefix in prefixes), f"{contract}/{record_id}"):
        if client.state(key).present:
            return key
    raise CliError(
        ExitCode.NOT_FOUND,
        "record.not-found",
        f"{contract} has no record {record_id}",
        "looked for " + ", ".join(f"{prefix}{record_id}" for prefix in prefixes),
        f"prove that it is absent: hansa prove absent {contract}/record/{record_id}",
    )


def _registered(client: "Client", digest: bytes, owner: str | None) -> str:
    """The id under which a digest is registered.

    Raises:
        CliError: ``doc.not-found`` or ``doc.ambiguous``.
    """
    result = client.query("doc", "by_digest", {"digest": digest.hex()}).result
    found = result.get("documents") if isinstance(result, dict) else None
    assert isinstance(found, list)
    known = {_text(one, "owner"): _text(one, "id") for one in found}
    if owner in known or len(known) == 1:
        return known[owner] if owner in known else next(iter(known.values()))
    if known and owner is None:
        owners = ", ".join(known)
        raise CliError(
            ExitCode.USAGE,
            "doc.ambiguous",
            "several registered this file",
            owners,
            "choose one: --owner ORG",
        )
    raise CliError(
        ExitCode.NOT_FOUND,
        "doc.not-found",
        "nobody registered this file" if not known else f"{owner} did not register this file",
        f"no document has the digest sha-256 {digest.hex()}",
        "register it: hansa doc register --file FILE --as ORG",
    )


def _recorded_tokens(client: "Client", doc_id: str) -> tuple[bytes, ...]:
    """The tokens that `doc.stamp` put on record, out of their transactions."""
    from hansa.encoding import decode_value  # noqa: PLC0415 - cryptography
    from hansa.transaction import SignedTransaction  # noqa: PLC0415

    result = client.query("doc", "stamps", {"id": doc_id}).result
    stamps = result["stamps"] if isinstance(result, dict) else None
    assert isinstance(stamps, list)
    tokens = list[bytes]()
    for stamp in stamps:
        key = _text(stamp, "id")
        history = client.query("record", "history", {"contract": "doc", "id": f"stamp/{key}"})
        tx_id = bytes.fromhex(_text(history.result, "items", 0, "tx_id"))
        view = client.transaction(tx_id).transaction
        if view is None:
            continue
        signed = SignedTransaction.decode(urlsafe_b64decode(view.raw + "=" * (-len(view.raw) % 4)))
        for call in signed.transaction.calls:
            given = decode_value(call.args) if call.method == "stamp" else None
            if isinstance(given, dict) and given.get("id") == doc_id:
                token = given.get("token_der")
                tokens += [token] if isinstance(token, bytes) else []
    return tuple(dict.fromkeys(tokens))


def _text(value: object, *path: str | int) -> str:
    for step in path:
        value = value[step]  # type: ignore[index]
    assert isinstance(value, str)
    return value


def _deliver(
    session: Session, content: bytes, out: Path | None, document: dict[str, object]
) -> None:
    if out is None:
        click.echo(content, file=session.printer.out, nl=False)
        return
    beside = out.with_name(out.name + ".new")
    beside.write_bytes(content)
    beside.replace(out)
    session.printer.done(
        f"proof written  {out}  {len(content)} bytes",
        Result({**document, "file": str(out), "size": len(content)}),
    )
    session.printer.next(f"hansa verify {out}")


@click.command(epilog="Example: hansa verify p.json --trust trust.json --file contract.pdf")
@click.argument("proof", type=click.Path(path_type=Path))
@click.option(
    "--trust",
    type=click.Path(path_type=Path),
    envvar="HANSA_TRUST",
    show_envvar=True,
    help="Your own trust file. Default: that of the network in --home",
)
@click.option("--file", type=click.Path(path_type=Path), help="The document that you hold.")
@click.option(
    "--lang",
    type=click.Choice(["en", "zh"]),
    default="en",
    envvar="HANSA_LANG",
    show_envvar=True,
    help="Language of the sentences.",
)
@with_session
def verify(
    session: Session, *, proof: Path, trust: Path | None, file: Path | None, lang: str
) -> None:
    """Check a proof offline: six lines. Exit 0, 1 when a line turned, 65 when it is no proof."""
    from hansa.__main__ import judge, show  # noqa: PLC0415 - cryptography

    if proof.exists() and proof.read_bytes()[:64].startswith(b"c2sp.org/tlog-proof@"):
        _verify_tlog(session, proof, trust or _own_trust(session))
        return
    verdict = judge(proof, trust or _own_trust(session), file, wall_ms(), lang)
    click.echo(show(verdict, session.printer.form, lang), file=session.printer.out)
    if verdict.exit_code:
        click.get_current_context().exit(verdict.exit_code)


def _verify_tlog(session: Session, path: Path, trust: Path) -> None:
    """Check a C2SP tlog-proof: log, entry, who signed."""
    from hansa.proof_lines import utc  # noqa: PLC0415 - cryptography
    from hansa.signing import verify as holds  # noqa: PLC0415
    from hansa.tlog import parse_tlog, verify_tlog  # noqa: PLC0415
    from hansa.trust import decode_trust  # noqa: PLC0415

    found = verify_tlog(parse_tlog(path.read_bytes()), decode_trust(trust.read_bytes()), holds)
    header, receipt = found.header, found.receipt
    session.printer.result(
        Result({
            "log": found.origin,
            "size": found.size,
            "tx_id": receipt.tx_id.hex(),
            "height": receipt.height,
            "code": receipt.code,
            "validators": "signed" if header else "not shown",
            "chain_time": utc(header.time) if header else "",
            "witnesses": [f"{name} {utc(1000 * time_s)}" for name, time_s in found.witnesses],
        })
    )  # fmt: skip
    if receipt.code != "OK":
        click.get_current_context().exit(ExitCode.NEGATIVE)


def _own_trust(session: Session) -> Path:
    """The trust file of the session's network.

    Raises:
        CliError: ``trust.missing``.
    """
    found = find_network(session)
    if found is not None and (found[0] / TRUST_FILE).exists():
        return found[0] / TRUST_FILE
    raise CliError(
        ExitCode.USAGE,
        "trust.missing",
        "nothing to trust",
        "a proof is judged against your own trust file, and none was named",
        "hansa verify PROOF --trust FILE; get it from a member that you know",
    )
