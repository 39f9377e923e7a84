"""`hansa script …`: programs that members approve by vote, and their calls."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hansa.encoding import Value
from node.cli.act import Signing, client_for, existing_file, read_json, signing_command
from node.cli.connect import client_of, signing_key
from node.cli.errors import CliError, ExitCode
from node.cli.options import Session, with_session
from node.cli.output import Column, Result, plain
from node.cli.script_test import checked_source, test_script
from node.cli.submit import Sent, committed_text, make_transaction, send, tell

if TYPE_CHECKING:
    from hansa.client.plain import Client

PAGE_MAX = 100
"""Scripts asked for at once."""
LIST_COLUMNS = (
    Column("name", "SCRIPT"),
    Column("state", "STATE"),
    Column("current", "CURRENT", "number"),
    Column("latest", "LATEST", "number"),
    Column("controller", "PROPOSED BY"),
    Column("version", "VERSION", "number"),
)


@click.group()
def script() -> None:
    """Propose, approve, call, freeze and test scripts."""


script.add_command(test_script)


@script.command(
    epilog="Example: hansa script propose points docs/guides/scripts/points.star --as farm --wait"
)
@click.argument("name")
@click.argument("file", type=existing_file)
@signing_command
def propose(signing: Signing, *, name: str, file: Path) -> None:
    """Put a script, or its next version, to the vote with its source."""
    source = checked_source(file)
    with client_for(signing) as client:
        _vote(signing, client, name, "propose", {"name": name, "source": source})


@script.command(epilog="Example: hansa script approve points --as roastery --wait")
@click.argument("name")
@signing_command
def approve(signing: Signing, *, name: str) -> None:
    """Vote for what is put to the vote about a script; read it first: hansa script show NAME."""
    _change(signing, name, "approve", {})


@script.command(
    "object", epilog='Example: hansa script object points --as carrier --reason "no expiry" --wait'
)
@click.argument("name")
@click.option("--reason", default="", help="Stands in the receipt.")
@signing_command
def object_(signing: Signing, *, name: str, reason: str) -> None:
    """Vote against what is put to the vote about a script."""
    _change(signing, name, "object", {"reason": reason})


@script.command(epilog='Example: hansa script freeze points --as farm --reason "wrong rate" --wait')
@click.argument("name")
@click.option("--reason", default="", help="Stands in the script's record.")
@signing_command
def freeze(signing: Signing, *, name: str, reason: str) -> None:
    """Put to the vote that a script rests: its calls are refused."""
    _change(signing, name, "freeze", {"reason": reason})


@script.command(epilog='Example: hansa script resume points --as farm --reason "mended" --wait')
@click.argument("name")
@click.option("--reason", default="", help="Stands in the script's record.")
@signing_command
def resume(signing: Signing, *, name: str, reason: str) -> None:
    """Put to the vote that a frozen script may be called again."""
    _change(signing, name, "resume", {"reason": reason})


@script.command(epilog='Example: hansa script retire points --as farm --reason "replaced" --wait')
@click.argument("name")
@click.option("--reason", default="", help="Stands in the script's record.")
@signing_command
def retire(signing: Signing, *, name: str, reason: str) -> None:
    """Put the end of a script to the vote; its source and what it wrote stay."""
    _change(signing, name, "retire", {"reason": reason})


@script.command(
    epilog='Example: hansa script call points earn --args \'{"who": "ann", "points": 30}\' '
    "--as farm --wait"
)
@click.argument("name")
@click.argument("function")
@click.option("--args", "text", default="{}", metavar="JSON", help="An object, by parameter.")
@click.option("--number", type=click.IntRange(0), default=0, help="Only if this version runs.")
@signing_command
def call(signing: Signing, *, name: str, function: str, text: str, number: int) -> None:
    """Call a function of a script as an organisation; --wait prints what it returned."""
    arguments: dict[str, Value] = {
        "name": name,
        "function": function,
        "args": read_json(text),
        "number": number,
    }
    session = signing.session
    with client_for(signing) as client:
        sent = _send(signing, client, "call", arguments)
        result = _result_of(sent)
        if result is None:
            tell(session, client, sent, {})
            return
        said = f"{plain(result['result'])}   {result['steps']} steps, {result['size']} units"
        told = f"{said}\n  {committed_text(client, sent)}"
        session.printer.done(told, Result({**sent.document, **result}))
        session.printer.next(f"hansa get script/data/{name}/ --scan")


@script.command(epilog="Example: hansa script show points --source")
@click.argument("name")
@click.option("--number", type=click.IntRange(1), help="Of a version. Default: the last proposed.")
@click.option("--source", "only_source", is_flag=True, help="Print the source alone.")
@with_session
def show(session: Session, *, name: str, number: int | None, only_source: bool) -> None:
    """Show a script: its state, a version, and the source that members voted on."""
    with client_of(session) as client:
        head = _head(client, name)
        wanted = _number(head, "latest") if number is None else number
        version = _record(client, f"script/record/{name}@{wanted}", f"version {wanted} of {name}")
    if only_source:
        click.echo(str(version["source"]), file=session.printer.out, nl=False)
        return
    document = {"script": head, "proposal": version}
    rows = [{"field": f, "value": v} for f, v in head.items()]
    rows += [{"field": f"@{wanted} {f}", "value": v} for f, v in version.items() if f != "source"]
    people = session.printer.form in {"table", "tsv"}
    session.printer.result(Result(document, rows if people else None))
    if session.printer.for_people:
        click.echo(f"\n{version['source']}", file=session.printer.out)
    voted = "approve" if version["state"] == "proposed" else "call"
    session.printer.next(
        f"hansa script {voted} {name} --as ORG", f"hansa script show {name} --source"
    )


@script.command("list", epilog="Example: hansa script list -o json")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True)
@with_session
def list_scripts(session: Session, *, limit: int) -> None:
    """List the scripts of the chain."""
    rows: list[dict[str, object]] = []
    cursor: str | None = None
    with client_of(session) as client:
        while len(rows) < limit:
            page = client.scan("script/name/", min(PAGE_MAX, limit - len(rows)), cursor)
            for item in page.items:
                record = item.value if isinstance(item.value, dict) else {}
                rows.append({"name": record.get("id"), "state": "proposed", "current": 0, **record})
            cursor = page.next
            if cursor is None:
                break
    session.printer.result(Result({"scripts": rows}, rows, LIST_COLUMNS))
    session.printer.next("hansa script show NAME", "hansa script propose NAME FILE --as ORG")


def _change(signing: Signing, name: str, method: str, more: dict[str, Value]) -> None:
    """A method that names the script and the version of its record that was seen."""
    with client_for(signing) as client:
        version = _number(_head(client, name), "version")
        _vote(signing, client, name, method, {"name": name, "version": version, **more})


def _vote(
    signing: Signing, client: "Client", name: str, method: str, arguments: dict[str, Value]
) -> None:
    """Sign as the member itself, which votes, and tell how the vote stands."""
    session = signing.session
    sent = _send(signing.as_member(), client, method, arguments)
    result = _result_of(sent)
    if result is None:
        tell(session, client, sent, {"name": name})
        return
    state = result["state"]
    said = f"{name}: vote {state}, {result['approvals']} of {result['needed']} approvals"
    session.printer.done(said, Result({**sent.document, "name": name, **result}))
    if state == "open":
        session.printer.next(f"hansa script approve {name} --as ORG --wait")
    else:
        session.printer.next(f"hansa script show {name}")


def _send(signing: Signing, client: "Client", method: str, arguments: dict[str, Value]) -> Sent:
    from hansa.transaction import Call  # noqa: PLC0415 - cryptography

    session = signing.session
    key = signing_key(session, signing.organisation, signing.key_file)
    made = [Call.of("script", method, arguments)]
    signed = make_transaction(session, client, key, made, signing.expires)
    return send(session, client, signed, wait=signing.wait, timeout_ms=signing.timeout)


def _result_of(sent: Sent) -> dict[str, object] | None:
    """What the contract returned, once a block holds the call."""
    if sent.receipt is None or not sent.receipt.calls:
        return None
    result = sent.receipt.calls[0].result
    return dict(result) if isinstance(result, dict) else None


def _head(client: "Client", name: str) -> dict[str, object]:
    return _record(client, f"script/name/{name}", f"script {name}")


def _record(client: "Client", key: str, what: str) -> dict[str, object]:
    found = client.state(key)
    if not found.present or not isinstance(found.value, dict):
        raise CliError(
            ExitCode.NOT_FOUND,
            "script.not-found",
            f"no {what}",
            f"nothing stands under {key} at height {found.height}",
            "look for it: hansa script list",
        )
    return dict(found.value)


def _number(record: dict[str, object], field: str) -> int:
    value = record[field]
    assert isinstance(value, int)
    return value
