"""Crowds, sluggards and garbage at the API's door: refused cleanly, remembered nowhere."""

import asyncio
import datetime as dt
import ipaddress
import json
import os
import ssl
import sys
from pathlib import Path

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from hansa.client import AsyncClient
from hansa.errors import Corrupt
from node.api import ApiServer, ApiSettings, bodies, sse
from node.local_node import LocalNode
from node.testing import LocalChain

GROWTH_BYTES_MAX = 50 * 1024 * 1024
CROWD = """
import asyncio, json, sys

async def one(port, hold):
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /livez HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n")
        head = await reader.readuntil(b"\\r\\n")
    except (OSError, asyncio.IncompleteReadError):
        return "cut"
    hold.append(writer)
    return head.split()[1].decode()

async def main(port, count):
    hold, found = [], {}
    for start in range(0, count, 500):
        batch = (one(port, hold) for _ in range(min(500, count - start)))
        for status in await asyncio.gather(*batch):
            found[status] = found.get(status, 0) + 1
    print(json.dumps(found), flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    for writer in hold:
        writer.transport.abort()

asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
"""


def resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.fixture
def node():
    return LocalNode(LocalChain())


@pytest.fixture
def listening(node):
    """Serve the node with some settings."""

    def serve(**settings):
        return ApiServer(node, ApiSettings(port=0, **settings), version="0.1.0")

    return serve


def port_of(api):
    return int(api.url.rpartition(":")[2])


