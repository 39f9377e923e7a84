"""Processes of a network: told apart, watched, killed, stopped."""

import contextlib
import json
import socket
import subprocess
import sys

import pytest

from hansa.errors import Rejected, Unavailable
from node import demo
from node.network import NodeEntry

IDLE = "import signal, sys; print('up', flush=True); signal.pause()"
STUBBORN = (
    "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "print('up', flush=True)\nwhile True: signal.pause()"
)
ENTRY = NodeEntry("node0", "a", "127.0.0.1", "http://127.0.0.1:9", "127.0.0.1:9", "node0")


@pytest.fixture
def stand_in(tmp_path):
    """Starts a process that stands in for node0; nothing outlives the test."""
    home = tmp_path / "node0"
    home.mkdir()
    with contextlib.ExitStack() as stack:

        def start(program=IDLE, argument=None):
            process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", program, str(argument or home)], stdout=subprocess.PIPE
                )
            )
            stack.callback(process.kill)
            assert process.stdout.readline() == b"up\n"
            (home / "node.pid").write_text(f"{process.pid}\n")
            return process

        yield start


def ready(home, pid):
    """Say as a node does that the API answers."""
    (home / "ready.json").write_text(json.dumps({"pid": pid, "api": "http://127.0.0.1:9"}))


def test_a_node_is_ready_when_its_own_process_says_so(tmp_path, stand_in):
    process = stand_in()
    before = demo.inspect(tmp_path, ENTRY)
    ready(tmp_path / "node0", process.pid)
    after = demo.inspect(tmp_path, ENTRY)

    assert (before.pid, before.ready) == (process.pid, False)
    assert (after.pid, after.ready, after.api) == (process.pid, True, "http://127.0.0.1:9")


def test_what_an_earlier_process_said_is_not_believed(tmp_path, stand_in):
    process = stand_in()
    ready(tmp_path / "node0", process.pid + 1)

    assert not demo.inspect(tmp_path, ENTRY).ready


def test_a_number_that_was_reused_is_no_node(tmp_path, stand_in):
    stand_in(argument="/somewhere/else")

    assert demo.inspect(tmp_path, ENTRY).pid is None


@pytest.mark.parametrize("text", ["", "no number", "999999999"])
def test_a_pid_file_that_leads_nowhere_is_no_node(tmp_path, text):
    (tmp_path / "node0").mkdir()
    (tmp_path / "node0" / "node.pid").write_text(text)
    (tmp_path / "node0" / "ready.json").write_text("[]")

    assert demo.inspect(tmp_path, ENTRY).pid is None


def test_a_node_that_runs_is_not_started_again(tmp_path, stand_in):
    process = stand_in()

    assert demo.launch(tmp_path, [ENTRY]) == {"node0": process.pid}


def test_a_killed_node_is_gone_when_the_command_returns(tmp_path, stand_in):
    stand_in()
    process = demo.inspect(tmp_path, ENTRY)

    assert (demo.kill(process), demo.kill(demo.inspect(tmp_path, ENTRY))) == (True, False)
    assert demo.inspect(tmp_path, ENTRY).pid is None


def test_an_ordered_stop_waits_for_the_end(tmp_path, stand_in):
    stand_in()

    assert demo.stop([demo.inspect(tmp_path, ENTRY)]) == ("node0",)
    assert demo.stop([demo.inspect(tmp_path, ENTRY)]) == ()


def test_a_node_that_does_not_end_in_time_is_killed(tmp_path, stand_in):
    stand_in(STUBBORN)

    demo.stop([demo.inspect(tmp_path, ENTRY)], timeout_s=0.1)

    assert demo.inspect(tmp_path, ENTRY).pid is None


def test_a_node_that_ends_at_its_start_is_quoted(tmp_path):
    (tmp_path / "node0").mkdir()
    (tmp_path / "node0" / "config.toml").write_text("[node]\nnane = 1\n")
    started = demo.launch(tmp_path, [ENTRY])

    with pytest.raises(Unavailable) as told:
        demo.wait_ready(tmp_path, started, [ENTRY], 20)

    assert told.value.code == "node.died"
    assert "did you mean node.name" in told.value.detail


def test_a_node_that_is_never_ready_is_given_up(tmp_path, stand_in):
    process = stand_in()

    with pytest.raises(Unavailable) as told:
        demo.wait_ready(tmp_path, {"node0": process.pid}, [ENTRY], 0.05)

    assert told.value.code == "node.start-timeout"


def test_blocks_of_ports_with_a_taken_one_are_passed_over():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        found = demo.free_ports(port - 1, port + 100, 4)

    assert found[0] > port - 1
    assert found[1] - found[0] == 101
    assert (found[0] - port + 1) % demo.PORT_BLOCK == 0


def test_when_no_block_is_free_the_way_out_is_told(monkeypatch):
    monkeypatch.setattr(demo, "PORT_BLOCKS_MAX", 0)
    with pytest.raises(Rejected) as told:
        demo.free_ports(8600, 26600, 4)

    assert (told.value.code, "--api-port" in told.value.hint) == ("ports.taken", True)
