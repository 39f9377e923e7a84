"""The guide to the applications, run as a shell script on a network of real processes."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.network import ROOT
from tests.unit.node.examples import CLAIMS

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(180)]


def blocks_of(page):
    """The shell blocks of a page."""
    return re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def test_every_command_of_the_guide_works_as_it_stands(network, tmp_path):
    for name in ("contract.pdf", "terms.txt", "receipts.txt", "scope.txt"):
        (tmp_path / name).write_text(name)
    (tmp_path / "prices.json").write_text("{}")
    (tmp_path / "claims.json").write_text(json.dumps(CLAIMS))
    (tmp_path / "keys").mkdir()
    page = (ROOT / "docs" / "guides" / "applications.md").read_text(encoding="utf-8")
    page = page.replace("localhost:8600", network.entry("node0").api.removeprefix("http://"))
    script = "\n".join(["set -euo pipefail", *blocks_of(page)])
    # The one thing that a reader copies by hand: the id of the ballot.
    script = script.replace(
        "# prints the ballot", '-o json | grep -o \'"ballot": "[^"]*\' > ballot'
    )
    script = script.replace("vote BALLOT", "vote $(cut -d'\"' -f4 ballot)")
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        env={
            "HANSA_HOME": str(network.home),
            "HOME": str(tmp_path),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        },
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )

    assert done.returncode == 0, done.stderr[-3000:]
