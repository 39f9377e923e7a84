"""What loads what: the pure packages no shell, the command line's help nothing heavy."""

import subprocess
import sys

import pytest

HEAVY = {"aiohttp", "asyncio", "plyvel", "socket", "ssl", "nacl"}
SLOW = {"aiohttp", "asyncio", "plyvel", "nacl", "cryptography", "prometheus_client", "rich"}


def loaded_by(code):
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sorted(sys.modules))"],
        check=True,
        capture_output=True,
        text=True,
    )
    return set(done.stdout.split())


def test_the_pure_packages_load_no_shell():
    assert loaded_by("import consensus.replica, ledger.state, ledger.execution") & HEAVY == set()


def test_the_vocabulary_loads_no_client():
    assert loaded_by("import hansa.block, hansa.proof, hansa.epcis") & (HEAVY - {"nacl"}) == set()


@pytest.mark.parametrize("package", ["hansa", "consensus", "ledger", "p2p", "storage", "node"])
def test_a_package_itself_loads_nothing(package):
    """``__init__`` is empty of imports: whoever imports one module gets that module."""
    assert loaded_by(f"import {package}") & (HEAVY | SLOW) == set()


def test_the_help_of_the_command_line_loads_nothing_heavy():
    code = "from click.testing import CliRunner\nfrom node.cli.root import root\n"
    code += "assert CliRunner().invoke(root, ['--help']).exit_code == 0"

    assert loaded_by(code) & (SLOW - {"asyncio"}) == set()
