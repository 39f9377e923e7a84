"""`hansa cred …`: who may attest what, that credentials were issued, and whether they hold.

Credentials stay in files: their digests, lists and statuses go onto the chain, nothing about a
person does.
"""

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hansa.encoding import Value
from node.cli.act import (
    Act,
    Signing,
    act,
    ask,
    client_for,
    digest_from,
    existing_file,
    moment,
    read_json,
    record_of,
    show,
    signing_command,
    version_of,
)
from node.cli.connect import client_of, signing_key
from node.cli.errors import CliError, ExitCode
from node.cli.options import Session, with_session
from node.cli.output import Column, Result

if TYPE_CHECKING:
    from hansa.client.plain import Client
    from hansa.vc.check import Checks

ENTRIES_MIN = 131_072
"""Entries of a list when nobody says: the least, so that one credential hides among many."""
REASONS = (
    "correction", "error", "holder_request", "investigation", "key_compromise", "legal_order",
    "other", "resolved", "superseded", "withdrawn",
)  # fmt: skip
CHECK_COLUMNS = (Column("check", "CHECK"), Column("holds", "HOLDS"), Column("why", "WHY"))


@click.group()
def cred() -> None:
    """Accredit issuers, log credentials, keep their statuses, check them."""


@cred.command(epilog="Example: hansa cred accredit farm Licence --until 365d --as farm --wait")
@click.argument("issuer", metavar="ORG")
@click.argument("kind", metavar="TYPE")
@click.option("--until", type=moment, default=None, help="When it lapses. Default: never.")
@click.option("--evidence", type=existing_file, help="The decision; its digest goes there.")
@signing_command
def accredit(
    signing: Signing, *, issuer: str, kind: str, until: int | None, evidence: Path | None
) -> None:
    """Put to the vote that a member may issue credentials of a type."""
    arguments: dict[str, Value] = {
        "issuer": issuer,
        "type": kind,
        "until": until or 0,
        "evidence": None if evidence is None else digest_from(evidence, None, "evidence"),
    }
    following = ("hansa cred vote BALLOT --as ORG --wait",)
    with client_for(signing) as client:
        act(signing.as_member(), client, Act("cred", "accredit", arguments, following))


@cred.command(epilog="Example: hansa cred vote 5e1fa93c07b2aa61fe20cd71-1 --as roastery --wait")
@click.argument("ballot")
@click.option("--against", is_flag=True, help="Vote against it.")
@signing_command
def vote(signing: Signing, *, ballot: str, against: bool) -> None:
    """Vote on an accreditation, with the organisation's own key."""
    arguments: dict[str, Value] = {"id": ballot, "approve": not against}
    following = f"hansa record show governance ballot/{ballot}"
    with client_for(signing) as client:
        act(signing.as_member(), client, Act("governance", "vote", arguments, (following,)))


@cred.command(epilog="Example: hansa cred template Licence 1 --schema schema.json --as farm --wait")
@click.argument("kind", metavar="TYPE")
@click.argument("version", type=click.IntRange(1))
@click.option("--schema", type=existing_file, help="The JSON schema; its digest goes there.")
@click.option("--digest", help="Or its SHA-256.")
@signing_command
def template(
    signing: Signing, *, kind: str, version: int, schema: Path | None, digest: str | None
) -> None:
    """Fix the schema of a type's version, as an accredited issuer."""
    arguments: dict[str, Value] = {
        "type": kind,
        "version": version,
        "schema_digest": digest_from(schema, digest, "schema"),
    }
    following = f"hansa record show cred template/{kind}/{version}"
    with client_for(signing) as client:
        act(signing, client, Act("cred", "template", arguments, (following,)))


@cred.command("open-list", epilog="Example: hansa cred open-list farm-revoked --as farm --wait")
@click.argument("list_id", metavar="LIST")
@click.option(
    "--purpose",
    type=click.Choice(["revocation", "suspension", "message"]),
    default="revocation",
    show_default=True,
)
@click.option("--size", type=click.IntRange(ENTRIES_MIN), default=ENTRIES_MIN, show_default=True)
@click.option("--bits", type=click.Choice(["1", "2", "4"]), default="1", help="Of one status.")
@click.option("--message", "messages", multiple=True, help="What 0, 1, … mean; for message.")
@signing_command
def open_list(  # noqa: PLR0913 - what a list is
    signing: Signing,
    *,
    list_id: str,
    purpose: str,
    size: int,
    bits: str,
    messages: tuple[str, ...],
) -> None:
    """Open a status list of one's own."""
    arguments: dict[str, Value] = {
        "list_id": list_id,
        "size": size,
        "purpose": purpose,
        "bits": int(bits),
        "messages": [*messages],
    }
    following = f"hansa cred log TYPE CREDENTIAL --list {list_id} --as {signing.organisation}"
    with client_for(signing) as client:
        act(signing, client, Act("cred", "open_list", arguments, (following,)))


