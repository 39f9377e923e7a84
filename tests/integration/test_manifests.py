"""A short random manifest on real processes, what it is made of, and that its faults are real.

Longer: `scripts/campaign manifest --seed N --home DIR`.
"""

import contextlib
import os
import random
import socket
import subprocess
import sys
import threading
import time

import pytest

from tests.integration.manifests import Manifest, Step, plan, play
from tests.integration.nemesis import STEP, build_clock
from tests.integration.network import until
from tests.integration.proxy import Proxy

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(180)]


def test_a_network_survives_a_random_manifest(network, tmp_path):
    seed = int(os.environ.get("HANSA_SEED", random.SystemRandom().randrange(10**6)))
    chance = random.Random(seed)
    faults = ["drop", chance.choice(("half_open", "delay", "throttle")), "clock"]
    chance.shuffle(faults)
    steps = tuple(Step(fault, chance.uniform(2.0, 4.0), 1.0) for fault in faults)
    manifest = Manifest(seed, 50, ("node1",), "node2", steps)

    fact = play(network, manifest, tmp_path / "promised")

    assert fact["promised"] > 50, f"seed {seed}"
    assert fact["bytes_through_proxies"] > 10_000
    if fact["skipped"] == ["clock"]:
        pytest.skip("all but the clock step: no C compiler")
    assert fact["skipped"] == []


def test_the_same_seed_gives_the_same_plan_and_others_give_others():
    plans = {plan(seed, 110) for seed in range(30)}

    assert plan(3, 110) == plan(3, 110)
    assert len(plans) == 30
    assert {step.fault for one in plans for step in one.steps} >= {
        "fill_disk",
        "clock",
        "cut_store",
    }


def test_a_stepped_clock_is_wrong_on_the_wall_and_right_on_the_wrist(tmp_path):
    library = build_clock(tmp_path)
    if library is None:
        pytest.skip("no C compiler")
    step = tmp_path / "step"
    step.write_bytes(STEP.pack(-600))
    environment = {**os.environ, "LD_PRELOAD": str(library), "CLOCK_STEP_FILE": str(step)}
    code = "import time; time.sleep(0.01); print(time.time(), time.monotonic())"
    command = [sys.executable, "-c", code]
    before, began = time.time(), time.monotonic()

    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)

    wall, wrist = map(float, done.stdout.split())
    assert before - 600 <= wall <= time.time() - 600
    assert began <= wrist <= time.monotonic()


# -- the proxy -----------------------------------------------------------------------------------


@contextlib.contextmanager
def echo():
    """A server that gives back what it is sent; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stop = threading.Event()

        def serve():
            while not stop.is_set():
                with contextlib.suppress(OSError):
                    connection, _ = listener.accept()
                    threading.Thread(target=give_back, args=(connection,), daemon=True).start()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            stop.set()
            with contextlib.suppress(OSError), socket.create_connection(listener.getsockname()):
                pass
            thread.join()


def give_back(connection):
    with connection, contextlib.suppress(OSError):
        while received := connection.recv(4_096):
            connection.sendall(received)


@contextlib.contextmanager
def through():
    """A proxy before an echo, and one connection through it."""
    with echo() as port, Proxy({"here": 1, "there": port}) as proxy:
        link = proxy.links["here", "there"]
        with socket.create_connection(("127.0.0.1", link.port), timeout=0.3) as connection:
            yield proxy, link, connection


def ask(connection, words=b"hello"):
    """What comes back, and how long that takes."""
    began = time.monotonic()
    connection.sendall(words)
    received = b""
    while len(received) < len(words):
        piece = connection.recv(65_536)
        if not piece:
            raise ConnectionResetError
        received += piece
    return received, time.monotonic() - began


def test_a_proxy_passes_bytes_as_they_are():
    with through() as (_, link, connection):
        words = random.Random(1).randbytes(100_000)
        connection.settimeout(10)

        assert ask(connection, words)[0] == words
        assert link.passed == 2 * len(words)


def test_a_late_link_is_late():
    with through() as (proxy, link, connection):
        connection.settimeout(10)
        proxy.order([link], delay_s=0.15)

        assert ask(connection)[1] >= 0.3


def test_a_slow_link_is_slow():
    with through() as (proxy, link, connection):
        connection.settimeout(10)
        proxy.order([link], rate=10_000)

        assert ask(connection, b"x" * 2_000)[1] >= 0.4


def test_a_half_open_link_says_nothing_and_goes_on_when_it_is_mended():
    with through() as (proxy, link, connection):
        proxy.order([link], is_silent=True)
        with pytest.raises(TimeoutError):
            ask(connection)
        proxy.mend()
        connection.settimeout(10)

        assert connection.recv(10) == b"hello"


def test_a_cut_link_ends_its_connections_and_a_refused_one_takes_no_new_ones():
    with through() as (proxy, link, connection):
        connection.settimeout(10)
        assert ask(connection)[0] == b"hello"
        proxy.order([link], is_refused=True)
        proxy.cut([link])

        assert link.cuts == 2
        with pytest.raises(OSError, match=r"reset|pipe|closed|^$"):
            until(lambda: ask(connection) and None, 5, "the end of the connection")
        with (
            pytest.raises(OSError, match=r"reset|pipe|closed|^$"),
            socket.create_connection(("127.0.0.1", link.port), timeout=10) as other,
        ):
            until(lambda: ask(other) and None, 5, "the end of the other connection")


def test_a_configuration_is_rewritten_for_the_links_of_its_node_alone():
    text = (
        '[node]\nname = "node0"\n[p2p]\nlisten = "127.0.0.1:5"\n'
        'peers = [{name = "node1", key = "k", address = "127.0.0.1:6"}, '
        '{name = "else", key = "k", address = "127.0.0.1:7"}]\n'
    )
    with Proxy({"node0": 5, "node1": 6}) as proxy:
        changed = proxy.rewrite("node0", text)

        port = proxy.links["node0", "node1"].port
        assert changed == text.replace("127.0.0.1:6", f"127.0.0.1:{port}")
