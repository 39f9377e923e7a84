"""What commands print: results on stdout in four forms, narration on stderr.

A form is `table` (for people), `json`, `jsonl` (a line a row) or `tsv` (a header and
a line a row). Nothing that goes into a pipe is ever cut. Ids are shortened in tables alone.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TextIO

import click

FORMS = ("table", "json", "jsonl", "tsv")
ID_CHARACTERS = 12
"""What a table shows of an id: enough to tell them apart, and to paste as a prefix."""
WIDTH = 10_000
"""Columns of a table: wider than any row, so that nothing is cut or folded in a pipe, and a
narrow terminal breaks whole lines as it breaks any other."""

Json = None | bool | int | str | Sequence["Json"] | Mapping[str, "Json"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: a field of its rows.

    Attributes:
        key: the field's name in a row.
        heading: what stands above it.
        kind: ``text``, ``id`` (shortened in tables), ``number`` (to the right) or ``lag`` (a
            number of which tables show `-` for 0).
    """

    key: str
    heading: str
    kind: str = "text"

    def cell(self, row: Mapping[str, object], *, short: bool) -> str:
        """The field as text; `-` stands for nothing."""
        value = row.get(self.key)
        nothing = value is None or value == "" or (short and self.kind == "lag" and value == 0)
        text = "-" if nothing else plain(value)
        return short_id(text) if short and self.kind == "id" else text


@dataclass(frozen=True, slots=True)
class Result:
    """What a command found, for all four forms.

    Attributes:
        document: the JSON form.
        rows: what `jsonl`, `tsv` and tables show; the document itself when empty.
        columns: of the table and of TSV; all fields of the first row when empty.
        text: takes the place of the table where a sentence says it better.
    """

    document: Mapping[str, object]
    rows: Sequence[Mapping[str, object]] | None = None
    columns: Sequence[Column] = ()
    text: str | None = None


def plain(value: object) -> str:
    """A value as one cell of text."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return str(value)
    return json.dumps(value, ensure_ascii=False, default=_jsonable)


def short_id(text: str) -> str:
    """The first characters of an id, without the scheme of an event's name."""
    digits = text.removeprefix("ni:///sha-256;").removeprefix("ed25519:")
    return digits[:ID_CHARACTERS]


def _jsonable(value: object) -> object:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence):
        return list(value)
    return str(value)


def to_json(document: object, *, indent: int | None = None) -> str:
    """JSON text, bytes in hex."""
    return json.dumps(document, ensure_ascii=False, indent=indent, default=_jsonable)


@dataclass(frozen=True, slots=True)
class Printer:
    """Writes results in one form to stdout, and narration to stderr.

    Attributes:
        form: one of `FORMS`.
        out: where results go.
        err: where narration goes.
        asked: whether the form was asked for; otherwise the terminal decided.
    """

    form: str
    out: TextIO
    err: TextIO
    asked: bool = False

    @classmethod
    def standard(cls, form: str | None) -> "Printer":
        """On the process's own streams; the form follows the terminal when none is asked for."""
        chosen = form or ("table" if sys.stdout.isatty() else "tsv")
        return cls(chosen, sys.stdout, sys.stderr, asked=form is not None)

    @property
    def for_people(self) -> bool:
        """Whether a person reads the result itself."""
        return self.form == "table"

    def result(self, result: Result) -> None:
        """Print what a command found."""
        rows = [result.document] if result.rows is None else result.rows
        if self.form == "json":
            click.echo(to_json(result.document, indent=2), file=self.out)
        elif self.form == "jsonl":
            for row in rows:
                click.echo(to_json(row), file=self.out)
        elif self.form == "tsv":
            self._tsv(rows, result.columns)
        elif result.text is not None:
            click.echo(result.text, file=self.out)
        else:
            self._table(rows, result.columns)

    def done(self, text: str, result: Result) -> None:
        """End a command that did something: a sentence for people, the result for programs."""
        if self.for_people:
            click.echo(f"✓ {text}", file=self.out)
        else:
            self.say(f"✓ {text}")
            self.result(result)

    def say(self, text: str) -> None:
        """Tell something that is not the result."""
        click.echo(text, file=self.err)

    def next(self, *commands: str) -> None:
        """Name the next commands."""
        self.say("  next: " + "     or: ".join(commands))

    def failed(self, lines: Sequence[str], document: Mapping[str, object]) -> None:
        """Tell an error: always on stderr for people, on stdout too for programs that read JSON."""
        for line in lines:
            self.say(line)
        if self.form in {"json", "jsonl"}:
            indent = 2 if self.form == "json" else None
            click.echo(to_json(document, indent=indent), file=self.out)

    def _tsv(self, rows: Sequence[Mapping[str, object]], columns: Sequence[Column]) -> None:
        shown = columns or _columns_of(rows)
        click.echo("\t".join(column.heading for column in shown), file=self.out)
        for row in rows:
            cells = (column.cell(row, short=False) for column in shown)
            click.echo("\t".join(map(_one_line, cells)), file=self.out)

    def _table(self, rows: Sequence[Mapping[str, object]], columns: Sequence[Column]) -> None:
        from rich.console import Console  # noqa: PLC0415 - 80 ms that only tables cost
        from rich.table import Table  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        console = Console(file=self.out, width=WIDTH)
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        shown = columns or _columns_of(rows)
        for column in shown:
            justify = "right" if column.kind in {"number", "lag"} else "left"
            table.add_column(column.heading, justify=justify)  # type: ignore[arg-type]
        for row in rows:
            table.add_row(*(Text(column.cell(row, short=True)) for column in shown))
        console.print(table, soft_wrap=True)


def _one_line(text: str) -> str:
    return text.replace("\t", " ").replace("\n", " ")


def _columns_of(rows: Sequence[Mapping[str, object]]) -> tuple[Column, ...]:
    keys = rows[0] if rows else ()
    return tuple(Column(key, key.replace("_", " ").upper()) for key in keys)


def field_of(document: Mapping[str, object], path: str) -> object:
    """The value at a dotted path in a document.

    Raises:
        KeyError: the path names nothing.
    """
    value: object = document
    for part in path.split("."):
        if isinstance(value, Mapping):
            value = value[part]
        elif isinstance(value, Sequence) and not isinstance(value, str) and part.isdigit():
            try:
                value = value[int(part)]
            except IndexError as error:
                raise KeyError(part) from error
        else:
            raise KeyError(part)
    return value
