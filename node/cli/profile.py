"""`hansa profile list|show|simulate|propose|approve|object|retire`: rules as data.

The ready profiles of the software are known by name: they can be read, tried and proposed without
a file. What is in force on the chain always comes before what only lies ready.
"""

import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from node.cli.act import (
    Act,
    Signing,
    act,
    ask,
    client_for,
    read_json,
    show,
    signing_command,
    version_of,
)
from node.cli.connect import client_of
from node.cli.errors import CliError, ExitCode
from node.cli.options import Session, with_session
from node.cli.output import Column, Result

if TYPE_CHECKING:
    from hansa.client.plain import Client

READY = "ready"
"""State of a profile that comes with the software and that nobody proposed yet."""
LIST_COLUMNS = (
    Column("id", "PROFILE"),
    Column("state", "STATE"),
    Column("label", "WHAT"),
    Column("published_at", "SINCE HEIGHT", "lag"),
    Column("successor", "SUCCESSOR"),
)
LANGUAGES = ("en", "zh")
PAGE = 500


@click.group()
def profile() -> None:
    """List, show, try, propose and decide on profiles: rules as data."""


@profile.command("list", epilog="Example: hansa profile list")
@click.option(
    "--state", type=click.Choice([READY, "proposed", "published", "retired"]), help="Only these."
)
@with_session
def list_(session: Session, *, state: str | None) -> None:
    """List the profiles of the chain, and those that lie ready to be proposed."""
    with client_of(session) as client:
        known = _on_chain(client)
    rows: list[dict[str, object]] = []
    for name in ready_names():
        text = ready_profile(name)
        profile_id = f"{name}@{text['version']}"
        if profile_id not in known:
            known[profile_id] = {"id": profile_id, "state": READY, "published_at": 0}
        known[profile_id]["label"] = text["labels"]["en"]
    rows = [known[one] for one in sorted(known) if state in (None, known[one]["state"])]
    session.printer.result(Result({"profiles": rows}, rows, LIST_COLUMNS))
    session.printer.next("hansa profile show warehouse.receipt --sentences")


@profile.command(
    "show", epilog="Example: hansa profile show warehouse.receipt --sentences --lang zh"
)
@click.argument("name", metavar="NAME[@VERSION]|FILE")
@click.option("--sentences", is_flag=True, help="Print each rule as a sentence.")
@click.option("--lang", type=click.Choice(LANGUAGES), default="en", show_default=True)
@click.option("-O", "--out", type=click.Path(path_type=Path), help="Write its text to a new file.")
@with_session
def show_(session: Session, *, name: str, sentences: bool, lang: str, out: Path | None) -> None:
    """Show a profile of the chain, one that lies ready, or one in a file."""
    found = find(session, name)
    following = _following(found)
    if out is not None:
        with out.open("x", encoding="utf-8") as file:
            file.write(json.dumps(found.text, ensure_ascii=False, indent=2) + "\n")
        session.printer.done(f"{out}  {found.id}", Result({**found.about, "file": str(out)}))
        session.printer.next(f"hansa profile propose {out} --as ORG --wait")
        return
    if not sentences:
        show(session, {**found.about, "profile": found.text}, *following)
        return
    from ledger.machine import decode_profile  # noqa: PLC0415
    from ledger.machine import sentences as said  # noqa: PLC0415

    lines = said(_checked(decode_profile, found.text), lang)
    rows = [{"number": number, "sentence": one} for number, one in enumerate(lines, 1)]
    columns = (Column("number", "", "number"), Column("sentence", f"{found.id} ({found.state})"))
    document = {**found.about, "language": lang, "sentences": list(lines)}
    session.printer.result(Result(document, rows, columns))
    session.printer.next(*following)


