"""What is installed: the SDK works alone, nobody else ships our import names, the entry points."""

import subprocess
import sys
import tomllib
from importlib.metadata import distribution, entry_points, packages_distributions
from pathlib import Path

import msgspec
import pytest

from hansa.testing import GROUP, NAME
from node.testing import LocalChain
from tests.tidy.tree import PACKAGES, ROOT

OURS = {"hansa": "hansa-sdk"} | dict.fromkeys(set(PACKAGES) - {"hansa"}, "hansa-node")
SDK_NEEDS = ("msgpack", "msgspec", "nacl", "_cffi_backend", "cffi", "pycparser")
"""Import names of what hansa-sdk depends on, directly or not."""
DIGEST = bytes(range(32))


def requirements(name):
    """The bare names of what a pyproject asks for at run time."""
    project = tomllib.loads((ROOT / name).read_text(encoding="utf-8"))["project"]
    return {item.split(">")[0].split("=")[0].split("[")[0] for item in project["dependencies"]}


@pytest.fixture(scope="module")
def sdk_alone(tmp_path_factory):
    """A folder from which only hansa and what it depends on can be imported."""
    folder = tmp_path_factory.mktemp("sdk")
    (folder / "hansa").symlink_to(PACKAGES["hansa"])
    site = Path(msgspec.__file__).parent.parent
    for entry in site.iterdir():
        if entry.name.partition(".")[0] in SDK_NEEDS:
            (folder / entry.name).symlink_to(entry)
    return folder


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A proof, the trust file of its chain and the content that it is about."""
    folder = tmp_path_factory.mktemp("proof")
    with LocalChain() as chain:
        arguments = {"id": "contract-7", "digest": DIGEST}
        receipt = chain.submit([("doc", "register", arguments)], "farm")
        (folder / "p.json").write_bytes(chain.prove_tx(receipt.tx_id))
        (folder / "trust.json").write_bytes(chain.trust())
    return folder


def run_alone(sdk_alone, *arguments):
    """A Python that sees nothing of this environment but the folder."""
    code = f"import sys; sys.path[:0] = [{str(sdk_alone)!r}]; sys.argv[0] = 'hansa'; "
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", code + arguments[0], *arguments[1:]],
        check=False,
        capture_output=True,
        text=True,
    )


VERIFY = "import runpy; runpy.run_module('hansa', run_name='__main__')"


def test_without_the_node_the_sdk_verifies_a_proof(sdk_alone, files):
    paths = [str(files / "p.json"), "--trust", str(files / "trust.json")]

    done = run_alone(sdk_alone, VERIFY, "verify", *paths, "-o", "json")

    assert done.returncode == 0, done.stderr
    verdict = msgspec.json.decode(done.stdout)
    assert verdict["on_chain"]["verdict"] == verdict["signers"]["verdict"] == "ok"


def test_without_the_node_the_sdk_refuses_a_file_that_is_no_proof(sdk_alone, files):
    trust = str(files / "trust.json")

    done = run_alone(sdk_alone, VERIFY, "verify", trust, "--trust", trust)

    assert done.returncode == 65
    assert "Traceback" not in done.stderr


EXTRAS = {"asynchronous.py", "timestamp_check.py"}
"""Modules that need an extra: `hansa-sdk[client]`, `hansa-sdk[timestamp]`."""


def test_the_whole_vocabulary_imports_without_the_node_and_without_extras(sdk_alone):
    names = [
        ".".join(["hansa", *path.relative_to(PACKAGES["hansa"]).with_suffix("").parts])
        for path in sorted(PACKAGES["hansa"].rglob("*.py"))
        if path.name not in {"__init__.py", "__main__.py", *EXTRAS}
    ]

    done = run_alone(sdk_alone, "; ".join(f"import {name}" for name in names))

    assert done.returncode == 0, done.stderr


def test_no_other_distribution_ships_our_import_names():
    """`node`, `storage` and the others are taken on public registries too."""
    owners = packages_distributions()

    assert {name: set(owners.get(name, [owner])) for name, owner in OURS.items()} == {
        name: {owner} for name, owner in OURS.items()
    }


def test_the_command_and_the_in_process_chain_are_entry_points():
    scripts = {item.name: item.value for item in distribution("hansa-node").entry_points}

    assert scripts["hansa"] == "node.cli:main"
    assert [item.load() for item in entry_points(group=GROUP, name=NAME)] == [LocalChain]


def test_the_node_asks_for_the_sdk_with_its_client():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")

    assert '"hansa-sdk[client]"' in text


def test_every_dependency_has_its_reason_beside_it():
    for name in ("pyproject.toml", "sdk/pyproject.toml"):
        lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
        bare = [
            line
            for line in lines
            if line.startswith('  "') and ">=" in line and "#" not in line and line.count('"') == 2
        ]
        assert bare == []


def test_every_dependency_is_held_by_the_constraints():
    held = {
        line.partition("==")[0].lower().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    }

    asked = requirements("pyproject.toml") | requirements("sdk/pyproject.toml")

    assert asked - {"hansa-sdk"} <= held


def test_both_distributions_carry_the_licence():
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")

    assert "Apache License" in text
    assert (ROOT / "sdk" / "LICENSE").read_text(encoding="utf-8") == text


def test_both_distributions_have_one_version():
    versions = {
        tomllib.loads((ROOT / name).read_text(encoding="utf-8"))["project"]["version"]
        for name in ("pyproject.toml", "sdk/pyproject.toml")
    }

    assert len(versions) == 1
    assert f"[{versions.pop()}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
