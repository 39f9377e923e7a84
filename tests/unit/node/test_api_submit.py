"""Submitting over real sockets to a real chain in this process."""

import asyncio

import aiohttp
import msgpack
import msgspec
import pytest

from hansa.client.promise import Promise, PromiseEntry, SignedPromise
from hansa.client.types import SubmittedBatch
from hansa.keys import parse_public_key
from hansa.signing import verify
from hansa.transaction import TRANSACTION_BYTES_MAX
from node.api import ApiServer, ApiSettings
from node.contracts import describe_contracts
from node.local_node import LocalNode
from node.testing import LocalChain
from tests.unit.node.doors import JSON, MSGPACK, b64, get, post, register


@pytest.fixture
def chain():
    return LocalChain()


@pytest.fixture
def node(chain):
    return LocalNode(chain)


@pytest.fixture
async def api(node):
    settings = ApiSettings(port=0, connections_max=20, subscribers_max=2)
    async with ApiServer(node, settings, version="0.1.0", contracts=describe_contracts) as server:
        yield server


@pytest.fixture
async def http(api):
    async with aiohttp.ClientSession(api.url) as session:
        yield session


async def test_a_transaction_is_promised_at_once_and_committed_when_waited_for(http, chain, node):
    node.hold()
    signed = register(chain, "a")
    status, promised, _ = await post(http, "/v1/tx", signed.raw, MSGPACK)
    await node.release()
    waited, committed, _ = await post(http, "/v1/tx?wait=commit", signed.raw, MSGPACK)

    assert (status, promised["tx_id"]) == (202, signed.tx_id.hex())
    assert "fate" not in promised
    assert waited == 200
    assert committed["fate"]["state"] == "committed"


async def test_the_promise_is_signed_by_the_node_over_both_ids_and_the_expiry(http, chain, node):
    node.hold()
    signed = register(chain, "a")
    _, reply, _ = await post(http, "/v1/tx", signed.raw, MSGPACK)
    view = reply["promise"]
    entry = PromiseEntry(signed.tx_id, signed.tx_hash, signed.transaction.expires_at)
    promise = Promise(chain.chain_id, view["node"], view["promised_at"], (entry,))
    key = parse_public_key(view["key"])

    assert SignedPromise(promise, key, bytes.fromhex(view["signature"])).verified_by(verify)
    assert key == chain.key("node0/transport").public


async def test_json_and_messagepack_are_two_doors_to_the_same_transaction(http, chain, node):
    node.hold()
    signed = register(chain, "a")
    _, one, _ = await post(http, "/v1/tx", signed.raw, MSGPACK)
    _, other, _ = await post(http, "/v1/tx", msgspec.json.encode({"tx": b64(signed.raw)}), JSON)

    assert one == other


async def test_the_same_bytes_give_the_first_result_again(http, chain):
    signed = register(chain, "a")
    _, first, _ = await post(http, "/v1/tx?wait=commit", signed.raw, MSGPACK)
    status, second, _ = await post(http, "/v1/tx?wait=check", signed.raw, MSGPACK)

    assert status == 200
    assert second["fate"] == first["fate"]
    assert second["receipt"] == first["receipt"]
    assert chain.height == 1


async def test_a_wait_without_a_quorum_is_202_and_says_who_is_missing(http, chain, node):
    node.hold()
    signed = register(chain, "a")
    status, reply, _ = await post(http, "/v1/tx?wait=commit&timeout=1ms", signed.raw, MSGPACK)

    assert status == 202
    assert reply["fate"]["state"] == "pending"
    assert reply["not_yet"]["code"] == "quorum.missing"
    assert reply["not_yet"]["detail"].startswith(
        "no quorum, 1 of 4 validators reachable, 3 needed (missing: "
    )


async def test_a_wait_ends_when_the_quorum_returns(http, chain, node):
    node.hold()
    signed = register(chain, "a")
    await post(http, "/v1/tx", signed.raw, MSGPACK)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(post(http, "/v1/tx?wait=commit", signed.raw, MSGPACK))
        await get(http, "/v1/status")
        await node.release()
    status, reply, _ = waiting.result()

    assert (status, reply["fate"]["state"]) == (200, "committed")


async def test_a_contracts_refusal_is_an_answer_with_a_receipt(http, chain):
    await post(http, "/v1/tx?wait=commit", register(chain, "a").raw, MSGPACK)
    signed = register(chain, "a")
    status, reply, _ = await post(http, "/v1/tx?wait=commit", signed.raw, MSGPACK)

    assert (status, reply["fate"]["state"], reply["fate"]["code"]) == (200, "refused", "EXISTS")
    assert reply["receipt"]["code"] == "EXISTS"


async def test_a_batch_has_one_promise_and_an_answer_for_each(http, chain):
    good, bad = register(chain, "a"), register(chain, "b")
    raws = [good.raw, bad.raw[:-1] + bytes([bad.raw[-1] ^ 1]), b"junk"]
    status, reply, _ = await post(http, "/v1/txs?wait=commit", msgpack.packb(raws), MSGPACK)
    batch = msgspec.convert(reply, SubmittedBatch)

    assert status == 200
    assert batch.results[0].fate.state == "committed"
    assert batch.results[1].problem.code == "transaction.signature"
    assert batch.results[2].problem.code == "encoding.malformed"
    assert batch.promise is not None


async def test_a_batch_that_is_not_waited_for_is_202(http, chain, node):
    node.hold()
    body = msgspec.json.encode({"txs": [b64(register(chain, name).raw) for name in "ab"]})
    status, reply, _ = await post(http, "/v1/txs", body, JSON)
    waited, again, _ = await post(http, "/v1/txs?wait=commit&timeout=1ms", body, JSON)

    assert (status, waited) == (202, 202)
    assert [result["tx_id"] for result in reply["results"]] == [
        result["tx_id"] for result in again["results"]
    ]
    assert again["not_yet"]["code"] == "quorum.missing"


