"""The folder of an export: what is written where, and how it goes on after a crash.

The promise: a file is whole or not there; rows that were taken are on the disk before the place
where to go on is; the manifest comes last and names every file with its digest (export.md).
"""

import csv
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from hansa.client.types import Json
from hansa.epcis import event_id
from hansa.errors import Corrupt, Rejected
from hansa.hashing import sha256

EXPORT_FORMAT = "hansa/export@1"
STATE_FORMAT = "hansa/export-state@1"
MANIFEST, STATE = "manifest.json", "export.state"
ROW_BYTES_MAX = 8 * 1024 * 1024
"""Of one row: the largest transaction with its receipt, as JSON."""

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""With these a spreadsheet begins what it computes: another member's text is never one (CWE-1236).
"""

Row = dict[str, Json]


class State(msgspec.Struct):
    """Where an export stands.

    Attributes:
        chain_id, member: what it is of.
        to: the height up to which blocks are read.
        height: up to which they were read.
        contracts: those whose state was read.
        transactions, records: bytes of the rows that were taken.
        gaps: heights whose blocks the node no longer keeps.
    """

    chain_id: str
    member: str
    to: int
    height: int = 0
    contracts: list[str] = msgspec.field(default_factory=list)
    transactions: int = 0
    records: int = 0
    gaps: list[int] = msgspec.field(default_factory=list)
    format: str = STATE_FORMAT


class Work:
    """Rows that were taken, one JSON text a line."""

    def __init__(self, path: Path, size: int) -> None:
        """Open the file and cut off what was not kept."""
        self._path = path
        self._file = path.open("ab")
        try:
            self._file.truncate(size)
            self.count = sum(1 for _ in self.rows())
        except BaseException:
            self._file.close()
            raise

    def add(self, row: Row) -> None:
        """Append a row."""
        self._file.write(msgspec.json.encode(row) + b"\n")
        self.count += 1

    def keep(self) -> int:
        """Make all rows durable: how many bytes they are."""
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._path.stat().st_size

    def rows(self) -> Iterator[Row]:
        """All rows in order.

        Raises:
            Corrupt: ``export.damaged``.
        """
        self._file.flush()
        with self._path.open("rb") as file:
            while line := file.readline(ROW_BYTES_MAX):
                try:
                    yield msgspec.json.decode(line, type=Row)
                except ValueError as error:
                    raise Corrupt("export.damaged", f"{self._path}: {error}") from error

    def close(self, *, remove: bool = False) -> None:
        """Close the file."""
        self._file.close()
        if remove:
            self._path.unlink()


class Folder:
    """A folder into which somebody exports.

    Attributes:
        state: where the export stands.
        transactions, records: rows that were taken.
        missing: files that could not be had, with the code why.
    """

    def __init__(self, path: Path, state: State) -> None:
        self._path = path
        self.state = state
        self.transactions = Work(path / "transactions.rows", state.transactions)
        try:
            self.records = Work(path / "records.rows", state.records)
        except BaseException:
            self.transactions.close()
            raise
        self.missing: dict[str, str] = {}
        self._done = False

    @classmethod
    def open(cls, path: Path, chain_id: str, member: str, height: int) -> Self:
        """Begin an export in an empty folder, or go on with one.

        Raises:
            Rejected: ``export.done``, ``export.folder`` or ``export.other``.
            Corrupt: ``export.damaged``.
        """
        path.mkdir(parents=True, exist_ok=True)
        if (path / MANIFEST).exists():
            raise Rejected(
                "export.done", f"{path} holds a whole export", "export to another folder"
            )
        if not (path / STATE).exists():
            if any(path.iterdir()):
                raise Rejected(
                    "export.folder", f"{path} is not empty and holds no export", "name another"
                )
            state = State(chain_id, member, height)
            _write(path / STATE, msgspec.json.encode(state))
        else:
            state = _state(path / STATE)
        if (state.chain_id, state.member) != (chain_id, member):
            raise Rejected(
                "export.other",
                f"{path} is an export of {state.member} of {state.chain_id}",
                "export to another folder",
            )
        return cls(path, state)

    def __enter__(self) -> Self:
        """It is open already."""
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the files of rows; a whole export needs them no more."""
        self.transactions.close(remove=self._done)
        self.records.close(remove=self._done)

    def keep(self) -> None:
        """Make what was taken durable, and where to go on."""
        self.state.transactions = self.transactions.keep()
        self.state.records = self.records.keep()
        _write(self._path / STATE, msgspec.json.encode(self.state))

    def has(self, name: str) -> bool:
        """Whether a file is there."""
        return (self._path / name).exists()

    def write(self, name: str, content: bytes) -> None:
        """Write a file whole."""
        path = self._path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, content)

    def finish(self) -> None:
        """Write tables, JSON and the manifest."""
        for name, work in (("transactions", self.transactions), ("records", self.records)):
            self._json(name, work)
        self._table("transactions", self.transactions.rows(), _TRANSACTION)
        self._table("records", self.records.rows(), _RECORD)
        for name, (prefix, columns) in _KINDS.items():
            rows = (row for row in self.records.rows() if str(row["key"]).startswith(prefix))
            self._table(name, rows, columns)
        self._manifest()
        self._done = True
        (self._path / STATE).unlink()

    def _json(self, name: str, work: Work) -> None:
        """A JSON array, an element a line."""
        beside = self._path / f"{name}.json.new"
        with beside.open("wb") as file:
            before = b"[\n"
            for row in work.rows():
                file.write(before + msgspec.json.encode(row))
                before = b",\n"
            file.write(b"\n]\n" if before == b",\n" else b"[]\n")
        beside.replace(self._path / f"{name}.json")

    def _table(
        self, name: str, rows: Iterator[Row], columns: Mapping[str, Callable[[Row], object]]
    ) -> None:
        beside = self._path / f"{name}.csv.new"
        with beside.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            for row in rows:
                writer.writerow([_cell(read(row)) for read in columns.values()])
        beside.replace(self._path / f"{name}.csv")

    def _manifest(self) -> None:
        state = self.state
        mine = {STATE, "transactions.rows", "records.rows"}
        files: list[Json] = []
        for path in sorted(self._path.rglob("*")):
            name = path.relative_to(self._path).as_posix()
            if path.is_file() and name not in mine and not name.endswith(".new"):
                digest, size = _digest(path)
                files.append({"path": name, "size": size, "sha256": digest})
        manifest: Row = {
            "format": EXPORT_FORMAT,
            "chain_id": state.chain_id,
            "member": state.member,
            "height": state.to,
            "transactions": self.transactions.count,
            "records": self.records.count,
            "gaps": [*state.gaps],
            "missing": {**self.missing},
            "files": files,
        }
        content = msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"
        _write(self._path / MANIFEST, content)