async def exchange(api, sent):
    """Everything that comes back for some bytes, until the server hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(api))
    writer.write(sent)
    try:
        return await reader.read()
    finally:
        writer.close()


def code_in(reply):
    return json.loads(reply.partition(b"\r\n\r\n")[2])["code"]


@pytest.mark.slow
@pytest.mark.integration
@pytest.mark.timeout(120)
async def test_of_ten_thousand_connections_one_thousand_are_served(listening, caplog):
    async with listening() as api:
        before = resident_bytes()
        crowd = await asyncio.create_subprocess_exec(
            sys.executable, "-c", CROWD, str(port_of(api)), "10000",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        found = json.loads(await crowd.stdout.readline())
        grown = resident_bytes() - before
        await crowd.communicate(b"\n")

    assert found["200"] == 1000
    assert sum(found.values()) == 10_000
    assert grown < GROWTH_BYTES_MAX
    assert "Traceback" not in caplog.text


async def test_a_connection_too_many_is_told_so_and_a_freed_place_is_given_again(listening):
    async with listening(connections_max=1) as api:
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(api))
        writer.write(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
        first = await reader.readline()
        refused = await exchange(api, b"")
        writer.write(b"GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        await reader.read()
        writer.close()
        again = await exchange(api, b"GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")

    assert first == b"HTTP/1.1 200 OK\r\n"
    assert refused.startswith(b"HTTP/1.1 503 ")
    assert code_in(refused) == "api.connections"
    assert again.startswith(b"HTTP/1.1 200 ")
    assert b"hansa_api_connections_refused_total 1.0" in api.metrics.text()


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64) + b"\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nBad\x00: 1\r\n\r\n",
        b"GET /" + b"a" * 10_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: 1\r\n" * 100 + b"\r\n",
        b"POST /v1/tx HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    ],
    ids=["tls", "version", "null in path", "null in header", "long line", "headers", "length"],
)
async def test_garbage_is_a_problem_without_a_traceback(listening, caplog, sent):
    async with listening() as api:
        reply = await exchange(api, sent)

    assert reply.startswith((b"HTTP/1.1 400 ", b"HTTP/1.0 400 "))
    assert code_in(reply) == "api.http"
    assert "Traceback" not in caplog.text
    assert b'hansa_api_problems_total{code="api.http"} 1.0' in api.metrics.text()


async def test_half_a_request_is_cut_after_a_while(listening):
    async with listening(idle_s=0.05) as api:
        reply = await exchange(api, b"GET /livez HTTP/1.1\r\nHost:")

    assert reply == b""


async def test_a_body_that_does_not_come_is_given_up(listening, monkeypatch):
    monkeypatch.setattr(bodies, "BODY_SECONDS_MAX", 0.05)
    head = b"POST /v1/tx HTTP/1.1\r\nHost: a\r\nContent-Type: application/msgpack\r\n"
    async with listening() as api:
        reply = await exchange(api, head + b"Connection: close\r\nContent-Length: 9\r\n\r\nabc")

    assert reply.startswith(b"HTTP/1.1 408 ")
    assert code_in(reply) == "api.slow-body"


async def test_bodies_share_one_budget(listening, monkeypatch):
    monkeypatch.setattr(bodies.BodyBudget.__init__, "__defaults__", (1000,))
    head = b"POST /v1/tx HTTP/1.1\r\nHost: a\r\nContent-Type: application/msgpack\r\n"
    async with listening() as api:
        _, writer = await asyncio.open_connection("127.0.0.1", port_of(api))
        writer.write(head + b"Content-Length: 900\r\n\r\n")
        async with aiohttp.ClientSession(api.url) as http:
            await (await http.get("/livez")).read()
            async with http.post("/v1/tx", data=b"x" * 200) as response:
                problem = await response.json(content_type=None)
        writer.close()

    assert (response.status, problem["code"]) == (503, "api.busy")
    assert response.headers["Retry-After"] == "1"


class LongNode(LocalNode):
    """A chain of a million blocks that look like its first."""

    @property
    def height(self):
        """Far away."""
        return 1_000_000

    async def block(self, height):
        """The first."""
        return await super().block(1)


async def test_a_reader_that_takes_nothing_is_dropped(monkeypatch):
    monkeypatch.setattr(sse, "STALL_SECONDS_MAX", 0.05)
    monkeypatch.setattr(sse, "LAST_WORD_SECONDS", 0.05)
    chain = LocalChain()
    chain.commit([chain.sign([("doc", "register", {})], "farm") for _ in range(200)])
    async with ApiServer(LongNode(chain), ApiSettings(port=0), version="0.1.0") as api:
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(api), limit=1024)
        writer.write(b"GET /v1/events?types=tx&from=1 HTTP/1.1\r\nHost: a\r\n\r\n")
        # The kernel's buffers take some; what is left makes the server wait, and then cut.
        async with asyncio.timeout(10), aiohttp.ClientSession(api.url) as http:
            while b'route="/v1/events",status="200"} 1.0' not in api.metrics.text():
                await (await http.get("/livez")).read()
            received = await reader.read()
        writer.close()

    assert not received.endswith(b"0\r\n\r\n")


class BrokenNode(LocalNode):
    """A node with a bug and a damaged store."""

    def status(self):
        """A bug."""
        raise AssertionError("secret detail")

    async def state(self, key):
        """Damage."""
        raise Corrupt("store.page", f"page of {key!r}", "restore it")


async def test_bugs_and_damage_are_problems_that_tell_no_secrets(caplog):
    settings = ApiSettings(port=0)
    async with (
        ApiServer(BrokenNode(LocalChain()), settings, version="0.1.0") as api,
        aiohttp.ClientSession(api.url) as http,
    ):
        async with http.get("/v1/status") as bug:
            problem = await bug.json(content_type=None)
        async with http.get("/v1/state/a") as damage:
            damaged = await damage.json(content_type=None)

    assert (bug.status, problem["code"]) == (500, "api.fault")
    assert "secret" not in json.dumps(problem)
    assert (damage.status, damaged["code"]) == (500, "store.page")
    assert "Traceback" not in caplog.text


def certificate(folder):
    """A self-signed certificate for loopback: (server context, client context)."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    start = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=36_500))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(Encoding.PEM)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "both.pem").write_bytes(private + pem)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "both.pem")
    return server, ssl.create_default_context(cadata=pem.decode())


async def test_beyond_loopback_it_speaks_tls_and_wants_a_token(node, tmp_path):
    server, trusted = certificate(tmp_path)
    settings = ApiSettings(host="0.0.0.0", port=0, tls=server)  # noqa: S104
    async with ApiServer(node, settings, version="0.1.0") as api:
        url = f"https://127.0.0.1:{port_of(api)}"
        async with aiohttp.ClientSession(url) as http:
            async with http.get("/livez", ssl=trusted) as live:
                pass
            async with http.get("/v1/status", ssl=trusted) as closed:
                problem = await closed.json(content_type=None)
        async with AsyncClient(url, tls=trusted) as client:
            ready = await client.ready()

    assert (live.status, closed.status, problem["code"]) == (200, 401, "api.identity")
    assert ready.ready
