"""Every example of docs/guides/sdk.md runs, in order, as a reader would run them."""

import asyncio
import re
import shlex

import pytest

from hansa.keyfile import create_dev_key_file
from node.cli.root import run
from node.network import Network, NodeEntry, write_network
from tests.tidy.tree import ROOT
from tests.unit.sdk.place import HEAD, event_row

GUIDE = ROOT / "docs" / "guides" / "sdk.md"
BLOCK = re.compile(r"^```(python|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def desk(server, tmp_path, monkeypatch):
    """What the guide supposes: a network, the keys of its members, some tables."""
    home = tmp_path / "net"
    (home / "keys").mkdir(parents=True)
    entry = NodeEntry("node0", "farm", "127.0.0.1", server.url, "127.0.0.1:1", "node0")
    write_network(home, Network(server.chain.chain_id, (entry,), development_keys=True))
    for member in server.chain.members:
        for path in (home / "keys" / f"{member}.json",
                     home / "members" / member / "keys" / "desk.json"):  # fmt: skip
            path.parent.mkdir(parents=True, exist_ok=True)
            create_dev_key_file(path, server.chain.key(member), "user")
    here = tmp_path / "here"
    (here / "waybills").mkdir(parents=True)
    (here / "waybills" / "w-1.txt").write_text("ten bags")
    (here / "papers.csv").write_text("file,id\nwaybills/w-1.txt,copy-1\n")
    (here / "events.csv").write_text(HEAD + event_row(1) + event_row(2))
    monkeypatch.chdir(here)
    monkeypatch.setenv("HANSA_HOME", str(home))
    return {"url": server.url, "keys": home / "keys", "asyncio": asyncio, "__name__": "guide"}


def test_the_examples_run_in_order(desk, capsys):
    blocks = BLOCK.findall(GUIDE.read_text(encoding="utf-8"))
    ran = []
    for kind, text in blocks:
        if kind == "python":
            exec(compile(text, f"{GUIDE.name}, block {len(ran)}", "exec"), desk)  # noqa: S102 - the guide
        else:
            for line in text.splitlines():
                name, *arguments = shlex.split(line.removeprefix("$ "))
                assert name == "hansa"
                assert run(arguments) == 0, capsys.readouterr().err
        ran.append(kind)

    assert (ran.count("python"), ran.count("console")) == (10, 2)
