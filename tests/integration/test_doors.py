"""Each bad input at each door of a real node: a stable code, one count more, nothing lost.

The doors: JSON, MessagePack, a peer's frame, a file at the command line.
"""

import asyncio
import contextlib
import json
import resource
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from hansa.genesis import decode_genesis
from hansa.keyfile import open_key_file
from hansa.keys import parse_public_key
from hansa.signing import SigningKey
from ledger.boot import genesis_block
from node.gossip_messages import Transactions, encode_gossip
from p2p.frames import TRANSACTIONS
from p2p.mesh import Mesh
from p2p.peers import Identity, MeshPorts, PeerInfo, PeerTarget
from tests.integration.bad_inputs import AT_THE_DOOR, BLAMED, IN_THE_CALL, Maker, json_body
from tests.integration.network import until
from tests.integration.test_api_floods import CROWD

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(180)]

GROWTH_BYTES_MAX = 50 * 1024 * 1024
DOORS = {"json": "application/json", "msgpack": "application/msgpack"}
CROWD_SIZE, CROWD_SERVED = 10_000, 1_000


@pytest.fixture(scope="module")
def maker(network):
    """A member's desk, and a transaction that nothing may lose."""
    made = Maker(network)
    with network.client() as client:
        made.kept = made.prepare(client)
    return made


@pytest.fixture
def unharmed(network, maker):
    """After a test node0 has all its memory, its transactions, and no traceback in its log."""
    before = network.resident_bytes("node0")
    yield
    assert network.resident_bytes("node0") - before < GROWTH_BYTES_MAX
    assert "Traceback" not in network.log("node0")
    with network.client() as client:
        assert client.fate(maker.kept).state == "committed"
        assert client.submit(maker.good(), wait="commit").fate.state == "committed"


def post(url, body, kind):
    """Status and JSON of a POST."""
    request = urllib.request.Request(url, body, {"Content-Type": kind})  # noqa: S310 - loopback
    try:
        with urllib.request.urlopen(request, timeout=20) as reply:  # noqa: S310
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def names(table):
    return [row[0] for row in table]


@pytest.mark.parametrize("door", DOORS)
def test_what_the_api_refuses_has_a_code_and_a_count(network, maker, unharmed, door):
    url = network.entry("node0").api + "/v1/tx"
    for name, make, code in AT_THE_DOOR:
        raw = make(maker)
        metric = f'hansa_api_problems_total{{code="{code}"}}'
        before = network.metric("node0", metric)

        status, told = post(url, json_body(raw) if door == "json" else raw, DOORS[door])

        assert 400 <= status < 500, name
        assert told["code"] == code, name
        assert network.metric("node0", metric) == before + 1, name


@pytest.mark.parametrize("door", DOORS)
def test_what_a_contract_refuses_leaves_a_receipt(network, maker, unharmed, door):
    url = network.entry("node0").api + "/v1/tx?wait=commit"
    for name, make, code in IN_THE_CALL:
        raw = make(maker)

        status, told = post(url, json_body(raw) if door == "json" else raw, DOORS[door])

        assert status in {200, 202}, name
        assert (told["fate"]["state"], told["fate"]["code"]) == ("refused", code), name


@pytest.mark.parametrize("raw", [b"{", b"", b'{"tx": 1.5}', b'{"tx": "%%"}', b"[" * 64, bytes(64)])
def test_what_is_no_request_is_refused(network, unharmed, raw):
    status, told = post(network.entry("node0").api + "/v1/tx", raw, "application/json")

    assert 400 <= status < 500
    assert told["code"]


@pytest.mark.parametrize("name", names(AT_THE_DOOR))
def test_a_file_that_is_no_transaction_is_refused_at_the_command_line(
    network, maker, tmp_path, name
):
    make = {row[0]: row[1] for row in AT_THE_DOOR}[name]
    path = tmp_path / "bad.partial.json"
    path.write_bytes(make(maker))

    ended = network.hansa("tx", "submit", path, "-o", "json")

    assert ended.code == 65
    assert ended.document["error"]["code"].startswith(("partial.", "json.", "encoding."))
    assert "Traceback" not in ended.err


# -- the peer's door ---------------------------------------------------------------------------


