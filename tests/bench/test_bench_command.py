"""`hansa bench` on real processes: what it reports, and that it leaves nothing."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(120)]


def command(*arguments):
    return [sys.executable, "-P", "-m", "node.cli", "bench", *arguments]


def processes_of(folder):
    """Processes that name a folder on their command line."""
    wanted = os.fsencode(folder)
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if wanted in (entry / "cmdline").read_bytes():
                    found.append(entry.name)
            except OSError:
                continue
    return found


def test_a_short_run_reports_every_figure_and_leaves_nothing(tmp_path):
    environment = {**os.environ, "TMPDIR": str(tmp_path)}

    done = subprocess.run(
        command("--nodes", "4", "--seconds", "4", "--rate", "200", "--keys", "1000", "-o", "json"),
        capture_output=True,
        check=True,
        env=environment,
        cwd=tmp_path,
    )

    report = json.loads(done.stdout)
    assert 150 < report["tx_per_s"] < 250
    assert 0 < report["p50_ms"] <= report["p99_ms"]
    assert len(report["verify_limit_rounds"]) == 3
    assert report["fraction_of_limit"] == pytest.approx(
        4 * report["tx_per_s"] / report["verify_limit_per_s"], rel=0.01
    )
    assert (report["refused"], report["problems"], report["agree"]) == (0, {}, True)
    figures = ("signatures_verified", "fsyncs", "keys_written", "cpu_s", "resident_bytes")
    assert all(node[name] > 0 for node in report["nodes"] for name in figures)
    assert len(report["nodes"]) == 4
    assert {"seed", "keys", "nodes", "seconds"} <= set(report["parameters"])
    assert list(tmp_path.iterdir()) == []
    assert processes_of(tmp_path) == []


def test_an_interrupt_ends_everything(tmp_path):
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    running = subprocess.Popen(
        command("--seconds", "60", "--rate", "50"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment,
        cwd=tmp_path,
    )
    assert running.stderr is not None
    first = running.stderr.readline()

    running.send_signal(signal.SIGINT)
    running.communicate(timeout=60)

    assert b"nodes run" in first
    assert running.returncode == 130
    assert list(tmp_path.iterdir()) == []
    assert processes_of(tmp_path) == []