DEEP = b'{"tx":' + b"[" * 64 + b"]" * 64 + b"}"
DEEPER = b"[" * 100_000
BAD_BODIES = [
    ("empty", b"", JSON, 400, "api.body"),
    ("cut", b'{"tx": "aa', JSON, 400, "api.body"),
    ("no object", b"[]", JSON, 400, "api.body"),
    ("unknown field", b'{"tx": "aa", "why": 1}', JSON, 400, "api.body"),
    ("float", b'{"tx": 1.5}', JSON, 400, "api.body"),
    ("64 deep", DEEP, JSON, 400, "api.body"),
    ("100,000 deep", DEEPER, JSON, 400, "api.body"),
    ("null byte", b'{"tx": "a\\u0000"}', JSON, 400, "api.body"),
    ("no base64", b'{"tx": "a*"}', JSON, 400, "api.body"),
    ("no UTF-8", b'{"tx": "\xff"}', JSON, 400, "api.body"),
    ("other type", b"<tx/>", {"Content-Type": "text/xml"}, 415, "api.media-type"),
    ("compressed", b"x", MSGPACK | {"Content-Encoding": "gzip"}, 415, "api.encoding"),
    ("no MessagePack", b"\xc1", MSGPACK, 400, "encoding.malformed"),
    ("map", msgpack.packb({"a": 1}), MSGPACK, 400, "encoding.malformed"),
    ("deep", b"\x91" * 2000 + b"\x90", MSGPACK, 400, "encoding.malformed"),
    ("large", b"x" * (TRANSACTION_BYTES_MAX + 1), MSGPACK, 413, "transaction.too-large"),
    ("larger", b"x" * 2 * TRANSACTION_BYTES_MAX, MSGPACK, 413, "api.too-large"),
]


@pytest.mark.parametrize("case", BAD_BODIES, ids=lambda case: case[0])
async def test_bad_bodies_have_a_stable_code_and_count_one(api, http, case):
    _, body, headers, status, code = case
    got, problem, reply_headers = await post(http, "/v1/tx", body, headers)

    assert (got, problem["code"]) == (status, code)
    assert reply_headers["Content-Type"].startswith("application/problem+json")
    assert problem["type"] == f"urn:hansa:problem:{code}"
    assert f'hansa_api_problems_total{{code="{code}"}} 1.0' in api.metrics.text().decode()


BAD_BATCHES = [
    ("empty", msgpack.packb([]), MSGPACK, 400, "api.body"),
    ("no array", msgpack.packb(1), MSGPACK, 400, "api.body"),
    ("strings", msgpack.packb(["a"]), MSGPACK, 400, "api.body"),
    ("cut", b"\x92\xc4", MSGPACK, 400, "api.body"),
    ("too many", msgpack.packb([b"x"] * 1001), MSGPACK, 413, "api.too-large"),
    ("too many", b'{"txs":[' + b",".join([b'"aa"'] * 1001) + b"]}", JSON, 413, "api.too-large"),
    ("one bad", b'{"txs":["aa", "*"]}', JSON, 400, "api.body"),
]  # fmt: skip


@pytest.mark.parametrize("case", BAD_BATCHES, ids=lambda case: case[0])
async def test_bad_batches_have_a_stable_code(http, case):
    _, body, headers, status, code = case
    got, problem, _ = await post(http, "/v1/txs", body, headers)

    assert (got, problem["code"]) == (status, code)


def wrong(chain, kind):
    """A transaction with one thing wrong."""
    if kind == "chain":
        other = LocalChain()
        other.genesis = msgspec.structs.replace(other.genesis, chain_id="other")
        return other.sign([("doc", "register", {})], "farm")
    if kind == "expired":
        return register(chain, "a", expires_at=chain.time - 1)
    if kind == "far":
        return register(chain, "a", expires_at=chain.time + 2 * 24 * 3_600_000)
    return register(chain, "a", "stranger")


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("chain", "transaction.chain"),
        ("expired", "transaction.expired"),
        ("far", "transaction.expiry-far"),
        ("sender", "transaction.sender"),
    ],
)
async def test_what_no_block_can_hold_is_refused_at_the_door(http, chain, kind, code):
    status, problem, _ = await post(http, "/v1/tx", wrong(chain, kind).raw, MSGPACK)

    assert (status, problem["code"]) == (422, code)


async def test_a_body_without_a_length_is_refused(http):
    async def chunks():
        yield b"x"

    async with http.post("/v1/tx", data=chunks(), headers=MSGPACK) as response:
        problem = await response.json(content_type=None)

    assert (response.status, problem["code"]) == (411, "api.length")


class Stuck(LocalNode):
    """A node whose disk takes no promise any more."""

    async def submit(self, raws):
        await asyncio.Event().wait()


@pytest.mark.parametrize("route", ["/v1/tx", "/v1/txs"])
async def test_who_waits_at_a_node_that_stops_is_told_so(chain, route):
    settings = ApiSettings(port=0)
    raw = register(chain, "a").raw
    body = raw if route == "/v1/tx" else msgpack.packb([raw])
    async with aiohttp.ClientSession() as session:
        async with ApiServer(Stuck(chain), settings, version="0.1.0") as server:
            waiting = asyncio.ensure_future(
                session.post(server.url + route, data=body, headers=MSGPACK)
            )
            await asyncio.wait([waiting], timeout=0.2)
        response = await waiting
        problem = await response.json()

    assert (response.status, problem["code"]) == (503, "node.stopping")
