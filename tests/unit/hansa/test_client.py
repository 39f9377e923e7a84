"""Both clients against the real API over a real chain in this process."""

import asyncio
import hashlib
import inspect
import socket
import subprocess
import sys
from functools import partial
from itertools import islice

import pytest

from hansa.client import AsyncClient, Client, FileCursor, MemoryCursor
from hansa.client import calls as asks
from hansa.client.events import LINE_BYTES_MAX, EventParser
from hansa.client.plain import base_of, not_final
from hansa.client.types import Fate, Submitted
from hansa.errors import HansaError, Rejected, Unavailable
from hansa.proof import decode_trust, parse_proof, verify_proof
from hansa.signing import verify
from hansa.transaction import Call
from node.api import ApiServer, ApiSettings
from node.contracts import describe_contracts
from node.local_node import LocalNode
from node.testing import LocalChain


def register(chain, name, **options):
    args = {"id": name, "digest": hashlib.sha256(name.encode()).digest()}
    return chain.sign([("doc", "register", args)], "farm", **options)


class Threaded:
    """The plain client, each call in a thread, so that one test drives both clients."""

    def __init__(self, client):
        self._client = client

    def __getattr__(self, name):
        return partial(asyncio.to_thread, getattr(self._client, name))


@pytest.fixture
def chain():
    return LocalChain()


@pytest.fixture
def node(chain):
    return LocalNode(chain)


@pytest.fixture
async def url(node):
    settings = ApiSettings(port=0)
    async with ApiServer(node, settings, version="0.1.0", contracts=describe_contracts) as server:
        yield server.url


@pytest.fixture(params=["async", "plain"])
async def client(request, url):
    if request.param == "async":
        async with AsyncClient(url) as client:
            yield client
    else:
        with Client(url + "/v1") as client:
            yield Threaded(client)


@pytest.fixture
def closed_url():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{sock.getsockname()[1]}"


def test_both_clients_have_the_same_methods():
    def methods(kind):
        return {
            name: list(inspect.signature(value).parameters)
            for name, value in vars(kind).items()
            if inspect.isfunction(value) and not name.startswith("_")
        }

    assert methods(AsyncClient) == {k: v for k, v in methods(Client).items() if k != "close"}


async def test_a_submitted_transaction_can_be_waited_for_and_read(client, chain):
    signed = register(chain, "a")
    promised = await client.submit(signed)
    fate = await client.wait(signed.tx_id, 1)
    reply = await client.transaction(signed.tx_id)
    receipt = await client.receipt(signed.tx_id)

    assert promised.tx_id == signed.tx_id.hex()
    assert fate == Fate(state="committed", code="OK", height=1, index=0)
    assert reply.transaction.tx_hash == signed.tx_hash.hex()
    assert receipt == reply.receipt


async def test_a_batch_tells_each_ones_fate(client, chain):
    batch = await client.submit_many([register(chain, "a"), register(chain, "b")], "commit", 1)

    assert [result.fate.state for result in batch.results] == ["committed", "committed"]


async def test_the_fate_of_what_nobody_heard_of_is_unknown(client):
    fate = await client.fate(bytes(32))

    assert fate.state == "unknown"


async def test_other_refusals_are_not_taken_for_unknown(client):
    with pytest.raises(Rejected, match=r"api\.parameter"):
        await client.wait(b"short")


async def test_refusals_keep_their_code_and_hint(client, chain):
    with pytest.raises(Rejected) as caught:
        await client.submit(register(chain, "a", expires_at=chain.time - 1))

    assert caught.value.code == "transaction.expired"


async def test_everything_can_be_read(client, chain, node):
    chain.commit([register(chain, "a")])
    status = await client.status()
    peers = await client.peers()
    consensus = await client.consensus()
    block = await client.block()
    blocks = await client.blocks(1)
    state = await client.state("doc/record/a")
    page = await client.scan("org/member/", 2)
    record = await client.record("doc", "a")
    contracts = await client.contracts()
    node.hold()
    ready = await client.ready()

    assert (status.height, len(peers.items), consensus.height) == (1, 3, 2)
    assert block.summary == blocks.items[0]
    assert state.value == record.record
    assert len(page.items) == 2
    assert "register" in contracts["doc"]
    assert [check.ok for check in ready.checks] == [True, False]


