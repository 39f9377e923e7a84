"""`hansa grant …`: data for others: catalogue, agreement, delivery, use, consent, erasure.

Data never goes onto the chain: files are read here, and their digests go there.
"""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hansa.encoding import Value
from node.cli.act import (
    Act,
    Signing,
    act,
    ask,
    client_for,
    digest_from,
    digest_of,
    existing_file,
    moment,
    record_of,
    show,
    signing_command,
    version_of,
)
from node.cli.connect import chain_id_of, client_of
from node.cli.errors import CliError, ExitCode
from node.cli.options import Session, duration, with_session

if TYPE_CHECKING:
    from hansa.signing import SigningKey

DAY_MS = 24 * 3600 * 1000
STEPS = ("REQUESTED", "STARTED", "SUSPENDED", "COMPLETED", "TERMINATED")


@click.group()
def grant() -> None:
    """Offer data, agree on it, deliver it, consent to its use and end that."""


@grant.command(epilog="Example: hansa grant publish prices --file prices.json --as farm --wait")
@click.argument("dataset")
@click.option("--file", type=existing_file, help="Its descriptor; its digest goes on the chain.")
@click.option("--digest", help="Or the descriptor's SHA-256.")
@click.option(
    "--class",
    "sharing",
    type=click.Choice(["open", "conditional", "closed"]),
    default="conditional",
    show_default=True,
)
@click.option("--purpose", "purposes", multiple=True, help="Permitted ones. Default: any.")
@click.option("--until", type=moment, default=None, help="Last end of an agreement: 2027-12-31.")
@click.option("--consent", "by_consent", is_flag=True, help="Every use needs a live consent.")
@click.option("--authority", metavar="ORG", help="Answers when the owner is silent.")
@click.option("--answer", type=duration, default="10d", show_default=True, help="Time to answer.")
@signing_command
def publish(  # noqa: PLR0913 - what an entry of the catalogue says
    signing: Signing,
    *,
    dataset: str,
    file: Path | None,
    digest: str | None,
    sharing: str,
    purposes: tuple[str, ...],
    until: int | None,
    by_consent: bool,
    authority: str | None,
    answer: int,
) -> None:
    """Put a dataset into the catalogue."""
    policy: dict[str, Value] = {
        "purposes": [*purposes],
        "until": until or 0,
        "consent": by_consent,
    }
    arguments: dict[str, Value] = {
        "id": dataset,
        "descriptor_digest": digest_from(file, digest, "file"),
        "class": sharing,
        "policy": policy,
        "answer_ms": answer,
        "authority": authority,
    }
    following = f"hansa grant request AGREEMENT --dataset {dataset} --purpose P --as ORG --wait"
    with client_for(signing) as client:
        act(signing, client, Act("grant", "publish", arguments, (following,)))


@grant.command(
    epilog="Example: hansa grant request a-1 --dataset prices --purpose audit --basis contract "
    "--until 30d --terms terms.txt --as roastery --wait"
)
@click.argument("agreement")
@click.option("--dataset", required=True)
@click.option("--purpose", required=True, help="A code, such as audit.")
@click.option(
    "--basis",
    type=click.Choice(["consent", "contract", "law", "public-interest"]),
    default="contract",
    show_default=True,
)
@click.option("--until", type=moment, default="30d", show_default=True, help="End of the use.")
@click.option("--terms", type=existing_file, help="The offered terms; their digest goes there.")
@click.option("--digest", help="Or their SHA-256.")
@click.option("--consent", "consent_id", help="The consent that it rests on.")
@click.option("--consumer", metavar="ORG", help="Offer it first, as the owner, to this member.")
@click.option("--again", is_flag=True, help="Ask again after an offer.")
@signing_command
def request(  # noqa: PLR0913 - what a request says
    signing: Signing,
    *,
    agreement: str,
    dataset: str,
    purpose: str,
    basis: str,
    until: int,
    terms: Path | None,
    digest: str | None,
    consent_id: str | None,
    consumer: str | None,
    again: bool,
) -> None:
    """Ask for a dataset; with --again on other terms."""
    with client_for(signing) as client:
        arguments: dict[str, Value] = {
            "id": agreement,
            "dataset": dataset,
            "offer": digest_from(terms, digest, "terms"),
            "purpose": purpose,
            "legal_basis": basis,
            "until": until,
            "consent": consent_id,
            "consumer": consumer,
            "version": version_of(client, "grant", f"agreement/{agreement}") if again else None,
        }
        following = f"hansa grant decide {agreement} agree --as OWNER --wait"
        act(signing, client, Act("grant", "request", arguments, (following,)))


