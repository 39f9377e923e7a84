"""`python -m hansa verify`: the check that needs nothing but the SDK."""

import json
import runpy
import sys

import pytest

from hansa.__main__ import main
from hansa.hashing import sha256
from hansa.proof import PROOF_BYTES_MAX, with_extras
from node.testing import LocalChain

CONTENT = b"Dear roastery"
LINES = ["content", "on_chain", "signers", "time", "now", "not_proven"]


@pytest.fixture
def files(tmp_path):
    """A folder with a proof, a trust file and the document."""
    with LocalChain() as chain:
        receipt = chain.submit(
            [("doc", "register", {"id": "a", "digest": sha256(CONTENT)})], "farm"
        )
        (tmp_path / "p.json").write_bytes(chain.prove_tx(receipt.tx_id))
        (tmp_path / "trust.json").write_bytes(chain.trust())
    (tmp_path / "letter").write_bytes(CONTENT)
    return tmp_path


def verify(files, *more, proof="p.json", trust="trust.json"):
    """Run the command on files of the folder."""
    return main(["verify", str(files / proof), "--trust", str(files / trust), *more])


def test_six_lines_say_what_is_proven(files, capsys):
    code = verify(files, "--file", str(files / "letter"), "-o", "json")

    lines = json.loads(capsys.readouterr().out)
    assert code == 0
    assert list(lines) == LINES
    assert all({"verdict", "text"} <= set(line) for line in lines.values())
    assert lines["content"]["verdict"] == lines["on_chain"]["verdict"] == "ok"


def test_another_document_turns_the_first_line_alone(files, capsys):
    (files / "letter").write_bytes(b"Dear carrier")
    code = verify(files, "--file", str(files / "letter"), "-o", "jsonl")

    lines = json.loads(capsys.readouterr().out)
    assert code == 1
    assert [name for name in LINES if lines[name]["verdict"] == "fail"] == ["content"]


@pytest.mark.parametrize(("form", "first"), [("table", "content "), ("tsv", "LINE\tTEXT")])
def test_people_and_pipes_have_their_forms(files, capsys, form, first):
    verify(files, "-o", form)

    assert capsys.readouterr().out.startswith(first)


def test_without_a_form_a_pipe_gets_tsv(files, capsys):
    verify(files)

    assert capsys.readouterr().out.splitlines()[2].startswith("on chain\t")


@pytest.mark.parametrize("content", [b"", b"{}", b"no proof", b"x" * (PROOF_BYTES_MAX + 1)])
def test_what_is_no_proof_is_65(files, capsys, content):
    (files / "p.json").write_bytes(content)
    code = verify(files, "-o", "json")

    out, err = capsys.readouterr()
    assert code == 65
    assert json.loads(out)["error"]["exit"] == 65
    assert err.startswith("✗ not verified: ")


def test_what_is_no_trust_file_is_65(files, capsys):
    assert verify(files, trust="letter") == 65
    assert "code: trust.malformed" in capsys.readouterr().err


def test_a_missing_file_is_66(files, capsys):
    assert verify(files, proof="nothing") == 66
    assert "nothing: No such file" in capsys.readouterr().err


def test_the_module_runs_as_a_program(files, capsys, monkeypatch):
    line = ["hansa", "verify", str(files / "p.json"), "--trust", str(files / "trust.json")]
    monkeypatch.setattr(sys, "argv", line)
    monkeypatch.delitem(sys.modules, "hansa.__main__")
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("hansa", run_name="__main__")

    assert ended.value.code == 0
    assert capsys.readouterr().out


def test_without_its_extra_a_time_stamp_is_not_checked_and_that_is_said(files, capsys, monkeypatch):
    content = (files / "p.json").read_bytes()
    (files / "s.json").write_bytes(with_extras(content, [b"some token"]))
    monkeypatch.setitem(sys.modules, "hansa.timestamp_check", None)
    code = verify(files, "-o", "json", proof="s.json")

    out, err = capsys.readouterr()
    assert code == 0
    assert json.loads(out)["time"]["verdict"] == "attention"
    assert "pip install 'hansa-sdk[timestamp]'" in err


def test_the_lines_are_told_in_chinese(files, capsys):
    code = verify(files, "--lang", "zh", "-o", "json")

    assert code == 0
    assert json.loads(capsys.readouterr().out)["not_proven"]["text"] == "文件内容属实"
