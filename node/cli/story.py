"""`hansa story list|run`: the twelve stories, played on a running network."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from node.cli.connect import client_of
from node.cli.errors import CliError, ExitCode
from node.cli.homes import network_of
from node.cli.options import Session, with_session
from node.cli.output import Column, Result
from node.clock import monotonic_ms
from node.network import TRUST_FILE

if TYPE_CHECKING:
    from node.stories.run import Played, Theatre
    from node.stories.stage import Story

LIST_COLUMNS = (
    Column("name", "STORY"),
    Column("zh", "标题"),
    Column("en", "TITLE"),
    Column("organisations", "ORGANISATIONS"),
    Column("frauds", "FRAUDS"),
)
RUN_COLUMNS = (
    Column("name", "STORY"),
    Column("outcome", "OUTCOME"),
    Column("steps", "STEPS", "number"),
    Column("refused", "REFUSED"),
    Column("proofs", "PROOFS", "number"),
    Column("folder", "FOLDER"),
)


@click.group()
def story() -> None:
    """Play the stories: what organisations do together, and the frauds that are refused."""


@story.command("list", epilog="Example: hansa story list -o json")
@with_session
def story_list(session: Session) -> None:
    """List the stories: titles, organisations, and each fraud with the code that refuses it."""
    from node.stories import stories  # noqa: PLC0415 - loads the SDK

    found = [_described(one) for one in stories("all")]
    rows = [
        {
            "name": one.name,
            "zh": one.title["zh"],
            "en": one.title["en"],
            "organisations": ", ".join(party.en for party in one.organisations),
            "frauds": "; ".join(f"{code} {what}" for what, code in one.frauds.items()),
        }
        for one in stories("all")
    ]
    session.printer.result(Result({"stories": found}, rows, LIST_COLUMNS))
    session.printer.next(f"hansa story run {rows[0]['name']}", "hansa story run all")


@story.command("run", epilog="Example: hansa story run receipt --to proofs -o json")
@click.argument("name", metavar="NAME|all")
@click.option(
    "--to",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where proof files go. Default: stories/NAME-TAG in the network's directory",
)
@with_session
def story_run(session: Session, *, name: str, folder: Path | None) -> None:
    """Play a story, or all of them, on the network in --home; exit 1 if one fails.

    The members' keys must lie there, as in a demo's directory: organisations, profiles and
    accreditations that are missing are voted in first, and their keys kept.
    """
    from node.stories import stories  # noqa: PLC0415 - cryptography
    from node.stories.run import run  # noqa: PLC0415

    chosen = stories(name)
    started = monotonic_ms()
    theatre = _theatre(session, folder, alone=name != "all")
    played = run(theatre, chosen)
    document = {
        "stories": [_told(one) for one in played],
        "trust": str(theatre.home / TRUST_FILE),
        "elapsed_s": round((monotonic_ms() - started) / 1_000, 1),
    }
    failures = [one for one in played if one.account.failure]
    if failures:
        raise CliError(
            ExitCode.NEGATIVE,
            "story.failed",
            f"{len(failures)} of {len(played)} stories did not go as told",
            failures[0].account.failure,
            "hansa tx show TX shows the last transaction of a story; hansa status the network",
            notes=tuple(one.account.failure for one in failures[1:]),
            fields=document,
        )
    refused = sum(len(one.account.refused) for one in played)
    proofs = sum(len(one.account.proofs) for one in played)
    session.printer.done(
        f"{len(played)} {'story' if len(played) == 1 else 'stories'}, "
        f"{refused} frauds refused, {proofs} proofs, in {document['elapsed_s']} s",
        Result(document, [_row(one) for one in played], RUN_COLUMNS),
    )
    first = next(path for one in played for path in one.account.proofs)
    session.printer.next(f"hansa verify {first} --trust {theatre.home / TRUST_FILE}")


def _theatre(session: Session, folder: Path | None, *, alone: bool) -> "Theatre":
    """The network in the session's directory, through `--api` or its first node that answers."""
    from hansa.trust import decode_trust  # noqa: PLC0415
    from node.stories.run import Theatre  # noqa: PLC0415

    home, network = network_of(session)
    with client_of(session) as client:
        status = client.status()
        api = client.base_url
    if status.chain_id != network.chain_id:
        raise CliError(
            ExitCode.USAGE,
            "story.network",
            "no story was played",
            f"{api} is of {status.chain_id}, {home} of {network.chain_id}",
            "name both of one network: --home DIR --api URL",
        )
    return Theatre(
        api=api,
        home=home,
        development=network.development_keys,
        trust=decode_trust((home / TRUST_FILE).read_bytes()),
        folder=folder,
        alone=alone,
        tell=session.printer.say,
    )


def _described(one: "Story") -> dict[str, object]:
    return {
        "name": one.name,
        "title": dict(one.title),
        "organisations": [
            {"name": party.name, "names": dict(party.names), party.scheme: party.number}
            for party in one.organisations
        ],
        "profiles": list(one.profiles),
        "frauds": [{"what": what, "code": code} for what, code in one.frauds.items()],
    }


def _told(one: "Played") -> dict[str, object]:
    account = one.account
    return {
        "name": one.story.name,
        "title": dict(one.story.title),
        "ok": not account.failure,
        "failure": account.failure,
        "steps": account.steps,
        "refused": account.refused,
        "proofs": account.proofs,
        "folder": str(one.folder),
    }


def _row(one: "Played") -> dict[str, object]:
    account = one.account
    return {
        "name": one.story.name,
        "outcome": account.failure or "as told",
        "steps": len(account.steps),
        "refused": " ".join(str(each["code"]) for each in account.refused),
        "proofs": len(account.proofs),
        "folder": str(one.folder),
    }
