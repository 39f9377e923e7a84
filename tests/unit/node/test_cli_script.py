"""`hansa script test`: the worked examples pass, and what is wrong is told."""

import json
import re

import pytest
from click.testing import CliRunner

from ledger.scripts import compile_script
from node.cli.root import root, run
from tests.tidy.tree import ROOT

EXAMPLES = ROOT / "docs" / "guides" / "scripts"


def hansa(*words):
    """Exit code and printed JSON of a command."""
    import contextlib
    import io

    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        code = run([*map(str, words), "-o", "json"])
    return code, json.loads(re.sub(r"\}\n\{.*", "}", out.getvalue(), flags=re.DOTALL))


@pytest.mark.parametrize("name", ["escrow", "points", "vote"])
def test_every_worked_example_plays_as_it_says(name):
    code, document = hansa("script", "test", EXAMPLES / f"{name}.star")

    assert code == 0, document
    assert document["tests"] >= 2
    assert document["failed"] == 0
    assert {call["code"] for call in document["calls"]} > {"OK"}, "each shows refusals too"
    assert max(call["steps"] or 0 for call in document["calls"]) < 5_000


def test_the_guide_shows_every_example():
    text = (ROOT / "docs" / "guides" / "scripts.md").read_text(encoding="utf-8")

    for file in sorted(EXAMPLES.glob("*.star")):
        assert f"(scripts/{file.name})" in text
        for function in compile_script(file.read_text(encoding="utf-8")).functions:
            assert f"`{function}(" in text or f"`{function}`" in text, (file.name, function)


def test_one_call_shows_what_it_cost_and_wrote():
    args = json.dumps({"who": "ann", "points": 30})
    code, document = hansa(
        "script", "test", EXAMPLES / "points.star", "--call", "earn", "--args", args, "--as", "shop"
    )

    (call,) = document["calls"]
    assert code == 0
    assert (call["as"], call["result"], call["written"]["balance/ann"]) == ("shop", 30, 30)
    assert 0 < call["steps"] < document["steps_max"] == 200_000


@pytest.fixture
def file(tmp_path):
    def write(source):
        path = tmp_path / "s.star"
        path.write_text(source)
        return path

    return write


BAD = {
    "no script": ("def f(): return 1.5\n", 65, "script.source"),
    "no tests": ("def f(): return 1\n", 65, "script.no-tests"),
    "a test that lists nothing": ("def f(): pass\ndef test_f(): return []\n", 65, "script.test"),
    "a test that fails": ("def f(): pass\ndef test_f(): return [][1]\n", 65, "script.test"),
    "an unknown field": (
        "def f(): pass\ndef test_f(): return [{'who': 'a', 'call': 'f'}]\n", 65, "script.test",
    ),
    "another result": (
        "def f(): return 1\ndef test_f(): return [{'as': 'a', 'call': 'f', 'expect': 2}]\n",
        1, "script.test-failed",
    ),
    "no refusal": (
        "def f(): return 1\ndef test_f(): return [{'as': 'a', 'call': 'f', 'refused': 'RULE'}]\n",
        1, "script.test-failed",
    ),
    "a program error": (
        "def f(): return {}['k']\ndef test_f(): return [{'as': 'a', 'call': 'f'}]\n",
        1, "script.test-failed",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_told(file, name, capsys):
    source, exit_code, code = BAD[name]

    ended = run(["script", "test", str(file(source)), "-o", "json"])

    told = capsys.readouterr()
    assert ended == exit_code, told.err
    assert code in told.out
    if name == "a program error":
        assert 'Key `"k"` was not found' in told.err


def test_arguments_have_to_be_a_json_object(file, capsys):
    path = str(file("def f(): return 1\n"))

    assert run(["script", "test", path, "--call", "f", "--args", "[1]", "-o", "json"]) == 65
    assert "no JSON object" in capsys.readouterr().out


def test_every_command_has_an_example():
    group = root.get_command(None, "script")
    for name, command in group.commands.items():
        done = CliRunner().invoke(root, ["script", name, "--help"])
        assert done.exit_code == 0
        assert f"hansa script {name}" in done.output, name
        assert command.name == name