class Intruder:
    """A mesh that speaks with one node, with a key of somebody's."""

    def __init__(self, network, key, name):
        genesis = decode_genesis((network.home / "genesis.json").read_bytes())
        first, _ = genesis_block(genesis)
        entry = network.entry("node0")
        (node,) = [one for one in genesis.nodes if one.name == "node0"]
        host, _, port = entry.p2p.rpartition(":")
        target = PeerTarget("node0", parse_public_key(node.transport_key), host, int(port))
        self.refusals = []
        self.up = asyncio.Event()
        self.mesh = Mesh(
            Identity(
                name=name,
                role="validator",
                chain_id=genesis.chain_id,
                genesis_hash=first.hash,
                key=key,
            ),
            ("127.0.0.1", 0),
            MeshPorts(
                targets=lambda: {"node0": target},
                known=lambda found: PeerInfo("node0", "validator") if found == target.key else None,
                on_frame=lambda *_: None,
                on_peer=lambda _, up: self.up.set() if up else self.up.clear(),
                on_refused=lambda _, refusal: self.refusals.append(refusal),
            ),
        )

    @contextlib.asynccontextmanager
    async def running(self):
        """Run the mesh inside the block."""
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.mesh.run())
            try:
                yield self
            finally:
                task.cancel()


async def reached(condition):
    """Wait until something is so, for ten seconds at most."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what it looks at tells nobody
            await asyncio.sleep(0.02)


async def test_a_peer_that_is_no_member_is_told_so_and_cut(network, unharmed):
    async with Intruder(network, SigningKey(bytes(31) + b"x"), "node9").running() as stranger:
        await reached(lambda: stranger.refusals)

        assert stranger.refusals[0].code == "unknown_node"
        assert stranger.refusals[0].hint
        assert not stranger.up.is_set()


async def test_a_members_bad_transactions_are_dropped_and_lies_end_the_connection(
    network, maker, unharmed
):
    """Played with node3's own key while node3 is down; the unit tests have every row."""
    network.kill("node3")
    good = maker.good()
    honest = [make(maker) for name, make, _ in AT_THE_DOOR if name not in BLAMED]
    (lie,) = [make(maker) for name, make, _ in AT_THE_DOOR if name == "wrongly signed"]
    key = open_key_file(network.home / "node3" / "keys" / "transport.json").key
    try:
        async with Intruder(network, key, "node3").running() as liar:
            await asyncio.wait_for(liar.up.wait(), 10)
            for raw in [*honest, good.raw]:
                liar.mesh.send("node0", TRANSACTIONS, encode_gossip(Transactions((raw,))))
            await asyncio.to_thread(known, network, good.tx_id)
            assert liar.up.is_set()
            liar.mesh.send("node0", TRANSACTIONS, encode_gossip(Transactions((lie,))))
            await reached(lambda: liar.refusals and not liar.up.is_set())
    finally:
        await asyncio.to_thread(network.start, "node3")

    assert liar.refusals[0].code == "penalised"
    penalised = [line for line in network.log_lines("node0") if line["event"] == "p2p.penalised"]
    assert penalised[-1]["reason"] == "transaction.offence"


def known(network, tx_id):
    """Wait until node0 has heard of a transaction."""
    with network.client() as client:
        until(lambda: client.fate(tx_id).state != "unknown", 10, "a good transaction")


# -- crowds ------------------------------------------------------------------------------------


def test_of_ten_thousand_connections_one_thousand_are_served(network, unharmed):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard < CROWD_SIZE + 500:
        pytest.skip(f"this user may open {hard} files only: ulimit -Hn")
    port = network.entry("node0").api.rpartition(":")[2]
    raised = (
        f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, ({hard}, {hard}))\n" + CROWD
    )
    with subprocess.Popen(
        [sys.executable, "-c", raised, port, str(CROWD_SIZE)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as crowd:
        found = json.loads(crowd.stdout.readline())
        crowd.communicate("\n")

    assert sum(found.values()) == CROWD_SIZE
    assert CROWD_SERVED - 20 <= found["200"] <= CROWD_SERVED
    until(lambda: network.status("node0"), 30, "an answer after the crowd")
