"""`hansa doc stamp|exhibit|decline|withdraw|supersede`: what becomes of a registered document.

The promise: what changes the record names the version that stands, so that whoever was quicker
is seen; a token is read here first, so that a file that is none never leaves this machine.
"""

from pathlib import Path

import click

from hansa.encoding import Value
from node.cli.act import (
    Act,
    Signing,
    act,
    client_for,
    existing_file,
    signing_command,
    version_of,
)


@click.command(epilog="Example: hansa doc stamp roastery:9c41… --token contract.tsr --as roastery")
@click.argument("doc_id", metavar="ID")
@click.option("--token", type=existing_file, required=True, help="An RFC 3161 reply or token.")
@signing_command
def stamp(signing: Signing, *, doc_id: str, token: Path) -> None:
    """Put a trusted time-stamp on a document: a token over its digest."""
    from hansa.timestamp import token_of  # noqa: PLC0415 - for this command alone

    arguments: dict[str, Value] = {"id": doc_id, "token_der": token_of(token.read_bytes())}
    with client_for(signing) as client:
        act(signing, client, Act("doc", "stamp", arguments, (f"hansa doc show {doc_id}",)))


@click.command(
    epilog="Example: hansa doc exhibit roastery:9c41… --case 2026-0491-1 --to farm --as roastery"
)
@click.argument("doc_id", metavar="ID")
@click.option("--case", "case_no", required=True, help="The number of the case.")
@click.option("--to", "to_org", metavar="ORG", required=True, help="The court, or the other side.")
@signing_command
def exhibit(signing: Signing, *, doc_id: str, case_no: str, to_org: str) -> None:
    """Note that a document was shown in a case."""
    arguments: dict[str, Value] = {"id": doc_id, "case_no": case_no, "to_org": to_org}
    with client_for(signing) as client:
        act(signing, client, Act("doc", "exhibit", arguments, (f"hansa doc show {doc_id}",)))


@click.command(epilog="Example: hansa doc decline roastery:9c41… --reason 'wrong sum' --as carrier")
@click.argument("doc_id", metavar="ID")
@click.option("--reason", default="", help="For whoever reads the record.")
@signing_command
def decline(signing: Signing, *, doc_id: str, reason: str) -> None:
    """Refuse to sign a document that waits for this organisation."""
    _close(signing, "decline", doc_id, reason)


@click.command(epilog="Example: hansa doc withdraw roastery:9c41… --reason outdated --as roastery")
@click.argument("doc_id", metavar="ID")
@click.option("--reason", default="", help="For whoever reads the record.")
@signing_command
def withdraw(signing: Signing, *, doc_id: str, reason: str) -> None:
    """Take back a document that this organisation registered; the record stays."""
    _close(signing, "withdraw", doc_id, reason)


@click.command(
    epilog="Example: hansa doc supersede contract-7 --by contract-8 --reason renewed --as roastery"
)
@click.argument("doc_id", metavar="ID")
@click.option("--by", "new_id", metavar="ID", required=True, help="The document that replaces it.")
@click.option("--reason", default="", help="For whoever reads the record.")
@signing_command
def supersede(signing: Signing, *, doc_id: str, new_id: str, reason: str) -> None:
    """Say that another registered document stands in the place of this one."""
    with client_for(signing) as client:
        version = version_of(client, "doc", doc_id)
        arguments: dict[str, Value] = {
            "id": doc_id, "version": version, "new_id": new_id, "reason": reason,
        }  # fmt: skip
        act(signing, client, Act("doc", "supersede", arguments, (f"hansa doc show {new_id}",)))


def _close(signing: Signing, method: str, doc_id: str, reason: str) -> None:
    with client_for(signing) as client:
        version = version_of(client, "doc", doc_id)
        arguments: dict[str, Value] = {"id": doc_id, "version": version, "reason": reason}
        act(signing, client, Act("doc", method, arguments, (f"hansa doc show {doc_id}",)))
