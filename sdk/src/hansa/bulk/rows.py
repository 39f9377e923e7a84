"""Rows of a table that shall become calls, and what is wrong with those that cannot.

The promise: a row is read on its own; a bad one is told with its number, its column and the
reason, and stops nobody.
"""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from hansa.errors import Rejected
from hansa.transaction import Call

ROWS_MAX = 200_000
"""Rows of one import: its journal stays below some 300 MiB."""
CELL_CHARACTERS_MAX = 200 * 1024
"""Of one cell: as much as an event may have."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row that can be carried out.

    Attributes:
        number: of the row; the first one after the heading is 2, as a spreadsheet counts.
        name: tells it from every other row, in this run and the next: what has this name is
            brought onto the chain once.
        call: what carries it out.
    """

    number: int
    name: str
    call: Call


@dataclass(frozen=True, slots=True)
class Failed:
    """A row that cannot be read, or that the chain refused.

    Attributes:
        number: of the row.
        name: of the row, "" where it has none yet.
        code: the reason: an error code, or a refusal such as ``STATE``.
        detail: in words.
        fields: what a refusal says: had, needed, by whom.
    """

    number: int
    name: str
    code: str
    detail: str
    fields: Mapping[str, object]

    @property
    def document(self) -> dict[str, object]:
        """The machine form."""
        return {
            "row": self.number,
            "name": self.name,
            "code": self.code,
            "detail": self.detail,
            **{name: self.fields.get(name) for name in ("have", "need")},
            "fields": dict(self.fields),
        }


def failed(number: int, error: Rejected, fields: Mapping[str, object] | None = None) -> Failed:
    """A row that could not be read."""
    return Failed(number, "", error.code, error.detail, fields or {})


def read_table(
    path: Path, columns: frozenset[str], prefixes: tuple[str, ...] = ()
) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a CSV file (RFC 4180, UTF-8, the first row names the columns).

    Empty cells and empty rows are left out.

    Args:
        path: the file.
        columns: known columns.
        prefixes: what else a column's name may begin with.

    Raises:
        Rejected: ``import.columns``, ``import.csv`` or ``import.rows``.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        before = csv.field_size_limit(CELL_CHARACTERS_MAX)
        try:
            reader = csv.reader(file, strict=True)
            heading = [name.strip() for name in next(reader, [])]
            _check_heading(path, heading, columns, prefixes)
            for number, cells in enumerate(reader, 2):
                if number > ROWS_MAX + 1:
                    raise Rejected(
                        "import.rows", f"{path} has more than {ROWS_MAX} rows", "cut it in parts"
                    )
                if len(cells) > len(heading):
                    raise Rejected(
                        "import.csv",
                        f"{path}, row {number}: {len(cells)} cells, {len(heading)} columns",
                        "quote cells that hold a comma",
                    )
                pairs = zip(heading, (cell.strip() for cell in cells), strict=False)
                row = {name: cell for name, cell in pairs if cell}
                if row:
                    yield number, row
        except (csv.Error, UnicodeDecodeError) as error:
            raise Rejected(
                "import.csv", f"{path}: {error}", "save the table as CSV in UTF-8"
            ) from error
        finally:
            csv.field_size_limit(before)


def _check_heading(
    path: Path, heading: list[str], columns: frozenset[str], prefixes: tuple[str, ...]
) -> None:
    unknown = [name for name in heading if name not in columns and not name.startswith(prefixes)]
    if unknown or not heading or len(set(heading)) != len(heading):
        said = ", ".join(map(repr, unknown)) or "none, or one twice"
        near = get_close_matches(unknown[0], columns, 1) if unknown else []
        known = ", ".join([*sorted(columns), *(f"{prefix}NAME" for prefix in prefixes)])
        raise Rejected(
            "import.columns",
            f"{path}: unknown columns: {said}",
            f"did you mean {near[0]}?" if near else f"known: {known}",
        )
