"""Queries over HTTP: both clients, every refusal as a problem, the schemas beside the methods."""

import asyncio
import hashlib
import json

import aiohttp
import pytest

from hansa.client import AsyncClient, Client
from hansa.errors import Rejected
from ledger.queries import QUERIES
from node.api.routes_query import QUERIES_MAX
from node.api.server import ApiServer, ApiSettings
from node.contracts import describe_contracts
from node.local_node import LocalNode
from node.testing import LocalChain

DIGEST = hashlib.sha256(b"letter").digest()


@pytest.fixture
async def api():
    """A chain on which the farm registered a document, behind the real API."""
    with LocalChain() as chain:
        chain.submit([("doc", "register", {"id": "D", "digest": DIGEST})], "farm")
        node, settings = LocalNode(chain), ApiSettings(port=0)
        async with ApiServer(node, settings, version="1", contracts=describe_contracts) as server:
            yield server


async def test_both_clients_give_the_same_answer_with_the_head_it_is_for(api):
    args = {"contract": "doc", "id": "D"}
    async with AsyncClient(api.url) as client:
        told = await client.query("record", "history", args)

    def plainly():
        with Client(api.url) as client:
            return client.query("record", "history", args)

    (change,) = told.result["items"]
    assert await asyncio.to_thread(plainly) == told
    assert (told.contract, told.query, told.height) == ("record", "history", 1)
    assert (change["method"], change["by"], change["after"]) == ("doc.register", ["farm"], 1)
    assert told.time == change["time"]


async def test_bytes_are_shown_as_everywhere_in_the_api(api):
    async with AsyncClient(api.url) as client:
        record = (await client.query("record", "get", {"contract": "doc", "id": "D"})).result

    assert record["record"]["digest"] == DIGEST.hex()


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/query/doc/nothing", 404, "MISSING"),
        ("/v1/query/nothing/get", 404, "MISSING"),
        ('/v1/query/doc/get?args={"id":"X"}', 404, "MISSING"),
        ("/v1/query/doc/get", 422, "SCHEMA"),
        ("/v1/query/doc/get?args=nothing", 422, "SCHEMA"),
        ('/v1/query/doc/get?args={"id":"D","of":1}', 422, "SCHEMA"),
        ("/v1/query/doc/get?args=" + "1" * 7_000, 422, "LIMIT"),
        ("/v1/query/doc/get?id=D", 400, "api.parameter"),
        ("/v1/query/doc/%00", 400, "api.parameter"),
    ],
)
async def test_a_question_that_cannot_be_answered_is_a_problem(api, path, status, code):
    async with aiohttp.ClientSession(api.url) as http, http.get(path) as response:
        problem = json.loads(await response.read())

    assert (response.status, problem["code"]) == (status, code)
    assert problem["detail"]


async def test_a_refusal_reaches_the_caller_with_its_code_and_fields(api):
    async with AsyncClient(api.url) as client:
        with pytest.raises(Rejected) as caught:
            await client.query("doc", "get", {"id": "nothing"})

    assert (caught.value.code, "nothing" in caught.value.detail) == ("MISSING", True)
    assert caught.value.hint


async def test_the_schemas_of_all_queries_stand_beside_those_of_the_methods(api):
    async with AsyncClient(api.url) as client:
        described = await client.contracts()
    queries = described["queries"]

    assert {name: set(one) for name, one in queries.items()} == {
        name: set(one) for name, one in QUERIES.items()
    }
    assert queries["record"]["history"]["doc"].startswith("Every change of a record")
    assert "register" in described["doc"]


async def test_the_openapi_page_has_the_route(api):
    async with aiohttp.ClientSession(api.url) as http, http.get("/v1/openapi.json") as response:
        page = json.loads(await response.read())

    parameters = page["paths"]["/v1/query/{contract}/{query}"]["get"]["parameters"]
    assert [one["name"] for one in parameters] == ["contract", "query", "args"]


async def test_so_many_queries_are_answered_at_once_and_the_others_wait(api, monkeypatch):
    answered, inside, most = LocalNode.query, 0, 0

    async def slowly(node, *given):
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0.01)
        inside -= 1
        return await answered(node, *given)

    monkeypatch.setattr(LocalNode, "query", slowly)
    async with AsyncClient(api.url) as client:
        one = ("record", "get", {"contract": "doc", "id": "D"})
        told = await asyncio.gather(*(client.query(*one) for _ in range(4 * QUERIES_MAX)))

    assert most == QUERIES_MAX
    assert len({reply.height for reply in told}) == 1