async def test_proofs_come_byte_for_byte(client, chain):
    signed = register(chain, "a")
    chain.commit([signed])
    trust = decode_trust(await client.trust())
    files = [await client.proof_tx(signed.tx_id), await client.proof_state("a key/that is not%")]

    verdicts = [verify_proof(parse_proof(file), trust, verify) for file in files]
    assert [verdict.on_chain.verdict for verdict in verdicts] == ["ok", "ok"]


async def test_a_trace_of_nothing_is_refused(client):
    with pytest.raises(Rejected, match=r"trace\.not-found"):
        await client.trace("https://id.gs1.org/01/09520600001012", "up", 3)


async def test_resubmitting_never_executes_twice(client, chain, node):
    node.hold()
    signed = register(chain, "a")
    await client.submit(signed)
    await node.release()
    first = await client.resubmit(signed, 5)
    second = await client.resubmit(signed, 5)

    assert first.fate == second.fate
    assert chain.height == 1


async def test_resubmitting_gives_up_in_time_with_the_reason(client, chain, node):
    node.hold()
    with pytest.raises(Unavailable) as caught:
        await client.resubmit(register(chain, "a"), 0)

    assert caught.value.code == "quorum.missing"


def test_a_wait_without_a_word_still_has_a_code():
    assert not_final(Submitted(tx_id="ab")).code == "wait.timeout"


async def test_nobody_listening_is_unreachable(closed_url, chain):
    plain, signed = Client(closed_url), register(chain, "a")
    with pytest.raises(Unavailable, match=r"node\.unreachable"):
        plain.status()
    with pytest.raises(Unavailable, match=r"node\.unreachable"):
        plain.resubmit(signed, 0)
    with pytest.raises(Unavailable, match=r"node\.unreachable"):
        next(plain.events())
    async with AsyncClient(closed_url) as client:
        with pytest.raises(Unavailable, match=r"node\.unreachable"):
            await client.status()
        with pytest.raises(Unavailable, match=r"node\.unreachable"):
            await client.resubmit(signed, 0)
        with pytest.raises(Unavailable, match=r"node\.unreachable"):
            await anext(client.events())


@pytest.mark.slow
async def test_resubmitting_outlives_a_node_that_starts_late(node, chain, closed_url):
    port = int(closed_url.rpartition(":")[2])
    signed, other = register(chain, "a"), register(chain, "b")
    plain = Client(closed_url)
    async with AsyncClient(closed_url) as client, asyncio.TaskGroup() as group:
        waiting = [
            group.create_task(client.resubmit(signed, 9)),
            group.create_task(asyncio.to_thread(plain.resubmit, other, 9)),
        ]
        with pytest.raises(Unavailable):
            await client.status()
        async with ApiServer(node, ApiSettings(port=port), version="0.1.0"):
            await asyncio.wait(waiting)
            plain.close()

    assert [task.result().fate.state for task in waiting] == ["committed", "committed"]


async def test_a_kept_connection_that_died_is_opened_again(node, closed_url):
    port = int(closed_url.rpartition(":")[2])
    client = Client(closed_url)
    async with ApiServer(node, ApiSettings(port=port), version="0.1.0"):
        await asyncio.to_thread(client.status)
    async with ApiServer(node, ApiSettings(port=port), version="0.1.0"):
        status = await asyncio.to_thread(client.status)
        client.close()

    assert status.height == 0


async def test_events_come_in_order_and_the_cursor_follows(url, chain, tmp_path):
    chain.commit([register(chain, "a")])
    chain.commit([register(chain, "b")])
    cursor = FileCursor(tmp_path / "cursor")
    async with AsyncClient(url) as client:
        events = client.events(("block", "tx"), 1, cursor)
        first = [await anext(events) for _ in range(3)]
        await events.aclose()
        events = client.events(("block", "tx"), 1, cursor)
        rest = [await anext(events) for _ in range(2)]
        await events.aclose()

    assert [event.id for event in first] == ["1", "1.0", "2"]
    assert [event.id for event in rest] == ["2", "2.0"]
    assert cursor.load() == "2"


async def test_the_plain_client_reads_events_too(url, chain):
    chain.commit([register(chain, "a")])
    chain.commit([register(chain, "b")])
    cursor = MemoryCursor("1")

    def read():
        events = Client(url).events(("tx",), cursor=cursor)
        found = list(islice(events, 2))
        events.close()
        return found

    found = await asyncio.to_thread(read)

    assert [event.id for event in found] == ["1.0", "2.0"]
    assert cursor.load() == "1.0"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["async", "plain"])
