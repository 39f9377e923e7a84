"""Folders and CSV tables of documents as `doc.register`; the content stays where it is.

The promise: what goes on the chain is the SHA-256 of each file, computed while it is read, and
what the table says about it.
"""

import hashlib
import mimetypes
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hansa.bulk.rows import ROWS_MAX, Failed, Row, failed, read_table
from hansa.calls import doc
from hansa.epcis.values import parse_time
from hansa.errors import Rejected

CHUNK_BYTES = 1024 * 1024
DIGITS_MAX = 18
"""Of a number: those that fit 64 bits; Python refuses to read some thousands."""
META = "meta."
COLUMNS = frozenset(
    {"file", "id", "digest", "size", "media_type", "kind", "needs", "threshold", "about",
     "retain_until"}
)  # fmt: skip
"""The columns; further ones begin with `META`. ``file`` is relative to the table."""


@dataclass(frozen=True, slots=True)
class Defaults:
    """What holds for every document of which a table says nothing else.

    Attributes:
        owner: the member that registers; ids are ``<owner>:<digest>``.
        kind: such as ``waybill``.
        needs: members that have to sign.
        threshold: how many of them; None: all.
    """

    owner: str
    kind: str = ""
    needs: tuple[str, ...] = ()
    threshold: int | None = None


def folder_rows(folder: Path, defaults: Defaults) -> Iterator[Row | Failed]:
    """Each file under a folder, in the order of their names; hidden ones are left out.

    Links are not followed. Rows are numbered from 1.

    Raises:
        Rejected: ``import.rows``: more than `ROWS_MAX` files.
    """
    for number, path in enumerate(_files(folder), 1):
        if number > ROWS_MAX:
            raise Rejected("import.rows", f"{folder} holds more than {ROWS_MAX} files")
        try:
            yield _row(number, path, {}, defaults)
        except OSError as error:
            yield Failed(number, str(path), "import.file", f"{path}: {error.strerror}", {})
        except Rejected as error:
            yield failed(number, error)


def table_rows(table: Path, defaults: Defaults) -> Iterator[Row | Failed]:
    """Each row of a table of documents.

    Raises:
        Rejected: ``import.*``: the table cannot be read.
    """
    for number, cells in read_table(table, COLUMNS, (META,)):
        try:
            path = _beside(table, cells["file"]) if "file" in cells else None
            yield _row(number, path, cells, defaults)
        except OSError as error:
            said = f"file: {cells['file']}: {error.strerror}"
            yield Failed(number, cells["file"], "import.file", said, {"field": "file"})
        except Rejected as error:
            yield failed(number, error)


def _beside(table: Path, name: str) -> Path:
    """The file of a row: below the table's folder, whoever wrote the table.

    Raises:
        Rejected: ``import.cell``: it lies elsewhere, or is a pipe or a device without an end.
    """
    path = table.parent / name
    if "\0" in name or not path.resolve().is_relative_to(table.parent.resolve()):
        raise Rejected(
            "import.cell", f"file: {name[:80]!r} is not below the table's folder", "move it there"
        )
    if path.exists() and not path.is_file():
        raise Rejected("import.cell", f"file: {name[:80]!r} is no file")
    return path


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.is_symlink():
            continue
        if path.is_dir():
            yield from _files(path)
        elif path.is_file():
            yield path


def _row(number: int, path: Path | None, cells: dict[str, str], defaults: Defaults) -> Row:
    digest, size = _digest(path, cells)
    name = cells.get("id") or f"{defaults.owner}:{digest.hex()}"
    needs = cells["needs"].split() if "needs" in cells else [*defaults.needs]
    threshold = len(needs) if defaults.threshold is None else defaults.threshold
    guessed = mimetypes.guess_type(path.name)[0] if path is not None else None
    meta = {
        column.removeprefix(META): cell for column, cell in cells.items() if column.startswith(META)
    }
    call = doc.register(
        id=name,
        digest=digest,
        size=size,
        media_type=cells.get("media_type") or guessed or "application/octet-stream",
        kind=cells.get("kind", defaults.kind),
        signers_needed=[{"member": member} for member in needs] or None,
        threshold=_natural("threshold", cells.get("threshold"), threshold) or None,
        about=_words(cells.get("about")),
        meta=meta or None,
        retain_until=_moment(cells.get("retain_until")),
    )
    return Row(number, f"{name} {digest.hex()}", call)


def _digest(path: Path | None, cells: dict[str, str]) -> tuple[bytes, int]:
    """Digest and size: of the file, or as the row says where there is no file.

    Raises:
        Rejected: ``import.cell``: neither is given, or they contradict each other.
    """
    said = cells.get("digest")
    if path is None:
        if said is None:
            raise Rejected("import.cell", "file: nothing is named", "give a file or a digest")
        return _hex(said), _natural("size", cells.get("size"), 0)
    hashed, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            hashed.update(chunk)
            size += len(chunk)
    digest = hashed.digest()
    if said is not None and _hex(said) != digest:
        raise Rejected("import.cell", f"digest: {said} is not that of {path}: {digest.hex()}")
    if "size" in cells and _natural("size", cells["size"], 0) != size:
        raise Rejected("import.cell", f"size: {cells['size']} is not that of {path}: {size}")
    return digest, size


def _hex(text: str) -> bytes:
    try:
        digest = bytes.fromhex(text)
    except ValueError:
        digest = b""
    if len(digest) != hashlib.sha256().digest_size:
        raise Rejected("import.cell", f"digest: {text[:80]} is no SHA-256", "64 hex digits")
    return digest


def _natural(column: str, text: str | None, otherwise: int) -> int:
    if text is None:
        return otherwise
    if not (text.isascii() and text.isdecimal() and len(text) <= DIGITS_MAX):
        raise Rejected("import.cell", f"{column}: {text[:80]} is no whole number")
    return int(text)


def _moment(text: str | None) -> int | None:
    """A time with its zone in ms."""
    if text is None:
        return None
    try:
        return parse_time(text)
    except Rejected as error:
        raise Rejected("import.cell", f"retain_until: {error.detail}", error.hint) from error


def _words(text: str | None) -> Sequence[str] | None:
    return text.split() if text else None