@grant.command(epilog="Example: hansa grant decide a-1 agree --terms terms.txt --as farm --wait")
@click.argument("agreement")
@click.argument("decision", type=click.Choice(["offer", "agree", "refuse"]))
@click.option("--terms", type=existing_file, help="Those on the table, or those of an offer.")
@click.option("--digest", help="Or their SHA-256.")
@click.option("--reason", default="", help="Of a refusal.")
@signing_command
def decide(  # noqa: PLR0913 - what a decision says
    signing: Signing,
    *,
    agreement: str,
    decision: str,
    terms: Path | None,
    digest: str | None,
    reason: str,
) -> None:
    """Answer a request as the owner: offer other terms, agree, or refuse."""
    given = terms is not None or digest is not None
    arguments: dict[str, Value] = {
        "decision": decision,
        "terms_digest": digest_from(terms, digest, "terms") if given else None,
        "reason": reason,
    }
    following = {
        "offer": f"hansa grant accept {agreement} --as CONSUMER --wait",
        "agree": f"hansa grant verify {agreement} --as CONSUMER --wait",
        "refuse": f"hansa grant show {agreement}",
    }[decision]
    _step(signing, agreement, "decide", arguments, following)


@grant.command(epilog="Example: hansa grant accept a-1 --as roastery --wait")
@click.argument("agreement")
@signing_command
def accept(signing: Signing, *, agreement: str) -> None:
    """Take what the owner offers."""
    following = f"hansa grant decide {agreement} agree --as OWNER --wait"
    _step(signing, agreement, "accept", {}, following)


@grant.command(epilog="Example: hansa grant verify a-1 --as roastery --wait")
@click.argument("agreement")
@signing_command
def verify(signing: Signing, *, agreement: str) -> None:
    """Say as the consumer that the agreement reads as it was meant."""
    following = f"hansa grant finalize {agreement} --as OWNER --wait"
    _step(signing, agreement, "verify", {}, following)


@grant.command(epilog="Example: hansa grant finalize a-1 --as farm --wait")
@click.argument("agreement")
@signing_command
def finalize(signing: Signing, *, agreement: str) -> None:
    """Put an agreement in force as the owner."""
    following = f"hansa grant transfer {agreement} REQUESTED --as CONSUMER --wait"
    _step(signing, agreement, "finalize", {}, following)


@grant.command(epilog="Example: hansa grant terminate a-1 --reason 'not needed' --as farm --wait")
@click.argument("agreement")
@click.option("--reason", required=True, help="It stands in the record.")
@signing_command
def terminate(signing: Signing, *, agreement: str, reason: str) -> None:
    """End a negotiation as one of its parties; what is in force ends with its time."""
    following = f"hansa grant show {agreement}"
    _step(signing, agreement, "terminate", {"reason": reason}, following)


@grant.command(epilog="Example: hansa grant transfer a-1 REQUESTED --as roastery --wait")
@click.argument("agreement")
@click.argument("to", type=click.Choice(STEPS))
@click.option("--reason", default="")
@signing_command
def transfer(signing: Signing, *, agreement: str, to: str, reason: str) -> None:
    """Move a transfer: request, start, suspend, complete or terminate it."""
    sealed = f"hansa vault seal FILE --to CONSUMER --about {agreement} --as OWNER -O BLOB"
    following = sealed if to in STEPS[:2] else f"hansa grant show {agreement}"
    _step(signing, agreement, "transfer", {"to": to, "reason": reason}, following)


@grant.command(
    epilog="Example: hansa grant deliver a-1 --file prices.sealed --where vault "
    "--wrap 41f3d2c5b6a79880=9f2c…e1 --as farm --wait"
)
@click.argument("agreement")
@click.option("--blob", type=existing_file, help="A sealed blob of the vault: it says the rest.")
@click.option("--file", type=existing_file, help="Or any encrypted file; its digest goes there.")
@click.option("--where", help="Where it lies; only the hash of this text goes there.")
@click.option(
    "--wrap", "wraps", multiple=True, metavar="KEY_ID=HEX", help="Its key, for one of theirs."
)
@click.option("--alg", default="x25519-sealedbox", show_default=True, help="Of the wraps.")
@signing_command
def deliver(  # noqa: PLR0913 - what a delivery says
    signing: Signing,
    *,
    agreement: str,
    blob: Path | None,
    file: Path | None,
    where: str | None,
    wraps: tuple[str, ...],
    alg: str,
) -> None:
    """Hand data over: what it is, where it lies, and its key for the consumer alone."""
    with client_for(signing) as client:
        found = ask(client, "grant", "get", id=agreement, limit=1)
        assert isinstance(found, dict)
        standing = found.get("agreement")
        if not isinstance(standing, dict):
            raise _no_agreement(agreement)
        seq = standing["seq"]
        assert isinstance(seq, int)
        content: dict[str, Value]
        if blob is not None:
            content = _from_blob(blob, str(standing["consumer"]))
        elif file is not None and where is not None and wraps:
            content = {
                "digest": digest_of(file),
                "where_commit": hashlib.sha256(where.encode()).digest(),
                "wraps": [_wrap(one, alg) for one in wraps],
            }
        else:
            raise click.UsageError("give --blob FILE, or --file, --where and --wrap")
        version = version_of(client, "grant", f"agreement/{agreement}")
        arguments: dict[str, Value] = {
            "id": agreement, "version": version, "seq": seq + 1, **content,
        }  # fmt: skip
        following = f"hansa grant used {agreement} --n 1 --receipts FILE --as ORG --wait"
        act(signing, client, Act("grant", "deliver", arguments, (following,)))


