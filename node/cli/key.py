"""`hansa key new|list|export|import`: key files of people, services and nodes."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from node.cli.errors import CliError, ExitCode
from node.cli.homes import home_of
from node.cli.options import Session, with_session
from node.cli.output import Column, Result
from node.cli.passphrase import new_passphrase

if TYPE_CHECKING:
    from hansa.keyfile import Purpose

COLUMNS = (
    Column("name", "NAME"),
    Column("purpose", "PURPOSE"),
    Column("public", "PUBLIC KEY"),
    Column("key_id", "KEY ID"),
    Column("dev", "DEVELOPMENT"),
    Column("file", "FILE"),
)
PURPOSES = ("user", "member", "validator", "transport")


@click.group()
def key() -> None:
    """Make, list, export and import keys."""


@key.command("new")
@click.argument("name")
@click.option("--purpose", type=click.Choice(PURPOSES), default="user", show_default=True)
@click.option("--dev", is_flag=True, help="No passphrase: for tests alone, flagged in the file.")
@click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path),
    help="Its first line is the passphrase. [env var: HANSA_PASSPHRASE]",
)
@with_session
def new(
    session: Session,
    *,
    name: str,
    purpose: "Purpose",
    dev: bool,
    passphrase_file: Path | None,
) -> None:
    """Make a key in the directory's keys, or in the file that NAME is."""
    from hansa.keyfile import create_dev_key_file, create_key_file  # noqa: PLC0415
    from hansa.signing import SigningKey  # noqa: PLC0415

    path = _path_of(session, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    made = SigningKey.generate()
    if dev:
        create_dev_key_file(path, made, purpose)
    else:
        words = new_passphrase(passphrase_file, no_input=session.no_input)
        create_key_file(path, made, purpose, words)
    row = _row(path)
    session.printer.done(f"key made  {row['public']}  {path}", Result(row, columns=COLUMNS))
    session.printer.next(f"hansa key export {name}")


@key.command("list")
@with_session
def list_keys(session: Session) -> None:
    """List the keys of a network, a node or a directory."""
    home = home_of(session)
    found = sorted({*home.glob("keys/*.json"), *home.glob("*/keys/*.json"), *_of_members(home)})
    rows = [_row(path) for path in found]
    session.printer.result(Result({"keys": rows}, rows, COLUMNS))


@key.command("export")
@click.argument("name")
@click.option("-O", "--out", type=click.Path(path_type=Path), help="Copy the key file here.")
@with_session
def export(session: Session, name: str, out: Path | None) -> None:
    """Show a public key; with -O copy the whole key file, encrypted as it is."""
    path = _path_of(session, name)
    row = _row(path)
    if out is not None:
        _copy(path, out)
        session.printer.done(f"copied {path} to {out}", Result({**row, "copy": str(out)}))
        return
    session.printer.result(Result(row, columns=COLUMNS, text=str(row["public"])))


@key.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", help="Its name here. Default: that of the file.")
@with_session
def import_key(session: Session, file: Path, name: str | None) -> None:
    """Copy a key file into the directory's keys; it stays encrypted as it is."""
    _row(file)
    path = home_of(session) / "keys" / f"{name or file.stem}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    _copy(file, path)
    session.printer.done(f"imported {path}", Result(_row(path), columns=COLUMNS))
    session.printer.next("hansa key list")


def _path_of(session: Session, name: str) -> Path:
    """NAME is a file where it looks like one, otherwise a key of the directory."""
    if "/" in name or name.endswith(".json"):
        return Path(name)
    return home_of(session) / "keys" / f"{name}.json"


def _of_members(home: Path) -> list[Path]:
    return list(home.glob("members/*/keys/*.json"))


def _row(path: Path) -> dict[str, object]:
    from hansa.keyfile import read_public_key  # noqa: PLC0415
    from hansa.keys import key_id, public_key_text  # noqa: PLC0415

    public, purpose, dev = read_public_key(path)
    return {
        "name": path.stem,
        "purpose": purpose,
        "public": public_key_text(public),
        "key_id": key_id(public),
        "dev": dev,
        "file": str(path),
    }


def _copy(source: Path, target: Path) -> None:
    """Copy a key file without ever overwriting one or opening it to others."""
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise CliError(
            ExitCode.EXISTS,
            "key.exists",
            "the key was not copied",
            f"{target} exists; a key is never overwritten",
            "give another path, or move the file away",
        ) from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(source.read_bytes())