@cred.command(
    epilog="Example: hansa cred sign claims.json --list farm-revoked --index 4711 "
    "--url https://farm.example/revoked --as farm -O licence.json"
)
@click.argument("claims", type=existing_file)
@click.option("--list", "list_id", metavar="LIST", help="Where its status will stand.")
@click.option("--index", type=click.IntRange(0), help="In the list. Default: at random.")
@click.option("--url", help="Where the list's credential will be found.")
@click.option("--as", "organisation", required=True, metavar="ORG", help="Who issues it.")
@click.option("--key", "key_file", type=click.Path(path_type=Path), help="The key that signs it.")
@click.option("-O", "--out", type=click.Path(path_type=Path), required=True)
@with_session
def sign(  # noqa: PLR0913 - what a credential says
    session: Session,
    *,
    claims: Path,
    list_id: str | None,
    index: int | None,
    url: str | None,
    organisation: str,
    key_file: Path | None,
    out: Path,
) -> None:
    """Sign a credential (W3C VC 2.0, eddsa-jcs-2022); nothing is sent."""
    from hansa.canonical_json import dumps  # noqa: PLC0415
    from hansa.vc.chain import StatusList, list_key, read_state  # noqa: PLC0415
    from hansa.vc.data_integrity import sign_document  # noqa: PLC0415
    from hansa.vc.did_key import did_key  # noqa: PLC0415
    from hansa.vc.model import require_credential  # noqa: PLC0415
    from hansa.vc.status_list import status_entry  # noqa: PLC0415
    from node.clock import wall_ms  # noqa: PLC0415

    document = read_json(f"@{claims}")
    key = signing_key(session, organisation, key_file)
    document.setdefault("issuer", did_key(key.public))
    if list_id is not None:
        if url is None:
            raise click.UsageError("--list needs --url: where its credential will be found")
        with client_of(session, organisation) as client:
            record_of(client, "cred", f"list/{list_id}")
            index = _free_index(client, list_id) if index is None else index
            raw = _raw(client, "cred/" + list_key(list_id))
        assert raw is not None
        document["credentialStatus"] = status_entry(read_state(StatusList, raw), index, url)
    require_credential(document)
    out.write_bytes(dumps(sign_document(document, key, wall_ms())))
    done = {"file": str(out), "list": list_id, "index": index}
    session.printer.done(f"{out}  signed by {organisation}", Result(done))
    place = f" --list {list_id} --index {index}" if list_id is not None else " --list LIST"
    session.printer.next(f"hansa cred log TYPE {out}{place} --as {organisation} --wait")


@cred.command(
    epilog="Example: hansa cred log Licence licence.json --list farm-revoked --index 4711 "
    "--as farm --wait"
)
@click.argument("kind", metavar="TYPE")
@click.argument("credential", type=existing_file)
@click.option("--list", "list_id", required=True, metavar="LIST", help="Where its status stands.")
@click.option("--index", type=click.IntRange(0), help="In the list. Default: at random.")
@click.option("--more", multiple=True, metavar="LIST:INDEX", help="A place in a further list.")
@click.option("--until", type=moment, default=None, help="Its validity's end.")
@click.option("--template", type=click.IntRange(0), default=0, help="Version of the schema.")
@signing_command
def log(  # noqa: PLR0913 - what is said of a credential
    signing: Signing,
    *,
    kind: str,
    credential: Path,
    list_id: str,
    index: int | None,
    more: tuple[str, ...],
    until: int | None,
    template: int,
) -> None:
    """Log a signed credential: its digest and where its statuses stand."""
    secured = read_json(f"@{credential}")
    from hansa.vc.check import credential_digest  # noqa: PLC0415

    with client_for(signing) as client:
        place = _free_index(client, list_id) if index is None else index
        arguments: dict[str, Value] = {
            "type": kind,
            "digest": credential_digest(secured),
            "status_list": list_id,
            "index": place,
            "more": [_place(one) for one in more],
            "valid_until": until or 0,
            "template": template,
        }
        following = f"hansa cred check {credential}"
        document = {"digest": credential_digest(secured).hex(), "list": list_id, "index": place}
        act(signing, client, Act("cred", "log", arguments, (following,), document))