@grant.command(
    epilog="Example: hansa grant used a-1 --n 3 --receipts receipts.txt --as roastery --wait"
)
@click.argument("agreement")
@click.option("--n", "count", type=click.IntRange(0), required=True, help="Uses in the window.")
@click.option("--receipts", type=existing_file, help="What proves them; its digest goes there.")
@click.option("--digest", help="Or its SHA-256.")
@click.option("--from", "start", type=moment, help="Window's begin. Default: the agreement's.")
@click.option("--to", "end", type=moment, help="Window's end, not in it. Default: the last block.")
@signing_command
def used(  # noqa: PLR0913 - what a word about use says
    signing: Signing,
    *,
    agreement: str,
    count: int,
    receipts: Path | None,
    digest: str | None,
    start: int | None,
    end: int | None,
) -> None:
    """Say as one side how often data was used in a window; both sides' words are compared."""
    with client_for(signing) as client:
        if start is None:
            since = record_of(client, "grant", f"agreement/{agreement}").get("finalized_at", 0)
            assert isinstance(since, int)
            start = since
        if end is None:
            end = client.status().block_time or 0
        window = f"use/{agreement}/{start}-{end}"
        known = client.state(f"grant/{window}")
        arguments: dict[str, Value] = {
            "id": agreement,
            "n": count,
            "receipt_digest": digest_from(receipts, digest, "receipts"),
            "at_window": {"start": start, "end": end},
            "version": version_of(client, "grant", window) if known.present else None,
        }
        same = f"--from {start} --to {end}"
        following = f"hansa grant used {agreement} --n N --receipts FILE {same} --as OTHER --wait"
        act(signing, client, Act("grant", "used", arguments, (following,)))


@grant.command(
    epilog="Example: hansa grant consent c-1 --subject-key keys/anna.json --controller farm "
    "--purpose audit --scope scope.txt --until 30d --as farm --wait"
)
@click.argument("consent_id", metavar="ID")
@click.option(
    "--subject-key", type=existing_file, required=True, help="A key of the person, for this alone."
)
@click.option("--controller", required=True, metavar="ORG", help="Who may use the data.")
@click.option("--purpose", required=True)
@click.option("--scope", type=existing_file, help="What it covers; its digest goes there.")
@click.option("--digest", help="Or its SHA-256.")
@click.option("--until", type=moment, default="365d", show_default=True)
@signing_command
def consent(  # noqa: PLR0913 - what a consent says
    signing: Signing,
    *,
    consent_id: str,
    subject_key: Path,
    controller: str,
    purpose: str,
    scope: Path | None,
    digest: str | None,
    until: int,
) -> None:
    """Put a person's signed consent on the chain; of the person it says nothing."""
    from hansa.consent import consent_digest, subject_of  # noqa: PLC0415 - cryptography

    key = _subject_key(signing.session, subject_key)
    scope_digest = digest_from(scope, digest, "scope")
    with client_for(signing) as client:
        chain_id = chain_id_of(signing.session, client)
        subject = subject_of(key.public)
        message = consent_digest(
            chain_id, consent_id, subject, controller, purpose, scope_digest, until
        )
        arguments: dict[str, Value] = {
            "id": consent_id,
            "subject": subject,
            "controller": controller,
            "purpose": purpose,
            "scope_digest": scope_digest,
            "until": until,
            "key": key.public,
            "signature": key.sign(message),
        }
        following = f"hansa grant withdraw {consent_id} --subject-key {subject_key} --as ORG"
        document = {"subject": subject.hex()}
        act(signing, client, Act("grant", "consent", arguments, (following,), document))


