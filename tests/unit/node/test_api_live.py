"""Streams, access, and the page that describes the API."""

import asyncio
import hashlib

import aiohttp
import msgspec
import pytest

from hansa.client.types import Submitted
from hansa.errors import Rejected, Unavailable
from node.api import ApiServer, ApiSettings, Token
from node.api.access import Access
from node.api.openapi import openapi
from node.contracts import describe_contracts
from node.local_node import LocalNode
from node.testing import LocalChain
from tests.unit.node.doors import get, register


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


async def lines_until(response, mark):
    """The lines of a stream up to one that holds `mark`."""
    lines = []
    while True:
        lines.append((await response.content.readline()).decode().rstrip("\n"))
        if mark in lines[-1]:
            return lines


async def test_events_resume_where_the_reader_stopped(http, chain):
    chain.commit([register(chain, "a"), register(chain, "b")])
    chain.commit([register(chain, "c")])
    async with http.get("/v1/events?types=block,tx&from=1") as response:
        first = await lines_until(response, '"height":2,"index":0')
    headers = {"Last-Event-ID": "1.0"}
    async with http.get("/v1/events?types=block,tx", headers=headers) as response:
        resumed = await lines_until(response, '"height":2,"index":0')

    ids = [line for line in first if line.startswith("id: ")]
    assert ids == ["id: 0.999999", "id: 1", "id: 1.0", "id: 1.1", "id: 2", "id: 2.0"]
    assert [line for line in resumed if line.startswith("id: ")][1:] == ids[3:]


async def test_events_wait_for_new_blocks_and_end_when_the_node_stops(node, chain):
    async with aiohttp.ClientSession() as session:
        async with ApiServer(node, ApiSettings(port=0), version="0.1.0") as api:
            response = await session.get(f"{api.url}/v1/events", headers={"Last-Event-ID": "0"})
            await response.content.readline()
            await node.submit([register(chain, "a").raw])
            seen = await lines_until(response, '"height":1')
            stopping = asyncio.ensure_future(lines_until(response, "node.stopping"))
            await node.submit([register(chain, "b").raw])
        await stopping
        response.close()

    assert "event: block" in seen


async def test_streams_are_bounded(http):
    async with http.get("/v1/events"), http.get("/v1/events"):
        status, problem, headers = await get(http, "/v1/events")

    assert (status, problem["code"], headers["Retry-After"]) == (503, "api.subscribers", "5")


async def test_a_wrong_cursor_of_events_is_refused(http):
    status, problem, _ = await get(http, "/v1/events", headers={"Last-Event-ID": "x"})

    assert (status, problem["code"]) == (400, "api.parameter")


SECRET = "hsa_sesame"  # noqa: S105


@pytest.fixture
async def guarded(node):
    digest = hashlib.sha256(SECRET.encode()).digest()
    settings = ApiSettings(
        port=0,
        tokens=(Token("reader", digest, frozenset({"read"})),),
        anonymous=frozenset(),
        rate_per_s=2,
    )
    async with (
        ApiServer(node, settings, version="0.1.0", clock=lambda: 0.0) as server,
        aiohttp.ClientSession(server.url) as session,
    ):
        yield session


@pytest.mark.parametrize(
    ("method", "path", "token", "expected"),
    [
        ("GET", "/v1/status", None, (401, "api.identity")),
        ("GET", "/v1/status", f"Bearer {SECRET}x", (401, "api.identity")),
        ("GET", "/v1/status", f"Basic {SECRET}", (401, "api.identity")),
        ("GET", "/v1/status", "Bearer " + "x" * 1000, (401, "api.identity")),
        ("POST", "/v1/tx", f"Bearer {SECRET}", (403, "api.permission")),
    ],
)
async def test_identity_then_permission(guarded, method, path, token, expected):
    headers = {} if token is None else {"Authorization": token}
    async with guarded.request(method, path, headers=headers) as response:
        problem = await response.json(content_type=None)

    assert (response.status, problem["code"]) == expected


async def test_a_token_opens_what_its_scope_says(guarded):
    status, _, _ = await get(guarded, "/v1/status", headers={"Authorization": f"Bearer {SECRET}"})
    public, _, _ = await get(guarded, "/livez")

    assert (status, public) == (200, 200)


async def test_too_many_calls_are_told_when_to_come_again(guarded):
    headers = {"Authorization": f"Bearer {SECRET}"}
    answers = [await get(guarded, "/v1/status", headers=headers) for _ in range(5)]

    assert [status for status, _, _ in answers] == [200] * 4 + [429]
    assert answers[-1][1]["code"] == "api.rate"
    assert answers[-1][2]["Retry-After"] == "1"


def test_rates_recover_with_time_and_forget_the_longest_silent():
    now = [0.0]
    access = Access((), frozenset({"read"}), 1, lambda: now[0])
    caller = type("Call", (), {"headers": {}, "remote": "1.2.3.4"})
    known = access.identify(caller)
    access.limit(known)
    access.limit(known)
    with pytest.raises(Rejected, match=r"api\.rate"):
        access.limit(known)
    now[0] = 1.0

    access.limit(known)


def test_beyond_loopback_tls_is_a_must(node):
    with pytest.raises(Rejected, match=r"api\.tls"):
        ApiServer(node, ApiSettings(host="0.0.0.0", port=0), version="0.1.0")  # noqa: S104


async def test_a_port_that_is_taken_is_said_so(api, node):
    port = int(api.url.rpartition(":")[2])
    with pytest.raises(Unavailable, match=r"api\.port-taken"):
        async with ApiServer(node, ApiSettings(port=port), version="0.1.0"):
            pass


async def test_an_address_that_is_not_here_is_said_so(node):
    with pytest.raises(Unavailable, match=r"api\.listen"):
        async with ApiServer(node, ApiSettings(host="::1%nowhere", port=0), version="0.1.0"):
            pass


def test_the_openapi_page_is_whole(api):
    page = openapi(api.routes, "0.1.0")
    text = msgspec.json.encode(page).decode()
    wanted = {part.split('"')[0] for part in text.split('"#/components/schemas/')[1:]}

    assert page["openapi"] == "3.1.0"
    assert wanted <= set(page["components"]["schemas"])
    assert "/v1/state/{key}" in page["paths"]
    assert page["paths"]["/livez"]["get"]["security"] == []


async def test_the_openapi_page_is_served(http, api):
    _, page, _ = await get(http, "/v1/openapi.json")

    assert page == msgspec.json.decode(msgspec.json.encode(openapi(api.routes, "0.1.0")))


def test_shapes_that_are_sent_can_be_read_back():
    shape = Submitted(tx_id="ab", expires_at=1)

    assert msgspec.json.decode(msgspec.json.encode(shape), type=Submitted) == shape
