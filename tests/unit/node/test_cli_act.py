"""Times, digests and JSON as commands take them; schemas in plain words."""

import json
import time
from typing import Annotated

import click
import msgspec
import pytest

from node.cli.act import digest_from, moment, read_json, utc_text
from node.cli.errors import CliError
from node.cli.schemas import arguments_of, example_of
from node.clock import wall_ms

Word = Annotated[str, msgspec.Meta(pattern=r"^(yes|no)(?![\s\S])")]


class Inner(msgspec.Struct):
    """A shape inside of another."""

    kind: Word
    amount: Annotated[int, msgspec.Meta(ge=3, le=9)]


class Outer(msgspec.Struct):
    """Every kind of argument."""

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=8)]
    digest: Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
    parts: Annotated[tuple[Inner, ...], msgspec.Meta(min_length=2, max_length=4)]
    flag: bool
    fields: dict[str, int] = msgspec.field(default_factory=dict)
    note: str | None = None


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1970-01-01", 0),
        ("2000-02-29", 951_782_400_000),
        ("2026-11-23", 1_795_392_000_000),
        ("1795392000123", 1_795_392_000_123),
    ],
)
def test_a_date_and_ms_are_themselves(text, ms):
    assert moment(text) == ms
    assert utc_text(ms) == time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(ms // 1000))


def test_a_duration_counts_from_now():
    assert abs(moment("2d") - wall_ms() - 2 * 86_400_000) < 60_000


@pytest.mark.parametrize("text", ["tomorrow", "2026-02-30", "-1d", "", "12345678901234"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(click.BadParameter):
        moment(text)


def test_a_digest_comes_from_a_file_or_from_digits_and_not_from_both(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"")
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    assert digest_from(path, None, "x") == digest_from(None, empty, "x") == bytes.fromhex(empty)
    for given in ((None, None), (path, empty), (None, "12"), (None, "z" * 64)):
        with pytest.raises(CliError) as caught:
            digest_from(*given, "terms")
        assert "--terms" in caught.value.todo


@pytest.mark.parametrize("text", ["[1]", "7", '{"a": 1.5}', "{", "[" * 100_000])
def test_json_of_a_command_is_an_object_of_whole_numbers(text):
    with pytest.raises(CliError) as caught:
        read_json(text)
    assert caught.value.exit_code == 65


def test_json_is_read_from_a_file_and_may_hold_bytes(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"digest": {"$bytes": "00ff"}}')

    assert read_json(f"@{path}") == {"digest": b"\x00\xff"}


def test_a_schema_is_told_in_plain_words():
    rows = {one["argument"]: one for one in arguments_of(msgspec.json.schema(Outer))}

    assert {name: (one["type"], one["limits"]) for name, one in rows.items()} == {
        "id": ("text", "1 to 8 characters"),
        "digest": ("bytes", "32 bytes"),
        "parts": ("list of {kind, amount}", "2 to 4 items"),
        "flag": ("true or false", ""),
        "fields": ("map of whole number", ""),
        "note": ("text", ""),
    }
    assert [name for name, one in rows.items() if not one["needed"]] == ["fields", "note"]


def test_the_example_of_a_schema_fits_it():
    example = json.loads(example_of(msgspec.json.schema(Outer)))

    digest = bytes.fromhex(example.pop("digest")["$bytes"])
    made = msgspec.convert({**example, "digest": digest}, Outer, builtin_types=(bytes,))
    assert len(made.parts) == 2
    assert made.parts[0] == Inner("yes", 3)
