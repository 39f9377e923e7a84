"""`python -m hansa verify`: the exit code and the words for every way that it can end."""

import io
import json
import sys

import pytest

from hansa import __main__ as command
from hansa.client.transactions import make
from hansa.errors import HansaError
from hansa.partial import Partial, decode_partial
from hansa.proof import PROOF_BYTES_MAX
from hansa.signing import verify
from hansa.transaction import Call
from tests.unit.hansa.proof_scene import CONTENT, SIGNER, START_MS, transaction_sample


@pytest.fixture
def files(tmp_path):
    """A proof, a trust file and the document, as a stranger holds them."""
    world, proof = transaction_sample()
    held = {"proof": proof, "trust": world.trust().to_json(), "file": CONTENT, "other": b"x"}
    for name, data in held.items():
        (tmp_path / name).write_bytes(data)
    return tmp_path


def run(files, capsys, *more, proof="proof", trust="trust"):
    """Exit code, what was said, what was complained about."""
    given = ["verify", str(files / proof), "--trust", str(files / trust), *map(str, more)]
    code = command.main(given)
    said = capsys.readouterr()
    return code, said.out, said.err


def test_a_good_proof_ends_with_0_and_six_lines_of_a_table(files, capsys):
    code, out, err = run(files, capsys, "--file", files / "file")
    lines = [line.split("\t") for line in out.splitlines()]

    assert (code, err, len(lines)) == (0, "", 7)
    assert lines[0] == ["LINE", "TEXT", "NOTE", "VERDICT"]
    assert [line[0] for line in lines[1:]] == [
        "content", "on chain", "signers", "time", "now", "not proven",
    ]  # fmt: skip
    assert lines[1][3] == "ok"


def test_another_document_ends_with_1(files, capsys):
    code, out, _ = run(files, capsys, "--file", files / "other", "-o", "tsv")

    assert code == 1
    assert out.splitlines()[1].endswith("\tfail")


@pytest.mark.parametrize(("form", "lines"), [("json", 32), ("jsonl", 1), ("table", 6)])
def test_a_verdict_has_its_forms(files, capsys, form, lines):
    code, out, _ = run(files, capsys, "-o", form)

    assert code == 0
    assert len(out.splitlines()) == lines
    if form != "table":
        verdict = json.loads(out)
        assert verdict["content"]["verdict"] == "not given"
        indent = 2 if form == "json" else None
        assert out == json.dumps(verdict, ensure_ascii=False, indent=indent) + "\n"


def test_on_a_terminal_the_verdict_is_for_people(files, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stdout", Terminal())
    code = command.main(["verify", str(files / "proof"), "--trust", str(files / "trust")])

    assert code == 0
    assert sys.stdout.getvalue().startswith("content     no file given")


def test_what_is_no_proof_ends_with_65(files, capsys):
    code, out, err = run(files, capsys, proof="other")

    assert (code, out) == (65, "")
    assert err.splitlines()[0].startswith("✗ not verified: ")
    assert err.splitlines()[-1] == "  code: json.malformed"


def test_a_file_that_is_not_there_ends_with_66(files, capsys):
    code, out, err = run(files, capsys, "-o", "json", proof="none")
    error = json.loads(out)["error"]

    assert code == error["exit"] == 66
    assert error["code"] == "io"
    assert "  next: check the path\n" in err


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_a_machine_is_told_the_error_too(files, capsys, form):
    code, out, err = run(files, capsys, "-o", form, trust="other")
    error = json.loads(out)["error"]

    assert code == error["exit"] == 65
    assert error["code"] == "trust.malformed"
    assert set(error) == {"code", "what", "why", "next", "exit"}
    assert error["why"] in err


@pytest.mark.parametrize(("size", "code"), [(0, "json"), (1, "proof.malformed")])
def test_a_file_is_read_up_to_its_limit_and_one_byte(files, monkeypatch, size, code):
    monkeypatch.setattr(command, "PROOF_BYTES_MAX", 1_000)
    (files / "large").write_bytes(b"x" * (1_000 + size))
    assert PROOF_BYTES_MAX == 8_388_608

    with pytest.raises(HansaError) as caught:
        command.judge(files / "large", files / "trust", None, 0)
    assert caught.value.code.startswith(code)


class Found:
    """An entry point of another distribution."""

    def __init__(self, result):
        self._result = result

    def load(self):
        """The whole command line."""
        return lambda: self._result


@pytest.mark.parametrize(("result", "code"), [(None, 0), (3, 3)])
def test_the_whole_command_line_is_taken_where_it_is_installed(monkeypatch, result, code):
    monkeypatch.setattr(command, "entry_points", lambda group: [Found(result)])

    assert command.command() == code


def test_without_it_this_one_runs(monkeypatch, capsys):
    monkeypatch.setattr(command, "entry_points", lambda group: [])
    monkeypatch.setattr(sys, "argv", ["hansa"])

    with pytest.raises(SystemExit):
        command.command()
    assert "COMMAND" in capsys.readouterr().err


# The files of several signers


def partly():
    """An unsigned transaction."""
    call = Call.of("doc", "register", {"id": "c"})
    signed = make("c", SIGNER, [call], expires_at=START_MS, nonce=b"n" * 16)
    return Partial(signed.body, signed.transaction, {})


def test_a_partly_signed_file_is_indented_by_two_and_sorted_as_its_signers():
    text = partly().sign(SIGNER).to_json().decode()

    assert text == json.dumps(json.loads(text), indent=2) + "\n"
    assert decode_partial(text.encode(), verify).complete().tx_id == partly().tx_id


def test_a_made_transaction_has_sixteen_random_bytes():
    call = Call.of("doc", "register", {})
    one, other = (make("c", SIGNER, [call], expires_at=1).transaction for _ in range(2))

    assert len(one.nonce) == 16
    assert one.nonce != other.nonce
    assert (one.type, one.version) == (0, 1)
