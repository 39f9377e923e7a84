"""Reading a real chain in this process over real sockets."""

import aiohttp
import msgspec
import pytest

from hansa.client.types import Status, TransactionReply
from hansa.proof import decode_trust, parse_proof, verify_proof
from hansa.signing import verify
from node.api import ApiServer, ApiSettings
from node.contracts import describe_contracts
from node.local_node import LocalNode
from node.testing import LocalChain
from tests.unit.node.doors import MSGPACK, get, post, register


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


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "api.not-found"),
        ("GET", "/v1/tx", 405, "api.method"),
        ("POST", "/v1/status", 405, "api.method"),
        ("PUT", "/v1/status", 405, "api.method"),
        ("BREW", "/v1/status", 400, "api.http"),
        ("GET", "/v1/status?full=1", 400, "api.parameter"),
        ("GET", "/v1/tx/12", 400, "api.parameter"),
        ("GET", "/v1/tx/" + "A" * 64, 400, "api.parameter"),
        ("GET", "/v1/tx/" + "0" * 64, 404, "tx.not-found"),
        ("GET", "/v1/tx/" + "0" * 64 + "/proof", 404, "tx.not-found"),
        ("GET", "/v1/blocks/7", 404, "block.not-found"),
        ("GET", "/v1/blocks/-1", 400, "api.parameter"),
        ("GET", "/v1/blocks/99999999999999999999", 400, "api.parameter"),
        ("GET", "/v1/blocks/9999999999999999999", 400, "api.parameter"),
        ("GET", "/v1/blocks?limit=0", 400, "api.parameter"),
        ("GET", "/v1/blocks?limit=1.5", 400, "api.parameter"),
        ("GET", "/v1/blocks?cursor=*", 400, "api.parameter"),
        ("GET", "/v1/blocks?cursor=", 400, "api.parameter"),
        ("GET", "/v1/blocks?cursor=eA", 400, "api.parameter"),
        ("GET", "/v1/state/a%00b", 400, "api.parameter"),
        ("GET", "/v1/state/a?prove=maybe", 400, "api.parameter"),
        ("GET", "/v1/state/a?prove=true", 503, "proof.too-early"),
        ("GET", "/v1/state/" + "k" * 600, 400, "api.parameter"),
        ("GET", "/v1/records/doc/none", 404, "record.not-found"),
        ("GET", "/v1/scan", 400, "api.parameter"),
        ("GET", "/v1/trace", 400, "api.parameter"),
        ("GET", "/v1/trace?id=x", 404, "trace.not-found"),
        ("GET", "/v1/events?types=blocks", 400, "api.parameter"),
        ("GET", "/v1/events?from=x", 400, "api.parameter"),
        ("POST", "/v1/tx?wait=maybe", 400, "api.parameter"),
        ("POST", "/v1/tx?timeout=soon", 400, "api.parameter"),
    ],
)
async def test_what_is_not_there_is_a_problem(http, method, path, status, code):
    async with http.request(method, path) as response:
        problem = await response.json(content_type=None)

    assert (response.status, problem["code"]) == (status, code)


async def test_every_reply_names_the_version(http):
    _, _, headers = await get(http, "/v1/status")
    _, _, problem_headers = await get(http, "/nowhere")

    assert (headers["Hansa-Version"], problem_headers["Hansa-Version"]) == ("0.1.0", "0.1.0")


async def test_a_transaction_shows_fate_content_and_receipt_and_may_be_kept(http, chain):
    signed = register(chain, "a")
    await post(http, "/v1/tx?wait=commit", signed.raw, MSGPACK)
    path = f"/v1/tx/{signed.tx_id.hex()}"
    status, reply, headers = await get(http, path)
    shown = msgspec.convert(reply, TransactionReply)
    async with http.get(path, headers={"If-None-Match": headers["ETag"]}) as again:
        kept = again.status

    assert status == 200
    assert shown.transaction.calls[0].method == "register"
    assert shown.transaction.calls[0].args["id"] == "a"
    assert shown.receipt.code == "OK"
    assert "immutable" in headers["Cache-Control"]
    assert kept == 304


