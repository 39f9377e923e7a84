"""Forms of output, errors with four parts, options."""

import io
import json

import click
import pytest

from hansa.errors import Corrupt, Rejected, Unavailable
from node.cli.errors import CliError, ExitCode, exit_code_of, exit_code_of_refusal, from_hansa
from node.cli.options import duration, duration_text
from node.cli.output import Column, Printer, Result, field_of, plain, short_id

LONG = "ab" * 32
ROWS = [
    {"name": "node0", "root": LONG, "height": 10, "lag": 0, "note": None},
    {"name": "node1", "root": LONG, "height": 9, "lag": 1, "note": "a\tb\nc"},
]
COLUMNS = (
    Column("name", "NODE"),
    Column("root", "ROOT", "id"),
    Column("height", "HEIGHT", "number"),
    Column("lag", "TRAILS BY", "lag"),
    Column("note", "NOTE"),
)


def printed(form, result):
    """What a form makes of a result: stdout."""
    out = io.StringIO()
    Printer(form, out, io.StringIO()).result(result)
    return out.getvalue()


def test_a_table_shortens_ids_and_shows_a_dash_for_nothing():
    lines = printed("table", Result({}, ROWS, COLUMNS)).splitlines()

    assert lines[0].split() == ["NODE", "ROOT", "HEIGHT", "TRAILS", "BY", "NOTE"]
    assert lines[1].split() == ["node0", "abababababab", "10", "-", "-"]


def test_what_goes_into_a_pipe_is_never_cut():
    wide = [{"text": "x" * 5_000, "id": LONG}]

    assert "x" * 5_000 in printed("table", Result({}, wide))
    assert "x" * 5_000 + "\t" + LONG in printed("tsv", Result({}, wide))


def test_square_brackets_are_text():
    assert "[red]x[/red]" in printed("table", Result({}, [{"a": "[red]x[/red]"}]))


def test_tsv_has_a_header_and_a_line_a_row_with_whole_ids():
    lines = printed("tsv", Result({}, ROWS, COLUMNS)).splitlines()

    assert lines[0] == "NODE\tROOT\tHEIGHT\tTRAILS BY\tNOTE"
    assert lines[1] == f"node0\t{LONG}\t10\t0\t-"
    assert lines[2].endswith("\ta b c")
    assert len(lines) == 3


def test_json_is_the_document_and_jsonl_a_line_a_row():
    result = Result({"nodes": ROWS}, ROWS, COLUMNS)

    assert json.loads(printed("json", result)) == {"nodes": ROWS}
    assert [json.loads(line) for line in printed("jsonl", result).splitlines()] == ROWS


def test_bytes_and_other_values_have_a_json_form():
    assert json.loads(printed("json", Result({"a": b"\x01", "b": (1, 2)}))) == {
        "a": "01",
        "b": [1, 2],
    }


def test_a_deed_is_a_sentence_for_people_and_a_result_for_programs():
    people, program, narration = io.StringIO(), io.StringIO(), io.StringIO()

    Printer("table", people, io.StringIO()).done("done it", Result({"a": 1}))
    Printer("json", program, narration).done("done it", Result({"a": 1}))

    assert people.getvalue() == "✓ done it\n"
    assert json.loads(program.getvalue()) == {"a": 1}
    assert narration.getvalue() == "✓ done it\n"


def test_a_text_takes_the_place_of_the_table_alone():
    result = Result({"a": 1}, text="one")

    assert printed("table", result) == "one\n"
    assert printed("tsv", result) == "A\n1\n"


@pytest.mark.parametrize(
    ("value", "text"),
    [("a", "a"), (True, "yes"), (False, "no"), (7, "7"), (["a", 1], '["a", 1]')],
)
def test_a_cell_is_plain_text(value, text):
    assert plain(value) == text


@pytest.mark.parametrize("text", [f"ni:///sha-256;{LONG}?ver=CBV2.0", f"ed25519:{LONG}", LONG])
def test_an_id_is_shortened_to_its_digits(text):
    assert short_id(text) == "abababababab"


@pytest.mark.parametrize(
    ("path", "value"), [("a.b.1", 3), ("a.b", [2, 3]), ("c", "d"), ("a.b.0", 2)]
)
def test_a_dotted_path_leads_to_a_field(path, value):
    assert field_of({"a": {"b": [2, 3]}, "c": "d"}, path) == value


@pytest.mark.parametrize("path", ["x", "a.x", "a.b.9", "c.0", "a.b.x"])
def test_a_path_that_leads_nowhere_is_a_key_error(path):
    with pytest.raises(KeyError):
        field_of({"a": {"b": [2, 3]}, "c": "d"}, path)


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [("500ms", 500), ("5s", 5_000), ("5", 5_000), ("1.5s", 1_500), ("2m", 120_000), ("1h", 3.6e6)],
)
def test_a_duration_has_a_unit(text, milliseconds):
    assert duration(text) == milliseconds


@pytest.mark.parametrize("text", ["", "s", "-1s", "1y", "1,5s", "9999999999s"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(click.BadParameter):
        duration(text)


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(500, "500 ms"), (5_000, "5 s"), (1_500, "1.5 s"), (120_000, "2 min"), (61_000, "61 s")],
)
def test_a_duration_is_told_in_words(milliseconds, text):
    assert duration_text(milliseconds) == text


def test_an_error_has_four_parts():
    error = CliError(
        ExitCode.TRY_AGAIN,
        "quorum.missing",
        "not committed within 5 s",
        "no quorum",
        "hansa status",
        notes=("it can still commit",),
        fields={"tx_id": "77d0"},
    )

    assert error.lines() == [
        "✗ not committed within 5 s: no quorum",
        "  it can still commit",
        "  next: hansa status",
        "  code: quorum.missing",
    ]
    assert error.document() == {
        "error": {
            "code": "quorum.missing",
            "what": "not committed within 5 s",
            "why": "no quorum",
            "next": "hansa status",
            "exit": 75,
        },
        "tx_id": "77d0",
    }


def test_an_error_is_told_on_stderr_and_to_programs_on_stdout_too():
    out, err = io.StringIO(), io.StringIO()

    Printer("json", out, err).failed(["✗ no"], {"error": {}})

    assert (json.loads(out.getvalue()), err.getvalue()) == ({"error": {}}, "✗ no\n")


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (Rejected("epcis.type", "x"), 65),
        (Rejected("tx.not-found", "x"), 66),
        (Rejected("key.missing", "x"), 66),
        (Unavailable("node.unreachable", "x"), 69),
        (Rejected("key.exists", "x"), 73),
        (Rejected("network.exists", "x"), 73),
        (Corrupt("wal.checksum", "x"), 74),
        (Unavailable("mempool.full", "x"), 75),
        (Unavailable("quorum.missing", "x"), 75),
        (Rejected("key.passphrase", "x"), 77),
        (Rejected("auth.token", "x"), 77),
        (Rejected("config.unknown", "x"), 78),
    ],
)
def test_the_exit_code_says_whose_fault_it_is(error, exit_code):
    assert exit_code_of(error) == exit_code
    assert from_hansa("hansa x", error).exit_code == exit_code


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [("AUTH", 77), ("SCHEMA", 65), ("MISSING", 66), ("EXISTS", 73), ("STALE", 1), ("FAULT", 70)],
)
def test_a_refusal_has_an_exit_code(code, exit_code):
    assert exit_code_of_refusal(code) == exit_code