async def test_events_go_on_after_the_node_came_back(node, chain, closed_url, kind):
    port = int(closed_url.rpartition(":")[2])
    client = AsyncClient(closed_url) if kind == "async" else Client(closed_url)
    if kind == "async":
        await client.__aenter__()
    events = client.events(("block",), 1)

    async def following():
        if kind == "async":
            return await anext(events)
        return await asyncio.to_thread(next, events)

    chain.advance(1000)
    async with ApiServer(node, ApiSettings(port=port), version="0.1.0"):
        first = await following()
    chain.advance(1000)
    async with ApiServer(node, ApiSettings(port=port), version="0.1.0"):
        second = await following()
        await (events.aclose() if kind == "async" else asyncio.to_thread(events.close))
    if kind == "async":
        await client.__aexit__(None, None, None)

    assert [first.content.height, second.content.height] == [1, 2]


@pytest.mark.parametrize("types", [("blocks",)])
async def test_a_refused_stream_is_an_error(url, types):
    with pytest.raises(Rejected, match=r"api\.parameter"):
        await asyncio.to_thread(next, Client(url).events(types))
    async with AsyncClient(url) as client:
        with pytest.raises(Rejected, match=r"api\.parameter"):
            await anext(client.events(types))


@pytest.mark.parametrize(
    ("given", "base"),
    [
        ("http://127.0.0.1:8600", "http://127.0.0.1:8600"),
        ("http://127.0.0.1:8600/", "http://127.0.0.1:8600"),
        ("https://node0.acme.example/v1", "https://node0.acme.example"),
        ("localhost:8600", "http://localhost:8600"),
        ("http://[::1]:8600/v1/", "http://[::1]:8600"),
    ],
)
def test_addresses_are_taken_with_and_without_the_version(given, base):
    assert base_of(given) == base


@pytest.mark.parametrize("given", ["", "ftp://a", "http://", "http://a/v2", "http://a:port"])
def test_what_is_no_address_is_refused(given):
    with pytest.raises(Rejected, match=r"client\.url"):
        Client(given)


@pytest.mark.parametrize(
    ("status", "kind", "body", "code"),
    [
        (200, "application/json", b"{", "node.reply"),
        (200, "application/json", b'{"node": 1}', "node.reply"),
        (404, "text/html", b"<html>", "node.reply"),
        (502, "", b"", "node.reply"),
        (400, "application/problem+json", b"{}", "node.reply"),
    ],
)
def test_what_no_hansa_node_says_is_told_so(status, kind, body, code):
    with pytest.raises(HansaError) as caught:
        asks.read_reply(asks.status(), status, kind, body)

    assert caught.value.code == code


def test_events_are_parsed_in_any_pieces():
    stream = (
        b"retry: 1000\nid: 0.999999\n\n: idle\n\nevent: dropped\ndata: {}\n\nevent: tx\r\n"
        b'id: 3.1\r\ndata: {"tx_id":"ab","height":3,"index":1,"code":"OK"}\r\n\r\n'
    )
    whole, pieces = EventParser(), EventParser()
    events = list(whole.feed(stream))
    bytewise = [event for byte in stream for event in pieces.feed(bytes([byte]))]

    assert events == bytewise
    assert [event.id for event in events] == ["3.1"]
    assert whole.last_id == pieces.last_id == "3.1"


@pytest.mark.parametrize(
    "stream", [b"event: tx\ndata: {\n\n", b"event: block\n\n", b"x" * (LINE_BYTES_MAX + 1)]
)
def test_a_stream_that_is_none_is_refused(stream):
    with pytest.raises(Unavailable, match=r"node\.reply"):
        list(EventParser().feed(stream))


def test_a_file_cursor_begins_empty(tmp_path):
    assert FileCursor(tmp_path / "none").load() is None


def test_the_plain_client_loads_no_aiohttp():
    code = "import hansa.client, sys; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert {"aiohttp", "asyncio"} & set(done.stdout.split()) == set()


def test_other_names_are_not_there():
    import hansa.client

    with pytest.raises(AttributeError, match="Nobody"):
        hansa.client.Nobody  # noqa: B018


def test_a_made_transaction_is_signed_by_all(chain):
    from hansa.client.transactions import make

    call = Call.of("doc", "register", {"id": "a"})
    farm, roastery = chain.key("farm"), chain.key("roastery")
    one = make("c", farm, [call], expires_at=1, cosigners=[roastery])
    two = make("c", farm, [call], expires_at=1, cosigners=[roastery])

    assert one.verified_by(verify)
    assert one.transaction.signers == (farm.public, roastery.public)
    assert one.tx_id != two.tx_id