async def test_a_pending_transaction_is_shown_and_not_kept(http, chain, node):
    node.hold()
    signed = register(chain, "a")
    await post(http, "/v1/tx", signed.raw, MSGPACK)
    status, reply, headers = await get(http, f"/v1/tx/{signed.tx_id.hex()}?wait=commit&timeout=0s")

    assert (status, reply["fate"]["state"]) == (200, "pending")
    assert reply["transaction"]["tx_hash"] == signed.tx_hash.hex()
    assert headers["Cache-Control"] == "no-store"


async def test_blocks_are_paged_from_the_head_down(http, chain):
    chain.commit([register(chain, "a"), register(chain, "b")])
    chain.advance(60_000)
    _, first, _ = await get(http, "/v1/blocks?limit=2")
    _, rest, _ = await get(http, f"/v1/blocks?cursor={first['next']}")

    assert [(item["height"], item["txs"]) for item in first["items"]] == [(2, 0), (1, 2)]
    assert [item["height"] for item in rest["items"]] == [0]
    assert rest["next"] is None


async def test_a_block_names_who_committed_it(http, chain):
    signed = register(chain, "a")
    chain.commit([signed])
    _, block, headers = await get(http, "/v1/blocks/1")
    _, latest, fresh = await get(http, "/v1/blocks/latest")

    assert block == latest
    assert block["certificate"]["signers"] == ["node0", "node1", "node2"]
    assert block["transactions"][0]["tx_id"] == signed.tx_id.hex()
    assert block["transactions"][0]["calls"] == ["doc.register"]
    assert block["header"]["chain_id"] == chain.chain_id
    assert "ETag" in headers
    assert "ETag" not in fresh


async def test_state_records_and_scans_show_values(http, chain):
    chain.commit([register(chain, "a")])
    _, state, _ = await get(http, "/v1/state/org/member/farm")
    _, absent, _ = await get(http, "/v1/state/no%2Fsuch")
    _, record, _ = await get(http, "/v1/records/doc/a")
    _, page, _ = await get(http, "/v1/scan?prefix=org/member/&limit=3")
    _, rest, _ = await get(http, f"/v1/scan?prefix=org/member/&cursor={page['next']}")

    assert state["value"]["names"] == {"en": "Farm"}
    assert (absent["key"], absent["present"]) == ("no/such", False)
    assert record["record"]["id"] == "a"
    assert len(page["items"]) == 3
    assert [item["key"] for item in rest["items"]] == ["org/member/roastery"]
    assert rest["next"] is None


async def test_proofs_that_the_api_hands_out_hold(http, chain):
    signed = register(chain, "a")
    chain.commit([signed])
    paths = [
        f"/v1/tx/{signed.tx_id.hex()}/proof",
        "/v1/proof/state/doc/record/a",
        "/v1/state/doc/record/b?prove=true",
    ]
    files = []
    for path in paths:
        async with http.get(path) as response:
            files.append(await response.read())
    async with http.get("/v1/trust") as response:
        trust = decode_trust(await response.read())

    verdicts = [verify_proof(parse_proof(file), trust, verify) for file in files]
    assert [verdict.on_chain.verdict for verdict in verdicts] == ["ok"] * 3


async def test_the_node_describes_itself_without_a_quorum(http, node):
    node.hold()
    _, status, _ = await get(http, "/v1/status")
    _, peers, _ = await get(http, "/v1/peers")
    _, consensus, _ = await get(http, "/v1/consensus")
    _, contracts, _ = await get(http, "/v1/contracts")
    live, _, _ = await get(http, "/livez")

    assert msgspec.convert(status, Status).quorum.reached is False
    assert [peer["connected"] for peer in peers["items"]] == [False] * 3
    assert consensus["height"] == 1
    assert "register" in contracts["doc"]
    assert live == 200


async def test_ready_names_the_failed_checks(http, node):
    ready, _, _ = await get(http, "/readyz")
    node.hold()
    status, problem, _ = await get(http, "/readyz")
    _, verbose, _ = await get(http, "/readyz?verbose")

    assert ready == 200
    assert (status, problem["code"]) == (503, "node.not-ready")
    assert [check["name"] for check in problem["checks"]] == ["quorum"]
    assert [check["name"] for check in verbose["checks"]] == ["synced", "quorum"]


async def test_metrics_hold_the_nodes_and_the_apis_figures(http):
    await get(http, "/v1/status")
    async with http.get("/metrics") as response:
        text = await response.text()

    assert "hansa_consensus_height 0" in text
    assert 'route="/v1/status",status="200"} 1.0' in text
