"""`python -m hansa verify`: check a proof with nothing but the SDK, offline.

The command `hansa verify` of a node's installation calls the same `judge`, so both give the
same six lines and the same exit codes: 0 nothing contradicts, 1 a line turned, 65 no proof.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import entry_points
from pathlib import Path

from hansa.errors import HansaError, Rejected
from hansa.proof import PROOF_BYTES_MAX, Verdict, decode_trust, parse_proof, verify_proof
from hansa.proof_judge import StampJudge
from hansa.proof_words import LANGUAGES
from hansa.signing import verify
from hansa.trust import TRUST_BYTES_MAX, Trust

FORMS = ("table", "json", "jsonl", "tsv")
EXIT_NO_PROOF = 65
EXIT_NO_FILE = 66


def judge(
    proof: Path, trust: Path, content: Path | None, now_ms: int, language: str = "en"
) -> Verdict:
    """The verdict on a proof file.

    Args:
        proof: the proof file.
        trust: the reader's trust file.
        content: the document that is compared, if any.
        now_ms: the reader's clock, ms since 1970.
        language: of the sentences, ``en`` or ``zh``.

    Raises:
        Rejected: ``proof.*`` or others when it is no proof, ``trust.*`` when that is no trust file.
        OSError: a file cannot be read.
    """
    believed = decode_trust(_read(trust, TRUST_BYTES_MAX))
    parsed = parse_proof(_read(proof, PROOF_BYTES_MAX))
    held = None if content is None else content.read_bytes()
    stamps = stamp_judge(believed) if parsed.extras.tokens else None
    return verify_proof(parsed, believed, verify, held, now_ms, language=language, stamps=stamps)


def stamp_judge(trust: Trust) -> StampJudge | None:
    """The judge of time-stamps; None, and a word on stderr, where its extra is not installed.

    Raises:
        Rejected: ``trust.malformed``: an authority's certificate is none.
    """
    try:
        from hansa.timestamp_check import Authorities  # noqa: PLC0415 - an extra
    except ModuleNotFoundError:
        sys.stderr.write("  time-stamps are not checked: pip install 'hansa-sdk[timestamp]'\n")
        return None
    return Authorities(trust.time_authorities).check


def show(verdict: Verdict, form: str, language: str = "en") -> str:
    """A verdict as text, in one of `FORMS`; the language is that of its sentences."""
    document = verdict.to_json()
    if form == "json":
        return json.dumps(document, ensure_ascii=False, indent=2)
    if form == "jsonl":
        return json.dumps(document, ensure_ascii=False)
    if form == "tsv":
        rows = [
            (name.replace("_", " "), line.text, line.note, line.verdict)
            for name, line in verdict.lines
        ]
        return "\n".join("\t".join(row) for row in (("LINE", "TEXT", "NOTE", "VERDICT"), *rows))
    return verdict.to_text(language)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code."""
    given = _parser().parse_args(arguments)
    form = given.output or ("table" if sys.stdout.isatty() else "tsv")
    try:
        now_ms = time.time_ns() // 1_000_000
        verdict = judge(given.proof, given.trust, given.file, now_ms, given.lang)
    except HansaError as error:
        return _fail(error.detail, error.hint or "ask for the proof again", error.code, form)
    except OSError as error:
        return _fail(f"{error.filename}: {error.strerror}", "check the path", "io", form)
    sys.stdout.write(show(verdict, form, given.lang) + "\n")
    return verdict.exit_code


def command() -> int:
    """The script `hansa`: the whole command line where hansa-node is installed, else `main`.

    Both distributions bring a script of this name, and the one installed last stays; so this
    one hands over to the other where that is there.
    """
    for found in entry_points(group="hansa.command"):
        whole: Callable[[], int | None] = found.load()
        return whole() or 0
    return main()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m hansa", description="Check proofs offline.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("verify", help="check a proof file")
    command.add_argument("proof", type=Path, help="the proof file")
    command.add_argument("--trust", type=Path, required=True, help="your own trust file")
    command.add_argument("--file", type=Path, help="the document that you hold")
    command.add_argument("--lang", choices=LANGUAGES, default="en", help="of the sentences")
    command.add_argument("-o", "--output", choices=FORMS, help="form of the result")
    return parser


def _fail(why: str, hint: str, code: str, form: str) -> int:
    """Tell an error in four parts; the exit code."""
    what = "not verified"
    sys.stderr.write(f"✗ {what}: {why}\n  next: {hint}\n  code: {code}\n")
    exit_code = EXIT_NO_FILE if code == "io" else EXIT_NO_PROOF
    if form in {"json", "jsonl"}:
        error = {"code": code, "what": what, "why": why, "next": hint, "exit": exit_code}
        sys.stdout.write(json.dumps({"error": error}, ensure_ascii=False) + "\n")
    return exit_code


def _read(path: Path, limit: int) -> bytes:
    """A file's bytes, at most one more than a parser takes.

    Raises:
        Rejected: ``proof.malformed`` when it is larger.
    """
    with path.open("rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise Rejected("proof.malformed", f"{path} has more than {limit} bytes")
    return content


if __name__ == "__main__":
    sys.exit(main())