@profile.command(
    epilog="Example: hansa profile simulate tag.scan issue --signer farm --record "
    '\'{"controller": "farm", "body": {"brand": "farm", "gateway": "carrier", "tag": '
    '"3b8f0c6f1f6d0d4c1e6a7a0a9a1c5c6f4b0b7a2a9e0d5e6f8c7b6a5948372615"}}\''
)
@click.argument("name", metavar="NAME[@VERSION]|FILE")
@click.argument("action")
@click.option("--asset", default="", help="Try it on this record of the chain.")
@click.option("--record", default="{}", metavar="JSON|@FILE", help="body, controller, state, …")
@click.option("--args", "arguments", default="{}", metavar="JSON|@FILE", help="Of the action.")
@click.option("--signer", "signers", multiple=True, metavar="ORG[:ROLE]", help="Who would sign.")
@with_session
def simulate(  # noqa: PLR0913 - what an action is tried with
    session: Session,
    *,
    name: str,
    action: str,
    asset: str,
    record: str,
    arguments: str,
    signers: tuple[str, ...],
) -> None:
    """Say what an action would do; nothing is sent. Exit 1 when it would be refused."""
    given = read_json(record)
    if signers:
        given["signers"] = [_signer(one) for one in signers]
    args = read_json(arguments)
    found = find(session, name)
    told = _simulated(session, found, (action, given, args), asset)
    if told["ok"]:
        show(session, told, *_following(found))
        return
    fields = told["fields"]
    from node.cli.submit import refusal  # noqa: PLC0415

    raise refusal(str(told["code"]), fields, {"ok": False, "fields": fields})


@profile.command(epilog="Example: hansa profile propose warehouse.receipt --as farm --wait")
@click.argument("name", metavar="FILE|NAME")
@signing_command
def propose(signing: Signing, *, name: str) -> None:
    """Put a profile to the vote: a file of yours, or one that lies ready, by its name."""
    text = text_of(name)
    from ledger.machine import decode_profile  # noqa: PLC0415

    made = _checked(decode_profile, text)
    with client_for(signing) as client:
        following = (f"hansa profile approve {made.id} --as ORG --wait",)
        what = Act("profile", "propose", {"profile": text}, following, {"profile": made.id})
        act(signing.as_member(), client, what)


@profile.command(epilog="Example: hansa profile approve warehouse.receipt@1 --as roastery --wait")
@click.argument("profile_id", metavar="NAME@VERSION")
@signing_command
def approve(signing: Signing, *, profile_id: str) -> None:
    """Vote for what is put to the vote about a profile: its publication, or its end."""
    _decide(signing, "approve", profile_id, {}, f"hansa profile show {profile_id} --sentences")


@profile.command(
    "object",
    epilog="Example: hansa profile object warehouse.receipt@1 --reason 'no insurer' --as carrier",
)
@click.argument("profile_id", metavar="NAME@VERSION")
@click.option("--reason", required=True, help="It stands in the receipt.")
@signing_command
def object_(signing: Signing, *, profile_id: str, reason: str) -> None:
    """Vote against it, and say why."""
    _decide(signing, "object", profile_id, {"reason": reason}, f"hansa profile show {profile_id}")


@profile.command(
    epilog="Example: hansa profile retire recon.bank@1 --successor recon.threeway@1 --as farm"
)
@click.argument("profile_id", metavar="NAME@VERSION")
@click.option("--successor", required=True, metavar="NAME@VERSION", help="What takes its place.")
@click.option("--from-height", type=click.IntRange(0), default=0, help="Default: once decided.")
@signing_command
def retire(signing: Signing, *, profile_id: str, successor: str, from_height: int) -> None:
    """Put the end of a profile to the vote; running records keep it."""
    given = {"successor": successor, "from_height": from_height}
    _decide(
        signing, "retire", profile_id, given, f"hansa profile approve {profile_id} --as ORG --wait"
    )


class Found:
    """A profile that was found.

    Attributes:
        id: ``<name>@<version>``.
        state: of it on the chain, or ``ready``.
        text: its map.
        about: what else is known, for the result.
    """

    def __init__(self, about: Mapping[str, object], text: dict[str, Any]) -> None:
        """Take what the chain or the software says."""
        self.about = dict(about)
        self.id = str(about["id"])
        self.state = str(about["state"])
        self.text = text


def find(session: Session, name: str) -> Found:
    """The profile of that name: in a file, on the chain (the newest version), or ready.

    Raises:
        CliError: 66 when there is none.
    """
    if Path(name).is_file():
        text = read_json("@" + name)
        profile_id = f"{text.get('name')}@{text.get('version')}"
        return Found({"id": profile_id, "state": READY}, text)
    with client_of(session) as client:
        known = sorted(
            (one for one in _on_chain(client) if name in (one, one.partition("@")[0])),
            key=lambda one: int(one.partition("@")[2]),
        )
        if known:
            about = ask(client, "profile", "get", id=known[-1])
            assert isinstance(about, dict)
            found = about.pop("profile")
            assert isinstance(found, dict)
            return Found(about, dict(found))
    text = text_of(name.partition("@")[0])
    profile_id = f"{text['name']}@{text['version']}"
    if "@" in name and name != profile_id:
        raise _no_profile(name)
    return Found({"id": profile_id, "state": READY}, text)


