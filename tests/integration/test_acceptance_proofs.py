"""Proofs outlive their network: everything here is judged after every node's home is deleted."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import msgpack
import msgspec
import nacl
import pytest

import hansa
from hansa.__main__ import judge
from hansa.errors import HansaError
from tests.integration.network import DemoNetwork, run_hansa

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(180)]

LINES = ["content", "on_chain", "signers", "time", "now", "not_proven"]
FLIPS = 300
"""Positions of a proof that are turned over, spread evenly."""
OFFLINE = """
import runpy, sys

def hook(event, arguments):
    if event.startswith("socket."):
        raise RuntimeError("a proof is checked without a network: " + event)

sys.addaudithook(hook)
sys.argv = ["hansa", *sys.argv[1:]]
runpy.run_module("hansa", run_name="__main__")
"""


@dataclass(frozen=True)
class Harvest:
    """What a network left behind.

    Attributes:
        folder: holds the files.
        removed: what `hansa demo rm` said.
        home: where the network was.
    """

    folder: Path
    removed: object
    home: Path

    def __getitem__(self, name):
        return self.folder / name


@pytest.fixture(scope="module")
def harvest(tmp_path_factory):
    """Proofs of a network that is gone."""
    folder = tmp_path_factory.mktemp("harvest")
    network = DemoNetwork(folder / "net" / "demo")
    network.home.parent.mkdir()
    try:
        network.up()
        held = folder / "contract.pdf"
        held.write_bytes(b"the contract")
        (folder / "other.pdf").write_bytes(b"another contract")
        sent = network.hansa(
            *("doc", "register", "--file", held, "--as", "roastery", "--wait", "-o", "json")
        ).document
        for words, name in (
            (("tx", sent["tx_id"]), "p.json"),
            (("state", f"doc/record/{sent['id']}"), "s.json"),
            (("state", "doc/record/nothing"), "absent.json"),
        ):
            proved = network.hansa("prove", *words, "-O", folder / name)
            assert proved.code == 0, proved.err
        (folder / "trust.json").write_bytes((network.home / "trust.json").read_bytes())
        removed = network.hansa("demo", "rm", "--yes", "-o", "json")
    finally:
        network.close()
    return Harvest(folder, removed, network.home)


def check(harvest, name, *words):
    """`hansa verify` of the command line."""
    return run_hansa(
        *("verify", harvest[name], "--trust", harvest["trust.json"], "-o", "json", *words),
        home=harvest.folder,
    )


def test_a_demo_is_removed_with_everything_in_it(harvest):
    assert harvest.removed.code == 0, harvest.removed.err
    assert harvest.removed.document == {"removed": str(harvest.home)}
    assert not harvest.home.exists()


@pytest.mark.parametrize("name", ["p.json", "s.json", "absent.json"])
def test_a_proof_is_judged_in_six_lines(harvest, name):
    ended = check(harvest, name)

    assert ended.code == 0, ended.err + ended.out
    lines = {key: value for key, value in ended.document.items() if key in LINES}
    assert list(lines) == LINES
    assert all(line.keys() >= {"verdict", "text"} for line in lines.values())


def test_the_document_that_is_held_is_compared(harvest):
    right = check(harvest, "p.json", "--file", harvest["contract.pdf"])
    wrong = check(harvest, "p.json", "--file", harvest["other.pdf"])

    assert right.code == 0
    assert "the file you hold is the one recorded" in right.document["content"]["text"]
    assert wrong.code == 1
    turned = [
        key for key in LINES if wrong.document[key]["verdict"] != right.document[key]["verdict"]
    ]
    assert turned == ["content"]


def test_what_is_no_proof_ends_with_65(harvest):
    harvest["broken.json"].write_bytes(harvest["p.json"].read_bytes()[:-10])

    ended = check(harvest, "broken.json")

    assert ended.code == 65
    assert ended.err.startswith("✗ ")


def test_a_stranger_needs_the_sdk_alone_and_no_network(harvest, tmp_path):
    packages = tmp_path / "packages"
    packages.mkdir()
    (packages / "hansa").symlink_to(Path(hansa.__file__).parent)
    site = Path(msgpack.__file__).parents[1]
    for one in ("msgpack", "msgspec", "nacl", "cffi", "pycparser"):
        if (site / one).exists():
            (packages / one).symlink_to(site / one)
    for compiled in site.glob("_cffi_backend*"):
        (packages / compiled.name).symlink_to(compiled)
    assert msgspec.__file__.startswith(str(site))
    assert nacl.__file__.startswith(str(site))

    def stranger(*words):
        return subprocess.run(
            [sys.executable, "-S", "-s", "-P", *words],
            env={"PYTHONPATH": str(packages), "HOME": str(tmp_path)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    words = [str(harvest["p.json"]), "--trust", str(harvest["trust.json"])]
    held = ["--file", str(harvest["contract.pdf"])]
    ended = stranger("-c", OFFLINE, "verify", *words, *held, "-o", "json")

    assert ended.returncode == 0, ended.stderr
    assert list(json.loads(ended.stdout))[: len(LINES)] == LINES
    assert stranger("-c", "import node").returncode == 1
    assert stranger("-c", "import aiohttp").returncode == 1


def verdicts(harvest, proof, now_ms):
    """The verdict of each line; None where it is no proof."""
    try:
        found = judge(proof, harvest["trust.json"], harvest["contract.pdf"], now_ms)
    except HansaError:
        return None
    return {name: line.verdict for name, line in found.lines}


def test_each_flipped_byte_turns_exactly_one_line_or_leaves_no_proof(harvest, tmp_path):
    whole = harvest["p.json"].read_bytes()
    now_ms = harvest["p.json"].stat().st_mtime_ns // 1_000_000
    good = verdicts(harvest, harvest["p.json"], now_ms)
    flipped = tmp_path / "flipped.json"
    wrong = {}
    for number in range(FLIPS):
        place = number * len(whole) // FLIPS
        changed = bytearray(whole)
        changed[place] ^= 1 << number % 8
        flipped.write_bytes(changed)
        found = verdicts(harvest, flipped, now_ms)
        turned = [] if found is None else [name for name in good if found[name] != good[name]]
        if found is not None and len(turned) != 1:
            wrong[place] = (turned, whole[place - 20 : place + 20])

    assert wrong == {}