@cred.command(
    epilog="Example: hansa cred status farm-revoked 4711=1 --reason error --as farm --wait"
)
@click.argument("list_id", metavar="LIST")
@click.argument("changes", nargs=-1, required=True, metavar="INDEX=VALUE...")
@click.option("--reason", type=click.Choice(REASONS), default="other", show_default=True)
@signing_command
def status(signing: Signing, *, list_id: str, changes: tuple[str, ...], reason: str) -> None:
    """Change statuses of a list of one's own; a revocation is for ever."""
    parsed: list[Value] = [_change(one) for one in changes]
    with client_for(signing) as client:
        arguments: dict[str, Value] = {
            "list_id": list_id,
            "version": version_of(client, "cred", f"list/{list_id}"),
            "changes": parsed,
            "reason_code": reason,
        }
        following = f"hansa record history cred list/{list_id}"
        act(signing, client, Act("cred", "status", arguments, (following,)))


@cred.command("show", epilog="Example: hansa cred show farm-revoked 4711")
@click.argument("list_id", metavar="LIST")
@click.argument("index", type=click.IntRange(0))
@with_session
def show_(session: Session, *, list_id: str, index: int) -> None:
    """Show what a list says of an index, and the objection to it."""
    with client_of(session) as client:
        found: Any = ask(client, "cred", "status_of", list_id=list_id, index=index)
    show(session, found, f"hansa prove state {found['key']} -O status.proof.json")


@cred.command(
    epilog="Example: hansa cred annotate farm-revoked 4711 disputed --statement why.txt "
    "--due 10d --as carrier --wait"
)
@click.argument("list_id", metavar="LIST")
@click.argument("index", type=click.IntRange(0))
@click.argument("kind", type=click.Choice(["disputed", "corrected", "upheld"]))
@click.option("--statement", type=existing_file, help="What is said; its digest goes there.")
@click.option("--digest", help="Or its SHA-256.")
@click.option(
    "--due", type=moment, default=None, help="When an answer is due, less than 20d. Default: 10d."
)
@signing_command
def annotate(  # noqa: PLR0913 - what a note says
    signing: Signing,
    *,
    list_id: str,
    index: int,
    kind: str,
    statement: Path | None,
    digest: str | None,
    due: int | None,
) -> None:
    """Object to a credential's entry, or answer an objection as the list's owner."""
    name = f"note/{list_id}/{index}"
    with client_for(signing) as client:
        known = client.state(f"cred/{name}").present
        arguments: dict[str, Value] = {
            "list_id": list_id,
            "index": index,
            "version": version_of(client, "cred", name) if known else 0,
            "kind": kind,
            "statement_digest": digest_from(statement, digest, "statement"),
            "due": due or (moment("10d") if kind == "disputed" else 0),
        }
        following = f"hansa record show cred {name}"
        act(signing, client, Act("cred", "annotate", arguments, (following,)))


@cred.command(
    "list",
    epilog="Example: hansa cred list farm-revoked --url https://farm.example/revoked --as farm "
    "-O revoked.json",
)
@click.argument("list_id", metavar="LIST")
@click.option("--url", required=True, help="Where credentials say that it is.")
@click.option("--valid", "valid", type=moment, default="1d", show_default=True, help="Until when.")
@click.option("--as", "organisation", required=True, metavar="ORG", help="Whose list it is.")
@click.option("--key", "key_file", type=click.Path(path_type=Path), help="The key that signs it.")
@click.option("-O", "--out", type=click.Path(path_type=Path), required=True)
@with_session
def list_(  # noqa: PLR0913 - what the list's credential says
    session: Session,
    *,
    list_id: str,
    url: str,
    valid: int,
    organisation: str,
    key_file: Path | None,
    out: Path,
) -> None:
    """Write a list as a signed BitstringStatusListCredential, to be published at its address."""
    from hansa.canonical_json import dumps  # noqa: PLC0415
    from hansa.keys import key_id  # noqa: PLC0415
    from hansa.vc.data_integrity import sign_document  # noqa: PLC0415
    from node.clock import wall_ms  # noqa: PLC0415

    key = signing_key(session, organisation, key_file)
    now = wall_ms()
    with client_of(session, organisation) as client:
        made: Any = ask(
            client, "cred", "list_credential", list_id=list_id, url=url, key=key_id(key.public),
            valid_ms=max(valid - now, 1),
        )  # fmt: skip
    out.write_bytes(dumps(sign_document(made["credential"], key, now)))
    document = {"file": str(out), "list": list_id, "version": made["version"], "url": url}
    session.printer.done(f"{out}  {list_id} as of its version {made['version']}", Result(document))
    session.printer.next(f"hansa cred check CREDENTIAL --list {out}")


