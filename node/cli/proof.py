"""`hansa prove tx|state` and `hansa verify`: a file for a stranger, and the stranger's check."""

from pathlib import Path

import click

from node.cli.connect import client_of, resolve_tx_id
from node.cli.errors import CliError, ExitCode
from node.cli.homes import find_network
from node.cli.options import Session, with_session
from node.cli.output import Result
from node.clock import wall_ms
from node.network import TRUST_FILE

out_option = click.option(
    "-O", "--out", type=click.Path(path_type=Path), help="The proof file. Default: stdout"
)


@click.group()
def prove() -> None:
    """Fetch proof files, which anybody can check offline."""


@prove.command("tx", epilog="Example: hansa prove tx 5e1fa93c07b2 -O contract.proof.json")
@click.argument("tx_id", metavar="TX")
@out_option
@with_session
def prove_tx(session: Session, *, tx_id: str, out: Path | None) -> None:
    """Fetch the proof of a transaction (its id, or 8 or more first digits)."""
    with client_of(session) as client:
        content = client.proof_tx(resolve_tx_id(session, client, tx_id))
    _deliver(session, content, out, {"tx": tx_id})


@prove.command("state", epilog="Example: hansa prove state doc/record/a -O state.proof.json")
@click.argument("key")
@out_option
@with_session
def prove_state(session: Session, *, key: str, out: Path | None) -> None:
    """Fetch the proof of what stands under a state key, or that nothing does."""
    with client_of(session) as client:
        content = client.proof_state(key)
    _deliver(session, content, out, {"key": key})


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
    session.printer.next(f"hansa verify {out} --trust trust.json")


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
@with_session
def verify(session: Session, *, proof: Path, trust: Path | None, file: Path | None) -> None:
    """Check a proof offline: six lines. Exit 0, 1 when a line turned, 65 when it is no proof."""
    from hansa.__main__ import judge, show  # noqa: PLC0415 - cryptography

    verdict = judge(proof, trust or _own_trust(session), file, wall_ms())
    click.echo(show(verdict, session.printer.form), file=session.printer.out)
    if verdict.exit_code:
        click.get_current_context().exit(verdict.exit_code)


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