def ready_names() -> list[str]:
    """The names of the profiles that come with the software."""
    places = files("ledger").joinpath("profiles").iterdir()
    return sorted(one.name.removesuffix(".json") for one in places if one.name.endswith(".json"))


def ready_profile(name: str) -> dict[str, Any]:
    """The text of a profile that comes with the software, as a map."""
    place = files("ledger").joinpath("profiles", f"{name}.json")
    text: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
    return text


def text_of(name: str) -> dict[str, Any]:
    """A profile's map from a file, or by the name of one that lies ready.

    Raises:
        CliError: 66 when it is neither.
    """
    if Path(name).is_file():
        return read_json("@" + name)
    if name in ready_names():
        return ready_profile(name)
    raise _no_profile(name)


def _on_chain(client: "Client") -> dict[str, dict[str, Any]]:
    """Every profile of the chain without its text, by id."""
    found: dict[str, dict[str, Any]] = {}
    after = ""
    while True:
        page = ask(client, "profile", "list", after=after, limit=PAGE)
        assert isinstance(page, dict)
        items: Sequence[Any] = page["items"]  # type: ignore[assignment]
        found |= {one["id"]: dict(one) for one in items}
        after = str(page["next"])
        if not after:
            return found


def _simulated(
    session: Session, found: Found, what: tuple[str, dict[str, Any], dict[str, Any]], asset: str
) -> dict[str, Any]:
    """What an action would do: by the node for what is on the chain, here for what is not."""
    action, record, args = what
    if found.state != READY:
        with client_of(session) as client:
            told = ask(
                client, "profile", "simulate", id=found.id, action=action, record=record,
                args=args, asset=asset,
            )  # fmt: skip
        assert isinstance(told, dict)
        return told
    if asset:
        raise CliError(
            ExitCode.USAGE,
            "profile.not-on-chain",
            f"{found.id} governs no record",
            "it only lies ready",
            f"hansa profile propose {found.id.partition('@')[0]} --as ORG",
        )
    from ledger.machine import decode_profile  # noqa: PLC0415
    from ledger.machine import simulate as tried  # noqa: PLC0415

    made = _checked(decode_profile, found.text)
    return dict(_checked(lambda given: tried(made, given, action, args), record))


def _checked(function: Any, given: Any) -> Any:  # noqa: ANN401 - one function of the ledger or another
    """What a function of the ledger gives; its refusal as an error of the command line."""
    from ledger.contract import Refused  # noqa: PLC0415
    from node.cli.submit import refusal  # noqa: PLC0415

    try:
        return function(given)
    except Refused as refused:
        raise refusal(refused.code, refused.fields, {"fields": refused.fields}) from refused


def _decide(
    signing: Signing, method: str, profile_id: str, given: Mapping[str, Any], following: str
) -> None:
    with client_for(signing) as client:
        version = version_of(client, "profile", profile_id)
        arguments = {"id": profile_id, "version": version, **given}
        what = Act("profile", method, arguments, (following,), {"profile": profile_id})
        act(signing.as_member(), client, what)


def _following(found: Found) -> tuple[str, ...]:
    """What one does next with a profile in this state."""
    name = found.id.partition("@")[0]
    return {
        READY: (f"hansa profile propose {name} --as ORG --wait",),
        "proposed": (f"hansa profile approve {found.id} --as ORG --wait",),
        "published": (f"hansa record history profile {found.id}",),
    }.get(found.state, (f"hansa record history profile {found.id}",))


def _signer(text: str) -> dict[str, object]:
    member, _, role = text.partition(":")
    return {"member": member, "roles": [role] if role else []}


def _no_profile(name: str) -> CliError:
    return CliError(
        ExitCode.NOT_FOUND,
        "profile.not-found",
        f"no profile {name}",
        "it is no file, not on the chain, and none that lies ready",
        "hansa profile list",
    )
