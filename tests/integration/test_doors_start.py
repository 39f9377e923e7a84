"""A node that cannot start says why, what to do, and ends with a code that fits.

Each case is a copy of the home of a node that has run and was stopped in order.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from hansa.keyfile import open_key_file
from storage import wal
from storage.keyspace import SCHEMA_KEY
from storage.level import LevelStore
from tests.integration.network import DemoNetwork, run_hansa, until

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(120)]

SMALL_DISK_BYTES = 2 * 1024 * 1024
CODES = {"api": "api.port-taken", "p2p": "p2p.listen"}


@pytest.fixture(scope="module")
def rested(tmp_path_factory):
    """The directory of a demo that has told its story and was stopped."""
    running = DemoNetwork(tmp_path_factory.mktemp("rested") / "demo")
    try:
        running.up()
        assert running.hansa("demo", "stop").code == 0
    finally:
        running.close()
    return running


@pytest.fixture
def home(rested, tmp_path):
    """A copy of one home."""
    copy = tmp_path / "home"
    shutil.copytree(rested.home / "node0", copy)
    return copy


def begin(home, **environment):
    """`hansa node start` in the background; ended by `end`."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "node.cli", "node", "start", "--home", str(home)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "HOME": str(home), **environment},
    )


def ready(home, process):
    """Wait until it serves."""
    until(lambda: (home / "ready.json").exists() or process.poll() is not None, 30, "a start")
    assert process.poll() is None, process.communicate()


def end(process):
    """Stop it in order; its exit code and what it wrote."""
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30)
    return process.returncode, err


def refused(home, **environment):
    """The start that fails: exit code and words."""
    with begin(home, **environment) as process:
        _, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    assert "  next: " in err
    return process.returncode, err


def test_a_home_that_rests_starts_and_stops(home):
    process = begin(home)
    ready(home, process)

    code, err = end(process)

    assert code == 0, err
    assert '"event": "node.stop"' in err


def test_a_home_in_use_is_told_apart(home):
    process = begin(home)
    ready(home, process)
    try:
        code, err = refused(home)
    finally:
        end(process)

    assert code == 75
    assert "code: home.in-use" in err
    assert f"pid {process.pid}" in err


@pytest.mark.parametrize("which", ["api", "p2p"])
def test_a_port_that_is_taken_is_named(home, which):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, err = refused(home, **{f"HANSA_{which.upper()}__LISTEN": f"127.0.0.1:{port}"})

    assert code == 75
    assert str(port) in err
    assert f"code: {CODES[which]}" in err


def test_a_wrong_passphrase_is_refused(tmp_path):
    made = run_hansa(
        *("net", "create", tmp_path / "net", "--members", "a,b,c,d", "--no-input"),
        home=tmp_path,
    )
    assert made.code == 0, made.err
    home = tmp_path / "net" / "node0"
    words = next(path for path in home.rglob("passphrase"))
    words.write_text("wrong words\n")

    code, err = refused(home)

    assert code == 77
    assert "code: key.passphrase" in err
    assert "wrong words" not in err


def votes(home):
    """The last segment of the vote log."""
    return max((home / "wal").glob("votes-*.wal"))


def test_a_torn_tail_of_the_vote_log_is_no_trouble(home):
    content = votes(home).read_bytes()
    votes(home).write_bytes(content[:-7])
    process = begin(home)

    ready(home, process)

    assert end(process)[0] == 0


def test_damage_in_the_middle_of_the_vote_log_stops_the_node(home):
    content = bytearray(votes(home).read_bytes())
    content[wal._SEGMENT_BYTES + wal._BATCH_BYTES + 5] ^= 1
    votes(home).write_bytes(content)

    code, err = refused(home)

    assert code == 74
    assert "code: wal.corrupt" in err
    assert votes(home).name in err
    assert "move" in err


def test_a_vote_log_that_is_gone_costs_no_start(home):
    votes(home).unlink()
    process = begin(home)

    ready(home, process)

    assert end(process)[0] == 0


def test_a_store_of_a_newer_version_is_refused(home):
    store = LevelStore(home / "data")
    store.write({SCHEMA_KEY: (99).to_bytes(4, "big")}, sync=True)
    store.close()

    code, err = refused(home)

    assert code == 75
    assert "code: store.newer-schema" in err


def test_an_unknown_setting_names_the_nearest_one(home):
    with (home / "config.toml").open("a") as file:
        file.write("\n[mempol]\ncount_max = 1\n")

    code, err = refused(home)

    assert code == 78
    assert "mempool" in err


@pytest.fixture
def small_disk(tmp_path):
    """A disk that is full soon."""
    place = tmp_path / "disk"
    place.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK_BYTES}", "tmpfs", str(place)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"no small disk can be mounted here: {done.stderr.strip()}")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=False)


def test_a_full_disk_stops_the_node_and_is_named(home, small_disk):
    there = small_disk / "home"
    shutil.copytree(home, there)
    fill(small_disk)

    code, err = refused(there)

    assert code == 74, err
    assert "No space left on device" in err
    assert Path(there, "wal").exists()


def fill(place):
    """Write until nothing more fits."""
    with (place / "ballast").open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            return


def test_development_keys_are_refused_on_a_real_chain(home):
    assert open_key_file(home / "keys" / "validator.json").dev
    text = (home / "config.toml").read_text()
    (home / "config.toml").write_text(text.replace("dev = true", "dev = false"))

    code, err = refused(home)

    assert code in {65, 77}
    assert "code: key.development" in err