@grant.command(
    epilog="Example: hansa grant withdraw c-1 --subject-key keys/anna.json --as farm --wait"
)
@click.argument("consent_id", metavar="ID")
@click.option("--subject-key", type=existing_file, required=True, help="The key that consented.")
@signing_command
def withdraw(signing: Signing, *, consent_id: str, subject_key: Path) -> None:
    """Take a consent back, with the key that gave it; what rests on it ends at once."""
    from hansa.consent import withdrawal_digest  # noqa: PLC0415 - cryptography

    key = _subject_key(signing.session, subject_key)
    with client_for(signing) as client:
        message = withdrawal_digest(chain_id_of(signing.session, client), consent_id)
        arguments: dict[str, Value] = {
            "id": consent_id,
            "version": version_of(client, "grant", f"consent/{consent_id}"),
            "key": key.public,
            "signature": key.sign(message),
        }
        following = f"hansa grant erased {consent_id} --scope FILE --as CONTROLLER --wait"
        act(signing, client, Act("grant", "withdraw", arguments, (following,)))


@grant.command(
    epilog="Example: hansa grant erased a-1 --scope scope.txt --method delete --as roastery --wait"
)
@click.argument("about", metavar="AGREEMENT|CONSENT")
@click.option("--scope", type=existing_file, help="What is gone; its digest goes there.")
@click.option("--digest", help="Or its SHA-256.")
@click.option(
    "--method",
    type=click.Choice(["delete", "overwrite", "key-destroyed"]),
    default="delete",
    show_default=True,
)
@signing_command
def erased(
    signing: Signing, *, about: str, scope: Path | None, digest: str | None, method: str
) -> None:
    """Declare as a holder that data are gone."""
    arguments: dict[str, Value] = {
        "id": about,
        "holder": signing.organisation,
        "scope_digest": digest_from(scope, digest, "scope"),
        "method": method,
    }
    with client_for(signing) as client:
        act(signing, client, Act("grant", "erased", arguments, (f"hansa grant show {about}",)))


@grant.command("show", epilog="Example: hansa grant show a-1")
@click.argument("name", metavar="ID")
@with_session
def show_(session: Session, *, name: str) -> None:
    """Show what has this id: an agreement with deliveries and uses, a dataset, a consent."""
    with client_of(session) as client:
        found = ask(client, "grant", "get", id=name)
    assert isinstance(found, dict)
    kind = next(one for one in ("agreement", "dataset", "consent", "correction") if one in found)
    show(session, found, f"hansa record history grant {kind}/{name}")


def _step(
    signing: Signing, agreement: str, method: str, given: dict[str, Value], following: str
) -> None:
    """One step of an agreement, on the version that stands."""
    with client_for(signing) as client:
        version = version_of(client, "grant", f"agreement/{agreement}")
        arguments = {"id": agreement, "version": version, **given}
        act(signing, client, Act("grant", method, arguments, (following,)))


def _from_blob(path: Path, consumer: str) -> dict[str, Value]:
    """What a sealed blob says of itself: its id, where it is kept, its key for the consumer."""
    from hansa.seal import read_header, where_commit  # noqa: PLC0415 - cryptography

    blob = path.read_bytes()
    digest = hashlib.sha256(blob).digest()
    wraps: list[Value] = [
        {"to_key_id": one.to_key_id, "alg": one.alg, "ek": one.ek}
        for one in read_header(blob).wraps
        if one.member == consumer
    ]
    if not wraps:
        raise CliError(
            ExitCode.BAD_INPUT,
            "grant.wrap",
            f"{path} cannot be delivered to {consumer}",
            "no key of theirs can open it",
            f"seal it for {consumer}",
        )
    return {"digest": digest, "where_commit": where_commit(digest), "wraps": wraps}


def _wrap(text: str, alg: str) -> dict[str, Value]:
    key_id, _, digits = text.partition("=")
    try:
        return {"to_key_id": key_id, "alg": alg, "ek": bytes.fromhex(digits)}
    except ValueError as error:
        raise click.BadParameter(f"{text!r}: write KEY_ID=HEX") from error


def _subject_key(session: Session, path: Path) -> "SigningKey":
    """The private key of a person, from a key file."""
    from hansa.keyfile import open_key_file, read_public_key  # noqa: PLC0415 - cryptography
    from node.cli.passphrase import old_passphrase  # noqa: PLC0415

    _, _, development = read_public_key(path)
    words = None if development else old_passphrase(None, str(path), no_input=session.no_input)
    return open_key_file(path, words).key if words is not None else open_key_file(path).key


def _no_agreement(name: str) -> CliError:
    return CliError(
        ExitCode.NOT_FOUND,
        "grant.not-found",
        f"no agreement {name}",
        "something else has this id",
        f"hansa grant show {name}",
    )