@cred.command(epilog="Example: hansa cred check licence.json --list revoked.json")
@click.argument("credential", type=existing_file)
@click.option("--list", "lists", multiple=True, type=existing_file, help="A signed status list.")
@click.option("--at", type=moment, default=None, help="At this time. Default: now.")
@with_session
def check(session: Session, *, credential: Path, lists: tuple[Path, ...], at: int | None) -> None:
    """Ask everything of a credential: form, signature, issuer, period, log, accreditation, status.

    What the chain knows is asked of a node; for strangers who trust none: docs/spec/vc.md, 8.
    """
    from node.clock import wall_ms  # noqa: PLC0415

    secured = read_json(f"@{credential}")
    listed = {}
    for path in lists:
        one = read_json(f"@{path}")
        listed[str(one.get("id"))] = one
    with client_of(session) as client:
        checks = _checks(client, secured, listed, wall_ms() if at is None else at)
    rows: list[dict[str, object]] = [
        {"check": name, "holds": not getattr(checks, name), "why": getattr(checks, name)}
        for name in ("form", "signature", "issuer", "period", "logged", "accredited", "status")
    ]
    rows += [
        {
            "check": one.purpose,
            "holds": one.valid or one.purpose == "message",
            "why": one.message or f"value {one.value}",
        }
        for one in checks.statuses
    ]
    document = {"passed": checks.passed, "checks": rows}
    session.printer.result(Result(document, rows, CHECK_COLUMNS))
    if checks.passed:
        session.printer.say("✓ every answer is good")
        session.printer.next("hansa prove state cred/log/DIGEST -O logged.proof.json")
        return
    bad = ", ".join(str(row["check"]) for row in rows if not row["holds"])
    session.printer.say(f"✗ the credential does not pass: {bad}")
    session.printer.next("hansa cred show LIST INDEX", "hansa cred check --help")
    click.get_current_context().exit(int(ExitCode.NEGATIVE))


def _checks(
    client: "Client", secured: dict[str, Any], lists: dict[str, Any], time: int
) -> "Checks":
    """The answers, with what a node says of the chain."""
    from hansa.vc.chain import (  # noqa: PLC0415
        Accreditation,
        Logged,
        issuer_key,
        log_key,
        read_state,
    )
    from hansa.vc.check import Evidence, check_credential, credential_digest  # noqa: PLC0415

    logged_raw = _raw(client, "cred/" + log_key(credential_digest(secured)))
    logged = None if logged_raw is None else read_state(Logged, logged_raw)
    accreditation = None
    if logged is not None:
        raw = _raw(client, "cred/" + issuer_key(logged.type, logged.controller))
        accreditation = None if raw is None else read_state(Accreditation, raw)
    members: dict[bytes, str] = {}
    for one in (secured, *lists.values()):
        members |= _member_of(client, one)
    evidence = Evidence(lists, members, logged, accreditation)
    return check_credential(secured, evidence, time=time)


def _member_of(client: "Client", secured: dict[str, Any]) -> dict[bytes, str]:
    """The key that a document names and the member behind it; nothing where there is none."""
    from hansa.errors import Rejected  # noqa: PLC0415
    from hansa.keys import key_id  # noqa: PLC0415
    from hansa.vc.did_key import parse_verification_method  # noqa: PLC0415

    proof = secured.get("proof")
    method = proof.get("verificationMethod") if isinstance(proof, dict) else None
    try:
        public = parse_verification_method(str(method))
    except Rejected:
        return {}
    found = client.state(f"org/key/{key_id(public)}").value
    return {public: str(found["member"])} if isinstance(found, dict) else {}


def _raw(client: "Client", key: str) -> bytes | None:
    """The exact bytes under a state key."""
    import base64  # noqa: PLC0415

    found = client.state(key)
    if not found.present:
        return None
    return base64.urlsafe_b64decode(found.raw + "=" * (-len(found.raw) % 4))


def _free_index(client: "Client", list_id: str) -> int:
    """An index at random that is not used: one that grows would tell when it was issued."""
    record: Any = ask(client, "record", "get", contract="cred", id=f"list/{list_id}")
    size = int(record["record"]["size"])
    for _ in range(16):
        index = secrets.randbelow(size)
        found: Any = ask(client, "cred", "status_of", list_id=list_id, index=index)
        if not found["used"]:
            return index
    raise CliError(
        ExitCode.NEGATIVE,
        "cred.full",
        f"no free index in {list_id}",
        "sixteen random ones were used: the list is nearly full",
        "hansa cred open-list OTHER --as ORG",
    )


def _place(text: str) -> dict[str, Value]:
    list_id, _, index = text.rpartition(":")
    if not list_id or not index.isdecimal():
        raise click.BadParameter(f"{text!r}: write LIST:INDEX")
    return {"list_id": list_id, "index": int(index)}


def _change(text: str) -> dict[str, Value]:
    index, _, value = text.partition("=")
    if not index.isdecimal() or not value.isdecimal():
        raise click.BadParameter(f"{text!r}: write INDEX=VALUE, such as 4711=1")
    return {"index": int(index), "value": int(value)}
