import subprocess
import sys

HEAVY = ("aiohttp", "asyncio", "plyvel", "socket", "ssl", "nacl")


def test_the_pure_packages_load_no_shell():
    code = "import consensus.replica, ledger.state, sys; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert set(HEAVY) & set(done.stdout.split()) == set()