def proof_of_tx(row: Row) -> str:
    """The file of a transaction's proof."""
    return f"proofs/tx/{bytes.fromhex(str(row['tx_id'])).hex()}.proof.json"


def proof_of_record(row: Row) -> str:
    """The file of a record's proof: keys hold what names of files may not."""
    return f"proofs/state/{sha256(str(row['key']).encode()).hex()}.proof.json"


def _state(path: Path) -> State:
    try:
        state = msgspec.json.decode(path.read_bytes(), type=State)
    except ValueError as error:
        raise Corrupt("export.damaged", f"{path}: {error}") from error
    if state.format != STATE_FORMAT:
        raise Corrupt("export.damaged", f"{path}: format {state.format[:64]}")
    return state


def _write(path: Path, content: bytes) -> None:
    """Write a file beside and rename it, so that it is whole or not there."""
    beside = path.with_name(path.name + ".new")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def _digest(path: Path) -> tuple[str, int]:
    hashed, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(1024 * 1024):
            hashed.update(chunk)
            size += len(chunk)
    return hashed.hexdigest(), size


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | dict):
        return msgspec.json.encode(value).decode()
    if isinstance(value, str) and value.startswith(FORMULA):
        return "'" + value
    return "" if value is None else value


def _field(name: str) -> Callable[[Row], object]:
    """A field of the row itself."""
    return lambda row: row.get(name)


def _inside(name: str) -> Callable[[Row], object]:
    """A field of the record."""

    def read(row: Row) -> object:
        value = row["value"]
        return value.get(name) if isinstance(value, dict) else None

    return read


def _words(name: str) -> Callable[[Row], object]:
    """A list of texts with blanks between them."""

    def read(row: Row) -> object:
        value = row.get(name)
        return " ".join(map(str, value)) if isinstance(value, list) else ""

    return read


def _called(row: Row) -> object:
    calls = row["calls"]
    assert isinstance(calls, list)
    return " ".join(f"{c['contract']}.{c['method']}" for c in calls if isinstance(c, dict))


def _event(row: Row) -> object:
    return event_id(bytes.fromhex(str(row["key"]).rpartition("/")[2]))


def _signed_by(row: Row) -> object:
    value = row["value"]
    signatures = value.get("signatures") if isinstance(value, dict) else None
    found = signatures if isinstance(signatures, list) else []
    return " ".join(str(one.get("member")) for one in found if isinstance(one, dict))


def _fields(*names: str) -> dict[str, Callable[[Row], object]]:
    return {name: _inside(name) for name in names}


_TRANSACTION = {
    "tx_id": _field("tx_id"), "height": _field("height"), "index": _field("index"),
    "time": _field("time"), "code": _field("code"), "why": _words("why"), "calls": _called,
    "signers": _words("signers"), "records": _words("records"), "proof": proof_of_tx,
}  # fmt: skip
_RECORD = {
    "key": _field("key"), "why": _words("why"),
    **_fields("id", "version", "controller", "state"), "proof": proof_of_record,
}  # fmt: skip
_KINDS: Mapping[str, tuple[str, Mapping[str, Callable[[Row], object]]]] = {
    "documents": ("doc/record/", {
        **_fields("id", "digest", "alg", "kind", "state", "owner", "size", "media_type"),
        "signed_by": _signed_by, "proof": proof_of_record,
    }),
    "events": ("trace/event/", {
        "event": _event,
        **_fields("time", "kind", "action", "step", "disposition", "place", "controller", "wrong",
                  "tx"),
        "proof": proof_of_record,
    }),
    "consents": ("grant/consent/", {
        **_fields("id", "subject", "controller", "purpose", "since", "until", "state", "ended_at"),
        "proof": proof_of_record,
    }),
}  # fmt: skip
"""Tables of one kind of record: where such records stand, and the columns."""
