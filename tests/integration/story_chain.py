"""A network of one node for stories: the demo's founders, served over HTTP, rules switched off.

The promise: the chain is the real ledger with real signatures behind the real API, and its home
is laid out like the demo's; only what a `Switch` names is off. A story cannot tell it from a
demo network, but that block time runs faster here.
"""

import asyncio
import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import resources

from hansa.genesis import Genesis, LegalId, Member, Node
from hansa.hashing import tagged_hash
from hansa.keyfile import create_dev_key_file
from hansa.keys import public_key_text
from hansa.signing import SigningKey, verify
from hansa.trust import decode_trust
from ledger.boot import genesis_block
from ledger.contracts import CONTRACTS
from ledger.execution import Ledger
from node.api.server import ApiServer, ApiSettings
from node.local_node import LocalNode
from node.network import Network, NodeEntry, write_network
from node.stories.run import Theatre, run
from node.story import coffee
from node.testing import LocalChain
from storage.kv import MemoryStore

TICK_S = 0.1
"""Between two blocks while nobody asks for any, so that the clocks of stories ring."""
SPEED = 4
"""Seconds on the chain for each on the wall: stories wait some ten seconds for a clock to ring."""


@dataclass
class Switch:
    """What is switched off.

    Attributes:
        profiles: edits of ready profiles, by name: each takes the profile's map and changes it.
        patches: (object, attribute, value) of the ledger's code, in force while stories play.
        contracts: contracts in the place of others, by name.
    """

    profiles: dict = field(default_factory=dict)
    patches: tuple = ()
    contracts: dict = field(default_factory=dict)


def without_guards(*rules):
    """An edit that takes these guards out of a profile.

    Raises:
        AssertionError: the profile has no such guard, so that nothing would be switched off.
    """

    def edit(profile):
        found = set()
        for row in profile["machine"]["transitions"]:
            kept = [one for one in row.get("guard", ()) if one["rule"] not in rules]
            found |= {one["rule"] for one in row.get("guard", ())} & set(rules)
            if "guard" in row:
                row["guard"] = kept
        assert found == set(rules), (found, rules)

    return edit


class StoryChain(LocalChain):
    """The demo's four founders and one validator."""

    def __init__(self, switch):
        """Start at genesis, now."""
        self.members = tuple(one.name for one in coffee().members)
        self.genesis = self._demo_genesis()
        self.store = MemoryStore()
        self.first, batch = genesis_block(self.genesis)
        self.store.write(batch, sync=True)
        self.ledger = Ledger.open(self.store, verify, {**CONTRACTS, **switch.contracts})
        self._certificate = None
        self._nonces = 0
        self._time = self.genesis.time
        self._started = time.monotonic()

    def _demo_genesis(self):
        members = tuple(
            Member(
                name=one.name,
                legal_id=LegalId(one.legal_id.scheme, one.legal_id.value),
                names=one.names,
                key=self._text(one.name),
                prefixes=one.prefixes,
                glns=one.glns,
            )
            for one in coffee().members
        )
        keys = [self._text(f"node0/{use}") for use in ("validator", "transport")]
        node = Node("node0", members[0].name, *keys, "validator")
        now = time.time_ns() // 1_000_000
        return Genesis(chain_id="hansa-stories", time=now, members=members, nodes=(node,))

    @staticmethod
    def _text(name):
        return public_key_text(SigningKey(tagged_hash("local-chain-key", name.encode())).public)

    def _build(self, transactions):
        """As the real one, but time goes with the wall's clock, however many blocks there are."""
        passed = int((time.monotonic() - self._started) * 1_000) * SPEED
        staged = self.ledger.build(
            transactions,
            time=max(self.genesis.time + passed, self.time + 1),
            primary="node0",
            last_certificate=self._certificate,
            allow_empty=True,
        )
        assert staged is not None
        return staged

    def publish(self, edits):
        """Put edited profiles in force before any story asks for them."""
        for name, edit in edits.items():
            file = resources.files("ledger").joinpath("profiles", f"{name}.json")
            profile = json.loads(file.read_text("utf-8"))
            edit(profile)
            first, *others = self.members
            proposed = self.submit([("profile", "propose", {"profile": profile})], first)
            assert proposed.code == "OK", proposed.error_fields()
            ballot = proposed.calls[0].value()["ballot"]
            for member in others[:2]:
                vote = ("governance", "vote", {"id": ballot, "approve": True})
                assert self.submit([vote], member).code == "OK"


@contextmanager
def story_network(home, switch=None):
    """A running network whose directory is `home`: its `Theatre`."""
    switch = switch or Switch()
    chain = StoryChain(switch)
    chain.publish(switch.profiles)
    started, ended = threading.Event(), threading.Event()
    urls, failures = [], []

    async def serve():
        node = LocalNode(chain)
        async with ApiServer(node, ApiSettings(port=0), version="local") as server:
            urls.append(server.url)
            started.set()
            while not ended.is_set():
                await asyncio.sleep(TICK_S)
                chain.advance(0)

    def work():
        try:
            asyncio.run(serve())
        except BaseException as error:  # noqa: BLE001 - told to the test below
            failures.append(error)
        finally:
            started.set()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        started.wait()
        if not failures:
            _write_home(home, chain, urls[0])
            yield Theatre(
                api=urls[0],
                home=home,
                development=True,
                trust=decode_trust(chain.trust()),
                folder=None,
                alone=False,
                tell=lambda line: None,
            )
    finally:
        ended.set()
        thread.join()
    assert not failures, failures


def _write_home(home, chain, url):
    home.mkdir(parents=True, exist_ok=True)
    entry = NodeEntry("node0", chain.members[0], "127.0.0.1", url, "127.0.0.1:1", "node0")
    write_network(home, Network(chain.chain_id, (entry,), development_keys=True))
    (home / "trust.json").write_bytes(chain.trust())
    for member in chain.members:
        keys = home / "members" / member / "keys"
        keys.mkdir(parents=True, exist_ok=True)
        create_dev_key_file(keys / "member.json", chain.key(member), "member")


def play(home, stories, switch=None, monkeypatch=None):
    """Play stories on a fresh network, with a rule switched off: what is left of each."""
    for target, name, value in (switch or Switch()).patches:
        monkeypatch.setattr(target, name, value, raising=False)
    with story_network(home, switch) as theatre:
        return run(theatre, stories)
